//! Requests about one object, sent raw: kube's typed calls hide the HTTP status, and only a 201 proves that an object was created by us.

use causeway_failpoints::{OBJECT_GONE, WRITE_NEXT, failpoint};
use causeway_records::inventory::ObjectRef;
use http::{Request, StatusCode};
use kube::{
    api::{DeleteParams, DynamicObject, GetParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy},
    core::Resource as _,
};
use serde_json::{Value, json};

use super::{Cluster, ClusterError, FieldOwner, ServedKind, UnreachableCause, apply_patch, bounds, live::LiveObject};

/// What the field manager of fields that our manifests leave out has behind our own name.
pub(crate) const HANDOVER: &str = "-handover";

#[derive(Clone, Debug)]
pub enum Lookup {
    Found(LiveObject),
    /// The kind is served, and no object of that name exists.
    Absent,
    /// The cluster knows no such kind: this says nothing about the object.
    NotServed,
}

pub(crate) enum Written {
    /// 201: it did not exist before, so we created it.
    Created(LiveObject),
    /// 200: it existed, and this is its new state.
    Stored(LiveObject),
    /// Nothing was written, because the object is in another state than the one the write was bound to.
    Outdated,
    /// Nothing was written, because the cluster knows no such kind.
    NotServed,
    /// Nothing was written, because these fields of the object that stands can't be changed.
    Immutable(String),
}

impl Cluster {
    /// Reads one object.
    ///
    /// # Errors
    /// Unreachable; Unanswered; Refused where reading is forbidden or the reference is malformed.
    pub async fn get(&self, at: &ObjectRef) -> Result<Lookup, ClusterError> {
        self.attribute(at, self.read(at).await).await
    }

    /// As [`Self::get`], but what looks like a failure of the cluster is taken for one.
    pub(crate) async fn read(&self, at: &ObjectRef) -> Result<Lookup, ClusterError> {
        let Some(kind) = self.discovery().find(at).await? else { return Ok(Lookup::NotServed) };
        let request = kind.requests(at)?.get(&at.name, &GetParams::default());
        let reply = self.send(build(request, at)?).await?;
        match reply.status {
            StatusCode::OK => Ok(Lookup::Found(reply.object(at)?)),
            _ if reply.is_absence_of(at) => Ok(Lookup::Absent),
            _ if reply.is_unknown_kind() => {
                self.discovery().forget().await;
                Ok(Lookup::NotServed)
            }
            _ => Err(ClusterError::from_reply(&reply, at)),
        }
    }

    /// Reads one object of a kind that every cluster serves. None if it is not there.
    ///
    /// # Errors
    /// As [`Self::get`]; Unreachable where the kind is not served: whoever says so is no whole cluster.
    pub async fn get_builtin(&self, at: &ObjectRef) -> Result<Option<LiveObject>, ClusterError> {
        builtin(at, self.get(at).await?)
    }

    /// As [`Self::get_builtin`], but what looks like a failure of the cluster is taken for one.
    pub(crate) async fn read_builtin(&self, at: &ObjectRef) -> Result<Option<LiveObject>, ClusterError> {
        builtin(at, self.read(at).await?)
    }

    /// Server-side apply with force. The body decides what it may hit: see [`super::ownership::Step`].
    pub(crate) async fn server_side_apply(
        &self,
        owner: &FieldOwner,
        at: &ObjectRef,
        body: &Value,
    ) -> Result<Written, ClusterError> {
        self.force(&owner.field_manager(), owner, at, body).await
    }

    /// Server-side apply of fields that our other manifests leave out, under a field manager of its own.
    pub(crate) async fn hold_fields(
        &self,
        owner: &FieldOwner,
        at: &ObjectRef,
        body: &Value,
    ) -> Result<Written, ClusterError> {
        self.force(&format!("{}{HANDOVER}", owner.field_manager()), owner, at, body).await
    }

    async fn force(&self, by: &str, owner: &FieldOwner, at: &ObjectRef, body: &Value) -> Result<Written, ClusterError> {
        let Some(kind) = self.kind_to_write(at).await? else { return Ok(Written::NotServed) };
        let request = kind.requests(at)?.patch(&at.name, &PatchParams::apply(by).force(), &apply_patch::of(body));
        self.write(owner, at, build(request, at)?).await
    }

