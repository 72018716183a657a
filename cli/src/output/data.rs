//! Records for programs: JSON and YAML. Ids are texts there, because many readers of JSON, JavaScript's and older jq's among them, round numbers of 64 bits.

use causeway_records::{
    field::{Field, Table},
    noun::Info,
    record::Common,
    status::Status,
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

use crate::{api::Fields, failure::Failure, failure::Outcome};

/// An object whose members stand in the order of the noun's table.
pub(crate) struct Ordered(pub(crate) Vec<(String, Member)>);

/// A member of it.
pub(crate) enum Member {
    One(Value),
    /// Objects in an order of their own.
    Rows(Vec<Ordered>),
}

impl From<Value> for Member {
    fn from(value: Value) -> Self {
        Self::One(value)
    }
}

impl Serialize for Member {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(value) => value.serialize(serializer),
            Self::Rows(rows) => rows.serialize(serializer),
        }
    }
}

impl Serialize for Ordered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// A record with its ids as texts.
pub(crate) fn record(info: &'static Info, record: &Fields) -> Ordered {
    let known = Common::FIELDS.iter().chain(info.fields).chain(Status::FIELDS);
    let mut members: Vec<(String, Member)> = vec![];
    for field in known {
        if let Some(value) = record.get(field.json)
            && !members.iter().any(|(key, _)| key == field.json)
        {
            members.push((field.json.to_owned(), told(field, value).into()));
        }
    }
    // What a newer server adds.
    let others = record.iter().filter(|(key, _)| !members.iter().any(|(known, _)| known == *key));
    let others: Vec<_> = others.map(|(key, value)| (key.clone(), value.clone().into())).collect();
    members.extend(others);
    Ordered(members)
}

fn told(field: &Field, value: &Value) -> Value {
    match value {
        Value::Number(id) if is_id(field) => Value::String(id.to_string()),
        Value::Array(ids) if field.json.ends_with("IDs") => {
            Value::Array(ids.iter().map(|id| Value::String(id.to_string())).collect())
        }
        other => other.clone(),
    }
}

/// What is no record of a noun, with ids as texts.
pub(crate) fn with_text_ids(fields: &Fields) -> Value {
    let told = |(key, value): (&String, &Value)| match value {
        Value::Number(id) if key == "ID" || key.ends_with("ID") => (key.clone(), Value::String(id.to_string())),
        other => (key.clone(), other.clone()),
    };
    Value::Object(fields.iter().map(told).collect())
}

/// Whether a field holds the id of a record.
pub(crate) fn is_id(field: &Field) -> bool {
    field.json == "ID" || field.json.ends_with("ID") || field.json.ends_with("Id")
}

/// JSON with a final newline.
pub(crate) fn json(value: &impl Serialize) -> Outcome<String> {
    serde_json::to_string_pretty(value).map(|text| text + "\n").map_err(unwritable)
}

/// One YAML document, without the line that separates it from others.
pub(crate) fn yaml(value: &impl Serialize) -> Outcome<String> {
    serde_saphyr::to_string(value).map_err(unwritable)
}

fn unwritable(error: impl std::fmt::Display) -> Failure {
    Failure::usage(format!("this can't be written: {error}"))
}

/// A record as the document that `apply` takes: its kind, and the record below it.
pub(crate) fn document(kind: &str, record: Ordered) -> Outcome<String> {
    struct Document<'a>(&'a str, Ordered);
    impl Serialize for Document<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(Some(1))?;
            map.serialize_entry(self.0, &self.1)?;
            map.end()
        }
    }
    yaml(&Document(kind, record))
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::Kind;
    use serde_json::json;

    #[test]
    fn ids_are_texts_and_members_stand_in_order() {
        let shop = json!({"GatewayDefinitionID": 912_345_678_900_001_024_i64, "Name": "shop", "ID": 1, "New": 2, "Generation": 3});
        let text = json(&record(Kind::GatewayInstance.info(), shop.as_object().unwrap())).unwrap();
        let expected = "{\n  \"ID\": \"1\",\n  \"Name\": \"shop\",\n  \"GatewayDefinitionID\": \"912345678900001024\",\n  \"Generation\": 3,\n  \"New\": 2\n}\n";
        assert_eq!(text, expected);
        let summary = json!({"ID": 912_345_678_900_001_024_i64, "KubernetesRuntimeInstanceID": 7, "Gateways": 3});
        let expected = json!({"ID": "912345678900001024", "KubernetesRuntimeInstanceID": "7", "Gateways": 3});
        assert_eq!(with_text_ids(summary.as_object().unwrap()), expected);
        let account = json!({"Name": "a", "AccountID": "1", "KubernetesRuntimeInstanceIDs": [5]});
        let text = json(&record(Kind::AwsAccount.info(), account.as_object().unwrap())).unwrap();
        assert!(text.contains("[\n    \"5\"\n  ]"), "{text}");
    }
}
