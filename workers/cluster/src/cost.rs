//! What a text of JSON will take in memory, from the text alone: it is counted while it comes in, long before it is parsed.

use causeway_manifests::Extent;

/// What a text of JSON takes, or may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) bytes: usize,
    /// About how much memory it takes once it is parsed; too much where texts hold brackets and commas, which is no harm: whether a byte is in a text
    /// isn't followed over the parts in which a text comes.
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
        Self { bytes: data.len(), parsed: Extent { bytes: data.len(), values, maps }.parsed() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_and_values_take_more_than_their_length() {
        let parsed = |text: &str| Cost::of(text.as_bytes(), 0).parsed;
        let map = Extent { maps: 1, ..Extent::default() }.parsed();
        assert_eq!(parsed("text"), 4);
        assert!(parsed(r#"{"a":1}"#) > map && parsed("{}") < 100);
        assert_eq!(Cost::of(b"\"a\"", b'{').parsed, 3 + map, "a part may begin anywhere");
    }
}
