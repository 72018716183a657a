//! Who loses requests to claims that come, or gets back those of claims that go: such gateway instances are woken, because their conditions tell it.
//!
//! What others claim at the same listeners is read along with the neighbours, and the gateway is locked anyway.

use super::{
    neighbours::Neighbours,
    rows::{ClaimRow, protocol_and_hostname},
};
use causeway_records::Kind;
use causeway_rules::{claims::RouteClaim, driver::Driver, shadows::losers};
use std::collections::BTreeSet;

/// Those who are woken by one write at most. Others are told by their next reconcile.
const WOKEN: usize = 64;

/// The claims on one gateway that come or go. Two that differ only in where routes are say the same.
pub(super) fn changed<'r>(gateway: i64, before: &'r [ClaimRow], after: &'r [ClaimRow]) -> Vec<&'r ClaimRow> {
    let on = |rows: &'r [ClaimRow]| rows.iter().filter(move |row| row.gateway == gateway);
    let claims = |rows: &'r [ClaimRow]| on(rows).map(|row| &row.claim).collect::<BTreeSet<&RouteClaim>>();
    let (old, new) = (claims(before), claims(after));
    let gone = on(before).filter(|row| !new.contains(&row.claim));
    gone.chain(on(after).filter(|row| !old.contains(&row.claim))).collect()
}

/// The listeners of claims that are about requests, each once, as columns: bound port, protocol, hostname.
pub(super) fn listeners_of(claims: &[&ClaimRow]) -> (Vec<i32>, Vec<String>, Vec<String>) {
    let with_requests = claims.iter().filter(|row| row.claim.listener.protocol.has_requests());
    let each: BTreeSet<_> =
        with_requests.map(|row| (row.bound_port, protocol_and_hostname(&row.claim.listener))).collect();
    let mut columns = (vec![], vec![], vec![]);
    for (bound_port, (protocol, hostname)) in each {
        columns.0.push(bound_port);
        columns.1.push(protocol);
        columns.2.push(hostname);
    }
    columns
}

/// Who is to be woken because of what changes on a gateway.
pub(super) fn woken(driver: Driver, neighbours: &Neighbours<'_>) -> Vec<(Kind, i64)> {
    if neighbours.beside.is_empty() {
        return vec![];
    }
    let changed = neighbours.changed.iter().map(|row| &row.claim);
    let losers = losers(driver, changed, &neighbours.beside).into_iter();
    losers.take(WOKEN).map(|instance| (Kind::GatewayInstance, instance)).collect()
}
