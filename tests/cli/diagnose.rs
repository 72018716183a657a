//! `causeway diagnose`: what the API sees on the way of a request, and what conditions tell.

use serde_json::{Value, json};

use crate::{api, api_with, root};

#[tokio::test]
async fn a_hostname_and_its_gateway_are_told_of_in_the_same_words() {
    let (platform, cli) = api("diagnose").await;
    let samples = root().join("tests/cli/samples/threeport-0.6");
    cli.done(&["apply", "-f", samples.to_str().unwrap()]).await;
    let read = async |arguments: &[&str]| {
        let ran = cli.run(&[arguments, &["-o", "json"]].concat()).await;
        let told: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
        (ran.code, told)
    };
    let (code, of_host) = read(&["diagnose", "WWW.old.example.org."]).await;
    assert_eq!((code, &of_host["Host"], &of_host["Served"]), (1, &json!("www.old.example.org"), &json!(false)));
    let gateway = &of_host["GatewayInstances"][0];
    let diagnosis = &gateway["Diagnoses"][0];
    let path = format!("/v0/gateway-instances/{}/diagnosis", gateway["ID"].as_str().unwrap());
    let answered = platform.client().try_get(&path).await.unwrap();
    assert_eq!(diagnosis, answered.record(), "as the API answers it");

    let (code, of_record) = read(&["diagnose", "gateway-instance/old-shop"]).await;
    assert_eq!((code, &of_record), (1, gateway));
    let text = cli.run(&["diagnose", "www.old.example.org"]).await.out;
    let summary = diagnosis["Summary"].as_str().unwrap();
    assert!(text.starts_with(&format!("✗ {summary}\n")), "{text}");
    for step in diagnosis["Steps"].as_array().unwrap() {
        let advice = step["Advice"].as_str().map(|advice| format!("next step: {advice}"));
        for told in [step["Step"].as_str(), step["Evidence"].as_str(), advice.as_deref()].into_iter().flatten() {
            assert!(text.contains(told), "{told}: {text}");
        }
    }
    assert!(text.ends_with("more: causeway describe gateway-instance old-shop\n"), "{text}");
    // Others have conditions alone.
    let (code, workload) = read(&["diagnose", "workload-instance", "old-shop"]).await;
    assert_eq!((code, &workload["Diagnoses"]), (1, &json!([])));
    platform.stop().await;
}

#[tokio::test]
async fn where_nobody_may_ask_the_conditions_are_told() {
    let (platform, cli) = api_with("diagnose_none", &["--max-diagnoses", "0"]).await;
    let samples = root().join("tests/cli/samples/threeport-0.6");
    cli.done(&["apply", "-f", samples.to_str().unwrap()]).await;
    let ran = cli.run(&["diagnose", "gateway-instance", "old-shop"]).await;
    assert!(
        ran.code == 1 && ran.out.starts_with("GatewayInstance old-shop") && ran.err.contains("--max-diagnoses"),
        "{ran:?}"
    );
    let ran = cli.run(&["diagnose", "www.old.example.org"]).await;
    assert!(ran.code == 5 && ran.err.contains("--max-diagnoses"), "{ran:?}");
    platform.stop().await;
}
