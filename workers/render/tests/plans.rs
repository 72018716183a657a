//! The plans of every mode, against snapshots that a person has read.

use causeway_render::{plan::Plan, samples};
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
fn secrets_do_not_get_into_logs() {
    let text = format!("{:?}", samples::plans());
    assert!(text.contains("shared-gateway-102-route53-31") && !text.contains("bm90LWEtc2VjcmV0"));
}
