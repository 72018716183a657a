//! Requests that go the whole way: a name of the zone, the address that it leads to, the Gateway's real Envoy, the workload.

mod authority;
mod brought;
mod certificates;
mod controller;
mod controllers;
mod deletion;
mod given;
mod issuers;
mod load;
mod take_over;
mod tls;
mod wildcards;

pub(crate) use self::tls::Proof;

use causeway_testkit::{
    Cleanup, DOMAIN, Harness, INSTALLED, Visitor, add_domain_name, add_workload_of, answering, api, eventually,
    harness, id_of,
    kinds::{CERTIFICATE, Gvk, POD},
    object_name,
    objects::goes,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, DynamicObject, ListParams, PostParams},
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A workload that answers with its own name, and its gateway.
struct Answering {
    name: String,
    workload: i64,
    definition: i64,
    gateway: i64,
}

impl Answering {
    /// Until the gateway is Ready.
    async fn start(harness: &Harness, what: &str, domain: i64, ports: Value) -> Self {
        let name = harness.name(what);
        let served = Self::begin(harness, &name, &answering(&name), Some(domain), ports).await;
        served.until_ready(harness).await;
        served
    }

    /// The same with other manifests, without waiting.
    async fn begin(harness: &Harness, name: &str, manifests: &str, domain: Option<i64>, ports: Value) -> Self {
        let workload = add_workload_of(&harness.client, harness.runtime, name, manifests).await.unwrap();
        let definition = harness.definition(name, domain, ports).await.unwrap();
        let body = harness.instance(name, definition, workload);
        let gateway = id_of(&harness.client.create("gateway-instances", &body).await.unwrap()).unwrap();
        Self { name: name.to_owned(), workload, definition, gateway }
    }

    async fn until_ready(&self, harness: &Harness) {
        harness.client.until_ready("gateway-instances", self.gateway, INSTALLED).await.unwrap();
    }

    /// Has the hostnames of its gateway published. Returns the domain name instance.
    async fn publish(&self, harness: &Harness, domain: i64) -> i64 {
        let id = add_domain_name(&harness.client, harness.runtime, &self.name, domain, self.workload).await.unwrap();
        harness.client.until_ready("domain-name-instances", id, INSTALLED).await.unwrap();
        id
    }
}

/// A domain whose certificates come from the rig's authority.
async fn signed_domain(harness: &Harness, name: &str, challenge: &str, wait: u32) -> i64 {
    let acme = &harness.endpoints.acme;
    let body = json!({
        "Name": name, "Domain": format!("{name}.{DOMAIN}"), "Zone": "Public", "AdminEmail": "ops@test.example", "TTL": 1,
        "AcmeServer": acme.directory, "AcmeCABundle": acme.ca, "AcmeChallenge": challenge, "AcmeWaitSeconds": wait,
    });
    id_of(&harness.client.create("domain-name-definitions", &body).await.unwrap()).unwrap()
}

/// All objects of a kind; none where nobody has installed it yet.
async fn all_of(kube: &kube::Client, kind: Gvk<'_>) -> Result<Vec<DynamicObject>, String> {
    match api(kube, kind, None).list(&ListParams::default()).await {
        Ok(all) => Ok(all.items),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(vec![]),
        Err(error) => Err(error.to_string()),
    }
}

/// The Certificate of a hostname, and those of its namespace.
async fn certificate_of(harness: &Harness, hostname: &str) -> (Api<DynamicObject>, DynamicObject) {
    let kube = harness.kube().await.unwrap();
    let all = all_of(&kube, CERTIFICATE).await.unwrap();
    let is_of_host = |certificate: &DynamicObject| certificate.data["spec"]["dnsNames"][0] == hostname;
    let found = all.into_iter().find(is_of_host).expect("there is one for the name");
    (api(&kube, CERTIFICATE, found.metadata.namespace.as_deref()), found)
}

/// Has the certificate of a hostname issued anew, as `cmctl renew` does: after a failure cert-manager itself waits for an hour. Returns it as it was.
async fn renew(harness: &Harness, hostname: &str) -> (Api<DynamicObject>, DynamicObject) {
    let (there, found) = certificate_of(harness, hostname).await;
    let name = found.name_any();
    let was = eventually("it is issued anew", async || {
        let was = there.get(&name).await.map_err(|error| error.to_string())?;
        let mut renewed = was.clone();
        let conditions = renewed.data["status"]["conditions"].as_array_mut().ok_or("it has no conditions yet")?;
        conditions.retain(|condition| condition["type"] != "Issuing");
        conditions.push(json!({
            "type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "message": "renewed by hand",
            "lastTransitionTime": chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            "observedGeneration": was.metadata.generation,
        }));
        // Others write its status, too.
        there.replace_status(&name, &PostParams::default(), &renewed).await.map_err(|error| error.to_string())?;
        Ok::<_, String>(was)
    })
    .await;
    (there, was)
}

