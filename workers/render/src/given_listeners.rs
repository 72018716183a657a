//! A shared gateway whose record gives it listeners: a Gateway in a namespace that is there, with these listeners and no others.
//!
//! A listener lets in exactly the namespaces of the gateway instances that are attached to it, by the name that the API server gives each, as on the common
//! gateway. Who may attach is said by records, so no label that somebody sets in the cluster lets a route in, and whoever may no longer attach is shut
//! out by the listener, whatever is still in the cluster.

use crate::{
    driver, infrastructure,
    k8s::{
        Ours,
        gateway_api::{GATEWAY, GatewaySpec, ListenerSpec},
    },
    listeners::{ListenerAt, exactly, listener},
    plan::Object,
    shared_gateway::{self, gateway_ref},
};
use causeway_records::{
    inputs::{Listener, Named, SharedGatewayInputs},
    nouns::{GatewayListener, GatewayListeners, SharedGateway},
};
use causeway_rules::attachment::listener_for;
use std::collections::BTreeSet;

/// A given listener where it stands.
pub(crate) fn at(gateway: &Named<SharedGateway>, given: &GatewayListener) -> ListenerAt {
    ListenerAt {
        key: given.key(),
        holder: gateway_ref(gateway),
        name: given.name.to_string(),
        secret: given.secret_name.as_ref().map(ToString::to_string),
    }
}

/// The class unless the record names another one, and the Gateway.
pub(crate) fn objects(inputs: &SharedGatewayInputs, given: &GatewayListeners, ours: &Ours<'_>) -> Vec<Object> {
    let (name, spec) = (&inputs.gateway.object_name, &inputs.gateway.record.spec);
    let class = spec.gateway_class_name.as_ref().map(|class| class.as_str());
    let gateway = GatewaySpec {
        gateway_class_name: driver::gateway_class_name(class, name),
        listeners: given.0.iter().map(|one| spec_of(one, entitled(given, one, &inputs.listeners))).collect(),
        addresses: infrastructure::addresses(spec.addresses.as_ref()),
        infrastructure: infrastructure::labels_and_annotations(spec.infrastructure.as_ref()),
        allowed_listeners: None,
    };
    let own_class = class.is_none().then(|| driver::gateway_class(shared_gateway::driver(spec), ours, name));
    own_class.into_iter().chain([GATEWAY.object(ours, gateway_ref(&inputs.gateway), &gateway)]).collect()
}

/// The namespaces of those whose claims a listener serves.
fn entitled(given: &GatewayListeners, one: &GatewayListener, claimed: &[Listener]) -> BTreeSet<String> {
    let served =
        claimed.iter().filter(|claimed| listener_for(given, &claimed.key).is_some_and(|found| found.name == one.name));
    served.flat_map(|claimed| &claimed.users).map(|user| user.namespace.clone()).collect()
}

fn spec_of(given: &GatewayListener, entitled: BTreeSet<String>) -> ListenerSpec {
    let secret = given.secret_name.as_ref().map(ToString::to_string);
    ListenerSpec { name: given.name.to_string(), ..listener(&given.key(), exactly(entitled), secret) }
}
