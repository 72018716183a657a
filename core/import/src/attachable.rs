//! Who may attach to a shared gateway, by what its listeners demand of namespaces.

use crate::{
    listener::{Allowed, NAME_LABEL},
    output::Output,
};
use causeway_records::{
    nouns::{AttachableBy, GatewayListener, GatewayListeners, Labels, Rules, SharedGateway},
    text::Name,
};
use std::collections::{BTreeMap, BTreeSet};

/// Who may attach.
pub(crate) struct Who {
    /// None: those in the Gateway's namespace.
    pub(crate) by: Option<AttachableBy>,
    pub(crate) selector: Option<Labels>,
    pub(crate) workloads: Option<Vec<String>>,
    /// It is what all listeners say.
    pub(crate) is_exact: bool,
}

/// Notes down that the namespace that listeners ask for by its name is a workload, though no route of it need be among the objects: nobody else attaches.
pub(crate) fn note(demands: &BTreeSet<Allowed>, gateway: &SharedGateway, output: &mut Output) {
    let mut demands = demands.iter();
    let (Some(Allowed::Labels(labels)), None) = (demands.next(), demands.next()) else { return };
    let named = labels.get(NAME_LABEL).filter(|_| labels.len() == 1);
    let is_own = |name: &String| gateway.namespace.as_ref().is_some_and(|own| own.as_str() == name);
    if let Some(name) = named.filter(|name| !is_own(name) && name.parse::<Name>().is_ok()) {
        output.workloads.entry(name.clone()).or_default();
    }
}

/// `demands` is what the listeners of a record demand of namespaces, `attached` those whose routes attach.
pub(crate) fn who(
    demands: &BTreeSet<Allowed>,
    gateway: &SharedGateway,
    attached: &BTreeSet<String>,
    output: &Output,
) -> Who {
    let only = |workloads: Vec<String>, is_exact| Who {
        by: (!workloads.is_empty()).then_some(AttachableBy::WorkloadInstances),
        selector: None,
        workloads: (!workloads.is_empty()).then_some(workloads),
        is_exact,
    };
    let of_namespace = |namespace: &str| {
        let is_workload = output.workloads.contains_key(namespace);
        let is_own = gateway.namespace.as_ref().is_some_and(|own| own.as_str() == namespace);
        only(is_workload.then(|| namespace.to_owned()).into_iter().collect(), is_workload || is_own)
    };
    // Those that attach now.
    let widest = || only(attached.iter().cloned().collect(), false);
    let mut demands = demands.iter();
    match (demands.next(), demands.next()) {
        (Some(Allowed::All), None) => {
            Who { by: Some(AttachableBy::All), selector: None, workloads: None, is_exact: true }
        }
        (Some(Allowed::Namespace(namespace)), None) => of_namespace(namespace),
        (Some(Allowed::Labels(labels)), None) => match labels.get(NAME_LABEL) {
            Some(namespace) if labels.len() == 1 => of_namespace(namespace),
            None if is_selector(gateway, labels) => Who {
                by: Some(AttachableBy::Selector),
                selector: Some(Labels(labels.clone())),
                workloads: None,
                is_exact: true,
            },
            _ => widest(),
        },
        _ => widest(),
    }
}

/// Whether a record can select by these labels.
fn is_selector(gateway: &SharedGateway, labels: &BTreeMap<String, String>) -> bool {
    let selector = SharedGateway {
        listeners: Some(GatewayListeners(vec![GatewayListener::default()])),
        attachable_by: Some(AttachableBy::Selector),
        namespace_selector: Some(Labels(labels.clone())),
        ..gateway.clone()
    };
    selector.check().iter().all(|problem| !problem.field.starts_with("NamespaceSelector"))
}
