//! What has to be done so that records are as documents ask: pure, from what is wanted and what stands.

use causeway_records::Kind;
use serde_json::{Value, json};
use std::collections::BTreeMap;

use super::{
    intent::{self, FieldChange},
    keys::INTERRUPT,
    live::Live,
    wanted::{Reference, Wanted},
};
use crate::{
    api::{Fields, id, name},
    failure::{Failure, Outcome},
    kinds,
};

/// Stands for the id of a record that this plan makes.
const NOT_YET: i64 = 0;
const RUNTIME: &str = "KubernetesRuntimeInstanceID";
const WORKLOAD: &str = "WorkloadInstanceID";

/// What to do with one record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verb {
    Create,
    /// These fields differ.
    Change(Vec<FieldChange>),
    Unchanged,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Operation {
    pub(crate) wanted: Wanted,
    pub(crate) verb: Verb,
    /// The record that stands.
    pub(crate) stored: Option<Fields>,
}

/// How documents are understood.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mode {
    /// Fields that a document leaves out stay, rather than going back to their defaults.
    pub(crate) merge: bool,
    /// Secrets are written, though nobody can see whether they differ.
    pub(crate) send_secrets: bool,
}

/// The operations, in their order. Everything that can be seen to be wrong is refused before anything is done.
pub(crate) fn plan(mut wanted: Vec<Wanted>, live: &Live, mode: Mode) -> Outcome<Vec<Operation>> {
    for one in &wanted {
        for reference in &one.references {
            known(one, reference, &wanted, live)?;
        }
    }
    place(&mut wanted, live)?;
    wanted.iter().map(|one| operation(one, live, mode).map_err(|failure| failure.at(about(one)))).collect()
}

/// `shop.yaml: GatewayInstance shop`.
pub(crate) fn about(wanted: &Wanted) -> String {
    format!("{}: {} {}", wanted.place, wanted.kind, wanted.name)
}

/// Every name leads to a record, or to one that will be made.
fn known(one: &Wanted, reference: &Reference, wanted: &[Wanted], live: &Live) -> Outcome<()> {
    let stands = |name: &String| {
        live.id(reference.kind, name).is_some()
            || wanted.iter().any(|other| other.kind == reference.kind && other.name == *name)
    };
    reference.names.iter().find(|name| !stands(name)).map_or(Ok(()), |name| {
        let sentence = format!(
            "{} names {} {name}, which neither exists nor stands in the files",
            about(one),
            kinds::spoken(reference.kind)
        );
        Err(Failure::not_found(sentence).next(format!("causeway get {}", reference.kind.info().plural)))
    })
}

/// Finds the cluster of instances whose documents name none: where it stands, where its workload is, the default one.
fn place(wanted: &mut [Wanted], live: &Live) -> Outcome<()> {
    let default =
        wanted.iter().find(|one| one.fields.get("DefaultRuntime") == Some(&json!(true))).map(|one| one.name.clone());
    let mut workloads: BTreeMap<String, Wanted> = BTreeMap::new();
    for one in wanted {
        let info = one.kind.info();
        let placed = info.fields.iter().any(|field| field.json == RUNTIME && field.required) && !one.names(RUNTIME);
        if placed {
            let of_workload = one.referred(WORKLOAD).map(str::to_owned);
            let planned = of_workload.as_ref().and_then(|name| workloads.get(name)).cloned();
            let stands =
                live.get(one.kind, &one.name).or(of_workload.and_then(|name| live.get(Kind::WorkloadInstance, &name)));
            if let Some(planned) = planned {
                one.references.extend(planned.references.into_iter().filter(|reference| reference.field == RUNTIME));
                if let Some(id) = planned.fields.get(RUNTIME) {
                    one.fields.insert(RUNTIME.into(), id.clone());
                }
            } else if let Some(id) = stands.and_then(|record| record.get(RUNTIME)) {
                one.fields.insert(RUNTIME.into(), id.clone());
            } else if let Some(name) = &default {
                one.refer(RUNTIME, Kind::KubernetesRuntimeInstance, name);
            } else {
                let id = default_runtime(one, live)?;
                one.fields.insert(RUNTIME.into(), json!(id));
            }
        }
        if one.kind == Kind::WorkloadInstance {
            workloads.insert(one.name.clone(), one.clone());
        }
    }
    Ok(())
}

