//! `causeway status HOST`: which gateway answers to a hostname, and what blocks it.

use serde_json::json;

use crate::{api, root};

#[tokio::test]
async fn a_hostname_is_found_whole_and_its_gateway_named() {
    let (_platform, cli) = api("status").await;
    let samples = root().join("tests/cli/samples/threeport-0.6");
    cli.done(&["apply", "-f", samples.to_str().unwrap()]).await;
    let ran = cli.run(&["status", "WWW.old.example.org.", "-o", "json"]).await;
    assert_eq!(ran.code, 1, "no worker has made it: {ran:?}");
    let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&told["Host"], &told["Served"]), (&json!("www.old.example.org"), &json!(false)));
    let gateways = told["GatewayInstances"].as_array().unwrap();
    assert_eq!((gateways.len(), &gateways[0]["Name"]), (1, &json!("old-shop")));
    assert_eq!(gateways[0]["DomainNameInstances"][0]["Name"], "old-shop-old-shop");
    // A part of a hostname is another one.
    assert_eq!(cli.run(&["status", "old.example.org"]).await.code, 3);
}
