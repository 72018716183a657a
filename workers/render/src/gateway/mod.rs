//! Gateway instance: routes in its workload's namespace and, with Placement Dedicated, a Gateway there for this instance alone.

mod backend;
mod capabilities;
mod dedicated;
mod grants;
mod named_route;
mod port_backends;
mod routes;
mod rules;
mod shadows;

pub use crate::listeners::ListenerAt;
pub(crate) use capabilities::{capabilities, unsupported};
pub use capabilities::{class, driver};
pub use dedicated::secrets;
pub use named_route::shut_out;

use crate::{
    InvalidInput,
    certificates::{IssuedCertificates, NONE_ISSUED, wanted},
    driver, given_listeners,
    k8s::{Ours, cert_manager::CERTIFICATE, gateway_api},
    labels::Owner,
    names,
    plan::{Plan, Superseded},
    shared_gateway,
    tls_secret::secret_ref,
};
use causeway_records::{
    Kind,
    inputs::{GatewayInputs, ListenerKey, Named, Protocol},
    inventory::ObjectRef,
    nouns::{
        GatewayInstance, GatewayListener, GatewayListeners, GatewayTcpPort, Placement, Service, SharedGateway, TlsMode,
    },
    record::Record,
};
use causeway_rules::{
    attachment::{self, AttachingWorkload},
    ports::{TlsPort, layer4_ports, tls_ports},
    routes::protocol,
    tls_secrets::tls_secrets,
};
use std::collections::{BTreeMap, BTreeSet};

/// The value of the owner label on the objects of a gateway instance.
pub fn owner(instance: &Record<GatewayInstance>) -> Owner {
    Owner { kind: Kind::GatewayInstance, id: instance.common.id }
}

/// The support services that the cluster needs before the instance is rendered.
pub fn support_services(inputs: &GatewayInputs) -> Vec<Service> {
    driver::support_services(driver(inputs), needs_certificate(inputs))
}

/// Objects of other records whose state the instance's conditions are computed from, each once and sorted: the Gateway and, of a shared one,
/// the ListenerSets, certificates and issuer that the instance uses.
pub fn observed_refs(inputs: &GatewayInputs) -> Vec<ObjectRef> {
    let mut all = BTreeSet::from([gateway_ref(inputs)]);
    let Some(shared) = &inputs.shared_gateway else { return all.into_iter().collect() };
    let name = &shared.gateway.object_name;
    all.extend(
        shared.listener_sets.values().map(|listener_set| shared_gateway::holder(&shared.gateway, *listener_set)),
    );
    let certificates = certificates(inputs).into_iter().map(|(_, at)| at);
    let ordered: Vec<ObjectRef> = certificates.filter(|at| CERTIFICATE.is(at)).collect();
    // Without them no kind of cert-manager may be watched, because it may not be installed.
    if !ordered.is_empty() {
        all.extend(ordered);
        all.extend(signing_domain(inputs).map(|domain| shared_gateway::issuer_ref(name, domain)));
    }
    all.into_iter().collect()
}

/// The Gateway that carries the instance's routes: the shared one, or its own.
pub fn gateway_ref(inputs: &GatewayInputs) -> ObjectRef {
    match &inputs.shared_gateway {
        Some(shared) => shared_gateway::gateway_ref(&shared.gateway),
        None => gateway_api::GATEWAY.at(namespace(inputs), &inputs.instance.object_name),
    }
}

/// The domain whose issuer signs for its listeners: for given ones that of the shared gateway.
pub(crate) fn signing_domain(inputs: &GatewayInputs) -> Option<i64> {
    match given(inputs) {
        Some((gateway, _)) => gateway.record.spec.domain_name_definition_id,
        None => inputs.domain.as_ref().map(Record::id),
    }
}

/// The listeners that the record of the shared gateway gives it; None: it is the common one, or there is none. Their certificates are the gateway's, and none
/// is made for the instance.
fn given(inputs: &GatewayInputs) -> Option<(&Named<SharedGateway>, &GatewayListeners)> {
    let gateway = &inputs.shared_gateway.as_ref()?.gateway;
    Some((gateway, gateway.record.spec.listeners.as_ref()?))
}

/// Why the instance may not be attached to its shared gateway (any more), and what to do about it.
pub(crate) fn not_allowed(inputs: &GatewayInputs) -> Option<String> {
    let (gateway, _) = given(inputs)?;
    let is_granted = inputs.shared_gateway.as_ref()?.is_granted;
    let workload = &inputs.workload.instance.record;
    let labels = workload.spec.namespace_labels.as_ref();
    let attaching = AttachingWorkload { id: workload.id(), namespace: namespace(inputs), labels, is_granted };
    let is_allowed = attachment::may_attach(&gateway.record.spec, &attaching);
    (!is_allowed).then(|| attachment::not_allowed(&gateway.record.spec, workload.spec.name.as_str()))
}

