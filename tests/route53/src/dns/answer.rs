//! Which records of a zone answer a question.

use std::collections::BTreeMap;

use hickory_server::proto::{
    op::ResponseCode,
    rr::{self, RData, Record, RecordType},
};

use crate::{
    name::Name,
    record::{Content, Key, RecordSet, Routing, strings},
};

/// A chain of aliases is followed for so long.
const LONGEST_CHAIN: usize = 8;
/// Route53 gives at most so many of the sets that answer together.
const MULTIVALUE: usize = 8;

/// The answer to one question.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Whether the name exists.
    pub code: ResponseCode,
    /// Whether the zone itself says so.
    pub authoritative: bool,
    /// What was asked for.
    pub records: Vec<Record>,
    /// The zone's SOA where there is nothing, or who else to ask.
    pub authority: Vec<Record>,
}

impl Answer {
    /// Nothing but a code.
    #[must_use]
    pub fn failed(code: ResponseCode) -> Self {
        Self { code, authoritative: false, records: vec![], authority: vec![] }
    }

    /// These records, of a zone of ours.
    #[must_use]
    pub fn found(records: Vec<Record>) -> Self {
        Self { code: ResponseCode::NoError, authoritative: true, records, authority: vec![] }
    }
}

/// The records of a zone as its name servers have them.
pub(super) struct Served<'a> {
    pub(super) zone: &'a Name,
    pub(super) records: &'a BTreeMap<Key, RecordSet>,
}

impl Served<'_> {
    /// What this zone says. `chosen` picks one among weights, by a number below their sum.
    pub(super) fn answer(&self, name: &Name, kind: RecordType, chosen: &dyn Fn(i64) -> i64) -> Answer {
        let mut records = vec![];
        let mut at = name.clone();
        for _ in 0..LONGEST_CHAIN {
            if let Some(cut) = self.cut(&at) {
                let authority = self.of(&cut, "NS", &cut, chosen);
                return Answer { code: ResponseCode::NoError, authoritative: false, records, authority };
            }
            let Some(source) = self.source(&at) else {
                return self.without(ResponseCode::NXDomain, records);
            };
            let found = self.of(&source, &kind.to_string(), &at, chosen);
            if !found.is_empty() {
                records.extend(found);
                return Answer::found(records);
            }
            let alias = self.of(&source, "CNAME", &at, chosen);
            let target = alias.iter().find_map(|record| match &record.data {
                RData::CNAME(target) => Name::from_labels(target.0.iter()),
                _ => None,
            });
            records.extend(alias);
            match target {
                Some(target) if target.is_within(self.zone) => at = target,
                // It goes on elsewhere.
                Some(_) => return Answer::found(records),
                None => return self.without(ResponseCode::NoError, records),
            }
        }
        Answer::failed(ResponseCode::ServFail)
    }

    fn without(&self, code: ResponseCode, records: Vec<Record>) -> Answer {
        let authority = self.of(self.zone, "SOA", self.zone, &|_| 0);
        Answer { code, authoritative: true, records, authority }
    }

    /// The name below the zone's own at which somebody else takes over.
    fn cut(&self, name: &Name) -> Option<Name> {
        name.ancestors().filter(|name| name.is_within(self.zone) && name != self.zone).find(|name| self.has(name, "NS"))
    }

    /// Where the records for a name are: at the name itself, or at the wildcard next above it. A name that only lies above others
    /// exists, too, without records.
    fn source(&self, name: &Name) -> Option<Name> {
        if self.exists(name) {
            return Some(name.clone());
        }
        let above = name.ancestors().skip(1).find(|above| self.exists(above))?;
        let wildcard = above.wildcard();
        self.exists(&wildcard).then_some(wildcard)
    }

    fn exists(&self, name: &Name) -> bool {
        self.records.keys().any(|key| key.name.is_within(name))
    }

    fn has(&self, name: &Name, kind: &str) -> bool {
        self.records.keys().any(|key| key.name == *name && key.kind == kind)
    }

    /// The records of one type at `source`, under the name that was asked for.
    fn of(&self, source: &Name, kind: &str, asked: &Name, chosen: &dyn Fn(i64) -> i64) -> Vec<Record> {
        let sets: Vec<&RecordSet> =
            self.records.values().filter(|set| set.key.name == *source && set.key.kind == kind).collect();
        let sets = by_policy(sets, chosen);
        sets.into_iter().flat_map(|set| self.records_of(set, asked, chosen)).collect()
    }

    fn records_of(&self, set: &RecordSet, asked: &Name, chosen: &dyn Fn(i64) -> i64) -> Vec<Record> {
        match &set.content {
            Content::Values { ttl, values } => {
                let data = values.iter().filter_map(|value| data(&set.key.kind, value));
                data.map(|data| Record::from_rdata(asked.to_dns(), u32::try_from(*ttl).unwrap_or(0), data)).collect()
            }
            // Only what is in this zone is known here; a load balancer's records are elsewhere.
            Content::Alias { target, .. } if *target != set.key.name && target.is_within(self.zone) => {
                self.of(target, &set.key.kind, asked, chosen)
            }
            Content::Alias { .. } => vec![],
        }
    }
}

