//! `causeway diff -f`: what `apply` would change.

use causeway_records::Kind;
use clap::Args;
use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};

use crate::{
    api::{Fields, name},
    args::Format,
    documents::{
        self,
        intent::FieldChange,
        plan::{Operation, Verb},
    },
    exit::Exit,
    failure::Outcome,
    output::{
        self, clean, data,
        style::{BAD, BOLD, FAINT, GOOD, paint},
    },
    preview::{Preview, Previewed},
    session::Session,
};

/// Show what `apply` would change; writes nothing. Exit code 0: nothing, 1: something, more: an error.
#[derive(Args, Debug)]
pub(crate) struct Diff {
    #[command(flatten)]
    preview: Preview,
}

impl Diff {
    pub(crate) async fn run(&self, session: &Session) -> Outcome<Exit> {
        let Previewed { operations: changed, leaving, .. } = self.preview.read(session).await?;
        let text = match session.format() {
            Some(Format::Json) => data::json(&all_data(&changed, &leaving))?,
            Some(Format::Yaml) => data::yaml(&all_data(&changed, &leaving))?,
            Some(Format::Name) => {
                let changed = changed.iter().map(|one| (one.wanted.kind, one.wanted.name.as_str()));
                let leaving = leaving.iter().map(|(kind, record)| (*kind, name(record)));
                changed.chain(leaving).map(|(kind, name)| format!("{}/{}\n", kind.label(), clean(name))).collect()
            }
            _ => {
                let changed = changed.iter().map(text);
                let leaving = leaving.iter().map(|(kind, record)| head(*kind, name(record), "(would be deleted)"));
                changed.chain(leaving).collect::<Vec<_>>().join("\n")
            }
        };
        output::print(&text)?;
        Ok(if changed.is_empty() && leaving.is_empty() { Exit::Done } else { Exit::Negative })
    }
}

fn head(kind: Kind, name: &str, what: &str) -> String {
    format!("{} {} {}\n", paint(BOLD, kind.as_str()), paint(BOLD, &clean(name)), paint(FAINT, what))
}

fn text(operation: &Operation) -> String {
    let wanted = &operation.wanted;
    let head = |what: &str| head(wanted.kind, &wanted.name, what);
    match &operation.verb {
        Verb::Unchanged => String::new(),
        Verb::Create => head("(would be created)"),
        Verb::Change(changes) => head("") + &changes.iter().map(lines).collect::<String>(),
    }
}

/// The lines of a field before and after; of a long text only those that differ, with some around them.
fn lines(change: &FieldChange) -> String {
    let (old, new) = (shown(change, &change.old), shown(change, &change.new));
    let diff = TextDiff::from_lines(&old, &new);
    let mut text = String::new();
    for (at, group) in diff.grouped_ops(2).iter().enumerate() {
        if at > 0 {
            text.push_str(&format!("  {}\n", paint(FAINT, "…")));
        }
        for line in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let value = clean(line.value().trim_end_matches('\n'));
            text.push_str(&match line.tag() {
                ChangeTag::Delete => paint(BAD, &format!("- {value}")),
                ChangeTag::Insert => paint(GOOD, &format!("+ {value}")),
                ChangeTag::Equal => format!("  {value}"),
            });
            text.push('\n');
        }
    }
    text
}

/// A field in YAML; nothing for one that has no value.
fn shown(change: &FieldChange, value: &Value) -> String {
    if value.is_null() {
        return String::new();
    }
    let value = match value {
        Value::Array(rows) => Value::Array(rows.iter().cloned().map(documents::intent::without_system).collect()),
        other => other.clone(),
    };
    data::yaml(&json!({change.field: value})).unwrap_or_default()
}

fn all_data(changed: &[Operation], leaving: &[(Kind, Fields)]) -> Vec<Value> {
    let deleted =
        |(kind, record): &(Kind, Fields)| json!({"Kind": kind, "Name": name(record), "Would": "delete", "Changes": []});
    changed.iter().map(as_data).chain(leaving.iter().map(deleted)).collect()
}

fn as_data(operation: &Operation) -> Value {
    let wanted = &operation.wanted;
    let change = |change: &FieldChange| json!({"Field": change.field, "Old": change.old, "New": change.new});
    let (would, changes) = match &operation.verb {
        Verb::Create => ("create", vec![]),
        Verb::Change(changes) => ("change", changes.iter().map(change).collect()),
        Verb::Unchanged => ("nothing", vec![]),
    };
    json!({"Kind": wanted.kind, "Name": wanted.name, "Would": would, "Changes": changes})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_before_and_after() {
        let plain = |change: &FieldChange| anstream::adapter::strip_str(&lines(change)).to_string();
        let change = FieldChange { field: "ServiceName", old: Value::Null, new: json!("web") };
        assert_eq!(plain(&change), "+ ServiceName: web\n");
        let ports = |ports: &[i64]| {
            json!(ports.iter().map(|port| json!({"Port": port, "ID": 7, "GatewayDefinitionID": 1})).collect::<Vec<_>>())
        };
        let change = FieldChange { field: "TcpPorts", old: ports(&[22, 23]), new: ports(&[22, 24]) };
        let text = plain(&change);
        assert!(text.contains("Port: 23\n") && text.contains("+") && !text.contains("ID"), "{text}");
    }
}
