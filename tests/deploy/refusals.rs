//! What the chart refuses: values that don't exist, that are missing, or that contradict each other.

use serde_json::Value;
use std::{collections::BTreeSet, fs};

use crate::{
    helm::{Helm, RELEASE, chart, values_of},
    root,
};

async fn refusal(values: &str, set: &[&str]) -> String {
    let (chart, values) = (chart(), values_of(values));
    let mut arguments = vec!["template", RELEASE, &chart, "--values", &values];
    for one in set {
        arguments.extend(["--set-json", one]);
    }
    Helm::new().refused(&arguments).await
}

#[tokio::test]
async fn a_value_that_does_not_exist_is_refused_everywhere() {
    for (set, place) in [
        ("replicas=3", "additional properties 'replicas' not allowed"),
        ("api.replica=3", "at '/api': additional properties 'replica' not allowed"),
        ("workers.image.tag=\"1\"", "at '/workers/image'"),
        ("api.autoscaling.max=3", "at '/api/autoscaling'"),
        ("tls.certManager.issuer=\"x\"", "at '/tls/certManager'"),
        ("monitoring.alerts=true", "at '/monitoring'"),
        ("api.replicas=\"three\"", "at '/api/replicas': got string, want integer"),
        ("auth.modes=[\"none\"]", "at '/auth/modes/0'"),
        ("nats.url=\"nats://user:password@nats:4222\"", "at '/nats/url'"),
        ("nats.credentials.file=\"nats.creds\"", "at '/nats/credentials'"),
        ("api.image.digest=\"latest\"", "at '/api/image/digest'"),
    ] {
        let said = refusal("gateway", &[set]).await;
        assert!(said.contains(place), "{set}: {said}");
    }
}

#[tokio::test]
async fn what_is_missing_or_contradicts_itself_is_refused_with_the_next_step() {
    for (values, set, sentence) in [
        ("gateway", "database.existingSecret=\"\"", "make a Secret whose key `uri` holds the address of Postgres"),
        ("gateway", "encryptionKey.existingSecret=\"\"", "openssl rand -base64 32"),
        ("gateway", "nats.url=\"\"", "give the address of NATS"),
        ("gateway", "nats.existingSecret=\"x\"", "are both set: leave one out"),
        ("gateway", "tls.existingSecret=\"x\"", "are both set: leave one out"),
        ("gateway", "tls.certManager.issuerRef.name=\"\"", "name the issuer of cert-manager"),
        ("gateway", "auth.modes=[\"mtls\"]", "name a Secret whose key `ca.crt`"),
        ("gateway", "auth.clientCA.existingSecret=\"x\"", "doesn't name mtls"),
        ("gateway", "api.podDisruptionBudget={\"minAvailable\": 1, \"maxUnavailable\": 1}", "leave one out"),
        ("gateway", "ingress.enabled=true", "name the hosts of the API"),
        ("gateway", "httpRoute.parentRefs=[]", "name the gateway"),
        ("trial", "database.existingSecret=\"x\"", "brings its own Postgres, NATS and key"),
        ("trial", "nats.ca.existingSecret=\"x\"", "brings its own Postgres, NATS and key"),
    ] {
        let said = refusal(values, &[set]).await;
        assert!(said.contains(sentence), "{set}: {said}");
    }
}

/// Paths of the values that a file has. What is free inside, such as resources or labels, is one value.
fn paths(value: &Value, schema: &Value, all: &Value, path: &str, found: &mut BTreeSet<String>) {
    let schema = match schema["$ref"].as_str() {
        Some(name) => &all["$defs"][name.trim_start_matches("#/$defs/")],
        None => schema,
    };
    match (value.as_object(), schema["properties"].as_object()) {
        (Some(fields), Some(known)) => {
            for (name, inner) in fields {
                paths(inner, known.get(name).unwrap_or(&Value::Null), all, &format!("{path}.{name}"), found);
            }
        }
        _ => {
            found.insert(path.to_owned());
        }
    }
}

/// Paths of the values that the schema knows; an object of it that isn't closed lets typing errors pass.
fn known(schema: &Value, all: &Value, path: &str, found: &mut BTreeSet<String>) {
    let schema = match schema["$ref"].as_str() {
        Some(name) => &all["$defs"][name.trim_start_matches("#/$defs/")],
        None => schema,
    };
    match schema["properties"].as_object() {
        Some(fields) => {
            assert_eq!(schema["additionalProperties"], false, "{path} takes values that don't exist");
            for (name, inner) in fields {
                known(inner, all, &format!("{path}.{name}"), found);
            }
        }
        None => {
            found.insert(path.to_owned());
        }
    }
}

#[test]
fn schema_and_values_name_the_same_values() {
    let read = |name: &str| fs::read_to_string(root().join("deploy/chart").join(name)).unwrap();
    let values: Value = serde_yaml_ng::from_str(&read("values.yaml")).unwrap();
    let schema: Value = serde_json::from_str(&read("values.schema.json")).unwrap();
    let (mut of_values, mut of_schema) = (BTreeSet::new(), BTreeSet::new());
    paths(&values, &schema, &schema, "", &mut of_values);
    known(&schema, &schema, "", &mut of_schema);
    // Helm's own, for charts that use this one, and lists of names that are empty by default.
    of_schema.retain(|path| path != ".global" && !path.ends_with("resources.claims"));
    assert_eq!(of_values, of_schema);
    assert!(of_values.len() > 100, "{}", of_values.len());
}
