//! What a condition means and what to do about it: the tables of `docs/troubleshooting.md`, read by programs. That page is the one source of these words.

use crate::status::{Condition, ConditionStatus};
use std::sync::LazyLock;

const PAGE: &str = include_str!("../../../docs/troubleshooting.md");

/// A row of the page, in Markdown: [`pieces`] reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What the reason means.
    pub meaning: &'static str,
    /// What a person can do about it.
    pub next: &'static str,
}

/// A row with what it is about.
#[derive(Debug)]
pub struct AdviceRow {
    /// Types of conditions, of the row or of its section.
    pub conditions: Vec<&'static str>,
    /// Reasons; none: whatever the reason is.
    pub reasons: Vec<&'static str>,
    /// Parts of messages; `…` in one stands for anything.
    pub phrases: Vec<&'static str>,
    /// Meaning and next step.
    pub advice: Advice,
}

static ROWS: LazyLock<Vec<AdviceRow>> = LazyLock::new(|| rows(PAGE));

/// A type of condition, as the page lists it, in Markdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConditionMeaning {
    /// `Applied`.
    pub condition_type: &'static str,
    /// The records that have it.
    pub records: &'static str,
    /// When it is True.
    pub meaning: &'static str,
}

/// Every type of condition, in the order of the work.
#[must_use]
pub fn condition_meanings() -> Vec<ConditionMeaning> {
    let table = PAGE.split("\n## ").find_map(|section| section.strip_prefix("Every condition\n")).unwrap_or_default();
    let row = |line: &'static str| {
        let mut cells = line.strip_prefix("| `")?.trim_end_matches('|').splitn(3, " | ").map(str::trim);
        let condition_type = cells.next()?.trim_end_matches('`');
        Some(ConditionMeaning { condition_type, records: cells.next()?, meaning: cells.next()? })
    };
    table.lines().filter_map(row).collect()
}

/// What the page says about a type of condition, in its order.
pub fn advice_about(condition_type: &str) -> impl Iterator<Item = &'static AdviceRow> {
    ROWS.iter().filter(move |row| row.conditions.contains(&condition_type))
}

/// What the page says about a condition that isn't met: the row that fits best, and of several the first.
#[must_use]
pub fn advice(condition: &Condition) -> Option<Advice> {
    if condition.status == ConditionStatus::True {
        return None;
    }
    let fits = ROWS.iter().filter_map(|row| Some((row.fits(condition)?, row.advice)));
    fits.rev().max_by_key(|(fit, _)| *fit).map(|(_, advice)| advice)
}

impl AdviceRow {
    /// How well it fits; None: not at all.
    fn fits(&self, condition: &Condition) -> Option<u8> {
        let is_of = self.conditions.contains(&condition.condition_type.as_str());
        let has_reason = self.reasons.contains(&condition.reason.as_str());
        let has_phrase = self.phrases.iter().any(|phrase| holds(&condition.message, phrase));
        let fits = is_of && (self.reasons.is_empty() || has_reason) && (self.phrases.is_empty() || has_phrase);
        (fits && (has_reason || has_phrase)).then_some(2 * u8::from(has_phrase) + u8::from(has_reason))
    }
}

/// Whether a message has the pieces of a phrase, in their order.
fn holds(message: &str, phrase: &str) -> bool {
    let mut rest = Some(message);
    for piece in phrase.split('…').map(str::trim).filter(|piece| !piece.is_empty()) {
        rest = rest.and_then(|text| text.split_once(piece)).map(|(_, after)| after);
    }
    rest.is_some()
}

fn rows(page: &'static str) -> Vec<AdviceRow> {
    let (mut rows, mut section) = (vec![], None);
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            section = heading.strip_prefix("Condition ");
        }
        let Some(line) = line.strip_prefix("| ") else { continue };
        let cells: Vec<&str> = line.trim_end_matches('|').split(" | ").map(str::trim).collect();
        let &[about, meaning, next] = cells.as_slice() else { continue };
        let words = || about.split('`').skip(1).step_by(2);
        let named: Vec<_> = words().filter_map(|word| word.split_once('=')).map(|(condition, _)| condition).collect();
        let conditions = if named.is_empty() { section.into_iter().collect() } else { named };
        let reasons: Vec<_> = words().filter(|word| is_reason(word)).collect();
        let phrases: Vec<_> = about.split('"').skip(1).step_by(2).collect();
        let is_about_trouble = !conditions.is_empty() && !about.contains("(True)") && !about.contains("=True");
        if is_about_trouble && !(reasons.is_empty() && phrases.is_empty()) {
            rows.push(AdviceRow { conditions, reasons, phrases, advice: Advice { meaning, next } });
        }
    }
    rows
}

fn is_reason(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_uppercase()) && word.chars().all(|c| c.is_ascii_alphanumeric())
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Without Markdown's marks.
    pub text: String,
    /// To be written, not read.
    pub is_code: bool,
}

