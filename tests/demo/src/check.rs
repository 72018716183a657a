//! Checks that the cluster and the zone hold exactly what the sample needs, and afterwards that all of it is gone.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use causeway_rig::{Endpoints, JournalEntry, Knobs};
use causeway_testkit::{
    Kubectl,
    kinds::{CONTROL_PLANE, OWNER},
    zone::records_of,
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::view::View;

/// Everything that the sample itself has made; support services are other records' objects.
const OWN_KINDS: &str = "gatewayclasses,gateways,listenersets,httproutes,tcproutes,udproutes,certificates,clusterissuers,dnsendpoints,namespaces,services,deployments,secrets";

pub(crate) struct Check<'a> {
    pub(crate) endpoints: &'a Endpoints,
    pub(crate) kubectl: Kubectl,
    pub(crate) zone: &'a str,
    pub(crate) host: String,
}

impl Check<'_> {
    /// After the creation.
    pub(crate) async fn is_there(&self) -> Result<()> {
        let gateway = self.one("gateways").await?;
        let own: Vec<Value> = listeners(&gateway);
        let wanted = [
            json!(["http-80", 80, "HTTP", null]),
            json!(["tcp-5432", 5432, "TCP", null]),
            json!(["udp-8125", 8125, "UDP", null]),
        ];
        ensure!(own == wanted, "Gateway: {own:?}");
        let set = listeners(&self.one("listenersets").await?);
        let wanted = [json!([80, "HTTP", self.host]), json!([443, "HTTPS", self.host])];
        let got: Vec<Value> = set.iter().map(|listener| json!([listener[1], listener[2], listener[3]])).collect();
        ensure!(got == wanted, "ListenerSet: {got:?}");
        View::checked("Gateway and ListenerSet have exactly the wanted listeners");

        let routes = self.kubectl.get("httproutes", CONTROL_PLANE).await?;
        ensure!(routes.len() == 2, "{} HTTPRoutes instead of 2", routes.len());
        let filter = |route: &&Value| route.pointer("/spec/rules/0/filters/0/type") == Some(&json!("RequestRedirect"));
        let redirect = routes.iter().find(filter).context("no redirect HTTPRoute")?;
        let app = routes.iter().find(|route| !filter(route)).context("no app HTTPRoute")?;
        ensure!(section(redirect).starts_with("http-80"), "the redirect is bound to {}", section(redirect));
        ensure!(section(app).starts_with("https-443"), "the app is bound to {}", section(app));
        ensure!(
            app.pointer("/spec/rules/0/backendRefs/0/name") == Some(&json!("shop")),
            "the app leads elsewhere: {app}"
        );
        let tcp = self.one("tcproutes").await?;
        ensure!(section(&tcp) == "tcp-5432", "the TCPRoute is bound to {}", section(&tcp));
        let udp = self.one("udproutes").await?;
        ensure!(section(&udp) == "udp-8125", "the UDPRoute is bound to {}", section(&udp));
        View::checked("redirect HTTPRoute on http, app HTTPRoute on https, TCPRoute on tcp, UDPRoute on udp");

        let certificate = self.one("certificates").await?;
        ensure!(certificate.pointer("/spec/dnsNames") == Some(&json!([self.host])), "Certificate: {certificate}");
        self.one("clusterissuers").await?;
        self.one("dnsendpoints").await?;
        View::checked("Certificate, ClusterIssuer and DNSEndpoint");

        for deployment in ["envoy-gateway", "cert-manager", "cert-manager-webhook", "external-dns"] {
            let all = self.kubectl.get("deployments", CONTROL_PLANE).await?;
            let found = all
                .iter()
                .any(|item| name(item).contains(deployment) && item["status"]["availableReplicas"].as_i64() >= Some(1));
            ensure!(found, "no available Deployment of {deployment} with our label");
        }
        View::checked("Deployments of all support services are available");

        for object in self.kubectl.get(OWN_KINDS, CONTROL_PLANE).await? {
            ensure!(
                object["metadata"]["labels"][OWNER].is_string(),
                "{} {} has no owner label",
                object["kind"],
                name(&object)
            );
        }
        View::checked("every object carries both labels");

        let records = records_of(self.endpoints, self.zone).await?;
        let fqdn = format!("{}.", self.host);
        ensure!(records.contains_key(&(fqdn.clone(), "A".to_owned())), "no A record of {fqdn}: {records:?}");
        let proof = records.keys().any(|(record, kind)| kind == "TXT" && record.contains(&self.host));
        ensure!(proof, "no ownership record of {fqdn}: {records:?}");
        View::checked("the DNS record and its ownership record stand in the zone");
        Ok(())
    }

    /// After the deletion.
    pub(crate) async fn is_gone(&self) -> Result<()> {
        let records = records_of(self.endpoints, self.zone).await?;
        let left: Vec<_> = records.keys().filter(|(record, _)| record.contains(&self.host)).collect();
        ensure!(left.is_empty(), "records are left in the zone: {left:?}");
        let (dns, routes) = (self.record_deleted().await?, self.routes_deleted().await?);
        ensure!(dns < routes, "the DNS record went at {dns}, after the first route at {routes}");
        View::checked("the DNS record went first, the routes after it");
        // The garbage collector and the namespace controller have a pace of their own.
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let left = self.left().await?;
            if left.is_empty() {
                View::checked("nothing of the sample is left, Secrets included; the support services stay");
                return Ok(());
            }
            ensure!(Instant::now() < until, "still there: {}", left.join(", "));
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn left(&self) -> Result<Vec<String>> {
        let all = self.kubectl.get(OWN_KINDS, CONTROL_PLANE).await?;
        let service = |object: &Value| {
            object["metadata"]["labels"][OWNER]
                .as_str()
                .is_some_and(|owner| owner.starts_with("support-service-instance-"))
        };
        Ok(all
            .iter()
            .filter(|object| !service(object))
            .map(|object| format!("{} {}", object["kind"], name(object)))
            .collect())
    }

    async fn one(&self, kind: &str) -> Result<Value> {
        let mut all = self.kubectl.get(kind, CONTROL_PLANE).await?;
        ensure!(all.len() == 1, "{} {kind} instead of one", all.len());
        Ok(all.remove(0))
    }

    async fn record_deleted(&self) -> Result<DateTime<Utc>> {
        let journal = Knobs::new(self.endpoints).route53_journal(0).await?;
        let fqdn = format!("{}.", self.host);
        let is_it = |entry: &&JournalEntry| entry.action == "DELETE" && entry.kind == "A" && entry.name == fqdn;
        Ok(journal.iter().rev().find(is_it).with_context(|| format!("no A record of {fqdn} was ever deleted"))?.at)
    }

    /// When the shop's first HTTPRoute was deleted, by the API server's own log.
    async fn routes_deleted(&self) -> Result<DateTime<Utc>> {
        let log = tokio::fs::read_to_string(&self.endpoints.clusters[0].audit_log).await?;
        let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let deleted = events
            .filter(|event| event["verb"] == "delete" && event["objectRef"]["resource"] == "httproutes")
            .filter(|event| event["objectRef"]["name"].as_str().is_some_and(|name| name.starts_with("shop-")))
            .filter_map(|event| event["requestReceivedTimestamp"].as_str().and_then(|at| at.parse().ok()));
        deleted.min().context("no HTTPRoute was ever deleted")
    }
}

/// Name, port, protocol and hostname of every listener.
fn listeners(object: &Value) -> Vec<Value> {
    let all = object["spec"]["listeners"].as_array().into_iter().flatten();
    all.map(|l| json!([l["name"], l["port"], l["protocol"], l["hostname"]])).collect()
}

fn section(route: &Value) -> &str {
    route.pointer("/spec/parentRefs/0/sectionName").and_then(Value::as_str).unwrap_or_default()
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}
