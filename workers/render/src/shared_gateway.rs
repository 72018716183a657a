//! Shared gateway: one Gateway for all gateway instances of a cluster and class, in a namespace of its own.
//!
//! Listeners without a hostname are on the Gateway itself, the others in ListenerSets, which are records of their own
//! ([`crate::listener_set`]). The gateway has what its sets have in common: namespace, class, issuers and their credentials, and the certificates that are
//! for all hostnames of a domain.
//!
//! One whose record gives it listeners has these, and certificates for those of them that need some (module `given_listeners`).

use crate::{
    InvalidInput,
    certificates::{Certificates, NONE_ISSUED, wanted},
    driver::{self, Driver},
    given_listeners, infrastructure,
    k8s::{
        Ours,
        cert_manager::CLUSTER_ISSUER,
        core::namespace,
        gateway_api::{AllowedListeners, GATEWAY, GatewaySpec, LISTENER_SET, Namespaces},
    },
    labels::Owner,
    names,
    plan::{Object, Plan},
    shared_listeners::SharedListeners,
};
use causeway_records::{
    Kind,
    inputs::{Named, SharedGatewayInputs},
    inventory::ObjectRef,
    nouns::{DomainNameDefinition, GatewayListener, Service, SharedGateway},
    record::Record,
    text::{Hostname, ObjectName},
};
use std::collections::BTreeMap;

/// The value of the owner label on the objects of a shared gateway.
pub fn owner(gateway: &Record<SharedGateway>) -> Owner {
    Owner { kind: Kind::SharedGateway, id: gateway.common.id }
}

/// The driver of a shared gateway, by its class.
pub fn driver(gateway: &SharedGateway) -> Driver {
    Driver::for_class(gateway.gateway_class_name.as_ref().map(|class| class.as_str()))
}

/// The support services that the cluster needs before the gateway is rendered; none while it has no listener.
pub fn support_services(inputs: &SharedGatewayInputs) -> Vec<Service> {
    if !inputs.is_used() {
        return Vec::new();
    }
    let spec = &inputs.gateway.record.spec;
    let is_ordered = match &spec.listeners {
        Some(given) => given.0.iter().any(GatewayListener::needs_certificate),
        None => listeners(inputs).certified().next().is_some(),
    };
    driver::support_services(driver(spec), is_ordered)
}

/// The Gateway of a shared gateway. It and its namespace have the same name, unless the record says others.
pub fn gateway_ref(gateway: &Named<SharedGateway>) -> ObjectRef {
    let (spec, own) = (&gateway.record.spec, gateway.object_name.as_str());
    let namespace = spec.namespace.as_ref().map_or(own, ObjectName::as_str);
    GATEWAY.at(namespace, spec.gateway_name.as_ref().map_or(own, ObjectName::as_str))
}

/// The Certificate that a hostname is to have, with what it is called in messages. `wildcard`: the domain that it is signed for, if that has one for all.
pub(crate) fn wanted_certificate(
    object_name: &str,
    hostname: &str,
    wildcard: Option<&Hostname>,
) -> (String, ObjectRef) {
    wanted((object_name, object_name), hostname, wildcard)
}

/// The ClusterIssuer that signs for a domain on a shared gateway.
pub fn issuer_ref(object_name: &str, domain_name_definition_id: i64) -> ObjectRef {
    CLUSTER_ISSUER.cluster(&names::cluster_issuer(object_name, domain_name_definition_id))
}

/// The object that holds a listener: a ListenerSet, by its ordinal, or the Gateway itself.
pub fn holder(gateway: &Named<SharedGateway>, listener_set: Option<i32>) -> ObjectRef {
    let name = &gateway.object_name;
    match listener_set {
        None => gateway_ref(gateway),
        Some(ordinal) => LISTENER_SET.at(name, &names::listener_set(name, ordinal)),
    }
}

