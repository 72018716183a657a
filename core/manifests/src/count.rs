//! Counts the values of a JSON text without reading them, so that a text with too many of them never gets into memory.

/// How many values a JSON text holds: texts, numbers, words, lists and objects. What is no JSON has some number, too.
pub fn count_values(json: &[u8]) -> usize {
    let (mut values, mut opened) = (1, false);
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' => continue,
            // Each element but the first follows a comma; the first one follows the bracket.
            b',' => values += 1,
            b'[' | b'{' => {
                values += 1;
                opened = true;
                continue;
            }
            // Nothing was in it.
            b']' | b'}' if opened => values -= 1,
            b'"' => {
                while let Some(inside) = bytes.next() {
                    match inside {
                        b'\\' => drop(bytes.next()),
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        opened = false;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn values(value: &Value) -> usize {
        1 + match value {
            Value::Array(items) => items.iter().map(values).sum(),
            Value::Object(map) => map.values().map(values).sum(),
            _ => 0,
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[ -~]{0,6}".prop_map(Value::from),
            "[\\[\\]{},:\"\\\\]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::btree_map("[a-c,\"\\[]{0,3}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn all_values_are_counted(value in any_json()) {
            prop_assert_eq!(count_values(value.to_string().as_bytes()), values(&value));
            prop_assert_eq!(count_values(serde_json::to_string_pretty(&value).unwrap().as_bytes()), values(&value));
        }

        #[test]
        fn nothing_makes_it_fail(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(count_values(&bytes) <= bytes.len() + 1);
        }
    }
}
