//! Requests about one object, sent raw: the HTTP status tells what kube's typed calls hide (201 or 200).

use std::time::Duration;

use causeway_failpoints::{OBJECT_GONE, WRITE_NEXT, reach};
use causeway_records::inventory::ObjectRef;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use kube::{
    api::{DeleteParams, DynamicObject, GetParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy},
    client::Body,
    core::Resource as _,
};
use serde_json::{Value, json};

use super::{Cause, Cluster, ClusterError, Writer, live::Live};

/// For one request and its whole answer. A lease must outlive it by a margin: a write that was sent just before the lease ended
/// may still land this much later.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// An answer of the API server. Not printable: it may hold a Secret.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<Duration>,
    /// The object, a `Status`, or a string with what is not JSON.
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn is_status(&self) -> bool {
        self.body["kind"] == "Status"
    }

    /// In the server's words, or the bare code where it has none.
    pub(crate) fn message(&self) -> String {
        let said = self.body["message"].as_str().or(self.body.as_str()).unwrap_or_default().trim();
        if said.is_empty() { format!("the API server answered {}", self.status) } else { said.to_owned() }
    }

    /// A 404 that is about this very object. One that is about its kind or its namespace looks different.
    fn is_absence_of(&self, object: &ObjectRef) -> bool {
        let details = &self.body["details"];
        self.status == StatusCode::NOT_FOUND
            && self.is_status()
            && details["name"] == object.name.as_str()
            && (details["kind"] != "namespaces" || object.kind == "Namespace")
    }

    /// The object that was asked for. Something in between may say 200 to anything; taken for the object, that would look like somebody else's.
    fn object(self, at: &ObjectRef) -> Result<Live, ClusterError> {
        let metadata = &self.body["metadata"];
        let is_it = self.body["kind"] == at.kind.as_str() && metadata["name"] == at.name.as_str();
        if is_it && metadata["uid"].is_string() {
            return Ok(Live::new(self.body));
        }
        let what = format!("{} with something that is not {at}", self.status);
        Err(ClusterError::unreachable(Cause::ServerError, what))
    }

    /// The items of a list. An empty list may have null there; an answer that is no list has said nothing about what is there.
    pub(super) fn items(&self) -> Result<&[Value], ClusterError> {
        let is_list = self.body["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
        match &self.body["items"] {
            Value::Array(items) if is_list => Ok(items),
            Value::Null if is_list => Ok(&[]),
            _ => {
                let what = format!("{} with something that is not the list which was asked for", self.status);
                Err(ClusterError::unreachable(Cause::ServerError, what))
            }
        }
    }

    /// What a deletion is answered with names the object that was deleted: the object itself if it goes later, else a `Status`.
    fn is_deletion_of(&self, seen: &Live) -> bool {
        let uid = if self.is_status() { &self.body["details"]["uid"] } else { &self.body["metadata"]["uid"] };
        *uid == seen.uid()
    }

    /// The path led to no kind at all: the server answers that in plain text, or with a Status that names no object.
    pub(super) fn is_unknown_kind(&self) -> bool {
        self.status == StatusCode::NOT_FOUND && (!self.is_status() || self.body["details"]["name"].is_null())
    }

    /// Somebody was faster, or the object is not the one we looked at: look again and decide anew. A wrong uid comes as an
    /// attempt to change an immutable field.
    fn is_outdated(&self) -> bool {
        let touches_uid = || {
            let causes = self.body["details"]["causes"].as_array();
            causes.is_some_and(|causes| causes.iter().any(|cause| cause["field"] == "metadata.uid"))
        };
        match self.status {
            StatusCode::CONFLICT => true,
            StatusCode::UNPROCESSABLE_ENTITY => touches_uid(),
            _ => false,
        }
    }
}

/// What a read found.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// The object.
    Found(Live),
    /// The kind is served, and no object of that name exists.
    Absent,
    /// The cluster knows no such kind: this says nothing about the object.
    NotServed,
}

