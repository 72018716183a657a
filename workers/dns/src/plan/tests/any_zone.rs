//! What holds for every zone and whatever is wanted in it.

use proptest::prelude::*;

use super::*;
use crate::any_zone::{is_ours, zones};

fn is_possible(zone: &[ZoneRecord]) -> bool {
    fault(zone).is_none()
}

/// What two hosts may have.
fn desires() -> impl Strategy<Value = Vec<DesiredRecord>> {
    let of = |host: &'static str| {
        let v4 = prop_oneof![Just("192.0.2.1"), Just("192.0.2.2")];
        let ttl = prop_oneof![Just(60), Just(300)];
        let name = prop_oneof![Just("lb.test"), Just("other.test"), Just("lb-1.elb.eu-west-1.amazonaws.com")];
        (0..4u8, v4, ttl, name).prop_map(move |(what, v4, ttl, name)| match what {
            0 => vec![wants(RecordType::A, host, &[v4], ttl)],
            1 => vec![wants(RecordType::A, host, &[v4], ttl), wants(RecordType::Aaaa, host, &["2001:db8::1"], ttl)],
            _ => vec![wants(RecordType::Cname, host, &[name], ttl)],
        })
    };
    let routing = prop_oneof![Just(None), Just(Some(weighted("x", 10))), Just(Some(weighted("x", 0)))];
    (of("a.test"), of("*.a.test"), routing).prop_map(|(a, b, routing)| {
        let mut all = [a, b].concat();
        all.iter_mut().for_each(|wanted| wanted.weighted = routing.clone());
        all
    })
}

proptest! {
    #[test]
    fn what_is_wanted_comes_at_once_and_nothing_of_others_goes(zone in zones(is_possible), wanted in desires()) {
        let mut now = zone.clone();
        for change in plan(&zone, &wanted) {
            now = after(&now, &change).map_err(|why| TestCaseError::fail(format!("{why}: {:?}", shown(std::slice::from_ref(&change)))))?;
        }
        for record in &zone {
            let may_go = is_ours(&zone, record) && !record.name().ends_with("b.test");
            prop_assert!(may_go || now.contains(record), "{record} is not ours and would go");
        }
        let states = published(&now, &wanted, "us");
        let awaited = |state: &RecordState| matches!(state, RecordState::Missing | RecordState::Differs { .. });
        // While somebody else has one of its records, a host keeps what it has of ours.
        let is_blocked = |host: &str| states.iter().any(|state| state.host == host && is_in_the_way(&state.state));
        for state in states.iter().filter(|state| awaited(&state.state) && !is_blocked(&state.host)) {
            prop_assert!(false, "{state}: {now:?} of {zone:?}");
        }
        for record in now.iter().filter(|record| !zone.contains(record)) {
            prop_assert!(is_ours(&now, record), "{record} has no ownership record");
        }
    }

    #[test]
    fn a_zone_that_is_as_wanted_is_left_alone(zone in zones(is_possible), wanted in desires()) {
        let now = plan(&zone, &wanted).iter().try_fold(zone, |zone, change| after(&zone, change)).map_err(TestCaseError::fail)?;
        let again = plan(&now, &wanted).iter().try_fold(now, |zone, change| after(&zone, change)).map_err(TestCaseError::fail)?;
        prop_assert_eq!(shown(&plan(&again, &wanted)), [""; 0], "it comes to rest");
    }

    /// With every change the host has an answer before and after, if it had one of ours and gets one.
    #[test]
    fn no_host_loses_its_answer_while_it_is_changed(zone in zones(is_possible), wanted in desires()) {
        let answers = |zone: &[ZoneRecord], host: &str| zone.iter().any(|record| record.name() == host && record.record_type().is_some());
        let mut now = zone.clone();
        for change in plan(&zone, &wanted) {
            let before = answers(&now, change.host());
            now = after(&now, &change).map_err(TestCaseError::fail)?;
            prop_assert!(!before || answers(&now, change.host()), "{:?}", shown(&[change]));
        }
    }
}
