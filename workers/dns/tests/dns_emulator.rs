//! DNS against the strict Route 53 emulator: what is read, compared, written and deleted there, and what must stay.

#[path = "emulator/write.rs"]
mod write;

use std::time::Duration;

use aws_sdk_route53::Client;
use aws_sdk_route53::config::{BehaviorVersion, Credentials as Keys, Region};
use aws_sdk_route53::types::{
    AliasTarget, Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType,
};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use causeway_aws::{Account, Credentials};
use causeway_dns::{
    DesiredRecord, DnsError, Freshness, HostedZone, Ownership, RecordState, RecordType, Route53, ZoneRecord, deletions,
    published, stale,
};
use causeway_records::nouns::ZoneType;
use causeway_route53::{Faults, Route53 as Emulator};
use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const US: &str = "causeway-cp-1-3";
const THEM: &str = "causeway-cp-2-3";

/// The emulator with the zone `example.test`, somebody else's client for it, and ours.
struct Setting {
    emulator: Emulator,
    others: Client,
    account: Account,
    route53: Route53,
    zone: HostedZone,
}

impl Setting {
    async fn new() -> Self {
        let emulator = Emulator::start().await.expect("the emulator starts");
        let http =
            aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let config = aws_sdk_route53::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(emulator.url())
            .region(Region::new("us-east-1"))
            .credentials_provider(Keys::new("others", "secret", None, None, "test"))
            .http_client(http);
        let others = Client::from_conf(config.build());
        others.create_hosted_zone().name("example.test").caller_reference("1").send().await.expect("a zone");
        let account = account("ours");
        let route53 = Route53::connect(&account, Some(&emulator.url()), None).await;
        let zone = route53.zone("a.example.test", None, ZoneType::Public).await.expect("the zone");
        Self { emulator, others, account, route53, zone }
    }

    async fn put(&self, action: ChangeAction, sets: Vec<ResourceRecordSet>) {
        for part in sets.chunks(500) {
            let changes = part.iter().map(|set| {
                Change::builder().action(action.clone()).resource_record_set(set.clone()).build().expect("a change")
            });
            let batch = ChangeBatch::builder().set_changes(Some(changes.collect())).build().expect("a batch");
            let request = self.others.change_resource_record_sets().hosted_zone_id(&self.zone.id).change_batch(batch);
            request.send().await.expect("the emulator accepts it");
        }
    }

    /// Tells the emulator by its side door what has to go wrong.
    async fn fail(&self, faults: &Faults) {
        let answer = self.side("PUT /rig/faults", &serde_json::to_string(faults).expect("plain data")).await;
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    }

    async fn side(&self, what: &str, body: &str) -> String {
        let host = self.emulator.url().replace("http://", "");
        let request = format!(
            "{what} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{body}",
            body.len()
        );
        let mut stream = tokio::net::TcpStream::connect(&host).await.expect("the emulator listens");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    }

    /// All records but the zone's own, as somebody sees them who knows nothing from before.
    async fn all(&self) -> Vec<String> {
        let fresh = Route53::connect(&self.account, Some(&self.emulator.url()), None).await;
        let records = fresh.records(&self.zone, Freshness::New).await.expect("the records");
        let own = |record: &ZoneRecord| record.name() == self.zone.name;
        let mut found: Vec<_> = records.iter().filter(|record| !own(record)).map(ToString::to_string).collect();
        found.sort();
        found
    }

    async fn delete(&self, hosts: &[String]) -> Result<usize, DnsError> {
        let seen = self.route53.read(&self.zone, hosts, Freshness::New).await?;
        let plan = deletions(&seen, hosts, US);
        self.route53.delete(&self.zone, &plan).await?;
        Ok(plan.len())
    }
}

fn account(key: &str) -> Account {
    Account {
        credentials: Credentials::Keys { id: key.into(), secret: SecretString::from("secret") },
        role: None,
        region: "us-east-1".into(),
    }
}

fn set(kind: &str, name: &str, value: &str) -> aws_sdk_route53::types::builders::ResourceRecordSetBuilder {
    let value = ResourceRecord::builder().value(value).build().expect("a value");
    ResourceRecordSet::builder().name(name).r#type(RrType::from(kind)).ttl(60).resource_records(value)
}

