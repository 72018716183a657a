//! Routes: whether listeners accepted them, and whether there is something behind them.

use super::{
    NotReady, REFS_RESOLVED, ROUTES_ACCEPTED,
    controller_condition::{ControllerCondition, require_true},
    count,
    gateway_status::GatewayStatus,
    remarks, summarize,
};
use crate::{
    driver,
    k8s::gateway_api::{GROUP, is_route},
    observed::{Observed, Seen},
    plan::{Object, Plan},
};
use causeway_records::{inventory::ObjectRef, status::NewCondition};
use serde_json::Value;

/// The next thing to do about a route without status. One that [`driver::unobserved_routes`] finds gets a status within half a minute.
const UNANSWERED: &str = "if it stays so for a minute, see that the Gateway's controller runs, and restart it";

/// RoutesAccepted and RefsResolved of the routes in a plan; absent without any. What wasn't granted is the cause of what the controller says of it.
pub(super) fn conditions(
    plan: &Plan,
    gateway: &GatewayStatus<'_>,
    not_granted: Vec<String>,
    seen: &Seen,
) -> Vec<NewCondition> {
    let routes: Vec<_> = plan.objects.iter().filter(|object| is_route(&object.at)).collect();
    if routes.is_empty() {
        return Vec::new();
    }
    let accepted = match gateway.observed {
        Some(_) => routes.iter().flat_map(|route| at_each_parent(route, seen, accepted)).collect(),
        None => vec![gateway.missing()],
    };
    let backends = driver::backend_conditions(gateway.driver);
    let resolved = |route: &&Object| at_each_parent(route, seen, |parent| resolved(parent, backends));
    let met = format!("{} accepted by the Gateway{}", count(routes.len(), "route"), remarks(&plan.warnings));
    let not_granted = not_granted.into_iter().map(|sentence| NotReady::failed("RefNotPermitted", sentence));
    let resolved = not_granted.chain(routes.iter().flat_map(resolved)).collect();
    vec![
        summarize(ROUTES_ACCEPTED, accepted, met),
        summarize(REFS_RESOLVED, resolved, "the Services behind the routes have endpoints"),
    ]
}

/// What the status of a route says about one listener it attaches to.
struct ParentStatus<'a> {
    conditions: &'a Value,
    route: &'a Observed,
    listener: &'a str,
}

impl<'a> ParentStatus<'a> {
    fn find(&self, condition_type: &str) -> Option<ControllerCondition<'a>> {
        ControllerCondition::find_at(self.conditions, condition_type, self.route.generation)
    }
}

/// Judges a route at each listener it attaches to. What several listeners report alike is returned once.
fn at_each_parent(route: &Object, seen: &Seen, judge: impl Fn(&ParentStatus<'_>) -> Option<NotReady>) -> Vec<NotReady> {
    let Some(observed) = seen.get(&route.at) else {
        return vec![NotReady::pending(format!("{} is not seen in the cluster yet", route.at))];
    };
    let mut not_ready: Vec<NotReady> = Vec::new();
    for parent in route.body.pointer("/spec/parentRefs").and_then(Value::as_array).into_iter().flatten() {
        let listener = parent["sectionName"].as_str().unwrap_or_default();
        let found = match conditions_at(observed, parent) {
            Some(conditions) => judge(&ParentStatus { conditions, route: observed, listener }),
            None => {
                let message =
                    format!("no controller has answered {} at listener {listener} yet; {UNANSWERED}", route.at);
                Some(NotReady::pending(message))
            }
        };
        not_ready.extend(found.filter(|found| !not_ready.contains(found)));
    }
    not_ready
}

/// The conditions of a route at one parent.
fn conditions_at<'a>(observed: &'a Observed, parent: &Value) -> Option<&'a Value> {
    let namespace = observed.at.namespace.as_deref().unwrap_or_default();
    let wanted = identity(parent, namespace);
    let parents = observed.status["parents"].as_array()?;
    let found = parents.iter().find(|status| identity(&status["parentRef"], namespace) == wanted);
    found.map(|status| &status["conditions"])
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

fn accepted(parent: &ParentStatus<'_>) -> Option<NotReady> {
    let (at, listener) = (&parent.route.at, parent.listener);
    if let Some(partly) = parent.find("PartiallyInvalid").filter(ControllerCondition::is_true) {
        let message = format!("{at} is accepted only in part: {}", partly.explanation());
        return Some(NotReady::failed(partly.reason, message));
    }
    require_true(
        parent.find("Accepted"),
        |accepted| {
            let next = match accepted.reason {
                "NotAllowedByListeners" => "; the listener does not let in routes of this namespace yet",
                "NoMatchingListenerHostname" => {
                    "; the listener is for other hostnames: see who has changed it, or correct Hostnames of the gateway definition"
                }
                "NoMatchingParent" => "; that listener is not there yet",
                _ => "",
            };
            format!("{at} is refused by listener {listener}: {}{next}", accepted.explanation())
        },
        || format!("the controller has not answered {at} at listener {listener} yet; {UNANSWERED}"),
    )
}

/// `backends` are the driver's own conditions about backends; they tell more than `ResolvedRefs` does.
fn resolved(parent: &ParentStatus<'_>, backends: &[&str]) -> Option<NotReady> {
    let (at, listener) = (&parent.route.at, parent.listener);
    let unavailable = backends.iter().filter_map(|backend| parent.find(backend)).find(ControllerCondition::is_false);
    if let Some(unavailable) = unavailable {
        return Some(NotReady::failed(unavailable.reason, no_backend(&unavailable, at)));
    }
    require_true(
        parent.find("ResolvedRefs"),
        |resolved| no_backend(resolved, at),
        || format!("the controller has not looked up the Services of {at} at listener {listener} yet"),
    )
}

fn no_backend(condition: &ControllerCondition<'_>, at: &ObjectRef) -> String {
    let next = match condition.reason {
        "EndpointsNotFound" => {
            "no pod of the Service is ready; see the workload instance's conditions, and how many pods it asks for"
        }
        "BackendNotFound" => "the Service is not in the cluster yet; see the workload instance's conditions",
        "RefNotPermitted" => "the Service's namespace does not permit it; check the ReferenceGrant there",
        _ => "check the Service and its port",
    };
    format!("{at} has nowhere to send traffic: {}; {next}", condition.explanation())
}
