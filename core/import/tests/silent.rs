//! Nothing is lost without a word: whatever is written into an object of the pool, wherever, is in a document, or the report names the field.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use causeway_import::{Import, import, shown};
use causeway_manifests::{Budget, read};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::{
    env,
    hash::{DefaultHasher, Hash, Hasher},
};

/// What is written into a field: no field of the pool has it, and it is a name, a hostname, a path without its slash, and a value of an annotation.
const MARKER: &str = "zq7marker";
/// The same for numbers: a port, a weight, a number of seconds.
const NUMBER: i64 = 54_321;

/// Of how many fields one is written into, unless all are asked for: each takes an import of the whole pool.
const ONE_IN: u64 = 8;

/// `make corpus` asks for all.
fn is_whole() -> bool {
    env::var_os("EVERY_FIELD").is_some()
}

/// Whether a field is among those that are written into: always the same ones.
fn is_chosen(object: usize, path: &str) -> bool {
    let mut hasher = DefaultHasher::new();
    (object, path).hash(&mut hasher);
    is_whole() || hasher.finish().is_multiple_of(ONE_IN)
}

/// Objects of every kind, with every field that importers know.
fn pool() -> Vec<Value> {
    let texts = [
        include_str!("pool.yaml"),
        include_str!("../../../deploy/samples/import/shop.yaml"),
        include_str!("../../../deploy/samples/import/gloo.yaml"),
    ];
    let documents = |text| causeway_manifests::read_documents(text, &Budget::default()).unwrap();
    texts.into_iter().flat_map(documents).filter(|document| !document.is_null()).collect()
}

/// Pointers to all scalars of an object, and to all objects in it.
fn places(value: &Value, path: String, scalars: &mut Vec<String>, objects: &mut Vec<String>) {
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(members) => {
            objects.push(path.clone());
            members.iter().for_each(|(key, value)| places(value, format!("{path}/{}", escaped(key)), scalars, objects));
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| places(item, format!("{path}/{index}"), scalars, objects));
        }
        _ => scalars.push(path),
    }
}

/// Fields by which objects and their parts are called. Records have names of their own.
fn is_name(path: &str) -> bool {
    let of_listener = path.starts_with("/spec/listeners/") && path.ends_with("/name") && path.split('/').count() == 5;
    ["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"].contains(&path) || of_listener
}

/// Fields from which something else is reckoned.
fn is_reckoned(path: &str) -> bool {
    ["canary-weight", "canary-weight-total", "/shadowing/percentage", "/spec/weight"]
        .iter()
        .any(|end| path.ends_with(end))
}

/// Whether what becomes of one object may depend on another one.
fn belongs(changed: &Value, other: &Value) -> bool {
    let is = |object: &Value, kinds: &[&str]| kinds.iter().any(|kind| object["kind"] == *kind);
    let is_route = |object: &Value| object["kind"].as_str().is_some_and(|kind| kind.ends_with("Route"));
    let is_gloo = |object: &Value| object["apiVersion"].as_str().is_some_and(|version| version.contains("solo.io"));
    if is_gloo(changed) || is_gloo(other) {
        return is_gloo(changed) == is_gloo(other);
    }
    match is(changed, &["Ingress"]) {
        true => is(other, &["Ingress", "Service"]),
        false if is_route(changed) => !is_route(other) && !is(other, &["Ingress"]),
        false => !is(other, &["Ingress"]),
    }
}

/// The objects that belong to one, and that one as the last.
fn together(pool: &[Value], changed: usize, object: Value, is_kept: impl Fn(usize) -> bool) -> Vec<Value> {
    let others = pool
        .iter()
        .enumerate()
        .filter(|(index, other)| *index != changed && belongs(&pool[changed], other) && is_kept(*index));
    others.map(|(_, object)| object.clone()).chain([object]).collect()
}

fn imported(objects: &[Value]) -> Import {
    let text: String = objects.iter().map(|object| format!("{object}\n")).collect();
    import(read(&text, &Budget::default()).unwrap()).unwrap()
}

