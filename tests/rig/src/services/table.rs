//! Which address and port of which Service leads to which pods: from the objects alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddrV4},
    sync::Arc,
};

use k8s_openapi::api::{
    core::v1::{Service, ServicePort},
    discovery::v1::EndpointSlice,
};
use kube::ResourceExt;

use crate::load_balancer;

/// The label by which a slice names its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Where a front is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Side {
    /// In the network of pods.
    Pods,
    /// On this machine's loopback.
    Machine,
}

/// How something is sent.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Protocol {
    Tcp,
    Udp,
}

/// Where the rig listens for a Service.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Front {
    pub(super) side: Side,
    pub(super) address: Ipv4Addr,
    pub(super) port: u16,
    pub(super) protocol: Protocol,
}

/// The pods that each front leads to; none is empty.
pub(super) type Targets = BTreeMap<Front, Vec<SocketAddrV4>>;

/// All fronts that lead to a pod among `running`.
pub(super) fn fronts(
    services: &[Arc<Service>],
    slices: &[Arc<EndpointSlice>],
    running: &BTreeSet<Ipv4Addr>,
) -> Targets {
    // Most Services of a test cluster have no such pod, and this is asked with every change.
    let mut leading: BTreeMap<(&str, &str), Vec<&EndpointSlice>> = BTreeMap::new();
    for slice in slices.iter().filter(|slice| ready(slice).any(|address| running.contains(&address))) {
        if let Some(service) = service_of(slice) {
            leading.entry(service).or_default().push(slice);
        }
    }
    let mut fronts = Targets::new();
    for service in services {
        let Some(own) = name_of(service).and_then(|name| leading.get(&name)) else { continue };
        for port in service.spec.iter().flat_map(|spec| spec.ports.iter().flatten()) {
            let (Some(protocol), Ok(number)) = (protocol(port.protocol.as_deref()), u16::try_from(port.port)) else {
                continue;
            };
            let mut pods = endpoints(own, port);
            pods.retain(|pod| running.contains(pod.ip()));
            if pods.is_empty() {
                continue;
            }
            for (side, address) in listened(service) {
                fronts.insert(Front { side, address, port: number, protocol }, pods.clone());
            }
        }
    }
    fronts
}

/// The addresses that a Service's name stands for.
pub(super) fn addresses(
    services: &[Arc<Service>],
    slices: &[Arc<EndpointSlice>],
    namespace: &str,
    name: &str,
) -> Option<Vec<Ipv4Addr>> {
    let service = services.iter().find(|service| name_of(service) == Some((namespace, name)))?;
    let own = cluster_address(service);
    let pods = || {
        let own = slices.iter().filter(|slice| service_of(slice) == Some((namespace, name)));
        let all: BTreeSet<Ipv4Addr> = own.flat_map(|slice| ready(slice)).collect();
        all.into_iter().collect()
    };
    Some(own.map_or_else(pods, |address| vec![address]))
}

/// Where a Service is listened for: its cluster address, and what the rig's load balancer gave it.
fn listened(service: &Service) -> Vec<(Side, Ipv4Addr)> {
    let own = cluster_address(service).map(|address| (Side::Pods, address));
    let given = load_balancer::current(service).iter().filter_map(|ingress| ingress.ip.as_deref()?.parse().ok());
    own.into_iter().chain(given.filter(Ipv4Addr::is_loopback).map(|address| (Side::Machine, address))).collect()
}

fn cluster_address(service: &Service) -> Option<Ipv4Addr> {
    // A headless Service has the word "None" there.
    service.spec.as_ref()?.cluster_ip.as_deref()?.parse().ok()
}

/// Namespace and name.
fn name_of(service: &Service) -> Option<(&str, &str)> {
    Some((service.metadata.namespace.as_deref()?, service.metadata.name.as_deref()?))
}

/// Namespace and name of the Service that a slice is of.
fn service_of(slice: &EndpointSlice) -> Option<(&str, &str)> {
    let name = slice.labels().get(SERVICE_NAME).filter(|_| slice.address_type == "IPv4")?;
    Some((slice.metadata.namespace.as_deref()?, name))
}

