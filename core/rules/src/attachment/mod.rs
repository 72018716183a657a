//! Shared gateways with listeners of their own: who may attach to one, and to which of its listeners.
//!
//! Records alone decide, never the labels that a namespace has in the cluster: whoever owns a namespace there could give it any.

use crate::{
    claims::RouteClaim,
    driver::{Driver, Socket},
};
use causeway_records::{
    inputs::{ListenerKey, Protocol},
    nouns::{
        AttachableBy, GatewayListener, GatewayListeners, GrantedRoute, Labels, Placement, SharedGateway,
        WorkloadInstance,
    },
    patterns::{is_for, is_wildcard},
    problem::{Reason, Refusal},
};
use std::collections::BTreeMap;

/// Listeners that a refusal names.
const NAMED: usize = 10;

/// A workload instance, as far as a shared gateway asks who it is.
#[derive(Clone, Copy, Debug)]
pub struct AttachingWorkload<'w> {
    /// Its id.
    pub id: i64,
    /// Its namespace in the cluster.
    pub namespace: &'w str,
    /// Its NamespaceLabels.
    pub labels: Option<&'w Labels>,
    /// A gateway grant lets it attach to the gateway that is asked about.
    pub is_granted: bool,
}

/// Whether gateway instances of a workload may attach to a shared gateway with listeners.
pub fn may_attach(gateway: &SharedGateway, workload: &AttachingWorkload<'_>) -> bool {
    workload.is_granted || lets(gateway, workload)
}

/// Whether the gateway's own record lets gateway instances of a workload attach, whatever is granted.
pub fn lets(gateway: &SharedGateway, workload: &AttachingWorkload<'_>) -> bool {
    match gateway.attachable_by() {
        AttachableBy::Same => {
            gateway.namespace.as_ref().is_some_and(|namespace| namespace.as_str() == workload.namespace)
        }
        AttachableBy::All => true,
        AttachableBy::Selector => {
            let wanted = gateway.namespace_selector.as_ref().filter(|wanted| !wanted.0.is_empty());
            let has =
                |(key, value): (&String, &String)| workload.labels.is_some_and(|own| own.0.get(key) == Some(value));
            wanted.is_some_and(|wanted| wanted.0.iter().all(has))
        }
        AttachableBy::WorkloadInstances => {
            gateway.workload_instance_ids.as_ref().is_some_and(|ids| ids.0.contains(&workload.id))
        }
    }
}

/// Why a workload may not attach, and what to do about it.
pub fn not_allowed(gateway: &SharedGateway, workload: &str) -> String {
    let who = match gateway.attachable_by() {
        AttachableBy::All => "every workload".to_owned(),
        AttachableBy::Same => {
            format!("workloads in its own namespace {}", gateway.namespace.as_ref().map_or("", |of| of.as_str()))
        }
        AttachableBy::Selector => {
            let labels = gateway.namespace_selector.iter().flat_map(|labels| &labels.0);
            let labels: Vec<_> = labels.take(NAMED).map(|(key, value)| format!("{key}={value}")).collect();
            format!("workload instances whose NamespaceLabels have {}", labels.join(", "))
        }
        AttachableBy::WorkloadInstances => "the workload instances that its WorkloadInstanceIDs name".to_owned(),
    };
    format!(
        "shared gateway {} doesn't let workload instance {workload} attach: it takes {who}; ask an admin for a gateway grant, or name another shared gateway",
        gateway.name
    )
}

/// Whether a gateway grant can let a workload attach to a shared gateway.
///
/// # Errors
/// The gateway has no listeners of its own, or is in another cluster.
pub fn check_grant(gateway: &SharedGateway, workload: &WorkloadInstance) -> Result<(), Refusal> {
    let name = &gateway.name;
    let (field, problem) = if gateway.listeners.is_none() {
        let problem = format!(
            "shared gateway {name} has no Listeners of its own: every gateway instance of its cluster and class that names no other is on it, so there is \
             nothing to grant"
        );
        ("SharedGatewayID", problem)
    } else if gateway.kubernetes_runtime_instance_id != workload.kubernetes_runtime_instance_id {
        let problem = format!(
            "workload instance {} is in another cluster ({}) than shared gateway {name} ({}); name one of that cluster",
            workload.name, workload.kubernetes_runtime_instance_id, gateway.kubernetes_runtime_instance_id
        );
        ("GrantedWorkloadInstanceID", problem)
    } else {
        return Ok(());
    };
    Err(Refusal::field(Reason::InvalidField, field, problem))
}

/// The listener that serves what is claimed, as Gateway API chooses among those of a port: the one whose hostname is the nearest. None: no listener
/// does, or one of another protocol is nearer.
pub fn listener_for<'l>(listeners: &'l GatewayListeners, claimed: &ListenerKey) -> Option<&'l GatewayListener> {
    let serves = |listener: &&GatewayListener| {
        let on_port = listener.port.get() == claimed.port;
        let hostname = listener.hostname.as_ref().map(|hostname| hostname.as_str());
        on_port
            && listener.protocol().transport() == claimed.protocol.transport()
            && covers(hostname, claimed.hostname.as_deref())
    };
    let nearness = |listener: &&GatewayListener| {
        listener.hostname.as_ref().map(|hostname| (!is_wildcard(hostname.as_str()), hostname.as_str().len()))
    };
    let nearest = listeners.0.iter().filter(serves).max_by_key(nearness)?;
    (nearest.protocol() == claimed.protocol).then_some(nearest)
}

