//! What clusters say of Gateway API and of their GatewayClasses, as the reconciles of their runtimes have published it.
//!
//! A runtime that publishes something else wakes the gateways that it concerns ([`Store::publish_gateway_facts`]). So no lock on it is kept: a reconcile waits
//! for who is just publishing, and a write that places listeners as the class was known before has them placed anew by the gateway's reconcile.

use crate::{Store, error::Result};
use causeway_records::inputs::{ClassInCluster, GatewayApiFacts, GatewayClassFacts};
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
}
