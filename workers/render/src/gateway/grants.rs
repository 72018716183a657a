//! ReferenceGrants: a workload may put its Services into other namespaces than the routes are in, or another workload has granted its own, and
//! there routes need a permission to send to them.

use super::namespace;
use crate::{
    k8s::{
        Ours,
        gateway_api::{GROUP, REFERENCE_GRANT, ReferenceGrantFrom, ReferenceGrantSpec, ReferenceGrantTo},
    },
    names,
    plan::Object,
};
use causeway_records::inputs::GatewayInputs;
use std::collections::{BTreeMap, BTreeSet};

/// What routes refer to in other namespaces.
#[derive(Default)]
pub(super) struct Grants(BTreeMap<String, Elsewhere>);

#[derive(Default)]
struct Elsewhere {
    kinds: BTreeSet<&'static str>,
    services: BTreeSet<String>,
}

impl Grants {
    /// Routes of a kind send to a Service in a namespace.
    pub(super) fn add(&mut self, kind: &'static str, namespace: &str, service: &str) {
        let elsewhere = self.0.entry(namespace.to_owned()).or_default();
        elsewhere.kinds.insert(kind);
        elsewhere.services.insert(service.to_owned());
    }

    /// One ReferenceGrant in each namespace.
    pub(super) fn objects(self, inputs: &GatewayInputs, ours: &Ours<'_>) -> Vec<Object> {
        let name = names::reference_grant(&inputs.instance.object_name);
        let from = |kind| ReferenceGrantFrom { group: GROUP, kind, namespace: namespace(inputs).to_owned() };
        let to = |name| ReferenceGrantTo { group: "", kind: "Service", name };
        let grant = |(namespace, elsewhere): (String, Elsewhere)| {
            let spec = ReferenceGrantSpec {
                from: elsewhere.kinds.into_iter().map(from).collect(),
                to: elsewhere.services.into_iter().map(to).collect(),
            };
            REFERENCE_GRANT.object(ours, REFERENCE_GRANT.at(&namespace, &name), &spec)
        };
        self.0.into_iter().map(grant).collect()
    }
}
