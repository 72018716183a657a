//! Shared gateway: one Gateway for all gateway instances of a cluster and class, in a namespace of its own.

use crate::{
    Invalid,
    certificates::{Certificates, solves_by_http},
    infrastructure,
    k8s::{
        Ours,
        core::namespace,
        gateway_api::{
            Allowed, ENVOY_GATEWAY, GATEWAY, GATEWAY_CLASS, GatewayClassSpec, GatewaySpec, LISTENER_SET,
            ListenerSetSpec, Namespaces, ParentReference,
        },
    },
    labels::Owner,
    listeners::{ListenerAt, MOST, PLAIN_HTTP, exactly, listener, parent_reference},
    names,
    plan::{Object, Plan},
};
use causeway_records::{
    inputs::{Listener, ListenerKey, Protocol, SharedGatewayInputs},
    inventory::ObjectRef,
    nouns::SharedGateway,
    record::Record,
};
use std::collections::{BTreeMap, BTreeSet};

/// Who owns the objects of a shared gateway.
pub fn owner(gateway: &Record<SharedGateway>) -> Owner {
    Owner { kind: "shared-gateway", id: gateway.common.id }
}

/// The Gateway of a shared gateway, which stands in a namespace of the same name.
pub fn gateway_ref(object_name: &str) -> ObjectRef {
    GATEWAY.at(object_name, object_name)
}

/// The Gateway or ListenerSet that holds a listener.
pub fn holder(object_name: &str, slot: Option<i32>) -> ObjectRef {
    match slot {
        None => gateway_ref(object_name),
        Some(slot) => LISTENER_SET.at(object_name, &names::listener_set(object_name, slot)),
    }
}

/// Namespace, class, Gateway with its ListenerSets, and what the certificates need. Nothing at all while nobody uses it.
pub fn render(inputs: &SharedGatewayInputs) -> Result<Plan, Invalid> {
    if inputs.listeners.is_empty() {
        return Ok(Plan::default());
    }
    let ours = Ours { control_plane: &inputs.control_plane, owner: owner(&inputs.gateway.record) };
    let name = &inputs.gateway.object_name;
    let spec = &inputs.gateway.record.spec;
    let mut objects = vec![namespace(&ours, name)];
    if spec.gateway_class_name.is_none() {
        objects.push(gateway_class(&ours, name));
    }
    let mut holders = listeners_by_holder(inputs)?;
    let gateway = GatewaySpec {
        gateway_class_name: spec.gateway_class_name.as_ref().map_or(name.as_str(), |class| class.as_str()).to_owned(),
        listeners: holders.remove(&None).unwrap_or_default(),
        addresses: infrastructure::addresses(spec.addresses.as_ref()),
        infrastructure: infrastructure::labels_and_annotations(spec.infrastructure.as_ref()),
        allowed_listeners: Some(Allowed { namespaces: Namespaces::Same }),
    };
    objects.push(GATEWAY.object(&ours, gateway_ref(name), &gateway));
    for (slot, listeners) in holders {
        let set = ListenerSetSpec { parent_ref: parent_reference(&gateway_ref(name), GATEWAY.kind, None), listeners };
        objects.push(LISTENER_SET.object(&ours, holder(name, slot), &set));
    }
    objects.extend(certificates(inputs)?.render(&|hostname| plain_http(inputs, hostname))?);
    Ok(Plan { objects })
}

/// The Secrets that cert-manager makes for this gateway. They carry our labels (but for the keys of ACME accounts, in cert-manager's
/// namespace) and stand in no plan: they must stay as long as the Certificates do, and go with them.
pub fn secrets(inputs: &SharedGatewayInputs) -> Vec<ObjectRef> {
    certificates(inputs).map(|certificates| certificates.secrets()).unwrap_or_default()
}

/// A GatewayClass of our own, for Envoy Gateway.
pub(crate) fn gateway_class(ours: &Ours<'_>, name: &str) -> Object {
    GATEWAY_CLASS.object(ours, GATEWAY_CLASS.cluster(name), &GatewayClassSpec { controller_name: ENVOY_GATEWAY })
}

