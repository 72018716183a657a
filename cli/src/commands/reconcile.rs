//! `causeway reconcile KIND NAME`: workers look at a record again, now.

use causeway_records::status::Conditions;
use clap::Args;
use serde_json::json;

use super::describe::found;
use crate::{
    api::{Api, Fields, id, name},
    exit::Exit,
    failure::{Failure, Outcome},
    kinds,
    output::state::conditions,
    session::Session,
    waiting::{Goal, Patience, until},
};

/// Have workers look at a record again, now. What is held back for a person to decide is only let go with --release.
#[derive(Args, Debug)]
pub(crate) struct Reconcile {
    /// Its kind, or kind/name.
    kind: String,
    /// Its name.
    name: Option<String>,
    /// Let happen what the record's message says is held back: a deletion of many objects, the end of a deletion without waiting, work after the
    /// restore of a backup.
    #[arg(long)]
    release: bool,
    /// Wait until it is Ready.
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    patience: Patience,
}

impl Reconcile {
    pub(crate) async fn run(&self, session: &Session) -> Outcome<Exit> {
        let (api, kind, record) = found(session, &self.kind, self.name.as_deref()).await?;
        let held = held_back(&record, kind.info().reconciled);
        if let Some(held) = held.filter(|_| !self.release) {
            let sentence = format!("this would let happen what is held back: {held}");
            let next = format!("causeway reconcile {} --release", kinds::named(kind, name(&record)));
            return Err(Failure::new(Exit::Refused, "HeldBack", sentence).next(next));
        }
        let changed = asked(&api, kind, &record, "Reconciled", false).await?;
        if self.wait {
            until(&api, kind, id(&record), name(&record), &Goal::Ready, self.patience).await?;
        }
        session.print_changed(&api, kind.info(), &changed, "is looked at again").await?;
        Ok(Exit::Done)
    }
}

/// What the record waits for a person to say, in its own words.
fn held_back(record: &Fields, reconciled: bool) -> Option<String> {
    if !reconciled {
        return None;
    }
    if let Some(held) = Conditions(conditions(record)).held_back() {
        return Some(held.message.clone());
    }
    record.contains_key("DeletionScheduled").then(|| {
        "the record is being deleted, and would go without waiting for what is still in the cluster".to_owned()
    })
}

/// Sets one switch of a record.
pub(super) async fn asked(
    api: &Api,
    kind: causeway_records::Kind,
    record: &Fields,
    field: &str,
    on: bool,
) -> Outcome<Fields> {
    let mut body = Fields::new();
    body.insert(field.to_owned(), json!(on));
    api.merge(kind, id(record), None, &body).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::state::tests::record;

    #[test]
    fn what_is_held_back_is_let_go_only_when_it_is_said() {
        let brake =
            "6 of 7 objects would be deleted at once: Pod a; if that is meant, send Reconciled false to this record";
        let held = record(&[("Applied", "False", brake)], &json!({}));
        assert_eq!(held_back(&held, true).as_deref(), Some(brake));
        let behind = record(&[("ClusterReachable", "Unknown", "not yet"), ("Applied", "False", brake)], &json!({}));
        assert_eq!(held_back(&behind, true).as_deref(), Some(brake), "whatever blocks before it");
        let failing = record(
            &[("Applied", "False", "no; it is tried again at once when it is sent Reconciled false")],
            &json!({}),
        );
        assert_eq!(held_back(&failing, true), None);
        let going = record(&[], &json!({"DeletionScheduled": "2026-01-01T00:00:00Z"}));
        assert!(held_back(&going, true).is_some());
    }
}
