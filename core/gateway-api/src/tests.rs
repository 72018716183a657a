use super::*;
use serde_json::json;
use std::{fs, path::Path};

fn told(kind: RouteKind, rules: &Value) -> Vec<String> {
    kind.check(rules).iter().map(ToString::to_string).collect()
}

fn http(rules: &Value) -> Vec<String> {
    told(RouteKind::Http, rules)
}

#[test]
fn what_is_wrong_is_named_with_its_path() {
    let rule = json!({"backendRefs": [{"name": "web", "port": 80}]});
    let with_path = |path: Value| json!([rule, {"matches": [{"path": {"value": "/"}}, {"path": path}]}]);
    assert_eq!(http(&json!([rule])), Vec::<String>::new());
    let faults = http(&with_path(json!({"type": "Exact", "value": "no-slash"})));
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(
        faults[0].starts_with("[1].matches[1].path: value must be an absolute path and start with '/'"),
        "{faults:?}"
    );
    let faults = http(&with_path(json!({"type": "Somehow", "value": 5, "colour": "blue"})));
    assert_eq!(
        faults,
        [
            "[1].matches[1].path.type: must be one of Exact, PathPrefix, RegularExpression",
            "[1].matches[1].path.value: the value is not of type \"string\"",
            "[1].matches[1].path.colour: Gateway API has no such field here; leave it out",
        ]
    );
    let twice = json!([{"matches": [{"headers": [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]}]}]);
    assert_eq!(http(&twice), ["[0].matches[0].headers[1]: has the same name as an entry before it; leave one out"]);
    assert_eq!(http(&json!([{"backendRefs": [{"port": 80}]}])), ["[0].backendRefs[0].name: is required; send a value"]);
    assert_eq!(http(&json!("rules")), [": the value is not of type \"array\""]);
}

#[test]
fn rules_of_grpc_have_a_schema_of_their_own() {
    let grpc = |rules: Value| told(RouteKind::Grpc, &rules);
    assert!(grpc(json!([{"matches": [{"method": {"service": "a.B", "method": "C"}}]}])).is_empty());
    let faults = grpc(json!([{"matches": [{"method": {"service": "a/B"}}]}]));
    assert!(faults[0].starts_with("[0].matches[0].method: service must only contain valid characters"), "{faults:?}");
    let faults = grpc(json!([{"matches": [{"path": {"value": "/"}}]}]));
    assert_eq!(faults, ["[0].matches[0].path: Gateway API has no such field here; leave it out"]);
}

#[test]
fn a_null_is_no_value_where_there_is_a_default() {
    assert!(http(&json!([{"matches": null, "backendRefs": [{"name": "web", "port": 80, "weight": null}]}])).is_empty());
    assert_eq!(http(&json!([{"name": null, "filters": null}])).len(), 2);
    assert_eq!(http(&json!([{"colour": null}])).len(), 1);
    assert_eq!(http(&json!([null])).len(), 1);
}

#[test]
fn defaults_are_those_of_the_server() {
    let rules = json!([{"matches": [{"headers": [{"name": "a", "value": "1"}]}], "backendRefs": [{"name": "web", "port": 80, "kind": null}]}, {}]);
    let path = json!({"type": "PathPrefix", "value": "/"});
    assert_eq!(
        RouteKind::Http.with_defaults(&rules),
        json!([
            {
                "matches": [{"path": path, "headers": [{"name": "a", "value": "1", "type": "Exact"}]}],
                "backendRefs": [{"name": "web", "port": 80, "kind": "Service", "group": "", "weight": 1}],
            },
            {"matches": [{"path": path}]},
        ])
    );
}

#[test]
fn what_is_too_long_is_refused_before_it_is_looked_at() {
    let faults = http(&json!([{"name": "a".repeat(MAX_BYTES)}]));
    assert!(faults[0].contains("bytes as JSON; 131072 are allowed"), "{faults:?}");
}

/// Every rule that the programs take, and every one that they refuse, runs within this.
#[test]
fn the_largest_rules_are_checked_in_time() {
    let headers: Vec<_> = (0..16).map(|n| json!({"name": format!("h{n}"), "value": "v"})).collect();
    let rule = json!({"matches": vec![json!({"headers": headers}); 8], "backendRefs": vec![json!({"name": "web", "port": 80}); 16]});
    let rules = json!(vec![rule; 16]);
    let start = std::time::Instant::now();
    assert!(http(&rules).is_empty());
    assert!(start.elapsed() < std::time::Duration::from_secs(5), "{:?}", start.elapsed());
}

