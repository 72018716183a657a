//! The document is whole, and its examples are right.

use super::*;
use crate::{
    openapi::{examples, pages, schema::schema_ref},
    wire::{
        body::{Author, MergeBase, merge},
        documents::Body,
    },
};
use axum::http::Method;
use causeway_records::{Record, noun::Noun, nouns::Rules, secret::Keyring};
use serde_json::{Map, json};
use std::collections::HashMap;

/// The schema of a component, with everything that it refers to.
fn validator(schema: &Value) -> jsonschema::Validator {
    let whole = json!({"allOf": [schema], "components": document()["components"]});
    jsonschema::options().should_validate_formats(true).build(&whole).unwrap()
}

#[track_caller]
fn fits(validator: &jsonschema::Validator, example: &Value, what: &str) {
    let problems: Vec<_> = validator.iter_errors(example).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(problems.is_empty(), "{what}: {problems:?}\n{example:#}");
}

fn operations() -> Vec<(String, &'static Value)> {
    let paths = document()["paths"].as_object().unwrap();
    let verbs = paths.iter().flat_map(|(path, verbs)| verbs.as_object().unwrap().iter().map(move |pair| (path, pair)));
    verbs.map(|(path, (verb, operation))| (format!("{verb} {path}"), operation)).collect()
}

#[test]
fn every_route_is_described() {
    let routes = routes();
    let api = routes.list().iter().filter(|route| !pages::PATHS.contains(&route.path.as_str()));
    let mut wanted: Vec<_> =
        api.map(|route| format!("{} {}", route.method.as_str().to_ascii_lowercase(), route.path)).collect();
    let mut described: Vec<_> = operations().into_iter().map(|(name, _)| name).collect();
    wanted.sort();
    described.sort();
    assert_eq!(described, wanted);
    assert!(routes.list().iter().any(|route| route.method == Method::DELETE));
}

#[test]
fn operations_have_names_of_their_own_and_words() {
    let mut names = vec![];
    for (name, operation) in operations() {
        for word in ["summary", "description"] {
            assert!(operation[word].as_str().is_some_and(|text| text.len() > 5), "{name} has no {word}");
        }
        assert!(operation["responses"].as_object().unwrap().keys().any(|code| code.starts_with('2')), "{name}");
        names.push(operation["operationId"].as_str().unwrap());
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn references_lead_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let mut found = vec![];
    references(document(), &mut found);
    for reference in &found {
        assert!(document().pointer(reference.trim_start_matches('#')).is_some(), "{reference} leads nowhere");
    }
    for (kind, components) in document()["components"].as_object().unwrap() {
        let used = |name: &str| found.contains(&format!("#/components/{kind}/{name}"));
        let idle: Vec<_> = components.as_object().unwrap().keys().filter(|name| !used(name)).collect();
        assert!(idle.is_empty() || kind == "securitySchemes", "nobody needs {idle:?}");
    }
}

#[test]
fn links_name_operations() {
    let ids: Vec<_> = operations().into_iter().map(|(_, operation)| operation["operationId"].clone()).collect();
    let mut count = 0;
    for (name, operation) in operations() {
        for link in operation["responses"]["201"]["links"].as_object().into_iter().flat_map(Map::values) {
            assert!(ids.contains(&link["operationId"]), "{name}: {link}");
            count += 1;
        }
    }
    assert!(count > 50, "{count}");
}

#[test]
fn examples_fit_their_schemas() {
    let mut validators = HashMap::new();
    let mut content = |name: &str, holder: &Value| {
        for (media, content) in holder["content"].as_object().into_iter().flatten() {
            let schema = &content["schema"];
            let validator = validators.entry(schema.to_string()).or_insert_with(|| validator(schema));
            fits(validator, &content["example"], &format!("{name} {media}"));
        }
    };
    for (name, operation) in operations() {
        content(&name, &operation["requestBody"]);
        for (code, answer) in operation["responses"].as_object().unwrap() {
            content(&format!("{name} {code}"), answer);
        }
    }
    for (name, answer) in document()["components"]["responses"].as_object().unwrap() {
        content(name, answer);
    }
}

#[test]
fn values_of_fields_fit_their_schemas() {
    for (name, schema) in document()["components"]["schemas"].as_object().unwrap() {
        let fields = || schema["properties"].as_object().into_iter().flatten();
        let validator = validator(&json!({"properties": schema.get("properties").unwrap_or(&json!({}))}));
        for (field, property) in fields() {
            for value in property["examples"].as_array().into_iter().flatten().chain(property.get("default")) {
                fits(&validator, &json!({field: value}), name);
            }
        }
    }
}

/// The API itself takes the examples.
fn taken<T: Noun + Rules>() {
    let keys = Keyring::from_base64("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
    let body = |map: Map<String, Value>| Value::from(map).to_string();
    // The example of an account says where it may be used, which is for admins to say.
    let author = Author { role: nouns::Role::Admin, keys };
    let mut record = Record::<T>::default();
    merge(&mut record, &Body::split::<T>(body(examples::body(&T::INFO)).as_bytes()), MergeBase::New, &author)
        .unwrap_or_else(|error| panic!("{}: {error}", T::KIND.as_str()));
    merge(&mut record, &Body::split::<T>(body(examples::change(&T::INFO)).as_bytes()), MergeBase::Stored, &author)
        .unwrap_or_else(|error| panic!("{}: {error}", T::KIND.as_str()));
}

#[test]
fn the_api_takes_the_examples() {
    macro_rules! all {
        ($($noun:ident),* $(,)?) => { $(taken::<nouns::$noun>();)* };
    }
    causeway_records::with_nouns!(all);
    taken::<nouns::AccessToken>();
}

#[test]
fn what_a_noun_declares_is_in_the_document() {
    let schemas = &document()["components"]["schemas"];
    let spec = &schemas["GatewayDefinitionSpec"];
    assert_eq!(spec["required"], json!(["Name"]));
    assert_eq!(spec["additionalProperties"], false);
    assert_eq!(spec["properties"]["Placement"]["default"], "Shared");
    assert_eq!(spec["properties"]["Placement"]["anyOf"][0], schema_ref("Placement"));
    assert_eq!(schemas["Placement"]["enum"], json!(["Shared", "Dedicated"]));
    assert!(spec["properties"].get("Conditions").is_none() && spec["properties"].get("Reconciled").is_some());
    assert_eq!(schemas["GatewayHttpPortPart"]["required"], json!(["Port"]));
    assert_eq!(schemas["GatewayHttpPortSpec"]["required"], json!(["GatewayDefinitionID", "Port"]));
    assert!(schemas["GatewayDefinitionPatch"]["properties"]["Placement"].get("default").is_none());
    assert!(schemas.get("AuditEventSpec").is_none() && schemas.get("AccessTokenPatch").is_none());
    let roles = |path: &str, verb: &str| document()["paths"][path][verb]["security"][0]["certificate"].clone();
    assert_eq!(roles("/v0/gateway-definitions", "get"), json!(["viewer"]));
    assert_eq!(roles("/v0/gateway-definitions", "post"), json!(["editor"]));
    assert_eq!(roles("/v0/audit-events", "get"), json!(["admin"]));
    assert_eq!(document()["paths"]["/version"]["get"]["security"], json!([]));
}
