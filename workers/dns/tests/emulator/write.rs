//! Our own driver against the emulator.

use std::collections::BTreeMap;

use super::*;
use causeway_dns::{HostChange, Written, changes};
use causeway_rules::routing::Weighted;

fn address(host: &str, value: &str) -> DesiredRecord {
    DesiredRecord {
        host: host.into(),
        record_type: RecordType::A,
        targets: vec![value.into()],
        ttl: Some(60),
        weighted: None,
    }
}

fn held(wanted: &[DesiredRecord]) -> BTreeMap<String, String> {
    wanted.iter().map(|wanted| (wanted.host.clone(), "crd/ns/x".to_owned())).collect()
}

impl Setting {
    /// What is to change, from what the zone holds now.
    async fn plan(&self, wanted: &[DesiredRecord]) -> Vec<HostChange> {
        let hosts: Vec<_> = wanted.iter().map(|wanted| wanted.host.clone()).collect();
        let seen = self.route53.read(&self.zone, &hosts, Freshness::New).await.expect("the records");
        changes(&seen, wanted, US, &held(wanted))
    }

    async fn write(&self, wanted: &[DesiredRecord]) -> Written {
        let plan = self.plan(wanted).await;
        self.route53.write(&self.zone, &plan).await
    }
}

#[tokio::test]
async fn records_are_written_with_their_ownership_and_reach_the_name_servers() {
    let setting = Setting::new().await;
    setting.fail(&Faults { pending_milliseconds: Some(60_000), ..Faults::default() }).await;
    let wanted = [address("a.example.test", "192.0.2.1"), address("*.example.test", "192.0.2.1")];
    let written = setting.write(&wanted).await;
    assert_eq!((written.accepted.len(), written.refused.len(), &written.error), (2, 0, &None));
    let all = ["A *.example.test", "A a.example.test", "TXT _edns-a.*.example.test", "TXT _edns-a.a.example.test"];
    assert_eq!(setting.all().await, all);
    let change = &written.accepted["a.example.test"];
    assert_eq!(&written.accepted["*.example.test"], change, "both in one request");
    assert_eq!(setting.route53.is_in_sync(change).await, Ok(false));
    setting.fail(&Faults { pending_milliseconds: Some(0), ..Faults::default() }).await;
    assert_eq!(setting.route53.is_in_sync(change).await, Ok(true));
    assert_eq!(setting.route53.is_in_sync("CUNKNOWN").await, Ok(true), "Route 53 forgets old changes");
    assert_eq!(setting.plan(&wanted).await, [], "there is nothing left to do");
}

#[tokio::test]
async fn another_type_comes_in_the_request_in_which_the_old_one_goes() {
    let setting = Setting::new().await;
    setting.write(&[address("a.example.test", "192.0.2.1")]).await;
    let name = DesiredRecord {
        record_type: RecordType::Cname,
        targets: vec!["lb.example.net".into()],
        ..address("a.example.test", "")
    };
    let written = setting.write(std::slice::from_ref(&name)).await;
    assert_eq!((written.accepted.len(), setting.all().await.len()), (1, 2), "{written:?}");
    let balancer = DesiredRecord { targets: vec!["lb-1.elb.eu-west-1.amazonaws.com".into()], ..name };
    setting.write(std::slice::from_ref(&balancer)).await;
    assert_eq!(
        setting.all().await,
        ["A a.example.test", "AAAA a.example.test", "TXT _edns-a.a.example.test", "TXT _edns-aaaa.a.example.test"]
    );
    setting.write(&[address("a.example.test", "192.0.2.2")]).await;
    assert_eq!(setting.all().await, ["A a.example.test", "TXT _edns-a.a.example.test"]);
}

#[tokio::test]
async fn what_somebody_writes_in_between_is_left_and_holds_up_nobody() {
    let setting = Setting::new().await;
    let host = |n: usize| format!("h{n}.example.test");
    let first: Vec<_> = (0..9).map(|n| address(&host(n), "192.0.2.1")).collect();
    setting.write(&first[..5]).await;
    let wanted: Vec<_> = (0..9).map(|n| address(&host(n), "192.0.2.2")).collect();
    let plan = setting.plan(&wanted).await;
    // One that we changed is another's by now, and one that we create is there.
    setting.put(ChangeAction::Upsert, vec![plain("A", &host(2), "192.0.2.9")]).await;
    setting.put(ChangeAction::Create, vec![plain("A", &host(7), "192.0.2.9")]).await;
    let written = setting.route53.write(&setting.zone, &plan).await;
    assert_eq!(written.refused.keys().collect::<Vec<_>>(), [&host(2), &host(7)]);
    assert_eq!((written.accepted.len(), &written.error), (7, &None));
    for (host, error) in &written.refused {
        let sentence = error.to_string();
        assert!(error.reason() == "ZoneChanged" && sentence.contains(host), "{sentence}");
        assert!(error.retry_after().is_some(), "the zone is read again");
    }
    let hosts: Vec<_> = wanted.iter().map(|wanted| wanted.host.clone()).collect();
    let seen = setting.route53.read(&setting.zone, &hosts, Freshness::New).await.expect("the records");
    let theirs = |record: &&ZoneRecord| !record.is_txt() && record.targets() == ["192.0.2.9"];
    assert_eq!(seen.iter().filter(theirs).count(), 2);
    // The one whose ownership record still names us is ours to correct; the other one is somebody's.
    let written = setting.write(&wanted).await;
    assert_eq!((written.accepted.keys().collect::<Vec<_>>(), written.refused.len()), (vec![&host(2)], 0));
}

