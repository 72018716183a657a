//! What the reconcile of a workload instance needs to know.

use super::named::Named;
use crate::{
    nouns::{WorkloadDefinition, WorkloadInstance},
    record::Record,
};
use serde_json::Value;

/// The inputs of the reconcile of a workload instance.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkloadInputs {
    /// Identity of this control plane, in every label.
    pub control_plane: String,
    /// The workload instance. Its object name is also the name of its namespace.
    pub instance: Named<WorkloadInstance>,
    /// The manifests to apply, as a YAML document.
    pub definition: Record<WorkloadDefinition>,
    /// Further manifests of the definition, as JSON.
    pub resources: Vec<Value>,
}
