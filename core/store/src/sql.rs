//! The statements of every noun, generated once from its table. Fixed texts, so that Postgres plans each only once on a connection.

use crate::{
    audit, depends,
    row::{KEY_IDS, column_type, select_list},
};
use causeway_records::{
    Kind,
    field::{Children, Field, Info, OnDelete, Shape, columns},
    nouns::{self, Action},
};
use std::{collections::HashMap, fmt::Write, sync::LazyLock};

/// The statements of one noun.
pub(crate) struct Sql {
    /// Columns of a record.
    pub(crate) select: String,
    /// One live record: `$1` id.
    pub(crate) get: &'static str,
    /// The same, waiting for writers of the row and keeping them off until the statement ends.
    pub(crate) share: &'static str,
    /// A record that may be gone: `$1` id.
    pub(crate) find: &'static str,
    /// `FROM ... WHERE` of the live ones, for lists.
    pub(crate) from: String,
    /// The same without status, for counting.
    pub(crate) own: String,
    /// A new record without children: the columns and their keys, then what status takes, then what its audit event takes.
    pub(crate) create: &'static str,
    /// A change, if nobody else was faster: `$1` id, `$2` updated_at as read, then the columns, their keys and those as read, then what status takes,
    /// then what its audit event takes.
    pub(crate) update: &'static str,
}

static ALL: LazyLock<HashMap<Kind, Sql>> = LazyLock::new(|| {
    nouns::ALL.iter().chain(nouns::OWN).chain(nouns::INTERNAL).map(|info| (info.kind, Sql::of(info))).collect()
});

/// The statements of a noun.
pub(crate) fn of(info: &Info) -> &'static Sql {
    &ALL[&info.kind]
}

/// Columns of `reconciliations` that a client may write.
pub(crate) const CLIENT_STATUS: &[&str] = &[
    "creation_acknowledged",
    "creation_confirmed",
    "creation_failed",
    "deletion_acknowledged",
    "deletion_confirmed",
    "interrupt_reconciliation",
];

impl Sql {
    fn of(info: &'static Info) -> Self {
        let select = select_list(info);
        let join = if info.reconciled {
            format!(" JOIN reconciliations r ON r.kind = '{}' AND r.id = t.id", info.kind)
        } else {
            String::new()
        };
        let from = format!("FROM {} t{join} WHERE t.deleted_at IS NULL", info.table);
        let object_name = if info.reconciled { ", r.object_name" } else { "" };
        let find = format!("SELECT {select}{object_name} FROM {} t{join} WHERE t.id = $1", info.table);
        Self {
            get: leak(format!("SELECT {select} {from} AND t.id = $1")),
            share: leak(format!("{find} FOR SHARE OF t")),
            find: leak(find),
            own: format!("FROM {} t WHERE t.deleted_at IS NULL", info.table),
            create: leak(create(info, &select, &[])),
            update: leak(update(info, &select, &[])),
            from,
            select,
        }
    }
}

// There is one text for each noun and use, for as long as the process runs.
fn leak(text: String) -> &'static str {
    text.leak()
}

/// CTEs that lock the parents, and the condition that they are there. What a record is part of is locked against everybody, for the record
/// changes it; other parents only against change.
fn parents(info: &Info, first: usize) -> (String, String) {
    let (mut ctes, mut condition) = (String::new(), String::new());
    for (index, field) in info.columns().enumerate() {
        let Some(parent) = field.parent else { continue };
        let (at, lock) = (index + first, if parent.on_delete == OnDelete::Takes { "NO KEY UPDATE" } else { "SHARE" });
        let _ = write!(
            ctes,
            "p{at} AS (SELECT FROM {} WHERE id = ${at} AND deleted_at IS NULL FOR {lock}), ",
            parent.table
        );
        let absent = if field.required { String::new() } else { format!("${at} IS NULL OR ") };
        let _ = write!(condition, " AND ({absent}EXISTS (SELECT FROM p{at}))");
    }
    (ctes, condition)
}

