//! The statements of the hand-written server, and its rows and bodies.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{FromRow, types::Json as Jsonb};

macro_rules! columns {
    () => {
        "t.id, t.created_at, t.updated_at, t.deleted_at, t.name, t.domain_name_definition_id, t.sub_domain, t.service_name, \
         t.workload_definition_id, t.placement, t.gateway_class_name, t.hostnames, t.addresses, t.allowed_routes, t.infrastructure, \
         r.reconciled, r.creation_acknowledged, r.creation_confirmed, r.creation_failed, r.deletion_scheduled, \
         r.deletion_acknowledged, r.deletion_confirmed, r.interrupt_reconciliation, r.generation, r.observed_generation, \
         r.ready, r.blocking_step, r.blocking_reason, r.blocking_since, r.conditions"
    };
}
macro_rules! live {
    () => {
        " FROM gateway_definitions t JOIN reconciliations r ON r.kind = 'GatewayDefinition' AND r.id = t.id WHERE t.deleted_at IS NULL"
    };
}
macro_rules! audit {
    ($action:literal) => {
        concat!(
            ", a AS (INSERT INTO audit_events(tenant, created_at, updated_at, caller, request_id, action, object_kind, object_id, object_name, changes) \
             SELECT t.tenant, t.updated_at, t.updated_at, 'anonymous', $13, '", $action, "', 'GatewayDefinition', t.id, t.name, $14 FROM t)"
        )
    };
}
macro_rules! event {
    ($type:literal) => {
        concat!(
            ", e AS (INSERT INTO event_inbox(type, kind, record_id, name, runtime_id, generation) \
             SELECT '",
            $type,
            "', 'GatewayDefinition', t.id, t.name, NULL::bigint, r.generation FROM t JOIN r ON r.id = t.id)"
        )
    };
}

pub(super) const GET: &str = concat!("SELECT ", columns!(), live!(), " AND t.id = $1");
// The first page of fifty; nothing else is asked for here.
pub(super) const PAGE: &str = concat!(
    "SELECT p.*, CASE WHEN row_number() OVER () = 50 THEN (SELECT count(*) FROM gateway_definitions t WHERE t.deleted_at IS NULL) END AS total FROM (SELECT ",
    columns!(),
    live!(),
    " ORDER BY t.id LIMIT 50) p ORDER BY p.id"
);
// $1 is the id of a record that is changed. The names of the load need no change to name objects.
pub(super) const CREATE: &str = concat!(
    "WITH p AS (SELECT FROM domain_name_definitions WHERE id = $3 AND deleted_at IS NULL FOR SHARE), \
     t AS (INSERT INTO gateway_definitions(name, domain_name_definition_id, sub_domain, service_name, workload_definition_id, placement, \
        gateway_class_name, hostnames, addresses, allowed_routes, infrastructure) \
        SELECT $2, $3, $4, $5, $6, coalesce($7, 'Shared'), $8, $9, $10, $11, $12 WHERE $1 = 0 AND ($3 IS NULL OR EXISTS (SELECT FROM p)) RETURNING *), \
     r AS (INSERT INTO reconciliations(kind, id, runtime_id, object_name) \
        SELECT 'GatewayDefinition', t.id, 0, t.name || '-' || t.id FROM t RETURNING *)",
    audit!("Create"),
    event!("created"),
    " SELECT ",
    columns!(),
    " FROM t JOIN r ON true"
);
pub(super) const CHANGE: &str = concat!(
    "WITH p AS (SELECT FROM domain_name_definitions WHERE id = $3 AND deleted_at IS NULL FOR SHARE), \
     t AS (UPDATE gateway_definitions SET updated_at = clock_timestamp(), name = coalesce($2, name), \
        domain_name_definition_id = coalesce($3, domain_name_definition_id), sub_domain = coalesce($4, sub_domain), \
        service_name = coalesce($5, service_name), workload_definition_id = coalesce($6, workload_definition_id), placement = coalesce($7, placement), \
        gateway_class_name = coalesce($8, gateway_class_name), hostnames = coalesce($9, hostnames), addresses = coalesce($10, addresses), \
        allowed_routes = coalesce($11, allowed_routes), infrastructure = coalesce($12, infrastructure) \
        WHERE id = $1 AND deleted_at IS NULL AND ($3 IS NULL OR EXISTS (SELECT FROM p)) RETURNING *), \
     r AS (UPDATE reconciliations SET generation = generation + 1, wake_seq = wake_seq + 1, due_at = least(due_at, now()), urgent = true, attempts = 0 \
        WHERE kind = 'GatewayDefinition' AND id = (SELECT id FROM t) RETURNING *)",
    audit!("Update"),
    event!("changed"),
    " SELECT ",
    columns!(),
    ", wake_dependants('GatewayDefinition', t.id, true) FROM t JOIN r ON true"
);

/// A row, and the object in an answer.
#[derive(FromRow, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Stored {
    #[serde(rename = "ID")]
    pub(super) id: i64,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deleted_at: Option<DateTime<Utc>>,
    pub(super) name: String,
    #[serde(rename = "DomainNameDefinitionID", skip_serializing_if = "Option::is_none")]
    pub(super) domain_name_definition_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sub_domain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service_name: Option<String>,
    #[serde(rename = "WorkloadDefinitionID", skip_serializing_if = "Option::is_none")]
    pub(super) workload_definition_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) placement: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gateway_class_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hostnames: Option<Jsonb<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) addresses: Option<Jsonb<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) allowed_routes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) infrastructure: Option<Jsonb<Value>>,
    pub(super) reconciled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) creation_acknowledged: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) creation_confirmed: Option<DateTime<Utc>>,
    pub(super) creation_failed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deletion_scheduled: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deletion_acknowledged: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deletion_confirmed: Option<DateTime<Utc>>,
    pub(super) interrupt_reconciliation: bool,
    pub(super) generation: i64,
    pub(super) observed_generation: i64,
    pub(super) ready: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) blocking_step: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) blocking_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) blocking_since: Option<DateTime<Utc>>,
    pub(super) conditions: Jsonb<Value>,
}

/// A body.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Sent {
    pub(super) name: Option<String>,
    #[serde(rename = "DomainNameDefinitionID")]
    pub(super) domain_name_definition_id: Option<i64>,
    pub(super) sub_domain: Option<String>,
    pub(super) service_name: Option<String>,
    #[serde(rename = "WorkloadDefinitionID")]
    pub(super) workload_definition_id: Option<i64>,
    pub(super) placement: Option<String>,
    pub(super) gateway_class_name: Option<String>,
    pub(super) hostnames: Option<Value>,
    pub(super) addresses: Option<Value>,
    pub(super) allowed_routes: Option<String>,
    pub(super) infrastructure: Option<Value>,
}
