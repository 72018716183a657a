//! The sample: one record of every kind that a workload needs to be reached from outside.

use std::time::Duration;

use anyhow::Result;
use causeway_rig::Endpoints;
use causeway_testkit::{ApiClient, id_of};
use serde_json::{Value, json};

/// A web shop that also answers on a TCP and on a UDP port.
const MANIFESTS: &str = include_str!("../../../deploy/samples/shop.yaml");

/// What was made, in the order of making.
pub(crate) struct Sample {
    client: ApiClient,
    made: Vec<Made>,
}

/// A record of the sample.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) plural: &'static str,
    pub(crate) id: i64,
    /// Whether workers reconcile it.
    pub(crate) reconciled: bool,
}

impl Sample {
    pub(crate) fn new(client: ApiClient) -> Self {
        Self { client, made: vec![] }
    }

    /// Makes all records through the API.
    pub(crate) async fn create(&mut self, endpoints: &Endpoints, domain: &str) -> Result<()> {
        let (cluster, acme) = (endpoints.cluster(), &endpoints.acme);
        let of = self.make("kubernetes-runtime-definitions", json!({"Name": "local", "InfraProvider": "kind"})).await?;
        let runtime = json!({
            "Name": "local", "Location": "Local", "KubernetesRuntimeDefinitionID": of, "DefaultRuntime": true,
            "APIEndpoint": cluster.server, "CACertificate": cluster.ca,
            "Certificate": cluster.causeway.certificate, "CertificateKey": cluster.causeway.key,
        });
        let runtime = self.make("kubernetes-runtime-instances", runtime).await?;
        let of = self.make("workload-definitions", json!({"Name": "shop", "YAMLDocument": MANIFESTS})).await?;
        let workload = json!({"Name": "shop", "KubernetesRuntimeInstanceID": runtime, "WorkloadDefinitionID": of});
        let workload = self.make("workload-instances", workload).await?;
        let domain = json!({
            "Name": "example", "Domain": domain, "Zone": "Public", "AdminEmail": "ops@example.test",
            "TTL": 3, "AcmeServer": acme.directory, "AcmeCABundle": acme.ca,
            // cert-manager's own look at the proof takes over a minute.
            "AcmeWaitSeconds": 1,
        });
        let domain = self.make("domain-name-definitions", domain).await?;
        let gateway = json!({
            "Name": "shop", "DomainNameDefinitionID": domain, "SubDomain": "www", "ServiceName": "shop",
            "HttpPorts": [
                {"Port": 80, "HTTPSRedirect": true},
                {"Port": 443, "TLSEnabled": true},
            ],
            "TcpPorts": [{"Port": 5432}],
            "UdpPorts": [{"Port": 8125}],
        });
        let gateway = self.make("gateway-definitions", gateway).await?;
        let placed = json!({"KubernetesRuntimeInstanceID": runtime, "WorkloadInstanceID": workload, "Name": "shop"});
        self.make("gateway-instances", with(&placed, "GatewayDefinitionID", gateway)).await?;
        self.make("domain-name-instances", with(&placed, "DomainNameDefinitionID", domain)).await?;
        Ok(())
    }

    async fn make(&mut self, plural: &'static str, body: Value) -> Result<i64> {
        let record = self.client.create(plural, &body).await?;
        let id = id_of(&record)?;
        self.made.push(Made { plural, id, reconciled: record.get("Generation").is_some() });
        Ok(id)
    }

    /// Those that workers reconcile.
    pub(crate) fn records(&self) -> Vec<Made> {
        self.made.iter().filter(|made| made.reconciled).cloned().collect()
    }

    /// The id of the one record of this path.
    pub(crate) fn id(&self, plural: &str) -> i64 {
        self.made.iter().find(|made| made.plural == plural).map_or(0, |made| made.id)
    }

    /// Asks for the deletion of what is in the cluster, the last made first. The cluster itself stays on record, with its support services.
    pub(crate) async fn delete(&self) -> Result<()> {
        for plural in ["gateway-instances", "domain-name-instances"] {
            self.client.delete(plural, self.id(plural)).await?;
        }
        for plural in ["gateway-instances", "domain-name-instances"] {
            self.client.until_gone(plural, self.id(plural), Duration::from_secs(120)).await?;
        }
        for plural in ["workload-instances", "gateway-definitions", "domain-name-definitions"] {
            self.client.delete(plural, self.id(plural)).await?;
        }
        self.client.delete("workload-definitions", self.id("workload-definitions")).await?;
        Ok(())
    }

    /// Waits until all of it answers 404.
    pub(crate) async fn until_gone(&self, deadline: Duration) -> Result<()> {
        for made in self.made.iter().filter(|made| !made.plural.starts_with("kubernetes-runtime")) {
            self.client.until_gone(made.plural, made.id, deadline).await?;
        }
        Ok(())
    }
}

fn with(record: &Value, key: &str, value: i64) -> Value {
    let mut record = record.clone();
    record[key] = value.into();
    record
}
