//! Objects that are in a cluster as the records that take them over: each as it stands, or not at all.
//!
//! ```text
//! Gateways ──▶ is all of it said? ──▶ shared gateways with listeners
//! routes ────▶ is all of it said, by one record, on a Gateway that is taken over? ──▶ gateway instances that name their route
//! ```
//!
//! What is left out stays in the cluster and works on: a Gateway lets in what it let in before, whoever takes it over.

use crate::{
    Import, conflicts, domain_to_bring,
    gateways::{self, Parents},
    output::{Gateway, Output, Shared, Workload},
    reference_grant,
    report::{Finding, ImportedObject, Loss},
    routes::{self, Surroundings},
    shared::Record,
    sorted::{Sorted, TooMany},
    source::Source,
};
use causeway_manifests::Manifest;
use causeway_records::{
    nouns::{AttachableBy, Rules, SharedGateway},
    text::Name,
};
use causeway_rules::{hostnames::hostnames_of, named_routes};
use std::collections::{BTreeMap, BTreeSet};

const NOT_WHOLE: &str = "no record says all of it; see what else is reported of it";

/// Imports a stream of manifests of objects that are in a cluster, as records of which they are the objects. `runtime`: the cluster's name.
///
/// # Errors
/// There are more routes and gateways than can be looked at together.
pub fn take_over(manifests: Vec<Manifest>, runtime: Name) -> Result<Import, TooMany> {
    let mut sorted = Sorted::new(manifests, true)?;
    let mut output = Output::default();
    for source in &mut sorted.grants {
        reference_grant::import(source, &mut output);
    }
    let mut parents = gateways::parents(std::mem::take(&mut sorted.gateways), vec![], &sorted.namespaces, &mut output);
    let mut around = Surroundings { parents: &mut parents, namespaces: &sorted.namespaces, output: &mut output };
    for source in &mut sorted.routes {
        routes::import(source, &mut around);
    }
    let mut closed: Vec<Closed> = left_alone(&mut sorted).into_iter().map(Closed::of).collect();
    closed.extend(std::mem::take(&mut sorted.grants).into_iter().map(Closed::of_grant));
    let mut shared = BTreeMap::new();
    let Parents { all, mut records } = parents;
    for parent in all.into_values() {
        let record = parent.record.and_then(|name| records.remove(&name));
        let (one, taken) = gateway(parent.source, record);
        closed.push(one);
        shared.extend(taken.map(|taken| (taken.gateway.name.to_string(), taken)));
    }
    let mut taken = vec![];
    for source in std::mem::take(&mut sorted.routes) {
        let (one, gateway) = route(source, &output, &shared);
        closed.push(one);
        taken.extend(gateway);
    }
    let records: Vec<Shared> = shared.values().cloned().collect();
    let (gateways, conflicts) = conflicts::checked(taken, &output.domains, &records);
    closed.sort_by_key(|one| one.number);
    let report = closed.into_iter().flat_map(|one| one.findings).chain(conflicts).collect();
    Ok(written(output, Taken { gateways, shared, report }, runtime))
}

/// What is taken over, and what is told about all objects.
struct Taken {
    gateways: Vec<Gateway>,
    shared: BTreeMap<String, Shared>,
    report: Vec<Finding>,
}

/// The records, with those that they name.
fn written(output: Output, taken: Taken, runtime: Name) -> Import {
    let Taken { gateways, mut shared, mut report } = taken;
    for (name, record) in &mut shared {
        let attached = gateways.iter().filter(|gateway| gateway.shared.as_ref() == Some(name));
        let workloads: BTreeSet<String> = attached.map(|gateway| gateway.workload.clone()).collect();
        if !workloads.is_empty() {
            record.gateway.attachable_by = Some(AttachableBy::WorkloadInstances);
            record.workloads = Some(workloads.into_iter().collect());
        }
    }
    let senders: BTreeSet<&String> = gateways.iter().map(|gateway| &gateway.workload).collect();
    let grants: Vec<_> = output.grants.into_iter().filter(|grant| senders.contains(&grant.from)).collect();
    let named: BTreeSet<&String> = senders.into_iter().chain(grants.iter().map(|grant| &grant.to)).collect();
    let workloads = named.into_iter().filter_map(|namespace| Some(workload(namespace.parse().ok()?))).collect();
    let of = |domain: &&String| gateways.iter().any(|gateway| gateway.domain.as_ref() == Some(domain));
    let domains = output.domains.iter().filter(|(name, _)| of(name)).map(|(_, domain)| domain.clone());
    let domains: Vec<_> = domains.collect();
    report.extend(domains.iter().map(domain_to_bring));
    Import {
        workloads,
        domains,
        grants,
        shared: shared.into_values().collect(),
        report,
        gateways,
        runtime: Some(runtime),
    }
}

