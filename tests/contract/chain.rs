//! One record of every kind that Threeport has, and of UDP ports, routes and grants, each naming the ones before it.

use causeway_testkit::{Answer, unique_name};
use serde_json::{Value, json};

use crate::{made, post};

/// Threeport's plurals with their kinds, and those of UDP ports, routes and grants, parents before those that name them.
pub(crate) const PLURALS: [(&str, &str); 19] = [
    ("kubernetes-runtime-definitions", "KubernetesRuntimeDefinition"),
    ("kubernetes-runtime-instances", "KubernetesRuntimeInstance"),
    ("workload-definitions", "WorkloadDefinition"),
    ("workload-instances", "WorkloadInstance"),
    ("workload-resource-definitions", "WorkloadResourceDefinition"),
    ("workload-resource-instances", "WorkloadResourceInstance"),
    ("workload-events", "WorkloadEvent"),
    ("domain-name-definitions", "DomainNameDefinition"),
    ("domain-name-instances", "DomainNameInstance"),
    ("gateway-definitions", "GatewayDefinition"),
    ("gateway-instances", "GatewayInstance"),
    ("gateway-http-ports", "GatewayHttpPort"),
    ("gateway-tcp-ports", "GatewayTcpPort"),
    ("gateway-udp-ports", "GatewayUdpPort"),
    ("gateway-http-routes", "GatewayHttpRoute"),
    ("gateway-grpc-routes", "GatewayGrpcRoute"),
    ("gateway-grants", "GatewayGrant"),
    ("attached-object-references", "AttachedObjectReference"),
    ("events", "Event"),
];

/// The kinds whose deletion takes two steps; Threeport's seven.
pub(crate) const RECONCILED: [&str; 7] = [
    "KubernetesRuntimeDefinition",
    "KubernetesRuntimeInstance",
    "WorkloadDefinition",
    "WorkloadInstance",
    "DomainNameInstance",
    "GatewayDefinition",
    "GatewayInstance",
];

/// A gateway definition for the gRPC route: a hostname of a port has routes of one kind.
const APART: &str = "a gateway definition of its own";

const TIME: &str = "2026-01-05T10:11:12Z";

/// Ids of one record of every kind, by plural.
pub(crate) struct Chain {
    ids: Vec<(&'static str, i64)>,
}

impl Chain {
    /// Makes them all.
    pub(crate) async fn new() -> Self {
        Self::up_to("events").await
    }

    /// Makes them up to a plural.
    pub(crate) async fn up_to(last: &str) -> Self {
        let mut chain = Self { ids: vec![] };
        for (plural, _) in PLURALS {
            if plural == "gateway-grpc-routes" {
                let body = json!({"Name": unique_name("chain"), "HttpPorts": [{"Port": 80}]});
                chain.ids.push((APART, made("gateway-definitions", &body).await));
            }
            let id = made(plural, &chain.body(plural)).await;
            chain.ids.push((plural, id));
            if plural == last {
                break;
            }
        }
        chain
    }

    /// The record of a plural.
    #[track_caller]
    pub(crate) fn id(&self, plural: &str) -> i64 {
        self.ids.iter().find(|(made, _)| *made == plural).expect("is made").1
    }

    /// Requests an instance of a gateway definition, for the workload of the chain.
    pub(crate) async fn instance_of(&self, definition: i64) -> Answer {
        let body = json!({
            "Name": unique_name("chain"), "GatewayDefinitionID": definition,
            "WorkloadInstanceID": self.id("workload-instances"),
            "KubernetesRuntimeInstanceID": self.id("kubernetes-runtime-instances"),
        });
        post("gateway-instances", &body).await
    }

    /// The body of one more record, with a name of its own.
    pub(crate) fn body(&self, plural: &str) -> Value {
        let name = unique_name("chain");
        let manifest = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
        match plural {
            "kubernetes-runtime-definitions" => json!({"Name": name, "InfraProvider": "kind"}),
            "kubernetes-runtime-instances" => json!({
                "Name": name, "Location": "Local",
                "KubernetesRuntimeDefinitionID": self.id("kubernetes-runtime-definitions"),
            }),
            "workload-definitions" => json!({"Name": name, "YAMLDocument": manifest.to_string()}),
            "workload-instances" => json!({
                "Name": name, "KubernetesRuntimeInstanceID": self.id("kubernetes-runtime-instances"),
                "WorkloadDefinitionID": self.id("workload-definitions"),
            }),
            "workload-resource-definitions" => {
                json!({"JSONDefinition": manifest, "WorkloadDefinitionID": self.id("workload-definitions")})
            }
            "workload-resource-instances" => {
                json!({"JSONDefinition": manifest, "WorkloadInstanceID": self.id("workload-instances")})
            }
            "workload-events" => json!({
                "RuntimeEventUID": name, "Type": "Normal", "Reason": "Pulled", "Message": "an image", "Timestamp": TIME,
                "WorkloadInstanceID": self.id("workload-instances"),
            }),
            "domain-name-definitions" => json!({
                "Name": name, "Domain": format!("{name}.example.org"), "Zone": "Public", "AdminEmail": "ops@example.org",
            }),
            "domain-name-instances" => json!({
                "Name": name, "DomainNameDefinitionID": self.id("domain-name-definitions"),
                "WorkloadInstanceID": self.id("workload-instances"),
                "KubernetesRuntimeInstanceID": self.id("kubernetes-runtime-instances"),
            }),
            "gateway-definitions" => json!({
                "Name": name, "ServiceName": "web", "SubDomain": "www",
                "DomainNameDefinitionID": self.id("domain-name-definitions"),
            }),
            "gateway-instances" => json!({
                "Name": name, "KubernetesRuntimeInstanceID": self.id("kubernetes-runtime-instances"),
                "GatewayDefinitionID": self.id("gateway-definitions"), "WorkloadInstanceID": self.id("workload-instances"),
            }),
            "gateway-http-ports" => json!({"GatewayDefinitionID": self.id("gateway-definitions"), "Port": 80}),
            "gateway-tcp-ports" => json!({"GatewayDefinitionID": self.id("gateway-definitions"), "Port": 5432}),
            "gateway-udp-ports" => json!({"GatewayDefinitionID": self.id("gateway-definitions"), "Port": 5432}),
            "gateway-http-routes" => json!({
                "GatewayDefinitionID": self.id("gateway-definitions"), "Rules": [{"backendRefs": [{"name": "web", "port": 80}]}],
            }),
            "gateway-grpc-routes" => json!({
                "GatewayDefinitionID": self.id(APART), "Rules": [{"backendRefs": [{"name": "web", "port": 80}]}],
            }),
            // It needs none for its own Services, and may have one.
            "gateway-grants" => json!({
                "Name": name, "WorkloadInstanceID": self.id("workload-instances"),
                "GrantedWorkloadInstanceID": self.id("workload-instances"),
            }),
            // Those of gateways and domain names are made along with them.
            "attached-object-references" => json!({
                "ObjectType": "v0.WorkloadInstance", "ObjectID": self.id("workload-instances"),
                "AttachedObjectType": "v0.WorkloadEvent", "AttachedObjectID": self.id("workload-events"),
            }),
            "events" => json!({
                "Reason": "SuccessfulCreate", "Count": 1, "EventTime": TIME, "LastObservedTime": TIME, "Type": "Normal",
                "ReportingController": "GatewayController",
            }),
            other => panic!("no body for {other}"),
        }
    }
}
