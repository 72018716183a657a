//! An object of the input, whose fields are taken one by one. What nobody takes is reported when the object is closed: a field that this crate doesn't know
//! can't be lost without a word.

use crate::report::{Finding, ImportedObject, Loss, escaped, shown};
use causeway_manifests::Manifest;
use serde_json::Value;
use std::collections::{BTreeSet, HashSet};

/// Fields that say which object it is. The report names the object by them.
const IDENTITY: [&str; 4] = ["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"];

/// Fields of one object or list that are told one by one when nobody takes them; with more than that it is told itself.
const MOST_LEFT: usize = 64;

/// An object of which fields are taken.
pub(crate) struct Source {
    pub(crate) object: ImportedObject,
    /// Its place in the stream.
    pub(crate) number: usize,
    /// It is taken over as it stands: what a record of its own would lack stays on it.
    pub(crate) stays: bool,
    whole: Value,
    /// Pointers to what was taken or reported, each with all that is below it.
    taken: BTreeSet<String>,
    findings: Vec<Finding>,
}

impl Source {
    /// Takes the body out of a manifest.
    pub(crate) fn new(manifest: &mut Manifest, number: usize) -> Self {
        let object = ImportedObject {
            kind: manifest.kind().to_owned(),
            namespace: match manifest.kind() {
                "Namespace" | "GatewayClass" => String::new(),
                _ => manifest.namespace().unwrap_or("default").to_owned(),
            },
            name: manifest.name().to_owned(),
        };
        let taken = IDENTITY.map(str::to_owned).into();
        Self { object, number, stays: false, whole: manifest.body.take(), taken, findings: vec![] }
    }

    /// A field as it stands in the object, taken or not.
    pub(crate) fn seen(&self, path: &str) -> &Value {
        self.whole.pointer(path).unwrap_or(&Value::Null)
    }

    /// How many entries a list of the object has.
    pub(crate) fn length(&self, path: &str) -> usize {
        self.seen(path).as_array().map_or(0, Vec::len)
    }

    /// Takes a field whatever it holds; None: it isn't there, or was taken before. Whoever takes it says all of it in a record, or reports what is not said.
    /// A field of which a text or a number is expected is taken as that, so that anything else stays.
    pub(crate) fn take(&mut self, path: &str) -> Option<Value> {
        self.take_as(path, |value| Some(value.clone()))
    }

    /// Takes the whole object.
    pub(crate) fn take_whole(&mut self) -> Value {
        self.taken.insert(String::new());
        self.whole.take()
    }

    /// Takes a field that has the right form. Any other stays, and is reported at the end.
    fn take_as<T>(&mut self, path: &str, read: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        if self.is_taken(path) {
            return None;
        }
        let value = read(self.whole.pointer(path).filter(|value| !value.is_null())?)?;
        self.taken.insert(path.to_owned());
        Some(value)
    }

    /// Whether a field was taken or reported, by itself or with one that it is below.
    pub(crate) fn is_taken(&self, path: &str) -> bool {
        let above = path.char_indices().filter(|(_, c)| *c == '/').map(|(at, _)| &path[..at]);
        above.chain([path]).any(|path| self.taken.contains(path))
    }

    /// Takes a text.
    pub(crate) fn text(&mut self, path: &str) -> Option<String> {
        self.take_as(path, |value| value.as_str().map(str::to_owned))
    }

    /// Takes a whole number.
    pub(crate) fn number(&mut self, path: &str) -> Option<i64> {
        self.take_as(path, Value::as_i64)
    }

    /// Whether a list is short enough to be looked at entry by entry; if not, that is reported.
    pub(crate) fn entries(&mut self, path: &str, most: usize) -> usize {
        let length = self.length(path);
        if length <= most {
            return length;
        }
        self.unsupported(path, &format!("holds more than {most} entries; split the object up"));
        0
    }

    /// Takes an annotation.
    pub(crate) fn annotation(&mut self, key: &str) -> Option<String> {
        self.text(&annotation(key))
    }

    /// A record says something like the field.
    pub(crate) fn lossy(&mut self, path: &str, problem: &str) {
        self.report(path, Loss::Lossy, problem);
    }

    /// No record says the field, nor what is below it.
    pub(crate) fn unsupported(&mut self, path: &str, problem: &str) {
        self.report(path, Loss::Unsupported, problem);
    }

    /// A record says it once the user brings something.
    pub(crate) fn needed(&mut self, path: &str, problem: &str) {
        self.report(path, Loss::Needed, problem);
    }

    /// Reports a field with all that is below it.
    pub(crate) fn report(&mut self, path: &str, loss: Loss, problem: &str) {
        self.taken.insert(path.to_owned());
        let (object, field) = (self.object.clone(), shown(path));
        self.findings.push(Finding { object, field, loss, problem: problem.to_owned() });
    }

    /// The whole object is reported, and nothing of it said.
    pub(crate) fn refuse(&mut self, problem: &str) {
        self.report("", Loss::Unsupported, problem);
    }

