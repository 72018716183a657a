//! What is on a Gateway beside the claims that are written, read by one statement: other writers wait for the Gateway meanwhile.

use super::rows::{ClaimRow, ListenerSet, Listeners, changed, losing_listeners, protocol_and_hostname};
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
use std::collections::{BTreeMap, BTreeSet};

/// Claims of others that are read where claims change: of all listeners.
const BESIDE: i64 = 2048;
/// The same of one listener.
const BESIDE_EACH: i64 = 256;

/// What is there already.
#[derive(Default)]
pub(super) struct Neighbours<'r> {
    /// The claims of the write that come or go.
    pub(super) changed: Vec<&'r ClaimRow>,
    /// The ports that the proxy binds for the new claims, and who claims the same hostname and path as one of them.
    pub(super) occupied: Occupied,
    /// What others claim where claims change, and at the wildcards above, in turn: where they are very many, some of each listener.
    pub(super) beside: Vec<(RouteClaim, ClaimHolder)>,
    /// The listeners that have a hostname of the old or the new claims.
    pub(super) listeners: Listeners,
    /// Whether there is a listener of any hostname.
    pub(super) has_listeners: bool,
    /// Whether the Gateway is on its way out.
    pub(super) is_going: bool,
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
    grpc: bool,
    redirect: bool,
    tls_secret: Option<String>,
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

impl<'r> Neighbours<'r> {
    /// Reads what matters to an instance that claimed `before` and is to claim `after`. The Gateway is locked.
    pub(super) async fn read(
        connection: &mut PgConnection,
        gateway: i64,
        before: &'r [ClaimRow],
        after: &'r [ClaimRow],
    ) -> Result<Self> {
        let new = || after.iter().filter(|row| row.gateway == gateway);
        let mut in_the_way = InTheWay::default();
        new().for_each(|row| in_the_way.add(row));
        let InTheWay { bound, protocols, hostnames: claimed, matches, grpc, secrets, .. } = in_the_way;
        let on_it = before.iter().filter(|row| row.gateway == gateway).chain(new());
        let hostnames: BTreeSet<_> = on_it.map(|row| protocol_and_hostname(&row.claim.listener).1).collect();
        let hostnames: Vec<_> = hostnames.into_iter().collect();
        let changed = changed(gateway, before, after);
        let losing = losing_listeners(&changed);
        let row = sqlx::query!(
            r#"SELECT
               (SELECT jsonb_agg(p) FROM (SELECT p.bound_port, p.port, coalesce(h.protocol, p.protocol) AS protocol, h.id, h.name FROM gateway_ports p
                   LEFT JOIN LATERAL (SELECT g.id, g.name, c.protocol FROM route_claims c JOIN gateway_instances g ON g.id = c.gateway_instance_id
                       WHERE c.gateway_id = p.gateway_id AND c.bound_port = p.bound_port AND (c.protocol = 'UDP') = (p.transport = 'UDP')
                       ORDER BY c.protocol, c.hostname LIMIT 1) h ON true
                   WHERE p.gateway_id = $1 AND p.bound_port = ANY($2)) p) AS "ports: Json<Vec<PortRow>>",
               (SELECT jsonb_agg(c) FROM (SELECT c.port, c.protocol, c.hostname, c.match, c.grpc, c.redirect, c.tls_secret, g.id, g.name
                   FROM unnest($2::int[], $3::text[], $4::text[], $5::text[], $7::bool[], $11::text[]) w(bound_port, protocol, hostname, match, grpc, secret)
                       JOIN route_claims c ON c.gateway_id = $1 AND c.bound_port = w.bound_port AND c.protocol = w.protocol
                           AND c.hostname = w.hostname AND (w.match IS NULL OR c.match = w.match)
                           AND (w.grpc IS NULL OR c.grpc = w.grpc) AND (w.secret IS NULL OR coalesce(c.tls_secret, '') <> w.secret)
                       JOIN gateway_instances g ON g.id = c.gateway_instance_id ORDER BY g.id) c) AS "claims: Json<Vec<HeldRow>>",
               (SELECT jsonb_agg(l) FROM (SELECT l.port, l.protocol, l.hostname, s.id, s.ordinal FROM gateway_listeners l
                   LEFT JOIN listener_sets s ON s.id = l.listener_set_id
                   WHERE l.shared_gateway_id = $1 AND l.hostname = ANY($6)) l) AS "listeners: Json<Vec<ListenerRow>>",
               (SELECT jsonb_agg(b) FROM (SELECT c.port, c.protocol, c.hostname, c.match, c.grpc, c.redirect, c.tls_secret, c.gateway_instance_id AS id, '' AS name
                   FROM unnest($8::int[], $9::text[], $10::text[]) w(bound_port, protocol, hostname)
                       CROSS JOIN LATERAL (SELECT c.*, row_number() OVER () AS turn FROM route_claims c WHERE c.gateway_id = $1
                           AND c.bound_port = w.bound_port AND c.protocol = w.protocol AND c.hostname = w.hostname LIMIT $12) c
                       ORDER BY c.turn LIMIT $13) b) AS "beside: Json<Vec<HeldRow>>",
               EXISTS (SELECT FROM gateway_listeners WHERE shared_gateway_id = $1) AS "has_listeners!",
               EXISTS (SELECT FROM reconciliations WHERE kind = 'SharedGateway' AND id = $1 AND deletion_scheduled IS NOT NULL) AS "is_going!",
               (SELECT to_jsonb(s) FROM (SELECT s.id, s.ordinal, n.listeners FROM listener_sets s
                   CROSS JOIN LATERAL (SELECT count(*) AS listeners FROM gateway_listeners l WHERE l.listener_set_id = s.id) n
                   WHERE s.shared_gateway_id = $1 AND s.deleted_at IS NULL AND n.listeners > 0 ORDER BY s.ordinal DESC LIMIT 1) s)
                   AS "last_set: Json<SetRow>""#,
            gateway,
            &bound,
            &protocols,
            &claimed,
            &matches as &[Option<String>],
            &hostnames,
            &grpc as &[Option<bool>],
            &losing.0,
            &losing.1,
            &losing.2,
            &secrets as &[Option<String>],
            beside_each(losing.0.len()),
            BESIDE
        )
        .fetch_one(connection)
        .await?;
        let ports = rows(row.ports).map(bound_port).collect::<Result<_>>()?;
        let claims = rows(row.claims).map(claim).collect::<Result<_>>()?;
        Ok(Self {
            changed,
            occupied: Occupied { ports, claims },
            beside: rows(row.beside).map(claim).collect::<Result<_>>()?,
            listeners: rows(row.listeners).map(listener).collect::<Result<_>>()?,
            has_listeners: row.has_listeners,
            is_going: row.is_going,
            last_set: row.last_set.map(|Json(set)| (ListenerSet { id: set.id, ordinal: set.ordinal }, set.listeners)),
        })
    }
}

