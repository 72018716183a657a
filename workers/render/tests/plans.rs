//! The plans of every mode, against snapshots that a person has read.

use causeway_records::inventory::ObjectRef;
use causeway_render::{
    k8s::gateway_api::LISTENER_SET,
    plan::{Object, Plan, hash, nothing_up_to_date},
    samples,
    shared_gateway::render,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// As `kubectl` would print them.
fn manifests(plan: &Plan) -> String {
    let document = |body: &Value| serde_yaml_ng::to_string(body).expect("JSON is YAML");
    plan.objects.iter().map(|object| document(&object.body)).collect::<Vec<_>>().join("---\n")
}

#[test]
fn plans_are_as_read() {
    for (name, plan) in samples::plans() {
        insta::assert_snapshot!(name, manifests(&plan));
    }
}

#[test]
fn names_of_all_objects() {
    let names = |(name, plan): &(String, Plan)| {
        let lines: Vec<String> = plan.objects.iter().map(|object| format!("  {}", object.at)).collect();
        format!("{name}\n{}\n", lines.join("\n"))
    };
    insta::assert_snapshot!(samples::plans().iter().map(names).collect::<String>());
}

/// A manifest that changes here while its input hash does not needs a higher revision, see [`Plan::add`]: otherwise objects in clusters stay as an
/// older release rendered them.
#[test]
fn manifests_of_objects_that_are_known_by_what_they_are_made_of() {
    let known =
        samples::plans().into_iter().flat_map(|(name, plan)| plan.objects.into_iter().map(move |o| (name.clone(), o)));
    let line = |(name, object): (String, Object)| {
        Some(format!("{name}: {} is {} and made of {}\n", object.at, hash(&object.body), object.input_hash?))
    };
    insta::assert_snapshot!(known.filter_map(line).collect::<String>());
}

#[test]
fn an_unchanged_object_is_not_rendered_unless_its_inputs_change() {
    for (name, scene) in samples::scenes() {
        let Some(mut shared) = scene.shared else { continue };
        let whole = render(&shared, &nothing_up_to_date).unwrap();
        let made: BTreeMap<_, _> =
            whole.objects.iter().filter_map(|o| Some((&o.at, o.input_hash.as_deref()?))).collect();
        let up_to_date = |at: &ObjectRef, input_hash: &str| made.get(at) == Some(&input_hash);
        let again = render(&shared, &up_to_date).unwrap();
        assert_eq!(again.unchanged.iter().collect::<BTreeSet<_>>(), made.keys().copied().collect(), "{name}");
        assert_eq!(again.len(), whole.len());
        assert!(again.objects.iter().all(|object| object.input_hash.is_none()));

        let Some(in_a_set) = shared.listeners.iter_mut().find(|listener| listener.listener_set.is_some()) else {
            continue;
        };
        in_a_set.users[0].namespace = "another".into();
        let changed = render(&shared, &up_to_date).unwrap();
        let sets: Vec<_> = changed.objects.iter().filter(|object| LISTENER_SET.is(&object.at)).collect();
        assert_eq!(sets.len(), 1, "{name}");
        assert!(sets[0].body.to_string().contains("another"));
        assert_eq!(changed.unchanged.len() + 1, again.unchanged.len());
    }
}

#[test]
fn secrets_do_not_get_into_logs() {
    let text = format!("{:?}", samples::plans());
    assert!(text.contains("shared-gateway-102-route53-31") && !text.contains("bm90LWEtc2VjcmV0"));
}
