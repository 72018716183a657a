//! Clusters as an operator sees them: who works on each, and how far behind.

use crate::{Store, error::Result, row, selects};
use causeway_records::{
    Record,
    noun::Noun,
    nouns::SupportServiceInstance,
    status::Conditions,
    summary::{ClusterState, RecordProgress},
};
use sqlx::{AssertSqlSafe, types::Json};

impl Store {
    /// The clusters with a larger id than `after`, by ascending id, at most `limit`.
    pub async fn cluster_states(&self, after: i64, limit: i64) -> Result<Vec<ClusterState>> {
        let rows = sqlx::query!(
            r#"SELECT t.id AS "id!", t.name AS "name!", w.id::text AS worker, r.conditions AS "conditions!: Json<Conditions>", r.blocking_since,
                r.deletion_scheduled, q.due AS "due!", q.since,
                (SELECT count(*) FROM gateway_instances g WHERE g.kubernetes_runtime_instance_id = t.id AND g.deleted_at IS NULL) AS "gateways!"
            FROM kubernetes_runtime_instances t
            JOIN reconciliations r ON r.kind = 'KubernetesRuntimeInstance' AND r.id = t.id
            LEFT JOIN leases l ON l.runtime_id = t.id
            LEFT JOIN workers w ON w.id = l.holder AND w.until > now()
            LEFT JOIN LATERAL (SELECT count(*) AS due, min(d.due_at) AS since FROM reconciliations d
                WHERE d.runtime_id = t.id AND d.due_at <= now()) q ON true
            WHERE t.deleted_at IS NULL AND t.id > $1 ORDER BY t.id LIMIT $2"#,
            after,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let states = rows.into_iter().map(|row| ClusterState {
            runtime_id: row.id,
            name: row.name,
            worker: row.worker,
            reachable: row.conditions.get(CLUSTER_REACHABLE).map(|condition| condition.message.clone()),
            gateways: row.gateways,
            due: row.due,
            due_since: row.since,
            state: RecordProgress::new(&row.conditions, row.blocking_since, row.deletion_scheduled),
        });
        Ok(states.collect())
    }
}

/// The condition that says what a cluster answers.
const CLUSTER_REACHABLE: &str = "ClusterReachable";

impl Store {
    /// The support services of these clusters.
    pub async fn support_services_in(&self, clusters: &[i64]) -> Result<Vec<Record<SupportServiceInstance>>> {
        let text = format!(
            "{} WHERE t.deleted_at IS NULL AND t.kubernetes_runtime_instance_id = ANY ($1) ORDER BY t.id",
            selects::for_noun(&SupportServiceInstance::INFO).any
        );
        let rows = sqlx::query(AssertSqlSafe(text)).bind(clusters).fetch_all(&self.pool).await?;
        rows.iter().map(row::record).collect()
    }
}
