//! Routes that the controller of their Gateway has overlooked, and what makes it look.
//!
//! Envoy Gateway writes what it has to say of a route when it differs from what it last said of a route of that name. Of a route that is deleted
//! and made anew within moments it may have to say the same, generation and all: then the new one never gets a status
//! (envoyproxy/gateway issues 6898 and 9536). Of another generation nothing has been said before.

use crate::{
    k8s::gateway_api::{HTTP_ROUTE, TCP_ROUTE},
    observed::{Observed, Seen},
    plan::{Object, Plan},
};
use serde_json::{Value, json};

/// The name that a rule has for a moment.
const RULE_NAME: &str = "look-again";

/// Whether an object is a route.
pub(crate) fn is_route(object: &Object) -> bool {
    HTTP_ROUTE.is(&object.at) || TCP_ROUTE.is(&object.at)
}

/// The routes of a plan that nobody has said anything of, and that are as they were made. One that was changed since can't be mistaken for its
/// predecessor; so none is spoken of here again after it was [`disturbed`] and put right.
pub fn overlooked<'p>(plan: &'p Plan, seen: &Seen) -> Vec<&'p Object> {
    let is_overlooked = |route: &Observed| {
        let answers = route.status["parents"].as_array();
        route.generation == 1 && answers.is_none_or(Vec::is_empty)
    };
    let routes = plan.objects.iter().filter(|object| is_route(object));
    routes.filter(|route| seen.get(&route.at).is_some_and(is_overlooked)).collect()
}

/// The manifest of a route with a name for its first rule: it routes as before, and is of another generation.
pub fn disturbed(route: &Object) -> Value {
    let mut body = route.body.clone();
    if let Some(rule) = body.pointer_mut("/spec/rules/0").and_then(Value::as_object_mut) {
        rule.insert("name".to_owned(), json!(RULE_NAME));
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(name: &str) -> Object {
        Object::new(HTTP_ROUTE.at("shop", name), json!({"spec": {"rules": [{"matches": []}, {}]}}))
    }

    #[test]
    fn a_new_route_without_an_answer_is_overlooked_and_no_other() {
        let plan = Plan::from(["new", "answered", "changed", "unseen"].map(route).to_vec());
        let parents = json!({"parents": [{"conditions": []}]});
        let states = [("new", 1, json!({"parents": []})), ("answered", 1, parents), ("changed", 3, Value::Null)];
        let seen = states.map(|(name, generation, status)| {
            let at = route(name).at;
            (at.clone(), Observed { at, uid: "u".into(), generation, status, works: false })
        });
        let found = overlooked(&plan, &seen.into());
        assert_eq!(found.iter().map(|route| route.at.name.as_str()).collect::<Vec<_>>(), ["new"]);
    }

    #[test]
    fn a_disturbed_route_routes_as_before() {
        let body = disturbed(&route("new"));
        assert_eq!(body, json!({"spec": {"rules": [{"matches": [], "name": RULE_NAME}, {}]}}));
    }
}
