//! Events of what a statement changes, put into the inbox by the same statement: none tells of what didn't happen, and none is missing.
//!
//! The row's number is drawn from what the change returns, so while the record is locked. The next change of the record waits for that lock, draws
//! a higher number, and is committed later: of one record, events are in the order of its commits.

use crate::statement::Statement;
use causeway_records::{
    Kind,
    noun::Info,
    watch::{EventType, Flip, is_watched},
};

/// Rows that a CTE has changed.
#[derive(Clone, Copy)]
pub(crate) struct Happened<'h> {
    pub(crate) event_type: EventType,
    pub(crate) info: &'h Info,
    /// Their CTE, which returns all columns of the noun's table.
    pub(crate) cte: &'h str,
    /// The CTE of their rows in the queue.
    pub(crate) queue: Option<&'h str>,
}

impl<'h> Happened<'h> {
    pub(crate) fn new(event_type: EventType, info: &'h Info, cte: &'h str) -> Self {
        Self { event_type, info, cte, queue: None }
    }

    /// With the generation, which stands in the queue.
    pub(crate) fn queued(self, cte: &'h str) -> Self {
        Self { queue: self.info.reconciled.then_some(cte), ..self }
    }

    fn select(&self) -> String {
        let Self { event_type, info, cte, queue } = self;
        let name = if info.named() { format!("{cte}.name") } else { "NULL::text".into() };
        let runtime = runtime(info).map_or_else(|| "NULL::bigint".into(), |column| format!("{cte}.{column}"));
        let generation = queue.map_or_else(|| "NULL::bigint".into(), |queue| format!("{queue}.generation"));
        let join = queue.map_or_else(String::new, |queue| format!(" JOIN {queue} ON {queue}.id = {cte}.id"));
        format!("SELECT '{event_type}', '{}', {cte}.id, {name}, {runtime}, {generation} FROM {cte}{join}", info.kind)
    }
}

/// The column that says which cluster a record is in.
fn runtime(info: &Info) -> Option<&'static str> {
    let column = "kubernetes_runtime_instance_id";
    match info.kind {
        Kind::KubernetesRuntimeInstance => Some("id"),
        _ => info.fields.iter().any(|field| field.column == column).then_some(column),
    }
}

/// The statement that writes events; None: nobody is told of these.
pub(crate) fn insertion(happened: &[Happened<'_>]) -> Option<String> {
    let selects: Vec<_> = happened.iter().filter(|one| is_watched(one.info.kind)).map(Happened::select).collect();
    let columns = "type, kind, record_id, name, runtime_id, generation";
    (!selects.is_empty()).then(|| format!("INSERT INTO event_inbox ({columns}) {}", selects.join(" UNION ALL ")))
}

/// Appends the CTE that writes events.
pub(crate) fn append(statement: &mut Statement, happened: &[Happened<'_>]) {
    statement.push_with(|| insertion(happened).map_or_else(String::new, |insertion| format!(", e AS ({insertion})")));
}

/// What a worker found out about a record, as columns of the events.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) types: Vec<String>,
    pub(crate) conditions: Vec<Option<String>>,
    pub(crate) statuses: Vec<Option<String>>,
    pub(crate) reasons: Vec<Option<String>>,
}

impl Found {
    /// Conditions that flipped, and after them that a generation is applied.
    pub(crate) fn new(kind: Kind, flips: Vec<Flip>, reconciled: bool) -> Self {
        let mut found = Self::default();
        if !is_watched(kind) {
            return found;
        }
        for flip in flips {
            found.types.push(EventType::Condition.as_str().to_owned());
            found.conditions.push(Some(flip.condition_type));
            found.statuses.push(Some(flip.status.as_str().to_owned()));
            found.reasons.push(Some(flip.reason));
        }
        if reconciled {
            found.types.push(EventType::Reconciled.as_str().to_owned());
            found.conditions.push(None);
            found.statuses.push(None);
            found.reasons.push(None);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::{
        noun::Noun,
        nouns::{AccessToken, GatewayHttpPort, GatewayInstance, KubernetesRuntimeInstance, ListenerSet},
    };

    #[test]
    fn an_event_has_what_its_noun_has() {
        let made = Happened::new(EventType::Created, &GatewayInstance::INFO, "t").queued("r");
        let port = Happened::new(EventType::Deleted, &GatewayHttpPort::INFO, "x0");
        let text = insertion(&[made, port]).unwrap();
        let first = "SELECT 'created', 'GatewayInstance', t.id, t.name, t.kubernetes_runtime_instance_id, r.generation FROM t JOIN r ON r.id = t.id";
        let second = "SELECT 'deleted', 'GatewayHttpPort', x0.id, NULL::text, NULL::bigint, NULL::bigint FROM x0";
        assert!(text.ends_with(&format!(") {first} UNION ALL {second}")), "{text}");
        let runtime = Happened::new(EventType::Created, &KubernetesRuntimeInstance::INFO, "t");
        assert!(insertion(&[runtime]).unwrap().contains("t.name, t.id, NULL"));
    }

    #[test]
    fn nobody_is_told_of_what_viewers_may_not_read() {
        for info in [&AccessToken::INFO, &ListenerSet::INFO] {
            assert_eq!(insertion(&[Happened::new(EventType::Created, info, "t")]), None);
        }
        assert!(Found::new(Kind::ListenerSet, vec![], true).types.is_empty());
    }
}