/// Which of the sets with one name and type answer.
fn by_policy<'a>(sets: Vec<&'a RecordSet>, chosen: &dyn Fn(i64) -> i64) -> Vec<&'a RecordSet> {
    match sets.first().and_then(|set| set.routing.as_ref()) {
        None => sets,
        Some(Routing::MultiValue) => sets.into_iter().take(MULTIVALUE).collect(),
        Some(Routing::Weight(_)) => weighted(&sets, chosen).into_iter().collect(),
        // Without health checks the first choice is always well.
        Some(Routing::Failover(_)) => {
            sets.into_iter().filter(|set| set.routing == Some(Routing::Failover("PRIMARY".to_owned()))).collect()
        }
        Some(Routing::Region(_)) => sets.into_iter().take(1).collect(),
    }
}

/// One of the sets, by its share of the weights. When all are 0, each is as likely as the others.
fn weighted<'a>(sets: &[&'a RecordSet], chosen: &dyn Fn(i64) -> i64) -> Option<&'a RecordSet> {
    let weight = |set: &RecordSet| match set.routing {
        Some(Routing::Weight(weight)) => weight,
        _ => 0,
    };
    let sum: i64 = sets.iter().map(|set| weight(set)).sum();
    let share = |set: &RecordSet| if sum == 0 { 1 } else { weight(set) };
    let mut left = chosen(sets.iter().map(|set| share(set)).sum());
    sets.iter().copied().find(|set| {
        left -= share(set);
        left < 0
    })
}

