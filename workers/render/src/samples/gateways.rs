//! Gateway instances and the shared gateways that carry them.

use super::{
    CONTROL_PLANE,
    records::{account, named, number, parse, record, workload},
};
use causeway_records::{
    Record,
    inputs::{
        ClassInCluster, GatewayInputs, Listener, ListenerKey, ListenerSetInputs, ListenerSetStatus, ListenerUser,
        Named, SharedGatewayInputs, SharedGatewayUse,
    },
    nouns::{
        AttachableBy, AwsAccount, DomainNameDefinition, GatewayDefinition, GatewayHttpPort, GatewayInstance,
        GatewayListener, GatewayListeners, GatewayTcpPort, GatewayUdpPort, Hostnames, ListenerProtocol, SharedGateway,
        TlsMode,
    },
};
use causeway_rules::{claims::claims_of, tls_secrets::tls_secrets};
use std::collections::{BTreeMap, BTreeSet};

/// Gateway instances, and the shared gateway with its ListenerSets that carries them.
#[derive(Clone, Debug)]
pub struct Scene {
    /// None with Placement Dedicated: each gateway instance then has a Gateway of its own.
    pub shared: Option<SharedGatewayInputs>,
    /// The ListenerSets of the shared gateway, by ordinal.
    pub listener_sets: Vec<ListenerSetInputs>,
    /// The gateway instances, in order of id.
    pub gateways: Vec<GatewayInputs>,
}

/// A gateway instance with its own workload, not yet on a Gateway. Its hostname is `shop.example.org` if it has a domain.
pub fn gateway(
    id: i64,
    name: &str,
    domain: Option<(i64, DomainNameDefinition)>,
    http: &[GatewayHttpPort],
    tcp_ports: &[i32],
) -> GatewayInputs {
    let definition = GatewayDefinition {
        name: parse(name),
        http_ports: http.to_vec(),
        tcp_ports: tcp_ports.iter().map(|port| tcp(*port)).collect(),
        sub_domain: domain.as_ref().map(|_| parse("shop")),
        ..GatewayDefinition::default()
    };
    GatewayInputs {
        control_plane: CONTROL_PLANE.into(),
        instance: named(name, id, GatewayInstance { name: parse(name), ..GatewayInstance::default() }),
        definition: record(id + 1000, definition),
        hostnames: domain.iter().map(|_| "shop.example.org".to_owned()).collect(),
        account: domain.as_ref().and_then(|(_, domain)| domain.aws_account_id).map(account),
        domain: domain.map(|(id, domain)| record(id, domain)),
        cluster_resource_namespace: None,
        workload: workload(id + 2000, name),
        granted: Vec::new(),
        shared_gateway: None,
        beside: Vec::new(),
        domain_names: Vec::new(),
        class_in_cluster: ClassInCluster::default(),
    }
}

/// Puts gateway instances on a shared gateway, with listeners as the API claims them.
pub fn shared(id: i64, mut gateways: Vec<GatewayInputs>) -> Scene {
    let gateway = named("shared-gateway", id, SharedGateway { name: parse("shared"), ..SharedGateway::default() });
    let mut listeners: BTreeMap<ListenerKey, Listener> = BTreeMap::new();
    for inputs in &mut gateways {
        let (mut listener_sets, mut wildcards) = (BTreeMap::new(), BTreeMap::new());
        let of_domain = inputs.domain.as_ref().filter(|domain| domain.spec.has_wildcard_certificate());
        let brought = tls_secrets(&inputs.definition.spec, &inputs.hostnames).expect("samples name what they can name");
        for key in keys(inputs) {
            let listener_set = key.hostname.is_some().then_some(0);
            let tls_secret = brought.get(&key).cloned();
            let is_ordered = key.protocol.ends_tls() && tls_secret.is_none();
            let listener = listeners.entry(key.clone()).or_insert_with(|| Listener {
                key: key.clone(),
                listener_set,
                users: Vec::new(),
                domain_name_definition_id: inputs.domain.as_ref().filter(|_| is_ordered).map(|domain| domain.common.id),
                tls_secret,
            });
            listener.users.push(user(inputs));
            if let (true, Some(domain), Some(hostname)) = (is_ordered, of_domain, &key.hostname) {
                wildcards.insert(hostname.clone(), domain.spec.domain.clone());
            }
            listener_sets.insert(key, listener_set);
        }
        let gateway = gateway.clone();
        inputs.shared_gateway = Some(SharedGatewayUse { gateway, is_granted: false, listener_sets, wildcards });
    }
    let first = gateways.first();
    let domains = first.and_then(|inputs| inputs.domain.clone()).into_iter().collect();
    let accounts = first.and_then(|inputs| inputs.account.clone()).into_iter().collect();
    let (shared, listener_sets) = spread(gateway, listeners.into_values().collect(), domains, accounts);
    Scene { shared: Some(shared), listener_sets, gateways }
}

