use super::{Rules, SharedGateway, WorkloadInstance};
use crate::{
    inputs::Protocol,
    problem::Problem,
    scalar::json_scalar,
    text::{Name, ServiceName, choice},
};
use causeway_records_derive::Noun;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Services that one grant may name.
const MAX_SERVICES: usize = 64;

/// A list of Services.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct ServiceNames(pub Vec<ServiceName>);
json_scalar!(ServiceNames);

choice! {
    /// A kind of route, in the words of Gateway API.
    GrantedRoute {
        /// Rules of `gateway-http-routes`.
        Http = "HTTPRoute",
        /// Rules of `gateway-grpc-routes`.
        Grpc = "GRPCRoute",
        /// TCP ports without TLS.
        Tcp = "TCPRoute",
        /// TCP ports with TLS.
        Tls = "TLSRoute",
        /// UDP ports.
        Udp = "UDPRoute",
    }
}

impl GrantedRoute {
    /// The kinds that can attach to a listener of a protocol.
    pub fn for_protocol(protocol: Protocol) -> &'static [Self] {
        match protocol {
            Protocol::Http | Protocol::Https => &[Self::Http, Self::Grpc],
            Protocol::Tls | Protocol::TlsPassthrough => &[Self::Tls],
            Protocol::Tcp => &[Self::Tcp],
            Protocol::Udp => &[Self::Udp],
        }
    }
}

/// Kinds of routes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct GrantedRoutes(pub Vec<GrantedRoute>);
json_scalar!(GrantedRoutes);

/// Lets gateway instances of one workload send traffic to Services of another one, or attach to a shared gateway, in the same cluster. It ends when it is
/// deleted.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "gateway-grants")]
pub struct GatewayGrant {
    /// Unique among live gateway grants.
    #[noun(required, example = "shop-to-search")]
    pub name: Name,
    /// The workload whose Services get traffic. Who is responsible for it makes the grant. Either this or SharedGatewayID says what is granted.
    #[noun(immutable, parent = WorkloadInstance)]
    pub workload_instance_id: Option<i64>,
    /// A shared gateway with Listeners to which gateway instances may attach, beside those that its AttachableBy lets. Only admins make such a grant.
    #[noun(immutable, part_of = SharedGateway)]
    pub shared_gateway_id: Option<i64>,
    /// The workload whose gateway instances may send it, or attach.
    #[noun(required, immutable, part_of = WorkloadInstance)]
    pub granted_workload_instance_id: i64,
    /// With WorkloadInstanceID: the Services. Left out: all of the workload's.
    #[noun(no_filter, example = r#"["search"]"#)]
    pub service_names: Option<ServiceNames>,
    /// With WorkloadInstanceID: the kinds of routes that may send. Left out: all of them.
    #[noun(no_filter, example = r#"["HTTPRoute"]"#)]
    pub route_kinds: Option<GrantedRoutes>,
}

impl Rules for GatewayGrant {
    fn check(&self) -> Vec<Problem> {
        let problem = |field, problem: &str| vec![Problem::new(field, problem)];
        let services = self.service_names.as_ref().map(|names| names.0.len());
        match (self.workload_instance_id, self.shared_gateway_id) {
            (None, None) => problem(
                "WorkloadInstanceID",
                "or SharedGatewayID is needed: the workload whose Services are granted, or the shared gateway to attach to",
            ),
            (Some(_), Some(_)) => {
                problem("SharedGatewayID", "excludes WorkloadInstanceID, which grants something else; make two grants")
            }
            (None, Some(_)) if services.is_some() => {
                problem("ServiceNames", "goes with WorkloadInstanceID; leave it out")
            }
            (None, Some(_)) if self.route_kinds.is_some() => {
                problem("RouteKinds", "goes with WorkloadInstanceID; leave it out")
            }
            (Some(_), None) if self.route_kinds.as_ref().is_some_and(|kinds| kinds.0.is_empty()) => {
                problem("RouteKinds", "is empty, so that nothing may send; name a kind, or leave it out for all")
            }
            _ if services.is_some_and(|count| count > MAX_SERVICES) => vec![Problem::new(
                "ServiceNames",
                format!("holds more than {MAX_SERVICES}; make several grants, or leave it out for all"),
            )],
            _ => vec![],
        }
    }

    /// Who is let onto a platform team's Gateway is not said by those who are to be let.
    fn for_admins(&self, before: &Self) -> Vec<&'static str> {
        if self.shared_gateway_id == before.shared_gateway_id { vec![] } else { vec!["SharedGatewayID"] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_services(count: usize) -> GatewayGrant {
        let names = (0..count).map(|n| format!("s{n}").parse().unwrap()).collect();
        GatewayGrant {
            workload_instance_id: Some(7),
            service_names: Some(ServiceNames(names)),
            ..GatewayGrant::default()
        }
    }

    fn problem(grant: &GatewayGrant) -> String {
        grant.check().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_grant_names_so_many_services() {
        assert_eq!((problem(&of_services(MAX_SERVICES)), problem(&of_services(0))), (String::new(), String::new()));
        let all = GatewayGrant { service_names: None, ..of_services(0) };
        assert_eq!(problem(&all), "");
        assert!(problem(&of_services(65)).starts_with("ServiceNames: holds more than 64; make several grants"));
    }

    #[test]
    fn a_grant_is_of_services_or_of_a_gateway() {
        let gateway = GatewayGrant { shared_gateway_id: Some(8), ..GatewayGrant::default() };
        assert_eq!(problem(&gateway), "");
        assert!(problem(&GatewayGrant::default()).starts_with("WorkloadInstanceID: or SharedGatewayID is needed"));
        let both = GatewayGrant { workload_instance_id: Some(7), ..gateway.clone() };
        assert!(problem(&both).starts_with("SharedGatewayID: excludes WorkloadInstanceID"), "{}", problem(&both));
        let services = GatewayGrant { workload_instance_id: None, shared_gateway_id: Some(8), ..of_services(1) };
        assert_eq!(problem(&services), "ServiceNames: goes with WorkloadInstanceID; leave it out");
        let kinds = |kinds: &[GrantedRoute]| Some(GrantedRoutes(kinds.to_vec()));
        let of_gateway = GatewayGrant { route_kinds: kinds(&[GrantedRoute::Tcp]), ..gateway };
        assert_eq!(problem(&of_gateway), "RouteKinds: goes with WorkloadInstanceID; leave it out");
        assert_eq!(problem(&GatewayGrant { route_kinds: kinds(&[GrantedRoute::Tcp]), ..of_services(1) }), "");
        assert!(
            problem(&GatewayGrant { route_kinds: kinds(&[]), ..of_services(1) }).starts_with("RouteKinds: is empty")
        );
    }

    #[test]
    fn only_admins_let_a_workload_attach() {
        let none = GatewayGrant::default();
        assert!(of_services(1).for_admins(&none).is_empty());
        let gateway = GatewayGrant { shared_gateway_id: Some(8), ..none.clone() };
        assert_eq!(gateway.for_admins(&none), ["SharedGatewayID"]);
        let renamed = GatewayGrant { name: "other".parse().unwrap(), ..gateway.clone() };
        assert!(renamed.for_admins(&gateway).is_empty());
    }
}