fn plain(kind: &str, name: &str, value: &str) -> ResourceRecordSet {
    set(kind, name, value).build().expect("a record")
}

fn txt(kind: &str, host: &str, owner: &str) -> ResourceRecordSet {
    let value = Ownership { owner: owner.into(), resource: "crd/ns/x".into() }.to_string();
    plain("TXT", &format!("_edns-{kind}.{host}"), &value)
}

#[tokio::test]
async fn a_large_zone_loses_what_is_ours_and_nothing_else() {
    let setting = Setting::new().await;
    let host = |i: usize| format!("h{i}.example.test");
    let hosts: Vec<_> = (0..400).map(host).chain(["*.example.test".to_owned()]).collect();
    let ours = hosts.iter().flat_map(|host| [plain("A", host, "192.0.2.1"), txt("a", host, US)]);
    setting.put(ChangeAction::Create, ours.collect()).await;
    let theirs = [
        plain("A", "x.example.test", "192.0.2.9"),
        txt("a", "x.example.test", THEM),
        plain("AAAA", "h1.example.test", "2001:db8::1"),
        plain("TXT", "h2.example.test", "\"a note\""),
        plain("A", "y.example.test", "192.0.2.9"),
    ];
    setting.put(ChangeAction::Create, theirs.to_vec()).await;

    let seen = setting.route53.read(&setting.zone, &hosts, Freshness::New).await.expect("the records");
    let wanted: Vec<_> = hosts
        .iter()
        .map(|host| DesiredRecord {
            host: host.clone(),
            record_type: RecordType::A,
            targets: vec!["192.0.2.1".into()],
            ttl: Some(60),
            weighted: None,
        })
        .collect();
    for state in published(&seen, &wanted, US) {
        assert_eq!(state.state, RecordState::Present, "{state}");
    }

    let mut asked = hosts.clone();
    asked.extend(["x.example.test".to_owned(), "y.example.test".to_owned()]);
    assert_eq!(setting.delete(&asked).await.expect("deleted"), 401);
    let mut left: Vec<_> = theirs.into_iter().map(|set| ZoneRecord::new(set).to_string()).collect();
    left.sort();
    assert_eq!(setting.all().await, left);
    assert_eq!(setting.delete(&asked).await.expect("nothing to do"), 0);
    setting.emulator.stop();
}

#[tokio::test]
async fn aliases_and_routed_records_are_deleted_exactly() {
    let setting = Setting::new().await;
    let target = AliasTarget::builder()
        .hosted_zone_id(&setting.zone.id)
        .dns_name("target.example.test")
        .evaluate_target_health(true)
        .build()
        .expect("a target");
    let alias = ResourceRecordSet::builder().name("apex.example.test").r#type(RrType::A).alias_target(target);
    let weighted = |value: &str, name: &str, kind: &str, id: &str| {
        set(kind, name, value).set_identifier(id).weight(10).build().expect("a record")
    };
    let owner = |owner: &str| Ownership { owner: owner.into(), resource: String::new() }.to_string();
    let records = vec![
        plain("A", "target.example.test", "192.0.2.1"),
        alias.build().expect("an alias"),
        txt("a", "apex.example.test", US),
        weighted("192.0.2.1", "w.example.test", "A", "blue"),
        weighted(&owner(US), "_edns-a.w.example.test", "TXT", "blue"),
        weighted("192.0.2.2", "w.example.test", "A", "green"),
        weighted(&owner(THEM), "_edns-a.w.example.test", "TXT", "green"),
    ];
    setting.put(ChangeAction::Create, records).await;
    let hosts = ["apex.example.test".to_owned(), "w.example.test".to_owned()];
    assert_eq!(setting.delete(&hosts).await.expect("deleted"), 2);
    assert_eq!(
        setting.all().await,
        ["A target.example.test", "A w.example.test (green)", "TXT _edns-a.w.example.test (green)"]
    );
}

