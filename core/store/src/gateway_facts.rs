//! What clusters say of Gateway API and of their GatewayClasses, as the reconciles of their runtimes have published it.
//!
//! A runtime that publishes something else wakes the gateways that it concerns ([`Store::publish_gateway_facts`]). So no lock on it is kept: a reconcile waits
//! for who is just publishing, and a write that places listeners as the class was known before has them placed anew by the gateway's reconcile.

use crate::{Store, error::Result};
use causeway_records::inputs::{ClassInCluster, GatewayApiFacts, GatewayClassFacts};
use sqlx::{PgConnection, PgExecutor, types::Json};
use std::collections::{BTreeMap, BTreeSet};

/// A cluster, and what concerns the Gateways of one class there.
pub(crate) struct ClassSeen {
    /// Name of the runtime.
    pub(crate) cluster: String,
    pub(crate) known: ClassInCluster,
}

struct ClassRow {
    id: i64,
    name: String,
    api: Option<Json<Option<GatewayApiFacts>>>,
    class: Option<Json<Option<GatewayClassFacts>>>,
}

/// What concerns the Gateways of a class in each of these clusters; None: those of classes that Causeway makes.
pub(crate) async fn of_class(
    connection: &mut PgConnection,
    runtimes: &BTreeSet<i64>,
    class: Option<&str>,
) -> Result<BTreeMap<i64, ClassSeen>> {
    let runtimes: Vec<_> = runtimes.iter().copied().collect();
    let rows = read(connection, &runtimes, class).await?;
    let seen = |row: ClassRow| (row.id, ClassSeen { cluster: row.name.clone(), known: row.known() });
    Ok(rows.into_iter().map(seen).collect())
}

async fn read(executor: impl PgExecutor<'_>, runtimes: &[i64], class: Option<&str>) -> Result<Vec<ClassRow>> {
    let rows = sqlx::query_as!(
        ClassRow,
        r#"SELECT c.id, c.name, r.published_state -> 'api' AS "api: Json<Option<GatewayApiFacts>>",
            r.published_state -> 'classes' -> $2::text AS "class: Json<Option<GatewayClassFacts>>"
        FROM kubernetes_runtime_instances c JOIN reconciliations r ON r.kind = 'KubernetesRuntimeInstance' AND r.id = c.id WHERE c.id = ANY($1)"#,
        runtimes,
        class
    );
    Ok(rows.fetch_all(executor).await?)
}

impl ClassRow {
    fn known(self) -> ClassInCluster {
        ClassInCluster { api: self.api.and_then(|api| api.0), class: self.class.and_then(|class| class.0) }
    }
}

impl Store {
    /// What concerns the Gateways of a class in a cluster.
    pub(crate) async fn class_in_cluster(&self, runtime: i64, class: Option<&str>) -> Result<ClassInCluster> {
        let row = read(&self.pool, &[runtime], class).await?.pop();
        Ok(row.map(ClassRow::known).unwrap_or_default())
    }
}
