//! What can be done from a page: each first as a page that says what it will do, then by the same write as a PATCH of the API.

use super::{
    layout::{Answer, Failure, Page, Visit},
    list::{chapter, kind_of, record_id},
    parts::{link, words},
    press::Press,
    question::{Question, makes_no_sense},
    same::Same,
    session::SameOrigin,
    shown::{Shown, read},
};
use crate::{state::ApiState, wire::origin::RequestWriter};
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect},
};
use causeway_records::{
    Kind, Record,
    nouns::{self, Role},
    status::{Conditions, Status},
};
use causeway_store::{Result, StoreError};
use maud::{Markup, html};

/// Something that a person may ask for. Each has the name of the command that does the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// Look again, now.
    Reconcile,
    /// Let happen what is held back.
    Release,
    /// Leave it alone.
    Pause,
    /// Go on.
    Resume,
}

impl Verb {
    const ALL: [Self; 4] = [Self::Reconcile, Self::Release, Self::Pause, Self::Resume];

    /// Those that make sense for a record.
    pub(super) fn of(status: &Status) -> impl Iterator<Item = Self> + use<> {
        let paused = status.interrupt_reconciliation == Some(true);
        let held = held_back(status).is_some();
        Self::ALL.into_iter().filter(move |verb| match verb {
            Self::Reconcile => !held,
            Self::Release => held,
            Self::Pause => !paused,
            Self::Resume => paused,
        })
    }

    /// As in the address.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Reconcile => "reconcile",
            Self::Release => "release",
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Reconcile => "Reconcile now",
            Self::Release => "Release",
            Self::Pause => "Pause",
            Self::Resume => "Resume",
        }
    }

    /// The body of the PATCH that does it.
    const fn body(self) -> &'static str {
        match self {
            Self::Reconcile | Self::Release => r#"{"Reconciled":false}"#,
            Self::Pause => r#"{"InterruptReconciliation":true}"#,
            Self::Resume => r#"{"InterruptReconciliation":false}"#,
        }
    }

    /// The words of the command line that does it.
    fn command<'n>(self, plural: &'n str, name: &'n str) -> Vec<&'n str> {
        match self {
            Self::Release => vec!["reconcile", plural, name, "--release"],
            verb => vec![verb.path(), plural, name],
        }
    }

    /// What it will do, sentence by sentence.
    fn effects(self, kind: Kind) -> Vec<&'static str> {
        match self {
            Self::Reconcile => vec![
                "A worker reads the record and its cluster anew and corrects what differs. What is already as it should be is left alone.",
                "Where that would delete many objects at once, it stops before and says so.",
            ],
            Self::Release => vec![
                "What the sentence above says is done now, and can't be taken back here.",
                "Only this is released: where something is held back again, somebody has to release it again.",
            ],
            Self::Pause if kind == Kind::KubernetesRuntimeInstance => {
                vec![
                    "Nothing in this cluster is changed any more, of no record, until somebody resumes. What runs there goes on running.",
                ]
            }
            Self::Pause => vec![
                "Nothing of this record is changed in its cluster any more, also not repaired or deleted, until somebody resumes. What runs there goes on running.",
            ],
            Self::Resume => vec!["Workers go on with it, and first bring about what was asked for meanwhile."],
        }
    }
}

/// What waits for a person to say that it may happen, as a sentence.
fn held_back(status: &Status) -> Option<String> {
    if let Some(held) = status.conditions.as_ref().and_then(Conditions::held_back) {
        return Some(held.message.clone());
    }
    status.deletion_scheduled.map(|_| {
        "The record is being deleted, and waits until the cluster confirms that its objects are gone. Released, it goes without waiting for what is still \
         there; an event then names what is left."
            .to_owned()
    })
}

/// Why a verb can't be carried out on a record as it is now: it has changed since the page was made.
fn refuse(verb: Verb, status: &Status) -> Result<()> {
    if Verb::of(status).any(|possible| possible == verb) {
        return Ok(());
    }
    let offered: Vec<_> = Verb::of(status).map(Verb::words).collect();
    Err(makes_no_sense(verb.words(), &offered))
}

fn target(plural: &str, id: &str, verb: &str) -> std::result::Result<(Kind, i64, Verb), Failure> {
    let (kind, id) = (kind_of(plural)?, record_id(id)?);
    let verb = Verb::ALL.into_iter().find(|known| known.path() == verb).filter(|_| kind.info().reconciled);
    Ok((kind, id, verb.ok_or(Failure(StoreError::NotFound))?))
}

