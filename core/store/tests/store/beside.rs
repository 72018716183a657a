//! Who reads, and who wakes others, beside writers: nobody holds what somebody else comes to who is waited for, and who looks holds nothing.

use crate::{
    fixture::{Fixture, HTTPS, patch},
    trial::{change, gateway},
    wake::until_waiting,
};
use causeway_records::{Kind, nouns::*};
use causeway_store::{
    StoreError,
    pool::Pool,
    queue::{Key, Outcome},
};
use sqlx::{AssertSqlSafe, Executor, PgPool, Postgres, Transaction, postgres::PgConnectOptions};
use std::time::Duration;
use tokio::time::timeout;

const WAIT: Duration = Duration::from_secs(20);

/// Locks the rows that a query names, until the transaction ends.
pub(crate) async fn held(pool: &PgPool, rows: &str) -> Transaction<'static, Postgres> {
    let mut held = pool.begin().await.unwrap();
    held.execute(AssertSqlSafe(format!("SELECT FROM {rows} FOR UPDATE"))).await.unwrap();
    held
}

/// How many of these rows nobody has locked.
pub(crate) async fn free(pool: &PgPool, rows: &str) -> usize {
    let mut looking = pool.begin().await.unwrap();
    looking.fetch_all(AssertSqlSafe(format!("SELECT FROM {rows} FOR UPDATE SKIP LOCKED"))).await.unwrap().len()
}

/// The support services of the cluster, by id.
async fn services(fixture: &Fixture) -> Vec<i64> {
    let (services, _) = fixture.store.list::<SupportServiceInstance>(&[], 10, 0).await.unwrap();
    let mut services: Vec<_> = services.iter().map(|service| service.id()).collect();
    services.sort_unstable();
    assert!(services.len() >= 2, "{services:?}");
    services
}

fn state_of(service: i64) -> String {
    format!("reconciliations WHERE kind = 'SupportServiceInstance' AND id = {service}")
}

/// A worker reads a gateway instance while somebody holds its definition, and then goes on to its instances: the instance is free.
#[sqlx::test(migrations = false)]
async fn a_reader_that_waits_for_a_definition_holds_none_of_its_instances(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (definition, instance) = gateway(&fixture).await;
    let writing = held(&pool, &format!("gateway_definitions WHERE id = {definition}")).await;
    let store = fixture.store.clone();
    let reading = tokio::spawn(async move { store.gateway_inputs(instance).await });
    until_waiting(&pool, 1).await;
    assert_eq!(free(&pool, &format!("gateway_instances WHERE id = {instance}")).await, 1);
    writing.commit().await.unwrap();
    reading.await.unwrap().unwrap();
}

/// All gateway instances of a cluster read the status of its support services, and others wake these all the time.
#[sqlx::test(migrations = false)]
async fn a_reader_that_waits_for_a_support_service_holds_none(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (_, instance) = gateway(&fixture).await;
    let services = services(&fixture).await;
    for service in &services {
        let writing = held(&pool, &state_of(*service)).await;
        let store = fixture.store.clone();
        let reading = tokio::spawn(async move { store.gateway_inputs(instance).await });
        until_waiting(&pool, 1).await;
        let all = "reconciliations WHERE kind = 'SupportServiceInstance'";
        assert_eq!(free(&pool, all).await, services.len() - 1, "all but the one that is written");
        writing.commit().await.unwrap();
        reading.await.unwrap().unwrap();
    }
}

/// It is waited for all the same: a worker that reads a new gateway instance beside the last step of an installation doesn't miss it.
#[sqlx::test(migrations = false)]
async fn a_reader_finds_what_a_support_service_that_is_being_written_becomes(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (_, instance) = gateway(&fixture).await;
    let service = services(&fixture).await[0];
    let mut writing = pool.begin().await.unwrap();
    let write = format!(
        "UPDATE reconciliations SET observed_generation = generation WHERE kind = 'SupportServiceInstance' AND id = {service}"
    );
    writing.execute(AssertSqlSafe(write)).await.unwrap();
    let store = fixture.store.clone();
    let reading = tokio::spawn(async move { store.gateway_inputs(instance).await.unwrap().1 });
    until_waiting(&pool, 1).await;
    writing.commit().await.unwrap();
    let services = reading.await.unwrap();
    let found = services.iter().find(|found| found.id() == service).unwrap();
    assert_eq!(found.status.reconciled, Some(true));
}

