//! The rows of claims and of bound ports.

use super::{Claims, Instance, listeners::Listeners};
use crate::{error::Result, listeners::listener_key};
use causeway_records::inputs::ListenerKey;
use causeway_rules::{claims::RouteClaim, conflicts::BoundPort, driver::Socket};
use sqlx::PgConnection;
use std::collections::BTreeMap;

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

/// Writes the claims of an instance, which are all on one Gateway, which ports the Gateway's proxy binds, and listeners that it hasn't had.
pub(super) async fn insert(
    connection: &mut PgConnection,
    on: On<'_>,
    ports: &BTreeMap<Socket, BoundPort>,
    rows: &[ClaimRow],
    listeners: &Listeners,
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
    let new_ports: Vec<_> = listeners.keys().map(|key| key.port).collect();
    let (new_protocols, new_hostnames): (Vec<_>, Vec<_>) = listeners.keys().map(protocol_and_hostname).unzip();
    let sets: Vec<_> = listeners.values().map(|set| set.map(|set| set.id)).collect();
    sqlx::query!(
        "WITH bound AS (INSERT INTO gateway_ports (gateway_id, bound_port, transport, port, protocol)
            SELECT $1, * FROM unnest($2::int[], $3::text[], $4::int[], $5::text[]) ON CONFLICT DO NOTHING),
            listeners AS (INSERT INTO gateway_listeners (shared_gateway_id, port, protocol, hostname, listener_set_id)
            SELECT $1, * FROM unnest($15::int[], $16::text[], $17::text[], $18::bigint[]))
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
        &redirects,
        &new_ports,
        &new_protocols,
        &new_hostnames,
        &sets as &[Option<i64>]
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A listener as two columns; no hostname is the empty text.
pub(super) fn protocol_and_hostname(key: &ListenerKey) -> (String, String) {
    (key.protocol.as_str().to_owned(), key.hostname.clone().unwrap_or_default())
}
