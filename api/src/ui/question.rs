//! The page that says what will be done, before it is.

use super::parts::link;
use causeway_records::{Kind, problem::Reason};
use causeway_store::StoreError;
use maud::{Markup, html};

/// Something that a person may do to a record.
pub(super) struct Question<'q> {
    pub(super) kind: Kind,
    pub(super) id: i64,
    pub(super) name: &'q str,
    /// As on the button.
    pub(super) words: &'q str,
    /// What it is done to, if that isn't the record alone.
    pub(super) to: Markup,
    /// What it will do, sentence by sentence.
    pub(super) effects: Vec<String>,
}

impl Question<'_> {
    pub(super) fn markup(&self) -> Markup {
        let back = link(self.kind, self.id);
        html! {
            div class="trail" { a href=(back) { (self.name) } }
            h1 { (self.words) }
            form class="sheet form" method="post" {
                (self.to)
                ul { @for effect in &self.effects { li { (effect) } } }
                div class="verbs" {
                    button class="button main" { (self.words) }
                    a class="button" href=(back) { "Leave it" }
                }
            }
        }
    }
}

/// Why something can't be done to a record as it is now: it has changed since the page was made. `offered`: what can.
pub(super) fn makes_no_sense(words: &str, offered: &[&str]) -> StoreError {
    let sentence = format!(
        "nothing was done: the record has changed, and {words} makes no sense for it any more; look at its page again, which offers {}",
        offered.join(" and ")
    );
    StoreError::conflict(Reason::PreconditionFailed, sentence)
}
