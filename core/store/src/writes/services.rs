//! Support services that a cluster needs are put on record when the first record needs them.

use crate::error::Result;
use causeway_records::nouns::Service;
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};

/// Puts those on record that these clusters don't have. `account`: the AWS account that they are for.
pub(super) async fn ensure(
    connection: &mut PgConnection,
    runtimes: &BTreeSet<i64>,
    services: &[Service],
    account: Option<i64>,
) -> Result<()> {
    let needed = runtimes.iter().map(|runtime| (*runtime, services.to_vec())).collect();
    ensure_each(connection, &needed, account).await
}

/// Puts what each cluster needs on record, where it is missing. Of two writes that come at once the second waits for the first one's commit, and then makes
/// nothing; both go by cluster, and then in the order of its services.
pub(super) async fn ensure_each(
    connection: &mut PgConnection,
    needed: &BTreeMap<i64, Vec<Service>>,
    account: Option<i64>,
) -> Result<()> {
    let each = needed.iter().flat_map(|(runtime, services)| services.iter().map(|service| (*runtime, service)));
    let (runtimes, services): (Vec<_>, Vec<_>) =
        each.map(|(runtime, service)| (runtime, service.as_str().to_owned())).unzip();
    if services.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "WITH made AS (INSERT INTO support_service_instances (name, kubernetes_runtime_instance_id, service, aws_account_id)
            SELECT concat_ws('-', service, runtime, $3::bigint), runtime, service, $3
                FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY s(runtime, service, n)
                WHERE NOT EXISTS (SELECT FROM support_service_instances o WHERE o.kubernetes_runtime_instance_id = s.runtime
                    AND o.service = s.service AND o.aws_account_id IS NOT DISTINCT FROM $3 AND o.deleted_at IS NULL)
                ORDER BY n
            ON CONFLICT DO NOTHING RETURNING id, name, kubernetes_runtime_instance_id, service),
         e AS (INSERT INTO event_inbox (type, kind, record_id, name, runtime_id, generation)
            SELECT 'created', 'SupportServiceInstance', id, name, kubernetes_runtime_instance_id, 1 FROM made)
         INSERT INTO reconciliations (kind, id, runtime_id, object_name)
            SELECT 'SupportServiceInstance', id, kubernetes_runtime_instance_id, service || '-' || id FROM made",
        &runtimes,
        &services,
        account
    )
    .execute(connection)
    .await?;
    Ok(())
}
