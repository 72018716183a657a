//! What stands on the way of a request to a gateway instance, for views and diagnoses: who publishes a hostname, its certificate, and the Gateway's
//! addresses.

use crate::{Store, error::Result};
use causeway_records::{
    inputs::{DomainNameState, HostRecord},
    status::Conditions,
};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::types::Json;

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
        let rows = sqlx::query!(
            r#"SELECT n.id, n.name, r.conditions AS "conditions: Json<Conditions>",
                r.published_state -> 'hosts' -> $3::text AS "host: Json<HostRecord>"
            FROM domain_name_instances n JOIN reconciliations r ON r.kind = 'DomainNameInstance' AND r.id = n.id
            WHERE n.deleted_at IS NULL AND n.workload_instance_id = $1 AND n.domain_name_definition_id = $2 ORDER BY n.id LIMIT $4"#,
            workload,
            domain,
            hostname,
            PUBLISHERS
        )
        .fetch_all(&self.pool)
        .await?;
        let publishers = rows.into_iter().map(|row| Publisher {
            id: row.id,
            name: row.name,
            conditions: row.conditions.0,
            host: row.host.map(|host| host.0),
        });
        Ok(publishers.collect())
    }

    /// The certificate with which a gateway answers for a hostname that it claims: its own before that of the wildcard above it.
    pub async fn certificate_for(&self, owner: i64, hostname: &str) -> Result<Option<CertificateTerm>> {
        let above = hostname.split_once('.').map(|(_, domain)| format!("*.{domain}")).unwrap_or_default();
        let found = sqlx::query_as!(
            CertificateTerm,
            "SELECT issuer, not_after FROM certificates WHERE deleted_at IS NULL AND owner_id = $1 AND (hostnames ? $2 OR hostnames ? $3)
            ORDER BY hostnames ? $2 DESC, id LIMIT 1",
            owner,
            hostname,
            above
        );
        Ok(found.fetch_optional(&self.pool).await?)
    }

    /// What the domain name instances of a workload instance have published, by ascending id.
    pub async fn published_for_workload(&self, workload_instance: i64) -> Result<Vec<DomainNameState>> {
        let states = sqlx::query_scalar!(
            r#"SELECT json_build_object('id', t.id, 'name', t.name, 'reconciled', r.reconciled,
                'published', coalesce(r.published_state, '{"hosts":{}}')) AS "state!: Json<DomainNameState>"
            FROM domain_name_instances t JOIN reconciliations r ON r.kind = 'DomainNameInstance' AND r.id = t.id
            WHERE t.workload_instance_id = $1 AND t.deleted_at IS NULL ORDER BY t.id"#,
            workload_instance
        );
        Ok(states.fetch_all(&self.pool).await?.into_iter().map(|state| state.0).collect())
    }

    /// Where clients reach the Gateway that carries the routes of a gateway instance, as the Gateway's record publishes it: IP addresses, then names.
    pub async fn gateway_addresses(&self, gateway_instance: i64) -> Result<Vec<String>> {
        let state = sqlx::query_scalar!(
            r#"SELECT published_state AS "state: Json<Option<GatewayRead>>" FROM reconciliations WHERE kind IN ('SharedGateway', 'GatewayInstance')
            AND id = (SELECT gateway_id FROM route_claims WHERE gateway_instance_id = $1 LIMIT 1)"#,
            gateway_instance
        );
        // A Gateway that isn't in the cluster publishes null.
        let read = state.fetch_optional(&self.pool).await?.flatten().and_then(|state| state.0);
        Ok(read.into_iter().flat_map(|read| read.addresses).map(|address| address.value).collect())
    }

    /// The gateway instances of a workload instance, by ascending id; at most `limit`.
    pub async fn gateways_of_workload(&self, workload_instance: i64, limit: i64) -> Result<Vec<i64>> {
        let ids = sqlx::query_scalar!(
            "SELECT id FROM gateway_instances WHERE workload_instance_id = $1 AND deleted_at IS NULL ORDER BY id LIMIT $2",
            workload_instance,
            limit
        );
        Ok(ids.fetch_all(&self.pool).await?)
    }
}
