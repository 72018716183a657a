//! What gateway instances claim on the Gateways that carry them.
//!
//! A claim is unique over Gateway, bound port, protocol, hostname and path, and a port over Gateway, bound port and transport: constraints of the
//! tables. Which claims an instance has and what they exclude is said by `causeway_rules::{claims, conflicts}`; here they are read under locks and
//! written.

mod gateways;
mod listeners;
mod rows;

use super::wake;
use crate::{children, error::Result};
use causeway_records::{
    Kind, Record,
    inputs::{ListenerKey, Protocol},
    nouns::{DomainNameDefinition, GatewayDefinition, Placement},
    text::ObjectName,
};
use causeway_rules::{
    accounts,
    claims::{RouteClaim, check_count, claims_of},
    conflicts::{BoundPort, ClaimHolder, Occupied, place_claims},
    driver::{Driver, Socket},
    services,
};
use sqlx::{AssertSqlSafe, PgConnection};
use std::collections::BTreeSet;

/// A gateway definition, and what each of its instances claims.
pub(super) struct Source {
    definition: Record<GatewayDefinition>,
    pub(super) claims: Vec<RouteClaim>,
    /// The AWS account whose keys its certificates need in every cluster.
    account: Option<i64>,
}

impl Source {
    /// Reads a definition, its ports and its domain, shared until the transaction ends: who changes them waits, and then finds the instances of
    /// this transaction, or has written what is read here.
    pub(super) async fn read(connection: &mut PgConnection, definition: i64) -> Result<Self> {
        let mut definition: Record<GatewayDefinition> = rows::share(connection, definition).await?;
        let domain: Option<Record<DomainNameDefinition>> = match definition.spec.domain_name_definition_id {
            Some(id) => Some(rows::share(connection, id).await?),
            None => None,
        };
        children::read(connection, definition.id(), &mut definition.spec).await?;
        let domain = domain.as_ref().map(|domain| &domain.spec);
        let claims = claims_of(&definition.spec, domain.map(|domain| &domain.domain))?;
        let account = accounts::for_certificates(&claims, domain);
        Ok(Self { definition, claims, account })
    }

    pub(super) fn driver(&self) -> Driver {
        Driver::for_class(self.class())
    }

    fn class(&self) -> Option<&str> {
        self.definition.spec.gateway_class_name.as_ref().map(ObjectName::as_str)
    }
}

/// Refuses a port that is one too many for its definition, whose row is locked.
pub(super) async fn check_ports(connection: &mut PgConnection, definition: i64) -> Result<()> {
    let mut definition: Record<GatewayDefinition> = rows::share(connection, definition).await?;
    children::read(connection, definition.id(), &mut definition.spec).await?;
    Ok(check_count(&definition.spec)?)
}

/// The gateway definition that a record is part of, whether or not the record is still live. None: its kind is part of none.
pub(super) async fn definition_of_part(connection: &mut PgConnection, kind: Kind, id: i64) -> Result<Option<i64>> {
    let Some(field) = kind.info().part_of(Kind::GatewayDefinition) else { return Ok(None) };
    let text = format!("SELECT {} FROM {} WHERE id = $1", field.column, kind.info().table);
    Ok(Some(sqlx::query_scalar(AssertSqlSafe(text)).bind(id).fetch_one(connection).await?))
}

/// Replaces the claims of all instances of a definition, with what their clusters need for them. False: it has none.
pub(super) async fn replace_all(connection: &mut PgConnection, definition: i64) -> Result<bool> {
    let instances = sqlx::query_scalar!(
        "SELECT id FROM gateway_instances WHERE gateway_definition_id = $1 AND deleted_at IS NULL ORDER BY id",
        definition
    )
    .fetch_all(&mut *connection)
    .await?;
    if instances.is_empty() {
        return Ok(false);
    }
    let source = Source::read(connection, definition).await?;
    let needed: Vec<_> = services::for_claims(&source.claims).into_iter().collect();
    for instance in instances {
        if let Some(runtime) = replace(connection, &source, instance).await? {
            super::services::ensure(connection, runtime, &needed, None).await?;
        }
    }
    Ok(true)
}

/// Replaces what an instance claims. Answers its cluster; None: its row is going in this moment, and claims nothing any more.
///
/// # Errors
/// A claim that another instance holds is refused, and the holder named; and certificates whose keys may not get into the cluster.
pub(super) async fn replace(connection: &mut PgConnection, source: &Source, id: i64) -> Result<Option<i64>> {
    // 1. The instance, locked.
    let Some(instance) = rows::lock_instance(connection, id).await? else { return Ok(None) };
    super::accounts::check(connection, source.account, instance.runtime).await?;
    // 2. The Gateways that it shares with others, the one that carries it until now and the one that will: one transaction at a time claims routes
    // on a Gateway.
    let mut locked = gateways::lock_all_of(connection, id).await?;
    let shared = match source.definition.spec.placement() {
        Placement::Shared => Some(gateways::ensure(connection, instance.runtime, source.class()).await?),
        Placement::Dedicated => None,
    };
    locked.extend(shared);
    let gateway = shared.unwrap_or(id);
    // 3. Its old claims go, so that they are not in its own way, and the ports that nobody else uses, which may speak another protocol from now on.
    let before = rows::drop_claims(connection, id).await?;
    // 4. The rule.
    let occupied = match shared {
        Some(gateway) => occupied(connection, gateway, source).await?,
        None => Occupied::default(),
    };
    let holder = ClaimHolder { id, name: instance.name.clone() };
    let mut ports = place_claims(source.driver(), &occupied, &holder, &source.claims)?;
    if shared.is_some() {
        let (socket, port) = plain_http(source.driver());
        ports.entry(socket).or_insert(port);
    }
    // 5. The new claims.
    rows::insert_ports(connection, gateway, &ports).await?;
    let after = rows::claims_in(source, &instance, gateway);
    rows::insert_claims(connection, id, &after).await?;
    // 6. Listeners of shared gateways, and who is woken because of them.
    for shared in locked {
        listeners::follow(connection, shared, &before, &after).await?;
    }
    Ok(Some(instance.runtime))
}

/// Drops all that an instance claims: it goes.
pub(super) async fn release(connection: &mut PgConnection, id: i64) -> Result<()> {
    let locked = gateways::lock_all_of(connection, id).await?;
    let before = rows::drop_claims(connection, id).await?;
    for shared in locked {
        listeners::follow(connection, shared, &before, &[]).await?;
    }
    Ok(())
}

/// The ports of a Gateway that the claims are on, and the claims of others that may exclude them.
async fn occupied(connection: &mut PgConnection, gateway: i64, source: &Source) -> Result<Occupied> {
    let driver = source.driver();
    let numbers: BTreeSet<_> = source.claims.iter().map(|claim| driver.bound_port(claim.listener.port)).collect();
    let mut ports = rows::bound_ports(connection, gateway, &numbers).await?;
    let (socket, port) = plain_http(driver);
    ports.entry(socket).or_insert(port);
    let claims = rows::held_claims(connection, gateway, driver, &source.claims).await?;
    Ok(Occupied { ports, claims })
}

/// A shared Gateway always has a listener for plain HTTP on port 80: its own.
fn plain_http(driver: Driver) -> (Socket, BoundPort) {
    let listener = ListenerKey { port: 80, protocol: Protocol::Http, hostname: None };
    let port = BoundPort { port: listener.port, protocol: listener.protocol, holder: None };
    (driver.socket(&listener), port)
}