fn default_runtime(one: &Wanted, live: &Live) -> Outcome<i64> {
    if let [runtime] = live.default_runtimes.as_slice() {
        return Ok(id(runtime));
    }
    let names: Vec<_> = live.default_runtimes.iter().map(name).collect();
    let why = if names.is_empty() {
        "there is none".to_owned()
    } else {
        format!("there are several, such as {}", names.join(" and "))
    };
    let sentence =
        format!("{} names no KubernetesRuntimeInstance, and {why}; name one, or set DefaultRuntime of one", about(one));
    Err(Failure::usage(sentence).next("causeway get kubernetes-runtime-instances"))
}

fn operation(wanted: &Wanted, live: &Live, mode: Mode) -> Outcome<Operation> {
    let body = body(wanted, |kind, name| Some(live.id(kind, name).unwrap_or(NOT_YET)))?;
    let operation = |verb, stored| Ok(Operation { wanted: wanted.clone(), verb, stored });
    let Some(stored) = live.get(wanted.kind, &wanted.name) else {
        intent::check(wanted.kind, &body)?;
        return operation(Verb::Create, None);
    };
    if stored.contains_key("DeletionScheduled") && wanted.kind.info().reconciled {
        let next = format!("causeway wait {} --for gone", kinds::named(wanted.kind, &wanted.name));
        return Err(Failure::usage("is being deleted; apply it again when it is gone").next(next));
    }
    let changes = differences(wanted, &body, stored, mode)?;
    let verb = if changes.is_empty() { Verb::Unchanged } else { Verb::Change(changes) };
    operation(verb, Some(stored.clone()))
}

/// How a record differs from what is wanted.
pub(crate) fn differences(wanted: &Wanted, body: &Fields, stored: &Fields, mode: Mode) -> Outcome<Vec<FieldChange>> {
    let said = if mode.merge { with_required(wanted.kind, body, stored) } else { body.clone() };
    let mut changes = intent::changes(wanted.kind, &said, stored, mode.merge)?;
    let paused = stored.get(INTERRUPT) == Some(&json!(true));
    if wanted.interrupt.is_some_and(|wanted| wanted != paused) {
        changes.push(FieldChange { field: INTERRUPT, old: json!(paused), new: json!(!paused) });
    }
    if mode.send_secrets {
        let hidden = json!("***");
        let secret = |field| FieldChange { field, old: hidden.clone(), new: hidden.clone() };
        changes.extend(secrets(wanted).into_iter().map(secret));
    }
    Ok(changes)
}

/// With `--merge` a document need not say what must be there: it is.
fn with_required(kind: Kind, body: &Fields, stored: &Fields) -> Fields {
    let mut all = body.clone();
    for field in kind.info().fields.iter().filter(|field| !field.encrypted && !field.is_child()) {
        if let Some(value) = stored.get(field.json) {
            all.entry(field.json.to_owned()).or_insert(value.clone());
        }
    }
    all
}

/// The secret fields that a document holds.
pub(crate) fn secrets(wanted: &Wanted) -> Vec<&'static str> {
    let fields = wanted.kind.info().fields.iter().filter(|field| field.encrypted);
    fields.filter(|field| wanted.fields.contains_key(field.json)).map(|field| field.json).collect()
}

/// A document as the body of a request. `id_of` tells the ids of names.
pub(crate) fn body(wanted: &Wanted, id_of: impl Fn(Kind, &str) -> Option<i64>) -> Outcome<Fields> {
    let mut body = wanted.fields.clone();
    for reference in &wanted.references {
        let mut ids = vec![];
        for name in &reference.names {
            let gone = || Failure::not_found(format!("there is no {} {name} any more", kinds::spoken(reference.kind)));
            ids.push(id_of(reference.kind, name).ok_or_else(gone)?);
        }
        let value = if reference.many { json!(ids) } else { ids.first().map_or(Value::Null, |id| json!(id)) };
        body.insert(reference.field.to_owned(), value);
    }
    Ok(body)
}

/// The body of a PUT: the document, and beside it what it doesn't say and a PUT must not take away: secrets that it can't know, what stays as it was made,
/// and remarks of clients.
pub(crate) fn whole(wanted: &Wanted, mut body: Fields, stored: &Fields) -> Fields {
    for field in wanted.kind.info().fields {
        let stays = field.encrypted || field.immutable || super::keys::is_ignored(field.json);
        if stays
            && !field.is_child()
            && !body.contains_key(field.json)
            && let Some(value) = stored.get(field.json)
        {
            body.insert(field.json.to_owned(), value.clone());
        }
    }
    if let Some(interrupt) = wanted.interrupt {
        body.insert(INTERRUPT.into(), json!(interrupt));
    }
    body
}
