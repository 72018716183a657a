//! The shared gateways that carry claims: locked, so that one transaction at a time claims routes on each.

use crate::error::{Result, StoreError};
use causeway_records::problem::Reason;
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// Shared gateways that are locked.
pub(super) struct Locked {
    /// By id.
    pub(super) all: BTreeSet<i64>,
    /// The one that was asked for, which is among them.
    pub(super) wanted: Option<i64>,
}

/// Locks, by id, the shared gateways that an instance has claims on, and the one that is `wanted` by its cluster and class. That one is made when it is
/// first needed.
pub(super) async fn lock(
    connection: &mut PgConnection,
    instance: i64,
    wanted: Option<(i64, Option<&str>)>,
) -> Result<Locked> {
    // Of two transactions that make it at once the second waits for the first one's commit, and then finds it.
    for _ in 0..2 {
        let locked = lock_those_there(connection, instance, wanted).await?;
        let Some((runtime, class)) = wanted.filter(|_| locked.wanted.is_none()) else { return Ok(locked) };
        if let Some(id) = make(connection, runtime, class).await? {
            let all = locked.all.into_iter().chain([id]).collect();
            return Ok(Locked { all, wanted: Some(id) });
        }
    }
    // Another record bears the name that it would get, or it went in between.
    let runtime = wanted.map(|(runtime, _)| runtime).unwrap_or_default();
    Err(StoreError::conflict(
        Reason::Contention,
        format!("the shared gateway of kubernetes runtime instance {runtime} can't be made right now; try again"),
    ))
}

async fn lock_those_there(
    connection: &mut PgConnection,
    instance: i64,
    wanted: Option<(i64, Option<&str>)>,
) -> Result<Locked> {
    let (runtime, class) = wanted.unzip();
    let locked = sqlx::query!(
        r#"SELECT id, (kubernetes_runtime_instance_id = $2 AND coalesce(gateway_class_name, '') = coalesce($3, '') AND deleted_at IS NULL) AS is_wanted
           FROM shared_gateways WHERE id IN (
               SELECT gateway_id FROM route_claims WHERE gateway_instance_id = $1
               UNION SELECT id FROM shared_gateways
                   WHERE kubernetes_runtime_instance_id = $2 AND coalesce(gateway_class_name, '') = coalesce($3, '') AND deleted_at IS NULL)
           ORDER BY id FOR NO KEY UPDATE"#,
        instance,
        runtime,
        class.flatten()
    )
    .fetch_all(connection)
    .await?;
    Ok(Locked {
        wanted: locked.iter().find(|gateway| gateway.is_wanted == Some(true)).map(|gateway| gateway.id),
        all: locked.iter().map(|gateway| gateway.id).collect(),
    })
}

/// None: another transaction has made it, or another record bears its name.
async fn make(connection: &mut PgConnection, runtime: i64, class: Option<&str>) -> Result<Option<i64>> {
    let made = sqlx::query_scalar!(
        "WITH made AS (INSERT INTO shared_gateways (name, kubernetes_runtime_instance_id, gateway_class_name)
            VALUES (concat_ws('-', 'shared', $1::bigint, $2::text), $1, $2) ON CONFLICT DO NOTHING RETURNING id)
         INSERT INTO reconciliations (kind, id, runtime_id, object_name) SELECT 'SharedGateway', id, $1, 'shared-gateway-' || id FROM made
         RETURNING id",
        runtime,
        class
    );
    Ok(made.fetch_optional(connection).await?)
}
