//! The one route of a gateway instance that says what it is called (`RouteName`): those of its ports differ in their listeners alone, and are put together.

use super::{given, listeners};
use crate::{InvalidInput, k8s::gateway_api::is_route, plan::Object};
use causeway_records::{inputs::GatewayInputs, nouns::GatewayListener};
use causeway_rules::named_routes;
use serde_json::{Value, json};

/// Listeners that one route may attach to, by Gateway API.
const MOST: usize = 32;

/// The objects with one route of its name in the place of all, if the instance names it.
pub(super) fn put_together(inputs: &GatewayInputs, objects: Vec<Object>) -> Result<Vec<Object>, InvalidInput> {
    let Some(name) = &inputs.instance.record.spec.route_name else { return Ok(objects) };
    let instance = &inputs.instance.record.spec.name;
    let refuse = |why: &str| InvalidInput::new("gateway instance", instance, "RouteName", why);
    // The API refuses them, too.
    if let Err(refusal) = named_routes::check(&inputs.definition.spec, &inputs.hostnames) {
        return Err(refuse(refusal.details.first().map_or("", |problem| &problem.problem)));
    }
    let (routes, mut others): (Vec<_>, Vec<_>) = objects.into_iter().partition(|object| is_route(&object.at));
    let mut parents: Vec<Value> = vec![];
    let mut one: Option<Object> = None;
    for mut route in routes {
        let own = route.body["spec"]["parentRefs"].take();
        for parent in own.as_array().into_iter().flatten() {
            if !parents.contains(parent) {
                parents.push(parent.clone());
            }
        }
        match &one {
            Some(first) if first.at.kind != route.at.kind || first.body["spec"] != route.body["spec"] => {
                return Err(refuse(
                    "stands for one route, and its ports need several; take them into gateway definitions of their own",
                ));
            }
            Some(_) => {}
            None => one = Some(route),
        }
    }
    if parents.len() > MOST {
        return Err(refuse(&format!(
            "stands for one route, which attaches to {MOST} listeners at most, and not to {}; take fewer hostnames or ports",
            parents.len()
        )));
    }
    if let Some(mut route) = one {
        route.at.name = name.to_string();
        route.body["metadata"]["name"] = json!(name);
        route.body["spec"]["parentRefs"] = parents.into();
        others.push(Object { take_over: true, ..route });
    }
    Ok(others)
}

/// Why the route that is to stay when the instance goes would be served no longer, and what to do about it: its listeners are open to who is on record alone.
pub fn shut_out(inputs: &GatewayInputs) -> Option<String> {
    let (gateway, given) = given(inputs)?;
    let used = listeners(inputs).unwrap_or_default();
    let closes =
        |one: &&GatewayListener| one.allowed_routes.is_none() && used.iter().any(|at| at.name == one.name.as_str());
    let name = &given.0.iter().find(closes)?.name;
    Some(format!(
        "its route is to stay, and listener {name} of shared gateway {} lets in nothing but the routes of gateway instances; say in its AllowedRoutes what it lets in, \
         or send KeepOnDelete false to have the route deleted",
        gateway.record.spec.name
    ))
}
