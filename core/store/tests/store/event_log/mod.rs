//! The log of events: nothing is missing, nothing comes twice, and of one record everything is in the order of its commits.

mod complete;
mod pages;

use crate::fixture::{Fixture, connect_as, patch, record, store};
use causeway_records::{
    Kind,
    nouns::*,
    status::NewCondition,
    watch::{Cursor, EventType, RecordEvent},
};
use causeway_store::{
    Confirmed, Store,
    event_log::{EventRead, ResetReason},
    queue::{Action, Key, Outcome},
};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// Moves all that is committed to the log, and reads what comes after this position.
async fn after(store: &Store, position: i64) -> Vec<RecordEvent> {
    while store.sequence_events(100).await.unwrap() > 0 {}
    let read = store.read_events(position, i64::MAX).await.unwrap();
    assert!(!read.is_waiting && !read.is_full);
    read.events
}

/// Events about one record, in a word each.
fn words(events: &[RecordEvent], kind: Kind, id: i64) -> Vec<String> {
    let about = events.iter().filter(|event| event.kind == kind && event.id == id);
    about
        .map(|event| match &event.condition {
            Some(flip) => format!("{}={}/{}", flip.condition_type, flip.status, flip.reason),
            None => event.event_type.to_string(),
        })
        .collect()
}

fn outcome(condition: NewCondition, applied: bool) -> Outcome {
    Outcome { applied, ..Outcome::with(vec![condition]) }
}

