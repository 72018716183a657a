//! Which requests a rule is about, as a text that is the same for the same requests and different for different ones.
//!
//! Gateway API sends a request to the rule with the most specific match, so matches that differ can stand beside each other, whoever has them. Equal ones
//! can't: which of two routes wins would depend on their age.

use crate::requests::{Demand, PathDemand, Requests};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// The longest text, in bytes: it is part of an index. A longer one is cut, and told from others by a hash.
const LONGEST: usize = 600;

/// The matches of an HTTPRoute's rules, which have their defaults.
pub fn http_matches(rules: &Value) -> BTreeSet<String> {
    each(rules, |found| {
        let path = &found["path"];
        let (kind, value) = (text(&path["type"]), text(&path["value"]));
        Requests {
            path: match kind {
                "Exact" => PathDemand::Exact(value.to_owned()),
                "PathPrefix" => PathDemand::Prefix(format!("/{}", value.trim_matches('/'))),
                _ => PathDemand::Regular(value.to_owned()),
            },
            method: found["method"].as_str().map(str::to_owned),
            // Names of headers ignore case; of two that are the same the first counts.
            headers: demands(&found["headers"], str::to_ascii_lowercase),
            query: demands(&found["queryParams"], str::to_owned),
        }
    })
}

/// The matches of a GRPCRoute's rules, which have their defaults.
pub fn grpc_matches(rules: &Value) -> BTreeSet<String> {
    each(rules, |found| {
        let method = &found["method"];
        let part = |key: &str| method[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let regular = text(&method["type"]) == "RegularExpression";
        Requests {
            path: PathDemand::Call { service: part("service"), method: part("method"), regular },
            method: None,
            headers: demands(&found["headers"], str::to_ascii_lowercase),
            query: BTreeMap::new(),
        }
    })
}

/// A rule without matches is about every request.
fn each(rules: &Value, demanded: impl Fn(&Value) -> Requests) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let canonical = |found: &Value| bounded(demanded(found).to_string());
    for rule in rules.as_array().into_iter().flatten() {
        match rule["matches"].as_array().filter(|matches| !matches.is_empty()) {
            Some(matches) => all.extend(matches.iter().map(canonical)),
            None => all.extend([canonical(&without_demands())]),
        }
    }
    all
}

fn without_demands() -> Value {
    serde_json::json!({"path": {"type": "PathPrefix", "value": "/"}})
}

/// Demands on headers or query parameters; of two of one name the first counts.
fn demands(list: &Value, name: fn(&str) -> String) -> BTreeMap<String, Demand> {
    let mut all = BTreeMap::new();
    for demand in list.as_array().into_iter().flatten() {
        let regular = text(&demand["type"]) == "RegularExpression";
        let value = text(&demand["value"]).to_owned();
        all.entry(name(text(&demand["name"]))).or_insert(Demand { value, regular });
    }
    all
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn bounded(requests: String) -> String {
    if requests.len() <= LONGEST {
        return requests;
    }
    let hash = format!("{:x}", Sha256::digest(requests.as_bytes()));
    let end = (0..=LONGEST - 100).rev().find(|end| requests.is_char_boundary(*end)).unwrap_or_default();
    format!("{}… ({hash})", &requests[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_gateway_api::RouteKind;
    use proptest::prelude::*;
    use serde_json::json;

    fn of(kind: RouteKind, found: Value) -> String {
        let rules = kind.with_defaults(&json!([{"matches": [found]}]));
        let all = if kind == RouteKind::Http { http_matches(&rules) } else { grpc_matches(&rules) };
        all.into_iter().next().unwrap()
    }

    fn http(found: Value) -> String {
        of(RouteKind::Http, found)
    }

    #[test]
    fn the_same_requests_have_the_same_text() {
        assert_eq!(http(json!({})), "/");
        assert_eq!(http(json!({"path": {"value": "/api/"}})), "/api");
        assert_eq!(http(json!({"path": {"type": "Exact", "value": "/api/"}})), "/api/ exactly");
        assert_eq!(http(json!({"path": {"type": "RegularExpression", "value": "/a\"b"}})), "/ matching \"/a\\\"b\"");
        let all = json!({
            "method": "GET",
            "headers": [{"name": "B", "value": "2"}, {"name": "a", "value": "1", "type": "RegularExpression"}],
            "queryParams": [{"name": "q", "value": "x"}],
        });
        assert_eq!(http(all), r#"/, method GET, header a matching "1", header b = "2", query parameter q = "x""#);
        let rules = json!([{"matches": []}, {}]);
        assert_eq!(http_matches(&rules).into_iter().collect::<Vec<_>>(), ["/"]);
    }

    #[test]
    fn methods_of_grpc_are_paths() {
        let grpc = |found| of(RouteKind::Grpc, found);
        assert_eq!(grpc(json!({})), "/ (gRPC)");
        assert_eq!(grpc(json!({"method": {"service": "a.B", "method": "C"}})), "/a.B/C (gRPC)");
        assert_eq!(grpc(json!({"method": {"method": "C"}})), "/*/C (gRPC)");
        let regular = json!({"method": {"type": "RegularExpression", "service": "a.*"}, "headers": [{"name": "X", "value": "1"}]});
        assert_eq!(grpc(regular), r#"/ matching "a.*"/* (gRPC), header x = "1""#);
    }

    #[test]
    fn a_long_match_is_told_by_its_hash() {
        let long = |end: &str| http(json!({"headers": [{"name": "a", "value": format!("{}{end}", "ö".repeat(2000))}]}));
        assert!(long("1").len() <= LONGEST && long("1") != long("2"));
    }

    fn demand() -> impl Strategy<Value = Value> {
        let list = proptest::collection::btree_map("[a-c]", ("[ab\", =]{0,2}", any::<bool>()), 0..3);
        let named = |list: std::collections::BTreeMap<String, (String, bool)>| -> Vec<Value> {
            let kind = |regular| if regular { "RegularExpression" } else { "Exact" };
            list.into_iter()
                .map(|(name, (value, regular))| json!({"name": name, "value": value, "type": kind(regular)}))
                .collect()
        };
        let plain = (proptest::sample::select(vec!["Exact", "PathPrefix"]), "/[a,]{0,2}".boxed());
        let path = prop_oneof![plain, (Just("RegularExpression"), "/[a, \"]{0,2}".boxed())];
        (
            path,
            proptest::option::of(proptest::sample::select(vec!["GET", "PUT"])),
            list.clone().prop_map(named),
            list.prop_map(named),
        )
            .prop_map(|((kind, path), method, headers, query)| {
                json!({"path": {"type": kind, "value": path}, "method": method, "headers": headers, "queryParams": query})
            })
    }

    proptest! {
        #[test]
        fn different_requests_have_different_texts(one in demand(), other in demand()) {
            let canonical = |found: &Value| http_matches(&json!([{"matches": [found]}]));
            prop_assert_eq!(canonical(&one) == canonical(&other), one == other);
        }

        #[test]
        fn the_order_of_demands_changes_nothing(found in demand()) {
            let mut turned = found.clone();
            for list in ["headers", "queryParams"] {
                turned[list].as_array_mut().unwrap().reverse();
            }
            let canonical = |found: &Value| http_matches(&json!([{"matches": [found]}]));
            prop_assert_eq!(canonical(&found), canonical(&turned));
        }
    }
}