/// Waits until a URL answers 200 with this text. Conditions say that everything was told to serve, not that it does.
async fn answers(visitor: &Visitor, url: &str, text: &str) {
    eventually(&format!("{url} answers {text}"), async || match visitor.get(url).await {
        Ok(answer) if answer.code == 200 && answer.text == text => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
}

/// The certificate that proves the host of a URL.
async fn presented(visitor: &Visitor, url: &str) -> Vec<u8> {
    eventually(&format!("{url} is answered over TLS"), async || {
        let answer = visitor.get(url).await.map_err(|error| format!("{error:#}"))?;
        answer.certificate.map(|certificate| certificate.to_vec()).ok_or_else(|| "without a certificate".to_owned())
    })
    .await
}

#[tokio::test]
async fn a_request_by_name_gets_the_answer_of_the_workload() {
    let harness = harness().await;
    let name = harness.name("named");
    let domain = harness.domain(&name).await.unwrap();
    let ports = json!({
        "HttpPorts": [{"Port": 80}], "TcpPorts": [{"Port": 21080, "ServicePort": 8000}],
        "UdpPorts": [{"Port": 21053, "ServicePort": 53}],
    });
    let served = Answering::start(harness, "named", domain, ports).await;
    served.publish(harness, domain).await;

    let (visitor, host) = (Visitor::new(&harness.endpoints), format!("{name}.{DOMAIN}"));
    answers(&visitor, &format!("http://{host}/"), &served.name).await;
    answers(&visitor, &format!("http://{host}/any/path"), &served.name).await;
    eventually("a TCP connection leads to the workload", async || {
        let answer = by_tcp(&visitor, &host, 21080).await.map_err(|error| format!("{error:#}"))?;
        if answer.contains(&served.name) { Ok(()) } else { Err(answer) }
    })
    .await;
    eventually("a datagram leads to the workload, and the answer back", async || {
        let answer = visitor.datagram(&host, 21053, "echo hello").await.map_err(|error| format!("{error:#}"))?;
        if answer == "hello" { Ok(()) } else { Err(answer) }
    })
    .await;
}

/// Pods go when nodes are drained or Deployments are rolled out, and those that come after them have other addresses.
#[tokio::test]
async fn requests_arrive_again_after_the_proxy_and_the_workloads_pods_were_replaced() {
    let harness = harness().await;
    let name = harness.name("replaced");
    let domain = harness.domain(&name).await.unwrap();
    let own = json!({"Placement": "Dedicated", "HttpPorts": [{"Port": 80}]});
    let served = Answering::start(harness, "replaced", domain, own).await;
    let _cleanup = Cleanup::new(&harness.client, &[("gateway-instances", served.gateway)]);
    served.publish(harness, domain).await;
    let (visitor, url) = (Visitor::new(&harness.endpoints), format!("http://{name}.{DOMAIN}/"));
    answers(&visitor, &url, &served.name).await;

    let kube = harness.kube().await.unwrap();
    let namespace = object_name(&served.name, served.workload);
    let proxies = format!("gateway.envoyproxy.io/owning-gateway-namespace={namespace}");
    for (place, selector, count) in [(None, proxies.as_str(), 1), (Some(namespace.as_str()), "app=web", 2)] {
        let pods = api(&kube, POD, place);
        let before = pods.list(&ListParams::default().labels(selector)).await.unwrap().items;
        assert_eq!(before.len(), count, "{selector}");
        for pod in &before {
            let there = api(&kube, POD, pod.metadata.namespace.as_deref());
            there.delete(&pod.name_any(), &DeleteParams::default()).await.unwrap();
            goes(&there, &pod.name_any(), "the pod is gone").await;
        }
        answers(&visitor, &url, &served.name).await;
    }
}

/// What comes back on a plain connection.
async fn by_tcp(visitor: &Visitor, host: &str, port: u16) -> anyhow::Result<String> {
    let mut stream = visitor.connect(host, port).await?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn two_workloads_answer_on_one_hostname_by_path() {
    let harness = harness().await;
    let name = harness.name("shared");
    let domain = harness.domain(&name).await.unwrap();
    let front = Answering::start(harness, "front", domain, json!({"HttpPorts": [{"Port": 80, "Path": "/"}]})).await;
    let back = Answering::start(harness, "back", domain, json!({"HttpPorts": [{"Port": 80, "Path": "/api"}]})).await;
    front.publish(harness, domain).await;

    let (visitor, host) = (Visitor::new(&harness.endpoints), format!("{name}.{DOMAIN}"));
    for (path, owner) in [("/", &front), ("/apis", &front), ("/api", &back), ("/api/orders", &back)] {
        answers(&visitor, &format!("http://{host}{path}"), &owner.name).await;
    }
}
