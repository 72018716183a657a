//! The shared gateways that carry claims: locked, so that one transaction at a time claims routes on each.

use crate::error::{Result, StoreError};
use causeway_records::problem::Reason;
use causeway_rules::driver::Driver;
use sqlx::PgConnection;
use std::collections::BTreeMap;

/// Shared gateways that are locked.
pub(super) struct Locked {
    /// By id, with the driver of its class.
    pub(super) all: BTreeMap<i64, Driver>,
    /// Those that were asked for, which are among them, by the runtime of their cluster.
    pub(super) wanted: BTreeMap<i64, i64>,
}

/// The shared gateways that a write of claims is about.
#[derive(Clone, Copy, Default)]
pub(super) struct Concerned<'a> {
    /// Those that these instances have claims on.
    pub(super) instances: &'a [i64],
    /// Those that instances name, by id.
    pub(super) named: &'a [i64],
    /// The clusters whose common one is wanted. It is made when it is first needed.
    pub(super) runtimes: &'a [i64],
    /// The class of the common ones.
    pub(super) class: Option<&'a str>,
}

/// Locks them, by id.
pub(super) async fn lock(connection: &mut PgConnection, concerned: Concerned<'_>) -> Result<Locked> {
    let mut locked = lock_those_there(connection, concerned).await?;
    let Concerned { runtimes, class, .. } = concerned;
    let missing: Vec<i64> = runtimes.iter().copied().filter(|runtime| !locked.wanted.contains_key(runtime)).collect();
    for runtime in missing {
        if let Some(id) = make(connection, runtime, class).await? {
            locked.all.insert(id, Driver::for_class(class));
            locked.wanted.insert(runtime, id);
            continue;
        }
        // Of two transactions that make it at once the second waits for the first one's commit, and then finds it.
        let again = Concerned { runtimes: &[runtime], class, ..Concerned::default() };
        let there = lock_those_there(connection, again).await?;
        if there.wanted.is_empty() {
            // Another record bears the name that it would get, or it went in between.
            return Err(StoreError::conflict(
                Reason::Contention,
                format!(
                    "the shared gateway of kubernetes runtime instance {runtime} can't be made right now; try again"
                ),
            ));
        }
        locked.all.extend(there.all);
        locked.wanted.extend(there.wanted);
    }
    Ok(locked)
}

async fn lock_those_there(connection: &mut PgConnection, concerned: Concerned<'_>) -> Result<Locked> {
    let Concerned { instances, named, runtimes, class } = concerned;
    let locked = sqlx::query!(
        r#"SELECT id, kubernetes_runtime_instance_id AS runtime, gateway_class_name AS class,
               (kubernetes_runtime_instance_id = ANY($2) AND coalesce(gateway_class_name, '') = coalesce($3, '') AND namespace IS NULL AND deleted_at IS NULL) AS "is_wanted!"
           FROM shared_gateways WHERE id IN (
               SELECT gateway_id FROM route_claims WHERE gateway_instance_id = ANY($1)
               UNION SELECT unnest($4::bigint[])
               UNION SELECT id FROM shared_gateways
                   WHERE kubernetes_runtime_instance_id = ANY($2) AND coalesce(gateway_class_name, '') = coalesce($3, '') AND namespace IS NULL AND deleted_at IS NULL)
           ORDER BY id FOR NO KEY UPDATE"#,
        instances,
        runtimes,
        class,
        named
    )
    .fetch_all(connection)
    .await?;
    Ok(Locked {
        wanted: locked
            .iter()
            .filter(|gateway| gateway.is_wanted)
            .map(|gateway| (gateway.runtime, gateway.id))
            .collect(),
        all: locked.iter().map(|gateway| (gateway.id, Driver::for_class(gateway.class.as_deref()))).collect(),
    })
}

/// None: another transaction has made it, or another record bears its name.
async fn make(connection: &mut PgConnection, runtime: i64, class: Option<&str>) -> Result<Option<i64>> {
    let made = sqlx::query_scalar!(
        "WITH made AS (INSERT INTO shared_gateways (name, kubernetes_runtime_instance_id, gateway_class_name)
            VALUES (concat_ws('-', 'shared', $1::bigint, $2::text), $1, $2) ON CONFLICT DO NOTHING RETURNING id, name),
         e AS (INSERT INTO event_inbox (type, kind, record_id, name, runtime_id, generation) SELECT 'created', 'SharedGateway', id, name, $1, 1 FROM made)
         INSERT INTO reconciliations (kind, id, runtime_id, object_name) SELECT 'SharedGateway', id, $1, 'shared-gateway-' || id FROM made
         RETURNING id",
        runtime,
        class
    );
    Ok(made.fetch_optional(connection).await?)
}

/// Some of the live gateway instances with claims on a shared gateway that they don't name, as it is the common one: their names. `staying`: without those that
/// are on their way out themselves.
pub(in super::super) async fn on_common(
    connection: &mut PgConnection,
    gateway: i64,
    staying: bool,
) -> Result<Vec<String>> {
    let names = sqlx::query_scalar!(
        "SELECT t.name FROM gateway_instances t WHERE t.deleted_at IS NULL AND t.shared_gateway_id IS DISTINCT FROM $1
            AND t.id IN (SELECT c.gateway_instance_id FROM route_claims c WHERE c.gateway_id = $1)
            AND NOT ($2 AND EXISTS (SELECT FROM reconciliations r WHERE r.kind = 'GatewayInstance' AND r.id = t.id AND r.deletion_scheduled IS NOT NULL))
         ORDER BY t.id LIMIT 5",
        gateway,
        staying
    );
    Ok(names.fetch_all(connection).await?)
}
