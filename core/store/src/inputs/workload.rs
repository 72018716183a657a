//! The inputs of the reconcile of a workload instance.

use crate::{
    Store,
    error::{Result, StoreError},
    json_row::StatedRow,
};
use causeway_records::inputs::WorkloadInputs;
use serde::Deserialize;
use serde_json::Value;
use sqlx::types::Json;

impl Store {
    /// For the reconcile of a workload instance.
    pub async fn workload_inputs(&self, id: i64) -> Result<WorkloadInputs> {
        let read: Option<Json<WorkloadRead>> =
            sqlx::query_scalar("SELECT read_workload($1)").bind(id).fetch_one(&self.pool).await?;
        read.ok_or(StoreError::NotFound)?.0.inputs(self.control_plane().await?)
    }
}

/// The answer of `read_workload`.
#[derive(Deserialize)]
pub(super) struct WorkloadRead {
    instance: StatedRow,
    definition: StatedRow,
    resources: Vec<Value>,
}

impl WorkloadRead {
    pub(super) fn inputs(self, control_plane: String) -> Result<WorkloadInputs> {
        Ok(WorkloadInputs {
            control_plane,
            instance: self.instance.named()?,
            definition: self.definition.record()?,
            resources: self.resources,
        })
    }
}
