//! The Services among a workload's manifests: what gateways can send traffic to.

use super::manifests;
use crate::InvalidInput;
use causeway_manifests::Manifest;
use causeway_records::inputs::WorkloadInputs;
use serde_json::Value;

/// A Service among the manifests of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceFacts {
    /// `metadata.name`.
    pub name: String,
    /// The namespace of the manifest, or else that of the workload instance.
    pub namespace: String,
    /// Its ports, in the order of the manifest.
    pub ports: Vec<ServicePort>,
}

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// `spec.ports[].port`, to which routes refer.
    pub port: i32,
    /// `TCP`, `UDP` or `SCTP`; `TCP` where the manifest gives none.
    pub protocol: String,
}

/// The workload's Services, by namespace and name.
pub fn services(inputs: &WorkloadInputs) -> Result<Vec<ServiceFacts>, InvalidInput> {
    let mut services: Vec<_> = manifests(inputs)?
        .iter()
        .filter(|manifest| manifest.not_applied.is_none())
        .filter(|manifest| manifest.group_and_version().0.is_empty() && manifest.kind() == "Service")
        .map(|manifest| facts(manifest, &inputs.instance.object_name))
        .collect();
    services.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    Ok(services)
}

fn facts(manifest: &Manifest, namespace: &str) -> ServiceFacts {
    let ports = manifest.body.pointer("/spec/ports").and_then(Value::as_array).into_iter().flatten();
    ServiceFacts {
        name: manifest.name().to_owned(),
        namespace: manifest.namespace().unwrap_or(namespace).to_owned(),
        ports: ports.filter_map(port).collect(),
    }
}

fn port(port: &Value) -> Option<ServicePort> {
    let number = port["port"].as_i64().and_then(|number| i32::try_from(number).ok())?;
    Some(ServicePort { port: number, protocol: port["protocol"].as_str().unwrap_or("TCP").to_owned() })
}
