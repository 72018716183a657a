//! A shared gateway whose record gives it listeners: a Gateway in a namespace that is there, with these listeners and no others.
//!
//! A listener lets in exactly the namespaces of the gateway instances that are attached to it, by the name that the API server gives each, as on the common
//! gateway, unless the record says which routes it lets in. Who may attach is said by records, so no label that somebody sets in the cluster lets a route in,
//! and whoever may no longer attach is shut out by the listener, whatever is still in the cluster.
//!
//! Where TLS ends a listener has a Secret that somebody keeps in that namespace, or a certificate that is ordered there from the issuer of the domain that
//! the record names.

use crate::{
    InvalidInput,
    certificates::{Certificates, NONE_ISSUED},
    driver, infrastructure,
    k8s::{
        Ours,
        cert_manager::CERTIFICATE,
        gateway_api::{GATEWAY, GatewaySpec, ListenerSpec},
    },
    listeners::{ListenerAt, allowed, allowed_listeners, exactly, listener, parent_reference, restricted},
    names,
    plan::Object,
    shared_gateway::{self, gateway_ref, owner},
};
use causeway_records::{
    inputs::{Listener, Named, SharedGatewayInputs},
    inventory::ObjectRef,
    nouns::{GatewayListener, GatewayListeners, GatewayTls, SharedGateway},
    text::ObjectName,
};
use causeway_rules::{attachment::listener_for, listener_certificates::challenged};
use std::collections::BTreeSet;

/// A given listener where it stands.
pub(crate) fn at(gateway: &Named<SharedGateway>, given: &GatewayListener) -> ListenerAt {
    ListenerAt {
        key: given.key(),
        holder: gateway_ref(gateway),
        name: given.name.to_string(),
        secret: given.secret_name.as_ref().map(|name| {
            let elsewhere = given.secret_namespace.as_ref().map(ObjectName::as_str);
            format!("{}/{name}", elsewhere.unwrap_or_else(|| namespace(gateway)))
        }),
    }
}

/// The Certificate that is ordered for a listener, with its hostname. Listeners of one hostname have one.
pub(crate) fn certificate(gateway: &Named<SharedGateway>, given: &GatewayListener) -> Option<(String, ObjectRef)> {
    let hostname = given.hostname.as_ref().filter(|_| given.needs_certificate())?.as_str();
    let name = names::certificate(&gateway.object_name, hostname);
    Some((hostname.to_owned(), CERTIFICATE.at(namespace(gateway), &name)))
}

/// The certificates that are ordered, and who signs them. A listener changes over to another one at once: a hostname keeps its certificate.
pub(crate) fn certificates<'a>(inputs: &'a SharedGatewayInputs, given: &'a GatewayListeners) -> Certificates<'a> {
    let domain = inputs.gateway.record.spec.domain_name_definition_id;
    let ordered = given.0.iter().filter(|one| one.needs_certificate());
    Certificates {
        ours: Ours { control_plane: &inputs.control_plane, owner: owner(&inputs.gateway.record) },
        object_name: &inputs.gateway.object_name,
        namespace: namespace(&inputs.gateway),
        hostnames: ordered.filter_map(|one| Some((one.hostname.as_ref()?.as_str(), domain?))).collect(),
        domains: inputs.domains.iter().collect(),
        accounts: inputs.accounts.iter().collect(),
        cluster_resource_namespace: inputs.cluster_resource_namespace.as_deref(),
        issued: NONE_ISSUED,
    }
}

/// The class unless the record names another one, the Gateway, and what signs and keeps the certificates that are ordered.
pub(crate) fn objects(
    inputs: &SharedGatewayInputs,
    given: &GatewayListeners,
    ours: &Ours<'_>,
) -> Result<Vec<Object>, InvalidInput> {
    let (name, spec) = (&inputs.gateway.object_name, &inputs.gateway.record.spec);
    let class = spec.gateway_class_name.as_ref().map(|class| class.as_str());
    let capabilities = shared_gateway::capabilities(spec, &inputs.class_in_cluster);
    let served = given.0.iter().filter(|one| capabilities.serves(one.protocol()));
    let listeners = served.map(|one| {
        let (own, namespaces) = (secret_of(&inputs.gateway, one), exactly(entitled(inputs, given, one)));
        let mut own = listener(&one.key(), namespaces, own, &capabilities);
        let elsewhere = one.secret_namespace.as_ref().map(ToString::to_string);
        own.tls.iter_mut().flat_map(|tls| &mut tls.certificate_refs).for_each(|at| at.namespace.clone_from(&elsewhere));
        let allowed_routes = match &one.allowed_routes {
            Some(said) => allowed(said),
            None => restricted(own.allowed_routes, one.route_kinds.as_ref()),
        };
        ListenerSpec { name: one.name.to_string(), allowed_routes, ..own }
    });
    let gateway = GatewaySpec {
        gateway_class_name: driver::gateway_class_name(class, name),
        listeners: listeners.collect(),
        addresses: infrastructure::addresses(spec.addresses.as_ref()),
        infrastructure: infrastructure::labels_and_annotations(spec.infrastructure.as_ref()),
        allowed_listeners: spec.allowed_listeners.as_ref().and_then(allowed_listeners),
        tls: spec.tls.clone().filter(GatewayTls::says_something),
    };
    let driver = shared_gateway::driver(spec, &inputs.class_in_cluster);
    let own_class = class.is_none().then(|| driver::gateway_class(driver, ours, name));
    let holder = gateway_ref(&inputs.gateway);
    let mut objects: Vec<Object> = own_class.into_iter().collect();
    let gateway = GATEWAY.object(ours, holder.clone(), &gateway);
    objects.push(Object { take_over: spec.gateway_name.is_some(), ..gateway });
    // The API takes no domain whose authority would look where no listener is.
    let plain_http = |hostname: &str| {
        let looked_at = inputs.domains.iter().find_map(|domain| challenged(given, hostname, &domain.spec));
        parent_reference(&holder, GATEWAY.kind, looked_at.map(|one| one.name.to_string()))
    };
    objects.extend(certificates(inputs, given).render(&plain_http)?);
    Ok(objects)
}

/// The namespaces of those whose claims a listener serves, and where proofs for an authority are served on it, that in which cert-manager makes their routes.
fn entitled(inputs: &SharedGatewayInputs, given: &GatewayListeners, one: &GatewayListener) -> BTreeSet<String> {
    let is_it = |found: Option<&GatewayListener>| found.is_some_and(|found| found.name == one.name);
    let served = inputs.listeners.iter().filter(|claimed: &&Listener| is_it(listener_for(given, &claimed.key)));
    let mut entitled: BTreeSet<String> =
        served.flat_map(|claimed| &claimed.users).map(|user| user.namespace.clone()).collect();
    let proved = certificates(inputs, given).hostnames;
    let proves = |hostname: &&str| inputs.domains.iter().any(|domain| is_it(challenged(given, hostname, &domain.spec)));
    if proved.keys().any(proves) {
        entitled.insert(namespace(&inputs.gateway).to_owned());
    }
    entitled
}

/// The Secret with its certificate: the one that it names, or that of its Certificate, which is called like it.
fn secret_of(gateway: &Named<SharedGateway>, given: &GatewayListener) -> Option<String> {
    let own = given.secret_name.as_ref().map(ToString::to_string);
    own.or_else(|| certificate(gateway, given).map(|(_, at)| at.name))
}

/// Where the Gateway is.
fn namespace(gateway: &Named<SharedGateway>) -> &str {
    let own = gateway.record.spec.namespace.as_ref();
    own.map_or(gateway.object_name.as_str(), |namespace| namespace.as_str())
}
