//! The inputs of the reconcile of a support service, and the support services of a cluster.

use crate::{Store, error::Result, row, selects};
use causeway_records::{Record, inputs::SupportServiceInputs, noun::Noun, nouns::SupportServiceInstance};
use sqlx::{AssertSqlSafe, Row};

impl Store {
    /// For the reconcile of a support service.
    pub async fn support_service_inputs(&self, id: i64) -> Result<SupportServiceInputs> {
        let instance = self.named::<SupportServiceInstance>(id).await?;
        let runtime = instance.record.spec.kubernetes_runtime_instance_id;
        let account = instance.record.spec.aws_account_id;
        // Also the domains of instances that are on their way out: a zone leaves the filter after its last record.
        let text = "SELECT DISTINCT d.domain, d.hosted_zone_id FROM domain_name_definitions d
            JOIN domain_name_instances n ON n.domain_name_definition_id = d.id
            WHERE n.kubernetes_runtime_instance_id = $1 AND n.deleted_at IS NULL AND d.aws_account_id IS NOT DISTINCT FROM $2 ORDER BY 1, 2";
        let rows = sqlx::query(text).bind(runtime).bind(account).fetch_all(&self.pool).await?;
        let (mut domains, mut zone_ids) = (vec![], vec![]);
        for row in &rows {
            domains.push(row.try_get::<String, _>(0)?);
            zone_ids.extend(row.try_get::<Option<String>, _>(1)?);
        }
        domains.dedup();
        zone_ids.sort();
        zone_ids.dedup();
        Ok(SupportServiceInputs {
            control_plane: self.control_plane().await?,
            kubernetes_runtime_instance_id: runtime,
            account: self.shared_if(account).await?,
            instance,
            domains,
            zone_ids,
        })
    }

    /// The support services of a cluster, by id.
    pub async fn services_of(&self, runtime: i64) -> Result<Vec<Record<SupportServiceInstance>>> {
        let selects = selects::for_noun(&SupportServiceInstance::INFO);
        let text = format!(
            "SELECT {} {} AND t.kubernetes_runtime_instance_id = $1 ORDER BY t.id FOR SHARE OF t",
            selects.columns, selects.from
        );
        let rows = sqlx::query(AssertSqlSafe(text)).bind(runtime).fetch_all(&self.pool).await?;
        rows.iter().map(row::record).collect()
    }
}
