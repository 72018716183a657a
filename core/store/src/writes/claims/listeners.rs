//! The listeners of shared gateways, one for each port, protocol and hostname that is claimed: placed, taken away, and who is woken.

use super::{
    Claims,
    neighbours::Neighbours,
    rows::{ClaimRow, ListenerSet, Listeners, protocol_and_hostname},
};
use crate::error::Result;
use causeway_records::{
    Kind,
    inputs::{ListenerKey, Protocol},
    text::ObjectName,
};
use causeway_rules::listeners::{
    ClaimsChange, ListenerClaim, ListenerPlace, Placed, check_room, last_set_has_room, place_listeners,
};
use sqlx::{PgConnection, Row};
use std::collections::{BTreeMap, BTreeSet};

/// Takes the listeners away that an instance claimed on a shared gateway before and that nobody uses any more, and answers who is to be woken: ListenerSets
/// and the gateway, if the change concerns them. The claims are written, and new listeners are among the `neighbours`.
pub(super) async fn follow(
    connection: &mut PgConnection,
    gateway: i64,
    neighbours: &Neighbours<'_>,
    before: &[ClaimRow],
    after: &[ClaimRow],
) -> Result<Vec<(Kind, i64)>> {
    let (before, after) = (on(gateway, before), on(gateway, after));
    if of_listeners(&before) == of_listeners(&after) {
        return Ok(vec![]);
    }
    let listeners = &neighbours.listeners;
    let wanted: BTreeSet<_> = after.iter().map(|row| &row.claim.listener).collect();
    let dropped: Vec<_> = before.iter().filter(|row| !wanted.contains(&row.claim.listener)).copied().collect();
    sweep(connection, gateway, &dropped).await?;
    let has_any = !after.is_empty() || has_any(connection, gateway).await?;
    let claim = |row: &ClaimRow, set: Option<i64>| ListenerClaim {
        key: row.claim.listener.clone(),
        namespace: row.namespace.clone(),
        domain_name_definition_id: row.domain,
        tls_secret: row.claim.tls_secret.clone(),
        listener_set_id: set,
    };
    let set_of = |row: &ClaimRow| listeners.get(&row.claim.listener).copied().flatten().map(|set| set.id);
    let secured = listeners.keys().filter(|key| key.protocol.ends_tls()).filter_map(|key| key.hostname.clone());
    let change = ClaimsChange {
        before: before.iter().map(|row| claim(row, row.listener_set)).collect(),
        after: after.iter().map(|row| claim(row, set_of(row))).collect(),
        secured: secured.collect(),
        first_or_last: neighbours.has_listeners != has_any,
    };
    let wakes = change.wakes();
    let sets = wakes.sets.into_iter().map(|set| (Kind::ListenerSet, set));
    Ok(sets.chain(wakes.gateway.then_some((Kind::SharedGateway, gateway))).collect())
}

/// The claims that are on one gateway.
fn on(gateway: i64, rows: &[ClaimRow]) -> Vec<&ClaimRow> {
    rows.iter().filter(|row| row.gateway == gateway).collect()
}

/// What listeners have from claims. Another path of a route is nothing to them.
fn of_listeners<'a>(rows: &[&'a ClaimRow]) -> BTreeSet<(&'a ListenerKey, &'a str, Option<i64>, Option<&'a str>)> {
    let of =
        |row: &&'a ClaimRow| (&row.claim.listener, row.namespace.as_str(), row.domain, row.claim.tls_secret.as_deref());
    rows.iter().map(of).collect()
}

async fn has_any(connection: &mut PgConnection, gateway: i64) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM gateway_listeners WHERE shared_gateway_id = $1) AS "any!""#,
        gateway
    );
    Ok(found.fetch_one(connection).await?)
}

/// Places the listeners of claims that the gateway doesn't have yet, and makes the ListenerSets that this takes. Their rows are the caller's to write.
/// `takes_sets`: its controller has them.
///
/// # Errors
/// The Gateway itself has no room for them.
pub(super) async fn place(
    connection: &mut PgConnection,
    gateway: i64,
    neighbours: &Neighbours<'_>,
    claims: &Claims,
    takes_sets: bool,
) -> Result<Listeners> {
    let wanted = claims.routes.iter().map(|claim| &claim.listener);
    let new: BTreeSet<_> = wanted.filter(|key| !neighbours.listeners.contains_key(*key)).cloned().collect();
    if new.is_empty() {
        return Ok(Listeners::new());
    }
    let sets = sets_with_room(connection, gateway, neighbours, takes_sets.then_some(&new)).await?;
    let known = neighbours.listeners.iter().filter_map(|(key, set)| Some((key.hostname.clone()?, *set)));
    let known: BTreeMap<String, Option<ListenerSet>> = known.collect();
    let all = sets.iter().map(|(set, _)| *set).chain(known.values().copied().flatten());
    let mut ids: BTreeMap<i32, i64> = all.map(|set| (set.ordinal, set.id)).collect();
    let place = |set: Option<ListenerSet>| set.map_or(ListenerPlace::Gateway, |set| ListenerPlace::Set(set.ordinal));
    let placed = Placed {
        hostnames: known.into_iter().map(|(hostname, set)| (hostname, place(set))).collect(),
        sets: sets.into_iter().map(|(set, listeners)| (set.ordinal, listeners)).collect(),
        takes_sets,
    };
    let mut listeners = Listeners::new();
    for (key, place) in place_listeners(new, placed) {
        let set = match place {
            ListenerPlace::Gateway => None,
            ListenerPlace::Set(ordinal) => {
                let id = match ids.get(&ordinal) {
                    Some(id) => *id,
                    None => make_set(connection, gateway, ordinal).await?,
                };
                ids.insert(ordinal, id);
                Some(ListenerSet { id, ordinal })
            }
        };
        listeners.insert(key, set);
    }
    if !takes_sets {
        refuse_too_many(connection, gateway, claims, &listeners).await?;
    }
    Ok(listeners)
}