/// What became of a write.
pub(crate) enum Written {
    /// 201: it was not there before, so we made it.
    Created(Live),
    /// 200.
    Stored(Live),
    /// Nothing was written, because the object is not as we saw it last.
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
            _ => Err(ClusterError::of_reply(&reply, at)),
        }
    }

    /// Reads one object of a kind that every cluster serves. None if it is not there.
    ///
    /// # Errors
    /// As [`Self::get`]; Unreachable where the kind is not served: whoever says so is no whole cluster.
    pub async fn get_builtin(&self, at: &ObjectRef) -> Result<Option<Live>, ClusterError> {
        match self.get(at).await? {
            Lookup::Found(live) => Ok(Some(live)),
            Lookup::Absent => Ok(None),
            Lookup::NotServed => {
                let what = format!("it does not serve kind {}, which every cluster serves", at.kind);
                Err(ClusterError::unreachable(Cause::ServerError, what))
            }
        }
    }

    /// Server-side apply with force. The body decides what it may hit: see [`super::ownership::Step`].
    pub(crate) async fn server_side_apply(
        &self,
        writer: &Writer,
        at: &ObjectRef,
        body: &Value,
    ) -> Result<Written, ClusterError> {
        let params = PatchParams::apply(&writer.field_manager()).force();
        let Some(kind) = self.discovery().find_exact(at).await? else { return Ok(Written::NotServed) };
        let request = kind.requests(at)?.patch(&at.name, &params, &Patch::Apply(body));
        self.write(writer, at, build(request, at)?).await
    }

    /// Replaces the whole object; `body` carries the uid and resourceVersion that it must still have.
    pub(crate) async fn replace(&self, writer: &Writer, at: &ObjectRef, body: &Value) -> Result<Written, ClusterError> {
        let params = PostParams { field_manager: Some(writer.field_manager()), ..PostParams::default() };
        let Some(kind) = self.discovery().find_exact(at).await? else { return Ok(Written::NotServed) };
        let request = kind.requests(at)?.replace(&at.name, &params, body.to_string().into_bytes());
        self.write(writer, at, build(request, at)?).await
    }

    /// Takes labels off an object, if it is still as `seen`.
    pub(crate) async fn remove_labels(
        &self,
        writer: &Writer,
        at: &ObjectRef,
        seen: &Live,
        labels: &[&str],
    ) -> Result<Written, ClusterError> {
        let gone: serde_json::Map<_, _> = labels.iter().map(|label| ((*label).to_owned(), Value::Null)).collect();
        let patch = json!({"metadata": {
            "uid": seen.uid(), "resourceVersion": seen.resource_version(), "labels": gone,
        }});
        let params = PatchParams { field_manager: Some(writer.field_manager()), ..PatchParams::default() };
        let Some(kind) = self.discovery().find(at).await? else { return Ok(Written::NotServed) };
        let request = kind.requests(at)?.patch(&at.name, &params, &Patch::Merge(patch));
        self.write(writer, at, build(request, at)?).await
    }

    /// Deletes an object if it is still as `seen`; its dependents go after it. False if it is not, or if the answer doesn't say that it was deleted.
    pub(crate) async fn delete(&self, writer: &Writer, at: &ObjectRef, seen: &Live) -> Result<bool, ClusterError> {
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
        writer.check(at)?;
        reach(&WRITE_NEXT);
        let reply = self.send(request).await?;
        match reply.status {
            status if status.is_success() && reply.is_deletion_of(seen) => {
                reach(&OBJECT_GONE);
                Ok(true)
            }
            // An answer about something else, or of an aggregated API server that doesn't say what it deleted: whoever looks again, knows.
            status if status.is_success() => Ok(false),
            _ if reply.is_outdated() || reply.is_absence_of(at) => Ok(false),
            _ => Err(ClusterError::of_reply(&reply, at)),
        }
    }

    /// The one door for writes that answer with the object: nothing passes without the writer's leave.
    async fn write(&self, writer: &Writer, at: &ObjectRef, request: Request<Vec<u8>>) -> Result<Written, ClusterError> {
        writer.check(at)?;
        reach(&WRITE_NEXT);
        let reply = self.send(request).await?;
        match reply.status {
            StatusCode::CREATED => Ok(Written::Created(reply.object(at)?)),
            StatusCode::OK => Ok(Written::Stored(reply.object(at)?)),
            _ if reply.is_outdated() || reply.is_absence_of(at) => Ok(Written::Outdated),
            _ if reply.is_unknown_kind() => {
                self.discovery().forget().await;
                Ok(Written::NotServed)
            }
            _ => Err(ClusterError::of_reply(&reply, at)),
        }
    }

    /// Sends one request and reads the whole answer, within [`REQUEST_TIMEOUT`]. Fails only when the cluster does.
    pub(crate) async fn send(&self, request: Request<Vec<u8>>) -> Result<Reply, ClusterError> {
        let exchange = async {
            let response = self.client().send(request.map(Body::from)).await?;
            let (head, body) = response.into_parts();
            Ok::<_, kube::Error>((head, body.collect().await?.to_bytes()))
        };
        let (head, bytes) = tokio::time::timeout(REQUEST_TIMEOUT, exchange)
            .await
            .map_err(|_| {
                ClusterError::unreachable(Cause::Timeout, format!("no answer within {}s", REQUEST_TIMEOUT.as_secs()))
            })?
            .map_err(|error| ClusterError::of_client(&error))?;
        let retry_after =
            head.headers.get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).chars().take(300).collect()));
        let reply = Reply { status: head.status, retry_after: retry_after.map(Duration::from_secs), body };
        // An object is a JSON object; a page of some proxy in between is not.
        if reply.status.is_success() && !reply.body.is_object() {
            return Err(ClusterError::unreachable(Cause::ServerError, "an answer that is no JSON object"));
        }
        ClusterError::of_cluster(&reply).map_or(Ok(reply), Err)
    }
}

