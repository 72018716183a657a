//! What a text of JSON will take in memory, from the text alone: it is counted while it comes in, long before it is parsed.

/// What serde_json takes for a map with an entry or more; it makes room for eleven.
const MAP_BYTES: usize = 700;
/// The same for an entry or an item.
const VALUE_BYTES: usize = 64;

/// What a text of JSON takes, or may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) bytes: usize,
    /// About how much memory it takes once it is parsed; too much where texts hold brackets and commas, which is no harm.
    pub(crate) parsed: usize,
}

impl Cost {
    /// Of some more bytes, after the byte `before` them.
    pub(crate) fn of(data: &[u8], before: u8) -> Self {
        let (mut maps, mut values, mut last) = (0, 0, before);
        for byte in data {
            // An empty map takes nothing.
            maps += usize::from(last == b'{' && *byte != b'}');
            values += usize::from(matches!(byte, b',' | b'[' | b'{'));
            last = *byte;
        }
        Self { bytes: data.len(), parsed: data.len() + maps * MAP_BYTES + values * VALUE_BYTES }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_and_values_take_more_than_their_length() {
        let parsed = |text: &str| Cost::of(text.as_bytes(), 0).parsed;
        assert_eq!(parsed("text"), 4);
        assert!(parsed(r#"{"a":1}"#) > MAP_BYTES && parsed("{}") < 100);
        assert_eq!(Cost::of(b"\"a\"", b'{').parsed, 3 + MAP_BYTES, "a part may begin anywhere");
    }

    /// A map that is full takes less for each entry, and the estimate is for the worst.
    #[test]
    fn a_map_with_one_entry_takes_less_than_is_estimated() {
        // Eleven keys of 24 bytes, eleven values, and what a node of a tree needs beside them.
        let leaf = 11 * (size_of::<String>() + size_of::<serde_json::Value>()) + 16;
        assert!(leaf <= MAP_BYTES, "{leaf}");
        assert!(size_of::<serde_json::Value>() * 2 <= VALUE_BYTES, "an array that grows has twice its length");
    }
}
