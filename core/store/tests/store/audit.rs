//! Every change of a client leaves one audit event, and nothing else does.

use crate::fixture::{Fixture, patch, record};
use causeway_records::{
    Record,
    field::Table,
    nouns::{Action, *},
};
use causeway_store::{Filter, Period, Start, StoreError};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::{collections::BTreeSet, time::Duration};

const PORTS: &str = r#""HttpPorts":[{"Port":80,"HTTPSRedirect":true},{"Port":8080}]"#;

/// The events about a record, the first one first.
async fn events_of(fixture: &Fixture, id: i64) -> Vec<AuditEvent> {
    filtered(fixture, &[("ObjectID", &id.to_string())]).await
}

async fn filtered(fixture: &Fixture, filters: &[(&str, &str)]) -> Vec<AuditEvent> {
    let field = |json: &str| AuditEvent::FIELDS.iter().find(|field| field.json == json).unwrap();
    let filters: Vec<_> =
        filters.iter().map(|(json, text)| Filter { field: field(json), text: (*text).into() }).collect();
    let (events, total) = fixture.store.list::<AuditEvent>(&filters, 1000, 0).await.unwrap();
    assert_eq!(total, i64::try_from(events.len()).unwrap());
    events.into_iter().map(|event| event.spec).collect()
}

async fn total(fixture: &Fixture) -> i64 {
    fixture.store.list::<AuditEvent>(&[], 1, 0).await.unwrap().1
}

fn told(event: &AuditEvent, field: &str) -> Value {
    let change = event.changes.0.iter().find(|change| change.field == field);
    serde_json::to_value(change).unwrap()
}

#[sqlx::test(migrations = false)]
async fn a_creation_tells_all_that_was_set_and_its_children(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let before = total(&fixture).await;
    let id = fixture.definition("web", PORTS).await;
    assert_eq!(total(&fixture).await, before + 1, "the ports are told by their definition's event");
    let [event] = &events_of(&fixture, id).await[..] else { panic!() };
    assert_eq!((event.caller.as_str(), event.request_id.as_deref()), ("tester", Some("request")));
    assert_eq!((event.action, event.object_kind.as_str()), (Action::Create, "GatewayDefinition"));
    assert_eq!((event.object_id, event.object_name.as_deref()), (id, Some("web")));
    assert_eq!(told(event, "SubDomain"), json!({"Field": "SubDomain", "New": "www"}));
    assert_eq!(told(event, "ServiceName"), Value::Null, "what isn't set isn't told");
    let (ports, _) = fixture.store.list::<GatewayHttpPort>(&[], 10, 0).await.unwrap();
    let ports: Vec<_> = ports
        .iter()
        .map(|port| {
            let mut port = serde_json::to_value(port).unwrap();
            let object = port.as_object_mut().unwrap();
            object.retain(|key, _| !["CreatedAt", "UpdatedAt", "GatewayDefinitionID"].contains(&key.as_str()));
            port
        })
        .collect();
    assert_eq!(told(event, "HttpPorts"), json!({"Field": "HttpPorts", "New": ports}));
}

