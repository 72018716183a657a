//! Routes whose rules a user has written (`gateway-http-routes`, `gateway-grpc-routes`).

use super::{
    about,
    backend::named,
    capabilities,
    grants::Grants,
    namespace,
    routes::{MOST, parents},
};
use crate::{
    InvalidInput,
    k8s::{
        ObjectKind, Ours,
        gateway_api::{GRPC_ROUTE, HTTP_ROUTE, RouteSpec},
    },
    names,
    plan::Object,
    workload::{ServiceFacts, services},
};
use causeway_gateway_api::{RouteKind, backends, dotted, is_service_import};
use causeway_records::inputs::{GatewayInputs, ListenerKey, Transport};
use causeway_rules::{
    grants::{Meant, meant},
    routes::{WrittenRoute, routes},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// One object for each route, port and sixteen hostnames.
pub(super) fn objects(
    inputs: &GatewayInputs,
    ours: &Ours<'_>,
    grants: &mut Grants,
) -> Result<Vec<Object>, InvalidInput> {
    let all = routes(&inputs.definition.spec);
    if all.is_empty() {
        return Ok(vec![]);
    }
    let services = services(&inputs.workload)?;
    let mut objects = vec![];
    for route in all {
        let (kind, word) = kind_of(route.kind);
        if capabilities(inputs).lacks(kind.kind).is_some() {
            continue;
        }
        let rules = resolved(inputs, &services, &route, kind, grants)?;
        let refuse = |refusal: causeway_records::problem::Refusal| about(inputs, route.list(), refusal.sentence);
        let hostnames = route.hostnames(&inputs.definition.spec, &inputs.hostnames).map_err(refuse)?;
        let hostnames: Vec<Option<&str>> = match hostnames.is_empty() {
            true => vec![None],
            false => hostnames.iter().map(|name| Some(name.as_str())).collect(),
        };
        for (port, protocol) in route.ports(&inputs.definition.spec).map_err(refuse)? {
            for (part, hostnames) in hostnames.chunks(MOST).enumerate() {
                let spec = RouteSpec {
                    parent_refs: parents(inputs, port, protocol, hostnames)?,
                    hostnames: hostnames.iter().flatten().map(|hostname| (*hostname).to_owned()).collect(),
                    rules: rules.clone(),
                };
                let key = ListenerKey { port, protocol, hostname: None };
                let name = names::route_with_rules(&inputs.instance.object_name, word, route.ordinal, &key, part);
                objects.push(kind.object(ours, kind.at(namespace(inputs), &name), &spec));
            }
        }
    }
    Ok(objects)
}

/// The workload that a backend names.
fn named_workload<'i>(inputs: &'i GatewayInputs, backend: &Value, kind: ObjectKind) -> Meant<'i> {
    let text = |key: &str| backend[key].as_str().filter(|text| !text.is_empty());
    let Some(namespace) = text("namespace") else { return Meant::Own };
    let own = inputs.workload.definition.spec.name.as_str();
    meant(own, &inputs.granted, namespace, text("name").unwrap_or_default(), kind.kind)
}

/// Backends of other workloads that nobody has granted, each as a sentence with what to do.
pub(super) fn not_granted(inputs: &GatewayInputs) -> BTreeSet<String> {
    let mut sentences = BTreeSet::new();
    for route in routes(&inputs.definition.spec) {
        let (kind, _) = kind_of(route.kind);
        for pointer in backends(route.rules) {
            let Some(backend) = route.rules.pointer(&pointer) else { continue };
            if named_workload(inputs, backend, kind) == Meant::NotGranted {
                let text = |key: &str| backend[key].as_str().unwrap_or_default();
                let place = format!("{}[{}].Rules{}", route.list(), route.ordinal, dotted(&pointer));
                sentences.insert(lacks_grant(inputs, &place, text("name"), text("namespace")));
            }
        }
    }
    sentences
}

/// That a backend of another workload hasn't been granted, and what to do. `place`: where the definition names it.
pub(super) fn lacks_grant(inputs: &GatewayInputs, place: &str, service: &str, workload: &str) -> String {
    format!(
        "{place} sends to Service {service} of workload {workload}, which hasn't granted it: who is responsible for that workload makes a gateway \
         grant with GrantedWorkloadInstanceID {}",
        inputs.workload.instance.record.id()
    )
}

/// The object that a kind of route becomes, and a word for its name.
fn kind_of(kind: RouteKind) -> (ObjectKind, &'static str) {
    match kind {
        RouteKind::Http => (HTTP_ROUTE, "rules"),
        RouteKind::Grpc => (GRPC_ROUTE, "grpc-rules"),
    }
}

/// The rules as the cluster stores them, with the namespaces of the Services that aren't where the route is.
fn resolved(
    inputs: &GatewayInputs,
    services: &[ServiceFacts],
    route: &WrittenRoute<'_>,
    kind: ObjectKind,
    grants: &mut Grants,
) -> Result<Value, InvalidInput> {
    let mut rules = route.kind.with_defaults(route.rules);
    for pointer in backends(&rules) {
        let Some(backend) = rules.pointer_mut(&pointer) else { continue };
        // It is where the route is, if it is there at all: clusters make it, and no manifest has to.
        if is_service_import(backend) {
            continue;
        }
        let name = backend["name"].as_str().unwrap_or_default().to_owned();
        match named_workload(inputs, backend, kind) {
            Meant::Own => {}
            Meant::Granted(namespace) => {
                grants.add(kind.kind, namespace, &name);
                backend["namespace"] = json!(namespace);
                continue;
            }
            // The reference stays as it is: requests for it get an error, as Gateway API says, and all others their answers.
            Meant::NotGranted => continue,
        }
        if let Some(backend) = backend.as_object_mut() {
            backend.remove("namespace");
        }
        let service = named(inputs, services, route.list(), &name)?;
        let port = backend["port"].as_i64().and_then(|port| i32::try_from(port).ok());
        if let Some(lack) = port.and_then(|port| service.lacks(Transport::Tcp, port)) {
            let at = format!("[{}].Rules{}.port", route.ordinal, dotted(&pointer));
            return Err(about(inputs, route.list(), format!("{at} is not there: {lack}; take one of them")));
        }
        if let Some((name, namespace)) = service.elsewhere() {
            grants.add(kind.kind, namespace, name);
            backend["namespace"] = json!(namespace);
        }
    }
    Ok(rules)
}
