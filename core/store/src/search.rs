//! Records of all kinds in a line each: found by what people know of them, those that something blocks, and how many there are.

use crate::{Position, Store, error::Result, list::time_parameter, statement::Statement};
use causeway_records::{
    Kind,
    noun::Info,
    nouns,
    patterns::above,
    status::{ConditionStatus, Conditions},
    summary::{RecordCount, RecordProgress, RecordSummary},
    text::Hostname,
};
use sqlx::{AssertSqlSafe, Row, postgres::PgRow, types::Json};
use std::net::IpAddr;

/// What to search for.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// A part of a name, a hostname or a domain, whatever the case, or a hostname below a wildcard; an id; an address of a load balancer, which is an IP address
    /// or a name. Empty: whatever they are called.
    pub text: String,
    /// Only records of this kind.
    pub kind: Option<Kind>,
    /// Only records whose condition `Ready` has this status.
    pub ready: Option<ConditionStatus>,
    /// Only records in this cluster.
    pub runtime_id: Option<i64>,
    /// Only gateway instances that have routes on this shared gateway.
    pub shared_gateway_id: Option<i64>,
    /// Only records with a larger id.
    pub after: i64,
    /// How many at most.
    pub limit: i64,
}

/// Which of the records that something blocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Blocked {
    /// Only records of this kind.
    pub kind: Option<Kind>,
    /// Only records in this cluster.
    pub runtime_id: Option<i64>,
    /// Only those behind this place.
    pub after: Option<Position>,
    /// How many at most.
    pub limit: i64,
}

/// The column that names a record's cluster.
const RUNTIME: &str = "kubernetes_runtime_instance_id";
/// What a summary is read from, in this order. `h`: kind, id, name and cluster; `r`: its reconciliation.
const SUMMARY: &str =
    "h.kind, h.id, h.name, h.runtime_id, n.hostnames, r.conditions, r.blocking_since, r.deletion_scheduled";
/// The hostnames of gateway instances.
const HOSTNAMES: &str =
    "LEFT JOIN LATERAL (SELECT array_agg(DISTINCT c.hostname ORDER BY c.hostname) AS hostnames FROM route_claims c
    WHERE h.kind = 'GatewayInstance' AND c.gateway_instance_id = h.id AND c.hostname <> '') n ON true";

/// Whether the record of a Gateway (`g`: its reconciliation) publishes the address. No index has it: each reconcile would have to write it there, too.
const HAS_ADDRESS: &str =
    "g.published_state -> 'addresses' @> jsonb_build_array(jsonb_build_object('value', $3::text))";

impl Store {
    /// Records of all kinds that fit, by ascending id.
    pub async fn search(&self, search: &Search) -> Result<Vec<RecordSummary>> {
        let text = search.text.trim().to_lowercase();
        let kinds: Vec<&Info> = named().filter(|info| search.may_be(info.kind)).collect();
        // $1 text, $2 id, $3 whole address, $4 after, $5 limit, $6 ready, $7 cluster, $8 shared gateway, $9 wildcards: the same in every part.
        let parts: Vec<String> = kinds.into_iter().map(|info| part(info, search)).collect();
        if parts.is_empty() {
            return Ok(vec![]);
        }
        let parts = parts.join(" UNION ALL ");
        let statement = format!(
            "SELECT {SUMMARY} FROM (SELECT * FROM ({parts}) u ORDER BY id LIMIT $5) h
             LEFT JOIN reconciliations r ON r.kind = h.kind AND r.id = h.id {HOSTNAMES} ORDER BY h.id"
        );
        let found = sqlx::query(AssertSqlSafe(statement))
            .bind(&text)
            .bind(text.parse::<i64>().unwrap_or(-1))
            .bind(whole_address(&text))
            .bind(search.after)
            .bind(search.limit)
            .bind(search.ready.map(|ready| ready.as_str()))
            .bind(search.runtime_id)
            .bind(search.shared_gateway_id)
            .bind(wildcards(&text))
            .fetch_all(&self.pool)
            .await?;
        found.iter().map(summary).collect()
    }

