//! What a plan says, for people: one line for each object, `+` made, `~` changed, `-` gone.

use serde_json::Value;

use super::{
    clean,
    style::{BAD, BOLD, FAINT, GOOD, WAITING, paint},
};
use crate::api::Fields;

/// Longest value that is shown whole.
const LONGEST: usize = 60;

/// The lines of a plan. Empty: the write changes nothing but the record.
pub(crate) fn text(plan: &Fields) -> String {
    let mut text = String::new();
    for cluster in list(plan, "Clusters") {
        text.push_str(&format!("  {} {}\n", paint(FAINT, "cluster"), clean(word(cluster, "Name"))));
        let objects = cluster["Objects"].as_array().map(Vec::as_slice).unwrap_or_default();
        let width = objects.iter().map(|object| word(object, "Kind").chars().count()).max().unwrap_or_default();
        objects.iter().for_each(|object| text.push_str(&self::object(object, width)));
    }
    text.push_str(&section("DNS", list(plan, "DNSRecords").iter().map(record)));
    text.push_str(&section("certificates", list(plan, "Certificates").iter().map(certificate)));
    text.push_str(&section("made by itself", list(plan, "Records").iter().map(made)));
    for warning in list(plan, "Warnings") {
        let warning = clean(warning.as_str().unwrap_or_default());
        text.push_str(&format!("  {} {warning}\n", paint(WAITING, "!")));
    }
    text
}

/// How many objects and records are added, changed and removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) added: usize,
    pub(crate) changed: usize,
    pub(crate) removed: usize,
}

impl Count {
    pub(crate) fn of(plan: &Fields) -> Self {
        let objects = list(plan, "Clusters").iter().filter_map(|cluster| cluster["Objects"].as_array()).flatten();
        let mut count = Self::default();
        for one in objects.chain(list(plan, "DNSRecords")) {
            match word(one, "Change") {
                "Added" => count.added += 1,
                "Changed" => count.changed += 1,
                _ => count.removed += 1,
            }
        }
        count
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            added: self.added + other.added,
            changed: self.changed + other.changed,
            removed: self.removed + other.removed,
        }
    }

    pub(crate) fn text(self) -> String {
        format!("{} to add, {} to change, {} to remove", self.added, self.changed, self.removed)
    }
}

fn list<'a>(plan: &'a Fields, key: &str) -> &'a [Value] {
    plan.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn word<'a>(of: &'a Value, key: &str) -> &'a str {
    of[key].as_str().unwrap_or_default()
}

fn sign(of: &Value) -> String {
    match word(of, "Change") {
        "Added" => paint(GOOD, "+"),
        "Changed" => paint(WAITING, "~"),
        _ => paint(BAD, "-"),
    }
}

fn object(object: &Value, width: usize) -> String {
    let namespace = object["Namespace"].as_str().map(|namespace| format!("{namespace}/")).unwrap_or_default();
    let at = clean(&format!("{namespace}{}", word(object, "Name")));
    let mut text = format!("  {} {:<width$}  {at}\n", sign(object), clean(word(object, "Kind")));
    let fields = object["Fields"].as_array().map(Vec::as_slice).unwrap_or_default();
    let longest = fields.iter().map(|field| word(field, "Path").chars().count()).max().unwrap_or_default();
    for field in fields {
        let path = format!("{:<longest$}", clean(word(field, "Path")));
        text.push_str(&format!("      {}  {}\n", paint(FAINT, &path), values(field)));
    }
    text
}

fn values(field: &Value) -> String {
    let arrow = paint(FAINT, "→");
    match (field.get("Old"), field.get("New")) {
        (Some(old), Some(new)) => format!("{} {arrow} {}", shown(old), shown(new)),
        (None, Some(new)) => format!("{} {}", paint(GOOD, "+"), shown(new)),
        (Some(old), None) => format!("{} {}", paint(BAD, "-"), shown(old)),
        (None, None) => String::new(),
    }
}

