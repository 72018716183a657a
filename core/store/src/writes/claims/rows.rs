//! The rows of claims and of bound ports.

use super::{Claims, Instance};
use crate::{
    error::{Result, StoreError},
    listeners::listener_key,
};
use causeway_records::inputs::{ListenerKey, Protocol};
use causeway_rules::{
    claims::RouteClaim,
    conflicts::{BoundPort, ClaimHolder},
    driver::{Driver, Socket},
};
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};

/// A row of `route_claims`, with what its listener has from it.
#[derive(Clone)]
pub(super) struct ClaimRow {
    pub(super) gateway: i64,
    pub(super) bound_port: i32,
    pub(super) claim: RouteClaim,
    pub(super) namespace: String,
    pub(super) domain: Option<i64>,
    /// The ListenerSet that its listener was in when the row was dropped.
    pub(super) listener_set: Option<i64>,
}

/// Drops the claims of an instance, and the ports that nobody uses any more. The listeners stay until it is known what is claimed instead, so
/// that they keep their ListenerSets.
pub(super) async fn drop_claims(connection: &mut PgConnection, instance: i64) -> Result<Vec<ClaimRow>> {
    let dropped = sqlx::query!(
        r#"WITH gone AS (DELETE FROM route_claims WHERE gateway_instance_id = $1 RETURNING *),
            unused AS (DELETE FROM gateway_ports p USING gone WHERE p.gateway_id = gone.gateway_id AND p.bound_port = gone.bound_port
                AND p.protocol = gone.protocol AND NOT EXISTS (SELECT FROM route_claims c WHERE c.gateway_id = p.gateway_id
                    AND c.bound_port = p.bound_port AND c.protocol = p.protocol AND c.gateway_instance_id <> $1))
           SELECT gone.*, l.listener_set_id AS "listener_set_id?" FROM gone LEFT JOIN gateway_listeners l ON l.shared_gateway_id = gone.gateway_id
               AND l.port = gone.port AND l.protocol = gone.protocol AND l.hostname = gone.hostname"#,
        instance
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut rows = vec![];
    for row in dropped {
        let listener = listener_key(row.port, &row.protocol, row.hostname)?;
        rows.push(ClaimRow {
            gateway: row.gateway_id,
            bound_port: row.bound_port,
            claim: RouteClaim { listener, path: row.r#match, redirect: row.redirect },
            namespace: row.namespace,
            domain: row.domain_name_definition_id,
            listener_set: row.listener_set_id,
        });
    }
    Ok(rows)
}

/// The ports of a Gateway for which the proxy binds one of these numbers, each with one instance that uses it.
pub(super) async fn bound_ports(
    connection: &mut PgConnection,
    gateway: i64,
    numbers: &BTreeSet<i32>,
) -> Result<BTreeMap<Socket, BoundPort>> {
    let numbers: Vec<_> = numbers.iter().copied().collect();
    let rows = sqlx::query!(
        r#"SELECT p.bound_port, p.port, p.protocol, h.id AS "id?", h.name AS "name?" FROM gateway_ports p
           LEFT JOIN LATERAL (SELECT g.id, g.name FROM route_claims c JOIN gateway_instances g ON g.id = c.gateway_instance_id
               WHERE c.gateway_id = p.gateway_id AND c.bound_port = p.bound_port AND c.protocol = p.protocol ORDER BY c.hostname LIMIT 1) h ON true
           WHERE p.gateway_id = $1 AND p.bound_port = ANY($2)"#,
        gateway,
        &numbers
    )
    .fetch_all(connection)
    .await?;
    let protocol =
        |protocol: &str| protocol.parse::<Protocol>().map_err(|reason| inconsistent("gateway_ports", reason));
    let bound = rows.into_iter().map(|row| {
        let holder = row.id.zip(row.name).map(|(id, name)| ClaimHolder { id, name });
        let protocol = protocol(&row.protocol)?;
        let socket = Socket { bound_port: row.bound_port, transport: protocol.transport() };
        Ok((socket, BoundPort { port: row.port, protocol, holder }))
    });
    bound.collect()
}

/// The claims on a Gateway that are for the same hostname and path as one of these, with their holders.
pub(super) async fn held_claims(
    connection: &mut PgConnection,
    gateway: i64,
    driver: Driver,
    claims: &[RouteClaim],
) -> Result<Vec<(RouteClaim, ClaimHolder)>> {
    let columns = Columns::of(driver, claims);
    let rows = sqlx::query!(
        "SELECT c.port, c.protocol, c.hostname, c.match, c.redirect, g.id, g.name
         FROM unnest($2::int[], $3::text[], $4::text[], $5::text[]) w(bound_port, protocol, hostname, match)
            JOIN route_claims c ON c.gateway_id = $1 AND c.bound_port = w.bound_port AND c.protocol = w.protocol AND c.hostname = w.hostname
                AND c.match = w.match
            JOIN gateway_instances g ON g.id = c.gateway_instance_id ORDER BY g.id",
        gateway,
        &columns.bound_ports,
        &columns.protocols,
        &columns.hostnames,
        &columns.paths
    )
    .fetch_all(connection)
    .await?;
    let held = rows.into_iter().map(|row| {
        let listener = listener_key(row.port, &row.protocol, row.hostname)?;
        let claim = RouteClaim { listener, path: row.r#match, redirect: row.redirect };
        Ok((claim, ClaimHolder { id: row.id, name: row.name }))
    });
    held.collect()
}

/// What an instance claims on its Gateway, as rows.
pub(super) fn claims_of(claims: &Claims, instance: &Instance, gateway: i64) -> Vec<ClaimRow> {
    let row = |claim: &RouteClaim| ClaimRow {
        gateway,
        bound_port: claims.driver.bound_port(claim.listener.port),
        claim: claim.clone(),
        namespace: instance.namespace.clone(),
        domain: claims.domain,
        listener_set: None,
    };
    claims.routes.iter().map(row).collect()
}

/// Whose claims are written, and on which Gateway.
pub(super) struct On<'i> {
    pub(super) gateway: i64,
    pub(super) instance: &'i Instance,
    pub(super) domain: Option<i64>,
}

/// Writes the claims of an instance, which are all on one Gateway, and which ports the Gateway's proxy binds.
pub(super) async fn insert(
    connection: &mut PgConnection,
    on: On<'_>,
    ports: &BTreeMap<Socket, BoundPort>,
    rows: &[ClaimRow],
) -> Result<()> {
    let (sockets, transports): (Vec<_>, Vec<_>) =
        ports.keys().map(|socket| (socket.bound_port, socket.transport.as_str().to_owned())).unzip();
    let (bound, bound_protocols): (Vec<_>, Vec<_>) =
        ports.values().map(|port| (port.port, port.protocol.as_str().to_owned())).unzip();
    let bound_ports: Vec<_> = rows.iter().map(|row| row.bound_port).collect();
    let ports: Vec<_> = rows.iter().map(|row| row.claim.listener.port).collect();
    let keys = rows.iter().map(|row| &row.claim.listener);
    let (protocols, hostnames): (Vec<_>, Vec<_>) = keys.map(protocol_and_hostname).unzip();
    let paths: Vec<_> = rows.iter().map(|row| row.claim.path.clone()).collect();
    let redirects: Vec<_> = rows.iter().map(|row| row.claim.redirect).collect();
    sqlx::query!(
        "WITH bound AS (INSERT INTO gateway_ports (gateway_id, bound_port, transport, port, protocol)
            SELECT $1, * FROM unnest($2::int[], $3::text[], $4::int[], $5::text[]) ON CONFLICT DO NOTHING)
         INSERT INTO route_claims (gateway_id, gateway_instance_id, namespace, domain_name_definition_id, bound_port, port, protocol, hostname, match, redirect)
         SELECT $1, $6, $7, $8, * FROM unnest($9::int[], $10::int[], $11::text[], $12::text[], $13::text[], $14::bool[])",
        on.gateway,
        &sockets,
        &transports,
        &bound,
        &bound_protocols,
        on.instance.id,
        on.instance.namespace,
        on.domain,
        &bound_ports,
        &ports,
        &protocols,
        &hostnames,
        &paths,
        &redirects
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A listener as two columns; no hostname is the empty text.
pub(super) fn protocol_and_hostname(key: &ListenerKey) -> (String, String) {
    (key.protocol.as_str().to_owned(), key.hostname.clone().unwrap_or_default())
}

/// Claims by column.
struct Columns {
    bound_ports: Vec<i32>,
    protocols: Vec<String>,
    hostnames: Vec<String>,
    paths: Vec<String>,
}

impl Columns {
    fn of(driver: Driver, claims: &[RouteClaim]) -> Self {
        let (protocols, hostnames) = claims.iter().map(|claim| protocol_and_hostname(&claim.listener)).unzip();
        Self {
            bound_ports: claims.iter().map(|claim| driver.bound_port(claim.listener.port)).collect(),
            protocols,
            hostnames,
            paths: claims.iter().map(|claim| claim.path.clone()).collect(),
        }
    }
}

fn inconsistent(table: &'static str, reason: impl ToString) -> StoreError {
    StoreError::Inconsistent { table, column: "protocol", reason: reason.to_string() }
}
