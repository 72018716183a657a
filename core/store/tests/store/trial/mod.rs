//! A write that is tried: it leaves the database as it was, and shows what the same write then does.

mod others;

use crate::fixture::{Fixture, HTTPS, patch, record};
use causeway_records::{
    Kind, Record,
    inputs::AnyInputs,
    noun::Noun,
    nouns::*,
    trial::{Side, Trial},
};
use causeway_store::{
    Result, StoreError, Writer,
    queue::Key,
    trial::{Expected, Proposed},
};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool, Row};
use std::{collections::BTreeMap, sync::Arc};

/// Every row of every table, as text.
async fn dump(pool: &PgPool) -> BTreeMap<String, Vec<String>> {
    let tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename";
    let mut all = BTreeMap::new();
    for row in sqlx::query(tables).fetch_all(pool).await.unwrap() {
        let table: String = row.get(0);
        let rows = format!("SELECT t::text || ' ' || t.xmin FROM {table} t ORDER BY 1");
        all.insert(table, sqlx::query_scalar(AssertSqlSafe(rows)).fetch_all(pool).await.unwrap());
    }
    all
}

fn expected(is_it: impl Fn(Trial<AnyInputs>) -> bool + Send + Sync + 'static) -> Expected {
    let is_it = Arc::new(is_it);
    Box::new(move |trial| {
        let is_it = Arc::clone(&is_it);
        Box::pin(async move { is_it(trial) })
    })
}

fn proposed<V, F>(write: impl Fn(Writer) -> F + Send + Sync + 'static, deletion: Option<Key>) -> Proposed<V>
where
    F: Future<Output = Result<V>> + Send + 'static,
{
    Proposed { write: Box::new(move |writer| Box::pin(write(writer))), deletion }
}

fn creation<T: Noun>(record: Record<T>) -> Proposed<Record<T>> {
    let create = |writer: Writer, record| async move { writer.create(record).await };
    proposed(move |writer| create(writer, record.clone()), None)
}

pub(crate) fn change<T: Noun + Rules>(id: i64, json: &'static str) -> Proposed<Record<T>> {
    proposed(move |writer| async move { writer.change(id, patch::<T>(json)).await }, None)
}

fn deletion<T: Noun>(id: i64) -> Proposed<Record<T>> {
    let key = T::INFO.reconciled.then_some(Key { kind: T::KIND, id });
    proposed(move |writer| async move { writer.delete::<T>(id).await }, key)
}

/// Tries a write, and finds the database as it was.
async fn tried<V: Send + 'static>(fixture: &Fixture, pool: &PgPool, proposed: Proposed<V>) -> Result<Trial<AnyInputs>> {
    let before = dump(pool).await;
    let trial = fixture.writer.tried(proposed).await;
    assert_eq!(dump(pool).await, before, "nothing has happened");
    trial
}

/// A gateway with HTTPS and its instance.
pub(crate) async fn gateway(fixture: &Fixture) -> (i64, i64) {
    let definition = fixture.definition("web", HTTPS).await;
    (definition, fixture.instance("web", definition).await.unwrap().id())
}

