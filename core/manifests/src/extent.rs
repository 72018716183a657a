//! How much a JSON text holds, from the text alone: what would take many times its length once it is parsed never gets into memory.

/// What a JSON parser takes for an object with an entry or more, which makes room for eleven.
const MAP_BYTES: usize = 700;
/// What it takes at most for another value: a list that grows has twice its length.
const VALUE_BYTES: usize = 64;

/// How much a JSON text holds. What is no JSON has some extent, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Its length.
    pub bytes: usize,
    /// Texts, numbers, words, lists and objects.
    pub values: usize,
    /// Objects that aren't empty.
    pub maps: usize,
}

impl Extent {
    /// Of this text. Strings aren't looked into.
    pub fn of(json: &[u8]) -> Self {
        let mut extent = Self { bytes: json.len(), values: 1, maps: 0 };
        // The bracket, if nothing has followed it yet.
        let mut opened = None;
        let mut bytes = json.iter();
        while let Some(byte) = bytes.next() {
            match byte {
                b' ' | b'\n' | b'\r' | b'\t' => continue,
                // Each element but the first follows a comma; the first one follows the bracket.
                b',' | b'[' | b'{' => extent.values += 1,
                // Nothing was in it.
                b']' | b'}' if opened.is_some() => extent.values -= 1,
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
            extent.maps += usize::from(opened == Some(b'{') && *byte != b'}');
            opened = matches!(byte, b'[' | b'{').then_some(*byte);
        }
        extent
    }

    /// About how much memory it takes at most once it is parsed.
    pub fn parsed(self) -> usize {
        self.bytes + self.maps * MAP_BYTES + self.values * VALUE_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn extent(value: &Value) -> (usize, usize) {
        let of_all =
            |values: &mut dyn Iterator<Item = &Value>| values.map(extent).fold((1, 0), |(a, b), (c, d)| (a + c, b + d));
        match value {
            Value::Array(items) => of_all(&mut items.iter()),
            Value::Object(map) => {
                let (values, maps) = of_all(&mut map.values());
                (values, maps + usize::from(!map.is_empty()))
            }
            _ => (1, 0),
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
            for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                let found = Extent::of(text.as_bytes());
                prop_assert_eq!((found.values, found.maps), extent(&value));
            }
        }

        #[test]
        fn nothing_makes_it_fail(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(Extent::of(&bytes).values <= bytes.len() + 1);
        }
    }

    /// A map that is full takes less for each entry, and the estimate is for the worst.
    #[test]
    fn what_it_takes_once_it_is_parsed_is_not_underestimated() {
        // Eleven keys, eleven values, and what a node of a tree needs beside them.
        let leaf = 11 * (size_of::<String>() + size_of::<Value>()) + 16;
        assert!(leaf <= MAP_BYTES, "{leaf}");
        assert!(size_of::<Value>() * 2 <= VALUE_BYTES, "a list that grows has twice its length");
        assert_eq!(Extent::of(b"[1,{}]").parsed(), 6 + 3 * VALUE_BYTES);
        assert_eq!(Extent::of(br#"{"a":1}"#).parsed(), 7 + 2 * VALUE_BYTES + MAP_BYTES);
        assert_eq!(Extent::of(br#""{[,,\"{""#).parsed(), 9 + VALUE_BYTES, "a string is one value, whatever is in it");
    }
}
