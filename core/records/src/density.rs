//! JSON that takes many times its length once it is parsed.

use causeway_manifests::Extent;

/// What a field may take. Manifests of megabytes are below it by far.
const MOST_BYTES: usize = 64 << 20;

/// Refuses the JSON of a field before it is parsed. `{"":0}` takes a hundred times its length, so that 8 MiB would take most of a gigabyte.
pub(crate) fn check(json: &[u8]) -> Result<(), String> {
    if Extent::of(json).parsed() <= MOST_BYTES {
        return Ok(());
    }
    Err(format!(
        "holds more objects and values than fit into {} MiB; send less at once: make each manifest a workload-resource-definition of its own",
        MOST_BYTES >> 20
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dense_is_refused_and_what_is_only_long_is_not() {
        let maps = |count: usize| format!("[{}0]", r#"{"":0},"#.repeat(count));
        assert!(check(maps(50_000).as_bytes()).is_ok());
        assert!(check(maps(200_000).as_bytes()).unwrap_err().contains("64 MiB; send less at once"));
        let text = format!("{{\"YAMLDocument\":{:?}}}", "{a: 1},\n".repeat(1_000_000));
        assert!(check(text.as_bytes()).is_ok());
    }
}
