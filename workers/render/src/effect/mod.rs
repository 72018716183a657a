//! What a write would do, from what was read on both sides of it: pure.
//!
//! ```text
//! inputs of each record ──rendered──▶ Rendered, before and after ──effect──▶ Effect: for each cluster the objects, and what people ask for beside them
//! ```

mod dns;
mod fields;
mod objects;
mod rendered;
mod warnings;

pub use self::{
    dns::RecordChange,
    fields::FieldChange,
    objects::{ClusterEffect, PlannedObject},
    rendered::{HostRecords, Rendered, rendered},
};

use crate::plan::hash;
use causeway_records::{
    Kind,
    summary::ClaimedRoute,
    trial::{PLACEHOLDER, Side, Touched, Trial},
};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Which way something changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum ChangeKind {
    /// It is made.
    Added,
    /// It stays, and is another.
    Changed,
    /// It goes.
    Removed,
}

/// What a write would do.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Effect {
    /// The same for the same effect: what `If-Plan` of the write itself names.
    pub revision: String,
    /// Clusters whose objects change, by id.
    pub clusters: Vec<ClusterEffect>,
    /// What changes in DNS.
    #[serde(rename = "DNSRecords")]
    pub dns_records: Vec<RecordChange>,
    /// Certificates that are asked for, anew or for the first time.
    pub certificates: Vec<Ordered>,
    /// What gateway instances answer to.
    pub claims: Vec<ClaimChange>,
    /// Records that are made by themselves, because a cluster needs them.
    pub records: Vec<MadeRecord>,
    /// What to know before.
    pub warnings: Vec<String>,
}

/// A certificate that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Ordered {
    /// Id of the cluster's record.
    #[serde(rename = "KubernetesRuntimeInstanceID")]
    pub runtime_id: i64,
    /// What it is for.
    pub hostnames: Vec<String>,
    /// Who signs it: the name of a ClusterIssuer or Issuer.
    pub issuer: String,
}

/// What a gateway instance answers to, from now on or no longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ClaimChange {
    /// Added or Removed.
    pub change: ChangeKind,
    /// Name of the gateway instance.
    pub gateway_instance: String,
    pub protocol: String,
    pub port: i32,
    /// The hostname; left out: every one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    /// Which requests; left out: all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub r#match: String,
}

/// A record that is made by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MadeRecord {
    pub kind: Kind,
    pub name: String,
    /// Name of the cluster's record.
    pub kubernetes_runtime_instance: String,
}

impl Effect {
    /// Whether nothing changes but records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clusters.is_empty() && self.dns_records.is_empty() && self.claims.is_empty() && self.records.is_empty()
    }
}

/// The effect of a write. `mask` takes secrets out of a manifest.
#[must_use]
pub fn effect(mut trial: Trial<Rendered>, mask: &dyn Fn(&mut Value)) -> Effect {
    keep_what_cant_be_rendered(&mut trial);
    let clusters = objects::clusters(&trial, mask);
    let mut effect = Effect {
        revision: String::new(),
        certificates: clusters.iter().flat_map(certificates).collect(),
        dns_records: dns::changes(&trial),
        claims: claims(&trial),
        records: made(&trial),
        warnings: vec![],
        clusters,
    };
    effect.revision = hash(&json!(effect));
    // No part of the revision: what is paused may be resumed, and the effect is the same.
    effect.warnings = warnings::warnings(&trial, &effect);
    effect
}

/// A worker leaves the objects of a record as they are that it can't render.
fn keep_what_cant_be_rendered(trial: &mut Trial<Rendered>) {
    for (subject, after) in &mut trial.after.records {
        if after.invalid.is_some() {
            let before = trial.before.records.get(subject).cloned().unwrap_or_default();
            *after = Rendered { invalid: after.invalid.take(), ..before };
        }
    }
}

/// The certificates that a cluster's cert-manager orders because their Certificate is new, or asks for something else.
fn certificates(cluster: &ClusterEffect) -> Vec<Ordered> {
    let is_asked = |path: &String| ["spec.dnsNames", "spec.issuerRef"].iter().any(|field| path.starts_with(field));
    let ordered = |object: &&PlannedObject| {
        object.kind == "Certificate"
            && match object.change {
                ChangeKind::Added => true,
                ChangeKind::Changed => object.fields.iter().any(|field| is_asked(&field.path)),
                ChangeKind::Removed => false,
            }
    };
    let certificate = |object: &PlannedObject| {
        let spec = &object.after["spec"];
        let names = spec["dnsNames"].as_array().into_iter().flatten();
        Ordered {
            runtime_id: cluster.runtime_id,
            hostnames: names.filter_map(|name| name.as_str().map(str::to_owned)).collect(),
            issuer: objects::told(spec["issuerRef"]["name"].as_str().unwrap_or_default()),
        }
    };
    cluster.objects.iter().filter(ordered).map(certificate).collect()
}

/// What stands for an id that isn't given out yet.
pub const NEW_ID: &str = "{id}";

fn claims(trial: &Trial<Rendered>) -> Vec<ClaimChange> {
    let [before, after] =
        [&trial.before, &trial.after].map(|side| side.claims.iter().map(key).collect::<BTreeSet<_>>());
    let change = |change: ChangeKind, side: &Side<Rendered>, (gateway, hostname, port, protocol, path): &ClaimKey| {
        let of = side.touched.get(&(Kind::GatewayInstance, *gateway));
        ClaimChange {
            change,
            gateway_instance: of.map(|of| of.name.clone()).unwrap_or_default(),
            protocol: protocol.clone(),
            port: *port,
            hostname: hostname.clone(),
            r#match: path.clone(),
        }
    };
    let added = after.difference(&before).map(|claim| change(ChangeKind::Added, &trial.after, claim));
    added.chain(before.difference(&after).map(|claim| change(ChangeKind::Removed, &trial.before, claim))).collect()
}

type ClaimKey = (i64, String, i32, String, String);

fn key(claim: &ClaimedRoute) -> ClaimKey {
    (claim.gateway_instance_id, claim.hostname.clone(), claim.port, claim.protocol.clone(), claim.path.clone())
}

/// Support services and shared gateways; what a caller makes is no surprise.
fn made(trial: &Trial<Rendered>) -> Vec<MadeRecord> {
    let by_itself = [Kind::SupportServiceInstance, Kind::SharedGateway];
    let new = trial.after.touched.iter().filter(|((kind, id), _)| by_itself.contains(kind) && *id >= PLACEHOLDER);
    let made = |((kind, _), of): (&(Kind, i64), &Touched)| MadeRecord {
        kind: *kind,
        name: of.name.clone(),
        kubernetes_runtime_instance: of.runtime.clone(),
    };
    new.map(made).collect()
}

#[cfg(test)]
mod tests;
