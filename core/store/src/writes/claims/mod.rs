//! What gateway instances claim on the Gateways that carry them.
//!
//! A claim is unique over Gateway, bound port, protocol, hostname and match, and a port over Gateway, bound port and transport: constraints of the
//! tables. Which claims an instance has and what they exclude is said by `causeway_rules::{claims, conflicts}`; here they are read under locks and
//! written.

mod gateways;
mod instances;
mod listeners;
mod neighbours;
mod rows;
mod shadowed;
mod source;

pub(super) use self::{
    gateways::on_common,
    instances::Instance,
    source::{Claims, Source},
};

use self::{
    gateways::{Concerned, Locked},
    neighbours::Neighbours,
    rows::{ClaimRow, Listeners},
};
use super::{attachment, wake::Woken};
use crate::{error::Result, gateway_facts::ClassSeen};
use causeway_records::{
    Kind,
    inputs::{ListenerKey, Protocol},
    nouns::Placement,
    text::ObjectName,
};
use causeway_rules::{
    capabilities::Capabilities,
    conflicts::{BoundPort, ClaimHolder, Occupied, place_claims},
    driver::{Driver, Socket},
    parents,
};
use sqlx::{AssertSqlSafe, PgConnection};
use std::collections::{BTreeMap, BTreeSet};

/// The gateway definition that a record is part of, whether or not the record is still live.
pub(super) async fn definition_of_part(connection: &mut PgConnection, kind: Kind, id: i64) -> Result<Option<i64>> {
    let Some(field) = kind.info().part_of(Kind::GatewayDefinition) else { return Ok(None) };
    let text = format!("SELECT {} FROM {} WHERE id = $1", field.column, kind.info().table);
    Ok(Some(sqlx::query_scalar(AssertSqlSafe(text)).bind(id).fetch_one(connection).await?))
}

/// Replaces what instances of one definition claim, and answers who is to be woken by that. New ones claim nothing yet. `seen`: what each of
/// their clusters says of the definition's class.
///
/// # Errors
/// A claim that another instance holds is refused, and the holder named; and what a cluster can't do.
pub(super) async fn replace(
    connection: &mut PgConnection,
    claims: &Claims,
    instances: &[Instance],
    seen: &BTreeMap<i64, ClassSeen>,
    are_new: bool,
) -> Result<Woken> {
    for cluster in seen.values() {
        claims.capabilities(cluster).check(&claims.needs, &cluster.cluster)?;
    }
    let ids: Vec<_> = instances.iter().map(|instance| instance.id).collect();
    // 1. The Gateways that they share with others, those that carry them until now and those that will: one transaction at a time claims routes
    // on a Gateway.
    let named: BTreeSet<i64> = instances.iter().filter_map(|instance| instance.shared_gateway).collect();
    let common = instances.iter().filter(|instance| instance.shared_gateway.is_none());
    let common = common.filter(|_| claims.placement == Placement::Shared).map(|instance| instance.runtime);
    let runtimes: Vec<i64> = common.collect::<BTreeSet<_>>().into_iter().collect();
    let concerned = Concerned {
        instances: &ids,
        named: &named.iter().copied().collect::<Vec<_>>(),
        runtimes: &runtimes,
        class: claims.class.as_ref().map(ObjectName::as_str),
    };
    let locked = gateways::lock(connection, concerned).await?;
    attachment::check_listeners(connection, &named, claims).await?;
    let gateway_of = |instance: &Instance| {
        let common = || locked.wanted.get(&instance.runtime).copied();
        instance.shared_gateway.or_else(common).unwrap_or(instance.id)
    };
    // 2. Their old claims go, so that they are not in their own way, and the ports that nobody else uses, which may speak another protocol from
    // now on.
    let before = if are_new { vec![] } else { rows::drop_claims(connection, &ids).await? };
    let after: Vec<_> =
        instances.iter().flat_map(|instance| rows::claims_of(claims, instance, gateway_of(instance))).collect();
    // 3. What is there beside them.
    let mut all = BTreeMap::new();
    for shared in locked.all.keys() {
        all.insert(*shared, Neighbours::read(connection, *shared, &before, &after).await?);
    }
    // 4. The rules: which ports they take there, and in which sets their listeners are.
    let mut new = rows::New { claims: &after, ports: vec![], listeners: vec![] };
    for instance in instances {
        let (holder, gateway) = (ClaimHolder { id: instance.id, name: instance.name.clone() }, gateway_of(instance));
        let place = |occupied: &Occupied| place_claims(claims.driver, occupied, &holder, &claims.routes);
        let Some(neighbours) = all.get_mut(&gateway) else {
            new.ports.push((gateway, place(&Occupied::default())?));
            continue;
        };
        if named.contains(&gateway) {
            // Its listeners are those of its record.
            let ports = place(&neighbours.occupied)?;
            neighbours.add(&holder, &claims.routes, &ports, &Listeners::new());
            new.ports.push((gateway, ports));
            continue;
        }
        let was_there = || before.iter().any(|row| (row.gateway, row.instance) == (gateway, instance.id));
        if neighbours.is_going && !was_there() {
            return Err(parents::common_gateway_being_deleted(gateway).into());
        }
        let (socket, port) = plain_http(claims.driver);
        neighbours.occupied.ports.entry(socket).or_insert_with(|| port.clone());
        let mut ports = place(&neighbours.occupied)?;
        ports.entry(socket).or_insert(port);
        let takes_sets =
            seen.get(&instance.runtime).is_some_and(|cluster| claims.capabilities(cluster).has_listener_sets());
        let listeners = listeners::place(connection, gateway, neighbours, claims, takes_sets).await?;
        neighbours.add(&holder, &claims.routes, &ports, &listeners);
        new.ports.push((gateway, ports));
        new.listeners.push((gateway, listeners));
    }
    // 5. The new claims and listeners.
    rows::insert(connection, new).await?;
    // 6. Listeners that nobody uses any more go, and who loses requests is told.
    follow(connection, &locked, &all, (&before, &after)).await
}

