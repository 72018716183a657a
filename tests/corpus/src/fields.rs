//! Whether each field of an object is said or reported: another value in its place must be in a document, or the report must name the field.

use anyhow::Result;
use causeway_import::{import, shown};
use causeway_manifests::{Budget, read};
use serde_json::{Value, json};

/// What is written into a field. No object of the corpus holds it.
const MARKER: &str = "zq7marker";
const NUMBER: i64 = 54_321;

/// The paths of the fields that are lost.
pub(crate) fn lost(objects: &[Value], number: usize) -> Result<Vec<String>> {
    let mut paths = vec![];
    scalars(&objects[number], String::new(), &mut paths);
    let mut lost = vec![];
    for path in paths.into_iter().filter(|path| !is_name(path)) {
        let mut changed = objects.to_vec();
        let Some(place) = changed[number].pointer_mut(&path) else { continue };
        let mark = match place {
            Value::Number(_) => json!(NUMBER),
            Value::String(text) if text.starts_with('/') => json!(format!("/{MARKER}")),
            Value::String(_) => json!(MARKER),
            _ => continue,
        };
        let written = mark.as_str().map_or(NUMBER.to_string(), |_| MARKER.to_owned());
        *place = mark;
        if !is_told(&changed, number, &path, &written)? {
            lost.push(shown(&path));
        }
    }
    Ok(lost)
}

fn is_told(objects: &[Value], number: usize, path: &str, mark: &str) -> Result<bool> {
    let text: String = objects.iter().map(|object| format!("{object}\n")).collect();
    // What isn't read at all isn't lost.
    let Ok(manifests) = read(&text, &Budget::default()) else { return Ok(true) };
    let imported = import(manifests)?;
    let object = &objects[number];
    let (kind, name) = (&object["kind"], &object["metadata"]["name"]);
    let field = shown(path);
    let mut of_object =
        imported.report.iter().filter(|finding| *kind == finding.object.kind && *name == finding.object.name);
    Ok(of_object.any(|finding| finding.covers(&field)) || serde_json::to_string(&imported.documents())?.contains(mark))
}

fn scalars(value: &Value, path: String, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                scalars(value, format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                scalars(item, format!("{path}/{index}"), found);
            }
        }
        _ => found.push(path),
    }
}

/// Names by which objects and listeners are called: records have names of their own. From weights of canaries others are reckoned.
fn is_name(path: &str) -> bool {
    let of_listener = path.starts_with("/spec/listeners/") && path.ends_with("/name") && path.split('/').count() == 5;
    ["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"].contains(&path)
        || of_listener
        || path.contains("canary-weight")
}
