//! Shared gateway: one Gateway for all gateway instances of a cluster and class, in a namespace of its own.
//!
//! Listeners without a hostname are on the Gateway itself, the others in ListenerSets, which are records of their own
//! ([`crate::listener_set`]); or all on the Gateway, where the class has no ListenerSets. The gateway has what its sets have in common: namespace, class,
//! issuers and their credentials, and the certificates that are for all hostnames of a domain.
//!
//! One whose record gives it listeners has these, and certificates for those of them that need some (module `given_listeners`).

use crate::{
    InvalidInput,
    certificates::{Certificates, IssuedCertificates, NONE_ISSUED, wanted},
    driver::{self, Driver},
    given_listeners, infrastructure,
    k8s::{
        Ours,
        cert_manager::{CERTIFICATE, CLUSTER_ISSUER},
        core::namespace,
        gateway_api::{GATEWAY, GatewayAllowedListeners, GatewaySpec, LISTENER_SET, Namespaces},
    },
    labels::Owner,
    names,
    plan::{Object, Plan, Superseded},
    shared_listeners::SharedListeners,
    tls_secret::secret_ref,
};
use causeway_records::{
    Kind,
    inputs::{ClassInCluster, Listener, Named, SharedGatewayInputs},
    inventory::ObjectRef,
    nouns::{DomainNameDefinition, GatewayListener, Service, SharedGateway},
    record::Record,
    text::{Hostname, ObjectName},
};
use causeway_rules::{
    capabilities::Capabilities,
    features::{self, Need},
};
use std::collections::{BTreeMap, BTreeSet};

/// The value of the owner label on the objects of a shared gateway.
pub fn owner(gateway: &Record<SharedGateway>) -> Owner {
    Owner { kind: Kind::SharedGateway, id: gateway.common.id }
}

/// The driver of a shared gateway, by its class and what its cluster says of that.
pub fn driver(gateway: &SharedGateway, known: &ClassInCluster) -> Driver {
    Driver::of_class(class(gateway), known)
}

/// What its Gateway can carry.
pub(crate) fn capabilities<'a>(gateway: &'a SharedGateway, known: &'a ClassInCluster) -> Capabilities<'a> {
    Capabilities::new(class(gateway), known)
}

/// Whether some of its listeners are in ListenerSets, and its class turns out to have none.
pub fn has_misplaced_listeners(inputs: &SharedGatewayInputs) -> bool {
    let spec = &inputs.gateway.record.spec;
    let is_common = spec.listeners.is_none() && inputs.listener_sets.iter().any(|set| set.listeners > 0);
    is_common && !capabilities(spec, &inputs.class_in_cluster).has_listener_sets()
}

/// What it asks for and can't have, each with the reason.
pub(crate) fn unsupported(inputs: &SharedGatewayInputs) -> Vec<(Need, String)> {
    let spec = &inputs.gateway.record.spec;
    capabilities(spec, &inputs.class_in_cluster).missing(&features::of_shared_gateway(spec))
}

fn class(gateway: &SharedGateway) -> Option<&str> {
    gateway.gateway_class_name.as_ref().map(|class| class.as_str())
}

