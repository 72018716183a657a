//! Answers of the API server, and what they say about what was asked. Pure.

use std::time::Duration;

use causeway_records::inventory::ObjectRef;
use http::StatusCode;
use serde_json::Value;

use super::{
    ClusterError, UnreachableCause,
    bounds::{self, cut, is_identifier},
    live::LiveObject,
};

/// An answer of the API server. Not printable: it may hold a Secret.
pub(crate) struct ApiReply {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<Duration>,
    /// The object, a `Status`, or a string with what is not JSON.
    pub(crate) body: Value,
}

impl ApiReply {
    /// `retry_after` is the header's text; a date is not understood.
    pub(super) fn new(status: StatusCode, retry_after: Option<&str>, body: Value) -> Self {
        let seconds = retry_after.and_then(|text| text.trim().parse().ok());
        Self { status, retry_after: seconds.map(|seconds| Duration::from_secs(seconds).min(bounds::RETRY_AFTER)), body }
    }

    pub(crate) fn is_status(&self) -> bool {
        self.body["kind"] == "Status"
    }

    /// In the server's words, or the bare code where it has none.
    pub(crate) fn message(&self) -> String {
        let said = self.body["message"].as_str().or(self.body.as_str()).unwrap_or_default().trim();
        if said.is_empty() { format!("the API server answered {}", self.status) } else { cut(said.to_owned()) }
    }

    /// A 404 that is about this very object. One about its kind or its namespace has other details.
    pub(super) fn is_absence_of(&self, object: &ObjectRef) -> bool {
        let details = &self.body["details"];
        self.status == StatusCode::NOT_FOUND
            && self.is_status()
            && details["name"] == object.name.as_str()
            && (details["kind"] != "namespaces" || object.kind == "Namespace")
    }

    /// The object that was asked for. Something in between may say 200 to anything; taken for the object, it would seem to be somebody else's.
    pub(super) fn object(self, at: &ObjectRef) -> Result<LiveObject, ClusterError> {
        let metadata = &self.body["metadata"];
        let is_it = self.body["kind"] == at.kind.as_str() && metadata["name"] == at.name.as_str();
        // Both are stored or sent back.
        let is_bounded = metadata["resourceVersion"].as_str().is_none_or(is_identifier);
        if is_it && metadata["uid"].as_str().is_some_and(is_identifier) && is_bounded {
            return Ok(LiveObject::new(self.body));
        }
        let what = format!("{} with something that is not {at}", self.status);
        Err(ClusterError::unreachable(UnreachableCause::ServerError, what))
    }