impl super::Kind {
    /// The request builder for the collection in which the object stands.
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
    request.map_err(|error| ClusterError::refused(at, format!("no request can be made for it: {error}")))
}

/// Names come from manifests that others wrote: none may lead to another path.
fn is_path_segment(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
    !name.is_empty() && name != "." && name != ".." && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config_map() -> ObjectRef {
        ObjectRef {
            group: String::new(),
            version: "v1".into(),
            kind: "ConfigMap".into(),
            namespace: Some("shop".into()),
            name: "web".into(),
        }
    }

    fn reply(code: u16, body: Value) -> Reply {
        Reply { status: StatusCode::from_u16(code).unwrap(), retry_after: None, body }
    }

    #[test]
    fn only_a_404_about_the_object_itself_is_its_absence() {
        let of =
            |name: &str, kind: &str| reply(404, json!({"kind": "Status", "details": {"name": name, "kind": kind}}));
        assert!(of("web", "configmaps").is_absence_of(&config_map()));
        assert!(!of("shop", "namespaces").is_absence_of(&config_map()));
        let nothing = reply(404, json!("404 page not found"));
        assert!(!nothing.is_absence_of(&config_map()));
        assert!(nothing.is_unknown_kind());
        assert!(!of("shop", "namespaces").is_unknown_kind());
    }

    #[test]
    fn a_success_that_is_about_something_else_is_no_object() {
        let object = |name: &str| json!({"kind": "ConfigMap", "metadata": {"name": name, "uid": "u"}});
        assert!(reply(200, object("web")).object(&config_map()).is_ok());
        for other in [object("other"), json!({"kind": "Status", "status": "Success"}), json!({})] {
            let error = reply(200, other).object(&config_map()).unwrap_err();
            assert!(matches!(error, ClusterError::Unreachable { .. }), "{error}");
        }
    }

    #[test]
    fn only_a_list_says_what_there_is() {
        let of = |kind: &str, items: Value| reply(200, json!({"kind": kind, "items": items}));
        let list = of("PartialObjectMetadataList", json!([{}]));
        assert_eq!(list.items().unwrap().len(), 1);
        assert!(of("ConfigMapList", Value::Null).items().unwrap().is_empty());
        for other in [of("Status", Value::Null), of("Status", json!([])), of("ConfigMapList", json!("none"))] {
            assert!(matches!(other.items(), Err(ClusterError::Unreachable { .. })));
        }
    }

    #[test]
    fn a_deletion_is_done_when_the_answer_names_what_was_deleted() {
        let seen = Live::new(json!({"metadata": {"uid": "u1"}}));
        let status = |uid: &str| json!({"kind": "Status", "status": "Success", "details": {"uid": uid}});
        let object = |uid: &str| json!({"kind": "ConfigMap", "metadata": {"uid": uid}});
        for named in [status("u1"), object("u1")] {
            assert!(reply(200, named).is_deletion_of(&seen));
        }
        for other in [status("u2"), object("u2"), json!({"kind": "Status", "status": "Success"}), json!({})] {
            assert!(!reply(200, other).is_deletion_of(&seen));
        }
    }

    #[test]
    fn a_wrong_uid_means_look_again() {
        let invalid = |field: &str| reply(422, json!({"kind": "Status", "details": {"causes": [{"field": field}]}}));
        assert!(invalid("metadata.uid").is_outdated());
        assert!(!invalid("spec.port").is_outdated());
        assert!(reply(409, json!({"kind": "Status"})).is_outdated());
    }

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