/// Whether a listener's hostname is for all of a claimed one. None: every hostname.
fn covers(listener: Option<&str>, claimed: Option<&str>) -> bool {
    match (listener, claimed) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(listener), Some(claimed)) => is_for(listener, claimed),
    }
}

/// What a gateway instance asks of the shared gateway that it names.
#[derive(Clone, Copy, Debug)]
pub struct Attachment<'a> {
    /// Of its definition.
    pub placement: Placement,
    /// The class that its definition names.
    pub class: Option<&'a str>,
    /// All that it claims.
    pub claims: &'a [RouteClaim],
}

/// Whether a shared gateway can carry what a gateway instance asks for.
///
/// # Errors
/// It has no listeners of its own, or none for a claim; or the definition asks for another Gateway, or names a Secret with a certificate.
pub fn check(gateway: &SharedGateway, asked: &Attachment<'_>) -> Result<(), Refusal> {
    let refuse = |reason, problem: String| Err(Refusal::field(reason, "SharedGatewayID", problem));
    let name = &gateway.name;
    let Some(listeners) = &gateway.listeners else {
        let problem = format!(
            "shared gateway {name} has no Listeners of its own: it is the common one of its cluster and class, so leave SharedGatewayID out"
        );
        return refuse(Reason::InvalidField, problem);
    };
    if asked.placement == Placement::Dedicated {
        let problem = "the gateway definition has Placement Dedicated, a Gateway of its own; take Placement Shared, or leave it out";
        return refuse(Reason::InvalidField, problem.to_owned());
    }
    let own = gateway.gateway_class_name.as_ref().map(|class| class.as_str());
    if let Some(class) = asked.class.filter(|class| own != Some(*class)) {
        let problem = format!(
            "the gateway definition asks for GatewayClassName {class}, and shared gateway {name} is of another class; leave out one of the two"
        );
        return refuse(Reason::InvalidField, problem);
    }
    if let Some((claim, secret)) = asked.claims.iter().find_map(|claim| Some((claim, claim.tls_secret.as_ref()?))) {
        let problem = format!(
            "the gateway definition names Secret {secret} in TLSSecretName on port {}, and the listeners of shared gateway {name} have certificates of their own; \
             leave TLSSecretName out, and name the domain of the hostnames in DomainNameDefinitionID",
            claim.listener.port
        );
        return refuse(Reason::InvalidField, problem);
    }
    let problem = |claim: &RouteClaim| match listener_for(listeners, &claim.listener) {
        None => Some(no_listener(name.as_str(), listeners, &claim.listener)),
        Some(listener) if !listener.takes(route_kind(claim)) => Some(other_kinds(name.as_str(), listener, claim)),
        Some(_) => None,
    };
    asked.claims.iter().find_map(problem).map_or(Ok(()), |problem| refuse(Reason::NotAttachable, problem))
}

/// The kind of route that carries a claim.
fn route_kind(claim: &RouteClaim) -> GrantedRoute {
    match claim.listener.protocol {
        Protocol::Http | Protocol::Https if claim.grpc => GrantedRoute::Grpc,
        Protocol::Http | Protocol::Https => GrantedRoute::Http,
        Protocol::Tls | Protocol::TlsPassthrough => GrantedRoute::Tls,
        Protocol::Tcp => GrantedRoute::Tcp,
        Protocol::Udp => GrantedRoute::Udp,
    }
}

/// The listener for a claim is for routes of other kinds.
fn other_kinds(name: &str, listener: &GatewayListener, claim: &RouteClaim) -> String {
    let kinds: Vec<_> = listener.route_kinds.iter().flat_map(|kinds| &kinds.0).map(|kind| format!("{kind}s")).collect();
    format!(
        "listener {} of shared gateway {name} takes {} (its RouteKinds), and {claim} is asked for by {}s: change ports and routes of the gateway definition, or \
         ask an admin for another listener",
        listener.name,
        kinds.join(" and "),
        route_kind(claim)
    )
}

/// A shared gateway has no listener for a claim: with those that it has, and the next thing to do.
pub fn no_listener(name: &str, listeners: &GatewayListeners, claimed: &ListenerKey) -> String {
    let shown = |key: &ListenerKey| {
        let hostname = key.hostname.as_deref().unwrap_or("every hostname");
        format!("{} port {} for {hostname}", key.protocol, key.port)
    };
    let of = |listener: &GatewayListener| format!("{} ({})", listener.name, shown(&listener.key()));
    let first = listeners.0.iter().take(NAMED).map(of).collect::<Vec<_>>().join(", ");
    let more = match listeners.0.len().checked_sub(NAMED) {
        None | Some(0) => String::new(),
        Some(more) => format!(" and {more} more"),
    };
    format!(
        "shared gateway {name} has no listener for {}; it has {first}{more}: change ports and Hostnames of the gateway definition, or ask an admin for a \
         listener",
        shown(claimed)
    )
}

/// Whether a proxy can bind the ports of all listeners.
///
/// # Errors
/// Two ports of one transport would be bound to one number.
pub fn check_sockets(driver: Driver, listeners: &GatewayListeners) -> Result<(), Refusal> {
    let mut taken: BTreeMap<Socket, &GatewayListener> = BTreeMap::new();
    for (n, listener) in listeners.0.iter().enumerate() {
        let socket = driver.socket(&listener.key());
        let first = *taken.entry(socket).or_insert(listener);
        if first.port != listener.port {
            let problem = format!(
                "{} can't stand beside port {} of listener {}: the proxy binds both to {}; take another port",
                listener.port, first.port, first.name, socket.bound_port
            );
            return Err(Refusal::field(Reason::InvalidField, format!("Listeners[{n}].Port"), problem));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
