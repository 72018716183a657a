//! The schemas that the build takes out of the CRDs, compiled.

use jsonschema::{PatternOptions, Validator};
use kube_cel::{CompiledSchema, apply_defaults, compile_schema};
use serde_json::{Value, json};
use std::sync::LazyLock;

pub(crate) static HTTP: LazyLock<Compiled> =
    LazyLock::new(|| Compiled::new(include_str!(concat!(env!("OUT_DIR"), "/httproutes.json"))));
pub(crate) static GRPC: LazyLock<Compiled> =
    LazyLock::new(|| Compiled::new(include_str!(concat!(env!("OUT_DIR"), "/grpcroutes.json"))));

/// The schema of `spec.rules` of one kind.
pub(crate) struct Compiled {
    /// As in the CRD.
    pub(crate) schema: Value,
    pub(crate) structure: Validator,
    pub(crate) programs: CompiledSchema,
}

impl Compiled {
    #[expect(clippy::expect_used, reason = "the build put the schema in, and a test compiles it")]
    fn new(text: &str) -> Self {
        let schema: Value = serde_json::from_str(text).expect("the build writes JSON");
        let strict = strict(&schema);
        Self::with(schema, &strict).expect("the CRD holds a schema")
    }

    /// Of a whole definition, without strict validation: fields that it doesn't have are let pass, as a server does that drops them.
    pub(crate) fn lenient(schema: Value) -> Option<Self> {
        let structure = schema.clone();
        Self::with(schema, &structure)
    }

    fn with(schema: Value, structure: &Value) -> Option<Self> {
        // The regular expressions of a CRD are Go's: they run in linear time, as those of this engine do.
        let options = jsonschema::options().with_pattern_options(PatternOptions::regex());
        let structure = options.build(structure).ok()?;
        let programs = compile_schema(&schema);
        Some(Self { schema, structure, programs })
    }

    pub(crate) fn with_defaults(&self, rules: &Value) -> Value {
        apply_defaults(&self.schema, rules)
    }

    /// A null in a field that has a default stands for no value, and the server forgets it before it fills in the default. In others it is refused.
    pub(crate) fn without_nulls(&self, rules: &Value) -> Value {
        without_nulls(&self.schema, rules)
    }
}

fn without_nulls(schema: &Value, value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let known = |key: &str| schema["properties"].get(key);
            let has_default = |key: &str| known(key).is_some_and(|own| own.get("default").is_some());
            let kept = members.iter().filter(|(key, value)| !(value.is_null() && has_default(key)));
            kept.map(|(key, value)| (key.clone(), known(key).map_or(value.clone(), |own| without_nulls(own, value))))
                .collect()
        }
        Value::Array(items) => items.iter().map(|item| without_nulls(&schema["items"], item)).collect(),
        other => other.clone(),
    }
}

/// The same as JSON Schema: what the server refuses with strict validation, and what it means by its own keywords.
fn strict(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => {
            let mut strict: serde_json::Map<_, _> =
                members.iter().map(|(key, value)| (key.clone(), strict_member(key, value))).collect();
            if members.get("properties").is_some_and(Value::is_object) {
                strict.insert("additionalProperties".into(), json!(false));
            }
            if members.get("x-kubernetes-list-type") == Some(&json!("set")) {
                strict.insert("uniqueItems".into(), json!(true));
            }
            if members.get("format") == Some(&json!("int32")) {
                strict.entry("minimum").or_insert(json!(i32::MIN));
                strict.entry("maximum").or_insert(json!(i32::MAX));
            }
            Value::Object(strict)
        }
        other => other.clone(),
    }
}

fn strict_member(key: &str, value: &Value) -> Value {
    match (key, value) {
        ("properties", Value::Object(properties)) => {
            properties.iter().map(|(name, schema)| (name.clone(), strict(schema))).collect()
        }
        ("items", schema) => strict(schema),
        (_, other) => other.clone(),
    }
}