#[sqlx::test(migrations = false)]
async fn whatever_is_tried_leaves_the_database_as_it_was(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (definition, instance) = gateway(&fixture).await;
    let (http, _) = fixture.store.list::<GatewayHttpPort>(&[], 9, 0).await.unwrap();
    let names = json!({"Name": "names", "DomainNameDefinitionID": fixture.domain, "WorkloadInstanceID": fixture.workload,
        "KubernetesRuntimeInstanceID": fixture.runtime});
    let names: Record<DomainNameInstance> = record(&names.to_string());
    let port = json!({"GatewayDefinitionID": definition, "Port": 5433});
    let second = fixture.add_workload("second").await;
    let second = Record {
        spec: GatewayInstance { name: "second".parse().unwrap(), ..fixture.instance_of("x", definition, second).spec },
        ..Record::default()
    };

    let trial = tried(&fixture, &pool, creation(names)).await.unwrap();
    assert!(trial.after.touched.keys().any(|(kind, _)| *kind == Kind::SupportServiceInstance), "external-dns is made");
    tried(
        &fixture,
        &pool,
        change::<GatewayDefinition>(definition, r#"{"SubDomain":"shop","HttpPorts":[{"Port":8080}]}"#),
    )
    .await
    .unwrap();
    tried(&fixture, &pool, change::<DomainNameDefinition>(fixture.domain, r#"{"Domain":"other.test"}"#)).await.unwrap();
    tried(&fixture, &pool, creation(record::<GatewayTcpPort>(&port.to_string()))).await.unwrap();
    tried(&fixture, &pool, change::<GatewayHttpPort>(http[0].id(), r#"{"Path":"/a"}"#)).await.unwrap();
    tried(&fixture, &pool, deletion::<GatewayHttpPort>(http[0].id())).await.unwrap();
    let trial = tried(&fixture, &pool, deletion::<GatewayInstance>(instance)).await.unwrap();
    let subject = (Kind::GatewayInstance, instance);
    assert!(trial.before.records.contains_key(&subject) && !trial.after.records.contains_key(&subject));
    assert!(!trial.before.claims.is_empty() && trial.after.claims.is_empty(), "what it holds is released");
    tried(&fixture, &pool, change::<WorkloadDefinition>(1, "{}")).await.unwrap_err();

    // What the write refuses the trial refuses, with the same sentence.
    let refusal = tried(&fixture, &pool, creation(second.clone())).await.unwrap_err();
    let refused = fixture.writer.create(second).await.unwrap_err();
    assert!(matches!(&refusal, StoreError::Conflict(_)), "{refusal:?}");
    assert_eq!(refusal.to_string(), refused.to_string());
    tried(&fixture, &pool, deletion::<GatewayDefinition>(definition)).await.unwrap_err();
    let same_name = json!({"Name": "web", "DomainNameDefinitionID": fixture.domain});
    let refusal =
        tried(&fixture, &pool, creation(record::<GatewayDefinition>(&same_name.to_string()))).await.unwrap_err();
    let refused = fixture.writer.create(record::<GatewayDefinition>(&same_name.to_string())).await.unwrap_err();
    assert!(matches!(&refusal, StoreError::Conflict(_)), "{refusal:?}");
    assert_eq!(refusal.to_string(), refused.to_string());
}

#[sqlx::test(migrations = false)]
async fn a_grant_concerns_the_gateways_that_may_use_it(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (_, instance) = gateway(&fixture).await;
    let other = fixture.add_workload("other").await;
    let grant = json!({"Name": "grant", "WorkloadInstanceID": other, "GrantedWorkloadInstanceID": fixture.workload});
    let grant: Record<GatewayGrant> = record(&grant.to_string());
    let granted = |side: &Side<AnyInputs>| match &side.records[&(Kind::GatewayInstance, instance)] {
        AnyInputs::Gateway(inputs) => inputs.granted.len(),
        other => panic!("{other:?}"),
    };
    let trial = tried(&fixture, &pool, creation(grant.clone())).await.unwrap();
    assert_eq!((granted(&trial.before), granted(&trial.after)), (0, 1));
    let grant = fixture.writer.create(grant).await.unwrap().id();
    let trial = tried(&fixture, &pool, deletion::<GatewayGrant>(grant)).await.unwrap();
    assert_eq!((granted(&trial.before), granted(&trial.after)), (1, 0), "revoked at once");
}

#[sqlx::test(migrations = false)]
async fn a_gateway_concerns_those_who_lose_requests_to_it(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let on = |path: &str| format!(r#""Hostnames":["www.example.test"],"HttpPorts":[{{"Port":8080,"Path":"{path}"}}]"#);
    let root = fixture.definition("root", &on("/")).await;
    let root = fixture.instance("root", root).await.unwrap().id();
    let cart = fixture.definition("cart", &on("/cart")).await;
    let cart = creation(fixture.instance_of("cart", cart, fixture.workload));
    let trial = tried(&fixture, &pool, cart).await.unwrap();
    let beside = |side: &Side<AnyInputs>| match &side.records[&(Kind::GatewayInstance, root)] {
        AnyInputs::Gateway(inputs) => inputs.beside.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!((beside(&trial.before), beside(&trial.after)), (0, 1));
}

#[sqlx::test(migrations = false)]
async fn a_trial_shows_what_the_same_write_then_leaves(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (definition, instance) = gateway(&fixture).await;
    let json = r#"{"SubDomain":"shop","HttpPorts":[{"Port":8080}]}"#;
    let trial = tried(&fixture, &pool, change::<GatewayDefinition>(definition, json)).await.unwrap();
    let now = async |(kind, id)| fixture.store.inputs_of(Key { kind, id }).await.unwrap().unwrap();
    assert!(trial.before.records.len() > 2, "gateway instance, shared gateway, ListenerSet");
    for (subject, before) in &trial.before.records {
        assert_eq!(&now(*subject).await, before, "{subject:?}");
    }
    fixture.writer.change(definition, patch::<GatewayDefinition>(json)).await.unwrap();
    for (subject, after) in &trial.after.records {
        let AnyInputs::Gateway(after) = after else { continue };
        let AnyInputs::Gateway(found) = now(*subject).await else { panic!("it is none") };
        assert_eq!(
            (subject.1, &found.hostnames, &found.shared_gateway),
            (instance, &after.hostnames, &after.shared_gateway)
        );
        let ports = |inputs: &causeway_records::inputs::GatewayInputs| {
            inputs.definition.spec.http_ports.iter().map(|port| port.port).collect::<Vec<_>>()
        };
        assert_eq!(ports(&found), ports(after));
    }
}

#[sqlx::test(migrations = false)]
async fn a_second_trial_shows_the_same_though_ids_go_on(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let definition = fixture.definition("web", r#""HttpPorts":[{"Port":80}]"#).await;
    let instance = fixture.instance_of("web", definition, fixture.workload);
    let shown = async || {
        let trial = tried(&fixture, &pool, creation(instance.clone())).await.unwrap();
        let names = trial.after.records.values().map(|inputs| match inputs {
            AnyInputs::Gateway(inputs) => inputs.instance.object_name.clone(),
            AnyInputs::SharedGateway(inputs) => inputs.gateway.object_name.clone(),
            other => format!("{other:?}").chars().take(20).collect(),
        });
        (trial.after.touched.clone(), names.collect::<Vec<_>>(), trial.after.claims.clone())
    };
    let first = shown().await;
    assert_eq!(shown().await, first);
    assert!(first.0.keys().any(|(kind, _)| *kind == Kind::SharedGateway), "it is made: {:?}", first.0);
}

#[sqlx::test(migrations = false)]
async fn a_write_happens_only_if_its_effect_is_the_expected_one(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (definition, instance) = gateway(&fixture).await;
    let before = dump(&pool).await;
    let json = r#"{"SubDomain":"shop"}"#;
    let refused = fixture.writer.as_tried(change::<GatewayDefinition>(definition, json), expected(|_| false)).await;
    assert!(matches!(refused, Err(StoreError::PlanOutdated)), "{refused:?}");
    assert_eq!(dump(&pool).await, before);
    let hostnames = |inputs: &AnyInputs| match inputs {
        AnyInputs::Gateway(inputs) => inputs.hostnames.clone(),
        _ => vec![],
    };
    let is_it = move |trial: Trial<AnyInputs>| {
        let of = |side: &Side<AnyInputs>| side.records.get(&(Kind::GatewayInstance, instance)).map(hostnames);
        (of(&trial.before), of(&trial.after))
            == (Some(vec!["www.example.test".into()]), Some(vec!["shop.example.test".into()]))
    };
    let written =
        fixture.writer.as_tried(change::<GatewayDefinition>(definition, json), expected(is_it)).await.unwrap();
    assert_eq!(written.status.generation, Some(2));
    let stored = fixture.store.get::<GatewayDefinition>(definition).await.unwrap();
    assert_eq!(stored.common.updated_at, written.common.updated_at, "it is committed");
    // A deletion asks for it; that a worker has confirmed it was only tried.
    let gone = fixture.writer.as_tried(deletion::<GatewayInstance>(instance), expected(|_| true)).await.unwrap();
    assert!(gone.status.deletion_scheduled.is_some());
    assert!(fixture.store.get::<GatewayInstance>(instance).await.unwrap().is_being_deleted());
}