/// Checks that what stands at a path of the last object was not lost.
fn check(objects: &[Value], path: &str, mark: &str) {
    let import = imported(objects);
    let changed = objects.len() - 1;
    let documents = serde_json::to_string(&import.documents()).unwrap();
    let (kind, name) = (&objects[changed]["kind"], &objects[changed]["metadata"]["name"]);
    let field = shown(path);
    let mut of_object =
        import.report.iter().filter(|finding| *kind == finding.object.kind && *name == finding.object.name);
    let is_told = of_object.any(|finding| finding.covers(&field));
    assert!(
        is_told || documents.contains(mark),
        "{kind} {name}: {field} is lost\nreport: {:#?}\n{:#}",
        import.report,
        objects[changed]
    );
}

#[test]
fn every_field_of_the_pool_is_said_or_reported() {
    let pool = pool();
    for changed in 0..pool.len() {
        let (mut scalars, mut objects) = (vec![], vec![]);
        places(&pool[changed], String::new(), &mut scalars, &mut objects);
        for path in scalars.into_iter().filter(|path| !is_name(path) && !is_reckoned(path) && is_chosen(changed, path))
        {
            let mut object = pool[changed].clone();
            let place = object.pointer_mut(&path).unwrap();
            let mark = match place {
                Value::Number(_) => json!(NUMBER),
                Value::Bool(_) => continue,
                Value::String(text) if text.starts_with('/') => json!(format!("/{MARKER}")),
                _ => json!(MARKER),
            };
            *place = mark.clone();
            let mark = mark.as_str().map_or(NUMBER.to_string(), |_| MARKER.to_owned());
            check(&together(&pool, changed, object, |_| true), &path, &mark);
        }
        for path in objects.into_iter().filter(|path| is_chosen(changed, path)) {
            let mut object = pool[changed].clone();
            let place = object.pointer_mut(&path).and_then(Value::as_object_mut).unwrap();
            place.insert("unheard".into(), json!(MARKER));
            check(&together(&pool, changed, object, |_| true), &format!("{path}/unheard"), MARKER);
        }
    }
}

/// Some JSON that bears the mark.
fn marked() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(MARKER)),
        Just(json!({"name": MARKER})),
        Just(json!([MARKER])),
        Just(json!([{"x": {"y": MARKER}}]))
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|value| json!([{}, value])),
            ("[a-z]{1,6}", inner).prop_map(|(key, value)| Value::Object(Map::from_iter([(key, value)]))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if is_whole() { 1000 } else { 50 }, ..ProptestConfig::default() })]

    /// Several objects are missing, one has something odd anywhere: in the place of a field, or beside it.
    #[test]
    fn nothing_is_lost_without_a_word(
        changed in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        instead in any::<bool>(),
        odd in marked(),
        kept in prop::collection::vec(prop::bool::weighted(0.8), 64),
    ) {
        let pool = pool();
        let changed = changed.index(pool.len());
        let (mut scalars, mut objects) = (vec![], vec![]);
        places(&pool[changed], String::new(), &mut scalars, &mut objects);
        scalars.retain(|path| !is_name(path) && !is_reckoned(path));
        let mut object = pool[changed].clone();
        let path = if instead {
            let path = scalars[place.index(scalars.len())].clone();
            *object.pointer_mut(&path).unwrap() = odd;
            path
        } else {
            let path = objects[place.index(objects.len())].clone();
            object.pointer_mut(&path).and_then(Value::as_object_mut).unwrap().insert("unheard".into(), odd);
            format!("{path}/unheard")
        };
        // Labels, annotations and the like are maps of texts, or the manifest can't be read at all.
        prop_assume!(read(&object.to_string(), &Budget::default()).is_ok());
        let all = together(&pool, changed, object, |index| kept[index % kept.len()]);
        // A whole value stands for what is below it.
        check(&all, &path, MARKER);
    }
}
