//! What is on a Gateway beside the claims that are written, read by one statement: other writers wait for the Gateway meanwhile.

use super::{
    listeners::{ListenerSet, Listeners},
    rows::{ClaimRow, protocol_and_hostname},
};
use crate::{
    error::{Result, StoreError},
    listeners::listener_key,
};
use causeway_records::inputs::{ListenerKey, Protocol};
use causeway_rules::{
    claims::RouteClaim,
    conflicts::{BoundPort, ClaimHolder, Occupied},
    driver::Socket,
};
use serde::Deserialize;
use sqlx::{PgConnection, types::Json};
use std::collections::BTreeSet;

/// What is there already.
#[derive(Default)]
pub(super) struct Neighbours {
    /// The ports that the proxy binds for the new claims, and who claims the same hostname and path as one of them.
    pub(super) occupied: Occupied,
    /// The listeners that have a hostname of the old or the new claims.
    pub(super) listeners: Listeners,
    /// Whether there is a listener of any hostname.
    pub(super) has_listeners: bool,
    /// The last ListenerSet that has any, and how many.
    pub(super) last_set: Option<(ListenerSet, usize)>,
}

#[derive(Debug, Deserialize)]
struct PortRow {
    bound_port: i32,
    port: i32,
    protocol: String,
    id: Option<i64>,
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct HeldRow {
    port: i32,
    protocol: String,
    hostname: String,
    r#match: String,
    redirect: bool,
    id: i64,
    name: String,
}

#[derive(Debug, Deserialize)]
struct ListenerRow {
    port: i32,
    protocol: String,
    hostname: String,
    id: Option<i64>,
    ordinal: Option<i32>,
}

#[derive(Debug, Deserialize)]
struct SetRow {
    id: i64,
    ordinal: i32,
    listeners: usize,
}

impl Neighbours {
    /// Reads what matters to an instance that claimed `before` and is to claim `after`. The Gateway is locked.
    pub(super) async fn read(
        connection: &mut PgConnection,
        gateway: i64,
        before: &[ClaimRow],
        after: &[ClaimRow],
    ) -> Result<Self> {
        let new = || after.iter().filter(|row| row.gateway == gateway);
        let bound: Vec<_> = new().map(|row| row.bound_port).collect();
        let (protocols, claimed): (Vec<_>, Vec<_>) =
            new().map(|row| protocol_and_hostname(&row.claim.listener)).unzip();
        let paths: Vec<_> = new().map(|row| row.claim.path.clone()).collect();
        let on_it = before.iter().filter(|row| row.gateway == gateway).chain(new());
        let hostnames: BTreeSet<_> = on_it.map(|row| protocol_and_hostname(&row.claim.listener).1).collect();
        let hostnames: Vec<_> = hostnames.into_iter().collect();
        let row = sqlx::query!(
            r#"SELECT
               (SELECT jsonb_agg(p) FROM (SELECT p.bound_port, p.port, p.protocol, h.id, h.name FROM gateway_ports p
                   LEFT JOIN LATERAL (SELECT g.id, g.name FROM route_claims c JOIN gateway_instances g ON g.id = c.gateway_instance_id
                       WHERE c.gateway_id = p.gateway_id AND c.bound_port = p.bound_port AND c.protocol = p.protocol ORDER BY c.hostname LIMIT 1) h ON true
                   WHERE p.gateway_id = $1 AND p.bound_port = ANY($2)) p) AS "ports: Json<Vec<PortRow>>",
               (SELECT jsonb_agg(c) FROM (SELECT c.port, c.protocol, c.hostname, c.match, c.redirect, g.id, g.name
                   FROM unnest($2::int[], $3::text[], $4::text[], $5::text[]) w(bound_port, protocol, hostname, match)
                       JOIN route_claims c ON c.gateway_id = $1 AND c.bound_port = w.bound_port AND c.protocol = w.protocol
                           AND c.hostname = w.hostname AND c.match = w.match
                       JOIN gateway_instances g ON g.id = c.gateway_instance_id ORDER BY g.id) c) AS "claims: Json<Vec<HeldRow>>",
               (SELECT jsonb_agg(l) FROM (SELECT l.port, l.protocol, l.hostname, s.id, s.ordinal FROM gateway_listeners l
                   LEFT JOIN listener_sets s ON s.id = l.listener_set_id
                   WHERE l.shared_gateway_id = $1 AND l.hostname = ANY($6)) l) AS "listeners: Json<Vec<ListenerRow>>",
               EXISTS (SELECT FROM gateway_listeners WHERE shared_gateway_id = $1) AS "has_listeners!",
               (SELECT to_jsonb(s) FROM (SELECT s.id, s.ordinal, n.listeners FROM listener_sets s
                   CROSS JOIN LATERAL (SELECT count(*) AS listeners FROM gateway_listeners l WHERE l.listener_set_id = s.id) n
                   WHERE s.shared_gateway_id = $1 AND s.deleted_at IS NULL AND n.listeners > 0 ORDER BY s.ordinal DESC LIMIT 1) s)
                   AS "last_set: Json<SetRow>""#,
            gateway,
            &bound,
            &protocols,
            &claimed,
            &paths,
            &hostnames
        )
        .fetch_one(connection)
        .await?;
        let ports = rows(row.ports).map(bound_port).collect::<Result<_>>()?;
        let claims = rows(row.claims).map(claim).collect::<Result<_>>()?;
        Ok(Self {
            occupied: Occupied { ports, claims },
            listeners: rows(row.listeners).map(listener).collect::<Result<_>>()?,
            has_listeners: row.has_listeners,
            last_set: row.last_set.map(|Json(set)| (ListenerSet { id: set.id, ordinal: set.ordinal }, set.listeners)),
        })
    }
}

/// An aggregate of no rows is NULL.
fn rows<T>(aggregate: Option<Json<Vec<T>>>) -> impl Iterator<Item = T> {
    aggregate.map(|Json(rows)| rows).unwrap_or_default().into_iter()
}

fn bound_port(row: PortRow) -> Result<(Socket, BoundPort)> {
    let protocol = row.protocol.parse::<Protocol>().map_err(|reason| StoreError::Inconsistent {
        table: "gateway_ports",
        column: "protocol",
        reason,
    })?;
    let holder = row.id.zip(row.name).map(|(id, name)| ClaimHolder { id, name });
    let socket = Socket { bound_port: row.bound_port, transport: protocol.transport() };
    Ok((socket, BoundPort { port: row.port, protocol, holder }))
}

fn claim(row: HeldRow) -> Result<(RouteClaim, ClaimHolder)> {
    let listener = listener_key(row.port, &row.protocol, row.hostname)?;
    let claim = RouteClaim { listener, path: row.r#match, redirect: row.redirect };
    Ok((claim, ClaimHolder { id: row.id, name: row.name }))
}

fn listener(row: ListenerRow) -> Result<(ListenerKey, Option<ListenerSet>)> {
    let set = row.id.zip(row.ordinal).map(|(id, ordinal)| ListenerSet { id, ordinal });
    Ok((listener_key(row.port, &row.protocol, row.hostname)?, set))
}
