//! What gateway instances claim on the Gateways that carry them.
//!
//! A claim is unique over Gateway, bound port, protocol, hostname and path, and a port over Gateway, bound port and transport: constraints of the
//! tables. Which claims an instance has and what they exclude is said by `causeway_rules::{claims, conflicts}`; here they are read under locks and
//! written.

mod gateways;
mod instances;
mod listeners;
mod rows;
mod source;

pub(super) use self::{
    instances::Instance,
    source::{Claims, Source},
};

use super::wake;
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
use std::collections::BTreeSet;

/// The gateway definition that a record is part of, whether or not the record is still live.
pub(super) async fn definition_of_part(connection: &mut PgConnection, kind: Kind, id: i64) -> Result<Option<i64>> {
    let Some(field) = kind.info().part_of(Kind::GatewayDefinition) else { return Ok(None) };
    let text = format!("SELECT {} FROM {} WHERE id = $1", field.column, kind.info().table);
    Ok(Some(sqlx::query_scalar(AssertSqlSafe(text)).bind(id).fetch_one(connection).await?))
}

/// Replaces what an instance claims. A new one claims nothing yet.
///
/// # Errors
/// A claim that another instance holds is refused, and the holder named.
pub(super) async fn replace(
    connection: &mut PgConnection,
    claims: &Claims,
    instance: &Instance,
    is_new: bool,
) -> Result<()> {
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
    // 3. The rule.
    let occupied = match locked.wanted {
        Some(gateway) => occupied(connection, gateway, claims).await?,
        None => Occupied::default(),
    };
    let holder = ClaimHolder { id: instance.id, name: instance.name.clone() };
    let mut ports = place_claims(claims.driver, &occupied, &holder, &claims.routes)?;
    if locked.wanted.is_some() {
        let (socket, port) = plain_http(claims.driver);
        ports.entry(socket).or_insert(port);
    }
    // 4. The new claims.
    let after = rows::claims_of(claims, instance, gateway);
    rows::insert(connection, rows::On { gateway, instance, domain: claims.domain }, &ports, &after).await?;
    // 5. Listeners of shared gateways, and who is woken because of them.
    for shared in locked.all {
        listeners::follow(connection, shared, &before, &after).await?;
    }
    Ok(())
}

/// Drops all that an instance claims: it goes.
pub(super) async fn release(connection: &mut PgConnection, id: i64) -> Result<()> {
    let locked = gateways::lock(connection, id, None).await?;
    let before = rows::drop_claims(connection, id).await?;
    for shared in locked.all {
        listeners::follow(connection, shared, &before, &[]).await?;
    }
    Ok(())
}

/// The ports of a Gateway that the claims are on, and the claims of others that may exclude them.
async fn occupied(connection: &mut PgConnection, gateway: i64, claims: &Claims) -> Result<Occupied> {
    let driver = claims.driver;
    let numbers: BTreeSet<_> = claims.routes.iter().map(|claim| driver.bound_port(claim.listener.port)).collect();
    let mut ports = rows::bound_ports(connection, gateway, &numbers).await?;
    let (socket, port) = plain_http(driver);
    ports.entry(socket).or_insert(port);
    let claims = rows::held_claims(connection, gateway, driver, &claims.routes).await?;
    Ok(Occupied { ports, claims })
}

/// A shared Gateway always has a listener for plain HTTP on port 80: its own.
fn plain_http(driver: Driver) -> (Socket, BoundPort) {
    let listener = ListenerKey { port: 80, protocol: Protocol::Http, hostname: None };
    let port = BoundPort { port: listener.port, protocol: listener.protocol, holder: None };
    (driver.socket(&listener), port)
}
