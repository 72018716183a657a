//! The objects of a workload instance, as its worker last saw them: rows of `workload-resource-instances`.

use crate::{
    Store,
    documents::{Documents, Place},
    error::Result,
};
use causeway_records::{noun::Noun, nouns::WorkloadResourceInstance};
use serde_json::Value;
use std::collections::HashMap;

/// One object of a workload instance.
#[derive(Clone, PartialEq)]
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

/// What a row says of its object, where another text means another state.
#[derive(PartialEq)]
struct Said {
    definition: String,
    state: Option<String>,
    reconciled: Option<bool>,
}

impl Store {
    /// Makes the rows of a workload instance's objects say this. Rows that say it already are not written: what they say is encrypted, so that it is
    /// compared here.
    pub async fn save_resources(&self, workload_instance: i64, resources: &[Resource]) -> Result<()> {
        let rows = sqlx::query!(
            r#"SELECT object_key AS "key!", json_definition, runtime_definition, reconciled FROM workload_resource_instances
                WHERE workload_instance_id = $1 AND deleted_at IS NULL AND object_key IS NOT NULL"#,
            workload_instance
        )
        .fetch_all(&self.pool)
        .await?;
        let mut known = HashMap::with_capacity(rows.len());
        for row in rows {
            let said = said(&self.documents, row.json_definition, row.runtime_definition);
            known.insert(row.key, said.map(|said| Said { reconciled: row.reconciled, ..said }));
        }
        let mut changed = vec![];
        let keys: Vec<_> = resources.iter().map(|resource| resource.key.as_str()).collect();
        for resource in resources {
            let said = Said {
                definition: resource.definition.to_string(),
                state: resource.state.as_ref().map(Value::to_string),
                reconciled: Some(resource.reconciled),
            };
            if known.remove(&resource.key).flatten().as_ref() != Some(&said) {
                changed.push((resource, said));
            }
        }
        // What is left are rows of objects that aren't any more.
        if changed.is_empty() && known.is_empty() {
            return Ok(());
        }
        let (mut definitions, mut states) = (vec![], vec![]);
        for (_, said) in &changed {
            definitions.push(self.documents.seal_text(definition(), &said.definition)?);
            states.push(said.state.as_ref().map(|text| self.documents.seal_text(state(), text)).transpose()?);
        }
        sqlx::query!(
            "WITH gone AS (UPDATE workload_resource_instances SET deleted_at = now()
                WHERE workload_instance_id = $1 AND deleted_at IS NULL AND object_key IS NOT NULL AND object_key <> ALL($7)
                RETURNING id),
             written AS (INSERT INTO workload_resource_instances AS w (workload_instance_id, object_key, json_definition, runtime_definition, reconciled, last_operation)
             SELECT $1, * FROM unnest($2::text[], $3::bytea[], $4::bytea[], $5::bool[], $6::text[])
             ON CONFLICT (workload_instance_id, object_key) WHERE deleted_at IS NULL DO UPDATE SET json_definition = excluded.json_definition,
                runtime_definition = excluded.runtime_definition, reconciled = excluded.reconciled,
                last_operation = excluded.last_operation, updated_at = now()
                RETURNING id, xmax = 0 AS is_new)
             INSERT INTO event_inbox (type, kind, record_id)
             SELECT 'deleted', 'WorkloadResourceInstance', id FROM gone
             UNION ALL SELECT CASE WHEN is_new THEN 'created' ELSE 'changed' END, 'WorkloadResourceInstance', id FROM written",
            workload_instance,
            changed.iter().map(|(resource, _)| resource.key.as_str()).collect::<Vec<_>>() as _,
            &definitions,
            &states as _,
            &changed.iter().map(|(resource, _)| resource.reconciled).collect::<Vec<_>>(),
            changed.iter().map(|(resource, _)| resource.last_operation.as_str()).collect::<Vec<_>>() as _,
            keys as _,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

fn definition() -> Place {
    Place::of(&WorkloadResourceInstance::INFO, "json_definition")
}

fn state() -> Place {
    Place::of(&WorkloadResourceInstance::INFO, "runtime_definition")
}

/// What documents say; None: they can't be read, and are written anew.
fn said(documents: &Documents, sealed: Vec<u8>, sealed_state: Option<Vec<u8>>) -> Option<Said> {
    let open = |place, sealed| documents.open_text(place, sealed).ok()?.ok();
    let state = match sealed_state {
        Some(sealed) => Some(open(state(), sealed)?),
        None => None,
    };
    Some(Said { definition: open(definition(), sealed)?, state, reconciled: None })
}
