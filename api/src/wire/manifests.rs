//! Secrets inside of manifests: masked in every answer to somebody who is no admin, and put back where a masked manifest is sent.
//!
//! What can't be read as YAML is masked as a whole, for nobody can say where its secrets are.

use super::{
    secret_objects::{MASK, is_masked, mask_value, restore_values},
    yaml,
};
use causeway_records::{
    noun::Noun,
    problem::Problem,
    value::{Type, Value as Cell},
};
use serde_json::Value;

/// Stands for a whole text.
const UNREADABLE: &str = "# (masked, only admins see it): this is no YAML that can be read\n";

/// Masks the secrets in the manifests of a record.
pub(super) fn mask<T: Noun>(spec: &mut T) {
    for index in manifests::<T>() {
        let masked = match spec.get(index).to_value() {
            Some(Cell::Text(text)) => masked_text(&text).map(Cell::Text),
            Some(Cell::Json(mut manifest)) => mask_value(&mut manifest).then_some(Cell::Json(manifest)),
            _ => None,
        };
        if masked.is_some() {
            // What was a text or a manifest is one again.
            let _ = spec.get_mut(index).set(masked);
        }
    }
}

/// Puts stored secrets back into masked manifests that a client sends. What is as it was stored stays byte by byte. True: one was written anew.
///
/// # Errors
/// A masked value for which nothing is stored.
pub(super) fn restore<T: Noun>(spec: &mut T, stored: &T) -> Result<bool, Vec<Problem>> {
    let mut written = false;
    for index in manifests::<T>() {
        let known = stored.get(index).to_value();
        let restored = match (spec.get(index).to_value(), &known) {
            (Some(Cell::Text(sent)), Some(Cell::Text(known))) => {
                restored_text(&sent, known).map(|text| text.map(Cell::Text))
            }
            (Some(Cell::Json(sent)), known) => restored_json(sent, known.as_ref()).map(|json| json.map(Cell::Json)),
            _ => continue,
        };
        let invalid = |problem: String| vec![Problem::new(T::FIELDS[index].json, problem)];
        if let Some(restored) = restored.map_err(invalid)? {
            written |= known.as_ref() != Some(&restored);
            spec.get_mut(index).set(Some(restored)).map_err(invalid)?;
        }
    }
    Ok(written)
}

/// Indexes of the fields that hold manifests in the noun's table.
fn manifests<T: Noun>() -> impl Iterator<Item = usize> {
    let holds_them = |ty| matches!(ty, Some(Type::Text | Type::Json));
    T::FIELDS
        .iter()
        .enumerate()
        .filter(move |(_, field)| field.sensitive && holds_them(field.column_type()))
        .map(|(index, _)| index)
}

/// None: there is nothing to mask.
fn masked_text(text: &str) -> Option<String> {
    // The word can be written with escapes, and in no other way.
    if !text.contains("Secret") && !text.contains('\\') {
        return None;
    }
    let Some(mut documents) = yaml::read(text) else { return Some(UNREADABLE.to_owned()) };
    let masked = documents.iter_mut().map(mask_value).filter(|masked| *masked).count();
    (masked > 0).then(|| yaml::write(&documents).unwrap_or_else(|| UNREADABLE.to_owned()))
}

/// None: nothing in it is masked.
fn restored_text(sent: &str, stored: &str) -> Result<Option<String>, String> {
    if sent == UNREADABLE {
        return Ok(Some(stored.to_owned()));
    }
    if !sent.contains(MASK) {
        return Ok(None);
    }
    let mut documents = yaml::read(sent).ok_or("holds masked values and can't be read as YAML; send the values")?;
    let known = yaml::read(stored).unwrap_or_default();
    restore_values(&mut documents, &known)?;
    if documents == known {
        return Ok(Some(stored.to_owned()));
    }
    yaml::write(&documents).map(Some).ok_or_else(|| "can't be written with its secrets; send their values".to_owned())
}

