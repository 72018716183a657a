//! Who answers to what, for views: the claims of a hostname or of a gateway instance, and who is attached to a shared gateway.

use crate::{Store, error::Result};
use causeway_records::{
    nouns::{Labels, SharedGateway},
    summary::{AttachmentGrant, ClaimedRoute, GatewayAttachment},
};
use causeway_rules::attachment::{AttachingWorkload, lets};
use sqlx::{AssertSqlSafe, Row, postgres::PgRow, types::Json};

const CLAIM: &str = "SELECT DISTINCT c.gateway_instance_id, c.gateway_id, c.port, c.protocol, c.hostname, c.match, c.redirect, c.tls_secret FROM route_claims c";
const ORDER: &str = "ORDER BY c.hostname, c.port, c.protocol, c.match, c.gateway_instance_id";

impl Store {
    /// What answers to a hostname in all clusters: claims of it, and of the wildcard above it. At most `limit`.
    pub async fn claims_of_hostname(&self, hostname: &str, limit: i64) -> Result<Vec<ClaimedRoute>> {
        let above = hostname.split_once('.').map(|(_, domain)| format!("*.{domain}"));
        let text = format!("{CLAIM} WHERE c.hostname = ANY ($1) {ORDER} LIMIT $2");
        let names: Vec<&str> = std::iter::once(hostname).chain(above.as_deref()).collect();
        let rows = sqlx::query(AssertSqlSafe(text)).bind(names).bind(limit).fetch_all(&self.pool).await?;
        rows.iter().map(claim).collect()
    }

    /// What a gateway instance answers to.
    pub async fn claims_of_gateway_instance(&self, id: i64) -> Result<Vec<ClaimedRoute>> {
        let text = format!("{CLAIM} WHERE c.gateway_instance_id = $1 {ORDER}");
        let rows = sqlx::query(AssertSqlSafe(text)).bind(id).fetch_all(&self.pool).await?;
        rows.iter().map(claim).collect()
    }

    /// The gateway instances that claim routes on a shared gateway, by ascending id, with what lets each of them attach.
    pub async fn attachments(&self, gateway: i64, after: i64, limit: i64) -> Result<Vec<GatewayAttachment>> {
        let spec = self.get::<SharedGateway>(gateway).await?.spec;
        let text = "SELECT t.id, t.name, w.id AS workload, w.name AS workload_name, w.namespace_labels, r.object_name AS namespace,
                (SELECT jsonb_agg(jsonb_build_object('ID', g.id, 'Name', g.name) ORDER BY g.id) FROM gateway_grants g
                    WHERE g.shared_gateway_id = $1 AND g.granted_workload_instance_id = w.id AND g.deleted_at IS NULL) AS grants
            FROM gateway_instances t JOIN workload_instances w ON w.id = t.workload_instance_id
                JOIN reconciliations r ON r.kind = 'WorkloadInstance' AND r.id = w.id
            WHERE t.deleted_at IS NULL AND t.id > $2 AND t.id IN (SELECT c.gateway_instance_id FROM route_claims c WHERE c.gateway_id = $1)
            ORDER BY t.id LIMIT $3";
        let rows = sqlx::query(text).bind(gateway).bind(after).bind(limit).fetch_all(&self.pool).await?;
        rows.iter().map(|row| attachment(&spec, row)).collect()
    }
}

fn attachment(gateway: &SharedGateway, row: &PgRow) -> Result<GatewayAttachment> {
    let labels: Option<Json<Labels>> = row.try_get("namespace_labels")?;
    let grants: Option<Json<Vec<AttachmentGrant>>> = row.try_get("grants")?;
    let grants = grants.map(|Json(grants)| grants).unwrap_or_default();
    let workload = AttachingWorkload {
        id: row.try_get("workload")?,
        namespace: row.try_get("namespace")?,
        labels: labels.as_ref().map(|Json(labels)| labels),
        is_granted: !grants.is_empty(),
    };
    let has_own = gateway.listeners.is_some();
    let by = (has_own && lets(gateway, &workload)).then(|| gateway.attachable_by());
    Ok(GatewayAttachment {
        gateway_instance_id: row.try_get("id")?,
        gateway_instance: row.try_get("name")?,
        workload_instance_id: workload.id,
        workload_instance: row.try_get("workload_name")?,
        allowed: !has_own || workload.is_granted || by.is_some(),
        attachable_by: by,
        gateway_grants: grants,
    })
}

fn claim(row: &PgRow) -> Result<ClaimedRoute> {
    Ok(ClaimedRoute {
        gateway_instance_id: row.try_get("gateway_instance_id")?,
        gateway_id: row.try_get("gateway_id")?,
        port: row.try_get("port")?,
        protocol: row.try_get("protocol")?,
        hostname: row.try_get("hostname")?,
        path: row.try_get("match")?,
        redirect: row.try_get("redirect")?,
        tls_secret: row.try_get("tls_secret")?,
    })
}
