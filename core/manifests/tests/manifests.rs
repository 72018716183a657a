//! Streams of manifests as people bring them.

use causeway_manifests::{Budget, Manifest, read, read_value};
use serde_json::json;

fn manifests(text: &str) -> Vec<Manifest> {
    read(text, &Budget::default()).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

fn names(text: &str) -> Vec<String> {
    manifests(text).iter().map(|manifest| format!("{} {}", manifest.kind(), manifest.name())).collect()
}

#[test]
fn documents_and_lists_are_taken_apart() {
    let text = "# only a remark\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n\
                - {apiVersion: v1, kind: SecretList, items: [{apiVersion: v1, kind: Secret, metadata: {name: b}}]}\n---\n---\n{}\n---\n\
                {apiVersion: example.org/v1, kind: AllowList, metadata: {name: c}}\n";
    assert_eq!(names(text), ["ConfigMap a", "Secret b", "AllowList c"]);
    for empty in [
        "",
        "# a\n",
        "---\n",
        "null",
        "~",
        "{}",
        "{apiVersion: v1, kind: List}",
        "{apiVersion: v1, kind: List, items: null}",
        "{apiVersion: v1, kind: List, items: []}",
        "{apiVersion: v1, kind: ConfigMapList, metadata: {resourceVersion: \"\"}, items: []}",
        "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: List, items: []}, null]}",
    ] {
        assert_eq!(manifests(empty), [], "{empty}");
    }
}

#[test]
fn items_of_a_typed_list_have_its_kind() {
    let text = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleList\nitems:\n- metadata: {name: a}\n\
                - {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n";
    assert_eq!(names(text), ["ClusterRole a", "ConfigMap b"]);
    assert_eq!(manifests(text)[0].group_and_version(), ("rbac.authorization.k8s.io", "v1"));
    assert!(read("{apiVersion: v1, kind: List, items: [{metadata: {name: a}}]}", &Budget::default()).is_err());
}

#[test]
fn a_value_is_taken_apart_like_a_text() {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "system:probe"}, "rules": []},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n"}},
    ]});
    let manifests = read_value(list, &Budget::default()).unwrap();
    assert_eq!((manifests[0].name(), manifests[0].namespace()), ("system:probe", None));
    assert_eq!((manifests[1].name(), manifests[1].namespace()), ("c", Some("n")));
    let error = read_value(json!({"kind": "Pod"}), &Budget::default()).unwrap_err();
    assert_eq!(error.to_string(), "manifest: Pod has no apiVersion; add one, such as `apiVersion: apps/v1`");
}

#[test]
fn byte_order_marks_and_line_ends_of_windows() {
    let object = |name: &str| format!("apiVersion: v1\r\nkind: ConfigMap\r\nmetadata: {{name: {name}}}\r\n");
    let mark = '\u{feff}';
    for text in [
        format!("{mark}{}", object("a")),
        format!("{mark}---\r\n{}", object("a")),
        format!("---\r\n{mark}{}", object("a")),
        format!("{mark}# remark\r\n{mark}---\r\n{}", object("a")),
        format!("{mark}{{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {{\"name\": \"a\"}}}}"),
    ] {
        assert_eq!(names(&text), ["ConfigMap a"], "{text:?}");
    }
    let files = format!("{mark}{}{mark}---\r\n{}---\r\n{mark}{}", object("a"), object("b"), object("c"));
    assert_eq!(names(&files), ["ConfigMap a", "ConfigMap b", "ConfigMap c"]);
}

#[test]
fn words_and_numbers_by_their_style() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: {enabled: \"yes\"}}\n\
                spec: {hostNetwork: yes, values: {volumes: [{mode: \"0644\", configMap: {defaultMode: 0755}}]}, name: '010'}\n";
    assert_eq!(
        manifests(text)[0].body,
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "annotations": {"enabled": "yes"}},
            "spec": {"hostNetwork": true, "values": {"volumes": [{"mode": "0644", "configMap": {"defaultMode": 493}}]}, "name": "010"},
        })
    );
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, why) in [
        ("a: [", "document 1, line 1, column 4: is no YAML: "),
        ("---\n---\nb: c: d\n", "document 2, line 3, column 5: is no YAML: mapping values are not allowed"),
        ("text", "document 1, line 1: is no object; a manifest has apiVersion, kind and metadata"),
        ("# r\n---\napiVersion: v1", "document 1, line 3: has no kind; add one, such as `kind: Deployment`"),
        ("kind: Pod", "document 1, line 1: Pod has no apiVersion; add one, such as `apiVersion: apps/v1`"),
        ("{apiVersion: v1, kind: Pod}", "document 1, line 1: Pod has no metadata.name; add one"),
        (
            "{apiVersion: v1, kind: Pod, metadata: {name: 5}}",
            "document 1, line 1: Pod: metadata.name must be a text; put it in quotes",
        ),
        (
            "{apiVersion: v1, kind: Pod, metadata: {generateName: a-}}",
            "document 1, line 1: Pod has generateName, which makes a new object with every reconcile; give it metadata.name",
        ),
        (
            "{apiVersion: v1, kind: Pod, metadata: {name: a}}\n---\n{kind: List, items: [null, {kind: Pod}]}",
            "document 2, line 3: item 2: Pod has no apiVersion",
        ),
        (
            "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: 7}}",
            "document 1, line 1: Pod a: metadata.namespace must be a text; put it in quotes",
        ),
        (
            "{apiVersion: v1, kind: Pod, metadata: {name: a/b}}",
            "document 1, line 1: Pod \"a/b\": metadata.name can't be part of a path",
        ),
        (
            "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: ../x}}",
            "document 1, line 1: Pod a: metadata.namespace must be small",
        ),
        (
            "{apiVersion: v1/../x, kind: Pod, metadata: {name: a}}",
            "document 1, line 1: apiVersion \"v1/../x\" and kind \"Pod\" are none",
        ),
        (
            "apiVersion: v1\nkind: Pod\nkind: Pod\n",
            "document 1, line 3, column 1: the key \"kind\" is there twice; remove one",
        ),
        ("{\"kind\": \"Pod\"}\n{\"a\": 1,\n\"a\": 2}", "document 2, line 2: the key \"a\" is there twice"),
        (
            "{apiVersion: v1, kind: Pod, metadata: {name: a, labels: [b]}}",
            "document 1, line 1: Pod a: metadata.labels must be a map of texts",
        ),
        ("a: *b\n", "document 1, line 1, column 4: an alias names an anchor that is not before it"),
        ("a: !!int s3cret\n", "document 1, line 1, column 10: the value is none that !!int fits"),
        ("a: .nan\n", "document 1, line 1, column 4: the number is infinite or none"),
    ] {
        let error = read(text, &Budget::default()).unwrap_err().to_string();
        assert!(error.starts_with(why), "{text}\n{error}");
        assert!(!error.contains("s3cret"));
    }
}

#[test]
fn hooks_and_kept_objects_are_marked() {
    let text = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: drop, annotations: {helm.sh/hook: pre-delete}}\n---\n\
                apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data, uid: u, annotations: {helm.sh/resource-policy: keep}}\n";
    let manifests = manifests(text);
    assert_eq!(
        manifests[0].not_applied.as_ref().map(|not| (not.annotation, &*not.hook)),
        Some(("helm.sh/hook", "pre-delete"))
    );
    assert_eq!((manifests[1].not_applied.as_ref(), manifests[1].keep), (None, true));
    assert!(manifests[1].body["metadata"].get("uid").is_none());
}
