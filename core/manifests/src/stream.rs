//! A text to manifests: which of its forms it has, and its documents one by one.

use crate::{
    budget::{Budget, Meter},
    error::{ManifestError, Place},
    json,
    list::take_apart,
    manifest::Manifest,
    yaml::Documents,
};
use serde_json::Value;
use std::borrow::Cow;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// The manifests in a stream of YAML or JSON documents: empty documents dropped, lists taken apart, each with what every manifest needs. The
/// error says where and what to do.
pub fn read(text: &str, budget: &Budget) -> Result<Vec<Manifest>, ManifestError> {
    let mut manifests = Vec::new();
    documents(text, budget, |place, value| take_apart(value, place, &mut manifests))?;
    Ok(manifests)
}

/// The documents of a stream as they are, whatever they say.
pub fn read_documents(text: &str, budget: &Budget) -> Result<Vec<Value>, ManifestError> {
    let mut all = Vec::new();
    documents(text, budget, |_, value| {
        all.push(value);
        Ok(())
    })?;
    Ok(all)
}

/// The manifests of several texts, such as those of a workload, within one budget for all of them. The error comes with the index of its text.
pub fn read_together(texts: &[&str], budget: &Budget) -> Result<Vec<Manifest>, (usize, ManifestError)> {
    let mut manifests = Vec::new();
    let mut meter = Meter::new(budget);
    meter.bytes(texts.iter().map(|text| text.len()).sum()).map_err(|problem| (0, at_start(problem)))?;
    for (index, text) in texts.iter().enumerate() {
        documents_within(text, &mut meter, |place, value| take_apart(value, place, &mut manifests))
            .map_err(|error| (index, error))?;
    }
    Ok(manifests)
}

/// Calls `each` with every document of a stream.
fn documents(
    text: &str,
    budget: &Budget,
    each: impl FnMut(Place, Value) -> Result<(), ManifestError>,
) -> Result<(), ManifestError> {
    let mut meter = Meter::new(budget);
    meter.bytes(text.len()).map_err(at_start)?;
    documents_within(text, &mut meter, each)
}

fn at_start(problem: String) -> ManifestError {
    ManifestError::new(Place { document: 1, ..Place::default() }, problem)
}

/// The same with what is left of a budget, from which the text's bytes were taken.
fn documents_within(
    text: &str,
    meter: &mut Meter,
    mut each: impl FnMut(Place, Value) -> Result<(), ManifestError>,
) -> Result<(), ManifestError> {
    let text = without_marks(text);
    // A series of JSON objects needs no `---`, and texts of JSON have escapes that YAML has not. What is no JSON to its end is read as YAML,
    // from the start and with the whole budget.
    if text.trim_start().starts_with('{') {
        let mut as_json = *meter;
        if let Some(objects) = json::objects(&text, &mut as_json)? {
            *meter = as_json;
            return objects.into_iter().try_for_each(|(place, object)| each(place, object));
        }
    }
    let mut documents = Documents::new(&text, meter);
    while let Some((place, value)) = documents.next_value(meter)? {
        each(place, value)?;
    }
    Ok(())
}

/// The manifests in a JSON value that was parsed elsewhere: one, or the items of a list.
pub fn read_value(value: Value, budget: &Budget) -> Result<Vec<Manifest>, ManifestError> {
    let place = Place::default();
    let mut meter = Meter::new(budget);
    json::measure(&value, &mut meter).map_err(|problem| ManifestError::new(place, problem))?;
    let mut manifests = Vec::new();
    take_apart(value, place, &mut manifests)?;
    Ok(manifests)
}

/// The text without byte order marks at the starts of documents, where editors and `cat` of several files leave them. kubectl skips them, too.
fn without_marks(text: &str) -> Cow<'_, str> {
    if !text.contains(BYTE_ORDER_MARK) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut at_start = true;
    for line in text.split_inclusive('\n') {
        let unmarked = line.trim_start_matches(BYTE_ORDER_MARK);
        let rest = unmarked.trim();
        let separates = unmarked.starts_with("---") || unmarked.starts_with("...");
        clean.push_str(if at_start || separates { unmarked } else { line });
        let is_empty = |rest: &str| rest.is_empty() || rest.starts_with('#');
        at_start = if separates { is_empty(rest[3..].trim_start()) } else { at_start && is_empty(rest) };
    }
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line has a text, and its documents as kubectl's decoder reads them (tests/kubectl prints such lines).
    const AS_KUBECTL: &str = include_str!("../tests/data/kubectl.jsonl");

    fn values(text: &str) -> Result<Vec<Value>, ManifestError> {
        let mut values = Vec::new();
        documents(text, &Budget::default(), |_, value| {
            values.push(value);
            Ok(())
        })?;
        values.retain(|value| !value.is_null());
        Ok(values)
    }

    /// Equal, where floats may be written with other digits.
    fn same(a: &Value, b: &Value) -> bool {
        match (a, b) {
            (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
            (Value::Object(a), Value::Object(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|((k, a), (l, b))| k == l && same(a, b))
            }
            (Value::Number(a), Value::Number(b)) if !a.is_i64() => {
                let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
                (a - b).abs() <= a.abs() * 1e-15
            }
            _ => a == b,
        }
    }

    #[test]
    fn texts_mean_what_they_mean_to_kubectl() {
        for line in AS_KUBECTL.lines() {
            let (text, expected): (String, Value) = serde_json::from_str(line).unwrap();
            match values(&text) {
                Ok(values) => {
                    let values = Value::Array(values);
                    assert!(same(&values, &expected), "{text:?}\n{values}\n{expected}");
                }
                Err(error) => assert!(expected.is_object(), "{text:?}: {error}"),
            }
        }
    }

    /// Where kubectl drops or misunderstands something without a word, or refuses what is clear.
    #[test]
    fn what_is_read_otherwise_than_by_kubectl() {
        use serde_json::json;
        assert_eq!(values("a: 1\n...\nb: 1\n").unwrap(), [json!({"a": 1}), json!({"b": 1})]);
        assert_eq!(values("--- {a: 1}\n--- {b: 1}\n").unwrap(), [json!({"a": 1}), json!({"b": 1})]);
        assert_eq!(values("a: 1\n\u{feff}---\n\u{feff}\nb: 1\n").unwrap(), [json!({"a": 1}), json!({"b": 1})]);
        assert_eq!(values("%YAML 1.1\n---\na: \"\\/\\ud83d\\ude00\"\n").unwrap(), [json!({"a": "/😀"})]);
        assert!(values("a: 1\na: 2\n").is_err());
        assert!(values("{\"a\": 1, \"a\": 2}").is_err());
        assert!(values("1: a\n\"1\": b\n").is_err());
        assert!(values("a: \"\\0\"\n").is_err());
        assert!(values("{\"a\": \"\\u0000\"}").is_err());
    }

    #[test]
    fn byte_order_marks_go_where_documents_start() {
        let (mark, kept) = ("\u{feff}", |text: &str| without_marks(text).into_owned());
        assert_eq!(kept("a: 1\n"), "a: 1\n");
        assert_eq!(kept(&format!("{mark}a: 1\n{mark}---\n{mark}{mark}b: 1\n--- # c\r\n\n{mark}# d\n{mark}c: 1")), {
            "a: 1\n---\nb: 1\n--- # c\r\n\n# d\nc: 1"
        });
        let inside = format!("a: {mark}1\nb: |\n {mark}\n");
        assert_eq!(kept(&inside), inside);
    }
}