/// The sets that matter to these new listeners; None: they come into none.
async fn sets_with_room(
    connection: &mut PgConnection,
    gateway: i64,
    neighbours: &Neighbours<'_>,
    new: Option<&BTreeSet<ListenerKey>>,
) -> Result<Vec<(ListenerSet, usize)>> {
    let Some(new) = new else { return Ok(vec![]) };
    // Nearly always the last set has room, and with a thousand hostnames there are hundreds of them.
    match last_set_has_room(neighbours.last_set.map(|set| set.1), new) {
        true => Ok(neighbours.last_set.into_iter().collect()),
        false => sets(connection, gateway).await,
    }
}

/// Refuses new listeners for which the Gateway itself has no room. The listeners of claims that were dropped are still there, and count only if they are
/// claimed again.
async fn refuse_too_many(connection: &mut PgConnection, gateway: i64, claims: &Claims, new: &Listeners) -> Result<()> {
    // The Gateway has it in any case.
    let plain_http = ListenerKey { port: 80, protocol: Protocol::Http, hostname: None };
    let (mut ports, mut protocols, mut hostnames) = (vec![], vec![], vec![]);
    for key in claims.routes.iter().map(|claim| &claim.listener).collect::<BTreeSet<_>>() {
        let (protocol, hostname) = protocol_and_hostname(key);
        ports.push(key.port);
        protocols.push(protocol);
        hostnames.push(hostname);
    }
    let text = "SELECT g.name, count(l.port) AS held FROM shared_gateways g LEFT JOIN gateway_listeners l
            ON l.shared_gateway_id = g.id AND l.listener_set_id IS NULL AND (l.port, l.protocol, l.hostname) <> (80, 'HTTP', '')
            AND (EXISTS (SELECT FROM route_claims c WHERE c.gateway_id = g.id AND c.port = l.port AND c.protocol = l.protocol AND c.hostname = l.hostname)
                OR (l.port, l.protocol, l.hostname) IN (SELECT * FROM unnest($2::int[], $3::text[], $4::text[])))
        WHERE g.id = $1 GROUP BY g.name";
    let query = sqlx::query(text).bind(gateway).bind(ports).bind(protocols).bind(hostnames);
    let row = query.fetch_one(connection).await?;
    let held = usize::try_from(row.try_get::<i64, _>("held")?).unwrap_or(usize::MAX);
    let on_gateway = new.iter().filter(|(key, set)| set.is_none() && **key != plain_http).count();
    let class = claims.class.as_ref().map(ObjectName::as_str);
    Ok(check_room(row.try_get("name")?, class, held.saturating_add(1), on_gateway)?)
}

/// The live ListenerSets of a gateway with the number of their listeners.
async fn sets(connection: &mut PgConnection, gateway: i64) -> Result<Vec<(ListenerSet, usize)>> {
    let rows = sqlx::query!(
        r#"SELECT s.id, s.ordinal, n.listeners AS "listeners!" FROM listener_sets s
               CROSS JOIN LATERAL (SELECT count(*) AS listeners FROM gateway_listeners l WHERE l.listener_set_id = s.id) n
           WHERE s.shared_gateway_id = $1 AND s.deleted_at IS NULL"#,
        gateway
    )
    .fetch_all(connection)
    .await?;
    let count = |listeners: i64| usize::try_from(listeners).unwrap_or(usize::MAX);
    Ok(rows.iter().map(|row| (ListenerSet { id: row.id, ordinal: row.ordinal }, count(row.listeners))).collect())
}

/// Makes a ListenerSet; its object is named after the gateway's.
async fn make_set(connection: &mut PgConnection, gateway: i64, ordinal: i32) -> Result<i64> {
    let made = sqlx::query_scalar!(
        "WITH g AS (SELECT runtime_id, object_name || '-' || $2::int AS name FROM reconciliations WHERE kind = 'SharedGateway' AND id = $1),
            made AS (INSERT INTO listener_sets (name, shared_gateway_id, ordinal) SELECT name, $1, $2 FROM g RETURNING id, name)
         INSERT INTO reconciliations (kind, id, runtime_id, object_name) SELECT 'ListenerSet', made.id, g.runtime_id, made.name FROM made, g RETURNING id",
        gateway,
        ordinal
    );
    Ok(made.fetch_one(connection).await?)
}

/// Takes the listeners of dropped claims away where nobody uses them any more.
async fn sweep(connection: &mut PgConnection, gateway: i64, dropped: &[&ClaimRow]) -> Result<()> {
    if dropped.is_empty() {
        return Ok(());
    }
    let (ports, bound): (Vec<_>, Vec<_>) = dropped.iter().map(|row| (row.claim.listener.port, row.bound_port)).unzip();
    let keys = dropped.iter().map(|row| &row.claim.listener);
    let (protocols, hostnames): (Vec<_>, Vec<_>) = keys.map(protocol_and_hostname).unzip();
    sqlx::query!(
        "DELETE FROM gateway_listeners l USING unnest($2::int[], $3::int[], $4::text[], $5::text[]) d(port, bound_port, protocol, hostname)
         WHERE l.shared_gateway_id = $1 AND l.port = d.port AND l.protocol = d.protocol AND l.hostname = d.hostname
            AND NOT EXISTS (SELECT FROM route_claims c WHERE c.gateway_id = $1 AND c.bound_port = d.bound_port AND c.protocol = d.protocol
                AND c.hostname = d.hostname)",
        gateway,
        &ports,
        &bound,
        &protocols,
        &hostnames
    )
    .execute(connection)
    .await?;
    Ok(())
}
