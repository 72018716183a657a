//! JSON that takes many times its length once it is parsed.

/// What a JSON parser takes for a map with an entry or more, which makes room for eleven.
const MAP_BYTES: usize = 700;
/// The same for an entry or an item.
const VALUE_BYTES: usize = 64;
/// What a field may take. Manifests of megabytes are below it by far.
const MOST_BYTES: usize = 64 << 20;

/// Refuses the JSON of a field before it is parsed. `{"":0}` takes a hundred times its length, so that 8 MiB would take most of a gigabyte.
pub(crate) fn check(json: &[u8]) -> Result<(), String> {
    if parsed(json) <= MOST_BYTES {
        return Ok(());
    }
    Err(format!(
        "holds more objects and values than fit into {} MiB; send less at once: make each manifest a workload-resource-definition of its own",
        MOST_BYTES >> 20
    ))
}

/// About how much memory a JSON text takes once it is parsed. Its texts aren't looked into.
fn parsed(json: &[u8]) -> usize {
    let (mut maps, mut values, mut in_text, mut last) = (0, 0, false, 0);
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            // What is escaped doesn't end the text.
            b'\\' if in_text => drop(bytes.next()),
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b' ' | b'\n' | b'\r' | b'\t' => continue,
            b',' => values += 1,
            _ => {}
        }
        // An empty map takes nothing.
        maps += usize::from(last == b'{' && *byte != b'}');
        last = if in_text { b'"' } else { *byte };
    }
    json.len() + maps * MAP_BYTES + values * VALUE_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_and_values_count_and_texts_do_not() {
        assert_eq!(parsed(b"[1]"), 3);
        assert_eq!(parsed(b"[1,2]"), 5 + VALUE_BYTES);
        for map in [r#"{"a":1}"#, r#"{ "a":1}"#, "{1}"] {
            assert_eq!(parsed(map.as_bytes()), map.len() + MAP_BYTES, "{map}");
        }
        for other in ["{}", "{ }", r#""{a,b}""#, r#""\"{a,b""#, r#"["{a"]"#, "\"\\\\\"", "\"", "\\"] {
            assert_eq!(parsed(other.as_bytes()), other.len(), "{other}");
        }
    }

    #[test]
    fn what_is_dense_is_refused_and_what_is_only_long_is_not() {
        let maps = |count: usize| format!("[{}0]", r#"{"":0},"#.repeat(count));
        assert!(check(maps(50_000).as_bytes()).is_ok());
        assert!(check(maps(200_000).as_bytes()).unwrap_err().contains("64 MiB; send less at once"));
        let text = format!("{{\"YAMLDocument\":{:?}}}", "{a: 1},\n".repeat(1_000_000));
        assert!(check(text.as_bytes()).is_ok());
    }
}