    /// Which fields of the manifest somebody else has set to other values: each as its path and the name of that field manager. Nothing is
    /// changed. Empty if there are none, or the API server doesn't say.
    pub(crate) async fn field_conflicts(
        &self,
        at: &ObjectRef,
        owner: &FieldOwner,
        body: &Value,
    ) -> Vec<(String, String)> {
        let params = PatchParams { dry_run: true, ..PatchParams::apply(&owner.field_manager()) };
        let Ok(Some(kind)) = self.discovery().find_exact(at).await else { return vec![] };
        let request = kind.requests(at).map(|requests| requests.patch(&at.name, &params, &apply_patch::of(body)));
        let Ok(request) = request.and_then(|request| build(request, at)) else { return vec![] };
        match self.send(request).await {
            Ok(reply) => reply.field_conflicts(),
            Err(_) => vec![],
        }
    }

    /// Replaces the whole object; `body` carries the uid and resourceVersion that it must still have.
    pub(crate) async fn replace(
        &self,
        owner: &FieldOwner,
        at: &ObjectRef,
        body: &Value,
    ) -> Result<Written, ClusterError> {
        let params = PostParams { field_manager: Some(owner.field_manager()), ..PostParams::default() };
        let Some(kind) = self.kind_to_write(at).await? else { return Ok(Written::NotServed) };
        let request = kind.requests(at)?.replace(&at.name, &params, body.to_string().into_bytes());
        self.write(owner, at, build(request, at)?).await
    }

    /// Removes labels from an object, if it is still as `seen`.
    pub(crate) async fn remove_labels(
        &self,
        owner: &FieldOwner,
        at: &ObjectRef,
        seen: &LiveObject,
        labels: &[&str],
    ) -> Result<Written, ClusterError> {
        let gone: serde_json::Map<_, _> = labels.iter().map(|label| ((*label).to_owned(), Value::Null)).collect();
        self.merge(owner, at, seen, json!({"metadata": {"labels": gone}})).await
    }

    /// Merges something into an object, if it is still as `seen`.
    pub(crate) async fn merge(
        &self,
        owner: &FieldOwner,
        at: &ObjectRef,
        seen: &LiveObject,
        mut patch: Value,
    ) -> Result<Written, ClusterError> {
        patch["metadata"]["uid"] = json!(seen.uid());
        patch["metadata"]["resourceVersion"] = json!(seen.resource_version());
        let params = PatchParams { field_manager: Some(owner.field_manager()), ..PatchParams::default() };
        let found = self.attribute(at, self.discovery().find(at).await).await?;
        let Some(kind) = found else { return Ok(Written::NotServed) };
        let request = kind.requests(at)?.patch(&at.name, &params, &Patch::Merge(patch));
        self.write(owner, at, build(request, at)?).await
    }

    /// Deletes an object if it is still as `seen`; its dependents go after it. False if it is not, or if the answer doesn't say that it was deleted.
    pub(crate) async fn delete(
        &self,
        owner: &FieldOwner,
        at: &ObjectRef,
        seen: &LiveObject,
    ) -> Result<bool, ClusterError> {
        self.attribute(at, self.try_delete(owner, at, seen).await).await
    }

