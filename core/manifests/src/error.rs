//! Why a text can't be read as manifests.

use std::fmt;

/// Where in a text something was found. Lines and columns are counted from 1; 0 means that it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Number of the document in its stream, from 1.
    pub document: usize,
    /// Line in the whole text.
    pub line: usize,
    /// Column in characters.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.document, self.line, self.column) {
            (0, ..) => f.write_str("manifest"),
            (document, 0, _) => write!(f, "document {document}"),
            (document, line, 0) => write!(f, "document {document}, line {line}"),
            (document, line, column) => write!(f, "document {document}, line {line}, column {column}"),
        }
    }
}

/// What is wrong with a text, where, and what to do about it. Repeats keys, kinds and names, never other values: they may be secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct ManifestError {
    pub place: Place,
    /// What is wrong, and the remedy.
    pub problem: String,
}

impl ManifestError {
    pub(crate) fn new(place: Place, problem: impl Into<String>) -> Self {
        Self { place, problem: problem.into() }
    }
}

/// A name out of the text for an error message, cut where it gets long.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut escaped = format!("{:?}", text.chars().take(LONGEST).collect::<String>());
    let is_whole = text.chars().nth(LONGEST).is_none();
    if is_whole && escaped.len() <= 2 * LONGEST + 2 {
        return escaped;
    }
    // What is escaped takes up to eight times its length.
    escaped.pop();
    escaped.truncate(escaped.floor_char_boundary(2 * LONGEST));
    escaped + "…\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_however_it_is_written() {
        assert_eq!(quoted("it's \"a\""), r#""it's \"a\"""#);
        assert_eq!(quoted(&"é".repeat(80)), format!("{:?}", "é".repeat(80)));
        for long in ["a".repeat(81), "é".repeat(1000), "\u{feff}".repeat(80), "\0".repeat(100_000)] {
            let quoted = quoted(&long);
            assert!(quoted.len() < 170 && quoted.starts_with('"') && quoted.ends_with("…\""), "{quoted}");
        }
    }
}
