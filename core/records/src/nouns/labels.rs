use crate::{problem::Problem, scalar::json_scalar};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Labels that one record may hold.
const MOST: usize = 32;

/// Labels of a Kubernetes object: values by key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Labels(pub BTreeMap<String, String>);
json_scalar!(Labels);

impl Labels {
    /// What Kubernetes doesn't take of them, as problems of a field.
    pub(super) fn check(&self, field: &str) -> Vec<Problem> {
        if self.0.len() > MOST {
            return vec![Problem::new(field, format!("holds {} labels; {MOST} are allowed", self.0.len()))];
        }
        let wrong = |(key, value): (&String, &String)| {
            let name = key.escape_debug();
            let problem = match (is_key(key), is_name(value) || value.is_empty()) {
                (true, true) => return None,
                (false, _) => format!(
                    "`{name}` is no key of a label: up to 63 letters, digits, `-`, `_` and `.`, or a DNS name and `/` before them"
                ),
                _ => format!("the value of `{name}` is none of a label: up to 63 letters, digits, `-`, `_` and `.`"),
            };
            Some(Problem::new(field, problem))
        };
        self.0.iter().filter_map(wrong).collect()
    }
}

/// `purpose`, or `example.org/purpose`.
fn is_key(key: &str) -> bool {
    let is_prefix = |prefix: &str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_label = |label: &str| {
            !label.is_empty() && label.chars().all(plain) && !label.starts_with('-') && !label.ends_with('-')
        };
        prefix.len() <= 253 && prefix.split('.').all(is_label)
    };
    key.split_once('/').map_or_else(|| is_name(key), |(prefix, name)| is_prefix(prefix) && is_name(name))
}

fn is_name(name: &str) -> bool {
    let is_end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    name.len() <= 63 && name.chars().all(plain) && is_end(name.chars().next()) && is_end(name.chars().last())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(key: &str, value: &str) -> usize {
        Labels([(key.to_owned(), value.to_owned())].into()).check("NamespaceLabels").len()
    }

    #[test]
    fn labels_are_those_that_kubernetes_takes() {
        for (key, value) in [("purpose", "workloads"), ("a.b/C_d.e-1", ""), ("x", "A-1"), ("a", &"v".repeat(63))] {
            assert_eq!(problems(key, value), 0, "{key}={value}");
        }
        for (key, value) in [
            ("", "a"),
            ("-a", "a"),
            ("a/b/c", "a"),
            ("A.b/c", "a"),
            ("a..b/c", "a"),
            ("/c", "a"),
            ("a/", "a"),
            ("ä", "a"),
            ("a", "b c"),
            ("a", "b-"),
            ("a", &"v".repeat(64)),
        ] {
            assert_eq!(problems(key, value), 1, "{key}={value}");
        }
    }

    #[test]
    fn a_record_has_so_many_labels() {
        let of = |count: usize| Labels((0..count).map(|n| (format!("l{n}"), String::new())).collect());
        assert!(of(MOST).check("NamespaceLabels").is_empty());
        assert_eq!(
            of(MOST + 1).check("NamespaceLabels")[0].to_string(),
            "NamespaceLabels: holds 33 labels; 32 are allowed"
        );
    }
}