    /// Records of all kinds that something blocks, the longest first. ListenerSets are left out: their shared gateway sums them up.
    pub async fn blocked(&self, blocked: Blocked) -> Result<Vec<RecordSummary>> {
        let mut statement = Statement::new(format!(
            "SELECT {SUMMARY} FROM (SELECT r.kind, r.id, coalesce(name_of(r.kind, r.id), r.object_name) AS name, r.runtime_id FROM reconciliations r
                WHERE r.blocking_since IS NOT NULL AND r.gone_at IS NULL AND r.kind <> 'ListenerSet'"
        ));
        if let Some(kind) = blocked.kind {
            statement.push(" AND r.kind = ").bind(kind.as_str())?;
        }
        if let Some(runtime) = blocked.runtime_id {
            statement.push(" AND r.runtime_id = ").bind(runtime)?;
        }
        if let Some(Position { time, id }) = blocked.after {
            let time = statement.bound(time.timestamp_micros())?;
            statement.push(&format!(" AND (r.blocking_since, r.id) > ({}, ", time_parameter(time))).bind(id)?.push(")");
        }
        statement.push(" ORDER BY r.blocking_since, r.id LIMIT ").bind(blocked.limit)?.push(&format!(
            ") h JOIN reconciliations r ON r.kind = h.kind AND r.id = h.id {HOSTNAMES} ORDER BY r.blocking_since, r.id"
        ));
        let found = statement.query().fetch_all(&self.pool).await?;
        found.iter().map(summary).collect()
    }

    /// How many records there are of each kind, in each cluster and state.
    pub async fn record_counts(&self) -> Result<Vec<RecordCount>> {
        let rows = sqlx::query!(
            r#"SELECT kind, runtime_id, ready, blocking_step, count(*) AS "count!" FROM reconciliations
            WHERE gone_at IS NULL AND kind <> 'ListenerSet' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"#
        )
        .fetch_all(&self.pool)
        .await?;
        let counts = rows.into_iter().map(|row| {
            Ok(RecordCount {
                kind: kind_of(&row.kind)?,
                runtime_id: row.runtime_id.filter(|id| *id != 0),
                ready: row.ready.parse().map_err(|reason| inconsistent("ready", reason))?,
                blocking_step: row.blocking_step,
                count: row.count,
            })
        });
        counts.collect()
    }
}

impl Search {
    /// Whether there can be a record of this kind among what is found.
    fn may_be(&self, kind: Kind) -> bool {
        self.kind.is_none_or(|wanted| wanted == kind)
            && (self.shared_gateway_id.is_none() || kind == Kind::GatewayInstance)
    }
}

/// The address that a text in small letters may be as a whole, as Gateways publish it. A name of one label is none: whoever looks for a part of a name has no
/// need to wait until all Gateways are read.
fn whole_address(text: &str) -> Option<String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_string());
    }
    // Programs that ask name servers print a dot at its end, which is no part of it.
    let name = text.parse::<Hostname>().ok()?.to_string();
    name.contains('.').then_some(name)
}

/// The wildcards that are for a text in small letters if that is a whole hostname.
fn wildcards(text: &str) -> Vec<String> {
    let hostname = text.parse::<Hostname>();
    hostname.map(|hostname| above(hostname.as_str())).unwrap_or_default()
}

fn named() -> impl Iterator<Item = &'static Info> {
    nouns::ALL.iter().copied().filter(|info| info.named())
}

