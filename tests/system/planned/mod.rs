//! What a plan shows is what the write then does, over changes at random: every write in the API server's audit log with its whole manifest, and every
//! record of the zone.
//!
//! `PLANS=200` makes so many changes; `PLANS_SEED=7` begins with another one.

mod changes;
mod outdated;
mod told;

use std::collections::{BTreeMap, BTreeSet};

use causeway_testkit::{Answer, DOMAIN, INSTALLED, id_of, object_name, within, zone::records_of};
use hyper::Method;
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use self::{
    changes::Write,
    told::{Effect, Records, effect},
};
use crate::{
    fixture::{Fixture, make_class},
    sent::{At, AuditLog, Sent},
};

/// Changes, unless `PLANS` says otherwise.
const CHANGES: u64 = 20;

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("it is a number"))
}

/// A gateway on a shared gateway of its own, with a second one and a domain name instance beside it that come and go.
struct World {
    fixture: Fixture,
    /// Of the definition.
    manifests: String,
    workload_definition: i64,
    /// The definition of the second gateway, and its instance while there is one.
    second: (i64, Option<i64>),
    /// The domain name instance, while there is one.
    names: Option<i64>,
    /// Another team's workload, and what it grants.
    other: String,
    grant: i64,
    random: StdRng,
    log: AuditLog,
    /// Where this world's objects are, and the beginning of the names of its shared gateway's.
    namespaces: BTreeSet<String>,
    shared: String,
    /// The objects that stand, with their manifests as they were sent last.
    objects: BTreeMap<At, Option<Value>>,
}

impl World {
    async fn new(seed: u64, driver: &str) -> Self {
        let harness = causeway_testkit::harness().await;
        let log = AuditLog::from_now(&harness.endpoints.cluster().audit_log);
        // The cluster has the definitions once a gateway is Ready.
        Fixture::ready("planned-first", json!({"HttpPorts": [{"Port": 80}]})).await;
        let class = harness.name("planned");
        make_class(&harness.kube().await.unwrap(), &class).await;
        let ports = json!({"GatewayClassName": class, "HttpPorts": [{"Port": 80}, {"Port": 443, "TLSEnabled": true}]});
        let fixture = Fixture::begun(&format!("planned-{driver}"), ports, json!({})).await;
        let client = &harness.client;
        // Hostnames come and go at random here, more of them than a zone lets leave without a word.
        let unguarded = json!({"DnsDriver": driver, "MaxDeletions": 10_000, "MaxDeletionsPercent": 100});
        client.patch("domain-name-definitions", fixture.domain, &unguarded).await.unwrap();
        fixture.until_ready().await;
        let names = Some(fixture.publish().await);
        let ports = json!({"GatewayClassName": class, "SubDomain": "second", "HttpPorts": [{"Port": 80}], "TcpPorts": [{"Port": 21_939}]});
        let second = harness.definition(&harness.name("second"), Some(fixture.domain), ports).await.unwrap();
        let other = harness.name("other");
        let other_workload = harness.workload(&other).await.unwrap();
        client.until_ready("workload-instances", other_workload, INSTALLED).await.unwrap();
        let grant =
            json!({"Name": other, "WorkloadInstanceID": other_workload, "GrantedWorkloadInstanceID": fixture.workload});
        let grant = id_of(&client.create("gateway-grants", &grant).await.unwrap()).unwrap();
        let instance = client.get("workload-instances", fixture.workload).await.unwrap();
        let workload_definition = instance["WorkloadDefinitionID"].as_i64().unwrap();
        let definition = client.get("workload-definitions", workload_definition).await.unwrap();
        let listed = client.list("shared-gateways", &format!("gatewayclassname={class}")).await.unwrap();
        let shared = format!("shared-gateway-{}", listed[0]["ID"]);
        let namespaces = [shared.clone(), fixture.namespace(), object_name(&other, other_workload)].into();
        let mut world = Self {
            manifests: definition["YAMLDocument"].as_str().unwrap().to_owned(),
            second: (second, None),
            random: StdRng::seed_from_u64(seed),
            objects: BTreeMap::new(),
            workload_definition,
            fixture,
            names,
            other,
            grant,
            log,
            namespaces,
            shared,
        };
        world.at_rest().await;
        let sent = world.sent();
        world.settle(&sent);
        world
    }

    /// What the control plane has sent for objects of this world since it was asked last.
    fn sent(&mut self) -> Vec<Sent> {
        let is_own =
            |sent: &Sent| self.namespaces.contains(&sent.at.namespace) || sent.at.name.starts_with(&self.shared);
        self.log.read().into_iter().filter(is_own).collect()
    }

    /// From now on these are how the objects stand.
    fn settle(&mut self, sent: &[Sent]) {
        for one in sent {
            match one.goes {
                true => self.objects.remove(&one.at),
                false => self.objects.insert(one.at.clone(), one.manifest.clone()),
            };
        }
    }

