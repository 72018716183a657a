//! A VirtualService as gateway definitions: one for each workload that its routes lead to, and for hostnames of each domain.

use super::{
    MOST,
    gateways::Served,
    is_there,
    matchers::Handed,
    options::Options,
    routes::{Rule, Tables, Walk},
    text,
    upstreams::Upstreams,
};
use crate::{
    hostnames::pattern,
    output::{Gateway, Grant, Output},
    routes::MOST_HOSTNAMES,
    rules::MOST as MOST_OF_ROUTE,
    source::Source,
};
use causeway_gateway_api::backends;
use causeway_records::{
    nouns::{GatewayDefinition, GatewayHttpPort, GatewayHttpRoute, Hostnames, HttpRules, MAX_ROUTES, ServiceNames},
    text::Port,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const HOST: &str = "/spec/virtualHost";

/// Writes the gateways of a VirtualService.
pub(super) fn virtual_service(
    source: &mut Source,
    ports: &[Served],
    tables: &mut Tables<'_>,
    upstreams: &mut Upstreams,
    output: &mut Output,
) {
    if ports.is_empty() {
        source.unsupported("/spec", "no Gateway among the objects serves it; add its Gateway to the stream");
        return;
    }
    let has_tls = ports.iter().any(|port| port.tls);
    let (is_every, named) = hostnames(source, has_tls);
    certificate(source, &named);
    let mut walk = Walk::new(source, tables, upstreams, output);
    let (handed, options) = (Handed::default(), Options::default());
    walk.list("/spec/virtualHost/routes", &handed, &options);
    let rules = std::mem::take(&mut walk.rules);
    if rules.is_empty() {
        source.unsupported("/spec", "no rule comes of its routes, so nothing is served");
        return;
    }
    if !is_every && named.is_empty() {
        source.unsupported("/spec", "none of its domains can be on record, so nothing is served");
        return;
    }
    let mut definitions = vec![];
    if is_every {
        definitions.push((None, vec![]));
    }
    let mut by_domain: BTreeMap<Option<String>, Vec<String>> = BTreeMap::new();
    for hostname in named {
        let domain = if has_tls { output.domain_of(&hostname, None) } else { None };
        by_domain.entry(domain).or_default().push(hostname);
    }
    for (domain, hostnames) in by_domain {
        for part in hostnames.chunks(MOST_HOSTNAMES) {
            definitions.push((domain.clone(), part.to_vec()));
        }
    }
    let by_workload = by_workload(source, rules);
    for (domain, hostnames) in &definitions {
        for (workload, rules) in &by_workload {
            let gateway = gateway(source, ports, hostnames, workload, rules, output);
            output.gateways.push(Gateway { domain: domain.clone(), ..gateway });
        }
    }
    for (workload, rules) in &by_workload {
        grants(source, workload, rules, output);
    }
}

/// Whether it is for every hostname, and its hostnames that a record can name.
fn hostnames(source: &mut Source, has_tls: bool) -> (bool, BTreeSet<String>) {
    let list = format!("{HOST}/domains");
    let count = source.entries(&list, MOST);
    let (mut is_every, mut named) = (count == 0, BTreeSet::new());
    for index in 0..count {
        let at = format!("{list}/{index}");
        let written = source.seen(&at).as_str().unwrap_or_default().to_owned();
        if written == "*" && !has_tls {
            text(source, &at);
            is_every = true;
            continue;
        }
        let can_have = |hostname: &String| !has_tls || crate::hostnames::domain(hostname).is_some();
        match pattern(&written).filter(can_have) {
            Some(hostname) => {
                text(source, &at);
                named.insert(hostname);
            }
            None => {
                let problem =
                    "is no hostname, or one that can have no certificate: every hostname, and single labels, have none";
                source.unsupported(&at, problem);
            }
        }
    }
    if is_every && has_tls {
        source.unsupported(HOST, "is for every hostname with TLS, and a certificate is for hostnames: name them");
        is_every = false;
    }
    (is_every, named)
}

/// Certificates are ordered anew, as for an Ingress.
fn certificate(source: &mut Source, named: &BTreeSet<String>) {
    const SECRET: &str = "/spec/sslConfig/secretRef";
    if is_there(source, SECRET) {
        let problem = "certificates are issued anew for each hostname, by the issuer of the DomainNameDefinition; TLSSecretName of a port names a Secret of your own";
        source.lossy(SECRET, problem);
    }
    let list = "/spec/sslConfig/sniDomains";
    for index in 0..source.entries(list, MOST) {
        let at = format!("{list}/{index}");
        let hostname = source.seen(&at).as_str().and_then(pattern);
        if hostname.is_some_and(|hostname| named.contains(&hostname)) {
            text(source, &at);
        } else {
            source.lossy(&at, "is none of its domains, which are served");
        }
    }
}

/// Each rule goes to the workload that its Services are of, and those that send nowhere to the one with the most.
fn by_workload(source: &Source, rules: Vec<Rule>) -> BTreeMap<String, Vec<Value>> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for namespace in rules.iter().filter_map(|rule| rule.namespace.clone()) {
        *counts.entry(namespace).or_default() += 1;
    }
    let most = counts.iter().max_by_key(|(_, count)| **count).map(|(namespace, _)| namespace.clone());
    let usual = most.unwrap_or_else(|| source.object.namespace.clone());
    let mut by_workload: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for Rule { json, namespace } in rules {
        by_workload.entry(namespace.unwrap_or_else(|| usual.clone())).or_default().push(json);
    }
    by_workload
}

