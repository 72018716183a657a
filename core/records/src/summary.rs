//! A record in a line, whatever its kind: what searches and overviews answer.

use crate::{
    kind::Kind,
    nouns::AttachableBy,
    status::{ConditionStatus, Conditions},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A record in a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RecordSummary {
    /// Its kind: `GatewayInstance`.
    pub kind: Kind,
    /// Its id.
    #[serde(rename = "ID")]
    pub id: i64,
    /// Its name.
    pub name: String,
    /// The cluster that it is in.
    #[serde(rename = "KubernetesRuntimeInstanceID", default, skip_serializing_if = "Option::is_none")]
    pub runtime_id: Option<i64>,
    /// The hostnames that a gateway instance answers to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hostnames: Vec<String>,
    /// Where it stands; left out for records that workers don't reconcile.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub state: Option<RecordProgress>,
}

/// Where a record stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RecordProgress {
    /// The status of its condition `Ready`.
    pub ready: ConditionStatus,
    /// The first step that isn't met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocking_step: Option<String>,
    /// Its status: `False` when it fails, `Unknown` while nothing is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocking_status: Option<ConditionStatus>,
    /// Its reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocking_reason: Option<String>,
    /// Its sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocking_message: Option<String>,
    /// Since when it blocks; of a record that isn't reconciled yet, since it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocking_since: Option<DateTime<Utc>>,
    /// When its deletion was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_scheduled: Option<DateTime<Utc>>,
}

impl RecordProgress {
    /// From the conditions, and the columns that tell more than they do.
    #[must_use]
    pub fn new(conditions: &Conditions, since: Option<DateTime<Utc>>, deleted: Option<DateTime<Utc>>) -> Self {
        let blocking = conditions.blocking();
        Self {
            ready: conditions.summary().ready,
            blocking_step: blocking.map(|condition| condition.condition_type.clone()),
            blocking_status: blocking.map(|condition| condition.status),
            blocking_reason: blocking.map(|condition| condition.reason.clone()),
            blocking_message: blocking.map(|condition| condition.message.clone()),
            blocking_since: since,
            deletion_scheduled: deleted,
        }
    }
}

/// How many records are in one state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RecordCount {
    /// Their kind.
    pub kind: Kind,
    /// The cluster that they are in; left out for records of no cluster.
    #[serde(rename = "KubernetesRuntimeInstanceID", default, skip_serializing_if = "Option::is_none")]
    pub runtime_id: Option<i64>,
    /// The status of their condition `Ready`.
    pub ready: ConditionStatus,
    /// The first step that isn't met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocking_step: Option<String>,
    /// How many.
    pub count: i64,
}

/// A cluster: who works on it, and how far behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ClusterState {
    /// Its record.
    #[serde(rename = "KubernetesRuntimeInstanceID")]
    pub runtime_id: i64,
    /// The record's name.
    pub name: String,
    /// Id of the worker that holds its lease; left out: none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// The sentence of its condition `ClusterReachable`, with the version of Kubernetes; left out: nobody has connected yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reachable: Option<String>,
    /// Gateway instances in it.
    pub gateways: i64,
    /// Records that are due.
    pub due: i64,
    /// Since when the first of them is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_since: Option<DateTime<Utc>>,
    /// Where its record stands.
    #[serde(flatten)]
    pub state: RecordProgress,
}

/// What a gateway instance answers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedRoute {
    /// The gateway instance.
    pub gateway_instance_id: i64,
    /// The shared gateway, or the instance itself when it has a Gateway of its own.
    pub gateway_id: i64,
    /// The port.
    pub port: i32,
    /// What is spoken on it.
    pub protocol: String,
    /// The hostname; empty: every one.
    pub hostname: String,
    /// Which requests: the beginning of the path, or all that a rule of a route demands; empty where the proxy sees no requests, and for every path.
    pub path: String,
    /// It only leads to HTTPS.
    pub redirect: bool,
    /// The Secret that was brought with the certificate, if one was.
    pub tls_secret: Option<String>,
}

/// A gateway instance on a shared gateway, and what lets it attach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GatewayAttachment {
    /// The gateway instance.
    #[serde(rename = "GatewayInstanceID")]
    pub gateway_instance_id: i64,
    /// Its name.
    pub gateway_instance: String,
    /// Its workload.
    #[serde(rename = "WorkloadInstanceID")]
    pub workload_instance_id: i64,
    /// The workload instance's name.
    pub workload_instance: String,
    /// It may be attached. If not, it was let once: its routes are taken away.
    pub allowed: bool,
    /// What the shared gateway's own AttachableBy says, if that lets the workload attach. A common gateway says nothing and lets everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachable_by: Option<AttachableBy>,
    /// The gateway grants that let it, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gateway_grants: Vec<AttachmentGrant>,
}

/// A gateway grant that lets a gateway instance attach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AttachmentGrant {
    /// Its id.
    #[serde(rename = "ID")]
    pub id: i64,
    /// Its name.
    pub name: String,
}