    /// The items of a list. An empty list may have null there; an answer that is no list has said nothing about what is there.
    pub(super) fn items(&self) -> Result<&[Value], ClusterError> {
        let is_list = self.body["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
        match &self.body["items"] {
            Value::Array(items) if is_list => Ok(items),
            Value::Null if is_list => Ok(&[]),
            _ => {
                let what = format!("{} with something that is not the list which was asked for", self.status);
                Err(ClusterError::unreachable(UnreachableCause::ServerError, what))
            }
        }
    }

    /// What a deletion is answered with names the object that was deleted: the object itself if it goes later, else a `Status`.
    pub(super) fn is_deletion_of(&self, seen: &LiveObject) -> bool {
        let uid = if self.is_status() { &self.body["details"]["uid"] } else { &self.body["metadata"]["uid"] };
        *uid == seen.uid()
    }

    /// The path led to no kind at all: the server answers that in plain text, or with a Status that names no object.
    pub(super) fn is_unknown_kind(&self) -> bool {
        self.status == StatusCode::NOT_FOUND && (!self.is_status() || self.body["details"]["name"].is_null())
    }

    /// The fields that somebody else has set to other values than an apply without force asks for, each with the name of that field manager.
    pub(super) fn field_conflicts(&self) -> Vec<(String, String)> {
        let causes = self.body["details"]["causes"].as_array().filter(|_| self.status == StatusCode::CONFLICT);
        let conflict = |cause: &Value| {
            let field = cause["field"].as_str()?.trim_start_matches('.');
            // `conflict with "kubectl" using v1`
            let manager = cause["message"].as_str()?.split('"').nth(1)?;
            (cause["reason"] == "FieldManagerConflict").then(|| (cut(field.to_owned()), cut(manager.to_owned())))
        };
        causes.into_iter().flatten().filter_map(conflict).collect()
    }

    /// What of the object can't be changed once it is made, as the server says; None if it refuses something else. Its own message may be
    /// cut before the end, where it says so.
    pub(super) fn immutable_fields(&self) -> Option<String> {
        const SAID: [&str; 5] =
            ["immutable", "updates to ", "cannot change roleRef", "may not change once set", "can not be changed"];
        if self.status != StatusCode::UNPROCESSABLE_ENTITY {
            return None;
        }
        let causes = self.body["details"]["causes"].as_array()?;
        let says = |cause: &&Value| {
            cause["message"].as_str().is_some_and(|message| SAID.iter().any(|said| message.contains(said)))
        };
        let mut fields: Vec<&str> = causes.iter().filter(says).filter_map(|cause| cause["field"].as_str()).collect();
        fields.dedup();
        (!fields.is_empty()).then(|| cut(fields.join(", ")))
    }

    /// The object is in another state than the one the write was bound to: read and decide anew. A wrong uid comes as an
    /// attempt to change an immutable field.
    pub(super) fn is_outdated(&self) -> bool {
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

/// The token for the next page of a list; None on the last one.
pub(crate) fn next_page(list: &ApiReply) -> Option<&str> {
    list.body["metadata"]["continue"].as_str().filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::samples::config_map;

    fn reply(code: u16, body: Value) -> ApiReply {
        ApiReply { status: StatusCode::from_u16(code).unwrap(), retry_after: None, body }
    }

    #[test]
    fn only_a_404_about_the_object_itself_is_its_absence() {
        let of =
            |name: &str, kind: &str| reply(404, json!({"kind": "Status", "details": {"name": name, "kind": kind}}));
        assert!(of("web", "configmaps").is_absence_of(&config_map("web")));
        assert!(!of("shop", "namespaces").is_absence_of(&config_map("web")));
        let nothing = reply(404, json!("404 page not found"));
        assert!(!nothing.is_absence_of(&config_map("web")));
        assert!(nothing.is_unknown_kind());
        assert!(!of("shop", "namespaces").is_unknown_kind());
    }

    #[test]
    fn a_success_that_is_about_something_else_is_no_object() {
        let object = |name: &str| json!({"kind": "ConfigMap", "metadata": {"name": name, "uid": "u"}});
        assert!(reply(200, object("web")).object(&config_map("web")).is_ok());
        let endless = json!({"kind": "ConfigMap", "metadata": {"name": "web", "uid": "u".repeat(1000)}});
        for other in [endless, object("other"), json!({"kind": "Status", "status": "Success"}), json!({})] {
            let error = reply(200, other).object(&config_map("web")).unwrap_err();
            assert!(matches!(error, ClusterError::Unreachable { .. }), "{error}");
        }
    }

    #[test]
    fn a_cluster_can_ask_for_ten_minutes_at_most() {
        let after = |text| ApiReply::new(StatusCode::TOO_MANY_REQUESTS, text, Value::Null).retry_after;
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(
            [after(Some("30")), after(Some("1000000000")), after(Some("99999999999999"))],
            [seconds(30), seconds(600), seconds(600)]
        );
        assert_eq!([after(None), after(Some("soon")), after(Some("99999999999999999999999"))], [None; 3]);
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
        let seen = LiveObject::new(json!({"metadata": {"uid": "u1"}}));
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
    fn a_refused_apply_names_fields_and_their_managers() {
        let conflict = |reason: &str, message: &str| {
            reply(
                409,
                json!({"kind": "Status", "details": {"causes": [{"reason": reason, "message": message, "field": ".data.key"}]}}),
            )
        };
        let said = "conflict with \"kube-controller-manager\" with subresource \"scale\" using apps/v1";
        let expected = vec![("data.key".to_owned(), "kube-controller-manager".to_owned())];
        assert_eq!(conflict("FieldManagerConflict", said).field_conflicts(), expected);
        assert_eq!(conflict("Other", said).field_conflicts(), []);
        assert_eq!(conflict("FieldManagerConflict", "?").field_conflicts(), []);
        assert_eq!(reply(409, json!({"kind": "Status"})).field_conflicts(), []);
    }

    #[test]
    fn what_cannot_be_changed_is_told_from_what_is_wrong() {
        let invalid = |field: &str, message: &str| {
            reply(
                422,
                json!({"kind": "Status", "details": {"causes": [{"field": field, "message": message}, {"field": "spec"}]}}),
            )
        };
        let dump = format!("Invalid value: {}: field is immutable", "x".repeat(10_000));
        assert_eq!(invalid("spec.template", &dump).immutable_fields().as_deref(), Some("spec.template"));
        let forbidden = "Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden";
        assert_eq!(invalid("spec", forbidden).immutable_fields().as_deref(), Some("spec"));
        assert_eq!(invalid("spec.port", "Invalid value: 99999").immutable_fields(), None);
        assert_eq!(reply(422, json!({"kind": "Status"})).immutable_fields(), None);
    }

    #[test]
    fn a_wrong_uid_means_that_the_state_is_outdated() {
        let invalid = |field: &str| reply(422, json!({"kind": "Status", "details": {"causes": [{"field": field}]}}));
        assert!(invalid("metadata.uid").is_outdated());
        assert!(!invalid("spec.port").is_outdated());
        assert!(reply(409, json!({"kind": "Status"})).is_outdated());
    }
}