    /// The records of the domain that lead somewhere.
    async fn records(&self) -> Records {
        let all = records_of(&self.fixture.harness.endpoints, &self.fixture.harness.zone).await.unwrap();
        let own = format!("{}.{DOMAIN}.", self.fixture.name);
        let is_own =
            |(name, kind): &(String, String)| name.ends_with(&own) && ["A", "AAAA", "CNAME"].contains(&kind.as_str());
        let told = |((name, kind), mut values): ((String, String), Vec<String>)| {
            values.sort();
            // So a zone writes an asterisk.
            ((name.trim_end_matches('.').replace("\\052", "*"), kind), values)
        };
        all.into_iter().filter(|(key, _)| is_own(key)).map(told).collect()
    }

    /// The last id that was given out.
    async fn last_id(&self) -> i64 {
        let mut database = PgConnection::connect(&self.fixture.harness.platform.database_url()).await.unwrap();
        sqlx::query_scalar("SELECT last_value FROM ids").fetch_one(&mut database).await.unwrap()
    }

    async fn send(&self, (method, path, body): &Write, query: &str, headers: &[(&str, &str)]) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [&[("Content-Type", "application/json")][..], headers].concat();
        let path = format!("{path}{query}");
        // A plan gives up before it holds up others for long, on a busy machine sooner.
        within(INSTALLED, "it isn't put off", async || {
            let answer =
                self.fixture.harness.client.send_raw(method.clone(), &path, &headers, body.clone()).await.unwrap();
            if answer.body["Status"]["reason"] == "Contention" { Err(answer.text) } else { Ok(answer) }
        })
        .await
    }

    /// Everything is done that was asked for.
    async fn at_rest(&self) {
        let client = &self.fixture.harness.client;
        for id in [Some(self.fixture.gateway), self.second.1].into_iter().flatten() {
            client.until_ready("gateway-instances", id, INSTALLED).await.unwrap();
        }
        client.until_ready("workload-instances", self.fixture.workload, INSTALLED).await.unwrap();
        if let Some(names) = self.names {
            client.until_ready("domain-name-instances", names, INSTALLED).await.unwrap();
        }
    }

    /// Plans a change, makes it, and finds in the log and in the zone what the plan has shown. False: it is refused, and so is its plan.
    async fn round(&mut self) -> bool {
        let write = self.change();
        self.at_rest().await;
        let records = self.records().await;
        let plan = self.send(&write, "?plan=true", &[]).await;
        let (revision, last_id) = (plan.header("plan-revision").to_owned(), self.last_id().await);
        let unasked = self.sent();
        assert!(unasked.is_empty(), "nothing is sent while nothing is asked for: {unasked:#?}");
        let done = self.send(&write, "", &[("If-Plan", &revision)]).await;
        if plan.code != 200 {
            assert_eq!((plan.code, plan.error()), (done.code, done.error()), "{write:?}");
            return false;
        }
        assert!([200, 201].contains(&done.code), "{write:?}: {}", done.text);
        let expected = effect(plan.record());
        self.follow(&write, &done).await;
        let mut sent = vec![];
        within(INSTALLED, "what was sent is what the plan has shown", async || {
            sent.extend(self.sent());
            self.compare(&expected, &sent, last_id, &records).await.map_err(|why| format!("{write:?}: {why}"))
        })
        .await;
        self.at_rest().await;
        sent.extend(self.sent());
        self.compare(&expected, &sent, last_id, &records)
            .await
            .unwrap_or_else(|why| panic!("afterwards, {write:?}: {why}"));
        self.settle(&sent);
        true
    }

    async fn compare(&self, expected: &Effect, sent: &[Sent], last_id: i64, before: &Records) -> Result<(), String> {
        expected.is_what_was_sent(sent, &self.objects, last_id)?;
        let (wanted, found) = (expected.records_after(before), self.records().await);
        if wanted == found { Ok(()) } else { Err(format!("records: {wanted:#?} expected, and there are {found:#?}")) }
    }

    /// Notes what the write has made, and waits for what it has deleted.
    async fn follow(&mut self, (method, path, _): &Write, done: &Answer) {
        let plural = path.split('/').nth(2).unwrap();
        let place = match plural {
            "gateway-instances" => &mut self.second.1,
            "domain-name-instances" => &mut self.names,
            _ => return,
        };
        if method == Method::DELETE {
            let gone = place.take().unwrap();
            self.fixture.harness.client.until_gone(plural, gone, INSTALLED).await.unwrap();
        } else {
            let made = id_of(done.record()).unwrap();
            *place = Some(made);
            self.fixture.cleanup.add(plural, made);
        }
    }
}

/// So many changes that are done, of as many as that takes.
async fn changes_do_what_their_plans_show(driver: &str) {
    let (changes, seed) = (number("PLANS", CHANGES), number("PLANS_SEED", 1));
    println!("{changes} changes from PLANS_SEED={seed} on, records by {driver}");
    let mut world = World::new(seed, driver).await;
    let (mut done, mut refused) = (0, 0);
    while done < changes {
        match world.round().await {
            true => done += 1,
            false => refused += 1,
        }
        assert!(refused <= 2 * done + 10, "changes are there to be made");
    }
    println!(
        "{done} changes did what their plans had shown, and {refused} were refused like their plans; records by {driver}"
    );
}

#[tokio::test]
async fn a_plan_shows_what_the_write_then_does_where_workers_publish() {
    changes_do_what_their_plans_show("route53").await;
}
