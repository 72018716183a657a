//! What runs the pods of one cluster and lets them be reached: their network, the kubelet's part, Services with their names and addresses, the cloud's load
//! balancer, and the API server's way to webhooks.

use std::path::Path;

use anyhow::Result;
use causeway_route53::dns::{Lookup, NameServer};
use tokio::sync::watch;

use crate::{
    cluster::Cluster,
    konnectivity::Konnectivity,
    kubelet::{Kubelet, Pods, Reached},
    load_balancer::{LoadBalancer, Orders},
    names,
    network::NetworkProcess,
    services::Services,
    tools::Tools,
};

/// What lies outside of a cluster.
pub(crate) struct Outside<L> {
    /// Ports of this machine that pods reach.
    pub(crate) reached: Reached,
    /// What names stand for that aren't the cluster's own.
    pub(crate) world: L,
    /// What the load balancer is told to do. It ends when nobody can tell it anything any more.
    pub(crate) orders: watch::Receiver<Orders>,
}

/// All of it, running.
pub(crate) struct PodRuntime {
    load_balancer: LoadBalancer,
    network: NetworkProcess,
    services: Services,
    names: NameServer,
    kubelet: Kubelet,
    konnectivity: Konnectivity,
}

impl PodRuntime {
    /// Starts it for a cluster that has a node. `own` is the rig's program, which starts the sandboxes.
    ///
    /// # Errors
    /// When a part doesn't start.
    pub(crate) async fn start<L: Lookup>(
        tools: &Tools,
        cluster: &Cluster,
        own: &Path,
        outside: Outside<L>,
    ) -> Result<Self> {
        let Outside { reached, world, orders } = outside;
        let client = &cluster.client;
        let load_balancer = LoadBalancer::start(client.clone(), orders)?;
        let (process, network) = NetworkProcess::start(own, &cluster.dir, &cluster.dir.join("logs")).await?;
        let pods = Pods::default();
        let services = Services::start(client, network.clone(), pods.clone());
        let names = names::start(&network, services.known().clone(), world).await?;
        let kubelet = Kubelet::start(tools, cluster, own, (network.clone(), pods.clone()), reached)?;
        let konnectivity = Konnectivity::start(&cluster.egress_socket(), client.clone(), network, pods)?;
        Ok(Self { load_balancer, network: process, services, names, kubelet, konnectivity })
    }

    /// How a program of it ended that has although nobody stopped it.
    pub(crate) fn ended(&self) -> Option<String> {
        self.network.ended()
    }

    /// Stops everything, dependants first.
    pub(crate) async fn stop(&self) {
        self.kubelet.stop().await;
        self.load_balancer.stop();
        self.konnectivity.stop();
        self.names.stop();
        self.services.stop();
        self.network.stop().await;
    }
}