/// The rules of every route in the files of a folder of the pinned module.
fn routes(folder: &str) -> Vec<(String, RouteKind, Value)> {
    let mut found = vec![];
    let mut folders = vec![Path::new(env!("GATEWAY_API_MODULE")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                let text = fs::read_to_string(&path).unwrap();
                for document in serde_yaml_ng::Deserializer::from_str(&text) {
                    let Ok(object) = <Value as serde::Deserialize>::deserialize(document) else { continue };
                    let kind = match object["kind"].as_str() {
                        Some("HTTPRoute") => RouteKind::Http,
                        Some("GRPCRoute") => RouteKind::Grpc,
                        _ => continue,
                    };
                    if let Some(rules) = object.pointer("/spec/rules") {
                        found.push((
                            format!("{}: {}", path.display(), object["metadata"]["name"]),
                            kind,
                            rules.clone(),
                        ));
                    }
                }
            }
        }
    }
    found
}

#[test]
fn the_examples_of_gateway_api_are_accepted() {
    let all = routes("examples/standard");
    for (name, kind, rules) in &all {
        assert_eq!(told(*kind, rules), Vec::<String>::new(), "{name}");
    }
    assert!(all.len() > 30, "{} routes", all.len());
}

#[test]
fn what_upstream_calls_invalid_is_refused() {
    let all = routes("hack/invalid-examples/standard");
    let accepted: Vec<_> =
        all.iter().filter(|(_, kind, rules)| kind.check(rules).is_empty()).map(|(name, ..)| name).collect();
    assert!(accepted.is_empty() && all.len() > 15, "{} routes, accepted: {accepted:?}", all.len());
}

#[test]
fn every_reference_to_a_backend_is_found() {
    let mirror = json!({"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "copy", "port": 80}}});
    let rules = json!([{}, {"filters": [{"type": "CORS"}, mirror], "backendRefs": [{"name": "a"}, {"name": "b", "filters": [mirror]}]}]);
    let found: Vec<_> = backends(&rules).iter().map(|pointer| dotted(pointer)).collect();
    assert_eq!(
        found,
        [
            "[1].filters[1].requestMirror.backendRef",
            "[1].backendRefs[0]",
            "[1].backendRefs[1].filters[0].requestMirror.backendRef",
            "[1].backendRefs[1]",
        ]
    );
    assert!(backends(&json!("no list")).is_empty());
}

#[test]
fn fields_that_gateway_api_does_not_have_are_found() {
    let rules = json!([{"a/b": 1}, {"filters": [{"type": "CORS", "cors": {"maxAge": 1, "x": {"y": 2}}}], "matches": "no list"}]);
    assert_eq!(RouteKind::Http.unknown_fields(&rules), ["/0/a~1b", "/1/filters/0/cors/x"]);
    assert!(RouteKind::Grpc.unknown_fields(&json!([{"matches": [{"method": {"service": "a.B"}}]}])).is_empty());
}

#[test]
fn a_definition_refuses_what_the_server_refuses_and_lets_pass_what_it_drops() {
    let schema = json!({
        "type": "object", "required": ["spec"],
        "properties": {"spec": {
            "type": "object",
            "properties": {"from": {"type": "string", "enum": ["All", "Same"], "default": "Same"}, "name": {"type": "string", "maxLength": 3}},
            "x-kubernetes-validations": [{"rule": "self.from == 'Same' || has(self.name)", "message": "name is needed with All"}],
        }},
    });
    let definition = DefinitionSchema::new(schema).unwrap();
    let told = |object: Value| definition.check(&object).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(told(json!({"spec": {"unheard": 1}, "kind": "Some"})), [""; 0]);
    assert_eq!(told(json!({})), ["spec: is required; send a value"]);
    assert_eq!(told(json!({"spec": {"name": "long"}})), ["spec.name: is longer than 3 characters"]);
    let rule = told(json!({"spec": {"from": "All"}}));
    assert!(rule.len() == 1 && rule[0].contains("name is needed with All"), "{rule:?}");
    assert!(DefinitionSchema::new(json!("no schema")).is_none());
}
