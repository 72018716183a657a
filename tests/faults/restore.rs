//! A backup of Postgres that is days old comes back under clusters that have moved on.

use std::collections::BTreeMap;

use causeway_testkit::{
    SOON, api, condition, eventually,
    kinds::{CONFIG_MAP, NAMESPACE},
    object_name,
    release::{HeldRecord, Release},
};
use kube::{ResourceExt, api::DeleteParams, api::ListParams};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::fixture::{Fixture, Workload, maps};

const MANY: [&str; 9] = ["a", "c", "d", "e", "f", "g", "h", "i", "j"];

/// Ends everything that uses the database, runs these statements as its admin, and starts it all again.
async fn offline(fixture: &mut Fixture, statements: impl Fn(&str) -> Vec<String>) {
    fixture.platform.kill_api().await;
    fixture.platform.stop_workers().await;
    let url = fixture.platform.database_url();
    let name = url.rsplit('/').next().unwrap();
    let mut admin = PgConnection::connect(&fixture.endpoints.postgres.url).await.unwrap();
    // A killed client's connection takes Postgres a moment to notice.
    let end = format!("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'");
    for text in std::iter::once(end).chain(statements(name)) {
        admin.execute(AssertSqlSafe(text)).await.unwrap();
    }
    fixture.platform.start_api_again().await.unwrap();
    fixture.platform.add_worker().await.unwrap();
}

/// The epoch that the cluster knows.
async fn mark(fixture: &Fixture) -> Option<i64> {
    let maps = api(&fixture.kube, CONFIG_MAP, Some("kube-system"));
    let found = maps.get_opt(&format!("causeway-{}", fixture.identity)).await.unwrap()?;
    found.data["data"]["epoch"].as_str()?.parse().ok()
}

async fn until_marked_after(fixture: &Fixture, before: i64) -> i64 {
    eventually("the cluster's mark moves on", async || mark(fixture).await.filter(|now| *now > before).ok_or("not yet"))
        .await
}

/// Everything in the cluster with the control plane's label, with its version.
async fn versions(fixture: &Fixture) -> BTreeMap<String, Option<String>> {
    let ours = ListParams::default().labels(&format!("causeway.dev/control-plane={}", fixture.identity));
    let mut all = BTreeMap::new();
    for kind in ["ConfigMap", "Namespace"] {
        for object in api(&fixture.kube, ("", "v1", kind), None).list(&ours).await.unwrap() {
            let name = format!("{kind} {}/{}", object.namespace().unwrap_or_default(), object.name_any());
            all.insert(name, object.resource_version());
        }
    }
    all
}

fn is_held(record: &Value) -> bool {
    condition(record, "Applied").is_some_and(|applied| applied["Reason"] == "DatabaseRestored")
}

/// A person has read what is held back in a record, and lets it happen.
async fn release(fixture: &Fixture, by: Release, plural: &str, id: i64) {
    let record = fixture.client.get(plural, id).await.unwrap();
    let message = condition(&record, "Applied").unwrap()["Message"].as_str().unwrap();
    by.release(&fixture.platform, HeldRecord { plural, id, message }).await.unwrap();
}

#[tokio::test]
async fn an_old_backup_that_is_restored_changes_nothing_until_a_person_says_so() {
    let mut fixture = Fixture::start("restored").await;
    let kept = fixture.add("kept", maps(&["a", "b"], "1")).await;
    let other = fixture.add("other", maps(&["a", "b"], "1")).await;
    let deleted = fixture.add("deleted", maps(&["a"], "1")).await;
    fixture.until_as_recorded().await;
    until_marked_after(&fixture, 0).await;
    offline(&mut fixture, |name| vec![format!("CREATE DATABASE {name}_backup TEMPLATE {name}")]).await;
    // What the backup knows, at least: the mark may have moved on until the worker ended.
    let then = mark(&fixture).await.unwrap();

    // Life goes on.
    for id in [kept, other] {
        fixture.change(id, maps(&MANY, "2")).await;
    }
    fixture.delete(deleted).await;
    let lost = fixture.add("lost", maps(&["a"], "1")).await;
    fixture.until_as_recorded().await;
    until_marked_after(&fixture, then).await;
    let before = versions(&fixture).await;

    offline(&mut fixture, |name| {
        vec![format!("DROP DATABASE {name} WITH (FORCE)"), format!("ALTER DATABASE {name}_backup RENAME TO {name}")]
    })
    .await;
    let client = fixture.client.clone();
    let runtime = client.until("kubernetes-runtime-instances", fixture.runtime, SOON, is_held).await.unwrap();
    let message = condition(&runtime, "Applied").unwrap()["Message"].as_str().unwrap();
    assert!(message.contains("older") && message.contains("Reconciled false"), "{message}");
    for id in [kept, other, deleted] {
        client.until("workload-instances", id, SOON, is_held).await.unwrap();
    }
    // Not even what is asked for now is done; and no id is given out a second time.
    fixture.change(kept, maps(&["a", "b"], "3")).await;
    let asked = client.patch("workload-instances", kept, &json!({"Reconciled": false})).await.unwrap();
    let added = fixture.add("added", maps(&["a"], "1")).await;
    assert!(added > lost, "{added} was {lost}'s neighbour already");
    client.until("workload-instances", added, SOON, is_held).await.unwrap();
    let seen = |record: &Value| {
        is_held(record) && condition(record, "Applied").unwrap()["ObservedGeneration"] == asked["Generation"]
    };
    client.until("workload-instances", kept, SOON, seen).await.unwrap();
    assert_eq!(versions(&fixture).await, before, "something was changed");

    // A person has checked and says that the records are right.
    release(&fixture, Release::Page, "kubernetes-runtime-instances", fixture.runtime).await;
    let braked = |record: &Value| condition(record, "Applied").is_some_and(|a| a["Reason"] == "MassDeletion");
    for (id, by) in [(kept, Release::Page), (other, Release::Command)] {
        client.until("workload-instances", id, SOON, braked).await.unwrap();
        // A change of what is on record is no word for what is found there.
        fixture.change(id, maps(&["a", "b"], "4")).await;
        let generation = client.get("workload-instances", id).await.unwrap()["Generation"].clone();
        let seen = |record: &Value| condition(record, "Applied").is_some_and(|a| a["ObservedGeneration"] == generation);
        let record = client.until("workload-instances", id, SOON, seen).await.unwrap();
        assert!(braked(&record), "what was found was deleted: {record:#}");
        release(&fixture, by, "workload-instances", id).await;
    }
    let (name, _) = fixture.deleted.pop().unwrap();
    let back = client.get("workload-instances", deleted).await.unwrap();
    let definition = back["WorkloadDefinitionID"].as_i64().unwrap();
    fixture.workloads.insert(deleted, Workload { name, definition, maps: maps(&["a"], "1") });
    // The database doesn't know what was made after the backup: it exists until an admin deletes it.
    let unknown = fixture.workloads.remove(&lost).unwrap();
    let namespaces = api(&fixture.kube, NAMESPACE, None);
    let namespace = object_name(&unknown.name, lost);
    for id in fixture.workloads.keys() {
        fixture.until_ready(*id).await;
    }
    assert!(namespaces.get_opt(&namespace).await.unwrap().is_some(), "nobody asked for its deletion");
    namespaces.delete(&namespace, &DeleteParams::default()).await.unwrap();
    fixture.until_as_recorded().await;
    // And it is trusted from now on.
    offline(&mut fixture, |_| vec![]).await;
    fixture.change(kept, maps(&["b", "c"], "5")).await;
    fixture.until_as_recorded().await;
    fixture.stop().await;
}
