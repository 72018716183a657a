//! Shared gateway: one Gateway for all gateway instances of a cluster and class, in a namespace of its own.
//!
//! Listeners without a hostname are on the Gateway itself, the others in ListenerSets, which are numbered: each listener keeps the ordinal of the
//! set that it was first put into, so that a new listener changes one set only.

use crate::{
    InvalidInput,
    certificates::{Certificates, solves_by_http},
    driver::{self, Driver},
    infrastructure,
    k8s::{
        Ours,
        cert_manager::{CERTIFICATE, CLUSTER_ISSUER},
        core::namespace,
        gateway_api::{
            AllowedListeners, GATEWAY, GatewaySpec, LISTENER_SET, ListenerSetSpec, ListenerSpec, Namespaces,
        },
    },
    labels::Owner,
    listeners::{ListenerAt, MOST, PLAIN_HTTP, exactly, listener, parent_reference},
    names,
    plan::{Plan, UpToDate},
};
use causeway_records::{
    Kind,
    inputs::{Listener, ListenerKey, Protocol, SharedGatewayInputs},
    inventory::ObjectRef,
    nouns::{Service, SharedGateway},
    record::Record,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

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
    if inputs.listeners.is_empty() {
        return Vec::new();
    }
    let has_tls = inputs.listeners.iter().any(|listener| listener.key.protocol == Protocol::Https);
    driver::support_services(driver(&inputs.gateway.record.spec), has_tls)
}

/// The Gateway of a shared gateway. Its namespace has the same name.
pub fn gateway_ref(object_name: &str) -> ObjectRef {
    GATEWAY.at(object_name, object_name)
}

/// The Certificate of a hostname, one for all listeners of the hostname.
pub fn certificate_ref(object_name: &str, hostname: &str) -> ObjectRef {
    CERTIFICATE.at(object_name, &names::certificate(object_name, hostname))
}

/// The ClusterIssuer that signs for a domain on a shared gateway.
pub fn issuer_ref(object_name: &str, domain_name_definition_id: i64) -> ObjectRef {
    CLUSTER_ISSUER.cluster(&names::cluster_issuer(object_name, domain_name_definition_id))
}

/// The object that holds a listener: a ListenerSet, by its ordinal, or the Gateway itself.
pub fn holder(object_name: &str, listener_set: Option<i32>) -> ObjectRef {
    match listener_set {
        None => gateway_ref(object_name),
        Some(ordinal) => LISTENER_SET.at(object_name, &names::listener_set(object_name, ordinal)),
    }
}

/// To be raised when a ListenerSet is rendered otherwise from the same listeners, see [`Plan::add`].
const LISTENER_SET_RENDER_REVISION: u32 = 1;

/// Namespace, class, Gateway with its ListenerSets, and what the certificates need. Empty while nobody uses the gateway.
pub fn render(inputs: &SharedGatewayInputs, up_to_date: UpToDate<'_>) -> Result<Plan, InvalidInput> {
    if inputs.listeners.is_empty() {
        return Ok(Plan::default());
    }
    let ours = Ours { control_plane: &inputs.control_plane, owner: owner(&inputs.gateway.record) };
    let name = &inputs.gateway.object_name;
    let spec = &inputs.gateway.record.spec;
    let mut objects = vec![namespace(&ours, name)];
    if spec.gateway_class_name.is_none() {
        objects.push(driver::gateway_class(driver(spec), &ours, name));
    }
    let plain = PlainHttp::from_listeners(inputs);
    let mut holders = listeners_by_holder(inputs, &plain)?;
    let own = holders.remove(&None).unwrap_or_default();
    let gateway = GatewaySpec {
        gateway_class_name: driver::gateway_class_name(spec.gateway_class_name.as_ref().map(|c| c.as_str()), name),
        listeners: own.iter().map(|entry| entry.listener(name)).collect(),
        addresses: infrastructure::addresses(spec.addresses.as_ref()),
        infrastructure: infrastructure::labels_and_annotations(spec.infrastructure.as_ref()),
        allowed_listeners: Some(AllowedListeners { namespaces: Namespaces::Same }),
    };
    objects.push(GATEWAY.object(&ours, gateway_ref(name), &gateway));
    let mut plan = Plan::from(objects);
    listener_sets(inputs, holders, up_to_date, &mut plan);
    certificates(inputs)?.render(&|hostname| plain.listener(hostname).parent(), up_to_date, &mut plan)?;
    Ok(plan)
}

/// Some ListenerSets, by ordinal, of a gateway that was rendered whole before. `inputs` must hold all listeners of these sets, and all others with
/// a hostname of theirs.
pub fn render_listener_sets(
    inputs: &SharedGatewayInputs,
    ordinals: &[i32],
    up_to_date: UpToDate<'_>,
) -> Result<Plan, InvalidInput> {
    let mut holders = listeners_by_holder(inputs, &PlainHttp::from_listeners(inputs))?;
    holders.retain(|listener_set, _| listener_set.is_some_and(|ordinal| ordinals.contains(&ordinal)));
    let mut plan = Plan::default();
    listener_sets(inputs, holders, up_to_date, &mut plan);
    Ok(plan)
}

