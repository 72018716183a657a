//! Matchers of routes as matches of Gateway API.

use super::{MOST, flag, is_there, text, texts};
use crate::source::Source;
use serde_json::{Value, json};

/// What a route that delegates hands down.
#[derive(Clone, Debug, Default)]
pub(super) struct Handed {
    /// The beginning of the paths of all routes below.
    pub(super) prefix: Option<String>,
    /// It stands before the paths of the routes below, which don't repeat it.
    pub(super) is_before: bool,
    /// Headers, query parameters and methods that count below, too.
    pub(super) more: Value,
}

const ELEMENTS: &str = "Gloo compares the beginning of the path as a text, and a gateway compares whole elements: `/a` is for `/a/b` and not for `/ab`";

/// The matches of a route; None: one can't be said, which is reported.
pub(super) fn matches(source: &mut Source, route: &str, handed: &Handed) -> Option<Vec<Value>> {
    let list = format!("{route}/matchers");
    let count = source.entries(&list, MOST);
    let mut all = vec![];
    if count == 0 {
        let path = handed.prefix.as_ref().map_or(Value::Null, |prefix| prefix_of(prefix));
        all.extend(with_more(path, vec![], vec![], vec![], handed));
    }
    for index in 0..count {
        all.extend(matcher(source, &format!("{list}/{index}"), handed)?);
    }
    Some(all)
}

fn prefix_of(prefix: &str) -> Value {
    json!({"type": "PathPrefix", "value": if prefix.len() > 1 { prefix.trim_end_matches('/') } else { prefix }})
}

fn matcher(source: &mut Source, at: &str, handed: &Handed) -> Option<Vec<Value>> {
    if is_there(source, &format!("{at}/connectMatcher")) {
        source.unsupported(at, "is for CONNECT, which no match of Gateway API is about");
        return None;
    }
    let case = format!("{at}/caseSensitive");
    match source.seen(&case).as_bool() {
        Some(true) => drop(flag(source, &case)),
        Some(false) => source.unsupported(&case, "a match of Gateway API tells small letters and capitals apart"),
        None => {}
    }
    let path = path(source, at, handed)?;
    let headers = named(source, &format!("{at}/headers"))?;
    let params = named(source, &format!("{at}/queryParameters"))?;
    let methods = texts(source, &format!("{at}/methods"));
    Some(with_more(path, headers, params, methods, handed))
}

/// `path` of a match; null: every path.
fn path(source: &mut Source, at: &str, handed: &Handed) -> Option<Value> {
    let before = handed.prefix.as_deref().filter(|_| handed.is_before).unwrap_or_default().trim_end_matches('/');
    for (key, kind) in [("exact", "Exact"), ("regex", "RegularExpression"), ("prefix", "PathPrefix")] {
        let place = format!("{at}/{key}");
        let Some(own) = text(source, &place) else { continue };
        let whole = format!("{before}{own}");
        let is_below = handed.is_before
            || handed.prefix.as_ref().is_none_or(|prefix| key == "regex" || whole.starts_with(prefix.as_str()));
        if !is_below {
            source.unsupported(&place, "doesn't begin as the route that delegates to it, so Gloo refuses it");
            return None;
        }
        if kind != "PathPrefix" {
            return Some(json!({"type": kind, "value": whole}));
        }
        if whole == "/" || whole.is_empty() {
            return Some(Value::Null);
        }
        source.lossy(&place, ELEMENTS);
        return Some(prefix_of(&whole));
    }
    Some(handed.prefix.as_ref().map_or(Value::Null, |prefix| prefix_of(prefix)))
}

/// Headers or query parameters. One without a value only has to be there.
fn named(source: &mut Source, list: &str) -> Option<Vec<Value>> {
    let count = source.entries(list, MOST);
    let mut all = vec![];
    for index in 0..count {
        let at = format!("{list}/{index}");
        if source.seen(&format!("{at}/invertMatch")).as_bool() == Some(true) {
            source.unsupported(
                &at,
                "asks that something is not there, and a match of Gateway API asks that something is",
            );
            return None;
        }
        flag(source, &format!("{at}/invertMatch"));
        let is_pattern = flag(source, &format!("{at}/regex")).unwrap_or_default();
        let name = text(source, &format!("{at}/name")).unwrap_or_default();
        let value = text(source, &format!("{at}/value")).filter(|value| !value.is_empty());
        all.push(match value {
            Some(value) if is_pattern => json!({"name": name, "value": value, "type": "RegularExpression"}),
            Some(value) => json!({"name": name, "value": value}),
            None => json!({"name": name, "value": ".*", "type": "RegularExpression"}),
        });
    }
    Some(all)
}

/// A match for each method, with what is handed down.
fn with_more(
    path: Value,
    mut headers: Vec<Value>,
    mut params: Vec<Value>,
    methods: Vec<String>,
    handed: &Handed,
) -> Vec<Value> {
    let list = |key: &str| handed.more[key].as_array().cloned().unwrap_or_default();
    let add = |own: &mut Vec<Value>, more: Vec<Value>| {
        for one in more {
            if own.iter().all(|known| known["name"] != one["name"]) {
                own.push(one);
            }
        }
    };
    add(&mut headers, list("headers"));
    add(&mut params, list("queryParams"));
    let handed_method = handed.more["method"].as_str().map(str::to_owned);
    let methods: Vec<Option<String>> =
        if methods.is_empty() { vec![handed_method] } else { methods.into_iter().map(Some).collect() };
    let one = |method: Option<String>| {
        let mut found = json!({});
        let parts = [
            ("path", path.clone(), path.is_null()),
            ("headers", json!(headers), headers.is_empty()),
            ("queryParams", json!(params), params.is_empty()),
            ("method", json!(method), method.is_none()),
        ];
        for (key, part, _) in parts.into_iter().filter(|(_, _, is_none)| !is_none) {
            found[key] = part;
        }
        found
    };
    methods.into_iter().map(one).collect()
}
