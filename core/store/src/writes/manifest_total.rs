//! How much all manifests of a workload definition may be together: workers hold them in memory at once.

use crate::error::{Result, StoreError};
use causeway_records::{
    Kind, Record,
    field::entries,
    noun::Noun,
    problem::Reason,
    value::{Type, Value},
};
use sqlx::PgConnection;

/// Bytes of its YAML document and its resource definitions.
const MOST_MIB: i64 = 16;
const MOST_BYTES: i64 = MOST_MIB << 20;
/// How many resource definitions it may have.
const MOST_MANIFESTS: i64 = 10_000;

/// The workload definition whose manifests become more when a record is written: `after` is new, or was `before`.
pub(super) fn grown<T: Noun>(before: Option<&Record<T>>, after: &Record<T>) -> Option<i64> {
    let definition = match T::KIND {
        // A new one has its document alone, which has a limit of its own.
        Kind::WorkloadDefinition => before?.id(),
        Kind::WorkloadResourceDefinition => {
            let (_, parent) = entries(&after.spec).find(|(field, _)| field.parent.is_some())?;
            let Some(Value::Int8(id)) = parent.to_value() else { return None };
            id
        }
        _ => return None,
    };
    before.is_none_or(|before| bytes(after) > bytes(before)).then_some(definition)
}

/// Refuses what is too much. The write has locked the definition, and is done but for its commit.
pub(super) async fn check<T: Noun>(connection: &mut PgConnection, definition: i64) -> Result<()> {
    let total = sqlx::query!(
        r#"SELECT d.name, octet_length(d.yaml_document) + coalesce(sum(octet_length(r.json_definition)), 0) AS "bytes!", count(r.id) AS "count!"
            FROM workload_definitions d LEFT JOIN workload_resource_definitions r ON r.workload_definition_id = d.id AND r.deleted_at IS NULL
            WHERE d.id = $1 GROUP BY d.id"#,
        definition
    )
    .fetch_one(connection)
    .await?;
    let problem = if total.count > MOST_MANIFESTS {
        format!(
            "workload definition {} would have {} of them, and {MOST_MANIFESTS} are allowed",
            total.name, total.count
        )
    } else if total.bytes > MOST_BYTES {
        let mib = total.bytes as f64 / f64::from(1 << 20);
        format!(
            "all manifests of workload definition {} would have {mib:.1} MiB, and {MOST_MIB} MiB are allowed",
            total.name
        )
    } else {
        return Ok(());
    };
    let field = T::FIELDS.iter().find(|field| field.sensitive).map_or("", |field| field.json);
    Err(StoreError::invalid_field(
        Reason::InvalidField,
        field,
        format!("{problem}; put some into another workload definition"),
    ))
}

/// How long its documents are, about.
fn bytes<T: Noun>(record: &Record<T>) -> usize {
    let documents = entries(&record.spec).filter(|(field, _)| field.sensitive);
    let length = |value: Value| match value {
        Value::Text(text) => text.len(),
        Value::Json(json) => json.to_string().len(),
        _ => 0,
    };
    documents
        .filter(|(field, _)| matches!(field.column_type(), Some(Type::Text | Type::Json)))
        .filter_map(|(_, slot)| slot.to_value().map(length))
        .sum()
}
