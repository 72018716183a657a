//! A domain name instance while its cluster can't be reached. Where the workers write the records themselves, they go on: what has to leave a zone leaves it,
//! and a weight is changed, so that a cluster that is down is taken out by one call. Where the records lead stays as it is read in the zone.
//!
//! external-dns may still run in such a cluster, and would write again what its objects there say: as long as it has some, the zone is left to it.

use super::{
    super::{Interrupted, Turn, delete},
    conclude, decrypt, look, refused, release,
    work::without_cluster as work,
    zone,
};
use causeway_records::{nouns::DnsDriver, status::NewCondition};
use causeway_render::{
    conditions::{self, DNS_PUBLISHED},
    hostnames,
};
use causeway_store::queue::Outcome;

/// `outcome` says why the cluster can't be reached, and when to try again; `forced`: a deletion doesn't wait for that.
pub(crate) async fn without_cluster(
    turn: Turn<'_>,
    mut outcome: Outcome,
    forced: bool,
) -> Result<Outcome, Interrupted> {
    let Turn { context, session, claimed } = turn;
    // 1. Read (needs Postgres), decrypt (pure).
    let mut inputs = context.store.domain_name_inputs(claimed.key.id).await?;
    let known = release(turn, &mut inputs).await?;
    if inputs.definition.spec.dns_driver() != DnsDriver::Route53 || !claimed.inventory.is_empty() {
        if claimed.being_deleted && forced {
            return delete::confirm(context, claimed).await;
        }
        session.status_reported(&claimed.key);
        outcome.conditions.extend(conditions::drained_by_cluster_alone(&inputs, claimed.now()));
        return Ok(outcome);
    }
    session.await_return(&claimed.key);
    if let Err(sentence) = decrypt(context, &mut inputs) {
        return Ok(outcome.then(NewCondition::not_met(DNS_PUBLISHED, "Invalid", sentence)));
    }
    if let Some(refused) = refused(turn, &inputs) {
        return Ok(outcome.then(refused));
    }
    // 2. Read the zones and change them (needs Route 53).
    let decided = claimed.now();
    let leaving = hostnames::leaving(&inputs, decided);
    let mut zones = zone::read_and_change(turn, &inputs, work(&inputs, &leaving)).await?;
    if claimed.brake_released {
        zones.give_up(&mut inputs.published);
    }
    // 3. What is published now (pure). Nothing of it is in the cluster.
    let schedule = look(&mut inputs, &zones, &leaving, (decided, claimed.now()));
    if claimed.being_deleted && schedule.clean {
        return delete::confirm(context, claimed).await;
    }
    // 4. Conditions, and whom to wake (pure).
    let conditions = conditions::published_before(&inputs);
    conclude(turn, &inputs, &known, &zones, schedule, (outcome, conditions)).await
}
