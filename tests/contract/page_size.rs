//! How large pages of the dashboard are on their way: full ones, with long names and sentences that no two records share.

use causeway_records::{Kind, status::NewCondition};
use causeway_store::queue::Outcome;
use causeway_testkit::unique_name;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use reqwest::Client;
use serde_json::json;
use uuid::Uuid;

use crate::{chain::Chain, made, overview::Worker, platform};

/// Bytes that a browser gets at most until a page stands, whoever looks at it for the first time: the page, its style and its scripts.
const FIRST_LOAD: usize = 60_000;
/// More than one page holds.
const INSTANCES: usize = 55;

/// A label as long as DNS allows, which compresses badly.
fn label() -> String {
    let random = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    format!("a-{}", &random[..61])
}

/// Gateway instances that aren't ready, each for a long reason of its own, and with long hostnames.
async fn full_lists() -> i64 {
    let (chain, worker) = (Chain::up_to("gateway-instances").await, Worker::new().await);
    let cluster = chain.id("kubernetes-runtime-instances");
    for _ in 0..INSTANCES {
        let hostnames: Vec<_> = (0..4).map(|_| format!("{}.{}.example", label(), label())).collect();
        let body = json!({"Name": label(), "Hostnames": hostnames, "ServiceName": "web", "HttpPorts": [{"Port": 80}]});
        let definition = made("gateway-definitions", &body).await;
        let body = json!({
            "Name": label(), "GatewayDefinitionID": definition, "KubernetesRuntimeInstanceID": cluster,
            "WorkloadInstanceID": chain.id("workload-instances"),
        });
        let instance = made("gateway-instances", &body).await;
        let message = format!(
            "Service {}/{}, to which route {} leads, is not in the cluster; add it to the manifests of workload {}",
            label(),
            label(),
            label(),
            label()
        );
        let outcome = Outcome::with(vec![NewCondition::not_met("RefsResolved", "BackendNotFound", message)]);
        worker.reconciles(Kind::GatewayInstance, instance, cluster, outcome).await;
    }
    cluster
}

/// Bytes of an answer on the line.
async fn transferred(path: &str) -> (usize, String) {
    let url = format!("{}{path}", platform().await.url());
    let answer = Client::new().get(&url).header(ACCEPT_ENCODING, "gzip").send().await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    assert_eq!(answer.headers()[CONTENT_ENCODING], "gzip", "{path}");
    let compressed = answer.bytes().await.unwrap().len();
    (compressed, Client::new().get(&url).send().await.unwrap().text().await.unwrap())
}

#[tokio::test]
async fn a_full_page_with_all_that_it_loads_is_small() {
    let cluster = full_lists().await;
    for (path, rows) in [
        ("/ui".to_owned(), 25),
        (format!("/ui/gateway-instances?kubernetesruntimeinstanceid={cluster}"), 50),
        ("/ui/gateway-instances?ready=False".to_owned(), 50),
        ("/ui/search?q=a-".to_owned(), 50),
        ("/ui/events".to_owned(), 50),
        ("/ui/audit".to_owned(), 50),
    ] {
        let (mut bytes, page) = transferred(&path).await;
        assert!(page.matches("<tr id=").count() >= rows, "{path} is not full: {page}");
        let assets = page.split(['"']).filter(|part| part.starts_with("/ui/assets/") && !part.ends_with(".svg"));
        let assets: Vec<_> = assets.collect();
        assert_eq!(assets.len(), 2, "style and scripts: {assets:?}");
        for asset in assets {
            bytes += transferred(asset).await.0;
        }
        eprintln!("{path}: {bytes} bytes");
        assert!(bytes <= FIRST_LOAD, "{path} needs {bytes} bytes");
    }
}

#[tokio::test]
async fn a_list_without_records_says_so() {
    for (path, key) in [("/ui/gateway-instances", "q"), ("/ui/audit", "caller"), ("/ui/events", "name")] {
        let (_, page) = transferred(&format!("{path}?{key}={}", unique_name("nobody"))).await;
        assert!(page.contains("class=\"sheet empty\"") && !page.contains("<table"), "{path}: {page}");
    }
}
