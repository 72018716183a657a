//! Records as the documents that `causeway apply -f` reads and `causeway export` prints: a kind with its fields below it, other records by their names.

use crate::{
    Import,
    output::{Domain, Gateway, Grant, Shared, Workload},
};
use causeway_records::{
    Kind,
    nouns::{GatewayDefinition, GatewayHttpPort, GatewayTcpPort, GatewayUdpPort, SharedGateway},
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// One record as a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// What it is.
    pub kind: Kind,
    /// Its fields that aren't as they are by default.
    pub fields: Map<String, Value>,
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.kind.as_str(), &self.fields)?;
        map.end()
    }
}

/// All records, those first that others name.
pub(crate) fn documents(import: &Import) -> Vec<Document> {
    let document = |kind, fields: Value| {
        let Value::Object(mut fields) = fields else { return Document { kind, fields: Map::new() } };
        fields.retain(|_, value| !value.is_null());
        Document { kind, fields }
    };
    let domains = import.domains.iter().map(|one| document(Kind::DomainNameDefinition, domain(one)));
    // Without it `apply` takes the cluster that is named there.
    let runtime = import.runtime.as_ref().map(|name| json!({"Name": name}));
    let workloads = import.workloads.iter().flat_map(|one| {
        let instance = json!({
            "Name": one.name, "WorkloadDefinition": {"Name": one.name}, "KubernetesRuntimeInstance": runtime,
            "Namespace": runtime.as_ref().map(|_| &one.name), "NamespaceLabels": one.labels,
        });
        [document(Kind::WorkloadDefinition, workload(one)), document(Kind::WorkloadInstance, instance)]
    });
    let shared = import.shared.iter().map(|one| document(Kind::SharedGateway, shared(one, runtime.as_ref())));
    let grants = import.grants.iter().map(|one| document(Kind::GatewayGrant, grant(one)));
    let gateways = import.gateways.iter().flat_map(|one| {
        let name = &one.definition.name;
        let instance = json!({
            "Name": name, "GatewayDefinition": {"Name": name}, "WorkloadInstance": {"Name": one.workload},
            "KubernetesRuntimeInstance": runtime, "SharedGateway": one.shared.as_ref().map(|shared| json!({"Name": shared})),
            "RouteName": one.route_name, "KeepOnDelete": one.route_name.as_ref().map(|_| true),
        });
        let instance = one.is_attached.then(|| document(Kind::GatewayInstance, instance));
        std::iter::once(document(Kind::GatewayDefinition, gateway(one))).chain(instance)
    });
    domains.chain(workloads).chain(shared).chain(grants).chain(gateways).collect()
}

/// Without the address that the user has to write: it can't be guessed, and `apply` asks for it.
fn domain(one: &Domain) -> Value {
    let kind = one.issuer.as_ref().map(|_| "Existing");
    json!({"Name": one.domain, "Domain": one.domain, "Zone": "Public", "IssuerKind": kind, "IssuerName": one.issuer})
}

/// Without manifests, the name of a file that the user has to write.
fn workload(one: &Workload) -> Value {
    let manifests = one.manifests.clone().unwrap_or_else(|| format!("{}.yaml", one.name));
    json!({"Name": one.name, "YAMLDocument": manifests})
}

fn shared(one: &Shared, runtime: Option<&Value>) -> Value {
    let SharedGateway {
        name,
        gateway_class_name,
        namespace,
        gateway_name,
        listeners,
        attachable_by,
        namespace_selector,
        addresses,
        infrastructure,
        tls,
        allowed_listeners,
        keep_on_delete,
        ..
    } = &one.gateway;
    let of = |map: &BTreeMap<String, String>| (!map.is_empty()).then(|| map.clone());
    let infrastructure = infrastructure
        .as_ref()
        .map(|own| without_nulls(json!({"Labels": of(&own.labels), "Annotations": of(&own.annotations)})));
    let named = |names: &Vec<String>| names.iter().map(|name| json!({"Name": name})).collect::<Value>();
    json!({
        "Name": name,
        "KubernetesRuntimeInstance": runtime,
        "GatewayClassName": gateway_class_name,
        "Namespace": namespace,
        "GatewayName": gateway_name,
        "DomainNameDefinition": one.domain.as_ref().map(|domain| json!({"Name": domain})),
        "Listeners": listeners,
        "AttachableBy": attachable_by,
        "NamespaceSelector": namespace_selector,
        "WorkloadInstances": one.workloads.as_ref().map(named),
        "Addresses": addresses,
        "Infrastructure": infrastructure,
        "TLS": tls,
        "AllowedListeners": allowed_listeners,
        "KeepOnDelete": keep_on_delete,
    })
}

fn grant(one: &Grant) -> Value {
    json!({
        "Name": one.name,
        "WorkloadInstance": {"Name": one.to},
        "GrantedWorkloadInstance": {"Name": one.from},
        "ServiceNames": one.services,
        "RouteKinds": one.kinds,
    })
}

fn gateway(one: &Gateway) -> Value {
    let GatewayDefinition {
        name,
        http_ports,
        tcp_ports,
        udp_ports,
        http_routes,
        grpc_routes,
        service_name,
        gateway_class_name,
        hostnames,
        ..
    } = &one.definition;
    let route = |rules: &Value, hostnames: Value| without_nulls(json!({"Rules": rules, "Hostnames": hostnames}));
    let http_routes = http_routes.iter().map(|one| route(&one.rules.0, json!(one.hostnames)));
    let grpc_routes = grpc_routes.iter().map(|one| route(&one.rules.0, json!(one.hostnames)));
    json!({
        "Name": name,
        "DomainNameDefinition": one.domain.as_ref().map(|domain| json!({"Name": domain})),
        "Hostnames": hostnames,
        "GatewayClassName": gateway_class_name,
        "ServiceName": service_name,
        "HttpPorts": rows(http_ports.iter().map(http_port)),
        "TcpPorts": rows(tcp_ports.iter().map(tcp_port)),
        "UdpPorts": rows(udp_ports.iter().map(udp_port)),
        "HttpRoutes": rows(http_routes),
        "GrpcRoutes": rows(grpc_routes),
    })
}

/// An empty list isn't said.
fn rows(rows: impl Iterator<Item = Value>) -> Option<Vec<Value>> {
    Some(rows.collect()).filter(|rows: &Vec<Value>| !rows.is_empty())
}

fn http_port(port: &GatewayHttpPort) -> Value {
    let set = |flag: Option<bool>| flag.filter(|set| *set);
    without_nulls(json!({
        "Port": port.port, "TLSEnabled": set(port.tls_enabled), "HTTPSRedirect": set(port.https_redirect),
    }))
}

fn tcp_port(port: &GatewayTcpPort) -> Value {
    let tls = port.tls_enabled.filter(|set| *set);
    without_nulls(json!({
        "Port": port.port, "TLSEnabled": tls, "TLSMode": port.tls_mode.filter(|_| tls.is_some()), "ServicePort": port.service_port,
        "BackendRefs": port.backend_refs,
    }))
}

fn udp_port(port: &GatewayUdpPort) -> Value {
    without_nulls(json!({"Port": port.port, "ServicePort": port.service_port, "BackendRefs": port.backend_refs}))
}

fn without_nulls(mut row: Value) -> Value {
    if let Some(row) = row.as_object_mut() {
        row.retain(|_, value| !value.is_null());
    }
    row
}