/// Drops all that an instance claims, because it goes, and answers who is to be woken.
pub(super) async fn release(connection: &mut PgConnection, id: i64) -> Result<Woken> {
    let locked = gateways::lock(connection, Concerned { instances: &[id], ..Concerned::default() }).await?;
    let before = rows::drop_claims(connection, &[id]).await?;
    let mut all = BTreeMap::new();
    for shared in locked.all.keys() {
        all.insert(*shared, Neighbours::read(connection, *shared, &before, &[]).await?);
    }
    follow(connection, &locked, &all, (&before, &[])).await
}

async fn follow(
    connection: &mut PgConnection,
    locked: &Locked,
    shared: &BTreeMap<i64, Neighbours<'_>>,
    (before, after): (&[ClaimRow], &[ClaimRow]),
) -> Result<Woken> {
    let mut woken = Woken::default();
    for (gateway, driver) in &locked.all {
        let Some(neighbours) = shared.get(gateway) else { continue };
        woken.told.extend(shadowed::woken(*driver, neighbours));
        woken.asked.extend(listeners::follow(connection, *gateway, neighbours, before, after).await?);
    }
    Ok(woken)
}

impl Claims {
    /// What the Gateways of the definition's class can carry in a cluster.
    fn capabilities<'s>(&'s self, cluster: &'s ClassSeen) -> Capabilities<'s> {
        Capabilities::new(self.class.as_ref().map(ObjectName::as_str), &cluster.known)
    }
}

/// A shared Gateway always has a listener for plain HTTP on port 80: its own.
fn plain_http(driver: Driver) -> (Socket, BoundPort) {
    let listener = ListenerKey { port: 80, protocol: Protocol::Http, hostname: None };
    let port = BoundPort { port: listener.port, protocol: listener.protocol, holder: None };
    (driver.socket(&listener), port)
}
