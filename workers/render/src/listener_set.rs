//! ListenerSet: some listeners of a shared gateway and their certificates, in the gateway's namespace.

use crate::{
    InvalidInput, driver,
    k8s::{
        Ours,
        gateway_api::{GATEWAY, LISTENER_SET, ListenerSetSpec},
    },
    labels::Owner,
    listeners::parent_reference,
    plan::Plan,
    shared_gateway::{self, certificate_ref, gateway_ref, holder},
    shared_listeners::SharedListeners,
};
use causeway_records::{Kind, inputs::ListenerSetInputs, inventory::ObjectRef, nouns::Service};

/// The value of the owner label on a ListenerSet and its Certificates.
pub fn owner(inputs: &ListenerSetInputs) -> Owner {
    Owner { kind: Kind::ListenerSet, id: inputs.id }
}

/// The ListenerSet.
pub fn listener_set_ref(inputs: &ListenerSetInputs) -> ObjectRef {
    holder(&inputs.gateway.object_name, Some(inputs.ordinal))
}

/// The support services that the cluster needs before the set is rendered; none while it has no listener.
pub fn support_services(inputs: &ListenerSetInputs) -> Vec<Service> {
    if inputs.listeners.is_empty() {
        return Vec::new();
    }
    let has_tls = listeners(inputs).ending_tls().next().is_some();
    driver::support_services(shared_gateway::driver(&inputs.gateway.record.spec), has_tls)
}

/// The ListenerSet, and the Certificates of its listeners. Empty while it has no listener.
pub fn render(inputs: &ListenerSetInputs) -> Result<Plan, InvalidInput> {
    if inputs.listeners.is_empty() {
        return Ok(Plan::default());
    }
    let ours = Ours { control_plane: &inputs.control_plane, owner: owner(inputs) };
    let spec = ListenerSetSpec {
        parent_ref: parent_reference(&gateway_ref(&inputs.gateway.object_name), GATEWAY.kind, None),
        listeners: listeners(inputs).specs(Some(inputs.ordinal))?,
    };
    let mut objects = vec![LISTENER_SET.object(&ours, listener_set_ref(inputs), &spec)];
    objects.extend(listeners(inputs).certificates(&inputs.control_plane, owner(inputs), &[])?.certificates()?);
    Ok(objects.into())
}

/// The Secrets that cert-manager makes for the Certificates. They carry Causeway's labels and are in no plan: they must stay as long as the
/// Certificates do, and go with them.
pub fn secrets(inputs: &ListenerSetInputs) -> Vec<ObjectRef> {
    let certificates = listeners(inputs).certificates(&inputs.control_plane, owner(inputs), &[]);
    certificates.map(|certificates| certificates.certificate_secrets()).unwrap_or_default()
}

/// The Certificates of the listeners that end TLS, by hostname.
pub fn certificates_of(inputs: &ListenerSetInputs) -> impl Iterator<Item = (&str, ObjectRef)> {
    let ending_tls = inputs.listeners.iter().filter(|listener| listener.key.protocol.ends_tls());
    let hostnames = ending_tls.filter_map(|listener| listener.key.hostname.as_deref());
    hostnames.map(|hostname| (hostname, certificate_ref(&inputs.gateway.object_name, hostname)))
}

fn listeners(inputs: &ListenerSetInputs) -> SharedListeners<'_> {
    SharedListeners { gateway: &inputs.gateway, listeners: &inputs.listeners, domains: &inputs.domains }
}