/// A value on one line.
fn shown(value: &Value) -> String {
    let text = clean(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let mut shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

fn section(title: &str, lines: impl Iterator<Item = String>) -> String {
    let lines: String = lines.collect();
    if lines.is_empty() { lines } else { format!("  {}\n{lines}", paint(FAINT, title)) }
}

fn record(record: &Value) -> String {
    let joined = |key: &str| {
        let values = record[key].as_array().map(Vec::as_slice).unwrap_or_default();
        values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
    };
    let (old, new) = (joined("Old"), joined("New"));
    let values = match (old.is_empty(), new.is_empty()) {
        (false, false) if old != new => format!("{old} → {new}"),
        (false, false) => new,
        _ => format!("{old}{new}"),
    };
    let zone = record["Zone"].as_str().map(|zone| paint(FAINT, &clean(&format!("  zone {zone}")))).unwrap_or_default();
    let more =
        [number(record, "TTL", ["OldTTL", "NewTTL"]), number(record, "weight", ["OldWeight", "NewWeight"])].concat();
    let line = clean(&format!("{}  {:<5}  {values}{more}", word(record, "Hostname"), word(record, "Type")));
    format!("  {} {}{zone}\n", sign(record), line.trim_end())
}

/// What else a record says that is a number; empty: nothing of it changes.
fn number(record: &Value, what: &str, keys: [&str; 2]) -> String {
    let shown = |number: Option<i64>| number.map_or_else(|| "none".to_owned(), |number| number.to_string());
    match keys.map(|key| record[key].as_i64()) {
        [None, None] => String::new(),
        [old, new] if word(record, "Change") == "Changed" => format!("  {what} {} → {}", shown(old), shown(new)),
        [old, new] => format!("  {what} {}", shown(new.or(old))),
    }
}

fn certificate(certificate: &Value) -> String {
    let names = certificate["Hostnames"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names: Vec<_> = names.iter().filter_map(Value::as_str).collect();
    format!(
        "  {} {}  {}\n",
        paint(GOOD, "+"),
        clean(&names.join(" ")),
        paint(FAINT, &clean(word(certificate, "Issuer")))
    )
}

fn made(made: &Value) -> String {
    let what = clean(&format!("{} {}", word(made, "Kind"), word(made, "Name")));
    format!("  {} {}  {}\n", paint(GOOD, "+"), paint(BOLD, &what), clean(word(made, "KubernetesRuntimeInstance")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plan() -> Fields {
        let object = |change: &str, kind: &str, more: Value| {
            let mut object = json!({"Change": change, "Kind": kind, "Namespace": "shop-1", "Name": "web-2"});
            object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            object
        };
        let fields = json!({"Fields": [
            {"Path": "spec.hostnames[0]", "Old": "www.example.org", "New": "shop.example.org"},
            {"Path": "spec.rules[0].timeouts", "New": {"request": "10s"}},
        ]});
        let plan = json!({
            "Clusters": [{"Name": "main", "Objects": [object("Added", "Certificate", json!({})), object("Changed", "HTTPRoute", fields),
                object("Removed", "TCPRoute", json!({}))]}],
            "DNSRecords": [{"Change": "Added", "Hostname": "shop.example.org", "Type": "A", "Zone": "example.org", "New": ["192.0.2.1"]},
                {"Change": "Changed", "Hostname": "a.example.org", "Type": "CNAME", "Old": ["x.test"], "New": ["y.test"]}],
            "Certificates": [{"Hostnames": ["shop.example.org"], "Issuer": "shared-9"}],
            "Records": [{"Kind": "SharedGateway", "Name": "default-7", "KubernetesRuntimeInstance": "main"}],
            "Warnings": ["HTTP port 80 for www.example.org: what is answered there now may not be answered any more"],
        });
        plan.as_object().unwrap().clone()
    }

    #[test]
    fn a_plan_is_a_line_for_each_object() {
        let text = anstream::adapter::strip_str(&text(&plan())).to_string();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn objects_and_records_are_counted() {
        assert_eq!(Count::of(&plan()).text(), "2 to add, 2 to change, 1 to remove");
        assert_eq!(Count::of(&Fields::new()), Count::default());
    }

    #[test]
    fn a_record_says_which_of_its_numbers_change() {
        let shown = |more: Value| {
            let mut one = json!({"Change": "Changed", "Hostname": "a.test", "Type": "A", "Old": ["192.0.2.1"], "New": ["192.0.2.1"]});
            one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            anstream::adapter::strip_str(&record(&one)).to_string().trim().to_owned()
        };
        assert_eq!(shown(json!({"OldWeight": 100, "NewWeight": 0})), "~ a.test  A      192.0.2.1  weight 100 → 0");
        assert_eq!(shown(json!({"NewWeight": 5})), "~ a.test  A      192.0.2.1  weight none → 5");
        assert_eq!(shown(json!({"OldTTL": 60, "NewTTL": 300})), "~ a.test  A      192.0.2.1  TTL 60 → 300");
        let added = json!({"Change": "Added", "Old": [], "NewWeight": 5});
        assert_eq!(shown(added), "+ a.test  A      192.0.2.1  weight 5");
    }

    #[test]
    fn a_long_value_is_cut_and_gives_no_command_to_the_terminal() {
        let long = shown(&json!(format!("\u{1b}[2J{}", "x".repeat(100))));
        assert!(long.ends_with('…') && !long.contains('\u{1b}') && long.chars().count() == LONGEST + 1, "{long}");
        assert_eq!(shown(&json!({"a": 1})), r#"{"a":1}"#);
    }
}
