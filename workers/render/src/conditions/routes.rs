//! Routes: whether listeners took them, and whether there is something behind them.

use super::{
    Obstacle, PENDING, REFS_RESOLVED, ROUTES_ACCEPTED, count,
    listeners::gateway_missing,
    status::{Says, condition},
    step,
};
use crate::{
    k8s::gateway_api::GROUP,
    observed::{Observed, Seen},
    overlooked::is_route,
    plan::{Object, Plan},
};
use causeway_records::{inventory::ObjectRef, status::Finding};
use serde_json::Value;

/// RoutesAccepted and RefsResolved of the routes in a plan.
pub(super) fn routes(plan: &Plan, gateway: &ObjectRef, seen: &Seen, next: &str) -> Vec<Finding> {
    let routes: Vec<_> = plan.objects.iter().filter(|object| is_route(object)).collect();
    if routes.is_empty() {
        return Vec::new();
    }
    let accepted = if seen.contains_key(gateway) {
        routes.iter().flat_map(|route| each_parent(route, seen, accepted)).collect()
    } else {
        vec![gateway_missing(gateway, next)]
    };
    let resolved = routes.iter().flat_map(|route| each_parent(route, seen, resolved)).collect();
    vec![
        step(ROUTES_ACCEPTED, accepted, format!("{} accepted by the Gateway", count(routes.len(), "route"))),
        step(REFS_RESOLVED, resolved, "the Services behind the routes have endpoints"),
    ]
}

/// The next thing to do about a route of which nothing is said. One that was [`crate::overlooked`] is answered within half a minute.
const UNANSWERED: &str = "if it stays so for a minute, see that the Gateway's controller runs, and restart it";

/// What is in the way of a route, looked for in its status at each listener it attaches to; what several say alike is told once.
fn each_parent(route: &Object, seen: &Seen, look: fn(&Value, &Observed, &str) -> Option<Obstacle>) -> Vec<Obstacle> {
    let Some(observed) = seen.get(&route.at) else {
        return vec![Obstacle::unknown(PENDING, format!("{} is not seen in the cluster yet", route.at))];
    };
    let mut obstacles: Vec<Obstacle> = Vec::new();
    for parent in route.body.pointer("/spec/parentRefs").and_then(Value::as_array).into_iter().flatten() {
        let listener = parent["sectionName"].as_str().unwrap_or_default();
        let found = match status_at(observed, parent) {
            Some(status) => look(status, observed, listener),
            None => Some(Obstacle::unknown(
                PENDING,
                format!("no controller has answered {} at listener {listener} yet; {UNANSWERED}", route.at),
            )),
        };
        obstacles.extend(found.filter(|found| !obstacles.contains(found)));
    }
    obstacles
}

/// The conditions of a route at one parent.
fn status_at<'a>(observed: &'a Observed, parent: &Value) -> Option<&'a Value> {
    let namespace = observed.at.namespace.as_deref().unwrap_or_default();
    let wanted = identity(parent, namespace);
    let parents = observed.status["parents"].as_array()?;
    parents
        .iter()
        .find(|status| identity(&status["parentRef"], namespace) == wanted)
        .map(|status| &status["conditions"])
}

/// What a parent reference means, with the defaults filled in.
fn identity<'a>(parent: &'a Value, namespace: &'a str) -> [&'a str; 5] {
    let text = |key: &str, default: &'a str| parent[key].as_str().unwrap_or(default);
    [
        text("group", GROUP),
        text("kind", "Gateway"),
        text("namespace", namespace),
        text("name", ""),
        text("sectionName", ""),
    ]
}

fn accepted(conditions: &Value, route: &Observed, listener: &str) -> Option<Obstacle> {
    let at = &route.at;
    let says = |kind| condition(conditions, kind, route.generation);
    if let Some(partly) = says("PartiallyInvalid").filter(Says::holds) {
        return Some(Obstacle::fails(partly.reason, format!("{at} is accepted only in part: {}", partly.because())));
    }
    super::status::should_hold(
        says("Accepted"),
        |says| {
            let next = match says.reason {
                "NotAllowedByListeners" => "; the listener does not let in routes of this namespace yet",
                "NoMatchingParent" => "; that listener is not there yet",
                _ => "",
            };
            format!("{at} is refused by listener {listener}: {}{next}", says.because())
        },
        || format!("the controller has not answered {at} at listener {listener} yet; {UNANSWERED}"),
    )
}

/// Controllers differ: for a Service without endpoints Envoy Gateway says ResolvedRefs=False on a TCPRoute, and BackendsAvailable=False on an
/// HTTPRoute.
fn resolved(conditions: &Value, route: &Observed, listener: &str) -> Option<Obstacle> {
    let at = &route.at;
    let says = |kind| condition(conditions, kind, route.generation);
    if let Some(unavailable) = says("BackendsAvailable").filter(|says| says.status == "False") {
        return Some(no_backend(&unavailable, at));
    }
    super::status::should_hold(
        says("ResolvedRefs"),
        |says| no_backend(says, at).message,
        || format!("the controller has not looked up the Services of {at} at listener {listener} yet"),
    )
}

fn no_backend(says: &Says<'_>, at: &ObjectRef) -> Obstacle {
    let next = match says.reason {
        "EndpointsNotFound" => "no pod of the Service is ready; see the workload instance's conditions",
        "BackendNotFound" => "the Service is not in the cluster yet; see the workload instance's conditions",
        "RefNotPermitted" => "the Service's namespace does not permit it; check the ReferenceGrant there",
        _ => "check the Service and its port",
    };
    Obstacle::fails(says.reason, format!("{at} has nowhere to send traffic: {}; {next}", says.because()))
}
