//! The objects of clusters that change.

use super::{ChangeKind, FieldChange, NEW_ID, Rendered, fields};
use crate::{
    k8s::{cert_manager::CERTIFICATE, core::SECRET},
    plan::Object,
};
use causeway_records::{
    Kind,
    inventory::ObjectRef,
    trial::{PLACEHOLDER, Side, Subject, Touched, Trial},
};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What changes in a cluster.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ClusterEffect {
    /// Id of the cluster's record.
    #[serde(rename = "KubernetesRuntimeInstanceID")]
    pub runtime_id: i64,
    /// Name of that record.
    pub name: String,
    /// The objects, by kind, namespace and name.
    pub objects: Vec<PlannedObject>,
}

/// An object that changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PlannedObject {
    pub change: ChangeKind,
    /// Its group and version.
    #[serde(rename = "APIVersion")]
    pub api_version: String,
    pub kind: String,
    /// Its namespace; left out: it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name. `{id}` stands for an id that the write gives out.
    pub name: String,
    /// The kind of the record that it belongs to.
    pub owner_kind: Kind,
    /// The record's name; empty: it has none.
    pub owner_name: String,
    /// The manifest of an object that is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Value>,
    /// The fields of an object that is changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
    /// As it is afterwards.
    #[serde(skip)]
    pub after: Value,
}

/// An object with the record that it belongs to.
#[derive(Clone, Copy)]
struct Owned<'a> {
    subject: Subject,
    owner: &'a Touched,
    object: &'a Object,
    /// It stays when its record goes.
    stays: bool,
}

type Objects<'a> = BTreeMap<i64, BTreeMap<&'a ObjectRef, Owned<'a>>>;

pub(super) fn clusters(trial: &Trial<Rendered>, mask: &dyn Fn(&mut Value)) -> Vec<ClusterEffect> {
    let (mut before, after) = (by_cluster(&trial.before), by_cluster(&trial.after));
    // What a record takes away that is there still, goes.
    let remains = |subject: &Subject| trial.after.records.contains_key(subject);
    before.values_mut().flat_map(BTreeMap::values_mut).for_each(|owned| owned.stays &= !remains(&owned.subject));
    let none = BTreeMap::new();
    let ids: BTreeSet<_> = before.keys().chain(after.keys()).copied().collect();
    let cluster = |runtime_id| {
        let (old, new) = (before.get(&runtime_id).unwrap_or(&none), after.get(&runtime_id).unwrap_or(&none));
        let all: BTreeSet<_> = old.keys().chain(new.keys()).copied().collect();
        let change = |at: &ObjectRef| object(old.get(at).copied(), new.get(at).copied(), mask);
        let mut objects: Vec<_> = all.into_iter().filter_map(change).collect();
        objects.extend(objects.iter().filter_map(secret).collect::<Vec<_>>());
        let any = old.values().chain(new.values()).next()?;
        (!objects.is_empty()).then(|| ClusterEffect { runtime_id, name: any.owner.runtime.clone(), objects })
    };
    ids.into_iter().filter_map(cluster).collect()
}

fn by_cluster(side: &Side<Rendered>) -> Objects<'_> {
    let mut clusters = Objects::new();
    for (subject, rendered) in &side.records {
        let Some(owner) = side.touched.get(subject) else { continue };
        let Some(runtime) = owner.runtime_id else { continue };
        let objects = rendered
            .objects
            .iter()
            .map(|object| (&object.at, Owned { subject: *subject, owner, object, stays: rendered.stays }));
        clusters.entry(runtime).or_default().extend(objects);
    }
    clusters
}

fn object(old: Option<Owned<'_>>, new: Option<Owned<'_>>, mask: &dyn Fn(&mut Value)) -> Option<PlannedObject> {
    let any = new.or(old)?;
    let (change, fields) = match (old, new) {
        // What a chart wants kept stays when its record goes, and so does what is given back.
        (Some(old), None) if old.object.keep || old.stays => return None,
        (Some(old), Some(new)) if old.object.body == new.object.body => return None,
        (Some(old), Some(new)) => (ChangeKind::Changed, field_changes(old.object, new.object, mask)),
        (None, _) => (ChangeKind::Added, vec![]),
        (Some(_), None) => (ChangeKind::Removed, vec![]),
    };
    let at = &any.object.at;
    Some(PlannedObject {
        change,
        api_version: at.api_version(),
        kind: at.kind.clone(),
        namespace: at.namespace.as_deref().map(told),
        name: told(&at.name),
        owner_kind: any.subject.0,
        owner_name: any.owner.name.clone(),
        manifest: (change == ChangeKind::Added).then(|| shown(any.object, mask)),
        fields,
        after: new.map(|new| new.object.body.clone()).unwrap_or_default(),
    })
}

/// The Secret that cert-manager has made for a Certificate that goes: nobody else takes it away.
fn secret(certificate: &PlannedObject) -> Option<PlannedObject> {
    let is_ours = matches!(certificate.owner_kind, Kind::GatewayInstance | Kind::ListenerSet);
    let goes = certificate.change == ChangeKind::Removed && certificate.kind == CERTIFICATE.kind;
    let secret = SECRET.at(certificate.namespace.as_deref()?, &certificate.name);
    (is_ours && goes).then(|| PlannedObject {
        api_version: secret.api_version(),
        kind: secret.kind,
        ..certificate.clone()
    })
}

fn field_changes(old: &Object, new: &Object, mask: &dyn Fn(&mut Value)) -> Vec<FieldChange> {
    let changes = fields::changes(&shown(old, mask), &shown(new, mask));
    if !changes.is_empty() {
        return changes;
    }
    // They differ in what nobody may read.
    let hidden = || Some(Value::from("***"));
    vec![FieldChange { path: "data".into(), old: hidden(), new: hidden() }]
}

fn shown(object: &Object, mask: &dyn Fn(&mut Value)) -> Value {
    let mut body = object.body.clone();
    mask(&mut body);
    replace_ids(&mut body);
    body
}

/// A text as people get it.
pub(super) fn told(text: &str) -> String {
    // A write makes few records; whatever stands for their ids has the same beginning, and a digit more than a real id.
    let placeholder = PLACEHOLDER.to_string();
    let start = &placeholder[..PREFIX];
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(start) {
        told.push_str(&rest[..at]);
        let id = &rest[at..];
        let end = id.find(|c: char| !c.is_ascii_digit()).unwrap_or(id.len());
        told.push_str(if end == placeholder.len() { NEW_ID } else { &id[..end] });
        rest = &id[end..];
    }
    told + rest
}

/// Digits that all placeholders have in common.
const PREFIX: usize = 14;

fn replace_ids(value: &mut Value) {
    match value {
        Value::String(text) => *text = told(text),
        Value::Array(items) => items.iter_mut().for_each(replace_ids),
        Value::Object(map) => map.values_mut().for_each(replace_ids),
        _ => {}
    }
}
