//! What holds for every text.

use crate::measure::{hash, measured, too_dear};
use causeway_manifests::{Budget, MAPPING, Manifest, ManifestError, read, read_documents, read_value};
use serde_json::Value;
use std::{
    fmt::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

/// A sentence about what doesn't hold.
pub(super) type Failure = String;

/// Scalars are at most four times as long as they are written: `y` as a key is `true`.
const LONGER: usize = 4;

/// What a text did.
pub(super) struct Seen {
    /// Texts that did the same have the same one.
    pub(super) kind: String,
    pub(super) is_read: bool,
    pub(super) took: Duration,
    pub(super) peak: usize,
}

pub(super) fn check(text: &str) -> Result<Seen, Failure> {
    catch_unwind(AssertUnwindSafe(|| checked(text))).unwrap_or_else(|_| Err("panics".into()))
}

fn checked(text: &str) -> Result<Seen, Failure> {
    let budget = budget(text);
    let run = || read(text, &budget);
    let (manifests, mut cost) = measured(run);
    if let Some(problem) = too_dear(text.len(), &mut cost, run) {
        return Err(problem);
    }
    let documents = read_documents(text, &budget);
    let kind = match (&manifests, &documents) {
        (Ok(manifests), Ok(documents)) => {
            same_again(manifests)?;
            within(documents, &budget, text.len())?
        }
        (Err(error), Ok(documents)) => format!("{} {}", says_little(error)?, within(documents, &budget, text.len())?),
        (Err(error), Err(other)) if error == other || manifests_come_first(error, other) => says_little(error)?,
        (manifests, documents) => return Err(format!("is {manifests:?} and {:?}", documents.as_ref().err())),
    };
    Ok(Seen { kind, is_read: documents.is_ok(), took: cost.took, peak: cost.peak })
}

/// The default, or for every eighth text a smaller one, which small texts reach.
fn budget(text: &str) -> Budget {
    let hash = hash(text);
    if !hash.is_multiple_of(8) {
        return Budget::default();
    }
    let part = |at: u32, most: u64| 1 + (hash >> at) as usize % most as usize;
    Budget {
        bytes: part(8, 4096) * 16,
        documents: part(20, 16),
        nodes: part(24, 4096),
        depth: part(36, 100),
        alias_nodes: part(44, 64),
        alias_bytes: part(52, 256),
    }
}

/// A document that is no manifest is refused before what is wrong with a later one.
fn manifests_come_first(error: &ManifestError, other: &ManifestError) -> bool {
    error.place.document <= other.place.document
}

/// What was read is within the budget, and can be stored and read again. Answers its rough size.
fn within(documents: &[Value], budget: &Budget, bytes: usize) -> Result<String, Failure> {
    let mut size = Size::default();
    documents.iter().for_each(|document| size.add(document, 0));
    let most_nodes = budget.nodes_in(bytes) + budget.alias_nodes;
    let most_text = LONGER * (bytes + budget.alias_bytes);
    if bytes > budget.bytes
        || documents.len() > budget.documents
        || size.nodes > most_nodes
        || size.depth > budget.depth
        || size.text > most_text
        || size.has_nul
    {
        return Err(format!("has {} documents and {size:?} from {bytes} bytes over {budget:?}", documents.len()));
    }
    for document in documents {
        let stored = serde_json::to_string(document).map_err(|error| format!("can't be stored: {error}"))?;
        let again: Value = serde_json::from_str(&stored).map_err(|error| format!("can't be read again: {error}"))?;
        if !same(document, &again) {
            return Err("is another value once it was stored".into());
        }
    }
    let log = |number: usize| number.checked_ilog2().unwrap_or_default();
    Ok(format!("{} {} {} {}", log(documents.len()), log(size.nodes), log(size.depth), log(size.text)))
}

#[derive(Debug, Default)]
struct Size {
    nodes: usize,
    depth: usize,
    text: usize,
    has_nul: bool,
}

impl Size {
    fn add(&mut self, value: &Value, depth: usize) {
        self.nodes += 1;
        match value {
            Value::Array(items) => {
                self.depth = self.depth.max(depth + 1);
                items.iter().for_each(|item| self.add(item, depth + 1));
            }
            Value::Object(map) => {
                self.depth = self.depth.max(depth + 1);
                self.nodes += MAPPING - 1;
                for (key, value) in map {
                    self.add_text(key);
                    self.add(value, depth + 1);
                }
            }
            Value::String(text) => self.add_text(text),
            _ => {}
        }
    }

    fn add_text(&mut self, text: &str) {
        self.text += text.len();
        self.has_nul |= text.contains('\0');
    }
}

/// A manifest is one, and what is applied is the same when it is read once more.
fn same_again(manifests: &[Manifest]) -> Result<(), Failure> {
    for manifest in manifests {
        let named =
            !manifest.kind().is_empty() && !manifest.name().is_empty() && manifest.body["apiVersion"].is_string();
        if !named {
            return Err(format!("is read as {manifest:?}, which has no identity"));
        }
        // The default has room for whatever a smaller budget had.
        match read_value(manifest.body.clone(), &Budget::default()).as_deref() {
            Ok([again]) if same(&again.body, &manifest.body) => {}
            Err(error) if error.problem.contains("more than") => {}
            again => return Err(format!("{manifest:?} is {again:?} when it is read again")),
        }
    }
    Ok(())
}

/// Equal, where floats may have other digits at their end.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((k, a), (l, b))| k == l && same(a, b))
        }
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
            let (a, b) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
            (a - b).abs() <= a.abs() * 1e-12
        }
        _ => a == b,
    }
}

/// An error is short whatever the text is, and says where. Answers it without what is different from text to text.
fn says_little(error: &ManifestError) -> Result<String, Failure> {
    let sentence = error.to_string();
    if sentence.chars().count() > 600 || !sentence.starts_with("document ") || sentence.contains('\0') {
        return Err(format!("is refused with {sentence:?}"));
    }
    let mut kind = String::new();
    for (index, part) in error.problem.split('"').enumerate() {
        let words = part.chars().filter(|c| !c.is_ascii_digit());
        if index % 2 == 0 { kind.extend(words) } else { write!(kind, "\"\"").unwrap() }
    }
    kind.truncate(kind.floor_char_boundary(80));
    Ok(kind)
}
