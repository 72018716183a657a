//! Ours or foreign: the pure decision that stands before every write.

use std::sync::Arc;

use causeway_records::inventory::{InventoryEntry, ObjectRef};
use causeway_render::labels::{CONTROL_PLANE, OWNER};
use serde_json::Value;

use super::{ClusterError, live::Live};

/// On whose behalf objects are written, and whether they still may be.
#[derive(Clone)]
pub struct Writer {
    control_plane: Arc<str>,
    owner: Arc<str>,
    may_write: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of control plane {}", self.owner, self.control_plane)
    }
}

impl Writer {
    /// A writer for one record.
    ///
    /// `owner` is the value of the owner label, `<kind>-<id>`. `may_write` is asked right before every write: false means that
    /// another worker has the cluster now.
    pub fn new(
        control_plane: impl Into<Arc<str>>,
        owner: impl Into<Arc<str>>,
        may_write: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { control_plane: control_plane.into(), owner: owner.into(), may_write: Arc::new(may_write) }
    }

    /// The control plane's id.
    pub fn control_plane(&self) -> &str {
        &self.control_plane
    }

    /// The name under which our fields are managed: the same for all records of a control plane.
    pub fn field_manager(&self) -> String {
        field_manager(&self.control_plane)
    }

    /// The leave to write `object` now.
    pub(crate) fn check(&self, object: &ObjectRef) -> Result<(), ClusterError> {
        if (self.may_write)() { Ok(()) } else { Err(ClusterError::Cancelled { object: Box::new(object.clone()) }) }
    }

    /// Whether the labels say that this record made the object, or that our control plane made it and let go of it later.
    pub(crate) fn may_take(&self, live: &Live) -> bool {
        live.label(CONTROL_PLANE) == Some(&*self.control_plane)
            && live.label(OWNER).is_none_or(|owner| owner == &*self.owner)
    }

    /// Whether the labels say that this record made the object.
    pub(crate) fn owns(&self, live: &Live) -> bool {
        live.label(CONTROL_PLANE) == Some(&*self.control_plane) && live.label(OWNER) == Some(&*self.owner)
    }

    /// Whether an object made from this manifest could be known again as this record's.
    pub(crate) fn owns_body(&self, body: &Value) -> bool {
        let labels = &body["metadata"]["labels"];
        labels[CONTROL_PLANE] == *self.control_plane && labels[OWNER] == *self.owner
    }

    /// Who holds an object that is not this record's.
    pub(crate) fn holder(&self, live: &Live) -> String {
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

/// The field manager of a control plane.
pub fn field_manager(control_plane: &str) -> String {
    format!("causeway-{control_plane}")
}

/// What to do about an object that we want, after having looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is not there. Only a 201 will prove that we made it.
    Create,
    /// It is ours: apply to exactly this state of exactly this object.
    Update,
    /// It is on its way out: nothing that is written to it would stay.
    Wait(String),
    /// It is somebody else's.
    Leave(String),
}

/// Decides, from what was seen and what the inventory remembers. An object with another uid than the remembered one was made anew
/// by somebody, so its labels have to speak for it.
pub(crate) fn decide(writer: &Writer, live: Option<&Live>, entry: Option<&InventoryEntry>) -> Step {
    let Some(live) = live else { return Step::Create };
    let known = entry.and_then(|entry| entry.uid.as_deref()) == Some(live.uid());
    if !known && !writer.may_take(live) {
        Step::Leave(writer.holder(live))
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

    fn writer() -> Writer {
        Writer::new("cp1", "gateway-instance-7", || true)
    }

    fn at() -> ObjectRef {
        ObjectRef {
            group: String::new(),
            version: "v1".into(),
            kind: "ConfigMap".into(),
            namespace: Some("shop".into()),
            name: "web".into(),
        }
    }

    fn live(uid: &str, control_plane: Option<&str>, owner: Option<&str>) -> Live {
        let mut labels = serde_json::Map::new();
        labels.extend(control_plane.map(|id| (CONTROL_PLANE.to_owned(), json!(id))));
        labels.extend(owner.map(|owner| (OWNER.to_owned(), json!(owner))));
        Live::new(json!({"metadata": {
            "uid": uid, "labels": labels, "managedFields": [{"manager": "kubectl"}, {"manager": "helm"}, {"manager": "helm"}],
        }}))
    }

    fn entry(uid: Option<&str>) -> InventoryEntry {
        InventoryEntry { uid: uid.map(Into::into), ..InventoryEntry::intended(at()) }
    }

    #[test]
    fn what_is_absent_is_made() {
        assert_eq!(decide(&writer(), None, None), Step::Create);
        assert_eq!(decide(&writer(), None, Some(&entry(Some("u1")))), Step::Create);
    }

    #[test]
    fn the_uid_proves_ownership_even_when_the_labels_were_taken_off() {
        assert_eq!(decide(&writer(), Some(&live("u1", None, None)), Some(&entry(Some("u1")))), Step::Update);
    }

    #[test]
    fn our_labels_take_an_object_back() {
        let ours = live("u1", Some("cp1"), Some("gateway-instance-7"));
        assert_eq!(decide(&writer(), Some(&ours), None), Step::Update);
        assert_eq!(decide(&writer(), Some(&ours), Some(&entry(Some("older")))), Step::Update);
        let released = live("u1", Some("cp1"), None);
        assert_eq!(decide(&writer(), Some(&released), None), Step::Update);
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
            assert_eq!(decide(&writer(), Some(&object), Some(&entry(Some("u1")))), Step::Leave(who.into()));
        }
    }

    #[test]
    fn a_dying_object_of_ours_is_waited_for() {
        let dying = Live::new(json!({"metadata": {
            "uid": "u1", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["example.test/hold"],
        }}));
        let Step::Wait(why) = decide(&writer(), Some(&dying), Some(&entry(Some("u1")))) else { panic!() };
        assert!(why.contains("example.test/hold"), "{why}");
    }
}
