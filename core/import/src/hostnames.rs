//! Hostnames as Gateway API matches them: a `*` stands for one or more labels at the front.

use causeway_records::text::Hostname;

/// A hostname as an object writes it; None: it is none.
pub(crate) fn pattern(text: &str) -> Option<String> {
    let rest = text.strip_prefix("*.").unwrap_or(text);
    let hostname: Hostname = rest.parse().ok()?;
    Some(if rest.len() < text.len() { format!("*.{hostname}") } else { hostname.to_string() })
}

/// Whether a pattern stands for many hostnames.
pub(crate) fn is_wildcard(pattern: &str) -> bool {
    pattern.starts_with("*.")
}

/// What both a listener and a route are for. None stands for every hostname; nothing in common is an empty list.
pub(crate) fn in_common(listener: Option<&str>, route: Option<&str>) -> Option<Option<String>> {
    match (listener, route) {
        (None, other) | (other, None) => Some(other.map(str::to_owned)),
        (Some(one), Some(other)) if one == other || is_within(other, one) => Some(Some(other.to_owned())),
        (Some(one), Some(other)) if is_within(one, other) => Some(Some(one.to_owned())),
        _ => None,
    }
}

fn is_within(hostname: &str, pattern: &str) -> bool {
    // `*.a` holds `b.a` and `*.b.a`, but not `a`.
    pattern.strip_prefix('*').is_some_and(|suffix| hostname.len() > suffix.len() && hostname.ends_with(suffix))
}

/// The domain under which a hostname is published: its last two labels, or three where the last two look like a registry's, such as `co.uk`. The user corrects
/// what this doesn't know; zones are found by hostname whatever the domain is.
pub(crate) fn domain(hostname: &str) -> Option<String> {
    let hostname = hostname.strip_prefix("*.").unwrap_or(hostname);
    let labels: Vec<&str> = hostname.split('.').collect();
    let of_registry = matches!(labels.as_slice(), [.., second, top] if top.len() == 2 && second.len() <= 3);
    let wanted = if of_registry && labels.len() > 2 { 3 } else { 2 };
    (labels.len() >= 2).then(|| labels[labels.len().saturating_sub(wanted)..].join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_route_and_a_listener_have_in_common() {
        let common = |listener: &str, route: &str| {
            let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            match in_common(some(listener).as_deref(), some(route).as_deref()) {
                None => "nothing".to_owned(),
                Some(None) => "all".to_owned(),
                Some(Some(hostname)) => hostname,
            }
        };
        assert_eq!(common("", ""), "all");
        assert_eq!((common("a.test", ""), common("", "a.test")), ("a.test".into(), "a.test".into()));
        assert_eq!((common("*.test", "a.test"), common("a.test", "*.test")), ("a.test".into(), "a.test".into()));
        assert_eq!((common("*.test", "*.b.test"), common("*.test", "test")), ("*.b.test".into(), "nothing".into()));
        assert_eq!((common("a.test", "b.test"), common("*.a.test", "*.b.test")), ("nothing".into(), "nothing".into()));
    }

    #[test]
    fn hostnames_are_written_in_small_letters() {
        assert_eq!(
            (pattern("*.Shop.Test"), pattern("Shop.test.")),
            (Some("*.shop.test".into()), Some("shop.test".into()))
        );
        assert_eq!((pattern("*"), pattern("a.*.test"), pattern("a_b")), (None, None, None));
    }

    #[test]
    fn a_domain_is_what_is_registered() {
        let of = |hostname: &str| domain(hostname).unwrap_or_default();
        assert_eq!((of("www.shop.example.org"), of("example.org")), ("example.org".into(), "example.org".into()));
        assert_eq!(
            (of("www.shop.co.uk"), of("shop.co.uk"), of("localhost")),
            ("shop.co.uk".into(), "shop.co.uk".into(), String::new())
        );
        assert_eq!((of("co.uk"), of("www.example.de")), ("co.uk".into(), "example.de".into()));
        assert_eq!((of("*.shop.example.org"), of("*.org")), ("example.org".into(), String::new()));
    }
}
