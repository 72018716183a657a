//! One record whole: what blocks it first, then what it depends on, its steps, its fields, its events.

use causeway_records::{
    advice::{advice, plain},
    noun::Info,
    status::{Condition, ConditionStatus, READY},
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::{
    age, clean, columns,
    state::{self, State},
    style::{BAD, BOLD, FAINT, GOOD, WAITING, paint},
    tree::{self, Node},
    wrap::hanging,
};
use crate::api::{Fields, id, name};

/// What there is to tell about a record.
pub(crate) struct Details<'a> {
    pub(crate) info: &'static Info,
    pub(crate) record: &'a Fields,
    /// What it names, and what those name.
    pub(crate) depends_on: Vec<Node>,
    /// Who names it.
    pub(crate) used_by: Vec<Node>,
    /// Who is attached to a shared gateway, and what lets it.
    pub(crate) attached: Vec<Node>,
    /// Lists of its parts: ports.
    pub(crate) parts: Vec<(String, Vec<String>)>,
    pub(crate) events: Vec<Fields>,
}

/// The text for a terminal of this width.
pub(crate) fn text(details: &Details<'_>, width: Option<usize>, now: DateTime<Utc>) -> String {
    let state = state::state(details.record, details.info.reconciled);
    let mut text = headline(details.info, details.record, &state);
    text.push_str(&blocking(&state, width, now));
    let mut section = |title: &str, body: &str| {
        if !body.is_empty() {
            text.push_str(&format!("\n{}\n{body}", paint(BOLD, title)));
        }
    };
    section("Depends on", &tree::text(&details.depends_on));
    section("Used by", &tree::text(&details.used_by));
    section("Attached", &tree::text(&details.attached));
    section("Steps", &steps(&state::conditions(details.record), state.step(), width, now));
    section("Fields", &fields(details, width));
    section("Events", &events(&details.events, width, now));
    text
}

/// `GatewayInstance shop   Ready`.
pub(crate) fn headline(info: &Info, record: &Fields, state: &State) -> String {
    let called = if info.named() { clean(name(record)) } else { id(record).to_string() };
    let state =
        if state.word().is_empty() { String::new() } else { format!("   {}", paint(state.style(), state.word())) };
    format!("{} {}{state}\n", paint(FAINT, info.kind.as_str()), paint(BOLD, &called))
}

/// The step that blocks, in its own words.
pub(crate) fn blocking(state: &State, width: Option<usize>, now: DateTime<Utc>) -> String {
    let Some(step) = state.step() else { return String::new() };
    let since = format!("since {}", age::since(step.last_transition_time, now));
    let first = format!("{}: {}", step.condition_type, step.reason);
    let mark = mark(step);
    let next = advice(step).map(|advice| format!("next step: {}", plain(advice.next)));
    let next = next.map_or(String::new(), |next| format!("  {}\n", paint(FAINT, &hanging(&next, 2, width))));
    format!(
        "\n{mark} {}   {}\n  {}\n{next}",
        paint(state.style(), &first),
        paint(FAINT, &since),
        hanging(&step.message, 2, width)
    )
}

fn mark(condition: &Condition) -> String {
    match condition.status {
        ConditionStatus::True => paint(GOOD, "✓"),
        ConditionStatus::False => paint(BAD, "✗"),
        ConditionStatus::Unknown => paint(WAITING, "?"),
    }
}

/// Every step but the sum of them. A message begins beside its step where there is room, else below it; of the one that was `told` already only the reason
/// is said.
pub(crate) fn steps(
    conditions: &[Condition],
    told: Option<&Condition>,
    width: Option<usize>,
    now: DateTime<Utc>,
) -> String {
    let steps: Vec<_> = conditions.iter().filter(|condition| condition.condition_type != READY).collect();
    let widest = steps.iter().map(|step| step.condition_type.width()).max().unwrap_or(0);
    let line = |step: &&Condition| {
        let age = format!("{:<5}", age::since(step.last_transition_time, now));
        let column = widest + 10;
        let pad = " ".repeat(widest - step.condition_type.width());
        let said = match step.status {
            ConditionStatus::True => step.message.clone(),
            _ if told == Some(*step) => format!("{} (above)", step.reason),
            _ => format!("{}: {}", step.reason, step.message),
        };
        let beside = width.is_none_or(|width| width >= column + 40);
        let (before, indent) = if beside { (" ".to_owned(), column) } else { ("\n    ".to_owned(), 4) };
        format!(
            "{} {}{pad}  {}{before}{}\n",
            mark(step),
            clean(&step.condition_type),
            paint(FAINT, &age),
            hanging(&said, indent, width)
        )
    };
    steps.iter().map(line).collect()
}