#[sqlx::test(migrations = false)]
async fn a_change_tells_what_it_changed(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let id = fixture.definition("web", PORTS).await;
    let change = async |json: &'static str| {
        let changed = fixture.writer.change(id, patch::<GatewayDefinition>(json)).await.unwrap();
        let field = AuditEvent::FIELDS.iter().find(|field| field.json == "ObjectID").unwrap();
        let filter = Filter { field, text: id.to_string() };
        let last = fixture.store.list::<AuditEvent>(&[filter], 1000, 0).await.unwrap().0.pop().unwrap();
        assert_eq!(last.common.created_at, changed.common.updated_at);
        assert_eq!(last.spec.action, Action::Update);
        last.spec
    };
    let event = change(r#"{"ServiceName":"web","SubDomain":"www","Name":"shop","InterruptReconciliation":true}"#).await;
    let changes = json!([
        {"Field": "Name", "Old": "web", "New": "shop"},
        {"Field": "ServiceName", "New": "web"},
        {"Field": "InterruptReconciliation", "Old": false, "New": true},
    ]);
    assert_eq!(serde_json::to_value(&event.changes).unwrap(), changes);
    assert_eq!(event.object_name.as_deref(), Some("shop"));
    let event = change(r#"{"ServiceName":"web"}"#).await;
    assert_eq!(event.changes, Changes::default(), "a write that sets nothing new is a write");
    let event = change(r#"{"HttpPorts":[{"Port":9090}]}"#).await;
    let ports = told(&event, "HttpPorts");
    let numbers = |list: &Value| list.as_array().unwrap().iter().map(|p| p["Port"].clone()).collect::<Vec<_>>();
    assert_eq!((numbers(&ports["Old"]), numbers(&ports["New"])), (vec![json!(80), json!(8080)], vec![json!(9090)]));
    assert_eq!(events_of(&fixture, id).await.len(), 4);
}

#[sqlx::test(migrations = false)]
async fn secrets_are_masked(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let account = r#"{"Name":"a","AccountID":"1","DefaultRegion":"x","AccessKeyID":"first-secret","SecretAccessKey":"second-secret"}"#;
    let id = fixture.writer.create(record::<AwsAccount>(account)).await.unwrap().id();
    fixture.writer.change(id, patch::<AwsAccount>(r#"{"SecretAccessKey":"third-secret"}"#)).await.unwrap();
    let manifest = format!(
        r#"{{"JSONDefinition":{{"apiVersion":"v1","kind":"Secret","data":"fourth-secret"}},"WorkloadDefinitionID":{}}}"#,
        fixture.store.workload_inputs(fixture.workload).await.unwrap().definition.id()
    );
    fixture.writer.create(record::<WorkloadResourceDefinition>(&manifest)).await.unwrap();
    let events = events_of(&fixture, id).await;
    let masked = json!({"Field": "SecretAccessKey", "Old": "***", "New": "***"});
    assert_eq!(told(&events[1], "SecretAccessKey"), masked);
    let text: String =
        sqlx::query_scalar("SELECT string_agg(a::text, '') FROM audit_events a").fetch_one(&pool).await.unwrap();
    assert!(text.contains("SecretAccessKey") && text.contains("JSONDefinition") && !text.contains("-secret"), "{text}");
}

#[sqlx::test(migrations = false)]
async fn what_is_refused_leaves_nothing(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let id = fixture.definition("web", PORTS).await;
    let other = fixture.definition("other", PORTS).await;
    fixture.instance("web", id).await.unwrap();
    let before = total(&fixture).await;
    // A name that is taken, a parent that isn't there, a route that is taken.
    fixture.writer.create(record::<GatewayDefinition>(r#"{"Name":"web"}"#)).await.unwrap_err();
    let orphan = r#"{"Port":80,"GatewayDefinitionID":1}"#;
    fixture.writer.create(record::<GatewayHttpPort>(orphan)).await.unwrap_err();
    fixture.instance("other", other).await.unwrap_err();
    // A change that is refused by its rules, by the database, or because there is no such record.
    let refuse = |_: &mut Record<GatewayDefinition>| Err(StoreError::PreconditionFailed);
    fixture.writer.change(id, refuse).await.unwrap_err();
    fixture.writer.change(other, patch::<GatewayDefinition>(r#"{"Name":"web"}"#)).await.unwrap_err();
    fixture.writer.change(1, patch::<GatewayDefinition>(r#"{"Name":"x"}"#)).await.unwrap_err();
    // A deletion of what others need, or of what isn't there.
    fixture.writer.delete::<GatewayDefinition>(id).await.unwrap_err();
    fixture.writer.delete::<GatewayDefinition>(1).await.unwrap_err();
    // A set of which one can't be made.
    let of = fixture.store.workload_inputs(fixture.workload).await.unwrap().definition.id();
    let manifest = |of: i64| record(&format!(r#"{{"JSONDefinition":{{}},"WorkloadDefinitionID":{of}}}"#));
    fixture.writer.create_all::<WorkloadResourceDefinition>(vec![manifest(of), manifest(1)]).await.unwrap_err();
    assert_eq!(total(&fixture).await, before);
    fixture.writer.create_all::<WorkloadResourceDefinition>(vec![manifest(of), manifest(of)]).await.unwrap();
    assert_eq!(total(&fixture).await, before + 2);
}

#[sqlx::test(migrations = false)]
async fn a_deletion_is_told_when_it_is_asked_for(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let definition = fixture.definition("web", PORTS).await;
    let instance = fixture.instance("web", definition).await.unwrap().id();
    fixture.writer.delete::<GatewayInstance>(instance).await.unwrap();
    fixture.writer.delete::<GatewayInstance>(instance).await.unwrap_err();
    fixture.store.confirm_deleted(causeway_records::Kind::GatewayInstance, instance).await.unwrap();
    let actions: Vec<_> = events_of(&fixture, instance).await.iter().map(|event| event.action).collect();
    assert_eq!(actions, [Action::Create, Action::Delete]);
    // Ports have no name, and go at once.
    let port = fixture.store.list::<GatewayHttpPort>(&[], 1, 0).await.unwrap().0[0].id();
    fixture.writer.delete::<GatewayHttpPort>(port).await.unwrap();
    let [event] = &events_of(&fixture, port).await[..] else { panic!() };
    assert_eq!((event.action, &event.object_name, event.caller.as_str()), (Action::Delete, &None, "tester"));
}

#[sqlx::test(migrations = false)]
async fn sixty_four_changes_at_once_leave_sixty_four_events(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let id = fixture.definition("web", PORTS).await;
    let change = |n: usize| {
        let writer = fixture.writer.clone();
        // Whoever loses more often than a write tries again does so himself.
        async move {
            loop {
                let lay = move |record: &mut Record<GatewayDefinition>| {
                    record.spec.service_name = format!("s{n}").parse().ok();
                    Ok(false)
                };
                match writer.change(id, lay).await {
                    Err(StoreError::Conflict(_)) => {}
                    done => return done.unwrap().spec.service_name.unwrap().to_string(),
                }
            }
        }
    };
    let written: BTreeSet<_> = futures::future::join_all((0..64).map(change)).await.into_iter().collect();
    assert_eq!(written.len(), 64);
    let events = events_of(&fixture, id).await;
    assert_eq!(events.len(), 65);
    // Each event goes on where another one ended.
    let ends = |side: &str| -> BTreeSet<String> {
        let values = events[1..].iter().map(|event| told(event, "ServiceName")[side].clone());
        values.filter_map(|value| value.as_str().map(ToOwned::to_owned)).collect()
    };
    assert_eq!(ends("New"), written);
    let stored = fixture.store.get::<GatewayDefinition>(id).await.unwrap();
    let last = stored.spec.service_name.unwrap().to_string();
    assert_eq!(ends("Old"), written.into_iter().filter(|name| *name != last).collect());
    assert_eq!(stored.status.generation, Some(65));
}

#[sqlx::test(migrations = false)]
async fn lists_filter_by_every_field(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let id = fixture.definition("web", PORTS).await;
    let all = total(&fixture).await;
    let count = async |filters: &[(&str, &str)]| i64::try_from(filtered(&fixture, filters).await.len()).unwrap();
    assert_eq!(count(&[("Caller", "tester")]).await, all);
    assert_eq!(count(&[("Caller", "nobody")]).await, 0);
    assert_eq!(count(&[("RequestID", "request")]).await, all);
    assert_eq!(count(&[("Action", "Delete")]).await, 0);
    assert_eq!(count(&[("ObjectKind", "GatewayDefinition"), ("Action", "Create")]).await, 1);
    assert_eq!(count(&[("ObjectName", "web"), ("ObjectID", &id.to_string())]).await, 1);
}

#[sqlx::test(migrations = false)]
async fn lists_have_a_period(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    fixture.definition("web", PORTS).await;
    let (events, all) = fixture.store.list::<AuditEvent>(&[], 1000, 0).await.unwrap();
    let time = events[2].common.created_at;
    let total = async |since, until| {
        let period = Period { since, until };
        fixture.store.audit_events(&[], period, 1000, Start::Offset(0)).await.unwrap().total
    };
    assert_eq!((total(None, None).await, total(time, None).await, total(None, time).await), (all, all - 2, 2));
    assert_eq!(total(time, time).await, 0);
}

#[sqlx::test(migrations = false)]
async fn old_events_go_in_batches(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let id = fixture.definition("web", PORTS).await;
    let all = total(&fixture).await;
    let age = "UPDATE audit_events SET created_at = now() - interval '91 days' WHERE object_id <> $1";
    sqlx::query(age).bind(id).execute(&pool).await.unwrap();
    let keep = Duration::from_secs(90 * 24 * 3600);
    assert_eq!(fixture.store.purge_audit_events(keep, 2).await.unwrap(), 2);
    assert_eq!(total(&fixture).await, all - 2);
    // Two processes at once delete none twice.
    let (one, other) =
        tokio::join!(fixture.store.purge_audit_events(keep, 100), fixture.store.purge_audit_events(keep, 100));
    assert_eq!(one.unwrap() + other.unwrap(), u64::try_from(all - 3).unwrap());
    assert_eq!(fixture.store.purge_audit_events(keep, 100).await.unwrap(), 0);
    assert_eq!(events_of(&fixture, id).await.len(), 1, "younger ones stay");
}
