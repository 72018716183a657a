//! The brake: many objects of a record are not deleted at once without a person's word. Pure.

use causeway_records::{Kind, inventory::InventoryEntry};
use causeway_store::queue::Claimed;

/// How many names the sentence lists.
const NAMED: usize = 10;

/// Why these objects, of `all` that the record has, are not deleted now: the sentence of its condition. None if they may be.
pub(super) fn brake(claimed: &Claimed, unplanned: &[InventoryEntry], all: usize) -> Option<String> {
    let released = claimed.being_deleted || claimed.brake_released || is_explained(claimed);
    if released || unplanned.len() <= most(all) {
        return None;
    }
    let names: Vec<_> = unplanned.iter().take(NAMED).map(|entry| entry.object.to_string()).collect();
    let more = unplanned.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!(
        "{} of {all} objects would be deleted at once: {}{more}; if that is meant, send Reconciled false to this record",
        unplanned.len(),
        names.join(", ")
    ))
}

/// Whether a person's change of a few fields explains that many objects go.
fn is_explained(claimed: &Claimed) -> bool {
    match claimed.key.kind {
        // What it loses was lost by gateway instances, which a person deleted or changed.
        Kind::SharedGateway | Kind::ListenerSet => true,
        // Placement alone takes a Gateway, its class and its certificates away.
        Kind::GatewayInstance => claimed.generation > claimed.observed_generation,
        _ => false,
    }
}

fn most(all: usize) -> usize {
    (all / 5).max(5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::inventory::ObjectRef;
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

    #[test]
    fn many_objects_go_only_with_a_persons_word() {
        let mut workload = claimed_for_tests(Kind::WorkloadInstance, 7);
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
    fn a_change_of_a_gateway_is_a_persons_word() {
        let mut gateway = claimed_for_tests(Kind::GatewayInstance, 7);
        assert_eq!(brake(&gateway, &entries(12), 20), None, "its generation was not applied yet");
        gateway.observed_generation = gateway.generation;
        assert!(brake(&gateway, &entries(12), 20).is_some());
        assert_eq!(brake(&claimed_for_tests(Kind::SharedGateway, 7), &entries(12), 20), None);
    }
}