/// Namespace, class, Gateway, the issuers of the certificates, and those certificates that are for whole domains. Empty while nobody uses the gateway,
/// unless its record gives it listeners.
pub fn render(inputs: &SharedGatewayInputs) -> Result<Plan, InvalidInput> {
    if !inputs.is_used() {
        return Ok(Plan::default());
    }
    let ours = Ours { control_plane: &inputs.control_plane, owner: owner(&inputs.gateway.record) };
    let name = &inputs.gateway.object_name;
    let spec = &inputs.gateway.record.spec;
    if let Some(given) = &spec.listeners {
        return Ok(given_listeners::objects(inputs, given, &ours)?.into());
    }
    let mut objects = vec![namespace(&ours, name)];
    if spec.gateway_class_name.is_none() {
        objects.push(driver::gateway_class(driver(spec), &ours, name));
    }
    let gateway = GatewaySpec {
        gateway_class_name: driver::gateway_class_name(spec.gateway_class_name.as_ref().map(|c| c.as_str()), name),
        listeners: listeners(inputs).specs(None)?,
        addresses: infrastructure::addresses(spec.addresses.as_ref()),
        infrastructure: infrastructure::labels_and_annotations(spec.infrastructure.as_ref()),
        allowed_listeners: Some(AllowedListeners { namespaces: Namespaces::Same }),
    };
    objects.push(GATEWAY.object(&ours, gateway_ref(&inputs.gateway), &gateway));
    let plain_http = listeners(inputs).plain_http();
    let certificates = certificates(inputs)?;
    objects.extend(certificates.issuers(&|hostname| plain_http(hostname).parent())?);
    objects.extend(certificates.wildcards(&|_, domain| has_wildcard(inputs, domain))?);
    Ok(objects.into())
}

/// Whether hostnames of a domain have one certificate for all, or still have it: what listeners name stays until they name another.
fn has_wildcard(inputs: &SharedGatewayInputs, domain: &DomainNameDefinition) -> bool {
    let named = inputs.listener_sets.iter().filter_map(|set| set.state.as_ref());
    domain.has_wildcard_certificate() || named.into_iter().any(|state| state.wildcards.contains(&domain.domain))
}

/// The Certificates of whole domains, or those that are ordered for given listeners, by what messages call them.
pub(crate) fn own_certificates(inputs: &SharedGatewayInputs) -> BTreeMap<String, ObjectRef> {
    if let Some(given) = &inputs.gateway.record.spec.listeners {
        return given.0.iter().filter_map(|one| given_listeners::certificate(&inputs.gateway, one)).collect();
    }
    let rendered = certificates(inputs).and_then(|all| all.wildcards(&|_, domain| has_wildcard(inputs, domain)));
    // What can't be rendered has no certificates.
    let name = |object: &Object| object.body["spec"]["dnsNames"][0].as_str().unwrap_or_default().to_owned();
    rendered.unwrap_or_default().into_iter().map(|object| (name(&object), object.at)).collect()
}

/// The Secrets that cert-manager makes: those of the certificates of whole domains or of given listeners, and those with the keys of ACME accounts, in its own
/// namespace.
pub fn secrets(inputs: &SharedGatewayInputs) -> Vec<ObjectRef> {
    if let Some(given) = &inputs.gateway.record.spec.listeners {
        return given_listeners::certificates(inputs, given).secrets();
    }
    let secrets = |certificates: Certificates<'_>| {
        let all = [certificates.wildcard_secrets(), certificates.account_secrets()];
        all.into_iter().flatten().collect()
    };
    certificates(inputs).map(secrets).unwrap_or_default()
}

fn certificates(inputs: &SharedGatewayInputs) -> Result<Certificates<'_>, InvalidInput> {
    let certificates =
        listeners(inputs).certificates(&inputs.control_plane, owner(&inputs.gateway.record), &inputs.accounts)?;
    let cluster_resource_namespace = inputs.cluster_resource_namespace.as_deref();
    Ok(Certificates { cluster_resource_namespace, ..certificates })
}

pub(crate) fn listeners(inputs: &SharedGatewayInputs) -> SharedListeners<'_> {
    SharedListeners {
        gateway: &inputs.gateway,
        listeners: &inputs.listeners,
        domains: &inputs.domains,
        issued: NONE_ISSUED,
    }
}