/// Adds a ListenerSet for each ordinal in `holders`.
fn listener_sets(inputs: &SharedGatewayInputs, holders: ByHolder<'_>, up_to_date: UpToDate<'_>, plan: &mut Plan) {
    let ours = Ours { control_plane: &inputs.control_plane, owner: owner(&inputs.gateway.record) };
    let name = &inputs.gateway.object_name;
    for (ordinal, entries) in holders {
        let listeners = || entries.iter().map(|entry| entry.listener(name)).collect();
        let set = || ListenerSetSpec {
            parent_ref: parent_reference(&gateway_ref(name), GATEWAY.kind, None),
            listeners: listeners(),
        };
        let source = (ours, name, ordinal, &entries);
        plan.add(holder(name, ordinal), LISTENER_SET_RENDER_REVISION, &source, up_to_date, |at| {
            LISTENER_SET.object(&ours, at, &set())
        });
    }
}

/// The Secrets that cert-manager makes for this gateway. They carry Causeway's labels (except for the keys of ACME accounts, in cert-manager's
/// namespace) and are in no plan: they must stay as long as the Certificates do, and go with them.
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

/// A listener, and the namespaces whose routes may attach to it. Part of the input hash of a ListenerSet.
#[derive(Serialize)]
struct Entry<'a> {
    key: &'a ListenerKey,
    entitled: BTreeSet<&'a str>,
}

impl Entry<'_> {
    /// In the form of Gateway API.
    fn listener(&self, object_name: &str) -> ListenerSpec {
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

/// Listeners, sorted, by the ordinal of their ListenerSet; None: on the Gateway itself.
type ByHolder<'a> = BTreeMap<Option<i32>, Vec<Entry<'a>>>;

fn listeners_by_holder<'a>(
    inputs: &'a SharedGatewayInputs,
    plain: &PlainHttp<'_>,
) -> Result<ByHolder<'a>, InvalidInput> {
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
        holders.entry(listener.and_then(|listener| listener.listener_set)).or_default().push(Entry { key, entitled });
    }
    match holders.iter().find(|(_, listeners)| listeners.len() > MOST) {
        None => Ok(holders),
        Some((listener_set, listeners)) => Err(InvalidInput::new(
            "shared gateway",
            &inputs.gateway.record.spec.name,
            "GatewayClassName",
            format!(
                "{} would have {} listeners of {MOST} that are allowed; give some gateway definitions Placement Dedicated",
                holder(own_namespace, *listener_set),
                listeners.len()
            ),
        )),
    }
}

/// The listeners on which challenges of ACME are answered: cert-manager makes the routes for it in the gateway's own namespace.
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

/// Where hostnames answer plain HTTP on port 80: on a listener of their own if they have one, because the proxy then takes no other.
struct PlainHttp<'a> {
    object_name: &'a str,
    /// Hostnames that have such a listener, with the ordinal of its ListenerSet.
    own: BTreeMap<&'a str, Option<i32>>,
}

impl<'a> PlainHttp<'a> {
    fn from_listeners(inputs: &'a SharedGatewayInputs) -> Self {
        let plain = |key: &ListenerKey| (key.port, key.protocol) == (PLAIN_HTTP.port, PLAIN_HTTP.protocol);
        let listeners = inputs.listeners.iter().filter(|listener| plain(&listener.key));
        let own =
            listeners.filter_map(|listener| Some((listener.key.hostname.as_deref()?, listener.listener_set))).collect();
        Self { object_name: &inputs.gateway.object_name, own }
    }

    fn listener(&self, hostname: &str) -> ListenerAt {
        let (key, listener_set) = match self.own.get(hostname) {
            Some(ordinal) => (ListenerKey { hostname: Some(hostname.to_owned()), ..PLAIN_HTTP }, *ordinal),
            None => (PLAIN_HTTP, None),
        };
        ListenerAt { key, holder: holder(self.object_name, listener_set) }
    }
}

/// The hostnames of the HTTPS listeners, each with the domain whose issuer signs.
fn certificates(inputs: &SharedGatewayInputs) -> Result<Certificates<'_>, InvalidInput> {
    let mut hostnames = BTreeMap::new();
    for listener in inputs.listeners.iter().filter(|listener| listener.key.protocol == Protocol::Https) {
        let (Some(hostname), Some(domain)) = (&listener.key.hostname, listener.domain_name_definition_id) else {
            let message = format!(
                "the HTTPS listener on port {} has no hostname or no domain that a certificate could be for; give its gateway \
                 definitions a domain",
                listener.key.port
            );
            return Err(InvalidInput::new(
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
