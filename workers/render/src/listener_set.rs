//! ListenerSet: some listeners of a shared gateway and their certificates, in the gateway's namespace.

use crate::{
    InvalidInput,
    certificates::{CertificateUse, IssuedCertificates, NONE_ISSUED},
    driver,
    k8s::{
        Ours,
        cert_manager::CERTIFICATE,
        gateway_api::{GATEWAY, LISTENER_SET, ListenerSetSpec},
    },
    labels::Owner,
    listeners::parent_reference,
    names,
    plan::{Plan, Superseded},
    shared_gateway::{self, gateway_ref, holder},
    shared_listeners::SharedListeners,
    tls_secret::secret_ref,
};
use causeway_records::{
    Kind,
    inputs::{Listener, ListenerSetInputs},
    inventory::ObjectRef,
    nouns::{DomainNameDefinition, Service},
    record::Record,
    text::Hostname,
};
use causeway_rules::wildcards::covers;
use std::collections::{BTreeMap, BTreeSet};

/// The value of the owner label on a ListenerSet and its Certificates.
pub fn owner(inputs: &ListenerSetInputs) -> Owner {
    Owner { kind: Kind::ListenerSet, id: inputs.id }
}

/// The object in the cluster.
pub fn listener_set_ref(inputs: &ListenerSetInputs) -> ObjectRef {
    holder(&inputs.gateway, Some(inputs.ordinal))
}

/// The support services that the cluster needs before the set is rendered; none while it has no listener.
pub fn support_services(inputs: &ListenerSetInputs) -> Vec<Service> {
    if inputs.listeners.is_empty() {
        return Vec::new();
    }
    let has_tls = listeners(inputs, NONE_ISSUED).certified().next().is_some();
    let driver = shared_gateway::driver(&inputs.gateway.record.spec, &inputs.class_in_cluster);
    driver::support_services(driver, has_tls)
}

/// The ListenerSet, and the Certificates of its listeners. Empty while it has no listener.
pub fn render(inputs: &ListenerSetInputs) -> Result<Plan, InvalidInput> {
    render_over(inputs, NONE_ISSUED)
}

/// As [`render`], in a cluster where these Certificates were issued: no listener loses one before it has another.
pub fn render_over(inputs: &ListenerSetInputs, issued: &IssuedCertificates) -> Result<Plan, InvalidInput> {
    if inputs.listeners.is_empty() {
        return Ok(Plan::default());
    }
    let ours = Ours { control_plane: &inputs.control_plane, owner: owner(inputs) };
    let spec = ListenerSetSpec {
        parent_ref: parent_reference(&gateway_ref(&inputs.gateway), GATEWAY.kind, None),
        listeners: listeners(inputs, issued).specs(Some(inputs.ordinal))?,
    };
    // One without any isn't valid.
    let is_there = !spec.listeners.is_empty();
    let mut objects: Vec<_> =
        is_there.then(|| LISTENER_SET.object(&ours, listener_set_ref(inputs), &spec)).into_iter().collect();
    let certificates = listeners(inputs, issued).certificates(&inputs.control_plane, owner(inputs), &[])?;
    objects.extend(certificates.certificates()?);
    let superseded = Superseded { objects: certificates.own_superseded(), by: Some(listener_set_ref(inputs)) };
    Ok(Plan { superseded, ..objects.into() })
}

/// The Secrets that cert-manager makes for the Certificates. They carry Causeway's labels and are in no plan: they must stay as long as the
/// Certificates do, and go with them.
pub fn secrets(inputs: &ListenerSetInputs) -> Vec<ObjectRef> {
    let certificates = listeners(inputs, NONE_ISSUED).certificates(&inputs.control_plane, owner(inputs), &[]);
    certificates.map(|certificates| certificates.certificate_secrets()).unwrap_or_default()
}

/// The Certificates of its own, by hostname.
pub(crate) fn certificates_of<'a>(
    inputs: &'a ListenerSetInputs,
    issued: &'a IssuedCertificates,
) -> BTreeMap<&'a str, ObjectRef> {
    let name = &inputs.gateway.object_name;
    let served = served(inputs, issued).into_iter().filter(|(_, served)| served.own);
    served.map(|(hostname, _)| (hostname, CERTIFICATE.at(name, &names::certificate(name, hostname)))).collect()
}

/// The Secrets with certificates that were brought for its listeners, each once.
pub fn tls_secret_refs(inputs: &ListenerSetInputs) -> Vec<ObjectRef> {
    let brought: BTreeSet<_> = inputs.listeners.iter().filter_map(|listener| brought_to(inputs, listener)).collect();
    brought.into_iter().collect()
}

/// The Secret that was brought for a listener.
pub(crate) fn brought_to(inputs: &ListenerSetInputs, listener: &Listener) -> Option<ObjectRef> {
    Some(secret_ref(&inputs.gateway.object_name, listener.tls_secret.as_ref()?))
}

/// The domains whose one certificate its listeners have.
pub(crate) fn wildcards_of(inputs: &ListenerSetInputs, issued: &IssuedCertificates) -> BTreeSet<Hostname> {
    let served = served(inputs, issued);
    let have = |domain: &&Record<DomainNameDefinition>| {
        let of_it = served.iter().filter(|(hostname, _)| covers(&domain.spec.domain, hostname));
        of_it.into_iter().any(|(_, served)| served.has_wildcard)
    };
    inputs.domains.iter().filter(have).map(|domain| domain.spec.domain.clone()).collect()
}

/// The Certificates of whole domains of which its listeners may have the Secret: those that it looks for before it is rendered.
pub fn wildcard_refs(inputs: &ListenerSetInputs) -> Vec<ObjectRef> {
    let name = &inputs.gateway.object_name;
    let of = |domain: &Record<DomainNameDefinition>| {
        CERTIFICATE.at(name, &names::wildcard_certificate(name, domain.spec.domain.as_str()))
    };
    inputs.domains.iter().map(of).collect()
}

fn served<'a>(inputs: &'a ListenerSetInputs, issued: &'a IssuedCertificates) -> BTreeMap<&'a str, CertificateUse> {
    let (gateway, listeners, domains) = (&inputs.gateway, &inputs.listeners, &inputs.domains);
    // What can't be rendered has no certificates.
    SharedListeners { gateway, listeners, domains, issued, known: &inputs.class_in_cluster }
        .served()
        .unwrap_or_default()
}

fn listeners<'a>(inputs: &'a ListenerSetInputs, issued: &'a IssuedCertificates) -> SharedListeners<'a> {
    SharedListeners {
        gateway: &inputs.gateway,
        listeners: &inputs.listeners,
        domains: &inputs.domains,
        issued,
        known: &inputs.class_in_cluster,
    }
}
