//! Routes of a gateway definition, whose rules are written as in Gateway API.

use super::{GatewayDefinition, Hostnames, Rules};
use crate::{
    problem::Problem,
    scalar::{Hints, Scalar, json_scalar, no_nul_inside},
    text::Port,
    value::{Type, Value as Cell},
};
use causeway_gateway_api::{RouteKind, backends, dotted, is_service, is_service_import};
use causeway_records_derive::Noun;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Routes of a kind that one definition may have.
pub const MAX_ROUTES: usize = 32;

/// A list of ports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Ports(pub Vec<Port>);
json_scalar!(Ports);

/// `spec.rules` of a kind of route.
macro_rules! rules {
    ($(#[doc = $doc:literal])* $name:ident, $kind:expr) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Value);

        impl Scalar for $name {
            const TYPE: Type = Type::Json;
            const HINTS: Hints = Hints { schema: Some(|generator| generator.subschema_for::<Self>()), ..Hints::NONE };
            fn to_value(&self) -> Cell {
                Cell::Json(self.0.clone())
            }
            fn from_value(value: Cell) -> Result<Self, String> {
                Value::from_value(value).map(Self)
            }
            fn parse(text: &str) -> Result<Self, String> {
                <Value as Scalar>::parse(text).map(Self)
            }
            fn storable(&self) -> Result<(), String> {
                no_nul_inside(&self.0)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "array", "minItems": 1, "maxItems": 16, "items": {"type": "object"}})
            }
        }

        impl $name {
            /// The kind of route whose rules these are.
            pub const KIND: RouteKind = $kind;
        }
    };
}
rules! {
    /// `spec.rules` of an HTTPRoute.
    HttpRules, RouteKind::Http
}
rules! {
    /// `spec.rules` of a GRPCRoute.
    GrpcRules, RouteKind::Grpc
}

/// One HTTPRoute of a gateway definition: its rules are those of Gateway API v1, with every match, filter, timeout and weight.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "gateway-http-routes")]
pub struct GatewayHttpRoute {
    /// The definition it belongs to.
    #[noun(required, immutable, part_of = GatewayDefinition)]
    pub gateway_definition_id: i64,
    /// `spec.rules` of an HTTPRoute of Gateway API v1. A backend is a Service of the workload; with `namespace`, of the other workload of that name, which has
    /// granted it (`gateway-grants`).
    #[noun(
        required,
        no_filter,
        example = r#"[{"matches":[{"path":{"type":"PathPrefix","value":"/api"},"headers":[{"name":"version","value":"2"}]}],"backendRefs":[{"name":"web","port":80,"weight":90},{"name":"canary","port":80,"weight":10}]}]"#
    )]
    pub rules: HttpRules,
    /// Those of the definition's hostnames that it is for. Left out: all of them.
    #[noun(no_filter)]
    pub hostnames: Option<Hostnames>,
    /// Those of the definition's HttpPorts that it is for. Left out: all that don't redirect to HTTPS.
    #[noun(no_filter, example = "[443]")]
    pub ports: Option<Ports>,
}

impl Rules for GatewayHttpRoute {
    fn check(&self) -> Vec<Problem> {
        check(HttpRules::KIND, &self.rules.0, self.hostnames.as_ref(), self.ports.as_ref())
    }
}

/// One GRPCRoute of a gateway definition: its rules are those of Gateway API v1, with every match, filter and weight.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "gateway-grpc-routes")]
pub struct GatewayGrpcRoute {
    /// The definition it belongs to.
    #[noun(required, immutable, part_of = GatewayDefinition)]
    pub gateway_definition_id: i64,
    /// `spec.rules` of a GRPCRoute of Gateway API v1. A backend is a Service of the workload; with `namespace`, of the other workload of that name, which has
    /// granted it (`gateway-grants`).
    #[noun(
        required,
        no_filter,
        example = r#"[{"matches":[{"method":{"service":"shop.v1.Cart","method":"Add"}}],"backendRefs":[{"name":"cart","port":9000}]}]"#
    )]
    pub rules: GrpcRules,
    /// Those of the definition's hostnames that it is for. Left out: all of them.
    #[noun(no_filter)]
    pub hostnames: Option<Hostnames>,
    /// Those of the definition's HttpPorts that it is for. Left out: all that don't redirect to HTTPS.
    #[noun(no_filter, example = "[8443]")]
    pub ports: Option<Ports>,
}

impl Rules for GatewayGrpcRoute {
    fn check(&self) -> Vec<Problem> {
        check(GrpcRules::KIND, &self.rules.0, self.hostnames.as_ref(), self.ports.as_ref())
    }
}

