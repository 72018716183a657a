//! One example of every mode, for tests: here against snapshots, on a real API server against its schemas and defaults. The program itself does
//! not use them.

mod gateways;
mod records;
mod scenes;
pub mod support_service;

pub use gateways::{Scene, Variant, gateway, given, given_listener, http, shared, spread, tcp, tls, udp};
pub use records::{domain, workload};
pub use scenes::{domain_name, scenes, zones};

use crate::{
    domain_name, gateway, hostnames, listener_set,
    plan::Plan,
    shared_gateway,
    workload::{self, Scope},
};

/// The control plane of all samples.
pub const CONTROL_PLANE: &str = "0a1b2c3d4e";

/// The manifests of the sample workloads: one Deployment behind one Service on port 8080, and something of the cluster's.
pub const MANIFESTS: &str = "\
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: {app: web}
  ports:
  - {name: http, port: 8080}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web}
spec:
  replicas: 2
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: registry.example.org/web:1
";

/// The plan of every mode, by name. All of them may be applied to one cluster at once.
pub fn plans() -> Vec<(String, Plan)> {
    let shop = workload(11, "shop");
    let of_shop = workload::manifests(&shop).and_then(|manifests| workload::render(&shop, manifests, &scopes));
    let mut plans = vec![("workload".to_owned(), of_shop)];
    for (name, scene) in scenes() {
        if let Some(shared) = &scene.shared {
            plans.push((format!("{name}_shared_gateway"), shared_gateway::render(shared)));
        }
        for set in &scene.listener_sets {
            plans.push((format!("{name}_listener_set_{}", set.ordinal), listener_set::render(set)));
        }
        for inputs in &scene.gateways {
            let title = inputs.instance.record.spec.name.to_string().replace('-', "_");
            plans.push((format!("{name}_gateway_{title}"), gateway::render(inputs)));
        }
    }
    let (mut domain, targets) = domain_name();
    domain.published = hostnames::intended(&domain, &domain_name::wanted(&domain, &targets), &zones(), None);
    plans.push(("domain_name".to_owned(), Ok(domain_name::render(&domain, &targets))));
    plans.into_iter().map(|(name, plan)| (name, plan.expect("samples are valid"))).collect()
}

/// The scopes that the discovery of a cluster returns for the kinds of the samples.
pub fn scopes(_group: &str, kind: &str) -> Option<Scope> {
    Some(if kind.starts_with("Cluster") || kind == "Namespace" { Scope::Cluster } else { Scope::Namespaced })
}
