//! Objects: some that every cluster takes, some of kinds that none serves, some with values that are large or odd.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Any object.
pub(crate) fn object(prefix: &str) -> impl Strategy<Value = Value> + use<> {
    prop_oneof![
        5 => config_map(prefix),
        1 => huge(prefix),
        2 => secret(prefix),
        2 => service(prefix),
        2 => deployment(prefix),
        1 => cluster_role(prefix),
        2 => unknown(prefix),
    ]
}

pub(crate) fn config_map(prefix: &str) -> impl Strategy<Value = Value> + use<> {
    (metadata(prefix), prop::collection::btree_map("[a-z][a-z0-9_.-]{0,9}", text(), 0..4)).prop_map(
        |(metadata, data)| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}),
    )
}

/// With a value of up to 200 KB.
fn huge(prefix: &str) -> impl Strategy<Value = Value> + use<> {
    let line = prop::sample::select(vec!["x", "a line of a file\n", "key: value # remark\n", "päckchen ", "--- \n"]);
    (metadata(prefix), line, 1000..200_000_usize).prop_map(|(metadata, line, bytes)| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"huge": line.repeat(bytes / line.len())}})
    })
}

fn secret(prefix: &str) -> impl Strategy<Value = Value> + use<> {
    let data = prop::collection::btree_map("[a-z]{1,6}", prop::sample::select(vec!["aGk=", "eA==", ""]), 0..3);
    (metadata(prefix), data, prop::collection::btree_map("[a-z]{7,9}", text(), 0..3)).prop_map(|(metadata, data, texts)| {
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data, "stringData": texts})
    })
}

fn service(prefix: &str) -> impl Strategy<Value = Value> + use<> {
    (metadata(prefix), prop::collection::btree_set(1..60_000_u16, 1..4)).prop_map(|(metadata, ports)| {
        let ports: Vec<Value> = ports.iter().map(|port| json!({"name": format!("p{port}"), "port": port})).collect();
        json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": metadata["labels"], "ports": ports}})
    })
}

/// Its labels are there three times: what anchors are for.
fn deployment(prefix: &str) -> impl Strategy<Value = Value> + use<> {
    let env = prop::collection::btree_map("[A-Z]{1,5}", text(), 0..3);
    (metadata(prefix), 0..3_u8, env, any::<bool>()).prop_map(|(metadata, replicas, env, on_host)| {
        let labels = json!({"app": metadata["name"]});
        let env: Vec<Value> = env.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        let container = json!({"name": "main", "image": "example.invalid/main:1.10", "env": env, "args": ["--yes", "on", "010"]});
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
            "spec": {
                "replicas": replicas, "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"hostNetwork": on_host, "containers": [container]}},
            },
        })
    })
}

fn cluster_role(prefix: &str) -> impl Strategy<Value = Value> + use<> {
    (metadata(prefix), any::<bool>()).prop_map(|(metadata, empty)| {
        let rule = json!({"apiGroups": ["", "apps"], "resources": ["*"], "verbs": ["get", "list"]});
        let rules = if empty { json!([]) } else { json!([rule]) };
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules})
    })
}

/// Of a kind that no cluster serves, with anything in it.
fn unknown(prefix: &str) -> impl Strategy<Value = Value> + use<> {
    (metadata(prefix), any_value()).prop_map(|(metadata, spec)| {
        json!({"apiVersion": "example.invalid/v1", "kind": "Nothing", "metadata": metadata, "spec": {"anything": spec}})
    })
}

/// A definition and an object of its kind, or a Namespace and an object in it: what needs the other may stand above it.
pub(crate) fn dependent(prefix: &str) -> impl Strategy<Value = [Value; 2]> + use<> {
    prop_oneof![defined(prefix), placed(prefix)]
}

fn defined(prefix: &str) -> impl Strategy<Value = [Value; 2]> + use<> {
    (metadata(prefix), metadata(prefix), any_value(), any::<bool>()).prop_map(|(kind, metadata, spec, namespaced)| {
        let group = format!("{}.example", kind["name"].as_str().unwrap_or_default());
        let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        let version = json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}});
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("things.{group}"), "labels": kind["labels"]},
            "spec": {
                "group": group, "scope": if namespaced { "Namespaced" } else { "Cluster" },
                "names": {"plural": "things", "singular": "thing", "kind": "Thing"}, "versions": [version],
            },
        });
        let anything = json!({"anything": spec});
        [
            definition,
            json!({"apiVersion": format!("{group}/v1"), "kind": "Thing", "metadata": metadata, "spec": anything}),
        ]
    })
}

fn placed(prefix: &str) -> impl Strategy<Value = [Value; 2]> + use<> {
    (metadata(prefix), config_map(prefix)).prop_map(|(metadata, mut map)| {
        map["metadata"]["namespace"] = metadata["name"].clone();
        [json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}), map]
    })
}

fn metadata(prefix: &str) -> impl Strategy<Value = Value> + use<> {
    let prefix = prefix.to_owned();
    let labels = prop::collection::btree_map("[a-z]{1,5}", "[a-z0-9]{1,6}", 1..3);
    let annotations = prop::option::of(prop::collection::btree_map("[a-z]{1,5}", text(), 1..3));
    // Long enough that two of a stream differ.
    (any::<u32>(), labels, annotations).prop_map(move |(name, labels, annotations)| {
        let mut metadata = json!({"name": format!("{prefix}-{name:08x}"), "labels": labels});
        if let Some(annotations) = annotations {
            metadata["annotations"] = json!(annotations);
        }
        metadata
    })
}

/// Texts that YAML has other ideas about.
fn text() -> impl Strategy<Value = String> {
    let odd = vec![
        "",
        "yes",
        "No",
        "on",
        "y",
        "null",
        "~",
        "true",
        "0755",
        "1e3",
        "1_000",
        "0x1F",
        "1.10",
        ".inf",
        "2026-11-28",
        "12:30:45",
        "a: b",
        "a #b",
        "- x",
        "? y",
        "*z",
        "&z",
        "!w",
        "%v",
        "@u",
        "`t",
        "{s}",
        "[r]",
        "'q'",
        "\"p\"",
        "\\n",
        " blank",
        "blank ",
        "two\nlines",
        "two\nlines\n",
        "\n\nlate",
        "ends\n\n",
        "tab\there",
        "---",
        "--- x\n--- y",
        "é ü 漢字 😀",
        "#",
        "key: |\n  inner\n",
        "=",
        "<<",
        "a\u{85}b",
        "\u{7f}",
    ];
    prop_oneof![3 => "[a-zA-Z0-9 ./:#-]{0,20}", 4 => prop::sample::select(odd).prop_map(str::to_owned)]
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-5000..5000_i64).prop_map(Value::from),
        prop::sample::select(vec![i64::MAX, i64::MIN, 1 << 53, -1]).prop_map(Value::from),
        // What JSON and YAML write the same way.
        prop::sample::select(vec![0.5, -2.25, 1234.125]).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let keys = prop_oneof![5 => "[a-z]{1,6}", 1 => prop::sample::select(vec!["yes", "on", "y", "1", "a b", "", "null", "é"]).prop_map(str::to_owned)];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(keys, inner, 0..5).prop_map(|map| Value::from(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}
