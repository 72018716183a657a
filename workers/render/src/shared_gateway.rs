//! Shared gateway: one Gateway for all gateway instances of a cluster and class, in a namespace of its own.

use crate::{
    Invalid,
    certificates::{Certificates, solves_by_http},
    infrastructure,
    k8s::{
        Ours,
        cert_manager::CERTIFICATE,
        core::namespace,
        gateway_api::{
            Allowed, ENVOY_GATEWAY, GATEWAY, GATEWAY_CLASS, GatewayClassSpec, GatewaySpec, LISTENER_SET,
            ListenerSetSpec, Namespaces,
        },
    },
    labels::Owner,
    listeners::{ListenerAt, MOST, PLAIN_HTTP, exactly, listener, parent_reference},
    names,
    plan::{Object, Plan, Standing},
};
use causeway_records::{
    Kind,
    inputs::{Listener, ListenerKey, Protocol, SharedGatewayInputs},
    inventory::ObjectRef,
    nouns::SharedGateway,
    record::Record,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Who owns the objects of a shared gateway.
pub fn owner(gateway: &Record<SharedGateway>) -> Owner {
    Owner { kind: Kind::SharedGateway, id: gateway.common.id }
}

/// The Gateway of a shared gateway, which stands in a namespace of the same name.
pub fn gateway_ref(object_name: &str) -> ObjectRef {
    GATEWAY.at(object_name, object_name)
}

/// The Certificate of a hostname, one for all listeners that have it.
pub fn certificate_ref(object_name: &str, hostname: &str) -> ObjectRef {
    CERTIFICATE.at(object_name, &names::certificate(object_name, hostname))
}

/// The Gateway or ListenerSet that holds a listener.
pub fn holder(object_name: &str, slot: Option<i32>) -> ObjectRef {
    match slot {
        None => gateway_ref(object_name),
        Some(slot) => LISTENER_SET.at(object_name, &names::listener_set(object_name, slot)),
    }
}

/// To be raised when a ListenerSet is made otherwise of the same listeners.
const LISTENER_SET_FORM: u32 = 1;

/// Namespace, class, Gateway with its ListenerSets, and what the certificates need. Nothing at all while nobody uses it.
pub fn render(inputs: &SharedGatewayInputs, standing: Standing<'_>) -> Result<Plan, Invalid> {
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
    let plain = PlainHttp::of(inputs);
    let mut holders = listeners_by_holder(inputs, &plain)?;
    let own = holders.remove(&None).unwrap_or_default();
    let gateway = GatewaySpec {
        gateway_class_name: spec.gateway_class_name.as_ref().map_or(name.as_str(), |class| class.as_str()).to_owned(),
        listeners: own.iter().map(|entry| entry.listener(name)).collect(),
        addresses: infrastructure::addresses(spec.addresses.as_ref()),
        infrastructure: infrastructure::labels_and_annotations(spec.infrastructure.as_ref()),
        allowed_listeners: Some(Allowed { namespaces: Namespaces::Same }),
    };
    objects.push(GATEWAY.object(&ours, gateway_ref(name), &gateway));
    let mut plan = Plan::from(objects);
    listener_sets(inputs, holders, standing, &mut plan);
    certificates(inputs)?.render(&|hostname| plain.listener(hostname).parent(), standing, &mut plan)?;
    Ok(plan)
}

/// Some ListenerSets, by slot, of a gateway that stands. `inputs` tells of all listeners in them, and of all others with their hostnames.
pub fn render_listener_sets(
    inputs: &SharedGatewayInputs,
    slots: &[i32],
    standing: Standing<'_>,
) -> Result<Plan, Invalid> {
    let mut holders = listeners_by_holder(inputs, &PlainHttp::of(inputs))?;
    holders.retain(|slot, _| slot.is_some_and(|slot| slots.contains(&slot)));
    let mut plan = Plan::default();
    listener_sets(inputs, holders, standing, &mut plan);
    Ok(plan)
}

/// Adds a ListenerSet for each of these slots.
fn listener_sets(inputs: &SharedGatewayInputs, holders: ByHolder<'_>, standing: Standing<'_>, plan: &mut Plan) {
    let ours = Ours { control_plane: &inputs.control_plane, owner: owner(&inputs.gateway.record) };
    let name = &inputs.gateway.object_name;
    for (slot, entries) in holders {
        let listeners = || entries.iter().map(|entry| entry.listener(name)).collect();
        let set = || ListenerSetSpec {
            parent_ref: parent_reference(&gateway_ref(name), GATEWAY.kind, None),
            listeners: listeners(),
        };
        plan.add(holder(name, slot), LISTENER_SET_FORM, &(ours, name, slot, &entries), standing, |at| {
            LISTENER_SET.object(&ours, at, &set())
        });
    }
}

/// The Secrets that cert-manager makes for this gateway. They carry our labels (but for the keys of ACME accounts, in cert-manager's
/// namespace) and stand in no plan: they must stay as long as the Certificates do, and go with them.
pub fn secrets(inputs: &SharedGatewayInputs) -> Vec<ObjectRef> {
    certificates(inputs).map(|certificates| certificates.secrets()).unwrap_or_default()
}

/// The Certificates of the HTTPS listeners.
pub fn certificates_of(inputs: &SharedGatewayInputs) -> impl Iterator<Item = ObjectRef> {
    let name = &inputs.gateway.object_name;
    let https = inputs.listeners.iter().filter(|listener| listener.key.protocol == Protocol::Https);
    let hostnames = https.filter_map(|listener| listener.key.hostname.as_deref());
    hostnames.map(|hostname| certificate_ref(name, hostname))
}

/// A GatewayClass of our own, for Envoy Gateway.
pub(crate) fn gateway_class(ours: &Ours<'_>, name: &str) -> Object {
    GATEWAY_CLASS.object(ours, GATEWAY_CLASS.cluster(name), &GatewayClassSpec { controller_name: ENVOY_GATEWAY })
}

/// A listener, and the namespaces whose routes may attach to it.
#[derive(Serialize)]
struct Entry<'a> {
    key: &'a ListenerKey,
    entitled: BTreeSet<&'a str>,
}

