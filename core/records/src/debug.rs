//! How nouns are printed for people who look for a mistake: whole, but for secrets. A log, a panic or a test that failed may show any of them.

use crate::{
    field::{Field, Fields, entries},
    slot::Slot,
};
use std::fmt;

/// Prints what is set, each value as its JSON.
pub fn fields(name: &str, fields: &dyn Fields, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut shown = f.debug_struct(name);
    for (field, slot) in entries(fields).filter(|(_, slot)| !slot.is_null()) {
        shown.field(field.column, &format_args!("{}", value(field, slot)));
    }
    shown.finish()
}

fn value(field: &Field, slot: &dyn Slot) -> String {
    if field.is_secret() { "***".into() } else { serde_json::to_string(slot).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use crate::nouns::{AwsAccount, WorkloadDefinition, WorkloadResourceInstance};
    use serde_json::json;

    #[test]
    fn a_noun_shows_all_but_its_secrets() {
        // As a worker has it that has decrypted it.
        let account = AwsAccount {
            default_region: "eu-central-1".into(),
            secret_access_key: Some("hunter2".into()),
            ..AwsAccount::default()
        };
        let workload =
            WorkloadDefinition { yaml_document: "kind: Secret # hunter2".into(), ..WorkloadDefinition::default() };
        let resource = WorkloadResourceInstance {
            json_definition: json!({"data": "hunter2"}),
            runtime_definition: Some(json!("hunter2")),
            ..WorkloadResourceInstance::default()
        };
        for shown in
            [format!("{account:?} {workload:?} {resource:?}"), format!("{account:#?} {workload:#?} {resource:#?}")]
        {
            assert!(shown.contains("secret_access_key: ***") && shown.contains("runtime_definition: ***"), "{shown}");
            assert!(shown.contains("default_region: \"eu-central-1\"") && !shown.contains("hunter2"), "{shown}");
            assert!(!shown.contains("access_key_id: "), "what isn't set is left out: {shown}");
        }
    }
}
