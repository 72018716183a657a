//! The body of a server-side apply. The API server reads it as YAML, also where it is JSON.
//!
//! A JSON text may have characters in its strings that YAML takes for a line break, which becomes a space, or doesn't allow at all. Escaped, they are the
//! same text to both. Source: YAML 1.1, 5.1 (characters) and 5.4 (line breaks).

use kube::api::Patch;
use serde::{Serialize, Serializer, ser::Error};
use serde_json::{Value, value::RawValue};

/// What is sent to have a manifest applied.
pub(crate) fn of(manifest: &Value) -> Patch<ApplyBody<'_>> {
    Patch::Apply(ApplyBody(manifest))
}

/// A manifest that, serialized with `serde_json`, means the same as JSON and as YAML.
pub(crate) struct ApplyBody<'a>(&'a Value);

impl Serialize for ApplyBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json = escape(&self.0.to_string());
        RawValue::from_string(json).map_err(S::Error::custom)?.serialize(serializer)
    }
}

/// The same JSON without characters that mean something else in YAML: outside of strings JSON has none of them.
fn escape(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if is_other_in_yaml(character) {
            escaped += &format!("\\u{:04x}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Whether YAML doesn't take a character of a JSON string for itself. What JSON has escaped already isn't asked for.
fn is_other_in_yaml(character: char) -> bool {
    matches!(character, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn what_yaml_reads_otherwise_is_escaped() {
        let manifest = json!({"a\u{85}b": "line\u{2028}and\u{2029}more \u{feff}\u{7f}\u{9f}\u{ffff}", "plain": "ä 漢 🦀 \u{a0} \n"});
        let text = serde_json::to_string(&ApplyBody(&manifest)).unwrap();
        let escaped = r#"{"a\u0085b":"line\u2028and\u2029more \ufeff\u007f\u009f\uffff","plain":"ä 漢 🦀   \n"}"#;
        assert_eq!(text, escaped.replace("🦀   ", "🦀 \u{a0} "));
    }

    proptest! {
        #[test]
        fn it_is_the_same_text(key in any::<String>(), text in any::<String>()) {
            let manifest = json!({ key: [text] });
            let body = serde_json::to_string(&ApplyBody(&manifest)).unwrap();
            prop_assert!(!body.contains(is_other_in_yaml));
            prop_assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), manifest);
        }
    }
}