fn fields(details: &Details<'_>, width: Option<usize>) -> String {
    let mut lines: Vec<(String, String)> = vec![("ID".into(), id(details.record).to_string())];
    for field in details.info.columns().filter(|field| field.parent.is_none() && field.column != "name") {
        let Some(value) = details.record.get(field.json) else { continue };
        let told = match value {
            _ if field.encrypted => "(encrypted)".to_owned(),
            Value::String(text) if text.lines().count() > 1 => format!("({} lines)", text.lines().count()),
            other => columns::value(Some(other)),
        };
        lines.push((field.json.to_owned(), told));
    }
    for (part, rows) in &details.parts {
        lines.extend(
            rows.iter().enumerate().map(|(at, row)| (if at == 0 { part.clone() } else { String::new() }, row.clone())),
        );
    }
    for status in
        ["Generation", "ObservedGeneration", "CreatedAt", "UpdatedAt", "DeletionScheduled", "InterruptReconciliation"]
    {
        if let Some(value) = details.record.get(status).filter(|value| **value != Value::Bool(false)) {
            lines.push((status.to_owned(), columns::value(Some(value))));
        }
    }
    let widest = lines.iter().map(|(key, _)| key.width()).max().unwrap_or(0);
    let line = |(key, value): &(String, String)| {
        let pad = " ".repeat(widest - key.width());
        format!("  {}{pad}   {}\n", paint(FAINT, key), hanging(value, widest + 5, width))
    };
    lines.iter().map(line).collect()
}

/// The newest ten.
fn events(events: &[Fields], width: Option<usize>, now: DateTime<Utc>) -> String {
    let text = |event: &Fields, key: &str| columns::value(event.get(key));
    let mut sorted: Vec<_> = events.iter().collect();
    sorted.sort_by_key(|event| std::cmp::Reverse(text(event, "LastObservedTime")));
    let line = |event: &&Fields| {
        let warning = text(event, "Type") == "Warning";
        let (mark, note) = (if warning { paint(WAITING, "!") } else { " ".to_owned() }, text(event, "Note"));
        let told = format!("{}: {note}", text(event, "Reason"));
        let age = format!("{:<5}", age::of(event.get("LastObservedTime"), now));
        format!("{mark} {} {}\n", paint(FAINT, &age), hanging(&told, 8, width))
    };
    sorted.iter().take(10).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::state::tests::record;
    use causeway_records::Kind;
    use serde_json::json;

    #[test]
    fn the_blocking_step_comes_first_and_messages_are_whole() {
        let message =
            "Gateway causeway-shared/main-912345678900002048 has no address yet; its Service needs a load balancer";
        let shop = record(
            &[
                ("ClusterReachable", "True", "the cluster answers"),
                ("AddressAssigned", "False", message),
                ("DnsPublished", "Unknown", "waits"),
                ("Ready", "False", message),
            ],
            &json!({"CreatedAt": "1970-01-01T00:00:00Z", "Generation": 2}),
        );
        let event = json!({"Reason": "SuccessfulCreate", "Note": "made", "Type": "Normal", "LastObservedTime": "1970-01-01T00:10:00Z"});
        let parent = Node {
            kind: "KubernetesRuntimeInstance".into(),
            name: "main".into(),
            note: "Ready".into(),
            ..Node::default()
        };
        let details = Details {
            info: Kind::GatewayInstance.info(),
            record: &shop,
            depends_on: vec![parent],
            used_by: vec![],
            attached: vec![],
            parts: vec![],
            events: vec![event.as_object().unwrap().clone()],
        };
        let now = DateTime::from_timestamp(720, 0).unwrap();
        let plain = |width| anstream::adapter::strip_str(&text(&details, width, now)).to_string();
        insta::assert_snapshot!("details_80", plain(Some(80)));
        insta::assert_snapshot!("details_piped", plain(None));
        assert!(plain(Some(80)).lines().all(|line| line.width() <= 80));
    }
}
