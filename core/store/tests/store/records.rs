//! Records of all nouns against a real Postgres.

use crate::fixture::{Fixture, HTTPS, patch, record};
use causeway_records::{Kind, Record, field::Table, nouns::*};
use causeway_store::{
    Filter, MAX_PAGE_BYTES, Start, StoreError,
    queue::{Key, Outcome},
};
use sqlx::PgPool;

#[sqlx::test(migrations = false)]
async fn values_keep(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let id = fixture.definition("web", HTTPS).await;
    assert!(id > 1 << 53);
    let got: Record<GatewayDefinition> = fixture.store.get(id).await.unwrap();
    assert_eq!(got.spec.placement, Some(Placement::Shared));
    let ports = fixture.store.list::<GatewayHttpPort>(&[], 10, 0).await.unwrap();
    assert_eq!((ports.1, ports.0[0].spec.path.as_ref().unwrap().as_str()), (2, "/"));
    assert_eq!(ports.0[0].spec.gateway_definition_id, id);
    let changed = fixture.writer.change(id, patch::<GatewayDefinition>(r#"{"ServiceName":"web"}"#)).await.unwrap();
    assert_eq!((changed.status.generation, changed.status.reconciled), (Some(2), Some(false)));
    assert!(changed.common.updated_at > got.common.updated_at);
    let same = fixture.writer.change(id, patch::<GatewayDefinition>(r#"{"ServiceName":"web"}"#)).await.unwrap();
    assert_eq!(same.status.generation, Some(2), "a change of nothing is no new generation");
}

#[sqlx::test(migrations = false)]
async fn names_are_unique_among_the_live(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let tries = (0..16)
        .map(|_| fixture.writer.create(record::<AwsAccount>(r#"{"Name":"a","AccountID":"1","DefaultRegion":"x"}"#)));
    let done = futures::future::join_all(tries).await;
    assert_eq!(done.iter().filter(|made| made.is_ok()).count(), 1);
    let refused =
        done.iter().filter_map(|made| made.as_ref().err()).all(|error| matches!(error, StoreError::Conflict(_)));
    assert!(refused);
    let id = done.into_iter().find_map(Result::ok).unwrap().id();
    assert!(fixture.writer.delete::<AwsAccount>(id).await.unwrap().common.deleted_at.is_some());
    assert!(matches!(fixture.store.get::<AwsAccount>(id).await, Err(StoreError::NotFound)));
    fixture.writer.create(record::<AwsAccount>(r#"{"Name":"a","AccountID":"1","DefaultRegion":"x"}"#)).await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn lists_filter_and_page(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    for n in 0..5 {
        fixture.definition(&format!("g{n}"), r#""HttpPorts":[]"#).await;
    }
    let field = |json: &str| GatewayDefinition::FIELDS.iter().find(|f| f.json == json).unwrap();
    let (page, total) = fixture.store.list::<GatewayDefinition>(&[], 2, 2).await.unwrap();
    assert_eq!((page.len(), total, page[0].spec.name.as_str()), (2, 5, "g2"));
    let filter = Filter { field: field("Name"), text: "g4".into() };
    let (page, total) = fixture.store.list::<GatewayDefinition>(&[filter], 50, 0).await.unwrap();
    assert_eq!((page.len(), total), (1, 1));
    let filter = Filter { field: field("DomainNameDefinitionID"), text: "x".into() };
    assert!(matches!(fixture.store.list::<GatewayDefinition>(&[filter], 50, 0).await, Err(StoreError::Invalid(_))));
}

#[sqlx::test(migrations = false)]
async fn a_change_wakes_everything_that_depends_on_it(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let definition = fixture.definition("web", HTTPS).await;
    let instance = fixture.instance("web", definition).await.unwrap();
    let name = fixture.writer.create(fixture.domain_name_of("n", fixture.domain, fixture.workload)).await.unwrap();
    let shared =
        fixture.store.gateway_inputs(instance.id()).await.unwrap().0.shared_gateway.unwrap().gateway.record.id();
    let watched = [
        Key { kind: Kind::GatewayInstance, id: instance.id() },
        Key { kind: Kind::DomainNameInstance, id: name.id() },
        Key { kind: Kind::SharedGateway, id: shared },
    ];
    let generations = async || fixture.generations(&watched).await;
    let before = generations().await;
    fixture.writer.change(fixture.domain, patch::<DomainNameDefinition>(r#"{"TTL":60}"#)).await.unwrap();
    let after = generations().await;
    assert!(before.iter().zip(&after).all(|(before, after)| after > before), "{before:?} {after:?}");
    let (ports, _) = fixture.store.list::<GatewayHttpPort>(&[], 1, 0).await.unwrap();
    fixture.writer.change(ports[0].id(), patch::<GatewayHttpPort>(r#"{"Path":"/x"}"#)).await.unwrap();
    let last = generations().await;
    assert!(last[0] > after[0], "{after:?} {last:?}");
    assert_eq!(last[2], after[2], "another path is nothing to a listener");
    fixture.writer.change(ports[0].id(), patch::<GatewayHttpPort>(r#"{"Port":8080}"#)).await.unwrap();
    assert!(generations().await[2] > last[2], "another port is");
}

#[sqlx::test(migrations = false)]
async fn deletion_takes_two_steps_and_waits_for_dependants(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let definition = fixture.definition("web", HTTPS).await;
    let instance = fixture.instance("web", definition).await.unwrap().id();
    let blocked = fixture.writer.delete::<GatewayDefinition>(definition).await.unwrap_err();
    assert_eq!(blocked.to_string(), "gateway definition has related gateway instances - cannot be deleted");
    let blocked = fixture.writer.delete::<WorkloadInstance>(fixture.workload).await.unwrap_err();
    assert_eq!(blocked.to_string(), "workload instance has related gateway instances - cannot be deleted: web");
    let scheduled = fixture.writer.delete::<GatewayInstance>(instance).await.unwrap();
    assert!(scheduled.is_being_deleted() && scheduled.common.deleted_at.is_none());
    assert_eq!(
        fixture.writer.delete::<GatewayInstance>(instance).await.unwrap_err().to_string(),
        format!("object with ID {instance} already being deleted")
    );
    // A definition whose instances are all going may be deleted, and waits for them.
    fixture.writer.delete::<GatewayDefinition>(definition).await.unwrap();
    let refused = fixture.instance("late", definition).await.unwrap_err();
    assert!(refused.to_string().contains("is being deleted"), "{refused}");
    let waits = fixture.store.confirm_deleted(Kind::GatewayDefinition, definition).await.unwrap();
    assert_eq!(format!("{waits:?}"), r#"Waits(["gateway instance web"])"#);
    fixture.store.confirm_deleted(Kind::GatewayInstance, instance).await.unwrap();
    fixture.store.confirm_deleted(Kind::GatewayDefinition, definition).await.unwrap();
    assert!(matches!(fixture.store.get::<GatewayDefinition>(definition).await, Err(StoreError::NotFound)));
    assert_eq!(fixture.store.list::<GatewayTcpPort>(&[], 1, 0).await.unwrap().1, 0);
    // Its routes are free again.
    let again = fixture.definition("again", HTTPS).await;
    fixture.instance("again", again).await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn a_wake_during_a_reconcile_is_not_lost(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let definition = fixture.definition("web", HTTPS).await;
    let key = Key { kind: Kind::GatewayInstance, id: fixture.instance("web", definition).await.unwrap().id() };
    let outcome = Outcome { applied: true, ..Outcome::default() };
    let work = fixture.store.begin(&key, fixture.lease()).await.unwrap().unwrap();
    fixture.store.complete(&work, &outcome, 1).await.unwrap();
    let due = async || {
        let items = fixture.store.due(fixture.runtime, 100).await.unwrap();
        items.oldest.iter().chain(&items.rest).any(|due| due.key == key)
    };
    assert!(!due().await);
    let work = fixture.store.begin(&key, fixture.lease()).await.unwrap().unwrap();
    fixture.store.wake(std::slice::from_ref(&key)).await.unwrap();
    fixture.store.complete(&work, &outcome, 1).await.unwrap();
    assert!(due().await);
}

#[sqlx::test(migrations = false)]
async fn the_same_event_counts_up(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let key = Key { kind: Kind::WorkloadInstance, id: fixture.workload };
    for _ in 0..3 {
        fixture.store.record_event(&key, "FailedCreate", "no", true).await.unwrap();
    }
    let (events, total) = fixture.store.list::<Event>(&[], 10, 0).await.unwrap();
    assert_eq!((total, events[0].spec.count, events[0].spec.r#type.as_str()), (1, 3, "Warning"));
}

#[sqlx::test(migrations = false)]
async fn the_objects_of_a_workload_are_kept_up_to_date(pool: PgPool) {
    use causeway_store::resources::Resource;
    let fixture = Fixture::new(&pool).await;
    let resource = |name: &str, reconciled: bool| Resource {
        key: name.into(),
        definition: serde_json::json!({"kind": name}),
        state: reconciled.then(|| serde_json::json!({"ready": true})),
        reconciled,
        last_operation: "Created".into(),
    };
    let save = async |resources: &[Resource]| fixture.store.save_resources(fixture.workload, resources).await.unwrap();
    save(&[resource("a", false), resource("b", false)]).await;
    save(&[resource("b", true), resource("c", true)]).await;
    let (rows, total) = fixture.store.list::<WorkloadResourceInstance>(&[], 10, 0).await.unwrap();
    let states: Vec<_> =
        rows.iter().map(|row| (row.spec.json_definition["kind"].clone(), row.spec.reconciled)).collect();
    assert_eq!((total, states), (2, vec![("b".into(), Some(true)), ("c".into(), Some(true))]));
}

/// However many are asked for; the list goes on after the last one.
#[sqlx::test(migrations = false)]
async fn a_page_ends_where_it_gets_too_large(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let before = fixture.store.list::<WorkloadDefinition>(&[], i64::MAX, 0).await.unwrap().1;
    for n in 1..=12 {
        let mut definition = record::<WorkloadDefinition>(&format!(r#"{{"Name":"large-{n}"}}"#));
        definition.spec.yaml_document = "x".repeat(1_920_000);
        fixture.writer.create(definition).await.unwrap();
    }
    let (mut seen, mut start, mut pages) = (vec![], Start::Offset(0), 0);
    loop {
        let page = fixture.store.list_from::<WorkloadDefinition>(&[], i64::MAX, start).await.unwrap();
        let bytes: usize = page.records.iter().map(|record| record.spec.yaml_document.len()).sum();
        assert!(bytes <= MAX_PAGE_BYTES && page.total == before + 12, "{bytes} {}", page.total);
        seen.extend(page.records.iter().map(Record::id));
        pages += 1;
        if !page.is_cut {
            break;
        }
        start = Start::After(*seen.last().unwrap());
    }
    assert!(pages == 2 && seen.is_sorted() && i64::try_from(seen.len()).unwrap() == before + 12, "{pages}");
}
