//! The shared gateways that carry claims: locked, so that one transaction at a time claims routes on each.

use crate::error::{Result, StoreError};
use causeway_records::problem::Reason;
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// The shared gateway of a cluster and class, made when it is first needed, and locked.
pub(super) async fn ensure(connection: &mut PgConnection, runtime: i64, class: Option<&str>) -> Result<i64> {
    // Of two transactions that make it at once the second waits for the first one's commit, and then finds it.
    for _ in 0..2 {
        let found = sqlx::query_scalar!(
            "SELECT id FROM shared_gateways WHERE kubernetes_runtime_instance_id = $1 AND coalesce(gateway_class_name, '') = coalesce($2, '')
                AND deleted_at IS NULL FOR NO KEY UPDATE",
            runtime,
            class
        );
        if let Some(id) = found.fetch_optional(&mut *connection).await? {
            return Ok(id);
        }
        let made = sqlx::query_scalar!(
            "WITH made AS (INSERT INTO shared_gateways (name, kubernetes_runtime_instance_id, gateway_class_name)
                VALUES (concat_ws('-', 'shared', $1::bigint, $2::text), $1, $2) ON CONFLICT DO NOTHING RETURNING id)
             INSERT INTO reconciliations (kind, id, runtime_id, object_name) SELECT 'SharedGateway', id, $1, 'shared-gateway-' || id FROM made
             RETURNING id",
            runtime,
            class
        );
        if let Some(id) = made.fetch_optional(&mut *connection).await? {
            return Ok(id);
        }
    }
    // Another record bears the name that it would get, or it went in between.
    Err(StoreError::conflict(
        Reason::Contention,
        format!("the shared gateway of kubernetes runtime instance {runtime} can't be made right now; try again"),
    ))
}

/// Locks the shared gateways that an instance has claims on, by id.
pub(super) async fn lock_all_of(connection: &mut PgConnection, instance: i64) -> Result<BTreeSet<i64>> {
    let locked = sqlx::query_scalar!(
        "SELECT id FROM shared_gateways WHERE id IN (SELECT gateway_id FROM route_claims WHERE gateway_instance_id = $1)
         ORDER BY id FOR NO KEY UPDATE",
        instance
    );
    Ok(locked.fetch_all(connection).await?.into_iter().collect())
}
