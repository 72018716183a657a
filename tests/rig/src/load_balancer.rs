//! The cloud's load balancer, as far as a cluster sees it: an address in the status of every Service that asks for one.
//!
//! There is no cloud here. The addresses are of this machine's loopback, where [`crate::services`] listens at them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::{Ipv4Addr, TcpListener},
    process,
    time::Duration,
};

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{LoadBalancerIngress, Service};
use kube::{
    Api, Client, ResourceExt,
    api::{ListParams, Patch, PatchParams},
    runtime::{WatchStreamExt, watcher, watcher::Event},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{interval, timeout},
};

/// The second bytes of the ranges of which each rig takes one: 127.80.0.0/24 to 127.111.255.0/24.
const SECOND: std::ops::RangeInclusive<u8> = 80..=111;
/// By listening at the last address of a range and this port a rig keeps others out of it.
const CLAIM: u16 = 40_000;
const FIELD_MANAGER: &str = "rig-load-balancer";
/// Labels by which Envoy Gateway marks the Service of a Gateway.
const GATEWAY_NAMESPACE: &str = "gateway.envoyproxy.io/owning-gateway-namespace";
const GATEWAY_NAME: &str = "gateway.envoyproxy.io/owning-gateway-name";
/// A Service whose address could not be written is tried again after this long.
const RETRY: Duration = Duration::from_secs(1);

/// Which Services get no address, or lose theirs.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Withheld {
    /// `namespace/name` of a Service or of the Gateway it belongs to; `*` for all.
    pub from: BTreeSet<String>,
}

/// What the load balancer is told to do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Orders {
    pub(crate) withheld: Withheld,
    /// By `namespace/name` of a Service or of the Gateway it belongs to: what it gets in place of an address of the range.
    pub(crate) instead: BTreeMap<String, Vec<LoadBalancerIngress>>,
}

impl Orders {
    fn withholds(&self, service: &Service) -> bool {
        names(service).iter().any(|name| self.withheld.from.contains(name)) || self.withheld.from.contains("*")
    }

    fn instead(&self, service: &Service) -> Option<&Vec<LoadBalancerIngress>> {
        names(service).iter().find_map(|name| self.instead.get(name))
    }
}

/// By which names a Service is known: its own, and its Gateway's.
fn names(service: &Service) -> [String; 2] {
    let label = |name: &str| service.labels().get(name).cloned().unwrap_or_default();
    let itself = format!("{}/{}", service.namespace().unwrap_or_default(), service.name_any());
    [itself, format!("{}/{}", label(GATEWAY_NAMESPACE), label(GATEWAY_NAME))]
}

/// The running emulation.
#[derive(Debug)]
pub(crate) struct LoadBalancer {
    task: JoinHandle<()>,
}

impl LoadBalancer {
    /// Serves the Services of a cluster. `orders` is the knob that keeps addresses back and gives others.
    ///
    /// # Errors
    /// When no range of addresses is left on this machine.
    pub(crate) fn start(client: Client, orders: watch::Receiver<Orders>) -> Result<Self> {
        let range = Range::claim()?;
        let addresses = Addresses { services: Api::all(client.clone()), client, orders, range, taken: HashMap::new() };
        Ok(Self { task: tokio::spawn(serve(addresses)) })
    }

    pub(crate) fn stop(&self) {
        self.task.abort();
    }
}

async fn serve(mut addresses: Addresses) {
    let mut knob = addresses.orders.clone();
    let mut events = watcher(addresses.services.clone(), watcher::Config::default()).default_backoff().boxed();
    let mut retry = interval(RETRY);
    let mut failed = false;
    loop {
        let outcome = tokio::select! {
            event = events.try_next() => match event {
                Ok(Some(Event::Apply(service) | Event::InitApply(service))) => addresses.settle(&service).await,
                Ok(Some(Event::Delete(service))) => {
                    addresses.release(&service);
                    Ok(())
                }
                // The watch tries again by itself.
                Ok(Some(Event::Init | Event::InitDone)) | Err(_) => Ok(()),
                Ok(None) => return,
            },
            changed = knob.changed() => match changed {
                Ok(()) => addresses.settle_all().await,
                Err(_) => return,
            },
            _ = retry.tick(), if failed => addresses.settle_all().await,
        };
        failed = outcome.is_err();
        if let Err(error) = outcome {
            tracing::debug!(%error, "an address could not be written and is tried again");
        }
    }
}

