//! Ours or foreign: the pure decision that comes before every write.

use std::sync::Arc;

use causeway_records::inventory::{InventoryEntry, ObjectRef};
use causeway_render::labels::{CONTROL_PLANE, OWNER};
use serde_json::Value;

use super::{ClusterError, live::LiveObject};

/// The record for which objects are written, and the lease under which that is allowed. All records of a control plane share one field
/// manager; the owner label says whose an object is.
#[derive(Clone)]
pub struct FieldOwner {
    control_plane: Arc<str>,
    owner: Arc<str>,
    is_held: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl std::fmt::Debug for FieldOwner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of control plane {}", self.owner, self.control_plane)
    }
}

impl FieldOwner {
    /// `owner` is the value of the owner label, `<kind>-<id>`. `is_held` is called right before every write: false means that the lease
    /// is lost, and the write is not sent.
    pub fn new(
        control_plane: impl Into<Arc<str>>,
        owner: impl Into<Arc<str>>,
        is_held: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { control_plane: control_plane.into(), owner: owner.into(), is_held: Arc::new(is_held) }
    }

    pub fn control_plane(&self) -> &str {
        &self.control_plane
    }

    /// The value of the owner label.
    pub(crate) fn label(&self) -> &str {
        &self.owner
    }

    pub fn field_manager(&self) -> String {
        field_manager(&self.control_plane)
    }

    /// Fails when the lease is lost: `object` must not be written.
    pub(crate) fn ensure_held(&self, object: &ObjectRef) -> Result<(), ClusterError> {
        if (self.is_held)() { Ok(()) } else { Err(ClusterError::Cancelled { object: Box::new(object.clone()) }) }
    }

    /// Whether the labels say that this record made the object, or that our control plane made it and let go of it later.
    pub(crate) fn may_adopt(&self, live: &LiveObject) -> bool {
        live.label(CONTROL_PLANE) == Some(&*self.control_plane)
            && live.label(OWNER).is_none_or(|owner| owner == &*self.owner)
    }

    /// Whether a record that names the object may take it over: no control plane has marked it.
    fn may_take_over(live: &LiveObject) -> bool {
        live.label(CONTROL_PLANE).is_none() && live.label(OWNER).is_none()
    }

    /// Whether the labels say that this record made the object.
    pub(crate) fn owns(&self, live: &LiveObject) -> bool {
        live.label(CONTROL_PLANE) == Some(&*self.control_plane) && live.label(OWNER) == Some(&*self.owner)
    }

    /// Whether an object made from this manifest could be known again as this record's.
    pub(crate) fn owns_body(&self, body: &Value) -> bool {
        let labels = &body["metadata"]["labels"];
        labels[CONTROL_PLANE] == *self.control_plane && labels[OWNER] == *self.owner
    }

    /// Whose an object is that is not this record's, as far as labels and managers say.
    pub(crate) fn describe_holder(&self, live: &LiveObject) -> String {
        let managers = || {
            let names = live.managers();
            if names.is_empty() { "somebody else".to_owned() } else { names.join(", ") }
        };
        match (live.label(CONTROL_PLANE), live.label(OWNER)) {
            (Some(id), Some(owner)) if id == &*self.control_plane => format!("{owner} of this control plane"),
            (Some(id), _) if id != &*self.control_plane => format!("control plane {id}"),
            _ => match live.label("app.kubernetes.io/managed-by") {
                Some(tool) => format!("{tool} ({})", managers()),
                None => managers(),
            },
        }
    }
}

pub fn field_manager(control_plane: &str) -> String {
    format!("causeway-{control_plane}")
}

/// What to do about an object of a plan, after it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It does not exist. Only a 201 will prove that we created it.
    Create,
    /// It is ours: apply to exactly this state of exactly this object.
    Update,
    /// It is on its way out: nothing that is written to it would stay.
    Wait(String),
    /// It is somebody else's.
    Leave(String),
}