#[tokio::test]
async fn a_zone_that_changed_in_between_is_read_again() {
    let setting = Setting::new().await;
    let hosts = ["a.example.test".to_owned(), "b.example.test".to_owned()];
    let records = hosts.iter().flat_map(|host| [plain("A", host, "192.0.2.1"), txt("a", host, US)]);
    setting.put(ChangeAction::Create, records.collect()).await;
    let seen = setting.route53.read(&setting.zone, &hosts, Freshness::New).await.expect("the records");
    setting.put(ChangeAction::Upsert, vec![plain("A", "b.example.test", "192.0.2.2")]).await;

    let error = setting.route53.delete(&setting.zone, &deletions(&seen, &hosts, US)).await.expect_err("it changed");
    assert_eq!((error.reason(), setting.all().await.len()), ("ZoneChanged", 4), "{error}");
    assert!(error.retry_after().is_some());
    assert_eq!(setting.delete(&hosts).await.expect("from what stands there now"), 2);
    assert!(setting.all().await.is_empty());
}

#[tokio::test]
async fn what_stands_in_the_way_of_another_type_goes_and_nothing_else() {
    let setting = Setting::new().await;
    let hosts = ["a.example.test".to_owned(), "b.example.test".to_owned()];
    let records = [
        plain("A", "a.example.test", "192.0.2.1"),
        txt("a", "a.example.test", US),
        plain("AAAA", "a.example.test", "2001:db8::1"),
        txt("aaaa", "a.example.test", US),
        plain("A", "b.example.test", "192.0.2.1"),
        txt("a", "b.example.test", THEM),
    ];
    setting.put(ChangeAction::Create, records.to_vec()).await;
    let wants = |host: &String| DesiredRecord {
        host: host.clone(),
        record_type: RecordType::Cname,
        targets: vec!["lb.example.net".into()],
        ttl: None,
        weighted: None,
    };
    let wanted: Vec<_> = hosts.iter().map(wants).collect();
    let seen = setting.route53.read(&setting.zone, &hosts, Freshness::New).await.expect("the records");
    setting.route53.delete(&setting.zone, &stale(&seen, &wanted, US)).await.expect("deleted");
    assert_eq!(setting.all().await, ["A b.example.test", "TXT _edns-a.b.example.test"]);
    // Now Route 53 takes the CNAME.
    let change = [plain("CNAME", "a.example.test", "lb.example.net"), txt("cname", "a.example.test", US)];
    setting.put(ChangeAction::Create, change.to_vec()).await;
    let seen = setting.route53.read(&setting.zone, &hosts, Freshness::New).await.expect("the records");
    assert_eq!(published(&seen, &wanted, US)[0].state, RecordState::Present);
    assert!(stale(&seen, &wanted, US).is_empty());
}

#[tokio::test]
async fn throttling_is_waited_for_and_said() {
    let setting = Setting::new().await;
    let faults = |times: Option<u64>| Faults { code: Some("Throttling".into()), times, ..Faults::default() };
    setting.fail(&faults(Some(1))).await;
    setting.route53.records(&setting.zone, Freshness::New).await.expect("the second attempt succeeds");
    setting.fail(&faults(None)).await;
    let error =
        setting.route53.zone("a.example.test", Some(&setting.zone.id), ZoneType::Either).await.expect_err("no answer");
    assert_eq!(error.reason(), "Throttled", "{error}");
    assert!(error.retry_after().is_some_and(|after| after >= Duration::from_secs(1)));
}

/// By the account's own limit, not by the emulator's refusals: those would be at the cost of all its other users.
#[tokio::test]
async fn a_large_zone_is_read_within_the_limit_of_its_account() {
    let setting = Setting::new().await;
    let records = (0..1800).map(|n| plain("A", &format!("other-{n}.example.test"), "192.0.2.7")).collect();
    setting.put(ChangeAction::Create, records).await;
    let limited = Route53::connect(&account("AKIAOURS"), Some(&setting.emulator.url()), None).await;
    for _ in 0..2 {
        let read = limited.records(&setting.zone, Freshness::New).await.expect("the records");
        assert_eq!(read.len(), 1802);
    }
    let calls = setting.side("GET /rig/calls", "").await;
    assert!(calls.contains("rrset") && !calls.contains("over the limit"), "{calls}");
    // Whoever takes no care of the limit meets it; so many do even where each of them is slow.
    let ask = async || {
        let careless = Route53::connect(&account("AKIACARELESS"), Some(&setting.emulator.url()), None).await;
        careless.records(&setting.zone, Freshness::New).await
    };
    futures::future::join_all((0..10).map(|_| ask())).await;
    let calls = setting.side("GET /rig/calls", "").await;
    assert!(calls.contains("over the limit"), "{calls}");
}
