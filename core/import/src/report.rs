//! What the report says: for each field that no record says as it is, which object has it, where, and why.

use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// An object of the input.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ImportedObject {
    /// `HTTPRoute`.
    pub kind: String,
    /// Its namespace; `default` where the manifest names none. Empty: it has none, or it is a record of the documents.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
}

impl fmt::Display for ImportedObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.namespace.is_empty() { "" } else { "/" };
        write!(f, "{} {}{slash}{}", self.kind, self.namespace, self.name)
    }
}

/// What became of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Loss {
    /// A record says something like it, but not the same.
    Lossy,
    /// No record says it.
    Unsupported,
    /// A record says it once the user has brought what the sentence names.
    Needed,
}

impl Loss {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Lossy, Self::Unsupported, Self::Needed];

    /// As in the report.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lossy => "Lossy",
            Self::Unsupported => "Unsupported",
            Self::Needed => "Needed",
        }
    }
}

/// One line of the report. It is about the field and all that is below it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Finding {
    /// The object that has the field.
    #[serde(flatten)]
    pub object: ImportedObject,
    /// Its path: `spec.rules[0].retry`. Empty: the whole object.
    pub field: String,
    /// What became of it.
    pub loss: Loss,
    /// Why, and what to do about it.
    pub problem: String,
}

impl Finding {
    /// Whether it is about the field at this path, or one that this is below.
    pub fn covers(&self, path: &str) -> bool {
        self.field.is_empty()
            || path
                .strip_prefix(self.field.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = if self.field.is_empty() { "the whole object" } else { self.field.as_str() };
        write!(f, "{}: {field}: {}", self.object, self.problem)
    }
}

/// A JSON pointer as the report writes it: `/spec/rules/0` is `spec.rules[0]`, and a key that is more than a word stands in quotes.
pub fn shown(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        let is_word = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) {
            path += &format!("[{part}]");
        } else if is_word && !part.is_empty() {
            let dot = if path.is_empty() { "" } else { "." };
            path += &format!("{dot}{part}");
        } else {
            path += &format!("[{}]", Value::from(part));
        }
    }
    path
}

/// A key as a part of a JSON pointer.
pub(crate) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_as_people_write_them() {
        assert_eq!(shown("/spec/rules/0/matches/12/path"), "spec.rules[0].matches[12].path");
        assert_eq!(shown("/metadata/annotations/a.b~1c"), r#"metadata.annotations["a.b/c"]"#);
        assert_eq!((shown(""), shown("/"), shown("/a b")), (String::new(), r#"[""]"#.into(), r#"["a b"]"#.into()));
    }

    #[test]
    fn a_finding_covers_what_is_below_its_field() {
        let finding = |field: &str| Finding {
            object: ImportedObject { kind: "A".into(), namespace: "b".into(), name: "c".into() },
            field: field.into(),
            loss: Loss::Lossy,
            problem: "no".into(),
        };
        assert!(finding("spec.a").covers("spec.a") && finding("spec.a").covers("spec.a.b"));
        assert!(finding("spec.a").covers("spec.a[1]") && finding("").covers("spec"));
        assert!(!finding("spec.a").covers("spec.ab") && !finding("spec.a").covers("spec"));
        assert_eq!(finding("").to_string(), "A b/c: the whole object: no");
    }
}