/// The support services that the cluster needs before the gateway is rendered; none while it has no listener.
pub fn support_services(inputs: &SharedGatewayInputs) -> Vec<Service> {
    if !inputs.is_used() {
        return Vec::new();
    }
    let spec = &inputs.gateway.record.spec;
    let is_ordered = match &spec.listeners {
        Some(given) => given.0.iter().any(GatewayListener::needs_certificate),
        None => listeners(inputs, NONE_ISSUED).certified().next().is_some(),
    };
    driver::support_services(driver(spec, &inputs.class_in_cluster), is_ordered)
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

/// Namespace, class, Gateway, the issuers of the certificates, and those certificates that are for whole domains or for listeners on the Gateway itself. Empty
/// while nobody uses the gateway, unless its record gives it listeners.
pub fn render(inputs: &SharedGatewayInputs) -> Result<Plan, InvalidInput> {
    render_over(inputs, NONE_ISSUED)
}

/// As [`render`], in a cluster where these Certificates were issued: no listener loses one before it has another.
pub fn render_over(inputs: &SharedGatewayInputs, issued: &IssuedCertificates) -> Result<Plan, InvalidInput> {
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
        objects.push(driver::gateway_class(driver(spec, &inputs.class_in_cluster), &ours, name));
    }
    let has_sets = capabilities(spec, &inputs.class_in_cluster).has_listener_sets();
    let gateway = GatewaySpec {
        gateway_class_name: driver::gateway_class_name(class(spec), name),
        listeners: listeners(inputs, issued).specs(None)?,
        addresses: infrastructure::addresses(spec.addresses.as_ref()),
        infrastructure: infrastructure::labels_and_annotations(spec.infrastructure.as_ref()),
        allowed_listeners: has_sets.then_some(GatewayAllowedListeners { namespaces: Namespaces::Same }),
        tls: None,
    };
    objects.push(GATEWAY.object(&ours, gateway_ref(&inputs.gateway), &gateway));
    let plain_http = listeners(inputs, issued).plain_http();
    let (all, own) = (certificates(inputs, issued)?, on_gateway(inputs, issued)?);
    objects.extend(all.issuers(&|hostname| plain_http(hostname).parent())?);
    objects.extend(own.certificates()?);
    objects.extend(wildcards(inputs, &all, &own)?);
    let superseded = match own.hostnames.is_empty() {
        true => Superseded::default(),
        false => Superseded {
            objects: own.own_superseded().into_iter().chain(own.wildcards_superseded()).collect(),
            by: Some(gateway_ref(&inputs.gateway)),
        },
    };
    Ok(Plan { superseded, ..objects.into() })
}

/// The certificates of whole domains: of those whose listeners have them, in ListenerSets or on the Gateway itself.
fn wildcards(
    inputs: &SharedGatewayInputs,
    all: &Certificates<'_>,
    own: &Certificates<'_>,
) -> Result<Vec<Object>, InvalidInput> {
    let has_own = |hostname: &str| own.served(hostname).is_some_and(|served| served.wildcard);
    all.wildcards(&|hostname, domain| has_wildcard(inputs, domain) || has_own(hostname))
}

/// Whether hostnames of a domain have one certificate for all, or still have it: what listeners name stays until they name another.
fn has_wildcard(inputs: &SharedGatewayInputs, domain: &DomainNameDefinition) -> bool {
    let named = inputs.listener_sets.iter().filter_map(|set| set.state.as_ref());
    domain.has_wildcard_certificate() || named.into_iter().any(|state| state.wildcards.contains(&domain.domain))
}

/// The certificates that are its own, by what messages call them: those of whole domains, those of listeners on the Gateway itself, ordered or brought, or
/// those that are ordered for given listeners.
pub(crate) fn own_certificates(
    inputs: &SharedGatewayInputs,
    issued: &IssuedCertificates,
) -> BTreeMap<String, ObjectRef> {
    if let Some(given) = &inputs.gateway.record.spec.listeners {
        return given.0.iter().filter_map(|one| given_listeners::certificate(&inputs.gateway, one)).collect();
    }
    let rendered = || -> Result<Vec<Object>, InvalidInput> {
        let (all, own) = (certificates(inputs, issued)?, on_gateway(inputs, issued)?);
        Ok(own.certificates()?.into_iter().chain(wildcards(inputs, &all, &own)?).collect())
    };
    let name = |object: &Object| object.body["spec"]["dnsNames"][0].as_str().unwrap_or_default().to_owned();
    // What can't be rendered has no certificates.
    let ordered = rendered().unwrap_or_default().into_iter().map(|object| (name(&object), object.at));
    let brought = brought(inputs).filter_map(|(listener, at)| Some((listener.key.hostname.clone()?, at)));
    ordered.chain(brought).collect()
}

