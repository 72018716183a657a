//! What kube-proxy and the cloud's load balancer do with connections: an address of a Service leads to its pods.
//!
//! The rig listens at the cluster address of each Service inside of the network of pods, and at its load balancer's address
//! on this machine's loopback, and passes on what comes to a pod that an EndpointSlice names. Only pods that really run
//! count: a Service without one refuses connections.

mod forward;
mod table;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddrV4},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Result;
use futures::{Stream, StreamExt};
use k8s_openapi::api::{core::v1::Service, discovery::v1::EndpointSlice};
use kube::{
    Api, Client,
    runtime::{WatchStreamExt, reflector, reflector::Store, watcher},
};
use tokio::{
    net::{TcpListener, UdpSocket},
    task::JoinHandle,
    time::sleep,
};

use self::table::{Front, Protocol, Side, Targets, fronts};
use crate::{kubelet::Pods, network::PodNetwork};

/// Where pods ask for names. The API server leaves the first addresses of its range to who wants a certain one.
pub(crate) const RESOLVER: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 10);
/// Changes come in bursts: what follows one within this time is taken along.
const GATHER: Duration = Duration::from_millis(20);
/// A port that could not be opened is tried again after this long.
const RETRY: Duration = Duration::from_secs(1);
const LOW_PORTS_MOVE_BY: u16 = 10_000;

/// The running proxy.
#[derive(Debug)]
pub(crate) struct Services {
    tasks: Vec<JoinHandle<()>>,
    known: KnownServices,
}

/// The Services of a cluster, as they are now.
#[derive(Clone, Debug)]
pub(crate) struct KnownServices {
    services: Store<Service>,
    slices: Store<EndpointSlice>,
}

impl Services {
    /// Starts to follow the Services of a cluster.
    pub(crate) fn start(client: &Client, network: PodNetwork, pods: Pods) -> Self {
        let (services, services_writer) = reflector::store();
        let (slices, slices_writer) = reflector::store();
        let config = watcher::Config::default;
        let services_events = watcher(Api::<Service>::all(client.clone()), config());
        let slices_events = watcher(Api::<EndpointSlice>::all(client.clone()), config());
        let services_events = services_events.default_backoff().reflect(services_writer);
        let slices_events = slices_events.default_backoff().reflect(slices_writer);
        let known = KnownServices { services, slices };
        let changed = pods.changed();
        let tasks = vec![
            tokio::spawn(tell(services_events, changed.clone())),
            tokio::spawn(tell(slices_events, changed.clone())),
            tokio::spawn(follow(known.clone(), network, pods)),
        ];
        Self { tasks, known }
    }

    pub(crate) fn known(&self) -> &KnownServices {
        &self.known
    }

    pub(crate) fn stop(&self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl KnownServices {
    /// The addresses that a Service's name stands for in DNS: its own, or those of its pods when it has none. `None`: there is no such Service.
    pub(crate) fn addresses(&self, namespace: &str, name: &str) -> Option<Vec<Ipv4Addr>> {
        table::addresses(&self.services.state(), &self.slices.state(), namespace, name)
    }
}

/// Tells of every event.
async fn tell<K>(
    events: impl Stream<Item = Result<watcher::Event<K>, watcher::Error>>,
    changed: Arc<tokio::sync::Notify>,
) {
    let mut events = std::pin::pin!(events);
    while events.next().await.is_some() {
        changed.notify_one();
    }
}

/// Opens and closes ports as Services and pods come and go.
async fn follow(known: KnownServices, network: PodNetwork, pods: Pods) {
    let changed = pods.changed();
    let shared = Arc::new(Mutex::new(Targets::new()));
    let (mut open, mut told) = (BTreeMap::<Front, JoinHandle<()>>::new(), BTreeSet::new());
    loop {
        let wanted = fronts(&known.services.state(), &known.slices.state(), &pods.addresses());
        open.retain(|front, task| {
            let keep = wanted.contains_key(front);
            if !keep {
                task.abort();
            }
            keep
        });
        let missing: Vec<Front> = wanted.keys().filter(|front| !open.contains_key(front)).copied().collect();
        *shared.lock().unwrap_or_else(PoisonError::into_inner) = wanted;
        let mut failed = false;
        for front in missing {
            match serve(front, &network, &shared).await {
                Ok(task) => drop(open.insert(front, task)),
                Err(error) => {
                    failed = true;
                    if told.insert(front) {
                        let (at, error) = (SocketAddrV4::new(front.address, front.port), format!("{error:#}"));
                        tracing::warn!(%at, error, "a Service can't be served here: has another program the port?");
                    }
                }
            }
        }
        tokio::select! {
            () = changed.notified() => sleep(GATHER).await,
            () = sleep(RETRY), if failed => {}
        }
    }
}

/// Listens at one address and port of a Service.
async fn serve(front: Front, network: &PodNetwork, shared: &Arc<Mutex<Targets>>) -> Result<JoinHandle<()>> {
    let (shared, network) = (Arc::clone(shared), network.clone());
    let targets = move || {
        let targets = shared.lock().unwrap_or_else(PoisonError::into_inner);
        targets.get(&front).cloned().unwrap_or_default()
    };
    let at = SocketAddrV4::new(front.address, front.port);
    Ok(match (front.side, front.protocol) {
        (Side::Pods, Protocol::Tcp) => tokio::spawn(forward::tcp(network.listen(at).await?, targets, network)),
        (Side::Pods, Protocol::Udp) => tokio::spawn(forward::udp(network.bind_udp(at).await?, targets, network)),
        (Side::Machine, Protocol::Tcp) => {
            tokio::spawn(forward::tcp(TcpListener::bind(outside(at)).await?, targets, network))
        }
        (Side::Machine, Protocol::Udp) => {
            tokio::spawn(forward::udp(UdpSocket::bind(outside(at)).await?, targets, network))
        }
    })
}

fn outside(at: SocketAddrV4) -> SocketAddrV4 {
    SocketAddrV4::new(*at.ip(), machine_port(at.port()))
}

/// Where a port of a load balancer is found on this machine: an ordinary user's low ports are moved by 10000 where the system
/// keeps low ports for root. Envoy Gateway does the same in its pods.
#[must_use]
pub fn machine_port(port: u16) -> u16 {
    const FIRST_FREE: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
    let first_free = std::fs::read_to_string(FIRST_FREE).ok().and_then(|text| text.trim().parse().ok());
    let kept = !nix::unistd::Uid::effective().is_root() && port < first_free.unwrap_or(1024);
    if kept { port.saturating_add(LOW_PORTS_MOVE_BY) } else { port }
}
