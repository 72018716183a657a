//! Records of all kinds in a line each, as searches and overviews answer them.

use causeway_records::Kind;
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::BTreeMap;

use super::{
    age,
    columns::value,
    data,
    style::{BAD, GOOD, WAITING},
    table::{Cell, Table},
};
use crate::{
    api::{Api, Fields, id, name},
    args::Format,
    failure::Outcome,
    session::Session,
};

/// The field that names a record's cluster.
const RUNTIME: &str = "KubernetesRuntimeInstanceID";

/// Prints them as the session says.
pub(crate) async fn print(session: &Session, api: &Api, records: &[Fields]) -> Outcome<()> {
    let told = || records.iter().map(data::with_text_ids).collect::<Vec<_>>();
    let text = match session.format() {
        Some(Format::Json) => data::json(&told())?,
        Some(Format::Yaml) => data::yaml(&told())?,
        Some(Format::Name) => records.iter().map(called).collect(),
        wide => {
            let mut ids: Vec<i64> = records.iter().filter_map(|record| record.get(RUNTIME)?.as_i64()).collect();
            ids.sort_unstable();
            ids.dedup();
            let runtimes = api.names(Kind::KubernetesRuntimeInstance, &ids).await?;
            // What is wide by request is not cut.
            let is_wide = wide == Some(Format::Wide);
            table(records, &runtimes, is_wide, Utc::now()).text(super::width().filter(|_| !is_wide))
        }
    };
    super::print(&text)
}

fn kind(record: &Fields) -> String {
    let kind = value(record.get("Kind"));
    kind.parse::<Kind>().map_or(kind, |kind| kind.label().to_owned())
}

/// `gateway-instance/shop`, one a line.
fn called(record: &Fields) -> String {
    format!("{}/{}\n", super::clean(&kind(record)), super::clean(name(record)))
}

/// A record's state in a word, as for whole records.
pub(crate) fn state(record: &Fields) -> Cell {
    let ready = record.get("Ready").and_then(Value::as_str);
    match (ready, record.contains_key("DeletionScheduled"), record.contains_key("BlockingStep")) {
        (None, ..) => Cell::new(""),
        (_, true, _) => Cell::styled("deleting", WAITING),
        (Some("True"), ..) => Cell::styled("Ready", GOOD),
        (_, _, true) => Cell::styled("not Ready", BAD),
        _ => Cell::styled("in work", WAITING),
    }
}

fn table(records: &[Fields], runtimes: &BTreeMap<i64, String>, wide: bool, now: DateTime<Utc>) -> Table {
    let mut heads = vec!["NAME", "KIND", "RUNTIME", "HOSTNAME", "STATE", "WAITS FOR", "SINCE"];
    if wide {
        heads.extend(["ID", "REASON", "MESSAGE"]);
    }
    let row = |record: &Fields| {
        let text = |key: &str| Cell::new(&value(record.get(key)));
        let runtime = record.get(RUNTIME).and_then(Value::as_i64);
        let runtime = runtime.map(|id| runtimes.get(&id).cloned().unwrap_or_else(|| id.to_string()));
        let mut row = vec![
            Cell::new(name(record)),
            Cell::new(&kind(record)),
            Cell::new(&runtime.unwrap_or_default()),
            Cell::new(&hostnames(record)),
            state(record),
            text("BlockingStep"),
            Cell::new(&age::of(record.get("BlockingSince"), now)),
        ];
        if wide {
            row.extend([Cell::new(&id(record).to_string()), text("BlockingReason"), text("BlockingMessage")]);
        }
        row
    };
    let heads = heads.into_iter().map(str::to_owned).collect();
    Table { heads, rows: records.iter().map(row).collect() }.without_empty_columns()
}

/// The first, and how many others there are.
fn hostnames(record: &Fields) -> String {
    let all = record.get("Hostnames").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    match all {
        [] => String::new(),
        [only] => value(Some(only)),
        [first, others @ ..] => format!("{} +{}", value(Some(first)), others.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(more: Value) -> Fields {
        let mut record = json!({"Kind": "GatewayInstance", "ID": 7, "Name": "shop", "KubernetesRuntimeInstanceID": 1});
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        record.as_object().unwrap().clone()
    }

    #[test]
    fn records_of_several_kinds_stand_in_one_table() {
        let all = [
            record(json!({"Hostnames": ["a.example", "b.example"], "Ready": "True"})),
            record(json!({
                "Ready": "False", "BlockingStep": "AddressAssigned", "BlockingReason": "No", "BlockingMessage": "none yet",
                "BlockingSince": "1970-01-01T00:00:00Z",
            })),
            record(json!({"Kind": "Webhook", "Name": "chat", "KubernetesRuntimeInstanceID": null})),
        ];
        let runtimes = BTreeMap::from([(1, "eu".to_owned())]);
        let now = DateTime::from_timestamp(3600, 0).unwrap();
        let text = |wide| anstream::adapter::strip_str(&table(&all, &runtimes, wide, now).text(None)).to_string();
        let expected = "NAME   KIND               RUNTIME   HOSTNAME       STATE       WAITS FOR         SINCE\n\
            shop   gateway-instance   eu        a.example +1   Ready\n\
            shop   gateway-instance   eu                       not Ready   AddressAssigned   60m\n\
            chat   webhook\n";
        assert_eq!(text(false), expected);
        assert!(text(true).contains("60m     7    No       none yet"), "{}", text(true));
        assert_eq!(
            all.iter().map(called).collect::<String>(),
            "gateway-instance/shop\ngateway-instance/shop\nwebhook/chat\n"
        );
    }

    #[test]
    fn a_state_has_the_words_of_whole_records() {
        let state = |more: Value| state(&record(more));
        assert_eq!(state(json!({})), Cell::new(""));
        assert_eq!(state(json!({"Ready": "Unknown"})), Cell::styled("in work", WAITING));
        let leaves = json!({"Ready": "False", "BlockingStep": "Deleted", "DeletionScheduled": "1970-01-01T00:00:00Z"});
        assert_eq!(state(leaves), Cell::styled("deleting", WAITING));
    }
}