/// The Secrets that were brought for listeners on the Gateway itself, each once. Those of given listeners are somebody else's to look at.
pub fn tls_secret_refs(inputs: &SharedGatewayInputs) -> Vec<ObjectRef> {
    brought(inputs).map(|(_, at)| at).collect::<BTreeSet<_>>().into_iter().collect()
}

fn brought(inputs: &SharedGatewayInputs) -> impl Iterator<Item = (&Listener, ObjectRef)> {
    let held = inputs.listeners.iter().filter(|listener| listener.listener_set.is_none());
    held.filter_map(|listener| Some((listener, secret_ref(&inputs.gateway.object_name, listener.tls_secret.as_ref()?))))
}

/// The Certificates of whole domains of which listeners on the Gateway itself may have the Secret: those that are looked for before it is rendered.
pub fn wildcard_refs(inputs: &SharedGatewayInputs) -> Vec<ObjectRef> {
    let name = &inputs.gateway.object_name;
    let is_on_gateway = inputs.listeners.iter().any(|one| one.listener_set.is_none() && one.key.hostname.is_some());
    let domains = inputs.domains.iter().filter(|_| is_on_gateway && inputs.gateway.record.spec.listeners.is_none());
    domains
        .map(|domain| CERTIFICATE.at(name, &names::wildcard_certificate(name, domain.spec.domain.as_str())))
        .collect()
}

/// The Secrets that cert-manager makes: those of the certificates of whole domains, of listeners on the Gateway itself or of given ones, and those with the keys
/// of ACME accounts, in its own namespace.
pub fn secrets(inputs: &SharedGatewayInputs) -> Vec<ObjectRef> {
    if let Some(given) = &inputs.gateway.record.spec.listeners {
        return given_listeners::certificates(inputs, given).secrets();
    }
    let own = on_gateway(inputs, NONE_ISSUED).map(|own| own.certificate_secrets()).unwrap_or_default();
    let secrets = |certificates: Certificates<'_>| {
        let all = [own, certificates.wildcard_secrets(), certificates.account_secrets()];
        all.into_iter().flatten().collect()
    };
    certificates(inputs, NONE_ISSUED).map(secrets).unwrap_or_default()
}

/// Of all hostnames for which certificates are ordered, wherever their listeners are.
fn certificates<'a>(
    inputs: &'a SharedGatewayInputs,
    issued: &'a IssuedCertificates,
) -> Result<Certificates<'a>, InvalidInput> {
    let owner = owner(&inputs.gateway.record);
    let certificates = listeners(inputs, issued).certificates(&inputs.control_plane, owner, &inputs.accounts)?;
    let cluster_resource_namespace = inputs.cluster_resource_namespace.as_deref();
    Ok(Certificates { cluster_resource_namespace, ..certificates })
}

/// Of the hostnames whose listeners are on the Gateway itself. Those of the others are their ListenerSets'.
fn on_gateway<'a>(
    inputs: &'a SharedGatewayInputs,
    issued: &'a IssuedCertificates,
) -> Result<Certificates<'a>, InvalidInput> {
    let held = inputs.listeners.iter().filter(|listener| listener.listener_set.is_none());
    let held: BTreeSet<&str> = held.filter_map(|listener| listener.key.hostname.as_deref()).collect();
    let mut certificates = certificates(inputs, issued)?;
    certificates.hostnames.retain(|hostname, _| held.contains(hostname));
    Ok(certificates)
}

pub(crate) fn listeners<'a>(inputs: &'a SharedGatewayInputs, issued: &'a IssuedCertificates) -> SharedListeners<'a> {
    SharedListeners {
        gateway: &inputs.gateway,
        listeners: &inputs.listeners,
        domains: &inputs.domains,
        issued,
        known: &inputs.class_in_cluster,
    }
}