/// The ready endpoints behind one port. A slice has the port under the same name, with the number that the pods listen at.
fn endpoints(slices: &[&EndpointSlice], port: &ServicePort) -> Vec<SocketAddrV4> {
    let name = port.name.as_deref().unwrap_or_default();
    let mut found = BTreeSet::new();
    for slice in slices {
        let numbers = slice.ports.iter().flatten().filter(|port| port.name.as_deref().unwrap_or_default() == name);
        for number in numbers.filter_map(|port| u16::try_from(port.port?).ok()) {
            found.extend(ready(slice).map(|address| SocketAddrV4::new(address, number)));
        }
    }
    found.into_iter().collect()
}

fn ready(slice: &EndpointSlice) -> impl Iterator<Item = Ipv4Addr> {
    let is_ready = |conditions: &Option<k8s_openapi::api::discovery::v1::EndpointConditions>| {
        conditions.as_ref().and_then(|conditions| conditions.ready).unwrap_or(true)
    };
    let ready = slice.endpoints.iter().filter(move |endpoint| is_ready(&endpoint.conditions));
    ready.flat_map(|endpoint| endpoint.addresses.iter().filter_map(|address| address.parse().ok()))
}

fn protocol(name: Option<&str>) -> Option<Protocol> {
    match name {
        None | Some("TCP") => Some(Protocol::Tcp),
        Some("UDP") => Some(Protocol::Udp),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn service(cluster_ip: &str, balanced: Option<&str>) -> Arc<Service> {
        let ingress: Vec<_> = balanced.iter().map(|ip| json!({ "ip": ip })).collect();
        let service = json!({
            "metadata": { "namespace": "shop", "name": "web" },
            "spec": {
                "clusterIP": cluster_ip,
                "ports": [{ "name": "http", "port": 80 }, { "name": "dns", "port": 53, "protocol": "UDP" }],
            },
            "status": { "loadBalancer": { "ingress": ingress } },
        });
        Arc::new(serde_json::from_value(service).unwrap())
    }

    fn slice() -> Arc<EndpointSlice> {
        let slice = json!({
            "metadata": { "namespace": "shop", "name": "web-1", "labels": { SERVICE_NAME: "web" } },
            "addressType": "IPv4",
            "ports": [{ "name": "http", "port": 8080 }, { "name": "dns", "port": 5353, "protocol": "UDP" }],
            "endpoints": [
                { "addresses": ["10.64.0.7"], "conditions": { "ready": true } },
                { "addresses": ["10.64.0.8"], "conditions": {} },
                { "addresses": ["10.64.0.9"], "conditions": { "ready": false } },
            ],
        });
        Arc::new(serde_json::from_value(slice).unwrap())
    }

    fn pods(last: &[u8]) -> BTreeSet<Ipv4Addr> {
        last.iter().map(|&last| Ipv4Addr::new(10, 64, 0, last)).collect()
    }

    #[test]
    fn a_port_leads_to_the_ready_pods_that_run_at_the_number_they_listen_at() {
        let found = fronts(&[service("10.96.0.5", None)], &[slice()], &pods(&[7, 9]));
        let found: Vec<_> = found.into_iter().map(|(front, to)| (front.side, front.port, front.protocol, to)).collect();
        let pod = |port| vec![SocketAddrV4::new(Ipv4Addr::new(10, 64, 0, 7), port)];
        assert_eq!(found, [(Side::Pods, 53, Protocol::Udp, pod(5353)), (Side::Pods, 80, Protocol::Tcp, pod(8080))]);
    }

    #[test]
    fn a_service_without_a_running_pod_is_not_listened_for() {
        assert!(fronts(&[service("10.96.0.5", Some("127.80.0.1"))], &[slice()], &pods(&[9, 20])).is_empty());
    }

    #[test]
    fn on_the_machine_only_addresses_of_loopback_are_listened_at() {
        let sides = |ip| {
            let found = fronts(&[service("None", Some(ip))], &[slice()], &pods(&[8]));
            found.into_keys().map(|front| (front.side, front.port)).collect::<Vec<_>>()
        };
        assert_eq!(sides("127.80.0.1"), [(Side::Machine, 53), (Side::Machine, 80)]);
        assert_eq!(sides("203.0.113.7"), []);
    }

    #[test]
    fn a_name_stands_for_the_services_own_address_or_its_pods() {
        let of = |ip, name| addresses(&[service(ip, None)], &[slice()], "shop", name);
        assert_eq!(of("10.96.0.5", "web"), Some(vec![Ipv4Addr::new(10, 96, 0, 5)]));
        assert_eq!(of("None", "web"), Some(pods(&[7, 8]).into_iter().collect()));
        assert_eq!(of("10.96.0.5", "other"), None);
    }
}