/// None: nothing in it is masked.
fn restored_json(mut sent: Value, stored: Option<&Cell>) -> Result<Option<Value>, String> {
    if !is_masked(&sent) {
        return Ok(None);
    }
    let stored = if let Some(Cell::Json(stored)) = stored { std::slice::from_ref(stored) } else { &[] };
    restore_values(std::slice::from_mut(&mut sent), stored)?;
    Ok(Some(sent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::secret_objects::LAST_APPLIED;
    use causeway_records::nouns::{WorkloadDefinition, WorkloadResourceDefinition, WorkloadResourceInstance};
    use serde_json::json;

    const STORED: &str = "# a remark\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {colour: blue}\n---\napiVersion: v1\nkind: Secret\n\
        metadata: {name: s}\ndata: {k: aHVudGVy}\nstringData: {p: hunter2}\n";

    fn workload(yaml: &str) -> WorkloadDefinition {
        WorkloadDefinition { yaml_document: yaml.into(), ..WorkloadDefinition::default() }
    }

    fn masked(yaml: &str) -> String {
        let mut workload = workload(yaml);
        mask(&mut workload);
        workload.yaml_document
    }

    fn sent_back(sent: &str, stored: &str) -> Result<String, String> {
        let mut changed = workload(sent);
        restore(&mut changed, &workload(stored)).map_err(|problems| problems[0].to_string())?;
        Ok(changed.yaml_document)
    }

    #[test]
    fn the_values_of_secrets_are_masked_and_nothing_else() {
        let seen = masked(STORED);
        assert!(seen.contains("blue") && seen.contains("name: s"), "{seen}");
        assert!(!seen.contains("aHVudGVy") && !seen.contains("hunter2") && seen.matches(MASK).count() == 2, "{seen}");
        let without = "# a remark\nkind: ConfigMap\ndata: {kind: Secretly}\n";
        assert_eq!(masked(without), without, "not a byte");
    }

    #[test]
    fn no_way_of_writing_hides_a_secret() {
        let secret = |kind: &str| format!("{kind}\nmetadata: {{name: s}}\ndata: {{k: hunter2}}\n");
        let texts = [
            secret(r#"kind: "\x53ecret""#),
            secret("kind: \"Sec\\\n  ret\""),
            secret("? kind\n: Secret"),
            secret("x: &k Secret\nkind: *k"),
            secret("kind: !!str Secret"),
            secret("x: &b {kind: Secret}\n<<: *b"),
            "kind: List\nitems: [{kind: Secret, stringData: {k: hunter2}}]\n".to_owned(),
            "kind: SecretList\nitems: [{metadata: {name: s}, stringData: {k: hunter2}}]\n".to_owned(),
            "kind: Template\nspec: {objects: [{kind: Secret, data: hunter2}]}\n".to_owned(),
            format!("kind: Secret\nmetadata: {{annotations: {{{LAST_APPLIED}: hunter2}}}}\n"),
            "kind: Secret\ndata: {k: hunter2}\nkind: Secret\n".to_owned(),
            "kind: Secret\ndata: {k: hunter2\n".to_owned(),
            format!("kind: Secret\ndata: {{k: hunter2}}\nx: {}", "[".repeat(100_000)),
            format!("kind: Secret\ndata: {{k: hunter2}}\na: &a [1]\nb: [{}]", vec!["*a"; 200_000].join(",")),
        ];
        for text in texts {
            let seen = masked(&text);
            assert!(!seen.contains("hunter2") && seen.contains("masked"), "{seen}");
        }
    }

    #[test]
    fn manifests_in_json_are_masked_too() {
        let manifest = json!({"kind": "Secret", "metadata": {"name": "s"}, "data": {"k": "hunter2"}});
        let mut definition =
            WorkloadResourceDefinition { json_definition: manifest.clone(), ..WorkloadResourceDefinition::default() };
        let stored = definition.clone();
        mask(&mut definition);
        assert_eq!(definition.json_definition["data"]["k"], MASK);
        assert!(!restore(&mut definition, &stored).unwrap(), "as it is stored");
        assert_eq!(definition, stored);
        let mut instance =
            WorkloadResourceInstance { json_definition: manifest, ..WorkloadResourceInstance::default() };
        mask(&mut instance);
        assert_eq!(instance.json_definition["data"]["k"], MASK);
    }

    #[test]
    fn what_was_read_may_be_sent_back() {
        assert_eq!(sent_back(&masked(STORED), STORED).unwrap(), STORED, "byte by byte");
        let changed = sent_back(&masked(STORED).replace("blue", "red"), STORED).unwrap();
        assert!(changed.contains("red") && changed.contains("aHVudGVy") && changed.contains("hunter2"), "{changed}");
        assert!(!changed.contains("masked"), "{changed}");
        let broken = "kind: Secret\ndata: {k: hunter2\n";
        assert_eq!(sent_back(&masked(broken), broken).unwrap(), broken);
        assert_eq!(sent_back("kind: Secret\ndata: {k: new}\n", STORED).unwrap(), "kind: Secret\ndata: {k: new}\n");
    }

    #[test]
    fn a_mask_is_never_stored() {
        let seen = masked(STORED);
        for (sent, stored) in [
            (seen.clone(), "kind: ConfigMap\n".to_owned()),
            (seen.replace("name: s", "name: other"), STORED.to_owned()),
            (seen.replace("kind: Secret", "kind: ConfigMap"), STORED.to_owned()),
            (seen.replace("k: ", "l: "), STORED.to_owned()),
            (format!("{seen}\n}}"), STORED.to_owned()),
        ] {
            let refusal = sent_back(&sent, &stored).unwrap_err();
            assert!(refusal.starts_with("YAMLDocument: holds") && !refusal.contains("hunter2"), "{refusal}");
        }
    }
}