/// What must hold of reconciled parents when a record is added to them.
fn takes_dependants(info: &Info) -> String {
    let parents = info.columns().filter_map(|field| field.parent.map(|parent| (field, parent)));
    let reconciled = parents.filter(|(_, parent)| parent.kind.info().reconciled);
    reconciled.fold(String::new(), |mut text, (field, parent)| {
        let _ = write!(text, ", takes_dependants('{}', t.{})", parent.kind, field.column);
        text
    })
}

/// The cluster a record is in, as an expression over `t`.
fn runtime_id(info: &Info) -> &'static str {
    if info.kind == Kind::KubernetesRuntimeInstance {
        "t.id"
    } else if info.fields.iter().any(|field| field.column == "kubernetes_runtime_instance_id") {
        "t.kubernetes_runtime_instance_id"
    } else {
        "0"
    }
}

/// Record, children, work to do, audit event and what follows from it: one statement, one round trip, nothing to roll back when a client hangs up.
pub(crate) fn create(info: &'static Info, select: &str, children: &[Children<'_>]) -> String {
    let names: Vec<_> = info.columns().map(|field| field.column).chain(info.has_secrets().then_some(KEY_IDS)).collect();
    let binds: Vec<_> = (1..=names.len()).map(|n| format!("${n}")).collect();
    let (ctes, condition) = parents(info, 1);
    let mut sql = format!(
        "WITH {ctes}t AS (INSERT INTO {}({}) SELECT {} WHERE true{condition} RETURNING *)",
        info.table,
        names.join(", "),
        binds.join(", ")
    );
    let mut next = names.len();
    for (at, child) in children.iter().enumerate().filter(|(_, child)| !child.rows.is_empty()) {
        insert_children(&mut sql, at, child, &mut next);
    }
    if info.reconciled {
        let status: Vec<_> = CLIENT_STATUS.iter().enumerate().map(|(n, _)| format!("${}", next + 1 + n)).collect();
        let _ = write!(
            sql,
            ", r AS (INSERT INTO reconciliations(kind, id, runtime_id, object_name, {}) SELECT '{}', t.id, {}, slug(t.name) || '-' || t.id, {} FROM t RETURNING *)",
            CLIENT_STATUS.join(", "),
            info.kind,
            runtime_id(info),
            status.join(", ")
        );
        next += CLIENT_STATUS.len();
    }
    sql += &audit::cte(info, Action::Create, &told(info, children, false), next);
    let join = if info.reconciled { " JOIN r ON true" } else { "" };
    let made = children.iter().enumerate().filter(|(_, child)| !child.rows.is_empty()).fold(
        String::new(),
        |mut text, (at, _)| {
            let _ = write!(text, ", (SELECT array_agg(id ORDER BY id) FROM c{at}) AS children_{at}");
            text
        },
    );
    let follows = match depends::matters_when_new(info.kind) {
        true => format!(", propagate('{}', t.id)", info.kind),
        false => String::new(),
    };
    let _ = write!(sql, " SELECT {select}{}{follows}{made} FROM t{join}", takes_dependants(info));
    sql
}