/// 254 addresses of loopback that no other rig on this machine gives out.
struct Range {
    start: [u8; 3],
    /// Held as long as they are in use.
    _claim: TcpListener,
}

impl Range {
    fn claim() -> Result<Self> {
        // Where to begin doesn't matter, but two rigs that start at once should not meet.
        let first = process::id().to_le_bytes()[0];
        let mut all = SECOND.flat_map(|second| (0..=255).map(move |third| [127, second, first.wrapping_add(third)]));
        let claimed = all.find_map(|start| {
            let [a, b, c] = start;
            Some(Self { start, _claim: TcpListener::bind((Ipv4Addr::new(a, b, c, 255), CLAIM)).ok()? })
        });
        claimed.context("other rigs use every range of addresses for load balancers on this machine")
    }
}

struct Addresses {
    client: Client,
    services: Api<Service>,
    orders: watch::Receiver<Orders>,
    range: Range,
    /// The last byte of each Service's address, by the Service's uid.
    taken: HashMap<String, u8>,
}

impl Addresses {
    async fn settle_all(&mut self) -> Result<()> {
        for service in self.services.list(&ListParams::default()).await? {
            self.settle(&service).await?;
        }
        Ok(())
    }

    /// Makes the status of one Service what it should be.
    async fn settle(&mut self, service: &Service) -> Result<()> {
        let (withheld, instead) = {
            let orders = self.orders.borrow();
            (orders.withholds(service), orders.instead(service).cloned())
        };
        let ingress = match instead {
            _ if !wants_address(service) || withheld => vec![],
            Some(instead) => instead,
            None => self.address(service).into_iter().map(ingress).collect(),
        };
        if ingress == current(service) || service.metadata.deletion_timestamp.is_some() {
            return Ok(());
        }
        let services: Api<Service> = Api::namespaced(self.client.clone(), &service.namespace().unwrap_or_default());
        let patch = Patch::Merge(json!({ "status": { "loadBalancer": { "ingress": ingress } } }));
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        timeout(Duration::from_secs(10), services.patch_status(&service.name_any(), &params, &patch)).await??;
        Ok(())
    }

    /// The address of a Service, for as long as it exists. `None` when all are taken.
    fn address(&mut self, service: &Service) -> Option<Ipv4Addr> {
        let uid = service.uid()?;
        let last = match self.taken.get(&uid) {
            Some(&last) => last,
            None => (1..=254).find(|last| !self.taken.values().any(|taken| taken == last))?,
        };
        self.taken.insert(uid, last);
        let [a, b, c] = self.range.start;
        Some(Ipv4Addr::new(a, b, c, last))
    }

    fn release(&mut self, service: &Service) {
        if let Some(uid) = service.uid() {
            self.taken.remove(&uid);
        }
    }
}

fn wants_address(service: &Service) -> bool {
    service
        .spec
        .as_ref()
        .is_some_and(|spec| spec.type_.as_deref() == Some("LoadBalancer") && spec.load_balancer_class.is_none())
}

fn ingress(address: Ipv4Addr) -> LoadBalancerIngress {
    let (ip, ip_mode) = (Some(address.to_string()), Some("VIP".to_owned()));
    LoadBalancerIngress { ip, ip_mode, ..LoadBalancerIngress::default() }
}

/// What the status of a Service has.
pub(crate) fn current(service: &Service) -> &[LoadBalancerIngress] {
    let status = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    status.and_then(|status| status.ingress.as_deref()).unwrap_or_default()
}
