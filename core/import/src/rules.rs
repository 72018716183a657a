//! `spec.rules` of an HTTPRoute or a GRPCRoute. Records have them in the same JSON, so they are taken as they are, but for what the pinned Gateway API doesn't
//! know and for backends that are no Services.

use crate::{output::Output, source::Source};
use causeway_gateway_api::{RouteKind, backends, is_service, is_service_import};
use serde_json::{Value, json};

/// Rules that one route may have.
pub(crate) const MOST: usize = 16;

/// The rules as a record has them; None: there are none that one could have, which is reported.
pub(crate) fn rules(source: &mut Source, kind: RouteKind, output: &mut Output) -> Option<Value> {
    const PATH: &str = "/spec/rules";
    if source.length(PATH) > MOST {
        source.unsupported(PATH, "holds more than 16 rules, which Gateway API doesn't take; make several routes");
        return None;
    }
    let written = match source.take(PATH) {
        None => vec![json!({})],
        Some(Value::Array(rules)) if !rules.is_empty() => rules,
        Some(_) => {
            source.unsupported(PATH, "is no list of rules");
            return None;
        }
    };
    let mut rules = vec![];
    for (index, rule) in written.into_iter().enumerate() {
        let path = format!("{PATH}/{index}");
        // A null is no value. In a list it keeps its place, so that paths stay right.
        let rule = without_nulls(rule, false);
        if let Some(mut rule) = known(source, kind, &path, rule) {
            services_only(source, &path, &mut rule, output);
            rules.push(rule);
        }
    }
    let rules = Value::Array(rules);
    // What holds for all rules together, such as how many matches they have.
    match kind.check(&rules).first() {
        None => Some(rules),
        Some(fault) => {
            source.unsupported(PATH, &format!("can't be on record: {}", fault.problem));
            None
        }
    }
}

/// A rule with the fields of the pinned Gateway API. One that it refuses keeps its requests and answers them with an error: without it they would go elsewhere.
fn known(source: &mut Source, kind: RouteKind, path: &str, rule: Value) -> Option<Value> {
    let mut one = json!([rule]);
    for pointer in kind.unknown_fields(&one) {
        if remove(&mut one, &pointer) {
            let problem = "the standard channel of Gateway API has no such field, so no record has it";
            source.unsupported(&of_rule(path, &pointer), problem);
        }
    }
    let Some(fault) = kind.check(&one).into_iter().next() else { return Some(one[0].take()) };
    let closed = json!([{"matches": one[0]["matches"]}]);
    let (kept, becomes) = match kind.check(&closed).is_empty() && one[0]["matches"].is_array() {
        true => (Some(closed[0].clone()), "its requests are answered with an error until it is written anew"),
        false => (None, "it is left out"),
    };
    source.unsupported(path, &format!("Gateway API refuses the rule, so {becomes}: {fault}"));
    kept
}

/// A pointer into a list of one rule, as a pointer into the object.
fn of_rule(path: &str, pointer: &str) -> String {
    format!("{path}{}", pointer.strip_prefix("/0").unwrap_or(pointer))
}

fn remove(value: &mut Value, pointer: &str) -> bool {
    let Some((holder, key)) = pointer.rsplit_once('/') else { return false };
    let key = key.replace("~1", "/").replace("~0", "~");
    value.pointer_mut(holder).and_then(Value::as_object_mut).is_some_and(|holder| holder.remove(&key).is_some())
}

/// Takes out references to what is no Service and no ServiceImport beside the route, and notes the Services down.
fn services_only(source: &mut Source, path: &str, rule: &mut Value, output: &mut Output) {
    let mut one = Value::Array(vec![rule.take()]);
    let own = source.object.namespace.clone();
    for pointer in backends(&one) {
        let backend = one.pointer(&pointer).cloned().unwrap_or_default();
        let text = |key: &str| backend[key].as_str().filter(|text| !text.is_empty());
        if is_service_import(&backend) && text("namespace").is_none_or(|namespace| namespace == own) {
            remove(&mut one, &format!("{pointer}/namespace"));
            let name = text("name").unwrap_or_default();
            // Beside a route that stays it is already.
            if !source.stays {
                beside(source, &of_rule(path, &pointer), &format!("ServiceImport {name}"));
            }
            continue;
        }
        if is_service(&backend) {
            let (namespace, name) = (text("namespace").unwrap_or(&own), text("name").unwrap_or_default());
            output.sends_to(namespace, name);
            if namespace != own && !output.is_granted(&own, namespace, name, &source.object.kind) {
                let problem = format!(
                    "no ReferenceGrant among the objects allows it: who is responsible for workload {namespace} makes a GatewayGrant, and until then \
                     requests for it are answered with an error"
                );
                source.needed(&format!("{}/namespace", of_rule(path, &pointer)), &problem);
            }
            continue;
        }
        // A copy that goes nowhere is no filter at all.
        let (gone, of) = match pointer.strip_suffix("/requestMirror/backendRef") {
            Some(filter) => (filter, "requests aren't copied to it"),
            None => (pointer.as_str(), "requests for it aren't sent"),
        };
        if let Some(place) = one.pointer_mut(gone) {
            place.take();
        }
        source.unsupported(
            &of_rule(path, gone),
            &format!("leads to what is no Service, and a backend is a Service of a workload: {of}"),
        );
    }
    extensions(source, path, &one[0]);
    *rule = without_nulls(one[0].take(), true);
}

/// Filters of the controller's own are objects, which have to be where the route is.
fn extensions(source: &mut Source, path: &str, rule: &Value) {
    let own = |holder: &Value, at: String| -> Vec<(String, String)> {
        let filters = holder["filters"].as_array().into_iter().flatten().enumerate();
        let of = filters.filter(|(_, filter)| filter["type"] == "ExtensionRef");
        of.map(|(index, filter)| {
            let text = |key: &str| filter["extensionRef"][key].as_str().unwrap_or_default().to_owned();
            (format!("{at}/filters/{index}/extensionRef"), format!("{} {}", text("kind"), text("name")))
        })
        .collect()
    };
    let mut all = own(rule, path.to_owned());
    for (index, backend) in rule["backendRefs"].as_array().into_iter().flatten().enumerate() {
        all.extend(own(backend, format!("{path}/backendRefs/{index}")));
    }
    // Beside a route that stays they are already.
    if source.stays {
        return;
    }
    for (at, object) in all {
        beside(source, &at, &object);
    }
}

/// Tells what has to be where the route is.
pub(crate) fn beside(source: &mut Source, at: &str, object: &str) {
    let problem = format!(
        "the route needs {object} beside it: it has to be among the manifests of workload {}",
        source.object.namespace
    );
    source.needed(at, &problem);
}

/// Without members that are null and, if asked for, without entries that are.
fn without_nulls(value: Value, in_lists: bool) -> Value {
    let inner = |value| without_nulls(value, in_lists);
    match value {
        Value::Array(items) => items.into_iter().filter(|item| !in_lists || !item.is_null()).map(inner).collect(),
        Value::Object(members) => {
            let kept = members.into_iter().filter(|(_, member)| !member.is_null());
            kept.map(|(key, member)| (key, inner(member))).collect()
        }
        other => other,
    }
}
