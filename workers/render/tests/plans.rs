//! The plans of every mode, against snapshots that a person has read.

use causeway_render::{k8s::gateway_api::LISTENER_SET, listener_set, plan::Plan, samples};
use serde_json::Value;

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

#[test]
fn a_listener_set_is_made_of_its_own_listeners_alone() {
    for (name, scene) in samples::scenes() {
        let Some(mut set) = scene.listener_sets.first().cloned() else { continue };
        let before = listener_set::render(&set).unwrap();
        set.listeners[0].users[0].namespace = "another".into();
        let after = listener_set::render(&set).unwrap();
        let changed: Vec<_> =
            before.objects.iter().zip(&after.objects).filter(|(a, b)| a != b).map(|(_, b)| b).collect();
        assert_eq!(changed.len(), 1, "{name}");
        assert!(LISTENER_SET.is(&changed[0].at) && changed[0].body.to_string().contains("another"));
    }
}

#[test]
fn secrets_do_not_get_into_logs() {
    let text = format!("{:?}", samples::plans());
    assert!(text.contains("shared-gateway-102-route53-31") && !text.contains("bm90LWEtc2VjcmV0"));
}