/// More routes of a kind than a definition may have: what is wrong with them.
pub fn too_many_routes(count: usize) -> Option<String> {
    (count > MAX_ROUTES)
        .then(|| format!("holds {count} routes; {MAX_ROUTES} are allowed, so make several gateway definitions"))
}

fn check(kind: RouteKind, rules: &Value, hostnames: Option<&Hostnames>, ports: Option<&Ports>) -> Vec<Problem> {
    let mut problems = check_rules(kind, rules);
    if hostnames.is_some_and(|list| list.0.len() > 64) {
        problems.push(Problem::new("Hostnames", "holds more than 64; make several routes"));
    }
    if ports.is_some_and(|list| list.0.len() > super::MAX_PORTS) {
        problems.push(Problem::new("Ports", "holds more ports than a gateway definition may have"));
    }
    problems
}

/// First what the API server of a cluster would say, then what goes beyond: a route leads to Services of workloads, or to ServiceImports beside it.
fn check_rules(kind: RouteKind, rules: &Value) -> Vec<Problem> {
    let faults = kind.check(rules);
    if !faults.is_empty() {
        return faults.into_iter().map(|fault| Problem::new(fault.path, fault.problem).inside("Rules")).collect();
    }
    if rules.as_array().is_none_or(Vec::is_empty) {
        let problem = r#"holds no rule; write one, such as {"backendRefs":[{"name":"web","port":80}]}"#;
        return vec![Problem::new("Rules", problem)];
    }
    let about = |pointer: String| {
        let backend = rules.pointer(&pointer)?;
        if is_service(backend) {
            return None;
        }
        let (field, problem) = match (is_service_import(backend), backend["namespace"].is_null()) {
            (true, true) => return None,
            (true, false) => {
                ("namespace", "goes with Services; a ServiceImport is where the workload is: leave it out")
            }
            (false, _) => (
                "kind",
                "is no Service; a backend is a Service of a workload, or a ServiceImport of multicluster.x-k8s.io: leave out group and kind",
            ),
        };
        Some(Problem::new(format!("{}.{field}", dotted(&pointer)), problem).inside("Rules"))
    };
    backends(rules).into_iter().filter_map(about).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn problems(rules: Value) -> Vec<String> {
        let route = GatewayHttpRoute { rules: HttpRules(rules), ..GatewayHttpRoute::default() };
        route.check().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_fault_is_named_with_its_path_in_the_request() {
        let faults = problems(json!([{}, {"matches": [{"path": {"value": "/a//b"}}]}]));
        assert!(faults[0].starts_with("Rules[1].matches[0].path: must not contain '//'"), "{faults:?}");
        assert!(problems(json!([]))[0].starts_with("Rules: holds less than 1 entries"), "{:?}", problems(json!([])));
        let grpc = GatewayGrpcRoute { rules: GrpcRules(json!([])), ..GatewayGrpcRoute::default() };
        assert!(grpc.check()[0].to_string().starts_with("Rules: holds no rule; write one"), "{:?}", grpc.check());
    }

    #[test]
    fn a_backend_is_a_service() {
        let backend = |extra: Value| {
            let mut backend = json!({"name": "web", "port": 80});
            backend.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            backend
        };
        let mirror = |backend: Value| json!({"type": "RequestMirror", "requestMirror": {"backendRef": backend}});
        let other = || backend(json!({"kind": "Backend", "group": "gateway.example.org"}));
        for (rule, path) in [
            (json!({"backendRefs": [other()]}), "Rules[0].backendRefs[0].kind: is no Service"),
            (
                json!({"backendRefs": [backend(json!({"filters": [mirror(other())]}))]}),
                "Rules[0].backendRefs[0].filters[0].requestMirror.backendRef.kind: is no Service",
            ),
        ] {
            let faults = problems(json!([rule]));
            assert!(faults.len() == 1 && faults[0].starts_with(path), "{faults:?}");
        }
        let imported = || json!({"group": "multicluster.x-k8s.io", "kind": "ServiceImport"});
        for service in [json!({"group": "", "kind": "Service"}), json!({"namespace": "other"}), imported()] {
            assert!(problems(json!([{"backendRefs": [backend(service)]}])).is_empty());
        }
        let elsewhere = json!({"group": "multicluster.x-k8s.io", "kind": "ServiceImport", "namespace": "other"});
        let faults = problems(json!([{"backendRefs": [backend(elsewhere)]}]));
        assert!(faults[0].starts_with("Rules[0].backendRefs[0].namespace: goes with Services"), "{faults:?}");
    }
}
