//! The rows of claims and of bound ports.

use super::Source;
use crate::{
    error::{Result, StoreError},
    listeners::listener_key,
    row, selects,
};
use causeway_records::{
    Record,
    inputs::{ListenerKey, Protocol},
    noun::Noun,
};
use causeway_rules::{
    claims::RouteClaim,
    conflicts::{BoundPort, ClaimHolder},
    driver::{Driver, Socket},
};
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};

/// A gateway instance that is locked.
pub(super) struct Instance {
    pub(super) name: String,
    pub(super) runtime: i64,
    /// The namespace of its workload, in which its routes are.
    namespace: String,
}

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

/// A record, shared until the transaction ends.
pub(super) async fn share<T: Noun>(connection: &mut PgConnection, id: i64) -> Result<Record<T>> {
    let row = sqlx::query(selects::for_noun(&T::INFO).share).bind(id).fetch_optional(connection).await?;
    row::record(&row.ok_or(StoreError::NotFound)?)
}

pub(super) async fn lock_instance(connection: &mut PgConnection, id: i64) -> Result<Option<Instance>> {
    let found = sqlx::query_as!(
        Instance,
        "SELECT i.name, i.kubernetes_runtime_instance_id AS runtime, w.object_name AS namespace FROM gateway_instances i
            JOIN reconciliations w ON w.kind = 'WorkloadInstance' AND w.id = i.workload_instance_id
         WHERE i.id = $1 AND i.deleted_at IS NULL FOR NO KEY UPDATE OF i",
        id
    );
    Ok(found.fetch_optional(connection).await?)
}

/// Drops the claims of an instance, and the ports that nobody uses any more. The listeners stay until it is known what is claimed instead, so
/// that they keep their ListenerSets.
pub(super) async fn drop_claims(connection: &mut PgConnection, instance: i64) -> Result<Vec<ClaimRow>> {
    let dropped = sqlx::query!(
        r#"WITH gone AS (DELETE FROM route_claims WHERE gateway_instance_id = $1 RETURNING *)
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
    if !rows.is_empty() {
        let (gateways, ports): (Vec<_>, Vec<_>) = rows.iter().map(|row| (row.gateway, row.bound_port)).unzip();
        let protocols: Vec<_> = rows.iter().map(|row| protocol_and_hostname(&row.claim.listener).0).collect();
        sqlx::query!(
            "DELETE FROM gateway_ports p USING unnest($1::bigint[], $2::int[], $3::text[]) d(gateway_id, bound_port, protocol)
             WHERE p.gateway_id = d.gateway_id AND p.bound_port = d.bound_port AND p.protocol = d.protocol AND NOT EXISTS (SELECT FROM route_claims c
                WHERE c.gateway_id = p.gateway_id AND c.bound_port = p.bound_port AND c.protocol = p.protocol)",
            &gateways,
            &ports,
            &protocols
        )
        .execute(connection)
        .await?;
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

/// Notes which ports the proxy of a Gateway binds.
pub(super) async fn insert_ports(
    connection: &mut PgConnection,
    gateway: i64,
    ports: &BTreeMap<Socket, BoundPort>,
) -> Result<()> {
    if ports.is_empty() {
        return Ok(());
    }
    let (numbers, transports): (Vec<_>, Vec<_>) =
        ports.keys().map(|socket| (socket.bound_port, socket.transport.as_str().to_owned())).unzip();
    let (of, protocols): (Vec<_>, Vec<_>) =
        ports.values().map(|port| (port.port, port.protocol.as_str().to_owned())).unzip();
    sqlx::query!(
        "INSERT INTO gateway_ports (gateway_id, bound_port, transport, port, protocol)
         SELECT $1, * FROM unnest($2::int[], $3::text[], $4::int[], $5::text[]) ON CONFLICT DO NOTHING",
        gateway,
        &numbers,
        &transports,
        &of,
        &protocols
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What an instance claims on its Gateway, as rows.
pub(super) fn claims_in(source: &Source, instance: &Instance, gateway: i64) -> Vec<ClaimRow> {
    let (driver, domain) = (source.driver(), source.definition.spec.domain_name_definition_id);
    let row = |claim: &RouteClaim| ClaimRow {
        gateway,
        bound_port: driver.bound_port(claim.listener.port),
        claim: claim.clone(),
        namespace: instance.namespace.clone(),
        domain,
        listener_set: None,
    };
    source.claims.iter().map(row).collect()
}

/// Writes the claims of an instance, which are all on one Gateway.
pub(super) async fn insert_claims(connection: &mut PgConnection, instance: i64, rows: &[ClaimRow]) -> Result<()> {
    let Some(first) = rows.first() else { return Ok(()) };
    let bound_ports: Vec<_> = rows.iter().map(|row| row.bound_port).collect();
    let ports: Vec<_> = rows.iter().map(|row| row.claim.listener.port).collect();
    let keys = rows.iter().map(|row| &row.claim.listener);
    let (protocols, hostnames): (Vec<_>, Vec<_>) = keys.map(protocol_and_hostname).unzip();
    let paths: Vec<_> = rows.iter().map(|row| row.claim.path.clone()).collect();
    let redirects: Vec<_> = rows.iter().map(|row| row.claim.redirect).collect();
    sqlx::query!(
        "INSERT INTO route_claims (gateway_id, gateway_instance_id, namespace, domain_name_definition_id, bound_port, port, protocol, hostname, match, redirect)
         SELECT $1, $2, $3, $4, * FROM unnest($5::int[], $6::int[], $7::text[], $8::text[], $9::text[], $10::bool[])",
        first.gateway,
        instance,
        first.namespace,
        first.domain,
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