/// Backends of other workloads that nobody has granted, each as a sentence with what to do.
pub(crate) fn not_granted(inputs: &GatewayInputs) -> Vec<String> {
    rules::not_granted(inputs).into_iter().chain(port_backends::not_granted(inputs)).collect()
}

/// The certificates of its listeners, each with what it is called in messages: Certificates that are ordered, and Secrets that were brought.
pub(crate) fn certificates(inputs: &GatewayInputs) -> BTreeSet<(String, ObjectRef)> {
    if let Some((gateway, given)) = given(inputs) {
        let used = listeners(inputs).unwrap_or_default();
        let is_used = |one: &&GatewayListener| used.iter().any(|at| at.name == one.name.as_str());
        return given.0.iter().filter(is_used).filter_map(|one| given_listeners::certificate(gateway, one)).collect();
    }
    let brought = brought(inputs);
    let ending_tls = listeners(inputs).unwrap_or_default().into_iter().filter(|at| at.key.protocol.ends_tls());
    let certificate = |at: ListenerAt| {
        let hostname = at.key.hostname.as_deref()?;
        Some(match brought.get(&at.key) {
            Some(secret) => (hostname.to_owned(), secret_ref(certificate_namespace(inputs), secret)),
            None => wanted_certificate(inputs, hostname),
        })
    };
    ending_tls.filter_map(certificate).collect()
}