/// The search in one table.
fn part(info: &Info, search: &Search) -> String {
    let runtime = match info.columns().any(|field| field.column == RUNTIME) {
        true => "t.kubernetes_runtime_instance_id",
        false if info.kind == Kind::KubernetesRuntimeInstance => "t.id",
        false => "NULL::bigint",
    };
    let more = match info.kind {
        Kind::GatewayInstance => format!(
            " OR t.id IN (SELECT c.gateway_instance_id FROM route_claims c WHERE position($1 in c.hostname) > 0 OR c.hostname = ANY ($9))
              OR $3::text IS NOT NULL AND t.id IN (SELECT c.gateway_instance_id FROM reconciliations g JOIN route_claims c ON c.gateway_id = g.id
                WHERE g.kind IN ('SharedGateway', 'GatewayInstance') AND {HAS_ADDRESS})"
        ),
        Kind::SharedGateway => format!(
            " OR EXISTS (SELECT FROM reconciliations g WHERE g.kind = 'SharedGateway' AND g.id = t.id AND {HAS_ADDRESS})"
        ),
        Kind::DomainNameDefinition => " OR position($1 in lower(t.domain)) > 0".into(),
        _ => String::new(),
    };
    // Conditions that aren't asked for aren't there, so that Postgres plans for those that are.
    let mut conditions = String::new();
    if !search.text.trim().is_empty() {
        conditions += &format!(" AND (t.id = $2 OR position($1 in lower(t.name)) > 0{more})");
    }
    if search.ready.is_some() {
        conditions += &format!(
            " AND EXISTS (SELECT FROM reconciliations s WHERE s.kind = '{}' AND s.id = t.id AND s.ready = $6)",
            info.kind
        );
    }
    if search.runtime_id.is_some() {
        conditions += &format!(" AND {runtime} = $7");
    }
    if search.shared_gateway_id.is_some() {
        conditions += " AND t.id IN (SELECT c.gateway_instance_id FROM route_claims c WHERE c.gateway_id = $8)";
    }
    format!(
        "(SELECT '{}' AS kind, t.id, t.name, {runtime} AS runtime_id FROM {} t WHERE t.deleted_at IS NULL AND t.id > $4{conditions}
          ORDER BY t.id LIMIT $5)",
        info.kind, info.table
    )
}

/// The queue has 0 for what belongs to no cluster.
fn cluster(row: &PgRow) -> Result<Option<i64>> {
    Ok(row.try_get::<Option<i64>, _>("runtime_id")?.filter(|id| *id != 0))
}

fn summary(row: &PgRow) -> Result<RecordSummary> {
    let kind: String = row.try_get("kind")?;
    let conditions: Option<Json<Conditions>> = row.try_get("conditions")?;
    let (since, deleted) = (row.try_get("blocking_since")?, row.try_get("deletion_scheduled")?);
    let hostnames: Option<Vec<String>> = row.try_get("hostnames")?;
    Ok(RecordSummary {
        kind: kind_of(&kind)?,
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        runtime_id: cluster(row)?,
        hostnames: hostnames.unwrap_or_default(),
        state: conditions.map(|conditions| RecordProgress::new(&conditions.0, since, deleted)),
    })
}

fn kind_of(text: &str) -> Result<Kind> {
    text.parse().map_err(|error: causeway_records::kind::UnknownKind| inconsistent("kind", error.to_string()))
}

fn inconsistent(column: &'static str, reason: String) -> crate::StoreError {
    crate::StoreError::Inconsistent { table: "reconciliations", column, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_address_is_looked_for_as_it_is_published() {
        let of = |text| whole_address(text);
        assert_eq!(of("192.0.2.1").as_deref(), Some("192.0.2.1"));
        assert_eq!(of("2001:db8:0:0::1").as_deref(), Some("2001:db8::1"));
        for name in ["a1-2.elb.eu-central-1.amazonaws.com", "a1-2.elb.eu-central-1.amazonaws.com."] {
            assert_eq!(of(name).as_deref(), Some("a1-2.elb.eu-central-1.amazonaws.com"));
        }
        for other in ["shop", "shop.", "", "912345678900001024", ".", "no address.", "a b.example"] {
            assert_eq!(of(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_whole_hostname_is_looked_for_with_the_wildcards_above_it() {
        assert_eq!(wildcards("eu.shop.example."), ["*.shop.example", "*.example"]);
        for other in ["shop", "", "a b.example", ".example"] {
            assert_eq!(wildcards(other), [""; 0], "{other:?}");
        }
    }
}
