//! A domain with a gateway and a hosted zone of one test.

use causeway_rig::Knobs;
use causeway_testkit::{
    Cleanup, Harness, INSTALLED, add_domain_name, condition, harness, id_of, object_name, unique_name, within,
    zone::{Records, records_of},
};
use serde_json::{Value, json};

/// A workload with a gateway of its own and a domain of its own, which has a zone of its own. The domain's records are published.
pub(crate) struct Site {
    pub(crate) harness: &'static Harness,
    pub(crate) name: String,
    pub(crate) domain_name: String,
    pub(crate) workload: i64,
    pub(crate) domain: i64,
    pub(crate) gateway: i64,
    pub(crate) published: i64,
    /// For a test that fails; one that passes has deleted all by then.
    _cleanup: Cleanup,
}

impl Site {
    /// The name of a domain of this test.
    pub(crate) fn of(what: &str) -> (String, String) {
        let name = unique_name(what);
        (name.clone(), format!("{name}.zones.example"))
    }

    /// `domain` is added to the domain, `gateway` to the gateway definition.
    pub(crate) async fn start((name, domain_name): (String, String), domain: Value, gateway: Value) -> Self {
        let harness = harness().await;
        let workload = harness.workload(&name).await.unwrap();
        let body = with(
            json!({"Name": name, "Domain": domain_name, "Zone": "Public", "AdminEmail": "ops@zones.example", "TTL": 1,
                "IssuerKind": "SelfSigned"}),
            domain,
        );
        let domain = id_of(&harness.client.create("domain-name-definitions", &body).await.unwrap()).unwrap();
        let more = with(json!({"Placement": "Dedicated", "HttpPorts": [{"Port": 80}]}), gateway);
        let definition = harness.definition(&name, Some(domain), more).await.unwrap();
        let body = harness.instance(&name, definition, workload);
        let gateway = id_of(&harness.client.create("gateway-instances", &body).await.unwrap()).unwrap();
        let published = add_domain_name(&harness.client, harness.runtime, &name, domain, workload).await.unwrap();
        let records = [("gateway-instances", gateway), ("domain-name-instances", published)];
        let cleanup = Cleanup::new(&harness.client, &records);
        Self { harness, name, domain_name, workload, domain, gateway, published, _cleanup: cleanup }
    }

    pub(crate) async fn until_published(&self) {
        self.harness.client.until_ready("domain-name-instances", self.published, INSTALLED).await.unwrap();
    }

    /// Waits until the records are not published for this reason, in a sentence that has all these words.
    pub(crate) async fn until_it_says(&self, reason: &str, words: &[&str]) {
        within(INSTALLED, "it says why", async || {
            let record = self.harness.client.get("domain-name-instances", self.published).await.unwrap();
            let step = condition(&record, "DnsPublished").cloned().unwrap_or_default();
            let message = step["Message"].as_str().unwrap_or_default();
            let is_it = step["Status"] == "False" && step["Reason"] == reason;
            let all = is_it && words.iter().all(|word| message.contains(word));
            if all { Ok(()) } else { Err(format!("{record:#}")) }
        })
        .await;
    }

    pub(crate) async fn change_domain(&self, change: Value) {
        self.harness.client.patch("domain-name-definitions", self.domain, &change).await.unwrap();
    }

    /// The zone's records of addresses and names, sorted: `A www.example.org`.
    pub(crate) async fn zone(&self, zone: &str) -> Vec<String> {
        hosts(&self.records(zone).await)
    }

    pub(crate) async fn records(&self, zone: &str) -> Records {
        records_of(&self.harness.endpoints, zone).await.unwrap()
    }

    pub(crate) async fn until_empty(&self, zone: &str) {
        within(INSTALLED, "the zone is empty, with the ownership records", async || {
            let left = self.records(zone).await;
            if left.is_empty() { Ok(()) } else { Err(left) }
        })
        .await;
    }

    pub(crate) async fn until_holds(&self, zone: &str, wanted: &[String]) {
        within(INSTALLED, "the zone holds these records", async || {
            let found = self.zone(zone).await;
            if found == wanted { Ok(()) } else { Err(found) }
        })
        .await;
    }

    pub(crate) fn knobs(&self) -> Knobs {
        Knobs::new(&self.harness.endpoints)
    }

    /// Has the cloud's load balancer give the Gateway these addresses.
    pub(crate) async fn set_ingress(&self, ingress: Option<Value>) {
        let (namespace, name) = (object_name(&self.name, self.workload), object_name(&self.name, self.gateway));
        self.knobs().set_ingress(&namespace, &name, ingress.as_ref()).await.unwrap();
    }

    pub(crate) async fn delete(self) {
        self.harness.client.delete_and_wait("domain-name-instances", self.published, INSTALLED).await.unwrap();
        self.delete_gateway().await;
    }

    /// For a site whose domain name instance is gone.
    pub(crate) async fn delete_gateway(&self) {
        self.harness.client.delete_and_wait("gateway-instances", self.gateway, INSTALLED).await.unwrap();
    }
}

fn with(mut body: Value, more: Value) -> Value {
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// The records that are neither ownership records nor another tool's texts.
fn hosts(records: &Records) -> Vec<String> {
    let names = records.keys().filter(|(_, kind)| kind != "TXT");
    let mut names: Vec<_> = names.map(|(name, kind)| format!("{kind} {}", name.trim_end_matches('.'))).collect();
    names.sort();
    names
}
