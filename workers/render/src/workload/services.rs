//! The Services among a workload's manifests: what gateways can send traffic to.

use super::{all_manifests, group_and_kind, text};
use crate::InvalidInput;
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
    let mut services: Vec<_> = all_manifests(inputs)?
        .iter()
        .filter(|manifest| group_and_kind(manifest) == (String::new(), "Service".to_owned()))
        .map(|manifest| facts(manifest, &inputs.instance.object_name))
        .collect();
    services.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    Ok(services)
}

fn facts(manifest: &Value, namespace: &str) -> ServiceFacts {
    let own = manifest.pointer("/metadata/namespace").map(text).filter(|own| !own.is_empty());
    let ports = manifest.pointer("/spec/ports").and_then(Value::as_array).into_iter().flatten();
    ServiceFacts {
        name: manifest.pointer("/metadata/name").map(text).unwrap_or_default().to_owned(),
        namespace: own.unwrap_or(namespace).to_owned(),
        ports: ports.filter_map(port).collect(),
    }
}

fn port(port: &Value) -> Option<ServicePort> {
    let number = port["port"].as_i64().and_then(|number| i32::try_from(number).ok())?;
    Some(ServicePort { port: number, protocol: port["protocol"].as_str().unwrap_or("TCP").to_owned() })
}
