//! What the reconcile of a workload instance needs to know.

use super::named::Named;
use crate::{
    nouns::{WorkloadDefinition, WorkloadInstance},
    record::Record,
};
use std::fmt;

/// The inputs of the reconcile of a workload instance.
#[derive(Clone, PartialEq)]
pub struct WorkloadInputs {
    /// Identity of this control plane, in every label.
    pub control_plane: String,
    /// The workload instance. Its object name is also the name of its namespace.
    pub instance: Named<WorkloadInstance>,
    /// The manifests to apply, as a YAML document.
    pub definition: Record<WorkloadDefinition>,
    /// Further manifests of the definition, each a text of JSON: parsed, they may take many times as much memory.
    pub resources: Vec<String>,
}

/// Without the manifests: they may hold secrets.
impl fmt::Debug for WorkloadInputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut inputs = f.debug_struct("WorkloadInputs");
        inputs.field("instance", &self.instance).field("definition", &self.definition).finish_non_exhaustive()
    }
}