    async fn try_delete(&self, owner: &FieldOwner, at: &ObjectRef, seen: &LiveObject) -> Result<bool, ClusterError> {
        let params = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Background),
            preconditions: Some(Preconditions {
                uid: Some(seen.uid().to_owned()),
                resource_version: Some(seen.resource_version().to_owned()),
            }),
            ..DeleteParams::default()
        };
        let Some(kind) = self.discovery().find(at).await? else { return Ok(false) };
        let request = build(kind.requests(at)?.delete(&at.name, &params), at)?;
        owner.ensure_held(at)?;
        failpoint(&WRITE_NEXT);
        let reply = self.send_write(request).await?;
        match reply.status {
            status if status.is_success() && reply.is_deletion_of(seen) => {
                failpoint(&OBJECT_GONE);
                Ok(true)
            }
            // An answer about something else, or of an aggregated API server that doesn't say what it deleted: the caller reads it again.
            status if status.is_success() => Ok(false),
            _ if reply.is_outdated() || reply.is_absence_of(at) => Ok(false),
            _ => Err(ClusterError::from_reply(&reply, at)),
        }
    }

    /// The kind of an object in the version of its manifest.
    async fn kind_to_write(&self, at: &ObjectRef) -> Result<Option<ServedKind>, ClusterError> {
        self.attribute(at, self.discovery().find_exact(at).await).await
    }

    /// All writes that are answered with the object go through here, and so through the check of the lease.
    async fn write(
        &self,
        owner: &FieldOwner,
        at: &ObjectRef,
        request: Request<Vec<u8>>,
    ) -> Result<Written, ClusterError> {
        self.attribute(at, self.try_write(owner, at, request).await).await
    }

    async fn try_write(
        &self,
        owner: &FieldOwner,
        at: &ObjectRef,
        request: Request<Vec<u8>>,
    ) -> Result<Written, ClusterError> {
        owner.ensure_held(at)?;
        failpoint(&WRITE_NEXT);
        let reply = self.send_write(request).await?;
        match reply.status {
            StatusCode::CREATED => Ok(Written::Created(reply.object(at)?)),
            StatusCode::OK => Ok(Written::Stored(reply.object(at)?)),
            _ if reply.is_outdated() || reply.is_absence_of(at) => Ok(Written::Outdated),
            _ if reply.is_unknown_kind() => {
                self.discovery().forget().await;
                Ok(Written::NotServed)
            }
            _ => match reply.immutable_fields() {
                Some(fields) => Ok(Written::Immutable(fields)),
                None => Err(ClusterError::from_reply(&reply, at)),
            },
        }
    }
}

fn builtin(at: &ObjectRef, found: Lookup) -> Result<Option<LiveObject>, ClusterError> {
    match found {
        Lookup::Found(live) => Ok(Some(live)),
        Lookup::Absent => Ok(None),
        Lookup::NotServed => {
            let what = format!("it does not serve kind {}, which every cluster serves", at.kind);
            Err(ClusterError::unreachable(UnreachableCause::ServerError, what))
        }
    }
}

impl ServedKind {
    /// Whether an object of this kind can have this scope and this name.
    pub(crate) fn can_hold(&self, at: &ObjectRef) -> bool {
        self.requests(at).is_ok()
    }

    /// The request builder for the collection of the object.
    fn requests(&self, at: &ObjectRef) -> Result<kube::core::Request, ClusterError> {
        for part in [Some(&at.name), at.namespace.as_ref()].into_iter().flatten() {
            if !is_path_segment(part) {
                return Err(ClusterError::refused(at, format!("{part:?} cannot be a name in Kubernetes; correct it")));
            }
        }
        if self.namespaced != at.namespace.is_some() {
            let scope = if self.namespaced { "needs a namespace" } else { "is cluster-scoped and takes no namespace" };
            return Err(ClusterError::refused(at, format!("kind {} {scope}; correct the manifest", at.kind)));
        }
        Ok(kube::core::Request::new(DynamicObject::url_path(&self.resource, at.namespace.as_deref())))
    }
}

fn build(
    request: Result<Request<Vec<u8>>, kube::core::request::Error>,
    at: &ObjectRef,
) -> Result<Request<Vec<u8>>, ClusterError> {
    let mut request =
        request.map_err(|error| ClusterError::refused(at, format!("no request can be made for it: {error}")))?;
    bounds::expect_small(&mut request);
    Ok(request)
}

/// Names come from manifests that others wrote: none may lead to another path.
fn is_path_segment(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
    !name.is_empty() && name != "." && name != ".." && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_path() {
        for good in ["web", "a.b-c", "system:node", "v1.gateway.networking.k8s.io"] {
            assert!(is_path_segment(good), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a?b", "a%2fb", "a#b", "ä"] {
            assert!(!is_path_segment(bad), "{bad}");
        }
    }
}
