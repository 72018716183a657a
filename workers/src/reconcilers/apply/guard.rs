//! The brake: many objects of a record are not deleted at once without a person's word. Pure.

use causeway_records::{
    Kind,
    inventory::{InventoryEntry, ObjectRef},
};
use causeway_render::plan::Plan;
use causeway_store::queue::Claimed;
use std::collections::HashSet;

/// How many names the sentence lists.
const NAMED: usize = 10;

/// Why these objects, of `all` that the record has, are not deleted now: the sentence of its condition. None if they may be.
pub(super) fn brake(claimed: &Claimed, unplanned: &[InventoryEntry], all: usize) -> Option<String> {
    if claimed.being_deleted || claimed.brake_released {
        return None;
    }
    let unasked = unasked(claimed, unplanned);
    if unasked.len() <= most(all) {
        return None;
    }
    let names: Vec<_> = unasked.iter().take(NAMED).map(ToString::to_string).collect();
    let more = unasked.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!(
        "{} of {all} objects would be deleted at once: {}{more}; if that is meant, send Reconciled false to this record",
        unasked.len(),
        names.join(", ")
    ))
}

/// Those of which the plan has nothing that takes their place.
pub(super) fn lost(unplanned: &[InventoryEntry], plan: &Plan) -> Vec<InventoryEntry> {
    unplanned.iter().filter(|entry| !plan.superseded.objects.contains(&entry.object)).cloned().collect()
}

/// Those that nobody has asked to delete. With a new generation a person has asked for what was on record and is no longer wanted; but not for
/// orphans, which are found by their labels: a database that was restored from a backup knows nothing of them. They are on record from then on, as found.
fn unasked<'e>(claimed: &Claimed, unplanned: &'e [InventoryEntry]) -> Vec<&'e ObjectRef> {
    let undecided = unplanned.iter().filter(|entry| !entry.going).map(|entry| &entry.object);
    match claimed.key.kind {
        // What it loses was lost by gateway instances, which a person deleted or changed.
        Kind::SharedGateway | Kind::ListenerSet => Vec::new(),
        _ if claimed.generation > claimed.observed_generation => {
            let asked_for = claimed.inventory.iter().filter(|entry| !entry.found);
            let on_record: HashSet<&ObjectRef> = asked_for.map(|entry| &entry.object).collect();
            undecided.filter(|object| !on_record.contains(object)).collect()
        }
        _ => undecided.collect(),
    }
}

fn most(all: usize) -> usize {
    (all / 5).max(5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::inventory::ObjectRef;
    use causeway_render::plan::Superseded;
    use causeway_store::queue::claimed_for_tests;

    fn entries(count: usize) -> Vec<InventoryEntry> {
        let entry = |n| {
            let (group, version, kind) = Default::default();
            InventoryEntry::intended(ObjectRef { group, version, kind, namespace: None, name: format!("o{n}") })
        };
        (0..count).map(entry).collect()
    }

    #[test]
    fn a_fifth_may_go_and_five_always() {
        assert_eq!([most(0), most(10), most(25), most(100)], [5, 5, 5, 20]);
    }

    /// A workload whose generation was applied, with these objects on record.
    fn applied(on_record: usize) -> Claimed {
        let mut workload = claimed_for_tests(Kind::WorkloadInstance, 7);
        workload.observed_generation = workload.generation;
        workload.inventory = entries(on_record);
        workload
    }

    #[test]
    fn many_objects_go_only_with_a_persons_word() {
        let mut workload = applied(20);
        assert_eq!(brake(&workload, &entries(5), 10), None);
        let sentence = brake(&workload, &entries(12), 20).unwrap();
        assert!(sentence.starts_with("12 of 20 objects") && sentence.contains(" and 2 more;"), "{sentence}");
        workload.brake_released = true;
        assert_eq!(brake(&workload, &entries(12), 20), None);
        workload.brake_released = false;
        workload.being_deleted = true;
        assert_eq!(brake(&workload, &entries(12), 20), None);
    }

    #[test]
    fn a_change_is_a_persons_word_for_what_was_on_record() {
        for kind in [Kind::WorkloadInstance, Kind::GatewayInstance, Kind::SupportServiceInstance] {
            let mut changed = applied(20);
            changed.key.kind = kind;
            assert!(brake(&changed, &entries(12), 20).is_some(), "{kind}: nobody changed it");
            changed.generation += 1;
            assert_eq!(brake(&changed, &entries(12), 20), None, "{kind}");
            changed.inventory.truncate(2);
            let sentence = brake(&changed, &entries(12), 20).unwrap();
            assert!(
                sentence.starts_with("10 of 20 objects") && sentence.contains("o2, "),
                "{kind}: orphans: {sentence}"
            );
            changed.inventory = entries(12);
            changed.inventory[2..].iter_mut().for_each(|entry| entry.found = true);
            assert_eq!(brake(&changed, &entries(12), 20), Some(sentence), "{kind}: when they are looked at again");
        }
        assert_eq!(brake(&claimed_for_tests(Kind::SharedGateway, 7), &entries(12), 20), None);
    }

    #[test]
    fn what_something_else_takes_the_place_of_is_no_loss() {
        let objects = entries(8).into_iter().map(|entry| entry.object).collect();
        let plan = Plan { superseded: Superseded { objects, by: None }, ..Plan::default() };
        assert_eq!(brake(&applied(20), &lost(&entries(12), &plan), 20), None);
        assert!(brake(&applied(20), &lost(&entries(14), &plan), 20).is_some(), "six others");
        assert_eq!(lost(&entries(3), &Plan::default()), entries(3));
    }

    #[test]
    fn what_was_decided_is_not_asked_about_again() {
        let mut going = entries(12);
        going.iter_mut().for_each(|entry| entry.going = true);
        assert_eq!(brake(&applied(20), &going, 20), None);
    }
}