/// The page that says what will be done.
pub(super) async fn ask(
    State(app): State<ApiState>,
    visit: Visit,
    Path((plural, id, verb)): Path<(String, String, String)>,
) -> Answer {
    let (kind, id, verb) = target(&plural, &id, &verb)?;
    let record: Shown = read(&app, &visit.caller, kind, id).await?;
    refuse(verb, &record.status)?;
    let title = format!("{}: {} {}", verb.words(), words(kind), record.name);
    let held = held_back(&record.status).filter(|_| verb == Verb::Release);
    let to = html! {
        p { "The " (words(kind)) " " b { (record.name) } ":" }
        @if let Some(held) = held { p class="held" { (held) } }
    };
    let effects = verb.effects(kind).into_iter().map(str::to_owned).collect();
    let body = Question { kind, id, name: &record.name, words: verb.words(), to, effects }.markup();
    let chapter = chapter(kind);
    let same = Same::patch(&format!("/v0/{plural}/{id}"), verb.body(), &verb.command(&plural, &record.name));
    Ok(Page::new(&visit, &chapter, &title, body, same).response(StatusCode::OK))
}

/// Carries the verb out, and leads back to the record.
pub(super) async fn carry_out(
    State(app): State<ApiState>,
    visit: Visit,
    RequestWriter(writer): RequestWriter,
    _: SameOrigin,
    Path((plural, id, verb)): Path<(String, String, String)>,
) -> Answer {
    let (kind, id, verb) = target(&plural, &id, &verb)?;
    change_any(&Press { app: &app, visit: &visit, writer: &writer, id }, kind, verb).await?;
    Ok(Redirect::to(&link(kind, id)).into_response())
}

macro_rules! change_any {
    ($($noun:ident),* $(,)?) => {
        async fn change_any(press: &Press<'_>, kind: Kind, verb: Verb) -> Result<()> {
            match kind {
                $(Kind::$noun => {
                    // What was shown may be old.
                    press.change(verb.body(), move |now: &Record<nouns::$noun>| refuse(verb, &now.status)).await
                })*
                _ => Err(StoreError::NotFound),
            }
        }
    };
}
causeway_records::with_nouns!(change_any);

/// What can be done to a record, for those who may.
pub(super) fn verb_buttons(visit: &Visit, kind: Kind, id: i64, status: &Status) -> Markup {
    html! {
        @if visit.caller.role >= Role::Editor {
            div class="verbs" {
                @for verb in Verb::of(status) { a class="button" href={(link(kind, id)) "/" (verb.path())} { (verb.words()) } }
            }
        } @else { "Causeway goes on by itself. The role editor may ask for another reconcile." }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::status::NewCondition;
    use chrono::Utc;

    fn verbs(status: &Status) -> Vec<Verb> {
        Verb::of(status).collect()
    }

    #[test]
    fn a_paused_record_can_go_on_and_no_other() {
        let status = |paused| Status { interrupt_reconciliation: Some(paused), ..Status::default() };
        assert_eq!(verbs(&status(true)), [Verb::Reconcile, Verb::Resume]);
        assert_eq!(verbs(&status(false)), [Verb::Reconcile, Verb::Pause]);
        assert!(
            refuse(Verb::Pause, &status(true)).unwrap_err().to_string().contains("offers Reconcile now and Resume")
        );
    }

    #[test]
    fn what_is_held_back_is_released_by_nothing_else() {
        let brake = NewCondition::not_met(
            "Applied",
            "MassDeletion",
            "6 of 7 objects would be deleted at once: Pod a; if that is meant, send Reconciled false to this record",
        );
        let conditions = Conditions::from_new(vec![brake], &Conditions::default(), 1, Utc::now());
        let held = Status { conditions: Some(conditions), ..Status::default() };
        assert_eq!(verbs(&held), [Verb::Release, Verb::Pause]);
        assert!(refuse(Verb::Reconcile, &held).is_err() && refuse(Verb::Release, &held).is_ok());
        assert!(held_back(&held).unwrap().contains("Pod a"), "the objects are named");
        let going = Status { deletion_scheduled: Some(Utc::now()), ..Status::default() };
        assert_eq!(verbs(&going), [Verb::Release, Verb::Pause]);
        assert_eq!(
            Verb::Release.command("gateway-instances", "shop").join(" "),
            "reconcile gateway-instances shop --release"
        );
    }

    #[test]
    fn there_are_verbs_for_what_workers_reconcile() {
        assert!(target("gateway-instances", "7", "pause").is_ok());
        for (plural, id, verb) in [
            ("gateway-instances", "x", "pause"),
            ("gateway-instances", "7", "delete"),
            ("events", "7", "pause"),
            ("access-tokens", "7", "pause"),
        ] {
            assert!(target(plural, id, verb).is_err(), "{plural} {id} {verb}");
        }
    }
}
