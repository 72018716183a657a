//! The objects of a workload instance, as its worker last saw them: rows of `workload-resource-instances`.

use crate::{Store, error::Result};
use serde_json::Value;
use sqlx::types::Json;

/// One object of a workload instance.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// `group/kind/namespace/name`.
    pub key: String,
    /// The manifest as applied.
    pub definition: Value,
    /// Its state in the cluster.
    pub state: Option<Value>,
    /// It stands as asked for.
    pub reconciled: bool,
    /// What was last done with it: `Created`.
    pub last_operation: String,
}

impl Store {
    /// Makes the rows of a workload instance's objects say this. Rows that say it already are not written.
    pub async fn save_resources(&self, workload_instance: i64, resources: &[Resource]) -> Result<()> {
        let keys: Vec<_> = resources.iter().map(|resource| resource.key.as_str()).collect();
        sqlx::query!(
            "WITH gone AS (UPDATE workload_resource_instances SET deleted_at = now()
                WHERE workload_instance_id = $1 AND deleted_at IS NULL AND object_key IS NOT NULL AND object_key <> ALL($2))
             INSERT INTO workload_resource_instances AS w (workload_instance_id, object_key, json_definition, runtime_definition, reconciled, last_operation)
             SELECT $1, * FROM unnest($2::text[], $3::jsonb[], $4::jsonb[], $5::bool[], $6::text[])
             ON CONFLICT (workload_instance_id, object_key) WHERE deleted_at IS NULL DO UPDATE SET json_definition = excluded.json_definition,
                runtime_definition = excluded.runtime_definition, reconciled = excluded.reconciled,
                last_operation = excluded.last_operation, updated_at = now()
             WHERE (w.json_definition, w.runtime_definition, w.reconciled) IS DISTINCT FROM
                (excluded.json_definition, excluded.runtime_definition, excluded.reconciled)",
            workload_instance,
            keys as _,
            resources.iter().map(|resource| Json(&resource.definition)).collect::<Vec<_>>() as _,
            resources.iter().map(|resource| resource.state.as_ref().map(Json)).collect::<Vec<_>>() as _,
            &resources.iter().map(|resource| resource.reconciled).collect::<Vec<_>>(),
            resources.iter().map(|resource| resource.last_operation.as_str()).collect::<Vec<_>>() as _,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
