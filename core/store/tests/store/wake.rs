//! Two transactions meet, in an order that the test forces. Is any change ever left unnoticed?

use crate::fixture::{Fixture, patch};
use causeway_records::nouns::*;
use causeway_store::{Confirmed, queue::Key};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};
use std::time::{Duration, Instant};

const PORT: &str = r#""HttpPorts":[{"Port":8080}]"#;

async fn connection(pool: &PgPool) -> PgConnection {
    PgConnection::connect_with(&pool.connect_options()).await.unwrap()
}

/// Waits until so many statements wait for a lock in this database.
pub(crate) async fn until_waiting(pool: &PgPool, wanted: i64) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .fetch_one(pool)
        .await
        .unwrap();
        if waiting >= wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{waiting} of {wanted} wait");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// An instance of definition `other` is being created, its row not yet committed, when `change` begins. Afterwards it claims what the change asks for.
async fn assert_change_finds_new_instance<F: Future<Output = ()> + Send + 'static>(
    pool: &PgPool,
    change: impl FnOnce(Fixture, i64) -> F,
) {
    let fixture = Fixture::new(pool).await;
    let definition = fixture.definition("web", PORT).await;
    fixture.instance("first", definition).await.unwrap();
    let other = fixture.definition("other", r#""HttpPorts":[{"Port":8080,"Path":"/other"}]"#).await;
    // The creation stops where it claims its routes: everything before is done, nothing is committed.
    let mut holder = connection(pool).await;
    let mut held = holder.begin().await.unwrap();
    held.execute("SELECT FROM shared_gateways FOR UPDATE").await.unwrap();
    let (writer, record) = (fixture.writer.clone(), fixture.instance_of("late", other, fixture.workload));
    let creation = tokio::spawn(async move { writer.create(record).await.unwrap().id() });
    until_waiting(pool, 1).await;
    let (store, lease) = (fixture.store.clone(), fixture.lease());
    let change = tokio::spawn(change(fixture, other));
    until_waiting(pool, 2).await;
    held.commit().await.unwrap();
    let instance = creation.await.unwrap();
    change.await.unwrap();
    let key = Key { kind: causeway_records::Kind::GatewayInstance, id: instance };
    assert_eq!(store.begin(&key, lease).await.unwrap().unwrap().generation, 2, "made once, changed once");
    let claimed: String = sqlx::query_scalar("SELECT match FROM route_claims WHERE gateway_instance_id = $1")
        .bind(instance)
        .fetch_one(pool)
        .await
        .unwrap();
    assert_eq!(claimed, "/changed");
}

#[sqlx::test(migrations = false)]
async fn a_change_of_a_port_waits_for_a_creation_and_finds_what_it_made(pool: PgPool) {
    assert_change_finds_new_instance(&pool, |fixture, definition| async move {
        let (ports, _) = fixture.store.list::<GatewayHttpPort>(&[], 10, 0).await.unwrap();
        let port = ports.iter().find(|port| port.spec.gateway_definition_id == definition).unwrap().id();
        fixture.writer.change(port, patch::<GatewayHttpPort>(r#"{"Path":"/changed"}"#)).await.unwrap();
    })
    .await;
}

/// No instance could be seen when the change began: it would be a statement without consequences.
#[sqlx::test(migrations = false)]
async fn a_change_of_a_definition_that_was_unused_waits_for_its_first_instance_and_finds_it(pool: PgPool) {
    assert_change_finds_new_instance(&pool, |fixture, definition| async move {
        let change = patch::<GatewayDefinition>(r#"{"HttpPorts":[{"Port":8080,"Path":"/changed"}]}"#);
        fixture.writer.change(definition, change).await.unwrap();
    })
    .await;
}

/// The same of a domain, whose first name is being made.
#[sqlx::test(migrations = false)]
async fn a_change_of_a_domain_that_was_unused_waits_for_its_first_name_and_wakes_it(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let mut holder = connection(&pool).await;
    let mut held = holder.begin().await.unwrap();
    // The creation stops where it is listed among the objects of its workload: the domain is locked, nothing is committed.
    held.execute("LOCK TABLE attached_object_references IN SHARE MODE").await.unwrap();
    let (writer, name) = (fixture.writer.clone(), fixture.domain_name_of("web", fixture.domain, fixture.workload));
    let creation = tokio::spawn(async move { writer.create(name).await.unwrap().id() });
    until_waiting(&pool, 1).await;
    let (writer, domain) = (fixture.writer.clone(), fixture.domain);
    let change = tokio::spawn(async move {
        writer.change(domain, patch::<DomainNameDefinition>(r#"{"TTL":90}"#)).await.unwrap();
    });
    until_waiting(&pool, 2).await;
    held.commit().await.unwrap();
    let name = Key { kind: causeway_records::Kind::DomainNameInstance, id: creation.await.unwrap() };
    change.await.unwrap();
    assert_eq!(fixture.generations(&[name]).await, [2], "made once, changed once");
}

/// A change asks whether anything depends on its record, and wakes what does: two questions that Postgres is asked apart.
#[sqlx::test(migrations = false)]
async fn a_record_has_dependants_exactly_if_some_are_found(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let definition = fixture.definition("web", PORT).await;
    fixture.definition("unused", PORT).await;
    let gone = fixture.instance("gone", definition).await.unwrap().id();
    fixture.writer.delete::<GatewayInstance>(gone).await.unwrap();
    let confirmed = fixture.store.confirm_deleted(causeway_records::Kind::GatewayInstance, gone).await.unwrap();
    assert_eq!(confirmed, Confirmed::Gone);
    fixture.instance("web", definition).await.unwrap();
    let (mut with, mut without) = (0, 0);
    for info in ALL.iter().chain(INTERNAL) {
        let text = format!(
            "SELECT t.id, has_dependants('{0}', t.id), (SELECT kinds IS NOT NULL FROM dependants_of('{0}', t.id)) FROM {1} t",
            info.kind, info.table
        );
        let asked: Vec<(i64, bool, bool)> = sqlx::query_as(AssertSqlSafe(text)).fetch_all(&pool).await.unwrap();
        for (id, has, found) in asked {
            assert_eq!(has, found, "{} {id}", info.kind);
            *(if has { &mut with } else { &mut without }) += 1;
        }
    }
    assert!(with > 5 && without > 2, "{with} {without}");
}

/// A domain changes, not yet committed, and could not see the instance; the instance's first reconcile reads the domain.
#[sqlx::test(migrations = false)]
async fn a_reconcile_waits_for_a_change_that_could_not_see_its_record(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let definition = fixture.definition("web", PORT).await;
    let mut changer = connection(&pool).await;
    let mut change = changer.begin().await.unwrap();
    change.execute("UPDATE domain_name_definitions SET ttl = 60").await.unwrap();
    // Creating the instance needs the domain's lock as well: it waits, too, and is not lost either.
    let (writer, record) = (fixture.writer.clone(), fixture.instance_of("web", definition, fixture.workload));
    let creation = tokio::spawn(async move { writer.create(record).await.unwrap().id() });
    until_waiting(&pool, 1).await;
    change.commit().await.unwrap();
    let instance = creation.await.unwrap();
    let mut change = changer.begin().await.unwrap();
    change.execute("UPDATE domain_name_definitions SET ttl = 90").await.unwrap();
    let store = fixture.store.clone();
    let inputs = tokio::spawn(async move { store.gateway_inputs(instance).await.unwrap().0 });
    until_waiting(&pool, 1).await;
    change.commit().await.unwrap();
    assert_eq!(inputs.await.unwrap().domain.unwrap().spec.ttl_seconds(), 90);
}

/// A definition is being deleted while an instance of it is being created: one of the two is refused.
#[sqlx::test(migrations = false)]
async fn a_deletion_and_a_creation_never_miss_each_other(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let definition = fixture.definition("web", PORT).await;
    let mut holder = connection(&pool).await;
    let mut held = holder.begin().await.unwrap();
    // Whoever comes first waits here with its lock on the definition.
    held.execute("SELECT FROM gateway_definitions FOR UPDATE").await.unwrap();
    let (writer, record) = (fixture.writer.clone(), fixture.instance_of("web", definition, fixture.workload));
    let creation = tokio::spawn(async move { writer.create(record).await });
    until_waiting(&pool, 1).await;
    let writer = fixture.writer.clone();
    let deletion = tokio::spawn(async move { writer.delete::<GatewayDefinition>(definition).await });
    until_waiting(&pool, 2).await;
    held.commit().await.unwrap();
    let (created, deleted) = (creation.await.unwrap(), deletion.await.unwrap());
    assert_ne!(created.is_ok(), deleted.is_ok(), "{created:?} {deleted:?}");
}

/// Two support services of a cluster go at the same moment: each wakes the other while its own row is locked.
#[sqlx::test(migrations = false)]
async fn two_that_go_at_once_both_go(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let definition = fixture.definition("web", PORT).await;
    fixture.instance("web", definition).await.unwrap();
    let (services, _) = fixture.store.list::<SupportServiceInstance>(&[], 10, 0).await.unwrap();
    assert_eq!(services.len(), 2);
    for service in &services {
        fixture.writer.delete::<SupportServiceInstance>(service.id()).await.unwrap();
    }
    // What both wake first is held until both have locked their own.
    let mut third = connection(&pool).await;
    third.execute("BEGIN; SELECT FROM reconciliations WHERE kind = 'GatewayInstance' FOR UPDATE").await.unwrap();
    let confirm = |id: i64| {
        let store = fixture.store.clone();
        tokio::spawn(async move { store.confirm_deleted(causeway_records::Kind::SupportServiceInstance, id).await })
    };
    let both = [confirm(services[0].id()), confirm(services[1].id())];
    until_waiting(&pool, 2).await;
    third.execute("ROLLBACK").await.unwrap();
    for one in both {
        assert_eq!(one.await.unwrap().unwrap(), Confirmed::Gone);
    }
}

/// The bug of sqlx that the rules of this crate are made for: a `begin()` that is dropped before its answer leaves the connection inside a
/// transaction that the pool doesn't know of. When this test fails, sqlx has mended it.
#[sqlx::test(migrations = "../../migrations")]
async fn a_dropped_begin_swallows_later_writes(pool: PgPool) {
    // Whether BEGIN is on the wire after one poll is up to the kernel; of several tries one is enough.
    for attempt in 0..20 {
        if write_after_dropped_begin(&pool, &format!("lost-{attempt}")).await {
            return;
        }
    }
    panic!("sqlx keeps such writes now: the rules can be relaxed");
}

/// Whether a write was acknowledged and is not there.
async fn write_after_dropped_begin(pool: &PgPool, name: &str) -> bool {
    use std::task::{Context, Waker};
    let one = sqlx::postgres::PgPoolOptions::new()
        .max_connections(1)
        .test_before_acquire(false)
        .connect_with((*pool.connect_options()).clone())
        .await
        .unwrap();
    {
        let mut connection = one.acquire().await.unwrap();
        let mut begin = Box::pin(connection.begin());
        // One poll puts BEGIN on the wire; then the request is dropped. On a busy machine Postgres may have answered by the end of the poll: then
        // nothing is in the middle of anything, and this attempt shows nothing.
        if begin.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return false;
        }
    }
    let insert = sqlx::query("INSERT INTO aws_accounts (name, account_id, default_region) VALUES ($1, '1', 'x')");
    assert_eq!(insert.bind(name).execute(&one).await.unwrap().rows_affected(), 1, "the write was acknowledged");
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM aws_accounts WHERE name = $1")
        .bind(name)
        .fetch_one(pool)
        .await
        .unwrap();
    seen == 0
}
