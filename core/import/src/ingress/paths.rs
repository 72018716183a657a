//! Paths of an Ingress as matches of Gateway API, and what `rewrite-target` makes of them.

use serde_json::{Value, json};

/// Which requests a path is for, and what they look like to the Service.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Path {
    /// `path` of a match.
    pub(super) matched: Value,
    /// `path` of a filter URLRewrite.
    pub(super) rewritten: Option<Value>,
    /// What isn't the same.
    pub(super) lossy: Option<&'static str>,
    /// The rewrite can't be said: the Service gets the path as it is.
    pub(super) rewrite_is_lost: bool,
}

const PATTERNS: &str = "is a regular expression, which the gateway compares with the whole path, and nginx with its beginning, the longest one first";
const PREFIX: &str = "matches the same path without its final slash, too";

/// A path of an Ingress; None: it is none.
pub(super) fn path(kind: &str, value: &str, has_patterns: bool, rewrite: Option<&str>) -> Option<Path> {
    if !value.starts_with('/') {
        return None;
    }
    let plain = |kind: &str| json!({"type": kind, "value": value});
    let is_pattern = kind != "Exact" && (has_patterns || rewrite.is_some_and(|target| target.contains('$')));
    let path = |matched, rewritten| Path { matched, rewritten, lossy: None, rewrite_is_lost: false };
    match (kind, is_pattern) {
        ("Exact", _) => Some(path(plain("Exact"), full(rewrite))),
        ("Prefix" | "ImplementationSpecific", false) => Some(path(plain("PathPrefix"), full(rewrite))),
        ("Prefix" | "ImplementationSpecific", true) => Some(pattern(value, rewrite)),
        _ => None,
    }
}

/// Without captures, ingress-nginx replaces the whole path.
fn full(rewrite: Option<&str>) -> Option<Value> {
    rewrite.map(|target| json!({"type": "ReplaceFullPath", "replaceFullPath": target}))
}

/// Well-known patterns that mean a prefix become one, others a regular expression.
fn pattern(value: &str, rewrite: Option<&str>) -> Path {
    let known = [("(/|$)(.*)", "$2", None), ("/(.*)", "$1", Some(PREFIX)), ("(.*)", "$1", None)];
    for (ending, capture, lossy) in known {
        let Some(prefix) = value.strip_suffix(ending).filter(|prefix| is_literal(prefix)) else { continue };
        // `/(.*)` as a whole is a slash and all behind it.
        let prefix = if prefix.is_empty() { "/" } else { prefix };
        let target = rewrite.and_then(|target| target.strip_suffix(capture));
        if ending == "(.*)" && !prefix.ends_with('/') {
            continue;
        }
        if let Some(target) =
            target.filter(|target| is_literal(target) && (target.is_empty() || target.starts_with('/')))
        {
            let target = if target.len() > 1 { target.trim_end_matches('/') } else { "/" };
            let same = prefix.trim_end_matches('/') == target.trim_end_matches('/');
            let lossy = lossy.filter(|_| prefix != "/");
            let matched = json!({"type": "PathPrefix", "value": prefix});
            let rewritten = (!same).then(|| json!({"type": "ReplacePrefixMatch", "replacePrefixMatch": target}));
            return Path { matched, rewritten, lossy, rewrite_is_lost: false };
        }
    }
    let whole = value.strip_prefix('^').unwrap_or(value);
    let expression = match whole.strip_suffix('$') {
        Some(whole) => format!("(?i){whole}"),
        None if whole.ends_with(".*") || whole.ends_with("(.*)") => format!("(?i){whole}"),
        None => format!("(?i){whole}.*"),
    };
    let has_captures = rewrite.is_some_and(|target| target.contains('$'));
    Path {
        matched: json!({"type": "RegularExpression", "value": expression}),
        rewritten: if has_captures { None } else { full(rewrite) },
        lossy: Some(PATTERNS),
        rewrite_is_lost: has_captures,
    }
}

fn is_literal(text: &str) -> bool {
    !text.contains(['(', ')', '[', ']', '{', '}', '*', '+', '?', '|', '^', '$', '\\'])
}

/// A path as a method of gRPC; `Some(None)`: every method; None: it is no method.
pub(super) fn method(value: &str) -> Option<Option<Value>> {
    let parts: Vec<&str> = value.trim_start_matches('/').split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [] => Some(None),
        [service] => Some(Some(json!({"service": service}))),
        [service, method] => Some(Some(json!({"service": service, "method": method}))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kind: &str, value: &str, has_patterns: bool, rewrite: Option<&str>) -> String {
        let Some(path) = path(kind, value, has_patterns, rewrite) else { return "none".into() };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let rewritten =
            path.rewritten.map(|to| format!(" -> {}{}", text(&to["replaceFullPath"]), text(&to["replacePrefixMatch"])));
        let marks =
            format!("{}{}", if path.lossy.is_some() { " ~" } else { "" }, if path.rewrite_is_lost { " !" } else { "" });
        format!(
            "{} {}{}{marks}",
            text(&path.matched["type"]),
            text(&path.matched["value"]),
            rewritten.unwrap_or_default()
        )
    }

    #[test]
    fn paths_without_patterns() {
        assert_eq!(shown("Prefix", "/a", false, None), "PathPrefix /a");
        assert_eq!(shown("Exact", "/a", true, None), "Exact /a");
        assert_eq!(shown("ImplementationSpecific", "/a", false, Some("/")), "PathPrefix /a -> /");
        assert_eq!(
            (shown("Prefix", "a", false, None), shown("Other", "/a", false, None)),
            ("none".into(), "none".into())
        );
    }

    #[test]
    fn well_known_patterns_become_prefixes() {
        assert_eq!(shown("ImplementationSpecific", "/a(/|$)(.*)", false, Some("/$2")), "PathPrefix /a -> /");
        assert_eq!(shown("Prefix", "/a(/|$)(.*)", true, Some("/b/$2")), "PathPrefix /a -> /b");
        assert_eq!(shown("Prefix", "/a/(.*)", true, Some("/$1")), "PathPrefix /a -> / ~");
        assert_eq!(shown("Prefix", "/(.*)", true, Some("/$1")), "PathPrefix /");
        assert_eq!(shown("Prefix", "/(.*)", true, Some("/b/$1")), "PathPrefix / -> /b");
    }

    #[test]
    fn other_patterns_stay_patterns() {
        assert_eq!(shown("ImplementationSpecific", "/a[0-9]+", true, None), "RegularExpression (?i)/a[0-9]+.* ~");
        assert_eq!(shown("ImplementationSpecific", "/a/.*$", true, None), "RegularExpression (?i)/a/.* ~");
        assert_eq!(shown("Prefix", "/a/(b|c)/(.*)", true, Some("/$2/$1")), "RegularExpression (?i)/a/(b|c)/(.*) ~ !");
        assert_eq!(shown("Prefix", "/a+", true, Some("/b")), "RegularExpression (?i)/a+.* -> /b ~");
    }

    #[test]
    fn methods_of_grpc() {
        assert_eq!((method("/"), method("/a.B/C/D")), (Some(None), None));
        assert_eq!(method("/a.B/"), Some(Some(json!({"service": "a.B"}))));
        assert_eq!(method("/a.B/C"), Some(Some(json!({"service": "a.B", "method": "C"}))));
    }
}
