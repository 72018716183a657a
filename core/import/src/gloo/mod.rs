//! Gloo Edge: Gateways, VirtualServices, RouteTables and Upstreams of its own API.
//!
//! ```text
//! Gateways ─▶ gateways: ports, and which VirtualServices are on them ─┐
//! Upstreams ─▶ upstreams: the Service that each stands for ──────────┐│
//! VirtualServices, RouteTables ─▶ routes ─┬▶ matchers, actions, options ─▶ rules ─▶ write: gateway definitions
//!                                         └▶ delegated routes stand in the place of those that delegate
//! ```
//!
//! Gloo takes the first route that fits, and Gateway API the one that asks for the most. Where an earlier route takes all that a later one asks for, the later
//! one is left out, as it serves nothing.

mod actions;
mod delegate;
mod gateways;
mod matchers;
mod options;
mod routes;
mod tcp;
mod upstreams;
mod write;

use crate::{output::Output, source::Source};
use serde_json::Value;
use upstreams::Upstreams;

/// The objects of a stream, by kind.
#[derive(Default)]
pub(crate) struct Objects {
    pub(crate) gateways: Vec<Source>,
    pub(crate) virtual_services: Vec<Source>,
    pub(crate) route_tables: Vec<Source>,
    pub(crate) upstreams: Vec<Source>,
}

impl Objects {
    /// All of them.
    pub(crate) fn into_all(self) -> impl Iterator<Item = Source> {
        let Self { gateways, virtual_services, route_tables, upstreams } = self;
        gateways.into_iter().chain(virtual_services).chain(route_tables).chain(upstreams)
    }

    pub(crate) fn len(&self) -> usize {
        [&self.gateways, &self.virtual_services, &self.route_tables, &self.upstreams]
            .iter()
            .map(|list| list.len())
            .sum()
    }
}

/// Entries of a list that are looked at.
const MOST: usize = 256;

/// Writes the gateways of all VirtualServices and of the Gateways for TCP, and gives the objects back.
pub(crate) fn import(objects: Objects, output: &mut Output) -> Vec<Source> {
    let Objects { mut gateways, mut virtual_services, mut route_tables, upstreams } = objects;
    let mut upstreams = Upstreams::new(upstreams);
    let listeners = gateways::listeners(&mut gateways);
    for (source, tcp) in gateways.iter_mut().zip(&listeners) {
        if let gateways::Serves::Tcp = tcp.serves {
            tcp::import(source, tcp.port, &mut upstreams, output);
        }
    }
    let mut used = vec![false; route_tables.len()];
    for source in &mut virtual_services {
        let ports = gateways::ports(source, &listeners);
        let mut tables = routes::Tables { all: &mut route_tables, used: &mut used };
        write::virtual_service(source, &ports, &mut tables, &mut upstreams, output);
    }
    gateways::close(&mut gateways, &listeners, &virtual_services);
    for (table, _) in route_tables.iter_mut().zip(used).filter(|(_, used)| !used) {
        table.refuse("no VirtualService among the objects delegates to it, so it serves nothing");
    }
    let all = gateways.into_iter().chain(virtual_services).chain(route_tables);
    all.chain(upstreams.close()).collect()
}

/// A text, marked as taken however often it is asked for. What is no text stays, and is reported.
fn text(source: &mut Source, path: &str) -> Option<String> {
    let found = source.seen(path).as_str().map(str::to_owned);
    if found.is_some() {
        source.take(path);
    }
    found
}

/// A whole number, in the same way.
fn number(source: &mut Source, path: &str) -> Option<i64> {
    let found = source.seen(path).as_i64();
    if found.is_some() {
        source.take(path);
    }
    found
}

/// A flag, in the same way.
fn flag(source: &mut Source, path: &str) -> Option<bool> {
    let found = source.seen(path).as_bool();
    if found.is_some() {
        source.take(path);
    }
    found
}

/// The texts of a list. An entry that is none stays, and is reported.
fn texts(source: &mut Source, path: &str) -> Vec<String> {
    let count = source.entries(path, MOST);
    (0..count).filter_map(|index| text(source, &format!("{path}/{index}"))).collect()
}

/// A reference to an object: namespace and name. `usual` is the namespace where it names none.
fn reference(source: &mut Source, path: &str, usual: &str) -> Option<(String, String)> {
    let name = text(source, &format!("{path}/name"))?;
    let namespace = text(source, &format!("{path}/namespace")).filter(|text| !text.is_empty());
    Some((namespace.unwrap_or_else(|| usual.to_owned()), name))
}

/// Whether something is written at a path.
fn is_there(source: &Source, path: &str) -> bool {
    !matches!(source.seen(path), Value::Null)
}

#[cfg(test)]
mod tests;
