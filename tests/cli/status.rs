//! `causeway status HOST`: which gateway answers to a hostname, and what blocks it.

use serde_json::json;

use crate::{RUNTIME, api, root};

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

#[tokio::test]
async fn a_name_below_a_wildcard_is_found_and_whoever_has_it_comes_first() {
    let (_platform, cli) = api("status_wildcard").await;
    assert_eq!(cli.feed(&["apply", "-f", "-"], RUNTIME).await.code, 0);
    let sample = root().join("deploy/samples/routes/tenants.yaml");
    cli.done(&["apply", "-f", sample.to_str().unwrap()]).await;
    let sample = std::fs::read_to_string(root().join("deploy/samples/routes/simple.yaml")).unwrap();
    let manifests = root().join("deploy/samples/routes/backends.yaml");
    let own = sample
        .replace("foo.simple.example", "shop.tenants.example")
        .replace("bar.simple.example", "\"*.eu.tenants.example\"")
        .replace("backends.yaml", manifests.to_str().unwrap());
    cli.done(&["apply", "-f", cli.file("own.yaml", &own).to_str().unwrap()]).await;
    let answering = async |host: &str| {
        let ran = cli.run(&["status", host, "-o", "name"]).await;
        (ran.code, ran.out)
    };
    let [tenants, simple] = ["tenants", "simple"].map(|name| (1, format!("gateway-instance/{name}\n")));
    for (host, answers) in [
        ("cart.tenants.example", &tenants),
        ("a.cart.tenants.example", &tenants),
        ("*.tenants.example", &tenants),
        ("login.tenants.example", &tenants),
        ("shop.tenants.example", &simple),
        ("Cart.EU.tenants.example.", &simple),
    ] {
        assert_eq!(&answering(host).await, answers, "{host}");
    }
    assert_eq!(answering("tenants.example").await.0, 3);
}
