//! The nouns. To add one: a struct in a file of this folder, its name in the list [`with_nouns!`](crate::with_nouns!) of `list.rs`, and a table in `migrations/`.

mod access_token;
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
pub use infrastructure::Infrastructure;
pub use kubernetes_runtime::{InfraProvider, KubernetesRuntimeDefinition, KubernetesRuntimeInstance};
pub use labels::Labels;
pub use listener_routes::{LabelDemand, ListenerRoutes, RouteKindName, RouteNamespaces, RouteNamespacesFrom};
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
mod tests {
    use super::*;
    use crate::{Kind, Record, overlay::overlay};

    fn overlaid(body: &str) -> Result<Record<GatewayDefinition>, String> {
        let mut record = Record::default();
        let report = overlay(body.as_bytes(), &mut record.writable()).map_err(|refusal| refusal.to_string())?;
        let problems: Vec<_> = report.problems.iter().map(ToString::to_string).collect();
        if problems.is_empty() { Ok(record) } else { Err(problems.join("; ")) }
    }

    #[test]
    fn wire_names_are_threeports() {
        let names = |kind: Kind| kind.info().fields.iter().map(|field| field.json).collect::<Vec<_>>();
        assert!(names(Kind::GatewayHttpPort).starts_with(&[
            "GatewayDefinitionID",
            "Port",
            "Path",
            "TLSEnabled",
            "HTTPSRedirect"
        ]));
        assert!(names(Kind::KubernetesRuntimeInstance).contains(&"APIEndpoint"));
        assert!(names(Kind::KubernetesRuntimeInstance).contains(&"CACertificate"));
        assert!(names(Kind::KubernetesRuntimeInstance).contains(&"DnsControllerInstanceId"));
        assert!(names(Kind::WorkloadDefinition).contains(&"YAMLDocument"));
        assert!(names(Kind::WorkloadEvent).contains(&"RuntimeEventUID"));
    }

    #[test]
    fn errors_name_path_and_reason() {
        let error = overlaid(r#"{"HttpPorts":[{"Port":1},{"port":"x"}]}"#).unwrap_err();
        assert_eq!(error, "HttpPorts[1].Port: invalid type: string \"x\", expected i64");
        let error = overlaid(r#"{"HttpPorts":[{"Port":0}]}"#).unwrap_err();
        assert!(error.starts_with("HttpPorts[0].Port: 0 is out of range; 1 to 65535 are allowed"), "{error}");
        let error = overlaid(r#"{"Placement":"Everywhere"}"#).unwrap_err();
        assert!(
            error.starts_with("Placement: unknown variant `Everywhere`, expected `Shared` or `Dedicated`"),
            "{error}"
        );
        let error = overlaid(r#"{"Infrastructure":{"Labels":{"a":1}}}"#).unwrap_err();
        assert!(error.starts_with("Infrastructure.Labels.a: invalid type: integer `1`"), "{error}");
        assert!(overlaid("{").is_err() && overlaid("[1]").is_err());
    }

    #[test]
    fn all_that_is_wrong_is_found_at_once() {
        let error =
            overlaid(r#"{"Name":5,"HttpPorts":[{"Hue":1,"ID":7},{"Port":0}],"TcpPorts":{"Port":1}}"#).unwrap_err();
        let problems: Vec<_> = error.split("; ").collect();
        assert_eq!(
            problems[..3],
            [
                "Name: invalid type: integer `5`, expected a string",
                "HttpPorts[0].Hue: Unsupported field",
                "HttpPorts[0].Port: Missing required field",
            ]
        );
        assert!(problems[3].starts_with("HttpPorts[1].Port: 0 is out of range"), "{error}");
        assert!(error.contains("TcpPorts: invalid type: map, expected an array of objects"), "{error}");
    }

    #[test]
    fn a_secret_is_not_repeated() {
        let mut account = Record::<AwsAccount>::default();
        let report =
            overlay(br#"{"SecretAccessKey":12345,"AccessKeyID":"a\u0000b"}"#, &mut account.writable()).unwrap();
        let told: Vec<_> = report.problems.iter().map(ToString::to_string).collect();
        assert_eq!(told[0], "SecretAccessKey: must be a text; what was sent isn't repeated here");
        assert!(told[1].starts_with("AccessKeyID: holds a NUL character") && told.len() == 2, "{told:?}");
    }

    #[test]
    fn keys_ignore_case_and_null_changes_nothing() {
        let record = overlaid(r#"{"name":"web","SERVICENAME":null,"placement":"Dedicated"}"#).unwrap();
        assert_eq!((record.spec.name.as_str(), record.spec.service_name), ("web", None));
        assert_eq!(record.spec.placement, Some(Placement::Dedicated));
    }

    #[test]
    fn an_empty_text_is_no_value_where_none_could_be_empty() {
        let record =
            overlaid(r#"{"Name":"web","SubDomain":"","ServiceName":"","HttpPorts":[{"Port":80,"Path":""}]}"#).unwrap();
        assert_eq!(
            (record.spec.sub_domain, record.spec.service_name, &record.spec.http_ports[0].path),
            (None, None, &None)
        );
        assert!(overlaid(r#"{"Name":""}"#).is_err());
    }

    #[test]
    fn read_only_fields_may_come_back_as_they_are() {
        let mut record = Record::<GatewayDefinition>::default();
        record.status.generation = Some(3);
        let mut report = |body: &str| overlay(body.as_bytes(), &mut record.writable()).unwrap().read_only;
        assert_eq!(report(r#"{"Generation":3}"#), Vec::<&str>::new());
        assert_eq!(report(r#"{"Generation":4}"#), vec!["Generation"]);
    }

    #[test]
    fn json_leaves_out_what_is_null() {
        let record = overlaid(r#"{"Name":"web"}"#).unwrap();
        let json = serde_json::to_value(&record).unwrap();
        assert_eq!(json["Name"], "web");
        assert_eq!(json["Placement"], "Shared");
        assert!(json.get("ServiceName").is_none());
    }

    #[test]
    fn every_kind_is_found_by_its_names() {
        for kind in Kind::ALL.iter().copied() {
            assert_eq!(kind.info().kind, kind);
            assert_eq!(kind.as_str().parse::<Kind>().unwrap(), kind);
            assert_eq!(Kind::from_label(kind.label()), Some(kind));
        }
        assert_eq!(Kind::GatewayInstance.label(), "gateway-instance");
        assert!("Gateway".parse::<Kind>().is_err() && Kind::from_label("gateway").is_none());
    }
}
