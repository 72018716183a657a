//! What gateway instances claim on the Gateways that carry them.
//!
//! A claim is unique over Gateway, bound port, protocol, hostname and path, and a port over Gateway, bound port and transport: constraints of the
//! tables. Which claims an instance has and what they exclude is said by `causeway_rules::{claims, conflicts}`; here they are read under locks and
//! written.

mod gateways;
mod instances;
mod listeners;
mod neighbours;
mod rows;
mod source;

pub(super) use self::{
    instances::Instance,
    source::{Claims, Source},
};

use self::{neighbours::Neighbours, rows::ClaimRow};
use crate::error::Result;
use causeway_records::{
    Kind,
    inputs::{ListenerKey, Protocol},
    nouns::Placement,
    text::ObjectName,
};
use causeway_rules::{
    conflicts::{BoundPort, ClaimHolder, Occupied, place_claims},
    driver::{Driver, Socket},
};
use sqlx::{AssertSqlSafe, PgConnection};
use std::collections::BTreeMap;

/// The gateway definition that a record is part of, whether or not the record is still live.
pub(super) async fn definition_of_part(connection: &mut PgConnection, kind: Kind, id: i64) -> Result<Option<i64>> {
    let Some(field) = kind.info().part_of(Kind::GatewayDefinition) else { return Ok(None) };
    let text = format!("SELECT {} FROM {} WHERE id = $1", field.column, kind.info().table);
    Ok(Some(sqlx::query_scalar(AssertSqlSafe(text)).bind(id).fetch_one(connection).await?))
}

/// Replaces what an instance claims, and answers who is to be woken because of listeners. A new one claims nothing yet.
///
/// # Errors
/// A claim that another instance holds is refused, and the holder named.
pub(super) async fn replace(
    connection: &mut PgConnection,
    claims: &Claims,
    instance: &Instance,
    is_new: bool,
) -> Result<Vec<(Kind, i64)>> {
    // 1. The Gateways that it shares with others, the one that carries it until now and the one that will: one transaction at a time claims routes
    // on a Gateway.
    let wanted = match claims.placement {
        Placement::Shared => Some((instance.runtime, claims.class.as_ref().map(ObjectName::as_str))),
        Placement::Dedicated => None,
    };
    let locked = gateways::lock(connection, instance.id, wanted).await?;
    let gateway = locked.wanted.unwrap_or(instance.id);
    // 2. Its old claims go, so that they are not in its own way, and the ports that nobody else uses, which may speak another protocol from now on.
    let before = if is_new { vec![] } else { rows::drop_claims(connection, instance.id).await? };
    let after = rows::claims_of(claims, instance, gateway);
    // 3. What is there beside it.
    let mut all = BTreeMap::new();
    for shared in locked.all {
        all.insert(shared, Neighbours::read(connection, shared, &before, &after).await?);
    }
    // 4. The rules: which ports it takes there, and in which sets its listeners are.
    let holder = ClaimHolder { id: instance.id, name: instance.name.clone() };
    let place = |occupied: &Occupied| place_claims(claims.driver, occupied, &holder, &claims.routes);
    let (ports, new) = match all.get_mut(&gateway) {
        Some(neighbours) => {
            let (socket, port) = plain_http(claims.driver);
            neighbours.occupied.ports.entry(socket).or_insert_with(|| port.clone());
            let mut ports = place(&neighbours.occupied)?;
            ports.entry(socket).or_insert(port);
            let new = listeners::place(connection, gateway, neighbours, &claims.routes).await?;
            neighbours.listeners.extend(new.clone());
            (ports, new)
        }
        None => (place(&Occupied::default())?, BTreeMap::new()),
    };
    // 5. The new claims and listeners.
    rows::insert(connection, rows::On { gateway, instance, domain: claims.domain }, &ports, &after, &new).await?;
    // 6. Listeners that nobody uses any more go.
    follow(connection, &all, &before, &after).await
}

/// Drops all that an instance claims, because it goes, and answers who is to be woken.
pub(super) async fn release(connection: &mut PgConnection, id: i64) -> Result<Vec<(Kind, i64)>> {
    let locked = gateways::lock(connection, id, None).await?;
    let before = rows::drop_claims(connection, id).await?;
    let mut all = BTreeMap::new();
    for shared in locked.all {
        all.insert(shared, Neighbours::read(connection, shared, &before, &[]).await?);
    }
    follow(connection, &all, &before, &[]).await
}

async fn follow(
    connection: &mut PgConnection,
    shared: &BTreeMap<i64, Neighbours>,
    before: &[ClaimRow],
    after: &[ClaimRow],
) -> Result<Vec<(Kind, i64)>> {
    let mut woken = vec![];
    for (gateway, neighbours) in shared {
        woken.extend(listeners::follow(connection, *gateway, neighbours, before, after).await?);
    }
    Ok(woken)
}

/// A shared Gateway always has a listener for plain HTTP on port 80: its own.
fn plain_http(driver: Driver) -> (Socket, BoundPort) {
    let listener = ListenerKey { port: 80, protocol: Protocol::Http, hostname: None };
    let port = BoundPort { port: listener.port, protocol: listener.protocol, holder: None };
    (driver.socket(&listener), port)
}
