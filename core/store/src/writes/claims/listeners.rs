//! The listeners of shared gateways, one for each port, protocol and hostname that is claimed: placed, taken away, and who is woken.

use super::{
    rows::{ClaimRow, protocol_and_hostname},
    wake,
};
use crate::{error::Result, listeners::listener_key};
use causeway_records::{
    Kind,
    inputs::{ListenerKey, Protocol},
};
use causeway_rules::listeners::{
    ClaimsChange, ListenerClaim, ListenerPlace, Placed, last_set_has_room, place_listeners,
};
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};

/// Listeners with the ListenerSet that each is in; None: on the Gateway itself.
type Listeners = BTreeMap<ListenerKey, Option<ListenerSet>>;

/// The row of a ListenerSet.
#[derive(Clone, Copy)]
struct ListenerSet {
    id: i64,
    ordinal: i32,
}

/// Makes the listeners that an instance claims on a shared gateway, takes those away that it claimed there before and that nobody uses any more, and
/// wakes the ListenerSets and the gateway if this concerns them. The gateway is locked.
pub(super) async fn follow(
    connection: &mut PgConnection,
    gateway: i64,
    before: &[ClaimRow],
    after: &[ClaimRow],
) -> Result<()> {
    let on_it = |rows: &'_ [ClaimRow]| rows.iter().filter(|row| row.gateway == gateway).cloned().collect::<Vec<_>>();
    let (before, after) = (&on_it(before), &on_it(after));
    if of_listeners(before) == of_listeners(after) {
        return Ok(());
    }
    let hostnames = before.iter().chain(after).map(|row| protocol_and_hostname(&row.claim.listener).1);
    let (mut listeners, had_any) = with_hostnames(connection, gateway, &hostnames.collect()).await?;
    // 1. New ones are placed.
    let wanted: BTreeSet<_> = after.iter().map(|row| &row.claim.listener).collect();
    let new: BTreeSet<_> = wanted.iter().copied().filter(|key| !listeners.contains_key(*key)).cloned().collect();
    if !new.is_empty() {
        listeners.extend(place(connection, gateway, new, &listeners).await?);
    }
    let secured = listeners.keys().filter(|key| key.protocol == Protocol::Https).filter_map(|key| key.hostname.clone());
    let secured = secured.collect();
    // 2. Those that nobody uses any more go.
    let dropped: Vec<_> = before.iter().filter(|row| !wanted.contains(&row.claim.listener)).collect();
    sweep(connection, gateway, &dropped).await?;
    let has_any = !after.is_empty() || has_any(connection, gateway).await?;
    // 3. Who is woken.
    let claim = |row: &ClaimRow, set: Option<i64>| ListenerClaim {
        key: row.claim.listener.clone(),
        namespace: row.namespace.clone(),
        domain_name_definition_id: row.domain,
        listener_set_id: set,
    };
    let set_of = |row: &ClaimRow| listeners.get(&row.claim.listener).copied().flatten().map(|set| set.id);
    let change = ClaimsChange {
        before: before.iter().map(|row| claim(row, row.listener_set)).collect(),
        after: after.iter().map(|row| claim(row, set_of(row))).collect(),
        secured,
        first_or_last: had_any != has_any,
    };
    let wakes = change.wakes();
    let sets = wakes.sets.into_iter().map(|set| (Kind::ListenerSet, set));
    let woken: Vec<_> = sets.chain(wakes.gateway.then_some((Kind::SharedGateway, gateway))).collect();
    wake::each(connection, &woken, true).await
}

/// What listeners have from claims. Another path of a route is nothing to them.
fn of_listeners(rows: &[ClaimRow]) -> BTreeSet<(&ListenerKey, &str, Option<i64>)> {
    rows.iter().map(|row| (&row.claim.listener, row.namespace.as_str(), row.domain)).collect()
}

async fn has_any(connection: &mut PgConnection, gateway: i64) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM gateway_listeners WHERE shared_gateway_id = $1) AS "any!""#,
        gateway
    );
    Ok(found.fetch_one(connection).await?)
}

