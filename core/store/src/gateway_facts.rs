//! What clusters say of Gateway API and of their GatewayClasses, as the reconciles of their runtimes have published it.
//!
//! It is read without a lock: a runtime that publishes something else wakes the gateways that it concerns.

use crate::{Store, error::Result, queue::Key};
use causeway_records::{
    Kind,
    inputs::{ClassInCluster, GatewayApiFacts, GatewayClassFacts},
};
use sqlx::{PgConnection, Row, postgres::PgRow, types::Json};
use std::collections::{BTreeMap, BTreeSet};

/// A cluster, and what concerns the Gateways of one class there.
pub(crate) struct ClassSeen {
    /// Name of the runtime.
    pub(crate) cluster: String,
    pub(crate) known: ClassInCluster,
}

const TEXT: &str = "SELECT c.id, c.name, r.published_state -> 'api' AS api, r.published_state -> 'classes' -> $2::text AS class
    FROM kubernetes_runtime_instances c JOIN reconciliations r ON r.kind = 'KubernetesRuntimeInstance' AND r.id = c.id WHERE c.id = ANY($1)";

/// What concerns the Gateways of a class in each of these clusters; None: those of classes that Causeway makes.
pub(crate) async fn of_class(
    connection: &mut PgConnection,
    runtimes: &BTreeSet<i64>,
    class: Option<&str>,
) -> Result<BTreeMap<i64, ClassSeen>> {
    let runtimes: Vec<_> = runtimes.iter().copied().collect();
    let rows = sqlx::query(TEXT).bind(runtimes).bind(class).fetch_all(connection).await?;
    rows.iter().map(|row| Ok((row.try_get("id")?, seen(row)?))).collect()
}

fn seen(row: &PgRow) -> Result<ClassSeen> {
    let api: Option<Json<Option<GatewayApiFacts>>> = row.try_get("api")?;
    let class: Option<Json<Option<GatewayClassFacts>>> = row.try_get("class")?;
    let known = ClassInCluster { api: api.and_then(|api| api.0), class: class.and_then(|class| class.0) };
    Ok(ClassSeen { cluster: row.try_get("name")?, known })
}

impl Store {
    /// What concerns the Gateways of a class in a cluster.
    pub(crate) async fn class_in_cluster(&self, runtime: i64, class: Option<&str>) -> Result<ClassInCluster> {
        let row = sqlx::query(TEXT).bind(vec![runtime]).bind(class).fetch_optional(&self.pool).await?;
        Ok(match row {
            Some(row) => seen(&row)?.known,
            None => ClassInCluster::default(),
        })
    }

    /// Places the listeners of a shared gateway that are in ListenerSets on the Gateway itself, if it holds so many, and answers who uses them. `most`: how
    /// many it holds beside its own.
    pub async fn place_on_gateway(&self, gateway: i64, most: usize) -> Result<Vec<Key>> {
        // Whoever claims routes holds the gateway. One who did so meanwhile is seen by the next reconcile.
        let text = "WITH g AS (SELECT id FROM shared_gateways WHERE id = $1 FOR NO KEY UPDATE),
            moved AS (UPDATE gateway_listeners l SET listener_set_id = NULL FROM g WHERE l.shared_gateway_id = g.id AND l.listener_set_id IS NOT NULL
                AND (SELECT count(*) FROM gateway_listeners o WHERE o.shared_gateway_id = g.id) <= $2 RETURNING l.port)
            SELECT 'ListenerSet' AS kind, id FROM listener_sets WHERE shared_gateway_id = $1 AND deleted_at IS NULL AND EXISTS (SELECT FROM moved)
            UNION SELECT 'GatewayInstance', gateway_instance_id FROM route_claims WHERE gateway_id = $1 AND EXISTS (SELECT FROM moved)";
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = sqlx::query(text).bind(gateway).bind(most).fetch_all(&self.pool).await?;
        rows.iter().map(key).collect()
    }

    /// The gateways of a cluster whose Gateways name one of these classes; None: all of the cluster.
    pub async fn gateways_of_classes(&self, runtime: i64, classes: Option<&BTreeSet<String>>) -> Result<Vec<Key>> {
        let text = "WITH g AS (SELECT id FROM shared_gateways
                WHERE kubernetes_runtime_instance_id = $1 AND deleted_at IS NULL AND ($2::text[] IS NULL OR gateway_class_name = ANY($2)))
            SELECT 'SharedGateway' AS kind, id FROM g
            UNION ALL SELECT 'ListenerSet', s.id FROM listener_sets s JOIN g ON g.id = s.shared_gateway_id WHERE s.deleted_at IS NULL
            UNION ALL SELECT 'GatewayInstance', i.id FROM gateway_instances i JOIN gateway_definitions d ON d.id = i.gateway_definition_id
                WHERE i.kubernetes_runtime_instance_id = $1 AND i.deleted_at IS NULL
                    AND ($2::text[] IS NULL OR d.gateway_class_name = ANY($2) OR i.shared_gateway_id IN (SELECT id FROM g))";
        let classes = classes.map(|classes| classes.iter().cloned().collect::<Vec<_>>());
        let rows = sqlx::query(text).bind(runtime).bind(classes).fetch_all(&self.pool).await?;
        rows.iter().map(key).collect()
    }
}

fn key(row: &PgRow) -> Result<Key> {
    let kind = match row.try_get::<&str, _>("kind")? {
        "SharedGateway" => Kind::SharedGateway,
        "ListenerSet" => Kind::ListenerSet,
        _ => Kind::GatewayInstance,
    };
    Ok(Key { kind, id: row.try_get("id")? })
}
