//! Every change of a record is told. Triggers, which only this test has, write down what really changes; each statement of the store is run, and then both
//! lists are compared, transaction by transaction.

use crate::fixture::{Fixture, patch, record};
use causeway_records::{Kind, nouns, nouns::*};
use causeway_store::{Filter, queue::Key, resources::Resource, workload_events::NewWorkloadEvent};
use chrono::Utc;
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool, Row};
use std::collections::{BTreeMap, BTreeSet};

/// What happened to a record in a transaction: `created`, `changed`, `deleted`.
type Told = BTreeMap<(String, i64, String), BTreeSet<String>>;

/// The trigger tells a row that is marked as deleted from one that is changed, and leaves out what only another key has encrypted.
async fn watch_tables(pool: &PgPool) {
    let function = "CREATE TABLE shadow (kind text, id bigint, tx text, what text);
        CREATE FUNCTION shadow() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE what text := CASE WHEN TG_OP = 'INSERT' THEN 'created' WHEN TG_OP = 'DELETE' THEN 'deleted' ELSE 'changed' END;
        BEGIN
            IF TG_OP = 'UPDATE' AND NEW.deleted_at IS NOT NULL AND OLD.deleted_at IS NULL THEN what := 'deleted'; END IF;
            IF TG_OP = 'DELETE' AND OLD.deleted_at IS NOT NULL THEN RETURN NULL; END IF;
            INSERT INTO shadow VALUES (TG_ARGV[0], coalesce(NEW.id, OLD.id), pg_current_xact_id()::xid::text, what);
            RETURN NULL;
        END $$";
    sqlx::raw_sql(function).execute(pool).await.unwrap();
    for info in nouns::ALL {
        let text = format!(
            "CREATE TRIGGER shadow AFTER INSERT OR UPDATE OR DELETE ON {} FOR EACH ROW EXECUTE FUNCTION shadow('{}')",
            info.table, info.kind
        );
        sqlx::raw_sql(AssertSqlSafe(text)).execute(pool).await.unwrap();
    }
}

async fn read(pool: &PgPool, text: &'static str) -> Told {
    let mut told = Told::new();
    for row in sqlx::query(text).fetch_all(pool).await.unwrap() {
        told.entry((row.get(0), row.get(1), row.get(2))).or_default().insert(row.get(3));
    }
    for what in told.values_mut() {
        // Made and changed by one transaction: for everybody else it was made.
        if what.contains("created") {
            what.remove("changed");
        }
    }
    told
}

/// One call of everything that writes records.
async fn write_everything(fixture: &Fixture) {
    let (store, writer, workload) = (&fixture.store, &fixture.writer, fixture.workload);
    let definition = fixture.definition("web", r#""HttpPorts":[{"Port":80}],"TcpPorts":[{"Port":5432}]"#).await;
    let instance = fixture.instance("web", definition).await.unwrap().id();
    let ports = r#"{"HttpPorts":[{"Port":8080}],"SubDomain":"shop"}"#;
    writer.change(definition, patch::<GatewayDefinition>(ports)).await.unwrap();
    writer.change(fixture.domain, patch::<DomainNameDefinition>(r#"{"AdminEmail":"a@example.test"}"#)).await.unwrap();
    let unused = fixture.definition("unused", r#""HttpPorts":[{"Port":81}]"#).await;
    writer.change(unused, patch::<GatewayDefinition>(r#"{"SubDomain":"x"}"#)).await.unwrap();
    let (port, _) = store.list::<GatewayHttpPort>(&[], 1, 0).await.unwrap();
    writer.change(port[0].id(), patch::<GatewayHttpPort>(r#"{"Path":"/a"}"#)).await.unwrap();
    writer.delete::<GatewayHttpPort>(port[0].id()).await.unwrap();
    let json = json!({"Name": "names", "DomainNameDefinitionID": fixture.domain, "WorkloadInstanceID": workload,
        "KubernetesRuntimeInstanceID": fixture.runtime});
    writer.create(record::<DomainNameInstance>(&json.to_string())).await.unwrap();
    let references = (1..4).map(|id| {
        let json = json!({"ObjectType": "v0.A", "ObjectID": id, "AttachedObjectType": "v0.B", "AttachedObjectID": 2});
        record::<AttachedObjectReference>(&json.to_string())
    });
    writer.create_all(references.collect()).await.unwrap();

    // What workers write.
    let key = Key { kind: Kind::GatewayInstance, id: instance };
    for note in ["a", "a", "b"] {
        store.record_event(&key, "Failed", note, true).await.unwrap();
    }
    let resource = |name: &str, state| Resource {
        key: format!("/ConfigMap/shop/{name}"),
        definition: json!({}),
        state: Some(state),
        reconciled: true,
        last_operation: "Created".into(),
    };
    for resources in [vec![resource("a", json!(1)), resource("b", json!(1))], vec![resource("a", json!(2))], vec![]] {
        store.save_resources(workload, &resources).await.unwrap();
    }
    let happened = |uid: &str, message: &str, days: i64| NewWorkloadEvent {
        uid: uid.into(),
        object: None,
        warning: true,
        reason: "Bad".into(),
        message: message.into(),
        at: Utc::now() - chrono::TimeDelta::days(days),
    };
    for events in [vec![happened("1", "a", 9), happened("2", "a", 0)], vec![happened("2", "b", 0)]] {
        store.save_workload_events(workload, &events).await.unwrap();
    }
    let all = Filter { field: workload_field(), text: workload.to_string() };
    writer.delete_all::<WorkloadEvent>(all).await.unwrap();

    // And the end of it all.
    writer.delete::<GatewayInstance>(instance).await.unwrap();
    store.confirm_deleted(Kind::GatewayInstance, instance).await.unwrap();
    for id in [definition, unused] {
        writer.delete::<GatewayDefinition>(id).await.unwrap();
        store.confirm_deleted(Kind::GatewayDefinition, id).await.unwrap();
    }
}

fn workload_field() -> &'static causeway_records::field::Field {
    let fields = <WorkloadEvent as causeway_records::field::Table>::FIELDS;
    fields.iter().find(|field| field.json == "WorkloadInstanceID").unwrap()
}

#[sqlx::test(migrations = false)]
async fn whatever_changes_is_told_and_nothing_else(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    watch_tables(&pool).await;
    sqlx::query("DELETE FROM event_inbox").execute(&pool).await.unwrap();
    write_everything(&fixture).await;
    let changed = read(&pool, "SELECT kind, id, tx, what FROM shadow").await;
    let told =
        "SELECT kind, record_id, xmin::text, type FROM event_inbox WHERE type IN ('created', 'changed', 'deleted')";
    let told = read(&pool, told).await;
    for (what, seen) in &changed {
        assert_eq!(told.get(what), Some(seen), "{what:?} changed");
    }
    for (what, said) in &told {
        assert_eq!(changed.get(what), Some(said), "{what:?} was told");
    }
    let kinds: BTreeSet<_> = told.keys().map(|(kind, ..)| kind.as_str()).collect();
    assert!(kinds.len() > 9, "the test writes few kinds: {kinds:?}");
    let twice = "SELECT count(*) FROM (SELECT FROM event_inbox WHERE type IN ('created', 'deleted') GROUP BY kind, record_id, type HAVING count(*) > 1) t";
    assert_eq!(sqlx::query_scalar::<_, i64>(twice).fetch_one(&pool).await.unwrap(), 0, "made or gone twice");
}