/// Listeners in the form of Gateway API, sorted, by the slot of their holder.
fn listeners_by_holder(
    inputs: &SharedGatewayInputs,
) -> Result<BTreeMap<Option<i32>, Vec<crate::k8s::gateway_api::Listener>>, Invalid> {
    let own_namespace = &inputs.gateway.object_name;
    let challenged = challenged(inputs);
    let nobody = Listener { key: PLAIN_HTTP, slot: None, users: Vec::new(), domain_name_definition_id: None };
    let mut all: BTreeMap<&ListenerKey, &Listener> =
        inputs.listeners.iter().map(|listener| (&listener.key, listener)).collect();
    all.entry(&PLAIN_HTTP).or_insert(&nobody);
    let mut holders: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (key, entry) in all {
        let mut entitled: BTreeSet<String> = entry.users.iter().map(|user| user.namespace.clone()).collect();
        if challenged.contains(key) {
            entitled.insert(own_namespace.clone());
        }
        let certificate = (key.protocol == Protocol::Https)
            .then(|| names::certificate(own_namespace, key.hostname.as_deref().unwrap_or_default()));
        holders.entry(entry.slot).or_default().push(listener(key, exactly(entitled), certificate));
    }
    match holders.iter().find(|(_, listeners)| listeners.len() > MOST) {
        None => Ok(holders),
        Some((slot, listeners)) => Err(Invalid::new(
            "shared gateway",
            &inputs.gateway.record.spec.name,
            "GatewayClassName",
            format!(
                "{} would have {} listeners of {MOST} that are allowed; give some gateway definitions Placement Dedicated",
                holder(own_namespace, *slot),
                listeners.len()
            ),
        )),
    }
}

/// The listeners on which challenges of ACME are answered: their routes stand in our namespace.
fn challenged(inputs: &SharedGatewayInputs) -> BTreeSet<ListenerKey> {
    let by_http: BTreeSet<i64> =
        inputs.domains.iter().filter(|domain| solves_by_http(domain)).map(|domain| domain.common.id).collect();
    let hostnames = inputs.listeners.iter().filter(|listener| {
        listener.key.protocol == Protocol::Https
            && listener.domain_name_definition_id.is_some_and(|domain| by_http.contains(&domain))
    });
    hostnames
        .filter_map(|listener| listener.key.hostname.as_deref())
        .map(|hostname| plain_http_listener(inputs, hostname).key)
        .collect()
}

/// Where a hostname answers plain HTTP on port 80: on a listener of its own if it has one, for then no other is asked.
fn plain_http_listener(inputs: &SharedGatewayInputs, hostname: &str) -> ListenerAt {
    let own = ListenerKey { hostname: Some(hostname.to_owned()), ..PLAIN_HTTP };
    let found = inputs.listeners.iter().find(|listener| listener.key == own);
    let (key, slot) = found.map_or((PLAIN_HTTP, None), |listener| (own, listener.slot));
    ListenerAt { key, holder: holder(&inputs.gateway.object_name, slot) }
}

fn plain_http(inputs: &SharedGatewayInputs, hostname: &str) -> ParentReference {
    plain_http_listener(inputs, hostname).parent()
}

/// What the HTTPS listeners need certificates for.
fn certificates(inputs: &SharedGatewayInputs) -> Result<Certificates<'_>, Invalid> {
    let mut hostnames = BTreeMap::new();
    for listener in inputs.listeners.iter().filter(|listener| listener.key.protocol == Protocol::Https) {
        let (Some(hostname), Some(domain)) = (&listener.key.hostname, listener.domain_name_definition_id) else {
            let message = format!(
                "the HTTPS listener on port {} has no hostname or no domain that a certificate could be for; give its gateway \
                 definitions a domain",
                listener.key.port
            );
            return Err(Invalid::new(
                "shared gateway",
                &inputs.gateway.record.spec.name,
                "DomainNameDefinitionID",
                message,
            ));
        };
        // One hostname on two ports may be used under two definitions of its domain: the older signs, as for one port.
        let signer = hostnames.entry(hostname.as_str()).or_insert(domain);
        *signer = domain.min(*signer);
    }
    Ok(Certificates {
        ours: Ours { control_plane: &inputs.control_plane, owner: owner(&inputs.gateway.record) },
        object_name: &inputs.gateway.object_name,
        namespace: &inputs.gateway.object_name,
        hostnames,
        domains: inputs.domains.iter().collect(),
        accounts: inputs.accounts.iter().collect(),
    })
}