#[tokio::test]
async fn many_hosts_are_written_within_the_limits_of_a_request() {
    let setting = Setting::new().await;
    let wanted: Vec<_> = (0..700).map(|n| address(&format!("h{n}.example.test"), "192.0.2.1")).collect();
    let written = setting.write(&wanted).await;
    assert_eq!((written.accepted.len(), written.refused.len(), &written.error), (700, 0, &None));
    let mut requests: Vec<_> = written.accepted.values().collect();
    requests.sort();
    requests.dedup();
    assert!((2..=4).contains(&requests.len()), "{} requests", requests.len());
}

#[tokio::test]
async fn throttling_ends_the_writing_and_says_so() {
    let setting = Setting::new().await;
    let wanted = [address("a.example.test", "192.0.2.1")];
    let plan = setting.plan(&wanted).await;
    setting.fail(&Faults { code: Some("Throttling".into()), ..Faults::default() }).await;
    let written = setting.route53.write(&setting.zone, &plan).await;
    let error = written.error.expect("it is refused");
    assert!(error.reason() == "Throttled" && error.retry_after().is_some(), "{error}");
    assert!(written.accepted.is_empty() && written.refused.is_empty());
    setting.fail(&Faults::default()).await;
    assert_eq!(setting.write(&wanted).await.accepted.len(), 1);
}

#[tokio::test]
async fn two_clusters_have_a_weighted_record_each_and_one_ttl() {
    let setting = Setting::new().await;
    let simple = [address("a.example.test", "192.0.2.1")];
    setting.write(&simple).await;
    let of = |owner: &str, weight: i32, ttl: i64| {
        let weighted = Some(Weighted { set_identifier: owner.to_owned(), weight });
        [DesiredRecord { weighted, ttl: Some(ttl), ..address("a.example.test", "192.0.2.1") }]
    };
    let write = async |owner: &str, weight: i32, ttl: i64| {
        let wanted = of(owner, weight, ttl);
        let seen = setting.route53.read(&setting.zone, &["a.example.test".to_owned()], Freshness::New).await.unwrap();
        let plan = changes(&seen, &wanted, owner, &held(&wanted));
        let state = published(&seen, &wanted, owner).remove(0).state;
        (state, setting.route53.write(&setting.zone, &plan).await)
    };
    // Another cluster waits for the one that has the name.
    let (state, written) = write("causeway-x-2", 5, 60).await;
    assert!(matches!(state, RecordState::Routed { .. }) && written.accepted.is_empty(), "{state:?} {written:?}");
    assert_eq!(write(US, 10, 60).await.1.accepted.len(), 1, "one request makes a weighted record of it");
    assert_eq!(setting.all().await, [format!("A a.example.test ({US})"), format!("TXT _edns-a.a.example.test ({US})")]);
    let (state, written) = write("causeway-x-2", 5, 60).await;
    assert_eq!((state, written.accepted.len()), (RecordState::Missing, 1), "{written:?}");
    assert_eq!(setting.all().await.len(), 4);
    // A weight changes alone, a TTL with that of the other cluster.
    assert_eq!(write("causeway-x-2", 0, 60).await.1.accepted.len(), 1);
    assert_eq!(write("causeway-x-2", 0, 60).await.0, RecordState::Present);
    let (state, written) = write("causeway-x-2", 0, 300).await;
    assert!(matches!(state, RecordState::OtherTtl { .. }) && written.accepted.is_empty(), "{state:?} {written:?}");
    // Which is no reason not to change the weight.
    let (state, written) = write("causeway-x-2", 7, 300).await;
    assert!(matches!(state, RecordState::Differs { .. }) && written.accepted.len() == 1, "{state:?} {written:?}");
}
