//! What a trial reads, before its write and after it.

use super::{limits, own::Numbers};
use crate::{
    Store,
    error::{Result, StoreError},
    queue::Key,
};
use causeway_records::{
    Kind,
    inputs::AnyInputs,
    trial::{Side, Touched},
};
use std::collections::BTreeSet;

/// Kinds whose objects follow from records alone.
const WITH_OBJECTS: &[Kind] =
    &[Kind::WorkloadInstance, Kind::SharedGateway, Kind::ListenerSet, Kind::GatewayInstance, Kind::DomainNameInstance];

impl Store {
    /// The records that this transaction has made due, and the one that it has deleted.
    pub(super) async fn woken_here(&self, deleted: Option<Key>) -> Result<BTreeSet<Key>> {
        // Due by now is whatever was woken, and little else. Rows of this transaction and its savepoints are not older than it. A transaction that is not over
        // and whose rows are seen is this one: those that others committed meanwhile are none of its.
        let rows = sqlx::query!(
            "SELECT kind, id FROM (SELECT kind, id, age(pg_current_xact_id()::xid) - age(xmin) AS younger FROM reconciliations WHERE due_at <= now()) r
            WHERE younger >= 0 AND pg_xact_status((pg_current_xact_id()::text::bigint + younger)::text::xid8) = 'in progress'"
        )
        .fetch_all(&self.pool)
        .await?;
        let mut woken: BTreeSet<Key> = deleted.into_iter().collect();
        for row in rows {
            // A later release may have kinds that this one doesn't know.
            if let Ok(kind) = row.kind.parse() {
                woken.insert(Key { kind, id: row.id });
            }
        }
        Ok(woken)
    }

    /// Reads these records. Ids of new ones are replaced.
    pub(super) async fn side(&self, keys: &BTreeSet<Key>, numbers: &Numbers) -> Result<Side<AnyInputs>> {
        let numbered = |id: i64| numbers.get(&id).copied().unwrap_or(id);
        let with_objects: Vec<_> = keys.iter().filter(|key| WITH_OBJECTS.contains(&key.kind)).copied().collect();
        limits::check(with_objects.len(), 0)?;
        let bytes = self.bytes_of_inputs(&with_objects).await?;
        limits::check(with_objects.len(), bytes)?;
        let mut side = Side { bytes, ..Side::default() };
        for (key, touched) in self.touched(keys).await? {
            let subject = (key.kind, numbered(key.id));
            side.touched.insert(subject, touched);
            if !WITH_OBJECTS.contains(&key.kind) {
                continue;
            }
            let Some(mut inputs) = self.inputs_of(key).await?.filter(|inputs| !inputs.is_leaving()) else { continue };
            inputs.renumber(numbers);
            side.records.insert(subject, inputs);
            if key.kind == Kind::GatewayInstance {
                side.claims.extend(self.claims_of_gateway_instance(key.id).await?);
            }
        }
        for claim in &mut side.claims {
            claim.gateway_instance_id = numbered(claim.gateway_instance_id);
            claim.gateway_id = numbered(claim.gateway_id);
        }
        Ok(side)
    }

    /// Those of these records that exist.
    async fn touched(&self, keys: &BTreeSet<Key>) -> Result<Vec<(Key, Touched)>> {
        let (kinds, ids): (Vec<_>, Vec<_>) = keys.iter().map(|key| (key.kind.as_str(), key.id)).unzip();
        let rows = sqlx::query!(
            r#"SELECT r.kind AS "kind!", r.id AS "id!", coalesce(name_of(r.kind, r.id), '') AS "name!", c.id AS "runtime_id?", coalesce(c.name, '') AS "runtime!",
                r.deletion_scheduled IS NOT NULL OR r.gone_at IS NOT NULL AS "leaves!",
                r.interrupt_reconciliation OR coalesce(cr.interrupt_reconciliation, false) AS "paused!"
            FROM unnest($1::text[], $2::bigint[]) k(kind, id) JOIN reconciliations r USING (kind, id)
            LEFT JOIN kubernetes_runtime_instances c ON c.id = r.runtime_id
            LEFT JOIN reconciliations cr ON cr.kind = 'KubernetesRuntimeInstance' AND cr.id = c.id ORDER BY r.kind, r.id"#,
            kinds as _,
            &ids
        )
        .fetch_all(&self.pool)
        .await?;
        let inconsistent = |reason| StoreError::Inconsistent { table: "reconciliations", column: "kind", reason };
        let touched = rows.into_iter().map(|row| {
            let kind: Kind = row.kind.parse().map_err(|_| inconsistent(format!("{} is no kind", row.kind)))?;
            let of = Touched {
                name: row.name,
                runtime_id: row.runtime_id,
                runtime: row.runtime,
                leaves: row.leaves,
                paused: row.paused,
            };
            Ok((Key { kind, id: row.id }, of))
        });
        touched.collect()
    }
}
