//! Hostnames that stand for many: `*.example.org` is for every name below `example.org`, of however many labels, and not for `example.org` itself. So says
//! Gateway API; the asterisk of a certificate stands for one label.
//!
//! A request belongs to the most specific hostname that is for its own, and to no other: what that one doesn't answer is answered by nobody.

/// Whether a hostname stands for many.
pub fn is_wildcard(hostname: &str) -> bool {
    hostname.starts_with("*.")
}

/// Whether a hostname is for all that another one is for.
pub fn is_for(hostname: &str, other: &str) -> bool {
    hostname == other || is_above(hostname, other)
}

/// Whether a hostname is for all that another one is for, and for more.
pub fn is_above(hostname: &str, other: &str) -> bool {
    let Some(end) = hostname.strip_prefix('*').filter(|end| end.starts_with('.')) else { return false };
    other.len() > end.len() && other.ends_with(end) && other != hostname
}

/// All wildcards that are above a hostname, the nearest first.
pub fn above(hostname: &str) -> Vec<String> {
    // `*.example.org` is above `shop.example.org`, and not above itself.
    let name = hostname.strip_prefix("*.").unwrap_or(hostname);
    std::iter::successors(parent(name), |name| parent(name)).map(|name| format!("*.{name}")).collect()
}

/// A name without its first label; None: it has no other.
fn parent(name: &str) -> Option<&str> {
    name.split_once('.').map(|(_, parent)| parent)
}

/// The most specific of some hostnames that is for all that this one is for.
pub fn nearest<'h>(hostnames: impl IntoIterator<Item = &'h str>, hostname: &str) -> Option<&'h str> {
    let serving = hostnames.into_iter().filter(|one| is_for(one, hostname));
    serving.max_by_key(|one| (!is_wildcard(one), one.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_wildcard_is_for_all_names_below_and_not_for_its_own() {
        for other in ["shop.example.org", "eu.shop.example.org", "*.shop.example.org"] {
            assert!(is_above("*.example.org", other) && is_for("*.example.org", other), "{other}");
        }
        for other in ["example.org", "badexample.org", "org", "*.org", "shop.example.net"] {
            assert!(!is_for("*.example.org", other), "{other}");
        }
        assert!(is_for("*.example.org", "*.example.org") && !is_above("*.example.org", "*.example.org"));
        assert!(is_for("example.org", "example.org") && !is_above("example.org", "shop.example.org"));
    }

    #[test]
    fn wildcards_above_are_named_from_the_nearest_on() {
        assert_eq!(above("eu.shop.example.org"), ["*.shop.example.org", "*.example.org", "*.org"]);
        assert_eq!(above("*.shop.example.org"), ["*.example.org", "*.org"]);
        assert_eq!((above("org"), above("*.org"), above("")), (vec![], vec![], vec![]));
    }

    #[test]
    fn the_most_specific_one_serves() {
        let all = ["*.org", "*.example.org", "shop.example.org", "*.shop.example.org"];
        for (asked, serves) in [
            ("shop.example.org", Some("shop.example.org")),
            ("eu.shop.example.org", Some("*.shop.example.org")),
            ("example.org", Some("*.org")),
            ("*.shop.example.org", Some("*.shop.example.org")),
            ("*.eu.example.org", Some("*.example.org")),
            ("example.net", None),
        ] {
            assert_eq!(nearest(all, asked), serves, "{asked}");
        }
        assert_eq!(nearest(["*.b", "a.b"], "a.b"), Some("a.b"), "both have three characters");
    }

    /// Hostnames of at most four labels, of which many have something to do with each other.
    fn hostname() -> impl Strategy<Value = String> {
        "(\\*\\.|([ab]\\.)?)([ab]\\.){0,2}[ab]"
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn above_are_exactly_those_that_are_for_more(one in hostname(), other in hostname()) {
            prop_assert_eq!(above(&other).contains(&one), is_above(&one, &other));
            prop_assert!(!(is_above(&one, &other) && is_above(&other, &one)));
        }

        #[test]
        fn what_is_above_is_for_every_name_that_the_lower_one_is_for(one in hostname(), other in hostname(), name in "([ab]\\.){0,3}[ab]") {
            if is_for(&one, &other) && is_for(&other, &name) {
                prop_assert!(is_for(&one, &name));
            }
        }

        #[test]
        fn two_that_are_for_one_name_are_one_above_the_other(one in hostname(), other in hostname(), name in "([ab]\\.){0,3}[ab]") {
            if is_for(&one, &name) && is_for(&other, &name) {
                prop_assert!(is_for(&one, &other) || is_for(&other, &one));
            }
        }

        #[test]
        fn the_nearest_is_for_the_name_and_below_all_others_that_are(all in proptest::collection::vec(hostname(), 0..6), name in hostname()) {
            let found = nearest(all.iter().map(String::as_str), &name);
            let serving: Vec<_> = all.iter().filter(|one| is_for(one, &name)).collect();
            prop_assert_eq!(found.is_some(), !serving.is_empty());
            if let Some(found) = found {
                prop_assert!(is_for(found, &name) && serving.iter().all(|one| is_for(one, found)));
            }
        }
    }
}
