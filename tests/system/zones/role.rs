//! Route 53 as a role in the account that has the zones: STS, a strict stand-in, gives its keys only to who says the external id.

use causeway_rig::Endpoints;
use causeway_sts::{Sts, Trust};
use causeway_testkit::{
    ControlPlane, INSTALLED, SOON, Setup, add_gateway, add_runtime, add_workload, condition, harness, id_of,
    unique_name,
    zone::{create_zone, moments, records_of},
};
use serde_json::{Value, json};

const BASE: &str = "arn:aws:iam::111122223333:user/base";
const ROLE: &str = "arn:aws:iam::123456789012:role/dns";
const SECRET: &str = "s3cret-of-the-base-of-a-role";

#[tokio::test]
async fn workers_write_as_a_role_that_asks_for_an_external_id_and_say_when_it_refuses() {
    // The support services are there already, and stay when this control plane goes.
    harness().await;
    let endpoints = Endpoints::from_env().unwrap();
    let sts = Sts::start().await.unwrap();
    sts.add_key("AKIAROLEBASE", SECRET, BASE);
    sts.add_role(ROLE, Trust::Principal { arn: BASE.into(), external_id: Some("ours".into()) });
    let environment =
        [("AWS_ENDPOINT_URL_STS", sts.url()), ("RUST_LOG", "debug,aws_sigv4=trace,aws_config=trace".into())];
    let environment = environment.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let setup = Setup { environment, ..Setup::for_test("role") };
    let platform = ControlPlane::start(&endpoints, setup).await.unwrap();
    let (client, name) = (platform.client(), unique_name("role"));
    let runtime = add_runtime(&client, endpoints.cluster(), "main").await.unwrap();
    let domain_name = format!("{name}.zones.example");
    let zone = create_zone(&endpoints, &domain_name).await.unwrap();

    let account = json!({
        "Name": name, "AccountID": "123456789012", "DefaultRegion": "us-east-1", "AccessKeyID": "AKIAROLEBASE",
        "SecretAccessKey": SECRET, "RoleArn": ROLE, "ExternalId": "theirs", "AllRuntimes": true,
    });
    let account = id_of(&client.create("aws-accounts", &account).await.unwrap()).unwrap();
    let domain = json!({
        "Name": name, "Domain": domain_name, "Zone": "Public", "AdminEmail": "ops@zones.example", "TTL": 1,
        "IssuerKind": "SelfSigned", "DnsDriver": "route53", "AwsAccountID": account,
    });
    let domain = id_of(&client.create("domain-name-definitions", &domain).await.unwrap()).unwrap();
    let workload = add_workload(&client, runtime, &name).await.unwrap();
    let more = json!({
        "DomainNameDefinitionID": domain, "SubDomain": "www", "Placement": "Dedicated", "HttpPorts": [{"Port": 80}],
    });
    let gateway = add_gateway(&client, runtime, &name, workload, more).await.unwrap();
    let body = json!({
        "Name": name, "KubernetesRuntimeInstanceID": runtime, "DomainNameDefinitionID": domain,
        "WorkloadInstanceID": workload,
    });
    let published = id_of(&client.create("domain-name-instances", &body).await.unwrap()).unwrap();
    // The same words each time, so that nothing is written while nothing changes.
    let refused = |record: &Value| {
        let message = condition(record, "DnsPublished").and_then(|step| step["Message"].as_str()).unwrap_or_default();
        let told = ["AWS refuses to", "AccessDenied", "its role and external id"];
        told.iter().all(|word| message.contains(word)) && !message.contains("request_id")
    };
    client.until("domain-name-instances", published, INSTALLED, refused).await.unwrap();
    client.patch("aws-accounts", account, &json!({"ExternalId": "ours"})).await.unwrap();
    client.until_ready("domain-name-instances", published, INSTALLED).await.unwrap();
    let records = records_of(&endpoints, &zone).await.unwrap();
    assert!(records.contains_key(&(format!("www.{domain_name}."), "A".to_owned())), "{records:#?}");

    client.delete("domain-name-instances", published).await.unwrap();
    client.until_gone("domain-name-instances", published, SOON).await.unwrap();
    assert!(records_of(&endpoints, &zone).await.unwrap().is_empty());
    // Nothing was done with the keys of the account itself.
    let by: Vec<_> = moments(&endpoints, &zone).await.unwrap().into_iter().map(|moment| moment.by).collect();
    assert!(by.len() >= 2 && by.iter().all(|key| key.starts_with("ASIA")), "{by:?}");
    client.delete("gateway-instances", gateway).await.unwrap();
    client.until_gone("gateway-instances", gateway, SOON).await.unwrap();
    client.delete("workload-instances", workload).await.unwrap();
    client.until_gone("workload-instances", workload, SOON).await.unwrap();

    let logs: String =
        platform.workers().iter().chain([platform.api()]).map(|program| program.log().unwrap()).collect();
    let secrets = sts.secrets();
    assert!(logs.contains("causeway_workers") && secrets.len() > 2, "there is something to look at");
    for secret in &secrets {
        let line = logs.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret} is in a log: {}", line.unwrap_or_default());
    }
    platform.stop().await;
}
