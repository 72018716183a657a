//! Requests about one object, sent raw: kube's typed calls hide the HTTP status, and only a 201 proves that an object was created by us.

use std::time::Duration;

use causeway_failpoints::{OBJECT_GONE, WRITE_NEXT, failpoint};
use causeway_records::inventory::ObjectRef;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use kube::{
    api::{DeleteParams, DynamicObject, GetParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy},
    client::Body,
    core::Resource as _,
};
use serde_json::{Value, json};

use super::{Cluster, ClusterError, FieldOwner, UnreachableCause, bounds, live::LiveObject, reply::ApiReply};

/// For one request and its whole answer. A lease must outlive it by a margin: a write that was sent just before the lease ended
/// may still land this much later.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

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
}

impl Cluster {
    /// Reads one object.
    ///
    /// # Errors
    /// Unreachable; Refused where reading is forbidden or the reference is malformed.
    pub async fn get(&self, at: &ObjectRef) -> Result<Lookup, ClusterError> {
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
        match self.get(at).await? {
            Lookup::Found(live) => Ok(Some(live)),
            Lookup::Absent => Ok(None),
            Lookup::NotServed => {
                let what = format!("it does not serve kind {}, which every cluster serves", at.kind);
                Err(ClusterError::unreachable(UnreachableCause::ServerError, what))
            }
        }
    }

    /// Server-side apply with force. The body decides what it may hit: see [`super::ownership::Step`].
    pub(crate) async fn server_side_apply(
        &self,
        owner: &FieldOwner,
        at: &ObjectRef,
        body: &Value,
    ) -> Result<Written, ClusterError> {
        let params = PatchParams::apply(&owner.field_manager()).force();
        let Some(kind) = self.discovery().find_exact(at).await? else { return Ok(Written::NotServed) };
        let request = kind.requests(at)?.patch(&at.name, &params, &Patch::Apply(body));
        self.write(owner, at, build(request, at)?).await
    }

    /// Replaces the whole object; `body` carries the uid and resourceVersion that it must still have.
    pub(crate) async fn replace(
        &self,
        owner: &FieldOwner,
        at: &ObjectRef,
        body: &Value,
    ) -> Result<Written, ClusterError> {
        let params = PostParams { field_manager: Some(owner.field_manager()), ..PostParams::default() };
        let Some(kind) = self.discovery().find_exact(at).await? else { return Ok(Written::NotServed) };
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
        let patch = json!({"metadata": {
            "uid": seen.uid(), "resourceVersion": seen.resource_version(), "labels": gone,
        }});
        let params = PatchParams { field_manager: Some(owner.field_manager()), ..PatchParams::default() };
        let Some(kind) = self.discovery().find(at).await? else { return Ok(Written::NotServed) };
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
        let reply = self.send(request).await?;
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

    /// All writes that are answered with the object go through here, and so through the check of the lease.
    async fn write(
        &self,
        owner: &FieldOwner,
        at: &ObjectRef,
        request: Request<Vec<u8>>,
    ) -> Result<Written, ClusterError> {
        owner.ensure_held(at)?;
        failpoint(&WRITE_NEXT);
        let reply = self.send(request).await?;
        match reply.status {
            StatusCode::CREATED => Ok(Written::Created(reply.object(at)?)),
            StatusCode::OK => Ok(Written::Stored(reply.object(at)?)),
            _ if reply.is_outdated() || reply.is_absence_of(at) => Ok(Written::Outdated),
            _ if reply.is_unknown_kind() => {
                self.discovery().forget().await;
                Ok(Written::NotServed)
            }
            _ => Err(ClusterError::from_reply(&reply, at)),
        }
    }

    /// Sends one request and reads the whole answer, within [`REQUEST_TIMEOUT`]. Fails only when the cluster does.
    pub(crate) async fn send(&self, request: Request<Vec<u8>>) -> Result<ApiReply, ClusterError> {
        let exchange = async {
            let response = self.client().send(request.map(Body::from)).await?;
            let (head, body) = response.into_parts();
            Ok::<_, kube::Error>((head, body.collect().await?.to_bytes()))
        };
        let (head, bytes) = tokio::time::timeout(REQUEST_TIMEOUT, exchange)
            .await
            .map_err(|_| {
                ClusterError::unreachable(
                    UnreachableCause::Timeout,
                    format!("no answer within {}s", REQUEST_TIMEOUT.as_secs()),
                )
            })?
            .map_err(|error| ClusterError::from_client(&error))?;
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).chars().take(300).collect()));
        let retry_after = head.headers.get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let reply = ApiReply::new(head.status, retry_after, body);
        // An object is a JSON object; a page of some proxy in between is not.
        if reply.status.is_success() && !reply.body.is_object() {
            return Err(ClusterError::unreachable(UnreachableCause::ServerError, "an answer that is no JSON object"));
        }
        ClusterError::about_cluster(&reply).map_or(Ok(reply), Err)
    }
}

impl super::ServedKind {
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
    bounds::expect_one_object(&mut request);
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
