//! Which media types a client takes.
//!
//! Why our own: the crate `headers` has no `Accept`, and what remains of the rules of RFC 9110 for a server with one or two media types is one function.

use axum::http::{HeaderMap, header};

/// Whether the client takes JSON: `Accept` is absent, or the range that fits JSON best has a weight above 0.
pub(super) fn takes_json(headers: &HeaderMap) -> bool {
    preferred(headers, ["application/json"]).is_some()
}

/// The one of these media types that the client prefers, the first one where it likes several as much; None: it takes none of them.
pub(crate) fn preferred<const N: usize>(headers: &HeaderMap, media: [&'static str; N]) -> Option<&'static str> {
    let values: Vec<_> = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let weight = |media: &str| {
        let fitting = values.iter().flat_map(|value| value.split(',')).filter_map(|range| fit(range, media));
        let best = fitting.max_by_key(|(exact, _)| *exact).map_or(0.0, |(_, weight)| weight);
        if values.is_empty() { 1.0 } else { best }
    };
    let weighed = media.into_iter().rev().map(|media| (weight(media), media)).filter(|(weight, _)| *weight > 0.0);
    weighed.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, media)| media)
}

/// How exactly a media range names this type, and its weight; None: it names something else.
fn fit(range: &str, media: &str) -> Option<(u8, f32)> {
    let mut parts = range.split(';').map(str::trim);
    let named = parts.next()?.to_ascii_lowercase();
    let exact = match named.strip_suffix("/*") {
        Some("*") => 0,
        Some(main) => media.split_once('/').is_some_and(|(of, _)| of == main).then_some(1)?,
        None if named.is_empty() => 0,
        None => (named == media).then_some(2)?,
    };
    let weight = parts.filter_map(|part| part.split_once('=')).find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    Some((exact, weight.map_or(1.0, |(_, weight)| weight.trim().parse().unwrap_or(0.0))))
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

    #[test]
    fn of_two_the_one_with_more_weight_is_preferred() {
        let of = |accept: &'static str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
            preferred(&headers, ["text/event-stream", "application/x-ndjson"])
        };
        let (events, lines) = (Some("text/event-stream"), Some("application/x-ndjson"));
        assert_eq!([of("*/*"), of("text/*"), of("application/x-ndjson, text/event-stream")], [events; 3]);
        assert_eq!(
            [
                of("application/x-ndjson"),
                of("application/*, text/event-stream;q=0.5"),
                of("text/event-stream;q=0, */*")
            ],
            [lines; 3]
        );
        assert_eq!([of("application/json"), of("text/html"), of("*/*;q=0")], [None; 3]);
        assert_eq!(preferred(&HeaderMap::new(), ["text/event-stream", "application/x-ndjson"]), events);
    }
}
