//! The inputs of the reconcile of a support service, and the support services of a cluster.

use crate::{Store, error::Result, row, selects};
use causeway_records::{
    Record,
    inputs::{Published, SupportServiceInputs},
    noun::Noun,
    nouns::SupportServiceInstance,
};
use sqlx::{AssertSqlSafe, types::Json};
use std::collections::BTreeSet;

impl Store {
    /// For the reconcile of a support service.
    pub async fn support_service_inputs(&self, id: i64) -> Result<SupportServiceInputs> {
        let instance = self.named::<SupportServiceInstance>(id).await?;
        let runtime = instance.record.spec.kubernetes_runtime_instance_id;
        let account = instance.record.spec.aws_account_id;
        // Also the domains of instances that are on their way out: a zone leaves the filter after its last record.
        let rows = sqlx::query!(
            r#"SELECT d.domain, r.published_state AS "published: Json<Published>" FROM domain_name_definitions d
            JOIN domain_name_instances n ON n.domain_name_definition_id = d.id
            JOIN reconciliations r ON r.kind = 'DomainNameInstance' AND r.id = n.id
            WHERE n.kubernetes_runtime_instance_id = $1 AND n.deleted_at IS NULL AND d.aws_account_id IS NOT DISTINCT FROM $2
                AND d.dns_driver IS DISTINCT FROM 'route53'"#,
            runtime,
            account
        )
        .fetch_all(&self.pool)
        .await?;
        let (mut domains, mut zones, mut unreadable) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for row in rows {
            domains.insert(row.domain);
            // Those of another account were written to before the domain came to this one.
            let published = row.published.map(|published| published.0).unwrap_or_default();
            zones.extend(published.zones().filter(|zone| zone.account == account).cloned());
            unreadable.extend(published.unreadable);
        }
        // What one domain has found out holds for all.
        zones.retain(|zone| !unreadable.contains(&zone.id));
        Ok(SupportServiceInputs {
            control_plane: self.control_plane().await?,
            kubernetes_runtime_instance_id: runtime,
            account: self.shared_if(account).await?,
            instance,
            domains: domains.into_iter().collect(),
            zones: zones.into_iter().collect(),
        })
    }

    /// The support services of a cluster, by id, with their status.
    pub async fn services_of(&self, runtime: i64) -> Result<Vec<Record<SupportServiceInstance>>> {
        self.await_services(runtime).await?;
        let selects = selects::for_noun(&SupportServiceInstance::INFO);
        let text = format!(
            "SELECT {} {} AND t.kubernetes_runtime_instance_id = $1 ORDER BY t.id",
            selects.columns, selects.from
        );
        let rows = sqlx::query(AssertSqlSafe(text)).bind(runtime).fetch_all(&self.pool).await?;
        rows.iter().map(row::record).collect()
    }

    /// Waits for whoever has changed a support service of a cluster, or its status, or what the cluster says of its gateway classes, and hasn't committed yet. A statement of its own: the next one sees what
    /// became of it.
    pub(super) async fn await_services(&self, runtime: i64) -> Result<()> {
        if !self.is_view {
            sqlx::query!("SELECT await_services($1)", runtime).execute(&self.pool).await?;
        }
        Ok(())
    }
}