/// The listeners of a gateway with some hostnames (the empty one: without a hostname), and whether the gateway has any listener.
async fn with_hostnames(
    connection: &mut PgConnection,
    gateway: i64,
    hostnames: &BTreeSet<String>,
) -> Result<(Listeners, bool)> {
    let wanted: Vec<_> = hostnames.iter().cloned().collect();
    // One of any hostname is read with them: it says that there is one.
    let rows = sqlx::query!(
        r#"SELECT l.port AS "port!", l.protocol AS "protocol!", l.hostname AS "hostname!", s.id AS "set?", s.ordinal AS "ordinal?" FROM (
               SELECT * FROM gateway_listeners WHERE shared_gateway_id = $1 AND hostname = ANY($2)
               UNION ALL (SELECT * FROM gateway_listeners WHERE shared_gateway_id = $1 LIMIT 1)) l
           LEFT JOIN listener_sets s ON s.id = l.listener_set_id"#,
        gateway,
        &wanted
    )
    .fetch_all(connection)
    .await?;
    let had_any = !rows.is_empty();
    let asked = rows.into_iter().filter(|row| hostnames.contains(&row.hostname));
    let listener = asked.map(|row| {
        let set = row.set.zip(row.ordinal).map(|(id, ordinal)| ListenerSet { id, ordinal });
        Ok((listener_key(row.port, &row.protocol, row.hostname)?, set))
    });
    Ok((listener.collect::<Result<_>>()?, had_any))
}

/// Places new listeners and makes the ListenerSets that this takes. `beside`: the listeners that have their hostnames already.
async fn place(
    connection: &mut PgConnection,
    gateway: i64,
    new: BTreeSet<ListenerKey>,
    beside: &Listeners,
) -> Result<Listeners> {
    // Nearly always the last set has room, and with a thousand hostnames there are hundreds of them.
    let mut sets = sets(connection, gateway, Some(1)).await?;
    if !last_set_has_room(sets.first().map(|set| set.1), &new) {
        sets = self::sets(connection, gateway, None).await?;
    }
    let known = beside.iter().filter_map(|(key, set)| Some((key.hostname.clone()?, (*set)?)));
    let known: BTreeMap<String, ListenerSet> = known.collect();
    let all = sets.iter().map(|(set, _)| *set).chain(known.values().copied());
    let mut ids: BTreeMap<i32, i64> = all.map(|set| (set.ordinal, set.id)).collect();
    let placed = Placed {
        hostnames: known.into_iter().map(|(hostname, set)| (hostname, set.ordinal)).collect(),
        sets: sets.into_iter().map(|(set, listeners)| (set.ordinal, listeners)).collect(),
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
    insert(connection, gateway, &listeners).await?;
    Ok(listeners)
}

/// The live ListenerSets of a gateway with the number of their listeners, the last one first. With `most` only so many, and none that is empty.
async fn sets(connection: &mut PgConnection, gateway: i64, most: Option<i64>) -> Result<Vec<(ListenerSet, usize)>> {
    let rows = sqlx::query!(
        r#"SELECT s.id, s.ordinal, n.listeners AS "listeners!" FROM listener_sets s
               CROSS JOIN LATERAL (SELECT count(*) AS listeners FROM gateway_listeners l WHERE l.listener_set_id = s.id) n
           WHERE s.shared_gateway_id = $1 AND s.deleted_at IS NULL AND ($2::bigint IS NULL OR n.listeners > 0) ORDER BY s.ordinal DESC LIMIT $2"#,
        gateway,
        most
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

async fn insert(connection: &mut PgConnection, gateway: i64, listeners: &Listeners) -> Result<()> {
    let (protocols, hostnames): (Vec<_>, Vec<_>) = listeners.keys().map(protocol_and_hostname).unzip();
    let ports: Vec<_> = listeners.keys().map(|key| key.port).collect();
    let sets: Vec<_> = listeners.values().map(|set| set.map(|set| set.id)).collect();
    sqlx::query!(
        "INSERT INTO gateway_listeners (shared_gateway_id, port, protocol, hostname, listener_set_id)
         SELECT $1, * FROM unnest($2::int[], $3::text[], $4::text[], $5::bigint[])",
        gateway,
        &ports,
        &protocols,
        &hostnames,
        &sets as &[Option<i64>]
    )
    .execute(connection)
    .await?;
    Ok(())
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
