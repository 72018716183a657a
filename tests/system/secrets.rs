//! Secrets in manifests: they get into the cluster, and stand nowhere else as they are.

use causeway_rig::Endpoints;
use causeway_testkit::{
    ControlPlane, Harness, INSTALLED, SOON, Setup, add_runtime, add_workload_of, api, condition, harness, id_of,
    kinds::SECRET,
    kube_client, object_name,
    objects::{at, becomes},
};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Every row of every table, as Postgres prints it.
async fn dump(harness: &Harness) -> String {
    let mut database = PgConnection::connect(&harness.platform.database_url()).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
    )
    .fetch_all(&mut database)
    .await
    .unwrap();
    let mut all = String::new();
    for table in tables {
        let rows = sqlx::query_scalar(AssertSqlSafe(format!("SELECT t::text FROM {table} t")));
        for row in rows.fetch_all(&mut database).await.unwrap() {
            let row: String = row;
            all += &row;
            all.push('\n');
        }
    }
    all
}

/// As it is, and as Postgres prints bytes.
fn assert_nowhere(dump: &str, texts: &[&str]) {
    for text in texts {
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(!dump.contains(text) && !dump.contains(&hex), "{text} stands in the database");
    }
}

fn manifests(secret: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: login}}\nstringData: {{password: {secret}}}\n---\n\
         apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: no-secret}}\ndata: {{colour: blue}}\n"
    )
}

#[tokio::test]
async fn a_secret_gets_into_the_cluster_and_stands_nowhere_else() {
    let harness = harness().await;
    let (client, name) = (&harness.client, harness.name("secrets"));
    // In base64 as the cluster answers them: the second of each pair.
    let (first, second) = (("hunter2-of-ann", "aHVudGVyMi1vZi1hbm4="), ("hunter2-of-bob", "aHVudGVyMi1vZi1ib2I="));
    let id = add_workload_of(client, harness.runtime, &name, &manifests(first.0)).await.unwrap();
    let of = client.get("workload-instances", id).await.unwrap()["WorkloadDefinitionID"].as_i64().unwrap();
    let further = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "further"}, "stringData": {"password": first.0},
    });
    let further = json!({"WorkloadDefinitionID": of, "JSONDefinition": further});
    client.create("workload-resource-definitions", &further).await.unwrap();
    let secrets = api(&harness.kube().await.unwrap(), SECRET, Some(&object_name(&name, id)));
    for object in ["login", "further"] {
        becomes(&secrets, object, "the Secret stands", |secret| at(secret, "/data/password") == first.1).await;
    }
    client.until_ready("workload-instances", id, SOON).await.unwrap();
    let listed = client.list("workload-resource-instances", &format!("workloadinstanceid={id}")).await.unwrap();
    assert!(listed.iter().any(|one| one["JSONDefinition"]["data"]["password"] == first.1), "{listed:?}");
    let before = dump(harness).await;
    assert!(before.contains("/Secret/") && before.contains(&name), "the rows were read");

    client.patch("workload-definitions", of, &json!({"YAMLDocument": manifests(second.0)})).await.unwrap();
    becomes(&secrets, "login", "the change arrives", |secret| at(secret, "/data/password") == second.1).await;
    client.until_ready("workload-instances", id, SOON).await.unwrap();
    let meanwhile = dump(harness).await;
    client.delete_and_wait("workload-instances", id, INSTALLED).await.unwrap();
    client.delete("workload-definitions", of).await.unwrap();
    let after = dump(harness).await;
    for dump in [&before, &meanwhile, &after] {
        assert_nowhere(dump, &[first.0, first.1, second.0, second.1]);
    }
    let logs = harness.platform.workers().iter().map(|worker| worker.log().unwrap()).collect::<Vec<_>>().concat()
        + &harness.platform.api().log().unwrap();
    assert!(!logs.contains(first.0) && !logs.contains(second.0) && !logs.contains(first.1), "a log has it");
}

/// What an API server refuses it may quote.
#[tokio::test]
async fn a_secret_that_is_refused_is_not_repeated() {
    let harness = harness().await;
    let (client, name) = (&harness.client, harness.name("refused-secret"));
    let number = "84627384650192";
    let wrong = format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: wrong}}\nstringData: {{pin: {number}}}\n");
    let id = add_workload_of(client, harness.runtime, &name, &wrong).await.unwrap();
    let record = client.until("workload-instances", id, SOON, |record| {
        condition(record, "Applied").is_some_and(|applied| applied["Status"] == "False")
    });
    let record = record.await.unwrap();
    let message = condition(&record, "Applied").unwrap()["Message"].as_str().unwrap().to_owned();
    assert!(message.contains("Secret") && message.contains("wrong") && !message.contains(number), "{message}");
    assert_nowhere(&dump(harness).await, &[number]);
    client.delete_and_wait("workload-instances", id, INSTALLED).await.unwrap();
}

const OLD: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const NEW: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

/// A worker must not take manifests that it can't read for none: it would delete what was made of them.
#[tokio::test]
async fn what_was_applied_stays_when_the_key_of_its_manifests_is_lost() {
    let endpoints = Endpoints::from_env().unwrap();
    let setup = Setup { workers: 0, ..Setup::for_test("lost_key") };
    let mut platform = ControlPlane::start(&endpoints, setup).await.unwrap();
    let restart = async |platform: &mut ControlPlane, keys: &str| {
        platform.kill_api().await;
        platform.set_encryption_key(keys);
        platform.start_api_again().await.unwrap();
        platform.client()
    };
    let client = restart(&mut platform, OLD).await;
    let of = json!({"Name": "lost", "YAMLDocument": manifests("hunter2")});
    let of = id_of(&client.create("workload-definitions", &of).await.unwrap()).unwrap();
    // The credentials of the cluster are under the new key, so that only the manifests are lost without the old one.
    let client = restart(&mut platform, &format!("{NEW},{OLD}")).await;
    let runtime = add_runtime(&client, endpoints.cluster(), "main").await.unwrap();
    let instance = json!({"Name": "lost", "KubernetesRuntimeInstanceID": runtime, "WorkloadDefinitionID": of});
    let id = id_of(&client.create("workload-instances", &instance).await.unwrap()).unwrap();
    platform.add_worker().await.unwrap();
    client.until_ready("workload-instances", id, SOON).await.unwrap();
    platform.stop_workers().await;

    let client = restart(&mut platform, NEW).await;
    platform.add_worker().await.unwrap();
    client.patch("workload-instances", id, &json!({"Reconciled": false})).await.unwrap();
    let record = client.until("workload-instances", id, SOON, |record| {
        condition(record, "Applied").is_some_and(|applied| applied["Reason"] == "Unreadable")
    });
    let record = record.await.unwrap();
    let message = condition(&record, "Applied").unwrap()["Message"].as_str().unwrap().to_owned();
    assert!(message.contains("add that key, or send the document again"), "{message}");
    let kube = kube_client(endpoints.cluster()).await.unwrap();
    let secrets = api(&kube, SECRET, Some(&object_name("lost", id)));
    becomes(&secrets, "login", "what was applied stays", |secret| secret.metadata.deletion_timestamp.is_none()).await;
    // Sent again, under the key that there is.
    client.patch("workload-definitions", of, &json!({"YAMLDocument": manifests("hunter3")})).await.unwrap();
    becomes(&secrets, "login", "the change arrives", |secret| at(secret, "/data/password") == "aHVudGVyMw==").await;
    client.until_ready("workload-instances", id, SOON).await.unwrap();
    client.delete_and_wait("workload-instances", id, INSTALLED).await.unwrap();
    platform.stop().await;
}