fn gateway(
    source: &mut Source,
    ports: &[Served],
    hostnames: &[String],
    workload: &str,
    rules: &[Value],
    output: &mut Output,
) -> Gateway {
    let http_port = |port: &Served| GatewayHttpPort {
        port: Port::try_from(port.port).unwrap_or_default(),
        tls_enabled: Some(port.tls),
        ..GatewayHttpPort::default()
    };
    let hostnames: Vec<_> = hostnames.iter().filter_map(|hostname| hostname.parse().ok()).collect();
    let routes = rules.chunks(MOST_OF_ROUTE).take(MAX_ROUTES).map(|rules| GatewayHttpRoute {
        rules: HttpRules(Value::Array(rules.to_vec())),
        ..GatewayHttpRoute::default()
    });
    let definition = GatewayDefinition {
        name: output.name("Gateway", &source.object, ""),
        http_ports: ports.iter().map(http_port).collect(),
        hostnames: (!hostnames.is_empty()).then_some(Hostnames(hostnames)),
        http_routes: routes.collect(),
        ..GatewayDefinition::default()
    };
    output.workloads.entry(workload.to_owned()).or_default();
    let (workload, from) = (workload.to_owned(), source.object.clone());
    Gateway { definition, domain: None, workload, shared: None, is_attached: true, route_name: None, from }
}

/// In Gloo every route may send to every Service. What rules of a workload send to others is granted, and nothing more.
fn grants(source: &Source, workload: &str, rules: &[Value], output: &mut Output) {
    let all = Value::Array(rules.to_vec());
    let mut elsewhere: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for backend in backends(&all).iter().filter_map(|pointer| all.pointer(pointer)) {
        if let (Some(namespace), Some(name)) = (backend["namespace"].as_str(), backend["name"].as_str())
            && !output.is_granted(workload, namespace, name, "HTTPRoute")
        {
            elsewhere.entry(namespace.to_owned()).or_default().insert(name.to_owned());
        }
    }
    for (to, services) in elsewhere {
        let name = output.name("GatewayGrant", &source.object, &format!("-{workload}-to-{to}"));
        let services = services.iter().filter_map(|service| service.parse().ok()).collect();
        output.grants.push(Grant {
            name,
            to,
            from: workload.to_owned(),
            services: Some(ServiceNames(services)),
            kinds: None,
        });
    }
}
