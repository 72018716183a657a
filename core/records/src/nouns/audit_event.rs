use super::Rules;
use crate::{
    field::{Field, Fields},
    scalar::json_scalar,
    slot::Slot,
    text::choice,
};
use causeway_records_derive::Noun;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

choice! {
    /// What was done to a record.
    Action {
        /// It was made.
        Create = "Create",
        /// Some of its fields were set.
        Update = "Update",
        /// Its deletion was asked for.
        Delete = "Delete",
    }
}

/// Stands for a value that nobody may read here.
const MASK: &str = "***";
/// The longest value that is kept, in bytes of JSON.
const LONGEST: usize = 2048;

/// A field that a write changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Change {
    /// Its name on the wire.
    pub field: String,
    /// Its value before; left out: it had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// Its value since; left out: it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
}

/// The fields that a write changed, in the order of the noun's table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Changes(pub Vec<Change>);
json_scalar!(Changes);

impl Changes {
    /// What differs between two states of the same struct; without a `before`, all that is set. Secrets are masked, and of long values only
    /// the length is told. Child nouns are left to whoever writes them.
    pub fn between(before: Option<&dyn Fields>, after: &dyn Fields) -> Self {
        let change = |index: usize| {
            let (field, new) = (&after.fields()[index], after.get(index));
            let old = before.map(|before| before.get(index));
            let same = old.and_then(Slot::to_value) == new.to_value();
            let shown = |slot: &dyn Slot| shown(field, slot);
            (!field.is_child() && !same).then(|| Change {
                field: field.json.to_owned(),
                old: old.and_then(shown),
                new: shown(new),
            })
        };
        Self((0..after.fields().len()).filter_map(change).collect())
    }
}

/// A value as an audit event may tell it.
fn shown(field: &Field, slot: &dyn Slot) -> Option<Value> {
    if slot.is_null() {
        return None;
    }
    if field.is_secret() {
        return Some(json!(MASK));
    }
    let value = serde_json::to_value(slot).unwrap_or_default();
    let length = value.to_string().len();
    Some(if length > LONGEST { json!(format!("({length} bytes)")) } else { value })
}

/// One change that a caller made: who, when (`CreatedAt`), what. Written with the change itself, so neither is there without the other.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "audit-events")]
pub struct AuditEvent {
    /// Who asked for it: the name of a client certificate or an access token; `anonymous` where there is no authentication.
    #[noun(read_only, example = "ann")]
    pub caller: String,
    /// The request's `x-request-id`: of the client, or made up by the API, and then in the answer and the log too.
    #[noun(read_only, example = "0b3f0f52-8b0e-4c0c-9d0a-0f5f9a6f7d11")]
    pub request_id: Option<String>,
    /// What was done.
    #[noun(read_only)]
    pub action: Action,
    /// The kind of record it was done to: `GatewayDefinition`.
    #[noun(read_only, example = "GatewayDefinition")]
    pub object_kind: String,
    /// The id of the record it was done to.
    #[noun(read_only)]
    pub object_id: i64,
    /// The record's name since; left out: records of its kind have none.
    #[noun(read_only, example = "shop")]
    pub object_name: Option<String>,
    /// The fields that changed, with the values before and since. Secrets, and documents that may hold some, are masked; of values longer than
    /// 2048 bytes the length is told.
    #[noun(read_only, no_filter, example = r#"[{"Field":"SubDomain","Old":"shop","New":"www"}]"#)]
    pub changes: Changes,
}
impl Rules for AuditEvent {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nouns::{GatewayDefinition, KubernetesRuntimeInstance, WorkloadDefinition};

    fn told(changes: &Changes, field: &str) -> Option<(Option<Value>, Option<Value>)> {
        changes.0.iter().find(|change| change.field == field).map(|change| (change.old.clone(), change.new.clone()))
    }

    #[test]
    fn what_differs_is_told_with_both_values() {
        let before = GatewayDefinition { service_name: "a".parse().ok(), ..Default::default() };
        let after = GatewayDefinition { service_name: None, sub_domain: "www".parse().ok(), ..before.clone() };
        let changes = Changes::between(Some(&before), &after);
        assert_eq!(told(&changes, "ServiceName"), Some((Some(json!("a")), None)));
        assert_eq!(told(&changes, "SubDomain"), Some((None, Some(json!("www")))));
        assert_eq!(changes.0.len(), 2);
        let made = Changes::between(None, &after);
        assert_eq!(told(&made, "Placement"), Some((None, Some(json!("Shared")))));
        assert_eq!(Changes::between(Some(&after), &after), Changes::default());
    }

    #[test]
    fn secrets_are_masked_and_long_values_left_out() {
        let runtime = |secret: &str| KubernetesRuntimeInstance {
            connection_token: Some(secret.into()),
            certificate: Some(secret.repeat(1000)),
            ..Default::default()
        };
        let changes = Changes::between(Some(&runtime("first")), &runtime("other"));
        assert_eq!(told(&changes, "ConnectionToken"), Some((Some(json!(MASK)), Some(json!(MASK)))));
        assert_eq!(told(&changes, "Certificate").unwrap().1, Some(json!("(5002 bytes)")));
        let manifests = WorkloadDefinition { yaml_document: "kind: Secret".into(), ..Default::default() };
        assert_eq!(told(&Changes::between(None, &manifests), "YAMLDocument"), Some((None, Some(json!(MASK)))));
    }
}
