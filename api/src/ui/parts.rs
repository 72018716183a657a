//! What pages are made of: states, times, tables, facts, empty lists.

use causeway_records::{
    Kind,
    advice::pieces,
    status::{ConditionStatus, Conditions},
    summary::RecordProgress,
};
use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

/// How a state looks. Each has a shape of its own: a colour alone says nothing to those who don't see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// All is well.
    Stands,
    /// Known not to be as it should.
    Fails,
    /// Nothing is known yet; it may become ready by itself.
    Waits,
    /// Nobody works on it, or it is on its way out.
    Rests,
    /// There is nothing to tell.
    Plain,
}

impl Look {
    /// Class of the style sheet, and name of the shape.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Stands => "stands",
            Self::Fails => "fails",
            Self::Waits => "waits",
            Self::Rests => "rests",
            Self::Plain => "plain-mark",
        }
    }

    /// Of a condition's status.
    pub(super) const fn of(status: ConditionStatus) -> Self {
        match status {
            ConditionStatus::True => Self::Stands,
            ConditionStatus::False => Self::Fails,
            ConditionStatus::Unknown => Self::Waits,
        }
    }
}

/// A record's state in a word.
pub(super) fn look(state: &RecordProgress) -> (Look, &'static str) {
    match (state.ready, state.blocking_status, state.blocking_step.as_deref()) {
        _ if state.deletion_scheduled.is_some() => (Look::Rests, "Being deleted"),
        (ConditionStatus::True, ..) => (Look::Stands, "Ready"),
        (_, _, Some("Paused")) => (Look::Rests, "Paused"),
        (_, Some(ConditionStatus::False), _) => (Look::Fails, "Not ready"),
        _ => (Look::Waits, "In progress"),
    }
}

/// The state of a record as its conditions tell it.
pub(super) fn state_of(conditions: &Conditions, deletion: Option<DateTime<Utc>>) -> RecordProgress {
    let since = conditions.blocking().map(|blocking| blocking.last_transition_time);
    RecordProgress::new(conditions, since, deletion)
}

/// The shapes, once for each page.
pub(super) fn sprite() -> Markup {
    html! {
        svg class="sprite" aria-hidden="true" {
            symbol id="stands" viewBox="0 0 16 16" {
                circle cx="8" cy="8" r="6.75" fill="none" stroke="currentColor" stroke-width="1.5" {}
                path d="m5 8.3 2.1 2.1L11 6" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" {}
            }
            symbol id="fails" viewBox="0 0 16 16" {
                path d="M5.1 1h5.8L15 5.1v5.8L10.9 15H5.100L1 10.900V5.100z" fill="currentColor" {}
                path d="m5.7 5.7 4.6 4.600m0-4.6-4.6 4.6" stroke="var(--sheet)" stroke-width="1.6" stroke-linecap="round" {}
            }
            symbol id="waits" viewBox="0 0 16 16" {
                circle cx="8" cy="8" r="6.75" fill="none" stroke="currentColor" stroke-width="1.5" stroke-dasharray="2.6 2.1" {}
                path d="M8 4.600V8l2.2 1.4" fill="none" stroke="currentColor" stroke-width="1.4" stroke-linecap="round" {}
            }
            symbol id="rests" viewBox="0 0 16 16" {
                circle cx="8" cy="8" r="6.75" fill="none" stroke="currentColor" stroke-width="1.5" {}
                path d="M5.2 8h5.6" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" {}
            }
            symbol id="plain-mark" viewBox="0 0 16 16" { circle cx="8" cy="8" r="3" fill="currentColor" {} }
            symbol id="bridge" viewBox="0 0 18 18" {
                path d="M1.5 12.500h15M3.5 12.500V9a5.5 5.5 0 0 1 11 0v3.500M9 3.500v9M6 5v7.500M12 5v7.500M2 15.500h14" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" {}
            }
        }
    }
}

pub(super) fn icon(name: &str) -> Markup {
    html! { svg class="icon" aria-hidden="true" { use href={"#" (name)} {} } }
}

/// A shape and a word.
pub(super) fn state(look: Look, word: &str) -> Markup {
    html! { span class={"state " (look.name())} { (icon(look.name())) (word) } }
}

pub(super) fn state_chip(record: &RecordProgress) -> Markup {
    let (look, word) = look(record);
    state(look, word)
}

/// What blocks, in the words of the condition.
pub(super) fn blocked_at(record: &RecordProgress) -> Markup {
    html! {
        @if let (Some(step), Some(message)) = (&record.blocking_step, &record.blocking_message) {
            b { (step) } (message)
        } @else if record.ready == ConditionStatus::Unknown {
            "waits for its first reconcile"
        }
    }
}

