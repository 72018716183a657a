//! `docs/conditions.md`: every condition with its reasons, from the words that the API, the command line and the dashboard use.

use causeway_records::advice::{AdviceRow, ConditionMeaning, advice_about, condition_meanings};
use std::{collections::BTreeSet, fmt::Write, fs};

use crate::{pages::root, reasons::Reasons};

const PAGE: &str = "docs/conditions.md";
const HEAD: &str = "# Conditions and their reasons

For each condition, in the order of the work: which records have it, when it is True, and for each reason why it isn't what that means and what to do. These are the words that the API, the command line and
the dashboard show, from [troubleshooting.md](troubleshooting.md), which explains more. Written by `make reference`, and compared by a test.

Reasons that aren't here are those of a controller in the cluster; the message quotes it.
";

/// A cell of a table.
fn cell(text: &str) -> String {
    // Links to a section of the page that the words come from.
    text.replace("](#", "](troubleshooting.md#")
}

fn about(row: &AdviceRow) -> String {
    let reasons: Vec<_> = row.reasons.iter().map(|reason| format!("`{reason}`")).collect();
    let phrases: Vec<_> = row.phrases.iter().map(|phrase| format!("\"{phrase}\"")).collect();
    let all: Vec<_> = [reasons.join(", "), phrases.join(" or ")].into_iter().filter(|part| !part.is_empty()).collect();
    all.join(": ")
}

fn section(of: &ConditionMeaning) -> String {
    let ConditionMeaning { condition_type, records, meaning } = of;
    let mut text = format!("\n## {condition_type}\n\nOf {records}. ");
    match meaning.strip_prefix("never: ") {
        Some(never) => writeln!(text, "Never True: {never}.").unwrap(),
        None => writeln!(text, "True when {meaning}.").unwrap(),
    }
    let mut rows = advice_about(condition_type).peekable();
    if rows.peek().is_some() {
        text.push_str("\n| Reason or message | What it means | What to do |\n|---|---|---|\n");
    }
    for row in rows {
        writeln!(text, "| {} | {} | {} |", about(row), cell(row.advice.meaning), cell(row.advice.next)).unwrap();
    }
    text
}

#[test]
fn the_page_of_conditions_has_the_words_that_are_shown() {
    let page = HEAD.to_owned() + &condition_meanings().iter().map(section).collect::<String>();
    assert!(page.contains("## Applied\n") && page.contains("| `TlsFailed` |"), "{page}");
    let path = root().join(PAGE);
    if std::env::var_os("WRITE_REFERENCE").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert!(fs::read_to_string(&path).unwrap_or_default() == page, "{PAGE} is old: run make reference");
}

#[test]
fn every_condition_that_workers_make_is_listed() {
    let listed: BTreeSet<_> = condition_meanings().iter().map(|one| one.condition_type.to_owned()).collect();
    let mut made = Reasons::types_of_workers(&root());
    // It is made of all others.
    made.insert("Ready".into());
    assert!(made.len() > 15, "only {made:?} are found: are they made in another way?");
    assert_eq!(made, listed, "docs/troubleshooting.md, Every condition");
}