/// One value as DNS sends it.
fn data(kind: &str, value: &str) -> Option<RData> {
    if kind == "TXT" || kind == "SPF" {
        let strings = strings(value)?;
        return Some(RData::TXT(rr::rdata::TXT::from_bytes(strings.iter().map(Vec::as_slice).collect())));
    }
    let names = ["CNAME", "NS", "PTR", "MX", "SRV"];
    // Route53 takes names without the final dot, and means them from the root on.
    let dot = if names.contains(&kind) && !value.ends_with('.') { "." } else { "" };
    RData::try_from_str(kind.parse().ok()?, &format!("{value}{dot}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn zone(sets: &[(&str, &str, &[&str])]) -> BTreeMap<Key, RecordSet> {
        let soa = ("example.test", "SOA", &["ns1.rig.invalid. hostmaster.rig.invalid. 1 7200 900 1209600 86400"][..]);
        let sets = sets.iter().copied().chain([soa, ("example.test", "NS", &["ns1.rig.invalid."])]);
        sets.map(|(at, kind, values)| simple(at, kind, values)).map(|set| (set.key.clone(), set)).collect()
    }

    fn simple(at: &str, kind: &str, values: &[&str]) -> RecordSet {
        RecordSet {
            key: Key { name: name(at), kind: kind.to_owned(), set_identifier: None },
            routing: None,
            content: Content::Values { ttl: 60, values: values.iter().map(|&value| value.to_owned()).collect() },
            health_check: None,
        }
    }

    fn routed(at: &str, kind: &str, id: &str, routing: Routing, value: &str) -> (Key, RecordSet) {
        let mut set = simple(at, kind, &[value]);
        set.key.set_identifier = Some(id.to_owned());
        set.routing = Some(routing);
        (set.key.clone(), set)
    }

    fn ask(records: &BTreeMap<Key, RecordSet>, at: &str, kind: RecordType) -> Answer {
        Served { zone: &name("example.test"), records }.answer(&name(at), kind, &|_| 0)
    }

    fn said(answer: &Answer) -> Vec<String> {
        answer.records.iter().map(|record| format!("{} {}", record.name, record.data)).collect()
    }

    #[test]
    fn a_name_answers_with_its_records_and_says_when_it_has_none() {
        let zone =
            zone(&[("www.example.test", "A", &["192.0.2.1", "192.0.2.2"]), ("a.b.example.test", "A", &["192.0.2.3"])]);
        assert_eq!(
            said(&ask(&zone, "WWW.example.test", RecordType::A)),
            ["www.example.test. 192.0.2.1", "www.example.test. 192.0.2.2"]
        );
        let none = ask(&zone, "www.example.test", RecordType::AAAA);
        assert_eq!((none.code, none.records.len(), none.authority.len()), (ResponseCode::NoError, 0, 1));
        // It lies above a name that exists.
        assert_eq!(ask(&zone, "b.example.test", RecordType::A).code, ResponseCode::NoError);
        let missing = ask(&zone, "c.example.test", RecordType::A);
        assert_eq!((missing.code, missing.authority.len()), (ResponseCode::NXDomain, 1));
    }

    #[test]
    fn an_alias_is_followed_inside_the_zone() {
        let zone = zone(&[
            ("www.example.test", "CNAME", &["lb.example.test"]),
            ("lb.example.test", "A", &["192.0.2.1"]),
            ("out.example.test", "CNAME", &["lb.elsewhere.test"]),
            ("loop.example.test", "CNAME", &["loop.example.test"]),
        ]);
        assert_eq!(
            said(&ask(&zone, "www.example.test", RecordType::A)),
            ["www.example.test. lb.example.test.", "lb.example.test. 192.0.2.1"]
        );
        assert_eq!(said(&ask(&zone, "out.example.test", RecordType::A)), ["out.example.test. lb.elsewhere.test."]);
        assert_eq!(ask(&zone, "loop.example.test", RecordType::A).code, ResponseCode::ServFail);
    }

    #[test]
    fn a_wildcard_stands_in_for_names_that_do_not_exist() {
        let zone = zone(&[("*.example.test", "A", &["192.0.2.9"]), ("www.example.test", "TXT", &["\"a\""])]);
        assert_eq!(said(&ask(&zone, "any.example.test", RecordType::A)), ["any.example.test. 192.0.2.9"]);
        assert_eq!(said(&ask(&zone, "deep.any.example.test", RecordType::A)), ["deep.any.example.test. 192.0.2.9"]);
        assert_eq!(said(&ask(&zone, "www.example.test", RecordType::A)), [""; 0]);
    }

    #[test]
    fn what_was_given_to_other_name_servers_is_asked_there() {
        let zone =
            zone(&[("team.example.test", "NS", &["ns.elsewhere.test"]), ("x.team.example.test", "A", &["192.0.2.1"])]);
        let answer = ask(&zone, "x.team.example.test", RecordType::A);
        assert_eq!((answer.authoritative, answer.records.len(), answer.authority.len()), (false, 0, 1));
    }

    #[test]
    fn sets_with_a_routing_policy_answer_as_that_says() {
        let weights = |red, blue| {
            BTreeMap::from([
                routed("www.example.test", "A", "red", Routing::Weight(red), "192.0.2.1"),
                routed("www.example.test", "A", "blue", Routing::Weight(blue), "192.0.2.2"),
            ])
        };
        let pick = |zone: &BTreeMap<Key, RecordSet>, number| {
            let served = Served { zone: &name("example.test"), records: zone };
            said(&served.answer(&name("www.example.test"), RecordType::A, &move |_| number)).concat()
        };
        // By set identifier: blue has the first quarter.
        let both = weights(3, 1);
        assert!(pick(&both, 0).ends_with("192.0.2.2") && pick(&both, 1).ends_with("192.0.2.1"));
        assert!(pick(&weights(3, 0), 0).ends_with("192.0.2.1"));
        // All of them, where none has a weight.
        let none = weights(0, 0);
        assert!(pick(&none, 0).ends_with("192.0.2.2") && pick(&none, 1).ends_with("192.0.2.1"));
        let texts: BTreeMap<_, _> = (0..10)
            .map(|n| routed("_acme.example.test", "TXT", &n.to_string(), Routing::MultiValue, &format!("\"{n}\"")))
            .collect();
        assert_eq!(ask(&texts, "_acme.example.test", RecordType::TXT).records.len(), MULTIVALUE);
    }

    #[test]
    fn texts_are_sent_without_their_quotes_and_escapes() {
        let zone = zone(&[("www.example.test", "TXT", &[r#""a\"\101" "b c""#])]);
        let answer = ask(&zone, "www.example.test", RecordType::TXT);
        let RData::TXT(text) = &answer.records[0].data else { panic!("{answer:?}") };
        let strings: Vec<&[u8]> = text.txt_data.iter().map(AsRef::as_ref).collect();
        assert_eq!(strings, [b"a\"A".as_slice(), b"b c"]);
    }
}
