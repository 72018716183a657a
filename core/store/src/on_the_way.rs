//! What stands on the way of a request to a gateway instance, for views and diagnoses: who publishes a hostname, its certificate, and the Gateway's
//! addresses.

use crate::{Store, error::Result};
use causeway_records::{
    inputs::{DomainNameState, HostRecord},
    status::Conditions,
};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::{AssertSqlSafe, Row, postgres::PgRow, types::Json};

/// A domain name instance that publishes hostnames of a workload.
#[derive(Clone, Debug)]
pub struct Publisher {
    pub id: i64,
    pub name: String,
    pub conditions: Conditions,
    /// The hostname as last seen in its zone; None: it has not written it yet.
    pub host: Option<HostRecord>,
}

/// How long a certificate is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateTerm {
    /// Who signs.
    pub issuer: String,
    /// When it ends; None: none has been issued yet.
    pub not_after: Option<DateTime<Utc>>,
}

/// What the record of a Gateway publishes, as far as it is read here.
#[derive(Deserialize)]
struct GatewayRead {
    addresses: Vec<AddressRead>,
}

#[derive(Deserialize)]
struct AddressRead {
    value: String,
}

/// Domain name instances of one workload and domain; there is one, as a rule.
const PUBLISHERS: i64 = 10;

impl Store {
    /// The domain name instances of a workload and a domain, with what they know of a hostname.
    pub async fn publishers(&self, workload: i64, domain: i64, hostname: &str) -> Result<Vec<Publisher>> {
        let text = "SELECT n.id, n.name, coalesce(r.conditions, '[]') AS conditions, r.published_state -> 'hosts' -> $3 AS host
            FROM domain_name_instances n JOIN reconciliations r ON r.kind = 'DomainNameInstance' AND r.id = n.id
            WHERE n.deleted_at IS NULL AND n.workload_instance_id = $1 AND n.domain_name_definition_id = $2 ORDER BY n.id LIMIT $4";
        let query = sqlx::query(AssertSqlSafe(text)).bind(workload).bind(domain).bind(hostname).bind(PUBLISHERS);
        query.fetch_all(&self.pool).await?.iter().map(publisher).collect()
    }

    /// The certificate with which a gateway answers for a hostname: its own before that of the wildcard above it.
    pub async fn certificate_for(&self, owner: i64, hostname: &str) -> Result<Option<CertificateTerm>> {
        let above = hostname.split_once('.').map(|(_, domain)| format!("*.{domain}")).unwrap_or_default();
        let text = "SELECT issuer, not_after FROM certificates WHERE deleted_at IS NULL AND owner_id = $1 AND (hostnames ? $2 OR hostnames ? $3)
            ORDER BY hostnames ? $2 DESC, id LIMIT 1";
        let query = sqlx::query(AssertSqlSafe(text)).bind(owner).bind(hostname).bind(above);
        let row = query.fetch_optional(&self.pool).await?;
        row.map(|row| Ok(CertificateTerm { issuer: row.try_get("issuer")?, not_after: row.try_get("not_after")? }))
            .transpose()
    }

    /// What the domain name instances of a workload instance have published, by ascending id.
    pub async fn published_for_workload(&self, workload_instance: i64) -> Result<Vec<DomainNameState>> {
        let text = "SELECT json_build_object('id', t.id, 'name', t.name, 'reconciled', r.reconciled,
                'published', coalesce(r.published_state, '{\"hosts\":{}}'))
            FROM domain_name_instances t JOIN reconciliations r ON r.kind = 'DomainNameInstance' AND r.id = t.id
            WHERE t.workload_instance_id = $1 AND t.deleted_at IS NULL ORDER BY t.id";
        let rows = sqlx::query(text).bind(workload_instance).fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok(row.try_get::<Json<DomainNameState>, _>(0)?.0)).collect()
    }

    /// Where clients reach the Gateway that carries the routes of a gateway instance, as the Gateway's record publishes it: IP addresses, then names.
    pub async fn gateway_addresses(&self, gateway_instance: i64) -> Result<Vec<String>> {
        let text = "SELECT published_state FROM reconciliations WHERE kind IN ('SharedGateway', 'GatewayInstance')
            AND id = (SELECT gateway_id FROM route_claims WHERE gateway_instance_id = $1 LIMIT 1)";
        let state: Option<Option<Json<Option<GatewayRead>>>> =
            sqlx::query_scalar(text).bind(gateway_instance).fetch_optional(&self.pool).await?;
        // A Gateway that isn't in the cluster publishes null.
        let read = state.flatten().and_then(|state| state.0);
        Ok(read.into_iter().flat_map(|read| read.addresses).map(|address| address.value).collect())
    }

    /// The gateway instances of a workload instance, by ascending id; at most `limit`.
    pub async fn gateways_of_workload(&self, workload_instance: i64, limit: i64) -> Result<Vec<i64>> {
        let text = "SELECT id FROM gateway_instances WHERE workload_instance_id = $1 AND deleted_at IS NULL ORDER BY id LIMIT $2";
        let rows = sqlx::query(text).bind(workload_instance).bind(limit).fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }
}

fn publisher(row: &PgRow) -> Result<Publisher> {
    Ok(Publisher {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        conditions: row.try_get::<Json<Conditions>, _>("conditions")?.0,
        host: row.try_get::<Option<Json<HostRecord>>, _>("host")?.map(|host| host.0),
    })
}
