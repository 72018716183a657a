//! Who answers to what, for views: the claims of a hostname or of a gateway instance, and who is attached to a shared gateway.

use crate::{Store, error::Result};
use causeway_records::{
    nouns::{Labels, SharedGateway},
    patterns::{above, nearest},
    summary::{AttachmentGrant, ClaimedRoute, GatewayAttachment},
};
use causeway_rules::attachment::{AttachingWorkload, lets};
use sqlx::types::Json;

impl Store {
    /// What answers to a hostname in all clusters: claims of it, or else of the nearest wildcard above it. At most `limit`.
    pub async fn claims_of_hostname(&self, hostname: &str, limit: i64) -> Result<Vec<ClaimedRoute>> {
        let names: Vec<String> = std::iter::once(hostname.to_owned()).chain(above(hostname)).collect();
        // The most specific ones first: those of wildcards may be so many that nothing else is read.
        let claims = sqlx::query_as!(
            ClaimedRoute,
            "SELECT * FROM (SELECT DISTINCT gateway_instance_id, gateway_id, port, protocol, hostname, match AS path, redirect, tls_secret FROM route_claims
                WHERE hostname = ANY ($1)) c
            ORDER BY array_position($1, hostname), port, protocol, path, gateway_instance_id LIMIT $2",
            names as _,
            limit
        );
        Ok(answering(claims.fetch_all(&self.pool).await?, hostname))
    }

    /// What a gateway instance answers to.
    pub async fn claims_of_gateway_instance(&self, id: i64) -> Result<Vec<ClaimedRoute>> {
        let claims = sqlx::query_as!(
            ClaimedRoute,
            "SELECT DISTINCT gateway_instance_id, gateway_id, port, protocol, hostname, match AS path, redirect, tls_secret FROM route_claims
            WHERE gateway_instance_id = $1 ORDER BY hostname, port, protocol, path, gateway_instance_id",
            id
        );
        Ok(claims.fetch_all(&self.pool).await?)
    }

    /// The gateway instances that claim routes on a shared gateway, by ascending id, with what lets each of them attach.
    pub async fn attachments(&self, gateway: i64, after: i64, limit: i64) -> Result<Vec<GatewayAttachment>> {
        let spec = self.get::<SharedGateway>(gateway).await?.spec;
        let rows = sqlx::query!(
            r#"SELECT t.id, t.name, w.id AS workload, w.name AS workload_name, w.namespace_labels AS "labels: Json<Labels>", r.object_name AS namespace,
                (SELECT jsonb_agg(jsonb_build_object('ID', g.id, 'Name', g.name) ORDER BY g.id) FROM gateway_grants g
                    WHERE g.shared_gateway_id = $1 AND g.granted_workload_instance_id = w.id AND g.deleted_at IS NULL) AS "grants: Json<Vec<AttachmentGrant>>"
            FROM gateway_instances t JOIN workload_instances w ON w.id = t.workload_instance_id
                JOIN reconciliations r ON r.kind = 'WorkloadInstance' AND r.id = w.id
            WHERE t.deleted_at IS NULL AND t.id > $2 AND t.id IN (SELECT c.gateway_instance_id FROM route_claims c WHERE c.gateway_id = $1)
            ORDER BY t.id LIMIT $3"#,
            gateway,
            after,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let has_own = spec.listeners.is_some();
        let attachments = rows.into_iter().map(|row| {
            let grants = row.grants.map(|grants| grants.0).unwrap_or_default();
            let workload = AttachingWorkload {
                id: row.workload,
                namespace: &row.namespace,
                labels: row.labels.as_deref(),
                is_granted: !grants.is_empty(),
            };
            let by = (has_own && lets(&spec, &workload)).then(|| spec.attachable_by());
            GatewayAttachment {
                gateway_instance_id: row.id,
                gateway_instance: row.name,
                workload_instance_id: row.workload,
                workload_instance: row.workload_name,
                allowed: !has_own || !grants.is_empty() || by.is_some(),
                attachable_by: by,
                gateway_grants: grants,
            }
        });
        Ok(attachments.collect())
    }
}

/// Of claims that are for a hostname those that get its requests: on each port of a Gateway the most specific ones.
fn answering(claims: Vec<ClaimedRoute>, hostname: &str) -> Vec<ClaimedRoute> {
    let gets_it = |claim: &ClaimedRoute| {
        let beside = claims.iter().filter(|other| (other.gateway_id, other.port) == (claim.gateway_id, claim.port));
        nearest(beside.map(|other| other.hostname.as_str()), hostname) == Some(claim.hostname.as_str())
    };
    claims.iter().filter(|claim| gets_it(claim)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_port_the_most_specific_hostname_answers() {
        let claim = |gateway_id: i64, port: i32, hostname: &str| ClaimedRoute {
            gateway_instance_id: 1,
            gateway_id,
            port,
            protocol: "HTTP".to_owned(),
            hostname: hostname.to_owned(),
            path: "/".to_owned(),
            redirect: false,
            tls_secret: None,
        };
        let all = || {
            let first = ["*.test", "*.a.test", "x.a.test"].map(|hostname| claim(1, 80, hostname));
            first.into_iter().chain([claim(1, 81, "*.a.test"), claim(2, 80, "*.test")]).collect::<Vec<_>>()
        };
        let of = |hostname: &str| {
            let found = answering(all(), hostname);
            found.into_iter().map(|claim| (claim.gateway_id, claim.port, claim.hostname)).collect::<Vec<_>>()
        };
        let at = |gateway: i64, port: i32, hostname: &str| (gateway, port, hostname.to_owned());
        assert_eq!(of("x.a.test"), [at(1, 80, "x.a.test"), at(1, 81, "*.a.test"), at(2, 80, "*.test")]);
        assert_eq!(of("b.a.test"), [at(1, 80, "*.a.test"), at(1, 81, "*.a.test"), at(2, 80, "*.test")]);
        assert_eq!(of("*.a.test"), [at(1, 80, "*.a.test"), at(1, 81, "*.a.test"), at(2, 80, "*.test")]);
        assert_eq!(of("test"), []);
    }
}
