//! Routes that the controller of their Gateway may have failed to observe, and what makes it look at them. Any controller may overlook one; Envoy Gateway is
//! known for it.

use crate::{
    k8s::gateway_api::is_route,
    observed::{Observed, Seen},
    plan::{Object, Plan},
};
use serde_json::{Value, json};

/// The name that [`touched`] gives to a rule. The next reconcile takes it away.
const TOUCHED_RULE: &str = "look-again";

/// Routes of a plan, of generation 1 and without any status, that the controller may have failed to observe, and will not observe by itself. The caller gives it
/// time first, and then applies each as [`touched`].
///
/// Envoy Gateway writes the status of a route only when it differs from the one it last wrote for a route of that name. If a route is deleted
/// and made anew within moments, the new status may be equal to the last one, generation included: then the new route never gets a status
/// (envoyproxy/gateway issues 6898 and 9536). A route of a later generation cannot be mistaken for its predecessor; so no route is returned
/// again once it was [`touched`] and put right.
pub fn unobserved_routes<'p>(plan: &'p Plan, seen: &Seen) -> Vec<&'p Object> {
    let is_unobserved = |route: &Observed| {
        let parents = route.status["parents"].as_array();
        route.generation == 1 && parents.is_none_or(Vec::is_empty)
    };
    let routes = plan.objects.iter().filter(|object| is_route(&object.at));
    routes.filter(|route| seen.get(&route.at).is_some_and(is_unobserved)).collect()
}

/// The manifest with a name for the first rule: it routes as before, and is of another generation, which makes its controller observe it. The next reconcile applies
/// the route as planned again.
pub fn touched(route: &Object) -> Value {
    let mut body = route.body.clone();
    if let Some(rule) = body.pointer_mut("/spec/rules/0").and_then(Value::as_object_mut) {
        rule.insert("name".to_owned(), json!(TOUCHED_RULE));
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::k8s::gateway_api::{GATEWAY, HTTP_ROUTE};
    use proptest::prelude::*;

    fn route(name: &str) -> Object {
        Object::new(HTTP_ROUTE.at("shop", name), json!({"spec": {"rules": [{"matches": []}, {}]}}))
    }

    fn observed(at: causeway_records::inventory::ObjectRef, generation: i64, status: Value) -> Observed {
        Observed { at, uid: "u".into(), generation, replicas: None, status }
    }

    #[test]
    fn a_new_route_without_status_is_unobserved_and_no_other() {
        let plan = Plan::from(["new", "answered", "changed", "unseen"].map(route).to_vec());
        let parents = json!({"parents": [{"conditions": []}]});
        let states = [("new", 1, json!({"parents": []})), ("answered", 1, parents), ("changed", 3, Value::Null)];
        let seen = states.map(|(name, generation, status)| {
            let at = route(name).at;
            (at.clone(), observed(at, generation, status))
        });
        let found = unobserved_routes(&plan, &seen.into());
        assert_eq!(found.iter().map(|route| route.at.name.as_str()).collect::<Vec<_>>(), ["new"]);
    }

    #[test]
    fn a_touched_route_routes_as_before() {
        let body = touched(&route("new"));
        assert_eq!(body, json!({"spec": {"rules": [{"matches": [], "name": TOUCHED_RULE}, {}]}}));
    }

    proptest! {
        #[test]
        fn what_has_a_status_or_was_touched_is_left_alone(
            states in proptest::collection::vec((1i64..4, any::<bool>(), any::<bool>()), 0..8),
        ) {
            let object = |(index, (_, _, is_route)): (usize, &(i64, bool, bool))| {
                let name = index.to_string();
                if *is_route { route(&name) } else { Object::new(GATEWAY.at("shop", &name), json!({})) }
            };
            let plan = Plan::from(states.iter().enumerate().map(object).collect::<Vec<_>>());
            let seen: Seen = plan.objects.iter().zip(&states).map(|(object, (generation, answered, _))| {
                let status = if *answered { json!({"parents": [{}]}) } else { Value::Null };
                (object.at.clone(), observed(object.at.clone(), *generation, status))
            }).collect();
            for found in unobserved_routes(&plan, &seen) {
                prop_assert!(is_route(&found.at));
                let live = &seen[&found.at];
                prop_assert!(live.generation == 1 && live.status.is_null());
                // A touch is a change of the spec, after which the API server raises the generation.
                prop_assert_ne!(touched(found), found.body.clone());
                let after = Seen::from([(found.at.clone(), observed(found.at.clone(), 2, Value::Null))]);
                prop_assert!(unobserved_routes(&plan, &after).is_empty());
            }
        }
    }
}
