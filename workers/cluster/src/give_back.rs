//! Objects that stay in the cluster as they are when their record goes: nothing on them says any more that they were ours.

use causeway_records::inventory::InventoryEntry;
use serde_json::{Map, Value, json};

use super::{
    Cluster, ClusterError, FieldOwner, LiveObject, Lookup, ObjectChange, WriteOutcome,
    prune::{CHANGES, TRIES, not_ours},
    rest::{HANDOVER, Written},
};

/// The beginning of all our labels.
const OURS: &str = "causeway.dev/";
const GIVEN_BACK: &str = "it stays as it is, and is no longer Causeway's";

impl Cluster {
    /// Gives the objects of these entries back, one after the other: their fields stay, without our labels and without a field manager of ours. One that isn't this
    /// record's any more is left alone. The entries of those that could not be given back stay in the inventory.
    pub async fn give_back(&self, owner: &FieldOwner, entries: &[InventoryEntry]) -> WriteOutcome {
        let mut outcome = WriteOutcome::default();
        for entry in entries {
            if outcome.errors.iter().any(ClusterError::stops_everything) {
                outcome.inventory.push(entry.clone());
                continue;
            }
            match self.give_back_one(owner, entry).await {
                Ok(change) => outcome.changes.push((entry.object.clone(), change.bounded())),
                Err(error) => {
                    outcome.inventory.push(entry.clone());
                    outcome.errors.push(error);
                }
            }
        }
        outcome
    }

    async fn give_back_one(&self, owner: &FieldOwner, entry: &InventoryEntry) -> Result<ObjectChange, ClusterError> {
        let at = &entry.object;
        for _ in 0..TRIES {
            let live = match self.get(at).await? {
                Lookup::Found(live) => live,
                Lookup::Absent | Lookup::NotServed => return Ok(ObjectChange::Deleted),
            };
            if let Some(why) = not_ours(owner, entry, &live) {
                return Ok(ObjectChange::Released(why));
            }
            match self.merge(owner, at, &live, without_us(&live, &owner.field_manager())).await? {
                Written::Created(_) | Written::Stored(_) => return Ok(ObjectChange::Released(GIVEN_BACK.into())),
                Written::Outdated | Written::NotServed | Written::Immutable(_) => {}
            }
        }
        Err(ClusterError::refused(at, CHANGES))
    }
}

/// The change of an object that takes our labels away, and our share in its fields. A field that was ours alone is nobody's then, and stays: whoever applies it
/// next has it without a conflict.
fn without_us(live: &LiveObject, field_manager: &str) -> Value {
    let metadata = &live.body()["metadata"];
    let labels = metadata["labels"].as_object().into_iter().flatten();
    let ours = labels.filter(|(label, _)| label.starts_with(OURS));
    let labels: Map<String, Value> = ours.map(|(label, _)| (label.clone(), Value::Null)).collect();
    let is_ours = |entry: &&Value| {
        let manager = entry["manager"].as_str().unwrap_or_default();
        manager.strip_prefix(field_manager).is_some_and(|rest| rest.is_empty() || rest == HANDOVER)
    };
    let entries = metadata["managedFields"].as_array().into_iter().flatten();
    let mut others: Vec<Value> = entries.filter(|entry| !is_ours(entry)).cloned().collect();
    // An empty list changes nothing; a list with an empty entry empties it.
    if others.is_empty() {
        others.push(json!({}));
    }
    json!({"metadata": {"labels": labels, "managedFields": others}})
}

#[cfg(test)]
mod tests {
    use causeway_render::labels::{CONTROL_PLANE, OWNER};

    use super::*;

    fn live(managers: &[&str]) -> LiveObject {
        let entries: Vec<Value> = managers.iter().map(|name| json!({"manager": name, "operation": "Apply"})).collect();
        LiveObject::new(json!({"metadata": {
            "labels": {CONTROL_PLANE: "cp1", OWNER: "gateway-instance-7", "app": "shop"}, "managedFields": entries,
        }}))
    }

    #[test]
    fn our_labels_and_managers_go_and_those_of_others_stay() {
        let change =
            without_us(&live(&["kubectl", "causeway-cp1", "causeway-cp1-handover", "causeway-cp12"]), "causeway-cp1");
        assert_eq!(change["metadata"]["labels"], json!({CONTROL_PLANE: null, OWNER: null}));
        let managers: Vec<_> =
            change["metadata"]["managedFields"].as_array().unwrap().iter().map(|entry| &entry["manager"]).collect();
        assert_eq!(managers, ["kubectl", "causeway-cp12"]);
        let alone = without_us(&live(&["causeway-cp1"]), "causeway-cp1");
        assert_eq!(alone["metadata"]["managedFields"], json!([{}]), "an empty list would change nothing");
    }
}
