//! The documents of a text of YAML, read and written.
//!
//! They are written by the crate whose parser reads them, serde-saphyr: it quotes what a reader of YAML 1.1, such as kubectl, would take for something
//! else than a text. A test reads back what kubectl's own examples are written as.

use causeway_manifests::Budget;
use serde_json::Value;

/// The documents of a text, read as workers will read them, so that both find the same Secrets; None: it can't be read within the budget.
pub(super) fn read(text: &str) -> Option<Vec<Value>> {
    causeway_manifests::read_documents(text, &Budget::stored()).ok()
}

/// None: they can't be written.
pub(super) fn write(documents: &[Value]) -> Option<String> {
    // Long lines stay lines: nobody has to see how they were folded.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    let document = |document| serde_saphyr::to_string_with_options(document, options.clone()).ok();
    Some(documents.iter().map(document).collect::<Option<Vec<_>>>()?.join("---\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Texts, each with its documents as kubectl reads them.
    const AS_KUBECTL: &str = include_str!("../../../core/manifests/tests/data/kubectl.jsonl");

    fn assert_reads_back(documents: &[Value]) {
        let text = write(documents).unwrap();
        assert_eq!(read(&text).as_deref(), Some(documents), "{text}");
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut count = 0;
        for line in AS_KUBECTL.lines() {
            let (text, _): (String, Value) = serde_json::from_str(line).unwrap();
            let Some(documents) = read(&text) else { continue };
            // A single null is written as an empty document.
            if !documents.is_empty() {
                assert_reads_back(&documents);
                count += 1;
            }
        }
        assert!(count > 20, "{count}");
    }

    #[test]
    fn texts_stay_texts() {
        let words = [
            "",
            " ",
            "~",
            "null",
            "true",
            "yes",
            "NO",
            "on",
            "y",
            "0o17",
            "0x1f",
            "1_000",
            "1:20",
            "12:30:45",
            ".inf",
            ".nan",
            "1e3",
            "1.",
            "-",
            "- a",
            "a: b",
            "a #b",
            "#a",
            "&a",
            "*a",
            "!a",
            "|",
            ">",
            "%a",
            "@a",
            "`a",
            "{a",
            "[a",
            "]",
            "2001-12-14",
            "---",
            "...",
            "--- a",
            "a\nb",
            "a\n",
            "\n",
            "\n\na",
            " a\n b\n",
            "a\n\n\n",
            "a\r\nb",
            "\ta",
            "a\t",
            "ü 😀",
            "\u{1}",
            "\u{85}",
            "\u{2028}",
            "\u{feff}a",
            "\"",
            "'",
            "\\",
            "=",
            "<<",
            "?",
            "? a",
            ":",
            ": a",
            "a:",
        ];
        for word in words {
            assert_reads_back(&[json!({"key": word, "list": [word, [word]], "inner": {"deeper": word}})]);
            assert_reads_back(&[json!({word: {word: 1}})]);
        }
        assert_reads_back(&[
            json!({"long": "word ".repeat(1000), "lines": "a long line of words, and more of them\n".repeat(100)}),
        ]);
        assert_reads_back(&[
            json!({"a": {}, "b": [], "c": [[], {}, [{"d": null}]], "e": [1, -1, 1.5, 1e300, i64::MAX, true]}),
            json!([]),
            json!("a"),
        ]);
    }
}
