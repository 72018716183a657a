//! The rows of claims, of the ports that they bind and of their listeners.

use super::{Claims, Instance};
use crate::{error::Result, listeners::listener_key};
use causeway_records::{
    inputs::{ListenerKey, Protocol},
    patterns::above,
};
use causeway_rules::{claims::RouteClaim, conflicts::BoundPort, driver::Socket};
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};

/// A row of `route_claims`, with what its listener has from it.
#[derive(Clone)]
pub(super) struct ClaimRow {
    pub(super) gateway: i64,
    pub(super) instance: i64,
    pub(super) bound_port: i32,
    pub(super) claim: RouteClaim,
    pub(super) namespace: String,
    pub(super) domain: Option<i64>,
    /// The ListenerSet that its listener was in when the row was dropped.
    pub(super) listener_set: Option<i64>,
}

/// Listeners with the ListenerSet that each is in; None: on the Gateway itself.
pub(super) type Listeners = BTreeMap<ListenerKey, Option<ListenerSet>>;

/// The row of a ListenerSet.
#[derive(Clone, Copy)]
pub(super) struct ListenerSet {
    pub(super) id: i64,
    pub(super) ordinal: i32,
}

/// Drops the claims of instances, and the ports that nobody uses any more. The listeners stay until it is known what is claimed instead, so
/// that they keep their ListenerSets.
pub(super) async fn drop_claims(connection: &mut PgConnection, instances: &[i64]) -> Result<Vec<ClaimRow>> {
    let dropped = sqlx::query!(
        r#"WITH gone AS (DELETE FROM route_claims WHERE gateway_instance_id = ANY($1) RETURNING *),
            unused AS (DELETE FROM gateway_ports p USING gone WHERE p.gateway_id = gone.gateway_id AND p.bound_port = gone.bound_port
                AND p.transport = CASE gone.protocol WHEN 'UDP' THEN 'UDP' ELSE 'TCP' END
                AND NOT EXISTS (SELECT FROM route_claims c WHERE c.gateway_id = p.gateway_id AND c.bound_port = p.bound_port
                    AND (c.protocol = 'UDP') = (p.transport = 'UDP') AND c.gateway_instance_id <> ALL($1)))
           SELECT gone.gateway_id AS "gateway_id!", gone.gateway_instance_id AS "gateway_instance_id!", gone.bound_port AS "bound_port!",
               gone.port AS "port!", gone.protocol AS "protocol!", gone.hostname AS "hostname!", gone.match AS "match!", gone.grpc AS "grpc!", gone.redirect AS "redirect!",
               gone.namespace AS "namespace!", gone.domain_name_definition_id AS "domain_name_definition_id?",
               gone.tls_secret AS "tls_secret?", l.listener_set_id AS "listener_set_id?" FROM gone LEFT JOIN gateway_listeners l ON l.shared_gateway_id = gone.gateway_id
               AND l.port = gone.port AND l.protocol = gone.protocol AND l.hostname = gone.hostname"#,
        instances
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut rows = vec![];
    for row in dropped {
        let listener = listener_key(row.port, &row.protocol, row.hostname)?;
        rows.push(ClaimRow {
            gateway: row.gateway_id,
            instance: row.gateway_instance_id,
            bound_port: row.bound_port,
            claim: RouteClaim {
                listener,
                requests: row.r#match,
                grpc: row.grpc,
                redirect: row.redirect,
                tls_secret: row.tls_secret,
            },
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
        instance: instance.id,
        bound_port: claims.driver.bound_port(claim.listener.port),
        claim: claim.clone(),
        namespace: instance.namespace.clone(),
        domain: claims.domain,
        listener_set: None,
    };
    claims.routes.iter().map(row).collect()
}

/// The claims on one gateway that come or go. Two that differ only in where routes are say the same.
pub(super) fn changed<'r>(gateway: i64, before: &'r [ClaimRow], after: &'r [ClaimRow]) -> Vec<&'r ClaimRow> {
    let on = |rows: &'r [ClaimRow]| rows.iter().filter(move |row| row.gateway == gateway);
    let claims = |rows: &'r [ClaimRow]| on(rows).map(|row| &row.claim).collect::<BTreeSet<&RouteClaim>>();
    let (old, new) = (claims(before), claims(after));
    let gone = on(before).filter(|row| !new.contains(&row.claim));
    gone.chain(on(after).filter(|row| !old.contains(&row.claim))).collect()
}

/// The listeners that may lose requests to claims, each once, as columns: bound port, protocol, hostname. Those of the claims themselves, where the proxy tells
/// requests apart, and the wildcards above them, whatever those do with TLS.
pub(super) fn losing_listeners(claims: &[&ClaimRow]) -> (Vec<i32>, Vec<String>, Vec<String>) {
    let mut each: BTreeSet<(i32, &str, String)> = BTreeSet::new();
    for row in claims {
        let ListenerKey { protocol, hostname, .. } = &row.claim.listener;
        if protocol.has_requests() {
            each.insert((row.bound_port, protocol.as_str(), hostname.clone().unwrap_or_default()));
        }
        let beside = Protocol::ALL.iter().filter(|other| other.on_port() == protocol.on_port());
        for wildcard in hostname.iter().flat_map(|hostname| above(hostname)) {
            each.extend(beside.clone().map(|other| (row.bound_port, other.as_str(), wildcard.clone())));
        }
    }
    let mut columns = (vec![], vec![], vec![]);
    for (bound_port, protocol, hostname) in each {
        columns.0.push(bound_port);
        columns.1.push(protocol.to_owned());
        columns.2.push(hostname);
    }
    columns
}

/// What is to be written, by Gateway.
pub(super) struct New<'r> {
    pub(super) claims: &'r [ClaimRow],
    /// Which ports each Gateway's proxy binds; those that it has may be among them.
    pub(super) ports: Vec<(i64, BTreeMap<Socket, BoundPort>)>,
    /// Listeners that a Gateway hasn't had.
    pub(super) listeners: Vec<(i64, Listeners)>,
}

/// Writes all of it by one statement.
pub(super) async fn insert(connection: &mut PgConnection, new: New<'_>) -> Result<()> {
    let mut bound = (vec![], vec![], vec![], vec![], vec![]);
    for (gateway, ports) in &new.ports {
        for (socket, port) in ports {
            bound.0.push(*gateway);
            bound.1.push(socket.bound_port);
            bound.2.push(socket.transport.as_str().to_owned());
            bound.3.push(port.port);
            bound.4.push(port.protocol.on_port().as_str().to_owned());
        }
    }
    let mut placed = (vec![], vec![], vec![], vec![], vec![]);
    for (gateway, listeners) in &new.listeners {
        for (key, set) in listeners {
            let (protocol, hostname) = protocol_and_hostname(key);
            placed.0.push(*gateway);
            placed.1.push(key.port);
            placed.2.push(protocol);
            placed.3.push(hostname);
            placed.4.push(set.map(|set| set.id));
        }
    }
    let column = |of: fn(&ClaimRow) -> i64| new.claims.iter().map(of).collect::<Vec<_>>();
    let (gateways, instances) = (column(|row| row.gateway), column(|row| row.instance));
    let namespaces: Vec<_> = new.claims.iter().map(|row| row.namespace.clone()).collect();
    let domains: Vec<_> = new.claims.iter().map(|row| row.domain).collect();
    let (bound_ports, ports): (Vec<_>, Vec<_>) =
        new.claims.iter().map(|row| (row.bound_port, row.claim.listener.port)).unzip();
    let keys = new.claims.iter().map(|row| &row.claim.listener);
    let (protocols, hostnames): (Vec<_>, Vec<_>) = keys.map(protocol_and_hostname).unzip();
    let matches: Vec<_> = new.claims.iter().map(|row| row.claim.requests.clone()).collect();
    let secrets: Vec<_> = new.claims.iter().map(|row| row.claim.tls_secret.clone()).collect();
    let (grpc, redirects): (Vec<_>, Vec<_>) = new.claims.iter().map(|row| (row.claim.grpc, row.claim.redirect)).unzip();
    sqlx::query!(
        "WITH bound AS (INSERT INTO gateway_ports (gateway_id, bound_port, transport, port, protocol)
            SELECT * FROM unnest($1::bigint[], $2::int[], $3::text[], $4::int[], $5::text[]) ON CONFLICT DO NOTHING),
            placed AS (INSERT INTO gateway_listeners (shared_gateway_id, port, protocol, hostname, listener_set_id)
            SELECT * FROM unnest($6::bigint[], $7::int[], $8::text[], $9::text[], $10::bigint[]))
         INSERT INTO route_claims (gateway_id, gateway_instance_id, namespace, domain_name_definition_id, bound_port, port, protocol, hostname, match, grpc, redirect,
            tls_secret)
         SELECT * FROM unnest($11::bigint[], $12::bigint[], $13::text[], $14::bigint[], $15::int[], $16::int[], $17::text[], $18::text[], $19::text[],
            $20::bool[], $21::bool[], $22::text[])",
        &bound.0,
        &bound.1,
        &bound.2,
        &bound.3,
        &bound.4,
        &placed.0,
        &placed.1,
        &placed.2,
        &placed.3,
        &placed.4 as &[Option<i64>],
        &gateways,
        &instances,
        &namespaces,
        &domains as &[Option<i64>],
        &bound_ports,
        &ports,
        &protocols,
        &hostnames,
        &matches,
        &grpc,
        &redirects,
        &secrets as &[Option<String>]
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A listener as two columns; no hostname is the empty text.
pub(super) fn protocol_and_hostname(key: &ListenerKey) -> (String, String) {
    (key.protocol.as_str().to_owned(), key.hostname.clone().unwrap_or_default())
}
