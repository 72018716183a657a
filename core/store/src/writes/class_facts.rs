//! What follows from what a cluster says of Gateway API and of its GatewayClasses. Workers write it, each time with all that it wakes.

use super::{
    retried, run_to_completion,
    wake::{self, Woken},
};
use crate::{Store, error::Result, queue::Claimed};
use causeway_records::Kind;
use serde_json::Value;
use sqlx::{Connection as _, PgConnection, Row, postgres::PgRow};
use std::collections::BTreeSet;

impl Store {
    /// Publishes what a cluster says, and wakes the gateways whose Gateways name one of these classes; None: all of the cluster. False, and nothing is written,
    /// when another worker has the lease.
    pub async fn publish_gateway_facts(
        &self,
        claimed: &Claimed,
        facts: &Value,
        classes: Option<&BTreeSet<String>>,
    ) -> Result<bool> {
        let (store, claimed, facts) = (self.clone(), claimed.clone(), facts.clone());
        let classes = classes.map(|classes| classes.iter().cloned().collect::<Vec<_>>());
        run_to_completion(
            async move { retried(&store, || store.publish_once(&claimed, &facts, classes.as_deref())).await },
        )
        .await
    }

    async fn publish_once(&self, claimed: &Claimed, facts: &Value, classes: Option<&[String]>) -> Result<bool> {
        let (runtime, kind) = (claimed.key.id, claimed.key.kind);
        let mut connection = self.pool.acquire().await?;
        let mut transaction = connection.begin().await?;
        // Who is to be woken is locked before the cluster's row is written.
        let mut locked = concerned(&mut transaction, runtime, classes).await?;
        locked.push((kind, runtime));
        wake::lock(&mut transaction, &locked).await?;
        let text = "UPDATE reconciliations SET published_state = $3 WHERE kind = $1 AND id = $2
            AND EXISTS (SELECT FROM leases WHERE runtime_id = $4 AND epoch = $5)";
        let query = sqlx::query(text).bind(kind.as_str()).bind(runtime).bind(facts);
        let query = query.bind(claimed.lease.cluster_id).bind(claimed.lease.epoch);
        if query.execute(&mut *transaction).await?.rows_affected() == 0 {
            return Ok(false);
        }
        // Those that came meanwhile are seen, too. Whoever comes later waits for the row before it reads what the cluster says.
        let told = concerned(&mut transaction, runtime, classes).await?;
        wake::each(&mut transaction, &Woken { told, ..Woken::default() }).await?;
        transaction.commit().await?;
        connection.give_back();
        Ok(true)
    }

    /// Places the listeners of a shared gateway that are in ListenerSets on the Gateway itself, if it holds so many, and wakes who uses them. False: nothing has
    /// changed. `most`: how many it holds beside its own.
    pub async fn place_on_gateway(&self, gateway: i64, most: usize) -> Result<bool> {
        let (store, most) = (self.clone(), i64::try_from(most).unwrap_or(i64::MAX));
        run_to_completion(async move { retried(&store, || store.place_once(gateway, most)).await }).await
    }

    async fn place_once(&self, gateway: i64, most: i64) -> Result<bool> {
        let mut connection = self.pool.acquire().await?;
        let mut transaction = connection.begin().await?;
        // Whoever claims routes holds the gateway: what is there is counted once nobody does.
        sqlx::query("SELECT FROM shared_gateways WHERE id = $1 FOR NO KEY UPDATE")
            .bind(gateway)
            .execute(&mut *transaction)
            .await?;
        let text = "UPDATE gateway_listeners SET listener_set_id = NULL WHERE shared_gateway_id = $1 AND listener_set_id IS NOT NULL
            AND (SELECT count(*) FROM gateway_listeners WHERE shared_gateway_id = $1) <= $2";
        if sqlx::query(text).bind(gateway).bind(most).execute(&mut *transaction).await?.rows_affected() == 0 {
            return Ok(false);
        }
        let text =
            "SELECT 'ListenerSet' AS kind, id FROM listener_sets WHERE shared_gateway_id = $1 AND deleted_at IS NULL
            UNION SELECT 'GatewayInstance', gateway_instance_id FROM route_claims WHERE gateway_id = $1";
        let users = sqlx::query(text).bind(gateway).fetch_all(&mut *transaction).await?;
        let told = users.iter().map(key).collect::<Result<_>>()?;
        wake::each(&mut transaction, &Woken { told, ..Woken::default() }).await?;
        transaction.commit().await?;
        connection.give_back();
        Ok(true)
    }
}

/// The gateways of a cluster whose Gateways name one of these classes; None: all of the cluster.
async fn concerned(
    connection: &mut PgConnection,
    runtime: i64,
    classes: Option<&[String]>,
) -> Result<Vec<(Kind, i64)>> {
    let text = "WITH g AS (SELECT id FROM shared_gateways
            WHERE kubernetes_runtime_instance_id = $1 AND deleted_at IS NULL AND ($2::text[] IS NULL OR gateway_class_name = ANY($2)))
        SELECT 'SharedGateway' AS kind, id FROM g
        UNION ALL SELECT 'ListenerSet', s.id FROM listener_sets s JOIN g ON g.id = s.shared_gateway_id WHERE s.deleted_at IS NULL
        UNION ALL SELECT 'GatewayInstance', i.id FROM gateway_instances i JOIN gateway_definitions d ON d.id = i.gateway_definition_id
            WHERE i.kubernetes_runtime_instance_id = $1 AND i.deleted_at IS NULL
                AND ($2::text[] IS NULL OR d.gateway_class_name = ANY($2) OR i.shared_gateway_id IN (SELECT id FROM g))";
    let rows = sqlx::query(text).bind(runtime).bind(classes).fetch_all(connection).await?;
    rows.iter().map(key).collect()
}

fn key(row: &PgRow) -> Result<(Kind, i64)> {
    let kind = match row.try_get::<&str, _>("kind")? {
        "SharedGateway" => Kind::SharedGateway,
        "ListenerSet" => Kind::ListenerSet,
        _ => Kind::GatewayInstance,
    };
    Ok((kind, row.try_get("id")?))
}