/// A text of the page without its Markdown. A link is its words: the page that it leads to is not where this is read.
#[must_use]
pub fn pieces(markdown: &str) -> Vec<Piece> {
    let parts = markdown.split('`').enumerate();
    let parts = parts.map(|(n, part)| Piece {
        text: if n % 2 == 1 { part.to_owned() } else { unlinked(part) },
        is_code: n % 2 == 1,
    });
    parts.filter(|piece| !piece.text.is_empty()).collect()
}

/// The same as one line.
#[must_use]
pub fn plain(markdown: &str) -> String {
    pieces(markdown).into_iter().map(|piece| piece.text).collect()
}

fn unlinked(text: &str) -> String {
    let Some((before, link)) = text.split_once('[') else { return text.to_owned() };
    let Some((words, target)) = link.split_once("](") else { return text.to_owned() };
    let Some((_, after)) = target.split_once(')') else { return text.to_owned() };
    format!("{before}{words}{}", unlinked(after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn condition(condition_type: &str, reason: &str, message: &str) -> Condition {
        Condition {
            condition_type: condition_type.into(),
            status: ConditionStatus::False,
            reason: reason.into(),
            message: message.into(),
            observed_generation: 1,
            last_transition_time: DateTime::UNIX_EPOCH,
        }
    }

    /// What stands in the first column of a row, each as a condition that has it.
    fn examples(row: &AdviceRow) -> Vec<Condition> {
        let mut examples = vec![];
        let reasons = if row.reasons.is_empty() { &vec!["Other"] } else { &row.reasons };
        let phrases = if row.phrases.is_empty() { &vec![""] } else { &row.phrases };
        for of in &row.conditions {
            for reason in reasons {
                examples.extend(phrases.iter().map(|phrase| condition(of, reason, phrase)));
            }
        }
        examples
    }

    #[test]
    fn every_row_is_found_by_what_it_is_about() {
        assert!(ROWS.len() > 60, "only {} rows are read", ROWS.len());
        for row in ROWS.iter() {
            let found: Vec<_> = examples(row).iter().map(|example| advice(example).unwrap()).collect();
            assert!(found.contains(&row.advice), "{row:?} is overlooked: {found:?}");
            assert!(!row.advice.meaning.is_empty() && !row.advice.next.is_empty(), "{row:?}");
        }
    }

    #[test]
    fn the_row_that_fits_best_is_taken() {
        let refused = advice(&condition("Applied", "Refused", "Job x can't be changed while it runs")).unwrap();
        assert!(refused.meaning.contains("template of a Job"), "{refused:?}");
        let other = advice(&condition("Applied", "Refused", "no")).unwrap();
        assert!(other.meaning.contains("in its own words"), "{other:?}");
        let zone = advice(&condition("DnsPublished", "NotInZone", "a is not in the zone yet")).unwrap();
        assert_eq!(zone.next, "Wait a minute");
        let cluster = advice(&condition("ClusterReachable", "ConnectionFailed", "refused")).unwrap();
        assert!(cluster.next.contains("API server runs"));
        assert_eq!(advice(&condition("ListenersReady", "ConnectionFailed", "")), None, "it is about another condition");
        let met = Condition { status: ConditionStatus::True, ..condition("Applied", "Refused", "") };
        assert_eq!(advice(&met), None);
    }

    #[test]
    fn every_condition_that_is_advised_on_is_listed_with_its_meaning() {
        let meanings = condition_meanings();
        assert!(meanings.len() > 15, "{meanings:?}");
        let listed: Vec<_> = meanings.iter().map(|one| one.condition_type).collect();
        assert_eq!((listed[0], listed.last()), ("ClusterReachable", Some(&"Ready")));
        for row in ROWS.iter() {
            assert!(row.conditions.iter().all(|of| listed.contains(of)), "{:?}: {listed:?}", row.conditions);
        }
        let reachable: Vec<_> = advice_about("ClusterReachable").flat_map(|row| row.reasons.clone()).collect();
        assert!(reachable.contains(&"TlsFailed") && !reachable.contains(&"MassDeletion"), "{reachable:?}");
    }

    #[test]
    fn phrases_have_gaps() {
        assert!(holds("a CNAME can't be at x.y beside its other records", "a CNAME can't be at … beside"));
        assert!(!holds("beside a CNAME can't be at x.y", "a CNAME can't be at … beside"));
    }

    #[test]
    fn marks_are_taken_off() {
        let text = "See `Applied` in [faults.md](faults.md#restore), [above](#x).";
        assert_eq!(plain(text), "See Applied in faults.md, above.");
        assert_eq!(pieces(text)[1], Piece { text: "Applied".into(), is_code: true });
        assert_eq!(plain("a [b] c"), "a [b] c");
    }
}
