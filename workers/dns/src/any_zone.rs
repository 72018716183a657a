//! For tests that hold for every zone: zones with few names, so that everything collides with everything.

use proptest::prelude::*;

use super::ownership::{Ownership, owner_of};
use super::record::{
    ZoneRecord,
    tests::{alias, record},
};

/// `fits`: whether a zone can hold its last record beside the others. One that doesn't fit is left out.
pub(crate) fn zones(fits: fn(&[ZoneRecord]) -> bool) -> impl Strategy<Value = Vec<ZoneRecord>> {
    let host = prop_oneof![Just("a.test"), Just("b.test"), Just("*.a.test")];
    let set = prop_oneof![3 => Just(None), 1 => Just(Some("x")), 1 => Just(Some("y"))];
    let owner = prop_oneof![3 => Just("us"), 1 => Just("them"), 1 => Just("both"), 1 => Just("none")];
    let record_type = prop_oneof![Just("A"), Just("AAAA"), Just("CNAME"), Just("TXT")];
    let part = (0..6u8, host, set, owner, record_type).prop_map(|(what, host, set, owner, record_type)| {
        let name = format!("{host}.");
        match what {
            0 | 1 => record(record_type, &name, set, &["192.0.2.1"]),
            2 if record_type == "CNAME" => record("MX", &name, None, &["10 mail.test"]),
            2 => alias(if record_type == "AAAA" { "AAAA" } else { "A" }, &name, "lb.test."),
            _ => {
                let value = |owner: &str| Ownership { owner: owner.into(), resource: String::new() }.to_string();
                let values = match owner {
                    "both" => vec![value("us"), value("them")],
                    "none" => vec!["\"a note\"".to_owned()],
                    one => vec![value(one)],
                };
                let values: Vec<_> = values.iter().map(String::as_str).collect();
                record("TXT", &format!("_edns-{}.{host}.", record_type.to_ascii_lowercase()), set, &values)
            }
        }
    });
    prop::collection::vec(part, 0..24).prop_map(move |records| {
        let mut zone = vec![];
        for record in records {
            zone.push(record);
            if !fits(&zone) {
                zone.pop();
            }
        }
        zone
    })
}

/// Whether a record of a zone belongs to `us`.
pub(crate) fn is_ours(zone: &[ZoneRecord], record: &ZoneRecord) -> bool {
    if record.is_txt() {
        return record.values().all(|value| Ownership::parse(value).is_some_and(|found| found.owner == "us"));
    }
    record.record_type().is_some_and(|record_type| owner_of(zone, record, record_type).owner() == Some("us"))
}
