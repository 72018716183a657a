//! Which media types a client takes.
//!
//! Why our own: the crate `headers` has no `Accept`, and what remains of the rules of RFC 9110 for a server with one media type is one function.

use axum::http::{HeaderMap, header};

/// Whether the client takes JSON: `Accept` is absent, or the range that fits JSON best has a weight above 0.
pub(super) fn takes_json(headers: &HeaderMap) -> bool {
    let values: Vec<_> = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let fitting = values.iter().flat_map(|value| value.split(',')).filter_map(fit);
    values.is_empty() || fitting.max_by_key(|(exact, _)| *exact).is_some_and(|(_, wanted)| wanted)
}

/// How exactly a media range names JSON, and whether it wants it; None: it names something else.
fn fit(range: &str) -> Option<(u8, bool)> {
    let mut parts = range.split(';').map(str::trim);
    let exact = match parts.next()?.to_ascii_lowercase().as_str() {
        "application/json" => 2,
        "application/*" => 1,
        "*/*" | "" => 0,
        _ => return None,
    };
    let weight = parts.filter_map(|part| part.split_once('=')).find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    Some((exact, weight.is_none_or(|(_, weight)| weight.trim().parse::<f32>().is_ok_and(|weight| weight > 0.0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(accept: &'static str) -> bool {
        takes_json(&HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]))
    }

    #[test]
    fn the_range_that_fits_best_decides() {
        assert!(takes_json(&HeaderMap::new()) && takes("") && takes("*/*") && takes("Application/JSON; charset=utf-8"));
        assert!(takes("text/html, application/*;q=0.1") && takes("*/*;q=0, application/json"));
        assert!(!takes("text/html") && !takes("*/*, application/json;q=0") && !takes("application/json;q=nonsense"));
    }
}