impl Entry<'_> {
    /// In the form of Gateway API.
    fn listener(&self, object_name: &str) -> crate::k8s::gateway_api::Listener {
        let hostname = self.key.hostname.as_deref().unwrap_or_default();
        let is_secure = self.key.protocol == Protocol::Https;
        let certificate = is_secure.then(|| names::certificate(object_name, hostname));
        listener(
            self.key,
            exactly(self.entitled.iter().map(|namespace| (*namespace).to_owned()).collect()),
            certificate,
        )
    }
}

/// Listeners, sorted, by the slot of their holder.
type ByHolder<'a> = BTreeMap<Option<i32>, Vec<Entry<'a>>>;

fn listeners_by_holder<'a>(inputs: &'a SharedGatewayInputs, plain: &PlainHttp<'_>) -> Result<ByHolder<'a>, Invalid> {
    let own_namespace = &inputs.gateway.object_name;
    let challenged = challenged(inputs, plain);
    let mut all: BTreeMap<&ListenerKey, Option<&Listener>> =
        inputs.listeners.iter().map(|listener| (&listener.key, Some(listener))).collect();
    all.entry(&PLAIN_HTTP).or_insert(None);
    let mut holders = ByHolder::new();
    for (key, listener) in all {
        let users = listener.into_iter().flat_map(|listener| &listener.users);
        let mut entitled: BTreeSet<&str> = users.map(|user| user.namespace.as_str()).collect();
        if challenged.contains(key) {
            entitled.insert(own_namespace);
        }
        holders.entry(listener.and_then(|listener| listener.slot)).or_default().push(Entry { key, entitled });
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
fn challenged(inputs: &SharedGatewayInputs, plain: &PlainHttp<'_>) -> BTreeSet<ListenerKey> {
    let by_http: BTreeSet<i64> =
        inputs.domains.iter().filter(|domain| solves_by_http(domain)).map(|domain| domain.common.id).collect();
    let hostnames = inputs.listeners.iter().filter(|listener| {
        listener.key.protocol == Protocol::Https
            && listener.domain_name_definition_id.is_some_and(|domain| by_http.contains(&domain))
    });
    let hostnames = hostnames.filter_map(|listener| listener.key.hostname.as_deref());
    hostnames.map(|hostname| plain.listener(hostname).key).collect()
}

/// Where hostnames answer plain HTTP on port 80: on a listener of their own if they have one, for then no other is asked.
struct PlainHttp<'a> {
    object_name: &'a str,
    /// The slots of such listeners, by hostname.
    own: BTreeMap<&'a str, Option<i32>>,
}

impl<'a> PlainHttp<'a> {
    fn of(inputs: &'a SharedGatewayInputs) -> Self {
        let plain = |key: &ListenerKey| (key.port, key.protocol) == (PLAIN_HTTP.port, PLAIN_HTTP.protocol);
        let listeners = inputs.listeners.iter().filter(|listener| plain(&listener.key));
        let own = listeners.filter_map(|listener| Some((listener.key.hostname.as_deref()?, listener.slot))).collect();
        Self { object_name: &inputs.gateway.object_name, own }
    }

    fn listener(&self, hostname: &str) -> ListenerAt {
        let (key, slot) = match self.own.get(hostname) {
            Some(slot) => (ListenerKey { hostname: Some(hostname.to_owned()), ..PLAIN_HTTP }, *slot),
            None => (PLAIN_HTTP, None),
        };
        ListenerAt { key, holder: holder(self.object_name, slot) }
    }
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
