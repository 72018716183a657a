//! Objects whose spec is ours alone. Server-side apply leaves what others put into a list or map beside our fields; a Gateway would get
//! listeners that nobody asked us for.

use causeway_render::plan::Object;

use super::{
    Cluster, ClusterError, FieldOwner, ObjectChange, bounds,
    live::{LiveObject, first_difference, with_spec},
    replace::immutable,
    rest::Written,
};

impl Cluster {
    /// After an apply: takes out of an exclusive spec, once, what is not ours. `before`: the resourceVersion that was applied to. None if
    /// the object changed meanwhile.
    pub(super) async fn remove_foreign(
        &self,
        owner: &FieldOwner,
        object: &Object,
        before: &str,
        live: LiveObject,
    ) -> Result<Option<(LiveObject, ObjectChange)>, ClusterError> {
        let changed = if before == live.resource_version() { ObjectChange::Unchanged } else { ObjectChange::Updated };
        let Some(spec) = object.body.get("spec").filter(|_| spec_difference(object, &live).is_some()) else {
            return Ok(Some((live, changed)));
        };
        match self.replace(owner, &object.at, &with_spec(&live, spec)).await? {
            Written::Stored(cleaned) => {
                let change = match spec_difference(object, &cleaned) {
                    Some(path) => ObjectChange::Differs(path),
                    None => ObjectChange::Cleaned,
                };
                Ok(Some((cleaned, change)))
            }
            Written::Immutable(fields) => Err(immutable(&object.at, &fields)),
            Written::Created(_) | Written::Outdated | Written::NotServed => Ok(None),
        }
    }
}

/// Where the live spec of an exclusive object differs from ours.
fn spec_difference(object: &Object, live: &LiveObject) -> Option<String> {
    let spec = object.body.get("spec").filter(|_| object.exclusive)?;
    first_difference(spec, &live.body()["spec"])
}

/// Nobody else had a say in a new object yet: what differs are defaults that the plan leaves out.
pub(super) fn created(object: &Object, live: LiveObject) -> (LiveObject, ObjectChange) {
    if let Some(path) = spec_difference(object, &live) {
        let path = bounds::cut(path);
        tracing::warn!(object = %object.at, path, "the cluster stored another spec than it was sent");
    }
    (live, ObjectChange::Created)
}
