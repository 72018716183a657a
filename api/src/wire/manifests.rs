//! Secrets inside of manifests: masked in every answer to somebody who is no admin, and put back where a masked manifest is sent.
//!
//! What can't be read as YAML is masked as a whole, for nobody can say where its secrets are.

use causeway_manifests::Budget;
use causeway_records::{
    noun::Noun,
    problem::Problem,
    value::{Type, Value as Cell},
};
use serde_json::{Map, Value};

/// Stands for a value. It is no base64, so that no cluster would take it as one.
const MASK: &str = "(masked, only admins see it)";
/// Stands for a whole text.
const UNREADABLE: &str = "# (masked, only admins see it): this is no YAML that can be read\n";
/// `kubectl apply` repeats the whole Secret here.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Smaller texts are read where they are; larger ones would keep other requests of the thread waiting.
const LARGE: usize = 64 * 1024;

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

/// Puts stored secrets back into masked manifests that a client sends. What is as it was stored stays byte by byte.
///
/// # Errors
/// A masked value for which nothing is stored.
pub(super) fn restore<T: Noun>(spec: &mut T, stored: &T) -> Result<(), Vec<Problem>> {
    for index in manifests::<T>() {
        let restored = match (spec.get(index).to_value(), stored.get(index).to_value()) {
            (Some(Cell::Text(sent)), Some(Cell::Text(stored))) => restored_text(&sent, &stored).map(Cell::Text),
            (Some(Cell::Json(mut sent)), stored) => {
                let stored: Vec<_> = if let Some(Cell::Json(stored)) = stored { vec![stored] } else { vec![] };
                restore_values(std::slice::from_mut(&mut sent), &stored).map(|()| Cell::Json(sent))
            }
            _ => continue,
        };
        let invalid = |problem: String| vec![Problem::new(T::FIELDS[index].json, problem)];
        spec.get_mut(index).set(Some(restored.map_err(invalid)?)).map_err(invalid)?;
    }
    Ok(())
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
    off_the_runtime(text.len(), || {
        let Some(mut documents) = read(text) else { return Some(UNREADABLE.to_owned()) };
        let masked = documents.iter_mut().map(mask_value).filter(|masked| *masked).count();
        (masked > 0).then(|| write(&documents))
    })
}

fn restored_text(sent: &str, stored: &str) -> Result<String, String> {
    if sent == UNREADABLE {
        return Ok(stored.to_owned());
    }
    if !sent.contains(MASK) {
        return Ok(sent.to_owned());
    }
    off_the_runtime(sent.len(), || {
        let mut documents = read(sent).ok_or("holds masked values and can't be read as YAML; send the values")?;
        let known = read(stored).unwrap_or_default();
        restore_values(&mut documents, &known)?;
        Ok(if documents == known { stored.to_owned() } else { write(&documents) })
    })
}

/// Masks the secrets in a manifest, wherever they are in it. False: there are none.
fn mask_value(value: &mut Value) -> bool {
    let mut masked = false;
    each_secret(value, &mut |secret| {
        for part in ["data", "stringData"] {
            match secret.get_mut(part) {
                Some(Value::Object(values)) => {
                    masked |= !values.is_empty();
                    values.values_mut().for_each(|value| *value = MASK.into());
                }
                None | Some(Value::Null) => {}
                Some(other) => {
                    masked = true;
                    *other = MASK.into();
                }
            }
        }
        if let Some(copy) = last_applied(secret) {
            masked = true;
            *copy = MASK.into();
        }
    });
    masked
}

fn restore_values(sent: &mut [Value], stored: &[Value]) -> Result<(), String> {
    let (mut known, mut stored) = (vec![], stored.to_vec());
    stored.iter_mut().for_each(|value| each_secret(value, &mut |secret| known.push(secret.clone())));
    for value in sent.iter_mut() {
        each_secret(value, &mut |secret| {
            let Some(of) = known.iter_mut().find(|known| identity(known) == identity(secret)) else { return };
            for part in ["data", "stringData"] {
                match (secret.get_mut(part), of.get(part)) {
                    (Some(Value::Object(values)), Some(Value::Object(known))) => {
                        for (key, value) in values.iter_mut().filter(|(_, value)| *value == MASK) {
                            known.get(key).into_iter().for_each(|known| value.clone_from(known));
                        }
                    }
                    (Some(value), Some(known)) if *value == MASK => value.clone_from(known),
                    _ => {}
                }
            }
            if let (Some(copy), Some(known)) = (last_applied(secret), last_applied(of))
                && *copy == MASK
            {
                copy.clone_from(known);
            }
        });
    }
    if sent.iter().any(is_masked) {
        return Err("holds a masked value for which no Secret of this name and key is stored; send its value".into());
    }
    Ok(())
}

/// Calls `each` with every Secret in a value: of its own, in a list, or inside of another object.
fn each_secret(value: &mut Value, each: &mut dyn FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| each_secret(item, each)),
        Value::Object(map) => {
            match map.get("kind").and_then(Value::as_str) {
                Some("Secret") => each(map),
                // Its items need not say what they are.
                Some("SecretList") => {
                    let items = map.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten();
                    items
                        .filter_map(Value::as_object_mut)
                        .filter(|item| !item.contains_key("kind"))
                        .for_each(&mut *each);
                }
                _ => {}
            }
            map.values_mut().for_each(|inner| each_secret(inner, each));
        }
        _ => {}
    }
}

fn last_applied(secret: &mut Map<String, Value>) -> Option<&mut Value> {
    secret.get_mut("metadata")?.get_mut("annotations")?.get_mut(LAST_APPLIED)
}

fn identity(secret: &Map<String, Value>) -> (&str, &str) {
    let text = |field: &str| secret.get("metadata").and_then(|data| data[field].as_str()).unwrap_or_default();
    (text("namespace"), text("name"))
}

fn is_masked(value: &Value) -> bool {
    match value {
        Value::String(text) => text == MASK,
        Value::Array(items) => items.iter().any(is_masked),
        Value::Object(map) => map.values().any(is_masked),
        _ => false,
    }
}

/// The documents of a text, read as workers will read them, so that both find the same Secrets; None: it can't be read within the budget.
fn read(text: &str) -> Option<Vec<Value>> {
    causeway_manifests::read_documents(text, &Budget::default()).ok()
}

fn write(documents: &[Value]) -> String {
    let document = |document| serde_yaml_ng::to_string(document).unwrap_or_default();
    documents.iter().map(document).collect::<Vec<_>>().join("---\n")
}

/// Lets others go on with this thread's requests while a large text is read.
fn off_the_runtime<R>(length: usize, read: impl FnOnce() -> R) -> R {
    use tokio::runtime::{Handle, RuntimeFlavor};
    let on_many = Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
    if length > LARGE && on_many { tokio::task::block_in_place(read) } else { read() }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        restore(&mut definition, &stored).unwrap();
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