/// The lists of children that a write makes or replaces, as changes of an audit event. `replaces`: the CTEs `x..` hold those before.
fn told(info: &Info, children: &[Children<'_>], replaces: bool) -> Vec<String> {
    let written = children.iter().enumerate().filter(|(_, child)| !child.rows.is_empty());
    let list = |cte: &str, at: usize, json: &str| format!("(SELECT jsonb_agg({json} ORDER BY id) FROM {cte}{at})");
    let change = |(at, child): (usize, &Children<'_>)| {
        let holds = |shape: Shape| matches!(shape, Shape::Children { kind } if kind == child.info.kind);
        let field = info.fields.iter().find(|field| holds(field.shape)).map_or(child.info.plural, |field| field.json);
        let json = child_json(child);
        let old = if replaces { list("x", at, &json) } else { "NULL".into() };
        let new = list("c", at, &json);
        format!("jsonb_strip_nulls(jsonb_build_object('Field', '{field}', 'Old', {old}, 'New', {new}))")
    };
    written.map(change).collect()
}

/// A child as an audit event tells it.
fn child_json(child: &Children<'_>) -> String {
    let fields = columns(child.info.fields).filter(|field| field.column != child.key).map(|field| {
        let masked = format!("CASE WHEN {} IS NOT NULL THEN '***' END", field.column);
        let value = if field.is_secret() { masked } else { field.column.to_owned() };
        format!(", '{}', {value}", field.json)
    });
    format!("jsonb_build_object('ID', id{})", fields.collect::<String>())
}

fn insert_children(sql: &mut String, at: usize, child: &Children<'_>, next: &mut usize) {
    let own: Vec<&Field> = columns(child.info.fields).filter(|field| field.column != child.key).collect();
    let names: Vec<_> = own.iter().map(|field| field.column).collect();
    let rows: Vec<_> = (0..child.rows.len()).map(|_| values(&own, next)).collect();
    let _ = write!(
        sql,
        ", c{at} AS (INSERT INTO {}({}, {}) SELECT t.id, v.* FROM t, (VALUES {}) v RETURNING *)",
        child.info.table,
        child.key,
        names.join(", "),
        rows.join(", ")
    );
}

fn values(fields: &[&Field], next: &mut usize) -> String {
    let binds = fields.iter().filter_map(|field| column_type(field)).map(|ty| {
        *next += 1;
        format!("${next}::{}", ty.name())
    });
    format!("({})", binds.collect::<Vec<_>>().join(", "))
}

/// The change of a record; lists of children that it carries take the place of the stored ones.
pub(crate) fn update(info: &'static Info, select: &str, children: &[Children<'_>]) -> String {
    let (ctes, condition) = parents(info, 3);
    let mut set: Vec<_> =
        info.columns().enumerate().map(|(n, field)| format!("{} = ${}", field.column, n + 3)).collect();
    let (mut next, mut same_keys) = (info.columns().count() + 3, String::new());
    if info.has_secrets() {
        // Secrets that were meanwhile written with another key change nothing but this.
        set.push(format!("{KEY_IDS} = ${next}"));
        same_keys = format!(" AND {KEY_IDS} = ${}", next + 1);
        next += 2;
    }
    let mut sql = format!(
        "WITH {ctes}t AS (UPDATE {} SET updated_at = clock_timestamp(), {} WHERE id = $1 AND updated_at = $2 AND deleted_at IS NULL{same_keys}{condition} RETURNING *)",
        info.table,
        set.join(", ")
    );
    // ${next}: what is asked for has changed; ${next + 1}: another pass is asked for.
    if info.reconciled {
        let status: Vec<_> =
            CLIENT_STATUS.iter().enumerate().map(|(n, column)| format!("{column} = ${}", next + 2 + n)).collect();
        let _ = write!(
            sql,
            ", r AS (UPDATE reconciliations SET generation = generation + ${next}::bool::int, wake_seq = wake_seq + 1, due_at = CASE WHEN ${next} OR ${} THEN least(due_at, now()) ELSE due_at END, urgent = true, attempts = 0, brake_released = brake_released OR ${}, {} WHERE kind = '{}' AND id = (SELECT id FROM t) RETURNING *)",
            next + 1,
            next + 1,
            status.join(", "),
            info.kind
        );
    }
    let mut last = if info.reconciled { next + 1 + CLIENT_STATUS.len() } else { next };
    let mut replaced = String::new();
    for (at, child) in children.iter().enumerate().filter(|(_, child)| !child.rows.is_empty()) {
        let _ = write!(
            sql,
            ", x{at} AS (UPDATE {} SET deleted_at = now() WHERE {} IN (SELECT id FROM t) AND deleted_at IS NULL RETURNING *)",
            child.info.table, child.key
        );
        insert_children(&mut sql, at, child, &mut last);
        // Asked for before the select list is computed: what follows from the change must see the new children.
        let _ = write!(replaced, " AND (SELECT count(*) FROM x{at}) + (SELECT count(*) FROM c{at}) > 0");
    }
    sql += &audit::cte(info, Action::Update, &told(info, children, true), last);
    let join = if info.reconciled { " JOIN r ON true" } else { "" };
    let _ = write!(
        sql,
        " SELECT {select}, CASE WHEN ${next}::bool THEN propagate('{}', t.id) END FROM t{join} WHERE true{replaced}",
        info.kind
    );
    sql
}
