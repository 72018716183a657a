//! Who answers to what, for views: the claims of a hostname or of a gateway instance.

use crate::{Store, error::Result};
use causeway_records::summary::ClaimedRoute;
use sqlx::{AssertSqlSafe, Row, postgres::PgRow};

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