/// Which claims of others would be in the way of new ones.
#[derive(Default)]
struct InTheWay {
    bound: Vec<i32>,
    protocols: Vec<String>,
    hostnames: Vec<String>,
    /// None: whatever it matches.
    matches: Vec<Option<String>>,
    /// None: of either kind.
    grpc: Vec<Option<bool>>,
    /// Those that name another Secret than this one; empty: those that name any. None: whatever they name.
    secrets: Vec<Option<String>>,
    /// What was asked for already.
    listeners: BTreeSet<(ListenerKey, bool)>,
}

impl InTheWay {
    /// An equal one, any of the other kind of route, any with another certificate, and any of the same hostname that does something else with TLS.
    fn add(&mut self, row: &ClaimRow) {
        let RouteClaim { listener, requests, grpc, tls_secret, .. } = &row.claim;
        self.push(row, listener.protocol, Some(requests.clone()), None, None);
        if !self.listeners.insert((listener.clone(), *grpc)) {
            return;
        }
        if listener.protocol.has_requests() {
            self.push(row, listener.protocol, None, Some(!grpc), None);
        }
        if listener.protocol.ends_tls() {
            self.push(row, listener.protocol, None, None, Some(tls_secret.clone().unwrap_or_default()));
        }
        let others = Protocol::ALL.iter().filter(|other| listener.protocol.is_tls() && other.is_tls());
        for other in others.filter(|other| **other != listener.protocol) {
            self.push(row, *other, None, None, None);
        }
    }

    fn push(
        &mut self,
        row: &ClaimRow,
        protocol: Protocol,
        matches: Option<String>,
        grpc: Option<bool>,
        secret: Option<String>,
    ) {
        self.secrets.push(secret);
        self.grpc.push(grpc);
        self.bound.push(row.bound_port);
        self.protocols.push(protocol.as_str().to_owned());
        self.hostnames.push(protocol_and_hostname(&row.claim.listener).1);
        self.matches.push(matches);
    }
}

impl Neighbours<'_> {
    /// An instance is among them from now on.
    pub(super) fn add(
        &mut self,
        holder: &ClaimHolder,
        claims: &[RouteClaim],
        ports: &BTreeMap<Socket, BoundPort>,
        listeners: &Listeners,
    ) {
        let theirs = claims.iter().map(|claim| (claim.clone(), holder.clone()));
        self.occupied.claims.extend(theirs);
        self.occupied.ports.extend(ports.clone());
        self.listeners.extend(listeners.clone());
    }
}

/// How many claims of each of so many listeners are read: a crowded one leaves room for those of all others.
fn beside_each(listeners: usize) -> i64 {
    let share = i64::try_from(listeners).map_or(1, |listeners| BESIDE / listeners.max(1));
    share.clamp(1, BESIDE_EACH)
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
    let claim = RouteClaim {
        listener,
        requests: row.r#match,
        grpc: row.grpc,
        redirect: row.redirect,
        tls_secret: row.tls_secret,
    };
    Ok((claim, ClaimHolder { id: row.id, name: row.name }))
}

fn listener(row: ListenerRow) -> Result<(ListenerKey, Option<ListenerSet>)> {
    let set = row.id.zip(row.ordinal).map(|(id, ordinal)| ListenerSet { id, ordinal });
    Ok((listener_key(row.port, &row.protocol, row.hostname)?, set))
}
