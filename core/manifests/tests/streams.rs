//! Streams made at random: those of which it is known what they hold hold exactly that, and damaged ones are refused with a sentence or are read as
//! something that is read the same way again.

use causeway_manifests::{Budget, Manifest, read, read_value};
use causeway_streams::{Stream, damaged, whole};
use proptest::prelude::*;
use serde_json::Value;

/// Objects as they are applied.
fn manifests(objects: &[Value]) -> Vec<Manifest> {
    let read = |object: &Value| read_value(object.clone(), &Budget::default()).expect("what is applied is read");
    objects.iter().flat_map(read).collect()
}

fn bodies(manifests: &[Manifest]) -> Vec<Value> {
    manifests.iter().map(|manifest| manifest.body.clone()).collect()
}

/// A refusal names a place and stays short, whatever the text says.
fn is_a_sentence(error: &str) -> bool {
    error.starts_with("document ") && error.len() < 500 && !error.chars().any(char::is_control)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_stream_holds_what_it_was_written_from(stream in whole("o")) {
        let found = read(&stream.text, &Budget::default());
        prop_assert!(found.is_ok(), "{}\n{}", stream.text, found.unwrap_err());
        let (found, asked) = (found.unwrap(), manifests(&stream.objects.unwrap()));
        prop_assert_eq!(bodies(&found), bodies(&asked), "{}", stream.text);
    }

    #[test]
    fn two_streams_one_after_the_other_hold_what_each_holds((one, other) in (whole("a"), whole("b"))) {
        let mark = |stream: &Stream| stream.text.starts_with('{');
        // JSON and YAML after each other are one text of YAML, in which escapes may mean other things.
        prop_assume!(!mark(&one) && !mark(&other));
        let text = format!("{}\n---\n{}", one.text, other.text);
        let found = read(&text, &Budget::default());
        prop_assert!(found.is_ok(), "{}\n{}", text, found.unwrap_err());
        let asked = manifests(&[one.objects.unwrap(), other.objects.unwrap()].concat());
        prop_assert_eq!(bodies(&found.unwrap()), bodies(&asked), "{}", text);
    }

    #[test]
    fn a_damaged_stream_is_refused_with_a_sentence_or_read(stream in damaged("o")) {
        match read(&stream.text, &Budget::default()) {
            Err(error) => prop_assert!(is_a_sentence(&error.to_string()), "{}", error),
            Ok(found) => {
                let written = bodies(&found);
                prop_assert_eq!(bodies(&manifests(&written)), written);
            }
        }
    }
}