/// The same where nothing else of the cluster is read with them, as for a shared gateway, and for a domain name instance.
#[sqlx::test(migrations = false)]
async fn whoever_reads_support_services_waits_for_their_status(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    gateway(&fixture).await;
    let name = fixture.writer.create(fixture.domain_name_of("web", fixture.domain, fixture.workload)).await.unwrap();
    let write = "UPDATE reconciliations SET observed_generation = generation, published_state = '{\"zones\":[\"Z1\"]}'
        WHERE kind = 'SupportServiceInstance'";
    let mut writing = pool.begin().await.unwrap();
    writing.execute(write).await.unwrap();
    let (store, runtime) = (fixture.store.clone(), fixture.runtime);
    let services = tokio::spawn(async move { store.services_of(runtime).await.unwrap() });
    let store = fixture.store.clone();
    let inputs = tokio::spawn(async move { store.domain_name_inputs(name.id()).await.unwrap() });
    until_waiting(&pool, 2).await;
    writing.commit().await.unwrap();
    assert!(services.await.unwrap().iter().all(|service| service.status.reconciled == Some(true)));
    assert_eq!(inputs.await.unwrap().external_dns.unwrap().zones, ["Z1"]);
}

/// What a support service wakes is held by somebody who comes to the service's own row next.
#[sqlx::test(migrations = false)]
async fn who_wakes_others_waits_for_them_before_its_own_row_is_locked(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    gateway(&fixture).await;
    let service = *services(&fixture).await.last().unwrap();
    let key = Key { kind: Kind::SupportServiceInstance, id: service };
    let claimed = fixture.store.begin(&key, fixture.lease()).await.unwrap().unwrap();
    let before = wakes(&pool).await;
    let (store, writer) = (fixture.store.clone(), fixture.writer.clone());
    let completion = async move {
        let outcome = Outcome { wake_dependants: true, ..Outcome::default() };
        store.complete(&claimed, &outcome, 1).await.unwrap();
    };
    let deletion = async move {
        writer.delete::<SupportServiceInstance>(service).await.unwrap();
    };
    assert_own_row_is_free(&pool, service, completion).await;
    assert_own_row_is_free(&pool, service, deletion).await;
    assert_eq!(wakes(&pool).await, before + 2, "both have woken it");
}

/// How often the gateway instance was woken.
async fn wakes(pool: &PgPool) -> i64 {
    let text = "SELECT min(wake_seq) FROM reconciliations WHERE kind = 'GatewayInstance'";
    sqlx::query_scalar(text).fetch_one(pool).await.unwrap()
}

async fn assert_own_row_is_free(pool: &PgPool, service: i64, write: impl Future<Output = ()> + Send + 'static) {
    let other = held(pool, "reconciliations WHERE kind = 'GatewayInstance'").await;
    let writing = tokio::spawn(write);
    until_waiting(pool, 1).await;
    assert_eq!(free(pool, &state_of(service)).await, 1);
    other.commit().await.unwrap();
    writing.await.unwrap();
}

/// A new gateway instance wakes the ListenerSet of its listener, and the domain name instances of its workload, which come before.
#[sqlx::test(migrations = false)]
async fn a_write_takes_all_that_it_wakes_in_one_order(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    gateway(&fixture).await;
    fixture.writer.create(fixture.domain_name_of("web", fixture.domain, fixture.workload)).await.unwrap();
    let second = r#""Hostnames":["second.example.test"],"HttpPorts":[{"Port":80}]"#;
    let second = fixture.definition("second", second).await;
    let sets = "reconciliations WHERE kind = 'ListenerSet'";
    let all = free(&pool, sets).await;
    let other = held(&pool, "reconciliations WHERE kind = 'DomainNameInstance'").await;
    let (writer, instance) = (fixture.writer.clone(), fixture.instance_of("second", second, fixture.workload));
    let writing = tokio::spawn(async move { writer.create(instance).await.unwrap() });
    until_waiting(&pool, 1).await;
    assert!(all > 0 && free(&pool, sets).await == all);
    other.commit().await.unwrap();
    writing.await.unwrap();
}