/// What runs there isn't taken over.
fn workload(name: Name) -> Workload {
    let manifests =
        format!("# What runs in namespace {name} was there before; no manifest of this record brings it.\n{{}}\n");
    Workload { name, manifests: Some(manifests), labels: None }
}

/// Objects of other kinds.
fn left_alone(sorted: &mut Sorted) -> Vec<Source> {
    let mut all = std::mem::take(&mut sorted.refused);
    all.extend(std::mem::take(&mut sorted.gloo).into_all().map(|mut source| {
        source.refuse(
            "an object of Gloo isn't taken over; import it without a cluster, which writes records that say the same",
        );
        source
    }));
    for (sources, why) in [
        (
            &mut sorted.listener_sets,
            "a ListenerSet isn't taken over, and stays as it is: its Gateway goes on letting it in",
        ),
        (
            &mut sorted.ingresses,
            "an Ingress isn't taken over; import it without a cluster, which writes records that say the same",
        ),
    ] {
        all.extend(std::mem::take(sources).into_iter().map(|mut source| {
            source.refuse(why);
            source
        }));
    }
    all.extend(std::mem::take(&mut sorted.carried).into_iter().map(|mut source| {
        source.lossy("", "it isn't taken over: what runs behind the routes stays as it is, and no record brings it");
        source
    }));
    all
}

/// An object about which everything is known.
struct Closed {
    number: usize,
    object: ImportedObject,
    findings: Vec<Finding>,
}

impl Closed {
    fn of(source: Source) -> Self {
        Self { number: source.number, object: source.object.clone(), findings: source.close() }
    }

    fn of_grant(source: Source) -> Self {
        let mut grant = Self::of(source);
        let problem = "it stays as it is, beside those that Causeway makes for its gateway grants; take it away where only these are to count";
        grant.tell(Loss::Lossy, problem.to_owned());
        grant
    }

    fn tell(&mut self, loss: Loss, problem: String) {
        self.findings.push(Finding { object: self.object.clone(), field: String::new(), loss, problem });
    }

    /// A record says all of it, or will once something is brought.
    fn is_whole(&self) -> bool {
        self.findings.iter().all(|finding| finding.loss == Loss::Needed)
    }

    fn leave<T>(mut self, why: &str) -> (Self, Option<T>) {
        self.tell(Loss::Unsupported, format!("it isn't taken over, and stays as it is: {why}"));
        (self, None)
    }
}

/// A Gateway, and its record.
fn gateway(source: Source, record: Option<Record>) -> (Closed, Option<Shared>) {
    let closed = Closed::of(source);
    let Some(record) = record.filter(|_| closed.is_whole()) else { return closed.leave(NOT_WHOLE) };
    let gateway = SharedGateway { listeners: Some(record.listeners), ..record.gateway };
    if let Some(problem) = gateway.check().first() {
        return closed.leave(&format!("no record can say it: {problem}"));
    }
    if gateway.namespace.is_none() || gateway.gateway_name.is_none() {
        return closed.leave("its name is none that a record could have");
    }
    let shared = Shared { gateway, domain: None, workloads: None, from: closed.object.clone() };
    (closed, Some(shared))
}

/// A route, and its record.
fn route(source: Source, output: &Output, shared: &BTreeMap<String, Shared>) -> (Closed, Option<Gateway>) {
    let closed = Closed::of(source);
    let own: Vec<&Gateway> = output.gateways.iter().filter(|gateway| gateway.from == closed.object).collect();
    let one = match own.as_slice() {
        _ if !closed.is_whole() => return closed.leave(NOT_WHOLE),
        [one] => *one,
        _ => {
            let why = "its hostnames are on different ports, Gateways or domains with TLS, and one record has each of its hostnames on each of its ports; make a route \
                       for each";
            return closed.leave(why);
        }
    };
    if !one.shared.as_ref().is_some_and(|record| shared.contains_key(record)) {
        return closed.leave("its Gateway isn't taken over");
    }
    let domain = one.domain.as_ref().and_then(|name| output.domains.get(name)).map(|domain| &domain.domain);
    let single = hostnames_of(&one.definition, domain).and_then(|names| named_routes::check(&one.definition, &names));
    if let Err(refusal) = single {
        return closed.leave(&refusal.to_string());
    }
    let Ok(name) = closed.object.name.parse() else { return closed.leave("its name is none that a record could have") };
    let gateway = Gateway { route_name: Some(name), ..one.clone() };
    (closed, Some(gateway))
}

#[cfg(test)]
mod tests;
