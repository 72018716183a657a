//! Trials beside writes of others: neither waits for long, and neither shows what the other does.

use super::{change, expected, gateway, proposed, tried};
use crate::fixture::{Fixture, patch};
use causeway_records::{
    Record,
    inputs::AnyInputs,
    nouns::*,
    problem::Reason,
    trial::{Side, Trial},
};
use causeway_store::{Writer, trial::MOST_BYTES};
use sqlx::PgPool;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

#[sqlx::test(migrations = false)]
async fn what_is_too_much_is_refused_and_what_is_locked_is_not_waited_for_long(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (definition, _) = gateway(&fixture).await;
    let trial = tried(&fixture, &pool, change::<GatewayDefinition>(definition, r#"{"SubDomain":"a"}"#)).await.unwrap();
    assert!(trial.before.bytes > 0 && trial.after.bytes == trial.before.bytes, "the workload's manifests");

    // Somebody locks the definition and goes on thinking.
    let mut other = pool.begin().await.unwrap();
    let lock = "SELECT FROM gateway_definitions WHERE id = $1 FOR UPDATE";
    sqlx::query(lock).bind(definition).execute(&mut *other).await.unwrap();
    let begun = Instant::now();
    let refused = fixture.writer.tried(change::<GatewayDefinition>(definition, r#"{"SubDomain":"a"}"#)).await;
    assert_eq!(refused.unwrap_err().reason(), Reason::Contention);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    other.rollback().await.unwrap();
    // Nothing of it is left: a write goes on at once.
    let begun = Instant::now();
    fixture.writer.change(definition, patch::<GatewayDefinition>(r#"{"SubDomain":"b"}"#)).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());

    let large = vec![b'x'; MOST_BYTES + 1];
    sqlx::query("UPDATE workload_definitions SET yaml_document = $1").bind(large).execute(&pool).await.unwrap();
    let refused = tried(&fixture, &pool, change::<GatewayDefinition>(definition, r#"{"SubDomain":"a"}"#)).await;
    let refusal = refused.unwrap_err().to_string();
    assert!(refusal.contains("bytes of manifests and rules") && refusal.contains("in parts"), "{refusal}");
}

#[sqlx::test(migrations = false)]
async fn what_others_make_meanwhile_is_no_effect_of_a_write(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (definition, _) = gateway(&fixture).await;
    let second = fixture.definition("second", r#""SubDomain":"second","HttpPorts":[{"Port":80}]"#).await;
    let (others, made) = (fixture.writer.clone(), Arc::new(AtomicUsize::new(0)));
    let body = fixture.instance_of("x", second, fixture.workload);
    // Each time the write is carried out, somebody else makes a gateway first.
    let write = move |writer: Writer| {
        let n = made.fetch_add(1, Ordering::Relaxed);
        let name = format!("other{n}").parse().unwrap();
        let (others, other) =
            (others.clone(), Record { spec: GatewayInstance { name, ..body.spec.clone() }, ..body.clone() });
        async move {
            // The first takes the hostname; of the others something is woken, too.
            drop(others.create(other).await);
            writer.change(definition, patch::<GatewayDefinition>(r#"{"ServiceName":"web"}"#)).await
        }
    };
    let is_it = |trial: Trial<AnyInputs>| trial.before.touched.keys().eq(trial.after.touched.keys());
    fixture.writer.as_tried(proposed(write, None), expected(is_it)).await.unwrap();
    assert!(fixture.store.list::<GatewayInstance>(&[], 9, 0).await.unwrap().0.len() > 1, "they were made");
}

#[sqlx::test(migrations = false)]
async fn writes_and_trials_at_once_don_t_meet_for_good(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (definition, _) = gateway(&fixture).await;
    let writes = async {
        for json in [r#"{"SubDomain":"a"}"#, r#"{"SubDomain":"b"}"#].repeat(10) {
            fixture.writer.change(definition, patch::<GatewayDefinition>(json)).await.unwrap();
        }
    };
    let trials = async {
        for _ in 0..20 {
            let trial = fixture
                .writer
                .tried(change::<GatewayDefinition>(definition, r#"{"ServiceName":"web"}"#))
                .await
                .unwrap();
            let hostnames = |side: &Side<AnyInputs>| {
                let found = side.records.values().filter_map(|inputs| match inputs {
                    AnyInputs::Gateway(inputs) => Some(inputs.hostnames.clone()),
                    _ => None,
                });
                found.collect::<Vec<_>>()
            };
            assert_eq!(
                hostnames(&trial.before),
                hostnames(&trial.after),
                "a change of somebody else is no effect of this one"
            );
        }
    };
    tokio::join!(writes, trials);
}
