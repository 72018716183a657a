//! The set algebra of inventories: pure, and the same whatever the order of the entries.

use std::collections::BTreeSet;

use causeway_records::inventory::{Inventory, InventoryEntry, ObjectRef};
use causeway_render::plan::Plan;

/// What must be stored before a plan is applied: everything that is known, and everything that is about to be created.
pub fn union(old: &[InventoryEntry], plan: &Plan) -> Inventory {
    let known: BTreeSet<&ObjectRef> = old.iter().map(|entry| &entry.object).collect();
    let mut added = BTreeSet::new();
    let new = plan.objects.iter().filter(|object| !known.contains(&object.at) && added.insert(&object.at));
    let new = new.map(|object| InventoryEntry { keep: object.keep, ..InventoryEntry::intended(object.at.clone()) });
    old.iter().cloned().chain(new).collect()
}

/// What is stored and no longer wanted: to be pruned once the plan is applied.
pub fn difference(old: &[InventoryEntry], plan: &Plan) -> Inventory {
    let wanted: BTreeSet<&ObjectRef> = plan.objects.iter().map(|object| &object.at).collect();
    old.iter().filter(|entry| !wanted.contains(&entry.object)).cloned().collect()
}

/// Two inventories of disjoint parts as one, say that of what was applied and that of what is not gone yet. Where both know an
/// object, `first` is right.
pub fn merge(first: Inventory, second: Inventory) -> Inventory {
    let known: BTreeSet<&ObjectRef> = first.iter().map(|entry| &entry.object).collect();
    let rest: Inventory = second.into_iter().filter(|entry| !known.contains(&entry.object)).collect();
    first.into_iter().chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use causeway_render::plan::Object;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn at(name: &str) -> ObjectRef {
        ObjectRef {
            group: String::new(),
            version: "v1".into(),
            kind: "ConfigMap".into(),
            namespace: Some("shop".into()),
            name: name.into(),
        }
    }

    fn plan(names: &[String]) -> Plan {
        let object = |name: &String| Object { keep: name == "c", ..Object::new(at(name), Value::Null) };
        names.iter().map(object).collect::<Vec<_>>().into()
    }

    fn inventory(names: &[String]) -> Inventory {
        let unique: BTreeSet<_> = names.iter().collect();
        let entry =
            |name: &String| InventoryEntry { uid: Some(format!("uid-{name}")), ..InventoryEntry::intended(at(name)) };
        unique.into_iter().map(entry).collect()
    }

    fn objects(inventory: &[InventoryEntry]) -> BTreeSet<ObjectRef> {
        inventory.iter().map(|entry| entry.object.clone()).collect()
    }

    fn names() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::vec("[a-f]", 0..8)
    }

    proptest! {
        #[test]
        fn union_forgets_nothing_and_misses_nothing(old in names(), new in names()) {
            let (old, new) = (inventory(&old), plan(&new));
            let both = union(&old, &new);
            prop_assert_eq!(&both[..old.len()], &old[..], "what is known keeps its uid");
            let wanted = new.objects.iter().map(|object| object.at.clone());
            prop_assert_eq!(objects(&both), objects(&old).into_iter().chain(wanted).collect());
            prop_assert_eq!(objects(&both).len(), both.len(), "each object once");
            prop_assert_eq!(union(&both, &new), both, "a second time adds nothing");
        }

        #[test]
        fn difference_and_plan_share_nothing_and_cover_the_union(old in names(), new in names()) {
            let (old, new) = (inventory(&old), plan(&new));
            let gone = objects(&difference(&old, &new));
            let wanted: BTreeSet<_> = new.objects.iter().map(|object| object.at.clone()).collect();
            prop_assert!(gone.is_disjoint(&wanted));
            prop_assert_eq!(objects(&difference(&union(&old, &new), &new)), gone.clone(), "new objects are never pruned");
            prop_assert_eq!(gone.union(&wanted).cloned().collect::<BTreeSet<_>>(), objects(&union(&old, &new)));
        }

        #[test]
        fn merge_prefers_what_is_newer(first in names(), second in names()) {
            let mut newer = inventory(&first);
            newer.iter_mut().for_each(|entry| entry.live_hash = Some("new".into()));
            let both = merge(newer.clone(), inventory(&second));
            prop_assert_eq!(&both[..newer.len()], &newer[..]);
            prop_assert_eq!(objects(&both), objects(&newer).union(&objects(&inventory(&second))).cloned().collect());
        }

        #[test]
        fn an_inventory_survives_being_stored(old in names()) {
            let old = inventory(&old);
            let stored = serde_json::to_string(&old).unwrap();
            prop_assert_eq!(serde_json::from_str::<Inventory>(&stored).unwrap(), old);
        }
    }

    #[test]
    fn a_record_that_wants_nothing_prunes_everything() {
        let old = inventory(&["a".into(), "b".into()]);
        assert_eq!(difference(&old, &Plan::default()), old);
    }

    #[test]
    fn what_stays_is_remembered_as_such_before_it_is_made() {
        let union = union(&[], &plan(&["a".into(), "c".into()]));
        assert_eq!(union.iter().map(|entry| entry.keep).collect::<Vec<_>>(), [false, true]);
    }
}