    /// Reports what nobody has taken, and tells all that was reported.
    pub(crate) fn close(mut self) -> Vec<Finding> {
        if self.stays {
            self.taken.insert("/metadata".into());
        }
        for map in ["/metadata/labels", "/metadata/annotations"] {
            if !is_nothing(self.seen(map)) && !self.is_taken(map) && !self.is_touched(map) {
                self.lossy(
                    map,
                    "no record has labels or annotations of such objects; what programs read from them is lost",
                );
            }
        }
        for path in self.left(&self.whole, String::new()) {
            let word = if path.starts_with("/metadata/annotations/") { "annotation" } else { "field" };
            let problem = format!("no record says this {word}, or not all that is below it");
            self.unsupported(&path, &problem);
        }
        let mut told = HashSet::new();
        self.findings.retain(|finding| told.insert((finding.field.clone(), finding.problem.clone())));
        self.findings
    }

    /// Whether something below a field was taken.
    fn is_touched(&self, path: &str) -> bool {
        let below = format!("{path}/");
        self.taken.range(below.clone()..).next().is_some_and(|taken| taken.starts_with(&below))
    }

    /// The fields of which something is left, each as high up as nothing of it was taken.
    fn left(&self, value: &Value, path: String) -> Vec<String> {
        if self.taken.contains(&path) || is_nothing(value) {
            return vec![];
        }
        if !self.is_touched(&path) {
            return vec![path];
        }
        let left: Vec<String> = match value {
            Value::Object(members) => {
                members.iter().flat_map(|(key, value)| self.left(value, format!("{path}/{}", escaped(key)))).collect()
            }
            Value::Array(items) => {
                items.iter().enumerate().flat_map(|(index, item)| self.left(item, format!("{path}/{index}"))).collect()
            }
            _ => vec![],
        };
        if left.len() > MOST_LEFT { vec![path] } else { left }
    }
}

/// The path of an annotation.
pub(crate) fn annotation(key: &str) -> String {
    format!("/metadata/annotations/{}", escaped(key))
}

/// Nothing is said by it: null, or containers that hold nothing else.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().all(is_nothing),
        Value::Object(members) => members.values().all(is_nothing),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_manifests::{Budget, read_value};
    use serde_json::json;

    fn source(spec: Value) -> Source {
        let body = json!({"apiVersion": "v1", "kind": "A", "metadata": {"name": "a", "annotations": {"x/y": "1"}}, "spec": spec});
        Source::new(&mut read_value(body, &Budget::default()).unwrap()[0], 0)
    }

    fn fields(source: Source) -> Vec<String> {
        source.close().into_iter().map(|finding| finding.field).collect()
    }

    #[test]
    fn what_nobody_takes_is_reported() {
        let mut one = source(json!({"a": 1, "b": {"c": [1, {"d": 2, "e": 3}], "f": "g"}, "n": null, "o": {"p": {}}}));
        assert_eq!((one.number("/spec/a"), one.number("/spec/a")), (Some(1), None));
        assert_eq!((one.text("/spec/b/c/0"), one.number("/spec/b/c/1/d")), (None, Some(2)));
        assert_eq!(fields(one), ["metadata.annotations", "spec.b.c[0]", "spec.b.c[1].e", "spec.b.f"]);
        assert_eq!(fields(source(json!({"a": {"b": [1, 2]}}))), ["metadata.annotations", "spec"]);
    }

    #[test]
    fn an_object_that_stays_keeps_its_metadata() {
        let stays = |stays: bool| fields(Source { stays, ..source(json!({"b": 2})) });
        assert_eq!(
            (stays(false), stays(true)),
            (vec!["metadata.annotations".into(), "spec".into()], vec!["spec".into()])
        );
    }

    #[test]
    fn what_is_reported_covers_what_is_below() {
        let mut one = source(json!({"a": {"b": 1}}));
        one.unsupported("/spec/a", "no");
        one.unsupported("/spec/a", "no");
        assert_eq!(one.annotation("x/y").as_deref(), Some("1"));
        assert_eq!(fields(one), ["spec.a"]);
        let mut one = source(json!({"a": {"b": 1}}));
        one.refuse("no");
        assert_eq!(fields(one), [""]);
    }

    #[test]
    fn what_is_left_of_very_many_fields_is_told_at_once() {
        let many: serde_json::Map<_, _> = (0..MOST_LEFT + 2).map(|n| (format!("f{n}"), json!(n))).collect();
        let mut one = source(json!({"many": many, "z": 1}));
        one.number("/spec/many/f0");
        assert_eq!(fields(one), ["metadata.annotations", "spec.many", "spec.z"]);
    }

    #[test]
    fn lists_that_are_too_long_are_reported_and_not_looked_at() {
        let mut one = source(json!({"a": [1, 2, 3], "b": [1, 2]}));
        assert_eq!((one.entries("/spec/a", 2), one.entries("/spec/b", 2)), (0, 2));
        assert_eq!(fields(one), ["spec.a", "metadata.annotations", "spec.b"]);
    }
}
