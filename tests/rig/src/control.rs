//! The knobs of a running rig, for tests: an HTTP interface on loopback and its client.

use anyhow::{Result, ensure};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::put,
};
use causeway_route53::{Faults, JournalEntry};
use k8s_openapi::api::core::v1::LoadBalancerIngress;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    authority::{OrderFault, OrderFaults},
    endpoints::Endpoints,
    load_balancer::{Orders, Withheld},
    net::{free_port, loopback},
};

/// The server side of the knobs.
#[derive(Debug)]
pub(crate) struct Control {
    port: u16,
    orders: watch::Sender<Orders>,
    order_faults: OrderFaults,
    server: JoinHandle<()>,
}

impl Control {
    pub(crate) async fn start() -> Result<Self> {
        let port = free_port()?;
        let listener = TcpListener::bind(loopback(port)).await?;
        let orders = watch::Sender::new(Orders::default());
        let router = Router::new()
            .route("/load-balancer", put(set_withheld))
            .route("/load-balancer/{namespace}/{name}", put(set_ingress))
            .with_state(orders.clone());
        let order_faults = OrderFaults::default();
        let authority =
            Router::new().route("/authority/{domain}", put(set_order_fault)).with_state(order_faults.clone());
        let router = router.merge(authority);
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the rig's control interface ended");
            }
        });
        Ok(Self { port, orders, order_faults, server })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn orders(&self) -> watch::Receiver<Orders> {
        self.orders.subscribe()
    }

    /// What the authority answers to orders instead of its own answer.
    pub(crate) fn order_faults(&self) -> OrderFaults {
        self.order_faults.clone()
    }

    pub(crate) fn stop(&self) {
        self.server.abort();
    }
}

async fn set_withheld(State(knob): State<watch::Sender<Orders>>, Json(withheld): Json<Withheld>) -> StatusCode {
    knob.send_modify(|orders| orders.withheld = withheld);
    StatusCode::NO_CONTENT
}

async fn set_ingress(
    State(knob): State<watch::Sender<Orders>>,
    Path((namespace, name)): Path<(String, String)>,
    Json(ingress): Json<Option<Vec<LoadBalancerIngress>>>,
) -> StatusCode {
    let name = format!("{namespace}/{name}");
    knob.send_modify(|orders| match ingress {
        Some(ingress) => drop(orders.instead.insert(name, ingress)),
        None => drop(orders.instead.remove(&name)),
    });
    StatusCode::NO_CONTENT
}

async fn set_order_fault(
    State(faults): State<OrderFaults>,
    Path(domain): Path<String>,
    Json(fault): Json<Option<OrderFault>>,
) -> StatusCode {
    faults.set(domain, fault);
    StatusCode::NO_CONTENT
}

/// A test's hand on the knobs of the rig. Tests that run beside each other share them, so turn them narrowly.
#[derive(Clone, Debug)]
pub struct Knobs {
    client: reqwest::Client,
    control: String,
    route53: String,
}

impl Knobs {
    /// The knobs of this rig.
    #[must_use]
    pub fn new(endpoints: &Endpoints) -> Self {
        let route53 = endpoints.route53_url.clone();
        Self { client: reqwest::Client::new(), control: endpoints.control_url.clone(), route53 }
    }

    /// Keeps load balancer addresses from these Services, and takes those away that they have. An empty list lets all have
    /// theirs.
    ///
    /// # Errors
    /// When the rig doesn't answer.
    pub async fn withhold_addresses(&self, withheld: &Withheld) -> Result<()> {
        self.put(format!("{}/load-balancer", self.control), withheld).await
    }

    /// Gives the Service of a Gateway (or a Service itself) this status, as `status.loadBalancer.ingress` has it, in place of an address of
    /// the rig's; None: again one of these.
    ///
    /// # Errors
    /// When the rig doesn't answer.
    pub async fn set_ingress(&self, namespace: &str, name: &str, ingress: Option<&Value>) -> Result<()> {
        self.put(format!("{}/load-balancer/{namespace}/{name}", self.control), &ingress).await
    }

    /// How the authority answers orders for hostnames of a domain, and whoever asks for its directory at `/dir/DOMAIN`; None: as it does.
    ///
    /// # Errors
    /// When the rig doesn't answer.
    pub async fn set_order_fault(&self, domain: &str, fault: Option<&OrderFault>) -> Result<()> {
        self.put(format!("{}/authority/{domain}", self.control), &fault).await
    }

    /// How often each access key has asked the Route53 emulator about a zone.
    ///
    /// # Errors
    /// When the emulator doesn't answer.
    pub async fn route53_calls(&self, zone: &str) -> Result<BTreeMap<String, u64>> {
        let url = format!("{}/rig/calls/{zone}", self.route53);
        Ok(self.client.get(url).send().await?.error_for_status()?.json().await?)
    }

    /// Makes the Route53 emulator fail, or answer slowly.
    ///
    /// # Errors
    /// When the emulator doesn't answer.
    pub async fn set_route53_faults(&self, faults: &Faults) -> Result<()> {
        self.put(format!("{}/rig/faults", self.route53), faults).await
    }

    /// Lets an access key do what this policy document of IAM allows, and nothing else; None: everything.
    ///
    /// # Errors
    /// When the policy has what Route 53 doesn't know, which is named.
    pub async fn set_route53_policy(&self, access_key: &str, policy: Option<&Value>) -> Result<()> {
        let url = format!("{}/rig/policies/{access_key}", self.route53);
        let answer = self.client.put(url).json(&policy).send().await?;
        ensure!(answer.status().is_success(), "the policy is refused: {}", answer.text().await?);
        Ok(())
    }

    /// The ids of the statements of its policy that have allowed a request of an access key.
    ///
    /// # Errors
    /// When the emulator doesn't answer.
    pub async fn route53_policy_used(&self, access_key: &str) -> Result<BTreeSet<String>> {
        let url = format!("{}/rig/policies/{access_key}", self.route53);
        Ok(self.client.get(url).send().await?.error_for_status()?.json().await?)
    }

    /// Every change that the Route53 emulator accepted after the one with this sequence number; 0 for all.
    ///
    /// # Errors
    /// When the emulator doesn't answer.
    pub async fn route53_journal(&self, after: u64) -> Result<Vec<JournalEntry>> {
        let url = format!("{}/rig/journal?after={after}", self.route53);
        Ok(self.client.get(url).send().await?.error_for_status()?.json().await?)
    }

    /// The same of one hosted zone. Whoever waits for a change of a zone asks so: the journal of all zones has thousands of entries.
    ///
    /// # Errors
    /// When the emulator doesn't answer.
    pub async fn route53_journal_of(&self, zone: &str, after: u64) -> Result<Vec<JournalEntry>> {
        let url = format!("{}/rig/journal?after={after}&zone={zone}", self.route53);
        Ok(self.client.get(url).send().await?.error_for_status()?.json().await?)
    }

    async fn put(&self, url: String, body: &impl Serialize) -> Result<()> {
        self.client.put(url).json(body).send().await?.error_for_status()?;
        Ok(())
    }
}
