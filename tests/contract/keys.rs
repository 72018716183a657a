//! Another key for secrets at rest, from the first step to the last, on a control plane of its own.

use causeway_rig::Endpoints;
use causeway_testkit::{ApiClient, ControlPlane, Setup, id_of};
use serde_json::{Value, json};

const OLD: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const NEW: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

/// The API, started again with these keys.
async fn restart(platform: &mut ControlPlane, keys: &str) -> ApiClient {
    platform.kill_api().await;
    platform.set_encryption_key(keys);
    platform.start_api_again().await.unwrap();
    platform.client()
}

async fn keys(platform: &ControlPlane, command: &str) -> (bool, String) {
    let done = platform.run_api(&["keys", command]).await.unwrap();
    (done.status.success(), String::from_utf8(done.stdout).unwrap() + &String::from_utf8(done.stderr).unwrap())
}

/// The numbers of secrets that are said to be under each key, in the order of the lines.
fn counts(status: &str) -> Vec<u64> {
    status.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)?.parse().ok()).collect()
}

#[tokio::test]
async fn a_key_is_replaced_while_clients_go_on() {
    let setup = Setup { workers: 0, ..Setup::for_test("keys") };
    let mut platform = ControlPlane::start(&Endpoints::from_env().expect("no rig"), setup).await.unwrap();
    let client = restart(&mut platform, OLD).await;
    let account = |n: usize| {
        json!({
            "Name": format!("a{n}"), "AccountID": "1", "DefaultRegion": "x", "AccessKeyID": "id", "SecretAccessKey": "secret",
        })
    };
    let mut made = vec![];
    for n in 0..4 {
        made.push(client.create("aws-accounts", &account(n)).await.unwrap());
    }
    let own = id_of(&made[0]).unwrap();
    let yaml = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {k: hunter2}\n";
    let workload = json!({"Name": "keys", "YAMLDocument": yaml});
    let workload = id_of(&client.create("workload-definitions", &workload).await.unwrap()).unwrap();
    let secret = |record: &Value| record["SecretAccessKey"].as_str().unwrap().to_owned();
    let before = secret(&made[0]);

    // The new key is the first one: old ciphertext is read, and stays when it is sent back.
    let client = restart(&mut platform, &format!("{NEW},{OLD}")).await;
    let back = client.patch("aws-accounts", own, &json!({"SecretAccessKey": before})).await.unwrap();
    assert_eq!(secret(&back), before);
    let (_, status) = keys(&platform, "status").await;
    assert!(counts(&status).contains(&9) && counts(&status).contains(&0), "{status}");

    // Encrypted anew while clients change records.
    let stored = client.get("aws-accounts", own).await.unwrap();
    let ids: Vec<_> = made.iter().map(|record| id_of(record).unwrap()).collect();
    let changes = futures::future::join_all(ids[1..].iter().map(|id| {
        let client = &client;
        async move {
            for n in 0..30 {
                client.patch("aws-accounts", *id, &json!({"DefaultRegion": format!("r{n}")})).await.unwrap();
            }
        }
    }));
    let (_, (done, said)) = tokio::join!(changes, keys(&platform, "re-encrypt"));
    assert!(done && said.starts_with("9 encrypted anew"), "{said}");
    let after = client.get("aws-accounts", own).await.unwrap();
    assert_ne!(secret(&after), before);
    assert_eq!(after["UpdatedAt"], stored["UpdatedAt"]);
    for id in &ids[1..] {
        assert_eq!(client.get("aws-accounts", *id).await.unwrap()["DefaultRegion"], "r29");
    }
    // A client that read the record before still means the same secret.
    let back = client.patch("aws-accounts", own, &json!({"SecretAccessKey": before})).await.unwrap();
    assert_eq!(secret(&back), secret(&after));
    let other = json!({"SecretAccessKey": secret(&client.get("aws-accounts", ids[1]).await.unwrap())});
    client.patch("aws-accounts", ids[1], &json!({"SecretAccessKey": "another"})).await.unwrap();
    let refused = client.patch("aws-accounts", ids[1], &other).await.unwrap_err().to_string();
    assert!(refused.contains("ciphertext of another secret"), "{refused}");

    // Without the old key everything can be read; with it alone nothing can.
    platform.set_encryption_key(NEW);
    let (done, status) = keys(&platform, "status").await;
    assert!(done && counts(&status) == [9], "{status}");
    platform.set_encryption_key(OLD);
    let (_, status) = keys(&platform, "status").await;
    assert!(status.contains("none of these keys reads them"), "{status}");
    let (done, said) = keys(&platform, "re-encrypt").await;
    assert!(!done && said.contains("9 can't be read"), "{said}");

    // With the wrong key a manifest can't be read. Everything else of its record can, and what isn't sent is not lost.
    let client = restart(&mut platform, OLD).await;
    let told = client.get("workload-definitions", workload).await.unwrap();
    let text = told["YAMLDocument"].as_str().unwrap();
    assert!(text.starts_with("# this document can't be read") && text.contains("add that key"), "{text}");
    client.patch("workload-definitions", workload, &json!({"Name": "renamed"})).await.unwrap();
    client.patch("workload-definitions", workload, &json!({"YAMLDocument": text})).await.unwrap();
    assert_eq!(client.list("workload-definitions", "name=renamed").await.unwrap().len(), 1);
    let client = restart(&mut platform, NEW).await;
    let read = client.get("workload-definitions", workload).await.unwrap();
    assert_eq!((read["YAMLDocument"].as_str(), &read["Generation"]), (Some(yaml), &json!(2)));
    platform.stop().await;
}
