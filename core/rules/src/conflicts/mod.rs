//! What excludes what on one Gateway: a port speaks one protocol of each transport, and a route belongs to one gateway instance.
//!
//! HTTPS and TLS can share a port: Gateway API tells their listeners apart by hostname, so a hostname of such a port is one of them.
//!
//! A UDP listener can be beside a listener of any other protocol on the same port: Gateway API asks for listeners that differ in port, protocol or
//! hostname, and a proxy binds sockets of TCP and of UDP independently.

use crate::{
    claims::RouteClaim,
    driver::{Driver, Socket},
};
use causeway_records::{
    inputs::Protocol,
    problem::{Reason, Refusal},
};
use std::{collections::BTreeMap, fmt};

/// A gateway instance that claims routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimHolder {
    pub id: i64,
    pub name: String,
}

impl fmt::Display for ClaimHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gateway instance {}", self.name)
    }
}

/// A port that the proxy of a Gateway binds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundPort {
    /// The listeners' port.
    pub port: i32,
    /// The protocol of a listener on it; those of all others begin alike, see [`Protocol::on_port`].
    pub protocol: Protocol,
    /// The first that uses it; None: it belongs to the Gateway itself.
    pub holder: Option<ClaimHolder>,
}

/// What is on a Gateway already, beside those whose claims are looked at.
#[derive(Clone, Debug, Default)]
pub struct Occupied {
    /// The ports, by what the proxy binds for them.
    pub ports: BTreeMap<Socket, BoundPort>,
    /// Claims with their holders; those of the same listeners are enough.
    pub claims: Vec<(RouteClaim, ClaimHolder)>,
}

/// The ports that a gateway instance adds to a Gateway, by what the proxy binds for them.
///
/// # Errors
/// Refuses claims that can't be beside what is there, or beside each other, and names the holder.
pub fn place_claims(
    driver: Driver,
    occupied: &Occupied,
    instance: &ClaimHolder,
    claims: &[RouteClaim],
) -> Result<BTreeMap<Socket, BoundPort>, Refusal> {
    let mut added: BTreeMap<Socket, BoundPort> = BTreeMap::new();
    let mut placed: Vec<&RouteClaim> = vec![];
    for claim in claims {
        let (port, protocol) = (claim.listener.port, claim.listener.protocol);
        let socket = driver.socket(&claim.listener);
        match occupied.ports.get(&socket).or_else(|| added.get(&socket)) {
            Some(there) if there.port != port || there.protocol.on_port() != protocol.on_port() => {
                return Err(port_taken(claim, there, socket.bound_port));
            }
            Some(_) => {}
            None => {
                let holder = Some(instance.clone());
                added.insert(socket, BoundPort { port, protocol, holder });
            }
        }
        let held = occupied.claims.iter().map(|(other, holder)| (other, holder));
        let mut all = held.chain(placed.iter().map(|other| (*other, instance)));
        if let Some((other, holder)) = all.find(|(other, _)| exclude(other, claim)) {
            return Err(route_taken(claim, other, holder));
        }
        placed.push(claim);
    }
    Ok(added)
}

/// Whether two claims are for the same requests, of two kinds of route or with two certificates for one listener, or for one hostname in TLS that would be
/// treated in two ways.
fn exclude(one: &RouteClaim, other: &RouteClaim) -> bool {
    if one.listener == other.listener {
        let same = one.requests == other.requests && !(one.redirect && other.redirect);
        return same || one.grpc != other.grpc || one.tls_secret != other.tls_secret;
    }
    let (one, other) = (&one.listener, &other.listener);
    one.protocol.is_tls() && other.protocol.is_tls() && one.port == other.port && one.hostname == other.hostname
}

fn route_taken(claim: &RouteClaim, other: &RouteClaim, holder: &ClaimHolder) -> Refusal {
    let id = holder.id;
    let (ours, theirs) = (claim.listener.protocol, other.listener.protocol);
    let why = if ours != theirs {
        format!("a hostname of a port is either {theirs} or {ours}; take another port")
    } else if claim.grpc != other.grpc {
        "Gateway API takes routes of HTTP or of gRPC for a hostname of a port, not both; take another hostname or port"
            .to_owned()
    } else if claim.listener == other.listener && claim.tls_secret != other.tls_secret {
        format!(
            "a hostname of a port has one certificate, and {holder} has {}; say the same about TLSSecretName, or take another hostname or port",
            certificate(other)
        )
    } else {
        return Refusal::new(Reason::RouteTaken, format!("{claim} is already held by {holder} (id {id})"));
    };
    Refusal::new(
        Reason::RouteTaken,
        format!("{claim} can't stand beside {other}, which {holder} (id {id}) holds: {why}"),
    )
}

fn certificate(claim: &RouteClaim) -> String {
    claim
        .tls_secret
        .as_ref()
        .map_or_else(|| "one that is ordered".to_owned(), |secret| format!("that of Secret {secret}"))
}

fn port_taken(claim: &RouteClaim, there: &BoundPort, number: i32) -> Refusal {
    let holder = there.holder.as_ref().map_or_else(|| "the shared gateway itself".to_owned(), ToString::to_string);
    let both =
        if there.port == claim.listener.port { String::new() } else { format!(" (the proxy binds both to {number})") };
    let sentence = format!(
        "{} port {} can't stand beside {} port {} of {holder} on one Gateway{both}; take another port, or Placement Dedicated",
        claim.listener.protocol, claim.listener.port, there.protocol, there.port,
    );
    Refusal::new(Reason::PortTaken, sentence)
}

#[cfg(test)]
mod tests;
