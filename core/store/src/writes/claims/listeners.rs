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
use causeway_rules::listeners::{ClaimsChange, ListenerClaim, ListenerPlace, Placed, place_listeners};
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};

/// Listeners with the ListenerSet that each is in; None: on the Gateway itself.
type Listeners = BTreeMap<ListenerKey, Option<i64>>;

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
    let hostnames = before.iter().chain(after).map(|row| protocol_and_hostname(&row.claim.listener).1);
    let hostnames: BTreeSet<_> = hostnames.collect();
    let mut listeners = with_hostnames(connection, gateway, &hostnames).await?;
    let had_any = !listeners.is_empty() || has_any(connection, gateway).await?;
    // 1. New ones are placed.
    let wanted: BTreeSet<_> = after.iter().map(|row| &row.claim.listener).collect();
    let new: BTreeSet<_> = wanted.iter().copied().filter(|key| !listeners.contains_key(*key)).cloned().collect();
    if !new.is_empty() {
        listeners.extend(place(connection, gateway, new, &listeners).await?);
    }
    let secured = listeners.keys().filter(|key| key.protocol == Protocol::Https).filter_map(|key| key.hostname.clone());
    let secured = secured.collect();
    // 2. Those that nobody uses any more go.
    sweep(connection, gateway, before).await?;
    let has_any = !after.is_empty() || has_any(connection, gateway).await?;
    // 3. Who is woken.
    let claim = |row: &ClaimRow, set: Option<i64>| ListenerClaim {
        key: row.claim.listener.clone(),
        namespace: row.namespace.clone(),
        domain_name_definition_id: row.domain,
        listener_set_id: set,
    };
    let change = ClaimsChange {
        before: before.iter().map(|row| claim(row, row.listener_set)).collect(),
        after: after.iter().map(|row| claim(row, listeners.get(&row.claim.listener).copied().flatten())).collect(),
        secured,
        first_or_last: had_any != has_any,
    };
    let wakes = change.wakes();
    for set in wakes.sets {
        wake::record(connection, Kind::ListenerSet, set, true).await?;
    }
    if wakes.gateway {
        wake::record(connection, Kind::SharedGateway, gateway, true).await?;
    }
    Ok(())
}

async fn has_any(connection: &mut PgConnection, gateway: i64) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM gateway_listeners WHERE shared_gateway_id = $1) AS "any!""#,
        gateway
    );
    Ok(found.fetch_one(connection).await?)
}

/// The listeners of a gateway with some hostnames; the empty one: without a hostname.
async fn with_hostnames(
    connection: &mut PgConnection,
    gateway: i64,
    hostnames: &BTreeSet<String>,
) -> Result<Listeners> {
    let hostnames: Vec<_> = hostnames.iter().cloned().collect();
    let rows = sqlx::query!(
        "SELECT port, protocol, hostname, listener_set_id FROM gateway_listeners WHERE shared_gateway_id = $1 AND hostname = ANY($2)",
        gateway,
        &hostnames
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| Ok((listener_key(row.port, &row.protocol, row.hostname)?, row.listener_set_id)))
        .collect()
}

/// Places new listeners and makes the ListenerSets that this takes. `beside`: the listeners that have their hostnames already.
async fn place(
    connection: &mut PgConnection,
    gateway: i64,
    new: BTreeSet<ListenerKey>,
    beside: &Listeners,
) -> Result<Listeners> {
    let sets = sqlx::query!(
        r#"SELECT s.id, s.ordinal, (SELECT count(*) FROM gateway_listeners l WHERE l.listener_set_id = s.id) AS "listeners!"
           FROM listener_sets s WHERE s.shared_gateway_id = $1 AND s.deleted_at IS NULL"#,
        gateway
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut ids: BTreeMap<i32, i64> = sets.iter().map(|set| (set.ordinal, set.id)).collect();
    let ordinals: BTreeMap<i64, i32> = sets.iter().map(|set| (set.id, set.ordinal)).collect();
    let hostnames = beside.iter().filter_map(|(key, set)| Some((key.hostname.clone()?, *ordinals.get(&(*set)?)?)));
    let placed = Placed {
        hostnames: hostnames.collect(),
        sets: sets.iter().map(|set| (set.ordinal, usize::try_from(set.listeners).unwrap_or(usize::MAX))).collect(),
    };
    let mut listeners = Listeners::new();
    for (key, place) in place_listeners(new, placed) {
        let set = match place {
            ListenerPlace::Gateway => None,
            ListenerPlace::Set(ordinal) => Some(match ids.get(&ordinal) {
                Some(id) => *id,
                None => {
                    let id = make_set(connection, gateway, ordinal).await?;
                    *ids.entry(ordinal).or_insert(id)
                }
            }),
        };
        listeners.insert(key, set);
    }
    insert(connection, gateway, &listeners).await?;
    Ok(listeners)
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
    let sets: Vec<_> = listeners.values().copied().collect();
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
async fn sweep(connection: &mut PgConnection, gateway: i64, dropped: &[ClaimRow]) -> Result<()> {
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