#[sqlx::test(migrations = false)]
async fn a_record_is_told_of_from_its_creation_to_its_end(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let store = &fixture.store;
    let before = store.read_events(i64::MAX, 1).await.unwrap().newest.position;
    let definition = fixture.definition("web", r#""HttpPorts":[{"Port":80}]"#).await;
    let instance = fixture.instance("web", definition).await.unwrap().id();
    let key = Key { kind: Kind::GatewayInstance, id: instance };
    let waits = |reason: &str, message: &str| NewCondition::not_met("Applied", reason, message);
    for found in [
        outcome(waits("Waiting", "1 s"), false),
        outcome(waits("Waiting", "2 s"), false),
        outcome(waits("Refused", "2 s"), false),
        outcome(NewCondition::met("Applied", "Applied", "1 object"), true),
        outcome(NewCondition::met("Applied", "Applied", "1 object"), true),
    ] {
        let claimed = store.begin(&key, fixture.lease()).await.unwrap().unwrap();
        store.complete(&claimed, &found, 1).await.unwrap();
    }
    fixture.writer.change(instance, patch::<GatewayInstance>(r#"{"Reconciled":false}"#)).await.unwrap();
    let claimed = store.begin(&key, fixture.lease()).await.unwrap().unwrap();
    let paused = NewCondition::not_met("Paused", "InterruptReconciliation", "paused");
    store.requeue(&claimed, Action::AwaitChange, vec![paused]).await.unwrap();
    fixture.writer.delete::<GatewayInstance>(instance).await.unwrap();
    let late = store.begin(&key, fixture.lease()).await.unwrap().unwrap();
    assert_eq!(store.confirm_deleted(Kind::GatewayInstance, instance).await.unwrap(), Confirmed::Gone);
    // What a worker says that comes too late is told to nobody.
    store.complete(&late, &outcome(waits("Late", "late"), true), 1).await.unwrap();
    store.requeue(&late, Action::AwaitChange, vec![waits("Later", "late")]).await.unwrap();

    let events = after(store, before).await;
    let told = [
        &["created", "Applied=False/Waiting", "Ready=False/Applied", "Applied=False/Refused"][..],
        &["Applied=True/Applied", "Ready=True/Ready", "reconciled", "changed"],
        &["Paused=False/InterruptReconciliation", "Ready=False/Paused", "deleting", "deleted"],
    ];
    assert_eq!(words(&events, Kind::GatewayInstance, instance), told.concat());
    let own: Vec<_> = events.iter().filter(|event| event.id == instance).collect();
    assert!(own.iter().all(|event| event.name.as_deref() == Some("web") && event.runtime == Some(fixture.runtime)));
    let generations: Vec<_> = own.iter().filter_map(|event| event.generation).collect();
    assert_eq!((generations.len(), generations[0], generations.is_sorted()), (own.len(), 1, true), "{generations:?}");
    // What the write made along with it, and what is part of something.
    for kind in
        [Kind::SharedGateway, Kind::SupportServiceInstance, Kind::GatewayHttpPort, Kind::AttachedObjectReference]
    {
        let is_made = |event: &&RecordEvent| event.kind == kind && event.event_type == EventType::Created;
        assert!(events.iter().any(|event| is_made(&event)), "{kind}");
    }
    assert!(!events.iter().any(|event| event.kind == Kind::ListenerSet), "no client knows them");
    assert!(events.windows(2).all(|pair| pair[0].cursor.position < pair[1].cursor.position));
    assert!(!format!("{events:?}").contains("example.test"), "events don't say what records hold");
    assert!(after(store, events.last().unwrap().cursor.position).await.is_empty(), "nothing is told twice");
}

/// The case for which a sequence is not enough: what was written first is committed last.
#[sqlx::test(migrations = false)]
async fn what_is_committed_late_is_not_passed_over(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let store = &fixture.store;
    let definition = fixture.definition("web", r#""HttpPorts":[{"Port":80}]"#).await;
    fixture.instance("first", definition).await.unwrap();
    let mut holder = PgConnection::connect_with(&pool.connect_options()).await.unwrap();
    let mut held = holder.begin().await.unwrap();
    held.execute("SELECT FROM shared_gateways FOR UPDATE").await.unwrap();
    let other = fixture.definition("other", r#""HttpPorts":[{"Port":8080}]"#).await;
    // It has written its events, and waits for the shared gateway.
    let (writer, made) = (fixture.writer.clone(), fixture.instance_of("late", other, fixture.workload));
    let late = tokio::spawn(async move { writer.create(made).await.unwrap().id() });
    let deadline = Instant::now() + Duration::from_secs(20);
    let waiting =
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')";
    while !sqlx::query_scalar::<_, bool>(waiting).fetch_one(&pool).await.unwrap() {
        assert!(Instant::now() < deadline, "the creation doesn't wait");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let early = fixture.definition("early", r#""HttpPorts":[{"Port":81}]"#).await;
    let first = after(store, 0).await;
    assert_eq!(words(&first, Kind::GatewayDefinition, early), ["created"]);
    held.commit().await.unwrap();
    let late = late.await.unwrap();
    let second = after(store, first.last().unwrap().cursor.position).await;
    assert_eq!(words(&second, Kind::GatewayInstance, late), ["created"]);
    assert!(words(&second, Kind::GatewayDefinition, early).is_empty());
}

/// Eight writers, three processes that move events, and a reader that goes on from where it was.
#[sqlx::test(migrations = false)]
async fn several_that_move_events_at_once_lose_none_and_move_none_twice(pool: PgPool) {
    const ROUNDS: usize = 40;
    let store = store(&pool).await;
    let writer = store.on_behalf_of(causeway_store::Origin { caller: "tester".into(), request_id: None });
    let writers: Vec<_> = (0..8)
        .map(|n| {
            let writer = writer.clone();
            tokio::spawn(async move {
                let mut ids = vec![];
                for round in 0..ROUNDS {
                    let json = format!(r#"{{"Name":"a-{n}-{round}","AccountID":"1","DefaultRegion":"x"}}"#);
                    let id = writer.create(record::<AwsAccount>(&json)).await.unwrap().id();
                    writer.change(id, patch::<AwsAccount>(r#"{"DefaultRegion":"y"}"#)).await.unwrap();
                    writer.delete::<AwsAccount>(id).await.unwrap();
                    ids.push(id);
                }
                ids
            })
        })
        .collect();
    let stop = Arc::new(AtomicBool::new(false));
    let movers: Vec<_> = (0..3)
        .map(|_| {
            let (store, stop) = (store.clone(), stop.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    store.sequence_events(7).await.unwrap();
                }
            })
        })
        .collect();
    let reader = tokio::spawn({
        let (store, stop) = (store.clone(), stop.clone());
        async move {
            let (mut seen, mut at) = (vec![], 0);
            loop {
                let is_last = stop.load(Ordering::SeqCst);
                let read = store.read_events(at, 50).await.unwrap();
                at = read.read_to.position;
                seen.extend(read.events);
                if is_last && !read.is_full {
                    return seen;
                }
            }
        }
    });
    let mut ids = BTreeSet::new();
    for writer in writers {
        ids.extend(writer.await.unwrap());
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    while store.read_events(i64::MAX, 1).await.unwrap().is_waiting {
        assert!(Instant::now() < deadline, "the inbox is never empty");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.store(true, Ordering::SeqCst);
    for mover in movers {
        mover.await.unwrap();
    }
    let seen = reader.await.unwrap();
    assert_eq!((ids.len(), seen.len()), (8 * ROUNDS, 8 * ROUNDS * 3));
    for id in ids {
        assert_eq!(words(&seen, Kind::AwsAccount, id), ["created", "changed", "deleted"]);
    }
    assert!(seen.windows(2).all(|pair| pair[0].cursor.position < pair[1].cursor.position));
}

#[sqlx::test(migrations = false)]
async fn old_events_go_from_the_first_one_on(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let store = &fixture.store;
    let all = after(store, 0).await;
    let (first, third, last) = (all[0].cursor, all[2].cursor, all.last().unwrap().cursor);
    let day = Duration::from_secs(24 * 60 * 60);
    assert_eq!(store.purge_event_log(day, 1000).await.unwrap(), 0);
    // The fourth is younger than the fifth, as of a transaction that took its time.
    let age = "UPDATE event_log SET time = now() - interval '2 days' WHERE position <= $1 OR position = $2";
    sqlx::query(age).bind(third.position).bind(all[4].cursor.position).execute(&pool).await.unwrap();
    assert_eq!(store.purge_event_log(day, 2).await.unwrap(), 2, "a batch");
    assert_eq!(store.purge_event_log(day, 1000).await.unwrap(), 1, "what is left has no hole");
    assert_eq!(store.purge_event_log(day, 1000).await.unwrap(), 0);
    let read = store.read_events(third.position, i64::MAX).await.unwrap();
    assert_eq!((read.events.len(), read.deleted_to, read.newest), (all.len() - 3, third.position, last));
    let refuses = |read: &EventRead, cursor| read.refuses(cursor);
    assert_eq!((refuses(&read, third), refuses(&read, last)), (None, None));
    assert_eq!(refuses(&read, first), Some(ResetReason::TooOld));
    let never = Cursor { position: last.position + 1, ..last };
    assert_eq!(refuses(&read, never), Some(ResetReason::Unknown));
    assert_eq!(refuses(&read, Cursor { epoch: last.epoch ^ 1, ..last }), Some(ResetReason::OtherEpoch));
    // All of them: the newest position is still known.
    sqlx::query("UPDATE event_log SET time = now() - interval '2 days'").execute(&pool).await.unwrap();
    store.purge_event_log(day, 1000).await.unwrap();
    let empty = store.read_events(last.position, 10).await.unwrap();
    assert_eq!((empty.newest, empty.refuses(last), empty.events.len()), (last, None, 0));
}

/// As pg_dump and pg_restore make it, and as it is for whoever looks from outside: the same contents somewhere else.
#[sqlx::test(migrations = false)]
async fn a_database_that_was_restored_has_another_history(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let before = after(&fixture.store, 0).await;
    let read = fixture.store.read_events(i64::MAX, 1).await.unwrap();
    assert_eq!(before.last().unwrap().cursor, read.newest);
    assert_eq!(
        fixture.store.read_events(0, 1).await.unwrap().newest,
        read.newest,
        "it stays the same while nothing happens"
    );
    fixture.store.close();
    let options = pool.connect_options();
    let name = options.get_database().unwrap().to_owned();
    // Names have 63 bytes at most.
    let copy = format!("restored_{}", &name[name.len() - 30..]);
    let mut admin = PgConnection::connect_with(&(*options).clone().database("postgres")).await.unwrap();
    pool.close().await;
    let end = format!("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'");
    admin.execute(AssertSqlSafe(end)).await.unwrap();
    admin.execute(AssertSqlSafe(format!("CREATE DATABASE \"{copy}\" TEMPLATE \"{name}\""))).await.unwrap();
    let restored = PgPool::connect_with((*options).clone().database(&copy)).await.unwrap();
    let store = connect_as(options.get_username(), &restored);
    let (one, two) = tokio::join!(store.read_events(0, 10), store.read_events(0, 10));
    let (one, two) = (one.unwrap(), two.unwrap());
    let again = store.read_events(0, i64::MAX).await.unwrap();
    store.close();
    restored.close().await;
    admin.execute(AssertSqlSafe(format!("DROP DATABASE \"{copy}\" WITH (FORCE)"))).await.unwrap();
    assert_eq!((one.newest, two.newest), (again.newest, again.newest), "two that find out at once agree");
    assert_eq!(again.refuses(read.newest), Some(ResetReason::OtherEpoch));
    assert_eq!((again.events.len(), again.newest.position), (before.len(), read.newest.position), "nothing is lost");
    assert!(again.events.iter().all(|event| event.cursor.epoch == again.newest.epoch));
}

/// A copy of the disks can't be told from the original; but clusters have seen more than it knows.
#[sqlx::test(migrations = false)]
async fn a_database_that_skips_ids_has_another_history_too(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (store, epoch) = (&fixture.store, fixture.store.epoch(fixture.runtime).await.unwrap());
    let before = store.read_events(i64::MAX, 1).await.unwrap().newest;
    let behind = causeway_records::database_epoch::DatabaseEpoch { last_id: epoch.last_id - 1, ..epoch };
    store.skip_ids(&behind).await.unwrap();
    assert_eq!(store.read_events(i64::MAX, 1).await.unwrap().newest, before);
    let ahead = causeway_records::database_epoch::DatabaseEpoch { last_id: epoch.last_id + 10, ..epoch };
    store.skip_ids(&ahead).await.unwrap();
    let read = store.read_events(i64::MAX, 1).await.unwrap();
    assert_eq!(read.refuses(before), Some(ResetReason::OtherEpoch));
    store.skip_ids(&ahead).await.unwrap();
    assert_eq!(store.read_events(i64::MAX, 1).await.unwrap().newest, read.newest, "once");
}

/// A later release may know more.
#[sqlx::test(migrations = false)]
async fn events_of_a_later_release_are_passed_over(pool: PgPool) {
    let store = store(&pool).await;
    let text = "INSERT INTO event_inbox (type, kind, record_id) VALUES ('created', 'Gadget', 1), ('polished', 'Event', 2), ('created', 'Event', 3)";
    sqlx::query(text).execute(&pool).await.unwrap();
    let events = after(&store, 0).await;
    assert_eq!(events.iter().map(|event| event.id).collect::<Vec<_>>(), [3]);
    let first = store.read_events(0, 2).await.unwrap();
    assert!(first.events.is_empty() && first.is_full && first.read_to.position == 2, "they count as read");
}