/// In this mode a table can be read, and no row of it can be locked.
#[sqlx::test(migrations = false)]
async fn who_looks_locks_nothing_and_waits_for_nobody(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (_, instance) = gateway(&fixture).await;
    let name = fixture.writer.create(fixture.domain_name_of("web", fixture.domain, fixture.workload)).await.unwrap();
    let shared = fixture.store.list::<SharedGateway>(&[], 1, 0).await.unwrap().0[0].id();
    let mut keys = fixture.store.listener_sets_to_render(shared).await.unwrap();
    keys.push(Key { kind: Kind::SharedGateway, id: shared });
    keys.push(Key { kind: Kind::GatewayInstance, id: instance });
    keys.push(Key { kind: Kind::DomainNameInstance, id: name.id() });
    keys.push(Key { kind: Kind::WorkloadInstance, id: fixture.workload });
    let kinds: std::collections::BTreeSet<_> = keys.iter().map(|key| key.kind).collect();
    assert_eq!(kinds.len(), 5, "all whose objects follow from records: {kinds:?}");
    let tables = ALL.iter().chain(INTERNAL).map(|info| info.table).chain(["reconciliations", "route_claims"]);
    let tables: std::collections::BTreeSet<_> = tables.collect();
    let tables = tables.into_iter().collect::<Vec<_>>().join(", ");
    let mut writing = pool.begin().await.unwrap();
    writing.execute(AssertSqlSafe(format!("LOCK TABLE {tables} IN EXCLUSIVE MODE"))).await.unwrap();
    let viewing = fixture.store.viewing();
    for key in keys {
        let seen = timeout(WAIT, viewing.inputs_of(key)).await.unwrap_or_else(|_| panic!("{key} waits")).unwrap();
        assert!(seen.is_some(), "{key}");
    }
    writing.rollback().await.unwrap();
}

/// A trial of a write that only reads the support services beside somebody who writes them for long.
#[sqlx::test(migrations = false)]
async fn a_trial_waits_for_nobody_whose_records_it_only_reads(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (definition, instance) = gateway(&fixture).await;
    let writing = held(&pool, "reconciliations WHERE kind = 'SupportServiceInstance'").await;
    let trial = fixture.writer.tried(change::<GatewayDefinition>(definition, r#"{"SubDomain":"a"}"#)).await.unwrap();
    assert!(trial.after.records.contains_key(&(Kind::GatewayInstance, instance)));
    writing.rollback().await.unwrap();
}

/// Two definitions of one domain change while workers read their instances, again and again.
#[sqlx::test(migrations = false)]
async fn reads_and_writes_at_once_all_come_to_an_end(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let definition = fixture.definition("web", HTTPS).await;
    let instance = fixture.instance("web", definition).await.unwrap().id();
    let service = services(&fixture).await[0];
    let key = Key { kind: Kind::SupportServiceInstance, id: service };
    let (changed, read, woken) = (fixture.writer.clone(), fixture.store.clone(), fixture.store.clone());
    let (claimed, domain) = (woken.begin(&key, fixture.lease()).await.unwrap().unwrap(), fixture.domain);
    let changes = async move {
        for json in [r#"{"SubDomain":"a"}"#, r#"{"SubDomain":"b"}"#].repeat(10) {
            changed.change(definition, patch::<GatewayDefinition>(json)).await.unwrap();
            changed.change(domain, patch::<DomainNameDefinition>(r#"{"TTL":90}"#)).await.unwrap();
            changed.change(domain, patch::<DomainNameDefinition>(r#"{"TTL":60}"#)).await.unwrap();
        }
    };
    let reads = async move {
        for _ in 0..100 {
            read.gateway_inputs(instance).await.unwrap();
        }
    };
    let completions = async move {
        for _ in 0..50 {
            let outcome = Outcome { wake_dependants: true, ..Outcome::default() };
            woken.complete(&claimed, &outcome, 1).await.unwrap();
        }
    };
    let all = [tokio::spawn(changes), tokio::spawn(reads), tokio::spawn(completions)];
    for one in all {
        one.await.unwrap();
    }
}

/// What Postgres says of a statement that waited or worked for too long is no word about the database.
#[sqlx::test(migrations = false)]
async fn who_waited_too_long_is_told_so(pool: PgPool) {
    pool.execute("CREATE TABLE t (n int); INSERT INTO t VALUES (1)").await.unwrap();
    let one = Pool::new(PgConnectOptions::clone(&pool.connect_options()), 1, WAIT);
    let writing = held(&pool, "t").await;
    one.execute("SET lock_timeout = '10ms'").await.unwrap();
    let locked = StoreError::from(one.execute("UPDATE t SET n = 2").await.unwrap_err());
    assert!(matches!(locked, StoreError::Locked(_)) && locked.to_string().contains("others have kept"), "{locked:?}");
    writing.rollback().await.unwrap();
    one.execute("SET statement_timeout = '10ms'").await.unwrap();
    let slow = StoreError::from(one.execute("SELECT pg_sleep(60)").await.unwrap_err());
    assert!(matches!(slow, StoreError::TookTooLong(_)) && slow.to_string().contains("took too long"), "{slow:?}");
    assert_eq!(locked.reason(), slow.reason());
    assert_eq!(slow.reason(), causeway_records::problem::Reason::Overloaded);
}