/// The Secrets with certificates that were brought for its listeners, each once.
pub fn tls_secret_refs(inputs: &GatewayInputs) -> Vec<ObjectRef> {
    let at = |name: &String| secret_ref(certificate_namespace(inputs), name);
    brought(inputs).values().map(at).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The Secret of each listener that was brought. What names two was refused by the API, and so was one beside given listeners.
fn brought(inputs: &GatewayInputs) -> BTreeMap<ListenerKey, String> {
    if given(inputs).is_some() {
        return BTreeMap::new();
    }
    tls_secrets(&inputs.definition.spec, &inputs.hostnames).unwrap_or_default()
}

/// The namespace of the listeners, and so of their Secrets.
fn certificate_namespace(inputs: &GatewayInputs) -> &str {
    match &inputs.shared_gateway {
        Some(shared) => &shared.gateway.object_name,
        None => namespace(inputs),
    }
}

/// The Certificate that a hostname is to have, with what it is called in messages.
fn wanted_certificate(inputs: &GatewayInputs, hostname: &str) -> (String, ObjectRef) {
    if let Some(shared) = &inputs.shared_gateway {
        let wildcard = shared.wildcards.get(hostname);
        return shared_gateway::wanted_certificate(&shared.gateway.object_name, hostname, wildcard);
    }
    let wildcard = inputs.domain.as_ref().filter(|domain| domain.spec.has_wildcard_certificate());
    let at = (namespace(inputs), inputs.instance.object_name.as_str());
    wanted(at, hostname, wildcard.map(|domain| &domain.spec.domain))
}

/// The Certificate of a whole domain that the listeners of the instance's own Gateway have, or may still have.
pub fn wildcard_ref(inputs: &GatewayInputs) -> Option<ObjectRef> {
    let domain = inputs.domain.as_ref().filter(|_| inputs.shared_gateway.is_none() && needs_certificate(inputs))?;
    let name = names::wildcard_certificate(&inputs.instance.object_name, domain.spec.domain.as_str());
    Some(CERTIFICATE.at(namespace(inputs), &name))
}

/// The routes, the ReferenceGrants that they need for Services in other namespaces and, with Placement Dedicated, the Gateway and its certificates. Nothing
/// where the instance may not be attached.
pub fn render(inputs: &GatewayInputs) -> Result<Plan, InvalidInput> {
    render_over(inputs, NONE_ISSUED)
}

/// As [`render`], in a cluster where these Certificates were issued: no listener loses one before it has another.
pub fn render_over(inputs: &GatewayInputs, issued: &IssuedCertificates) -> Result<Plan, InvalidInput> {
    if not_allowed(inputs).is_some() {
        return Ok(Plan::default());
    }
    let spec = &inputs.definition.spec;
    if spec.http_ports.is_empty() && spec.tcp_ports.is_empty() && spec.udp_ports.is_empty() {
        return Err(about(inputs, "HttpPorts", "it has no port yet; add one"));
    }
    if !capabilities::serves_any(inputs) {
        return Ok(Plan::default());
    }
    let ours = Ours { control_plane: &inputs.control_plane, owner: owner(&inputs.instance.record) };
    let mut objects = if inputs.shared_gateway.is_some() {
        Vec::new()
    } else if inputs.definition.spec.placement() == Placement::Dedicated {
        dedicated::objects(inputs, &ours, issued)?
    } else {
        return Err(about(
            inputs,
            "Placement",
            "is Shared, and the cluster has no shared gateway on record yet; update the gateway definition",
        ));
    };
    objects.extend(named_route::put_together(inputs, routes::objects(inputs, &ours)?)?);
    let superseded = match inputs.shared_gateway {
        Some(_) => Superseded::default(),
        None => dedicated::superseded(inputs, issued),
    };
    Ok(Plan { warnings: shadows::warnings(inputs), superseded, ..objects.into() })
}

/// The listeners that the instance's routes attach to, each once, by key; without those that the class can't have.
pub fn listeners(inputs: &GatewayInputs) -> Result<Vec<ListenerAt>, InvalidInput> {
    let mut found = BTreeSet::new();
    let capabilities = capabilities(inputs);
    for port in &inputs.definition.spec.http_ports {
        for hostname in hostnames(inputs) {
            found.insert(listener_at(inputs, port.port.get(), protocol(port), hostname)?);
        }
    }
    for port in layer4_ports(&inputs.definition.spec) {
        found.insert(listener_at(inputs, port.port.get(), port.protocol, None)?);
    }
    for port in tls(inputs)? {
        for hostname in &port.hostnames {
            found.insert(listener_at(inputs, port.port.get(), port.protocol, Some(hostname))?);
        }
    }
    Ok(found.into_iter().filter(|at| capabilities.serves(at.key.protocol)).collect())
}

/// The namespace of the routes, and of a dedicated Gateway.
pub(crate) fn namespace(inputs: &GatewayInputs) -> &str {
    &inputs.workload.instance.object_name
}

/// Whether a certificate is ordered for a port: it ends TLS, and names no Secret. None is for given listeners.
fn needs_certificate(inputs: &GatewayInputs) -> bool {
    if given(inputs).is_some() {
        return false;
    }
    let spec = &inputs.definition.spec;
    let ended = |port: &GatewayTcpPort| port.tls() == Some(TlsMode::Terminate) && port.tls_secret_name.is_none();
    spec.http_ports.iter().any(|port| protocol(port).ends_tls() && port.tls_secret_name.is_none())
        || spec.tcp_ports.iter().any(ended)
}

/// The TCP ports with TLS.
fn tls(inputs: &GatewayInputs) -> Result<Vec<TlsPort>, InvalidInput> {
    tls_ports(&inputs.definition.spec, &inputs.hostnames).map_err(|refusal| about(inputs, "TcpPorts", refusal.sentence))
}

/// The hostnames, each once and sorted; a single None stands for all hostnames.
fn hostnames(inputs: &GatewayInputs) -> Vec<Option<&str>> {
    if inputs.hostnames.is_empty() {
        return vec![None];
    }
    let each: BTreeSet<&str> = inputs.hostnames.iter().map(String::as_str).collect();
    each.into_iter().map(Some).collect()
}

/// The listener that serves a hostname on a port. On a common shared gateway a listener of the hostname itself comes before the one for all hostnames.
fn listener_at(
    inputs: &GatewayInputs,
    port: i32,
    protocol: Protocol,
    hostname: Option<&str>,
) -> Result<ListenerAt, InvalidInput> {
    let every = ListenerKey { port, protocol, hostname: None };
    let own = ListenerKey { hostname: hostname.map(str::to_owned), ..every.clone() };
    let Some(shared) = &inputs.shared_gateway else {
        // A dedicated Gateway has no other user, and only TLS needs a listener for each hostname.
        let key = if protocol.is_tls() { own } else { every };
        return Ok(ListenerAt::new(key, gateway_ref(inputs)));
    };
    let name = shared.gateway.record.spec.name.as_str();
    if let Some((gateway, listeners)) = given(inputs) {
        let missing = || about(inputs, "HttpPorts", attachment::no_listener(name, listeners, &own));
        return Ok(given_listeners::at(gateway, attachment::listener_for(listeners, &own).ok_or_else(missing)?));
    }
    for key in [own, every] {
        if let Some(listener_set) = shared.listener_sets.get(&key) {
            return Ok(ListenerAt::new(key, shared_gateway::holder(&shared.gateway, *listener_set)));
        }
    }
    let message =
        format!("shared gateway {name} has no listener for {protocol} port {port} yet; update the gateway definition");
    Err(about(inputs, "HttpPorts", message))
}

/// The error that names a field of the gateway definition.
fn about(inputs: &GatewayInputs, field: &'static str, message: impl Into<String>) -> InvalidInput {
    InvalidInput::new("gateway definition", &inputs.definition.spec.name, field, message)
}