/// Decides from what was read and what the inventory says. An object with another uid than that of the inventory was created anew by
/// somebody, so its labels have to prove that it is ours; or the record takes over what it names.
pub(crate) fn decide(
    owner: &FieldOwner,
    live: Option<&LiveObject>,
    entry: Option<&InventoryEntry>,
    takes_over: bool,
) -> Step {
    let Some(live) = live else { return Step::Create };
    let known = entry.and_then(|entry| entry.uid.as_deref()) == Some(live.uid());
    let is_taken = takes_over && FieldOwner::may_take_over(live);
    if !known && !owner.may_adopt(live) && !is_taken {
        Step::Leave(owner.describe_holder(live))
    } else if live.is_deleting() {
        let finalizers = live.finalizers();
        let why = if finalizers.is_empty() { String::new() } else { format!(" by {}", finalizers.join(", ")) };
        Step::Wait(format!("it is being deleted, which is held up{why}; it is made again when it is gone"))
    } else {
        Step::Update
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::samples::config_map;

    fn owner() -> FieldOwner {
        FieldOwner::new("cp1", "gateway-instance-7", || true)
    }

    fn live(uid: &str, control_plane: Option<&str>, owner: Option<&str>) -> LiveObject {
        let mut labels = serde_json::Map::new();
        labels.extend(control_plane.map(|id| (CONTROL_PLANE.to_owned(), json!(id))));
        labels.extend(owner.map(|owner| (OWNER.to_owned(), json!(owner))));
        LiveObject::new(json!({"metadata": {
            "uid": uid, "labels": labels, "managedFields": [{"manager": "kubectl"}, {"manager": "helm"}, {"manager": "helm"}],
        }}))
    }

    fn decided(live: Option<&LiveObject>, entry: Option<&InventoryEntry>) -> Step {
        decide(&owner(), live, entry, false)
    }

    fn entry(uid: Option<&str>) -> InventoryEntry {
        InventoryEntry { uid: uid.map(Into::into), ..InventoryEntry::intended(config_map("web")) }
    }

    #[test]
    fn what_is_absent_is_made() {
        assert_eq!(decided(None, None), Step::Create);
        assert_eq!(decided(None, Some(&entry(Some("u1")))), Step::Create);
    }

    #[test]
    fn the_uid_proves_ownership_even_when_the_labels_were_taken_off() {
        assert_eq!(decided(Some(&live("u1", None, None)), Some(&entry(Some("u1")))), Step::Update);
    }

    #[test]
    fn our_labels_take_an_object_back() {
        let ours = live("u1", Some("cp1"), Some("gateway-instance-7"));
        assert_eq!(decided(Some(&ours), None), Step::Update);
        assert_eq!(decided(Some(&ours), Some(&entry(Some("older")))), Step::Update);
        let released = live("u1", Some("cp1"), None);
        assert_eq!(decided(Some(&released), None), Step::Update);
    }

    #[test]
    fn everything_else_is_left_alone_and_says_whose_it_is() {
        let cases = [
            (live("u2", None, None), "kubectl, helm"),
            (live("u2", Some("cp2"), Some("gateway-instance-7")), "control plane cp2"),
            (live("u2", Some("cp1"), Some("gateway-instance-8")), "gateway-instance-8 of this control plane"),
            (live("u2", None, Some("gateway-instance-7")), "kubectl, helm"),
        ];
        for (object, who) in cases {
            assert_eq!(decided(Some(&object), Some(&entry(Some("u1")))), Step::Leave(who.into()));
        }
    }

    #[test]
    fn a_record_takes_over_what_it_names_unless_somebody_has_marked_it() {
        let taken = |object: &LiveObject| decide(&owner(), Some(object), Some(&entry(None)), true);
        assert_eq!(taken(&live("u1", None, None)), Step::Update);
        assert_eq!(taken(&live("u1", Some("cp1"), Some("gateway-instance-7"))), Step::Update);
        for marked in [
            live("u1", Some("cp2"), Some("gateway-instance-7")),
            live("u1", Some("cp1"), Some("gateway-instance-8")),
            live("u1", None, Some("gateway-instance-7")),
        ] {
            assert!(matches!(taken(&marked), Step::Leave(_)), "{marked:?}");
        }
        let made_anew = decide(&owner(), Some(&live("u2", None, None)), Some(&entry(Some("u1"))), true);
        assert_eq!(made_anew, Step::Update, "whoever makes it anew has it taken over again");
        assert_eq!(decide(&owner(), None, None, true), Step::Create);
    }

    #[test]
    fn a_dying_object_of_ours_is_waited_for() {
        let dying = LiveObject::new(json!({"metadata": {
            "uid": "u1", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["example.test/hold"],
        }}));
        let Step::Wait(why) = decided(Some(&dying), Some(&entry(Some("u1")))) else { panic!() };
        assert!(why.contains("example.test/hold"), "{why}");
    }
}
