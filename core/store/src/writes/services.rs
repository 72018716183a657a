//! Support services that a cluster needs are put on record when the first record needs them.

use crate::error::Result;
use causeway_records::nouns::Service;
use sqlx::PgConnection;

/// Puts those on record that the cluster doesn't have. `account`: the AWS account that they are for. Of two writes that come at once the second
/// waits for the first one's commit, and then makes nothing.
pub(super) async fn ensure(
    connection: &mut PgConnection,
    runtime: i64,
    services: &[Service],
    account: Option<i64>,
) -> Result<()> {
    if services.is_empty() {
        return Ok(());
    }
    let services: Vec<_> = services.iter().map(|service| service.as_str().to_owned()).collect();
    sqlx::query!(
        "WITH made AS (INSERT INTO support_service_instances (name, kubernetes_runtime_instance_id, service, aws_account_id)
            SELECT concat_ws('-', service, $1::bigint, $3::bigint), $1, service, $3 FROM unnest($2::text[]) WITH ORDINALITY s(service, n) ORDER BY n
            ON CONFLICT DO NOTHING RETURNING id, service)
         INSERT INTO reconciliations (kind, id, runtime_id, object_name)
            SELECT 'SupportServiceInstance', id, $1, service || '-' || id FROM made",
        runtime,
        &services,
        account
    )
    .execute(connection)
    .await?;
    Ok(())
}
