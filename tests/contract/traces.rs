//! What an API that sends traces stores for the workers with what it is asked for.

use causeway_rig::{Endpoints, free_port};
use causeway_testkit::{ControlPlane, Setup, id_of};
use serde_json::json;
use sqlx::{Connection, PgConnection};

/// What is stored with a runtime instance that is made over an API with these arguments.
async fn stored(api_arguments: Vec<String>) -> Option<String> {
    let setup = Setup { workers: 0, api_arguments, ..Setup::for_test("traces") };
    let platform = ControlPlane::start(&Endpoints::from_env().expect("no rig"), setup).await.unwrap();
    let client = platform.client();
    let of = json!({"Name": "kind", "InfraProvider": "kind"});
    let of = id_of(&client.create("kubernetes-runtime-definitions", &of).await.unwrap()).unwrap();
    let runtime = json!({"Name": "main", "Location": "Local", "KubernetesRuntimeDefinitionID": of});
    let runtime = id_of(&client.create("kubernetes-runtime-instances", &runtime).await.unwrap()).unwrap();
    let mut database = PgConnection::connect(&platform.database_url()).await.unwrap();
    let text = "SELECT traceparent FROM reconciliations WHERE kind = 'KubernetesRuntimeInstance' AND id = $1";
    let stored = sqlx::query_scalar(text).bind(runtime).fetch_one(&mut database).await.unwrap();
    platform.stop().await;
    stored
}

#[tokio::test]
async fn an_api_that_sends_traces_stores_the_span_of_who_asks_and_no_other_does() {
    // Nobody has to take them.
    let collector = format!("http://127.0.0.1:{}", free_port().unwrap());
    let traceparent = stored(vec!["--otlp-endpoint".to_owned(), collector]).await.unwrap();
    let parts: Vec<usize> = traceparent.split('-').map(str::len).collect();
    assert_eq!(parts, [2, 32, 16, 2], "{traceparent}");
    assert_eq!(stored(vec![]).await, None);
}
