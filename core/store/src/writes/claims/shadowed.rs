//! Who loses requests to claims that come, or gets back those of claims that go: such gateway instances are woken, because their conditions tell it.
//!
//! What others claim at the same listeners is read along with the neighbours, and the gateway is locked anyway.

use super::neighbours::Neighbours;
use causeway_records::Kind;
use causeway_rules::{driver::Driver, shadows::losers};

/// Those who are woken by one write at most. Others are told by their next reconcile.
const WOKEN: usize = 64;

/// Who is to be woken because of what changes on a gateway.
pub(super) fn woken(driver: Driver, neighbours: &Neighbours<'_>) -> Vec<(Kind, i64)> {
    if neighbours.beside.is_empty() {
        return vec![];
    }
    let changed = neighbours.changed.iter().map(|row| &row.claim);
    let losers = losers(driver, changed, &neighbours.beside).into_iter();
    losers.take(WOKEN).map(|instance| (Kind::GatewayInstance, instance)).collect()
}
