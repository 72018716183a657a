//! The nouns. To add one: a struct in a file of this folder, its name in the list [`with_nouns!`](crate::with_nouns!) of `list.rs`, and a table in `migrations/`.

mod access_token;
mod allowed_listeners;
mod apply_set;
mod attached_object_reference;
mod audit_event;
mod aws_account;
mod certificate;
mod domain_name;
mod event;
mod gateway;
mod gateway_grant;
mod gateway_instance;
mod gateway_listener;
mod gateway_port;
mod gateway_route;
mod gateway_tls;
mod infrastructure;
mod kubernetes_runtime;
mod labels;
mod list;
mod listener_routes;
mod listener_set;
mod port_backend;
mod shared_gateway;
mod support_service;
mod texts;
mod tls_mode;
mod webhook;
mod workload;

pub use access_token::{AccessToken, Role};
pub use allowed_listeners::{AllowedListeners, ListenerNamespaces, ListenerSetsFrom};
pub use apply_set::{ApplySet, SetMember};
pub use attached_object_reference::AttachedObjectReference;
pub use audit_event::{Action, AuditEvent, Change, Changes};
pub use aws_account::{AwsAccount, Ids};
pub use certificate::Certificate;
pub use domain_name::{
    AcmeChallenge, DnsDriver, DomainNameDefinition, DomainNameInstance, IssuerKind, KeyType, RoutingPolicy, ZoneType,
    lets_encrypt_production,
};
pub use event::Event;
pub use gateway::{AllowedRoutes, GatewayDefinition, Placement};
pub use gateway_grant::{GatewayGrant, GrantedRoute, GrantedRoutes, ServiceNames};
pub use gateway_instance::GatewayInstance;
pub use gateway_listener::{GatewayListener, GatewayListeners, ListenerProtocol};
pub use gateway_port::{GatewayHttpPort, GatewayTcpPort, GatewayUdpPort, MAX_PORTS, TLS_SECRET_NAME, too_many_ports};
pub use gateway_route::{GatewayGrpcRoute, GatewayHttpRoute, GrpcRules, HttpRules, MAX_ROUTES, Ports, too_many_routes};
pub use gateway_tls::{
    BackendTls, ClientCertificates, ClientValidation, ClientValidationMode, FrontendTls, GatewayTls, PortTls,
    TlsReference,
};
pub use infrastructure::Infrastructure;
pub use kubernetes_runtime::{InfraProvider, KubernetesRuntimeDefinition, KubernetesRuntimeInstance};
pub use labels::Labels;
pub use listener_routes::{
    LabelDemand, ListenerRoutes, NamespaceLabelSelector, RouteKindName, RouteNamespaces, RouteNamespacesFrom,
};
pub use listener_set::ListenerSet;
pub use port_backend::{PortBackend, PortBackends};
pub use shared_gateway::{AttachableBy, SharedGateway};
pub use support_service::{Management, Service, SupportServiceInstance};
pub use texts::{Hostnames, Texts};
pub use tls_mode::TlsMode;
pub use webhook::{DeliveryState, Webhook, WebhookDelivery};
pub use workload::{
    WorkloadDefinition, WorkloadEvent, WorkloadInstance, WorkloadResourceDefinition, WorkloadResourceInstance,
};

use crate::{
    field::Table,
    kind::Kind,
    noun::{Info, Noun},
    problem::Problem,
    schema,
    secret::SecretError,
    slot::Shape,
    status::Status,
};
use causeway_manifests::Budget;

/// The named types within the columns of all nouns: `Condition`.
#[must_use]
pub fn definitions() -> serde_json::Map<String, serde_json::Value> {
    let fields = ALL.iter().chain(OWN).flat_map(|info| info.fields).chain(Status::FIELDS);
    schema::definitions_in(fields.filter_map(|field| match field.shape {
        Shape::Column { hints, .. } => hints.schema,
        Shape::Children { .. } => None,
    }))
}

/// Rules of a noun that need more than one field. The default has none.
pub trait Rules {
    /// Takes away what stands for nothing, before anything is checked: clients of Threeport send empty texts where they have none.
    fn tidy(&mut self) {}
    /// What stays of the stored record though a PUT leaves it out, beside what its caller doesn't get.
    fn keep(&mut self, stored: &Self) {
        let _ = stored;
    }
    /// All that is wrong: which field, why, and the remedy.
    fn check(&self) -> Vec<Problem> {
        vec![]
    }
    /// The fields that only an admin may have changed so. `before` is what is stored, for a new record one with its defaults.
    fn for_admins(&self, before: &Self) -> Vec<&'static str> {
        let _ = before;
        vec![]
    }
    /// A secret that a new record gets where its body has none: the column, and the plain text, which the answer to the POST alone shows.
    ///
    /// # Errors
    /// The operating system gave no random numbers.
    fn made_up(&self) -> Result<Option<(&'static str, String)>, SecretError> {
        Ok(None)
    }
    /// Whether [`check_documents`](Self::check_documents) has something to do.
    const HAS_DOCUMENTS: bool = false;
    /// What is wrong with documents in fields. Takes time for each byte of them, so that an async caller does it on a thread for blocking work.
    fn check_documents(&self, budget: &Budget) -> Vec<Problem> {
        let _ = budget;
        vec![]
    }
}

/// Empty texts are none.
fn without_empty<const N: usize>(texts: [&mut Option<String>; N]) {
    for text in texts {
        if text.as_ref().is_some_and(String::is_empty) {
            *text = None;
        }
    }
}

/// Two fields that make sense only together: the one that is missing, if the other is there.
fn pair(one: (&str, bool), other: (&str, bool)) -> Vec<Problem> {
    let missing =
        |(name, _), (beside, _)| vec![Problem::new(name, format!("goes with {beside}; send both or neither"))];
    match (one.1, other.1) {
        (false, true) => missing(one, other),
        (true, false) => missing(other, one),
        _ => vec![],
    }
}

macro_rules! all {
    ($($noun:ident),* $(,)?) => {
        /// Every noun, without its type.
        pub const ALL: &[&Info] = &[$(&<$noun as Noun>::INFO),*];
    };
}
crate::with_nouns!(all);

/// Nouns that clients don't make as they make others: tables, lists and JSON like every noun, but routes of their own.
pub const OWN: &[&Info] = &[&AccessToken::INFO, &AuditEvent::INFO, &Certificate::INFO, &WebhookDelivery::INFO];

macro_rules! infos {
    ($($noun:ident),* $(,)?) => {
        impl Kind {
            /// The noun's names and fields.
            pub fn info(self) -> &'static Info {
                match self {
                    $(Self::$noun => &<$noun as Noun>::INFO,)*
                    Self::AccessToken => &AccessToken::INFO,
                    Self::AuditEvent => &AuditEvent::INFO,
                    Self::Certificate => &Certificate::INFO,
                    Self::WebhookDelivery => &WebhookDelivery::INFO,
                    Self::ListenerSet => &ListenerSet::INFO,
                }
            }
        }
    };
}
crate::with_nouns!(infos);

impl Kind {
    /// `gateway-instance`: the singular of the path, as the label that names an object's owner spells it.
    pub fn label(self) -> &'static str {
        match self.info().plural {
            "webhook-deliveries" => "webhook-delivery",
            plural => plural.strip_suffix('s').unwrap_or(plural),
        }
    }

    /// The kind whose label this is.
    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.label() == label)
    }
}

/// What a write makes for workers alone: tables and a reconciliation like every noun, but no routes.
pub const INTERNAL: &[&Info] = &[&ListenerSet::INFO];

#[cfg(test)]
mod tests;
