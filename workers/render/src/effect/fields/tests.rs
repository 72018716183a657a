use super::*;
use proptest::prelude::*;
use serde_json::json;

/// Values as manifests have them: few keys, so that two of them have much in common.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..3).prop_map(Value::from),
        "[ab]".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let key = prop_oneof!["[ab]", Just("name".to_owned()), Just("example.org/a".to_owned())];
        let item = (("[abc]"), inner.clone()).prop_map(|(name, inner)| json!({"name": name, "inner": inner}));
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec(item, 0..4).prop_map(Value::from),
            proptest::collection::btree_map(key, inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

/// The value with every change made, found by its path as a reader would.
fn changed(mut value: Value, changes: &[FieldChange]) -> Value {
    // What is taken out of a list comes last first, so that the places of the others stay.
    let (gone, kept): (Vec<_>, Vec<_>) = changes.iter().partition(|change| change.new.is_none());
    for change in kept.into_iter().chain(gone.into_iter().rev()) {
        set(&mut value, &steps(&change.path), change.new.as_ref());
    }
    value
}

#[derive(Clone, Debug)]
enum Step {
    Key(String),
    Place(usize),
    Name(String),
}

fn steps(path: &str) -> Vec<Step> {
    let (mut steps, mut rest) = (vec![], path);
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix("[\"") {
            let end = inner.find("\"]").unwrap();
            steps.push(Step::Key(inner[..end].to_owned()));
            rest = &inner[end + 2..];
        } else if let Some(inner) = rest.strip_prefix('[') {
            let end = inner.find(']').unwrap();
            let word = &inner[..end];
            steps.push(
                word.strip_prefix("name=")
                    .map_or_else(|| Step::Place(word.parse().unwrap()), |name| Step::Name(name.to_owned())),
            );
            rest = &inner[end + 1..];
        } else {
            let inner = rest.trim_start_matches('.');
            let end = inner.find(['.', '[']).unwrap_or(inner.len());
            steps.push(Step::Key(inner[..end].to_owned()));
            rest = &inner[end..];
        }
    }
    steps
}

fn set(value: &mut Value, steps: &[Step], new: Option<&Value>) {
    let Some((step, rest)) = steps.split_first() else {
        *value = new.cloned().unwrap();
        return;
    };
    match step {
        Step::Key(key) => {
            let map = value.as_object_mut().unwrap();
            match (rest, new) {
                ([], None) => drop(map.remove(key).unwrap()),
                _ => set(map.entry(key.clone()).or_insert(Value::Null), rest, new),
            }
        }
        Step::Place(_) | Step::Name(_) => {
            let list = value.as_array_mut().unwrap();
            let at = match step {
                Step::Name(name) => list.iter().position(|item| item["name"] == name.as_str()).unwrap_or(list.len()),
                Step::Place(at) => *at,
                Step::Key(_) => unreachable!(),
            };
            match (rest, new) {
                ([], None) => drop(list.remove(at)),
                _ => {
                    if at == list.len() {
                        list.push(Value::Null);
                    }
                    set(&mut list[at], rest, new);
                }
            }
        }
    }
}

/// Lists of named items, whose order a reader of paths can't see, in one order.
fn in_order(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<_> = items.iter().map(in_order).collect();
            if places(&items).is_some() {
                items.sort_by_key(|item| item["name"].to_string());
            }
            Value::Array(items)
        }
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.clone(), in_order(value))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

#[test]
fn paths_are_as_people_write_them() {
    let before = json!({"metadata": {"labels": {"example.org/team": "a"}}, "spec": {
        "listeners": [{"name": "http-80", "port": 80}, {"name": "tcp", "port": 1}], "rules": [{"value": "/a"}, {"value": "/b"}]}});
    let after = json!({"metadata": {"labels": {"example.org/team": "b"}}, "spec": {
        "listeners": [{"name": "new", "port": 7}, {"name": "http-80", "port": 81}], "rules": [{"value": "/c"}]}});
    let paths: Vec<_> = changes(&before, &after).into_iter().map(|change| change.path).collect();
    assert_eq!(
        paths,
        [
            "metadata.labels[\"example.org/team\"]",
            "spec.listeners[name=http-80].port",
            "spec.listeners[name=tcp]",
            "spec.listeners[name=new]",
            "spec.rules[0].value",
            "spec.rules[1]",
        ]
    );
}

/// What a person may send: none of it may take time or memory that grows faster than it.
#[test]
fn large_manifests_are_compared_in_little_time_and_told_in_little_more_than_they_are() {
    let items = |from: usize| -> Value {
        (from..from + 100_000).map(|n| json!({"name": format!("n{n}"), "v": from})).collect::<Vec<_>>().into()
    };
    let key = "k".repeat(1 << 20);
    let below = |value: usize| json!({&key: (0..50_000).map(|n| json!(n + value)).collect::<Vec<_>>()});
    let deep = |value: &str| (0..100).fold(json!(value), |inner, _| json!({"long".repeat(20): inner}));
    for (before, after) in [
        (json!({"spec": items(0)}), json!({"spec": items(50_000)})),
        (json!({"spec": below(0)}), json!({"spec": below(1)})),
        (json!({"spec": {"a": deep("a")}}), json!({"spec": {"a": deep("b")}})),
        (json!({"spec": {"a": vec!["a"; 200_000]}}), json!({"spec": {"a": vec!["b"; 200_000]}})),
    ] {
        let told = changes(&before, &after);
        let sizes = [json!(told), before.clone(), after.clone()].map(|value| value.to_string().len());
        assert!(sizes[0] <= 2 * (sizes[1] + sizes[2]) + (1 << 20), "{sizes:?}");
        assert_eq!(in_order(&changed(before, &told)), in_order(&after));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_differs_exactly_where_nothing_is_told(before in value(), after in value()) {
        prop_assert!(changes(&before, &before).is_empty());
        prop_assert_eq!(changes(&before, &after).is_empty(), before == after);
    }

    #[test]
    fn whoever_makes_the_changes_has_the_other_manifest(before in value(), after in value()) {
        let told = changes(&before, &after);
        prop_assert_eq!(in_order(&changed(before.clone(), &told)), in_order(&after), "{:?}", told);
    }

    #[test]
    fn the_way_back_is_the_same_fields(before in value(), after in value()) {
        let mut back: Vec<_> = changes(&after, &before).into_iter()
            .map(|change| FieldChange { old: change.new, new: change.old, ..change }).collect();
        let mut there = changes(&before, &after);
        back.sort_by(|a, b| a.path.cmp(&b.path));
        there.sort_by(|a, b| a.path.cmp(&b.path));
        prop_assert_eq!(there, back);
    }
}