/// Puts gateway instances on a shared gateway with these listeners, in the namespace of the sample workload. It lets in everybody.
pub fn given(id: i64, listeners: Vec<GatewayListener>, mut gateways: Vec<GatewayInputs>) -> Scene {
    let spec = SharedGateway {
        name: parse("given"),
        namespace: Some(parse("shop-11")),
        listeners: Some(GatewayListeners(listeners)),
        attachable_by: Some(AttachableBy::All),
        ..SharedGateway::default()
    };
    let gateway = named("shared-gateway", id, spec);
    let mut claimed: BTreeMap<ListenerKey, Listener> = BTreeMap::new();
    for inputs in &mut gateways {
        for key in keys(inputs) {
            let new = || Listener {
                key: key.clone(),
                listener_set: None,
                users: vec![],
                domain_name_definition_id: None,
                tls_secret: None,
            };
            claimed.entry(key.clone()).or_insert_with(new).users.push(user(inputs));
        }
        let (listener_sets, wildcards) = (BTreeMap::new(), BTreeMap::new());
        let gateway = gateway.clone();
        inputs.shared_gateway = Some(SharedGatewayUse { gateway, is_granted: false, listener_sets, wildcards });
    }
    let (shared, listener_sets) = spread(gateway, claimed.into_values().collect(), Vec::new(), Vec::new());
    Scene { shared: Some(shared), listener_sets, gateways }
}

fn user(inputs: &GatewayInputs) -> ListenerUser {
    ListenerUser {
        gateway_instance_id: inputs.instance.record.common.id,
        namespace: inputs.workload.instance.object_name.clone(),
    }
}

/// A shared gateway and its ListenerSets with these listeners, as the store reads them.
pub fn spread(
    gateway: Named<SharedGateway>,
    listeners: Vec<Listener>,
    domains: Vec<Record<DomainNameDefinition>>,
    accounts: Vec<Record<AwsAccount>>,
) -> (SharedGatewayInputs, Vec<ListenerSetInputs>) {
    let ends_tls = |listener: &&Listener| listener.key.protocol.ends_tls();
    let mut by_set: BTreeMap<i32, Vec<Listener>> = BTreeMap::new();
    for listener in &listeners {
        if let Some(ordinal) = listener.listener_set {
            by_set.entry(ordinal).or_default().push(listener.clone());
        }
    }
    let secured: BTreeSet<_> =
        listeners.iter().filter(ends_tls).map(|listener| listener.key.hostname.clone()).collect();
    let of_gateway = |listener: &&Listener| listener.listener_set.is_none() || secured.contains(&listener.key.hostname);
    let status = |(ordinal, listeners): (&i32, &Vec<Listener>)| ListenerSetStatus {
        ordinal: *ordinal,
        listeners: listeners.len(),
        applied: None,
        state: None,
    };
    let shared = SharedGatewayInputs {
        control_plane: CONTROL_PLANE.into(),
        gateway: gateway.clone(),
        listeners: listeners.iter().filter(of_gateway).cloned().collect(),
        listener_sets: by_set.iter().map(status).collect(),
        domains: domains.clone(),
        accounts,
        cluster_resource_namespace: None,
        class_in_cluster: ClassInCluster::default(),
    };
    let set = |(ordinal, listeners): (i32, Vec<Listener>)| ListenerSetInputs {
        control_plane: CONTROL_PLANE.into(),
        id: gateway.record.common.id * 10 + i64::from(ordinal),
        ordinal,
        gateway: gateway.clone(),
        domains: if listeners.iter().any(Listener::needs_certificate) { domains.clone() } else { Vec::new() },
        class_in_cluster: ClassInCluster::default(),
        listeners,
    };
    (shared, by_set.into_iter().map(set).collect())
}

/// The listeners that an instance claims.
fn keys(inputs: &GatewayInputs) -> BTreeSet<ListenerKey> {
    let domain = inputs.domain.as_ref().map(|domain| &domain.spec.domain);
    let claims = claims_of(&inputs.definition.spec, domain).expect("samples claim what they can have");
    claims.into_iter().map(|claim| claim.listener).collect()
}

/// A port for plain HTTP that sends requests under a path to the Service.
pub fn http(port: i32, path: &str) -> GatewayHttpPort {
    GatewayHttpPort { port: number(port), path: Some(parse(path)), ..GatewayHttpPort::default() }
}

/// Variants of a port, to be chained.
pub trait Variant {
    /// Ends TLS: the port speaks HTTPS.
    fn tls(self) -> Self;
    /// Answers every request with a redirect to HTTPS.
    fn redirect(self) -> Self;
}

impl Variant for GatewayHttpPort {
    fn tls(self) -> Self {
        Self { tls_enabled: Some(true), ..self }
    }
    fn redirect(self) -> Self {
        Self { https_redirect: Some(true), ..self }
    }
}

pub fn tcp(port: i32) -> GatewayTcpPort {
    GatewayTcpPort { port: number(port), ..GatewayTcpPort::default() }
}

/// A TCP port with TLS for some hostnames; none: for all.
pub fn tls(port: i32, mode: TlsMode, hostnames: &[&str]) -> GatewayTcpPort {
    let hostnames = hostnames.iter().map(|name| parse(name)).collect();
    GatewayTcpPort { tls_enabled: Some(true), tls_mode: Some(mode), hostnames: Some(Hostnames(hostnames)), ..tcp(port) }
}

pub fn udp(port: i32) -> GatewayUdpPort {
    GatewayUdpPort { port: number(port), ..GatewayUdpPort::default() }
}

/// A listener that a shared gateway's record gives it; for every hostname where it names none. Where it ends TLS, its Secret is `apps-example`.
pub fn given_listener(name: &str, port: i32, protocol: ListenerProtocol, hostname: Option<&str>) -> GatewayListener {
    let ends_tls = matches!(protocol, ListenerProtocol::Https | ListenerProtocol::Tls);
    GatewayListener {
        name: parse(name),
        port: number(port),
        protocol,
        hostname: hostname.map(parse),
        secret_name: ends_tls.then(|| parse("apps-example")),
        ..GatewayListener::default()
    }
}