/// How long ago, with the time itself for whoever points at it.
pub(super) fn ago(time: DateTime<Utc>, now: DateTime<Utc>) -> Markup {
    html! { time datetime=(time.to_rfc3339()) data-form="ago" title=(exact(time)) { (span(now - time)) } }
}

/// When it will be, or how long it is over.
pub(super) fn until(time: DateTime<Utc>, now: DateTime<Utc>) -> Markup {
    let text = if time > now { format!("in {}", span(time - now)) } else { format!("{} ago", span(now - time)) };
    html! { time datetime=(time.to_rfc3339()) data-form="until" title=(exact(time)) { (text) } }
}

pub(super) fn exact(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A length of time in its largest unit that leaves two digits. `live.js` writes the same.
pub(super) fn span(length: TimeDelta) -> String {
    let seconds = length.num_seconds().max(0);
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A text of the documentation.
pub(super) fn markdown(text: &str) -> Markup {
    html! { @for piece in pieces(text) { @if piece.is_code { code { (piece.text) } } @else { (piece.text) } } }
}

/// The heading of a column.
#[derive(Clone, Copy)]
pub(super) enum Heading<'t> {
    Text(&'t str),
    /// Of numbers and times.
    Number(&'t str),
}

/// A table. `caption`: what its rows are.
pub(super) fn sheet(caption: &str, headings: &[Heading<'_>], rows: &Markup) -> Markup {
    html! {
        div class="sheet" {
            table class="rows" {
                caption { (caption) }
                thead { tr {
                    @for heading in headings {
                        @match heading {
                            Heading::Text(text) => th scope="col" { (text) },
                            Heading::Number(text) => th scope="col" class="number" { (text) },
                        }
                    }
                } }
                tbody { (rows) }
            }
        }
    }
}

/// What to show where a list has nothing.
pub(super) fn empty(what: &str, why: &str) -> Markup {
    html! { div class="sheet empty" { b { (what) } (why) } }
}

/// `gateway instance`.
pub(super) fn words(kind: Kind) -> String {
    kind.label().replace('-', " ")
}

/// The page of a record.
pub(super) fn link(kind: Kind, id: i64) -> String {
    format!("/ui/{}/{id}", kind.info().plural)
}

/// A text as a part of a path or a query.
pub(super) fn escaped(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~*".contains(&byte);
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if keep(byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
        escaped
    })
}

/// A text as one word of a shell: what is copied from a page runs nothing else, whoever has written the name in it.
pub(super) fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._/:=@,+-".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    // A line break in a copied line would send it off.
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("'{}'", line.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::status::NewCondition;

    #[test]
    fn a_length_of_time_is_short() {
        let told = [0, 119, 120, 7199, 7200, 172_799, 172_800].map(|seconds| span(TimeDelta::seconds(seconds)));
        assert_eq!(told, ["0 s", "119 s", "2 min", "119 min", "2 h", "47 h", "2 days"]);
        assert_eq!(span(TimeDelta::seconds(-5)), "0 s", "clocks differ");
    }

    #[test]
    fn what_may_become_ready_by_itself_is_not_red() {
        let of =
            |condition| state_of(&Conditions::from_new(vec![condition], &Conditions::default(), 1, Utc::now()), None);
        let fails = of(NewCondition::not_met("Applied", "Conflict", "held by others"));
        assert_eq!(look(&fails), (Look::Fails, "Not ready"));
        assert_eq!(look(&of(NewCondition::unknown("Applied", "Pending", "not yet"))).0, Look::Waits);
        assert_eq!(look(&of(NewCondition::met("Applied", "Applied", "one object"))).0, Look::Stands);
        assert_eq!(look(&state_of(&Conditions::default(), None)).0, Look::Waits, "nobody has looked at it yet");
        let leaves = RecordProgress { deletion_scheduled: Some(Utc::now()), ..fails };
        assert_eq!(look(&leaves), (Look::Rests, "Being deleted"));
    }

    #[test]
    fn texts_of_people_stay_in_their_place() {
        assert_eq!(escaped("*.shop.example"), "*.shop.example");
        assert_eq!(escaped("a/b?c&d é"), "a%2Fb%3Fc%26d%20%C3%A9");
        assert_eq!(shell_word("shop-1.example"), "shop-1.example");
        assert_eq!(shell_word("*.example"), "'*.example'");
        assert_eq!(shell_word("$(rm x)'; y\n"), r"'$(rm x)'\''; y '");
        assert_eq!(shell_word(""), "''");
    }
}
