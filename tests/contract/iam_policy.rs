//! What AWS has to allow for a domain.

use causeway_testkit::unique_name;
use serde_json::{Value, json};

use crate::{get, made, patch};

fn sids(policy: &Value) -> Vec<&str> {
    policy["Statement"].as_array().unwrap().iter().map(|statement| statement["Sid"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_domain_says_what_aws_has_to_allow_and_nothing_more() {
    let name = unique_name("policy");
    let account = json!({
        "Name": name, "AccountID": "123456789012", "DefaultRegion": "us-gov-west-1", "AllRuntimes": true,
    });
    let account = made("aws-accounts", &account).await;
    let domain = json!({
        "Name": name, "Domain": "shop.example.org", "Zone": "Public", "AdminEmail": "ops@example.org", "AwsAccountID": account,
    });
    let domain = made("domain-name-definitions", &domain).await;
    let path = format!("/v0/domain-name-definitions/{domain}/iam-policy");
    let all = get(&path).await.done(200);
    assert_eq!(all.body["Type"], "IamPolicy");
    let policy = all.record();
    assert_eq!(policy["Version"], "2012-10-17");
    for caller in ["Workers", "ExternalDns", "CertManager"] {
        assert!(sids(policy).contains(&format!("{caller}ChangeRecords").as_str()), "{policy:#}");
    }
    assert!(policy.to_string().contains("arn:aws-us-gov:route53:::hostedzone/*"), "{policy:#}");

    let change = json!({"HostedZoneID": "Z0123456789ABCDEFGHIJ", "IssuerKind": "SelfSigned"});
    patch("domain-name-definitions", domain, &change).await.done(200);
    let policy = get(&path).await.done(200).record().to_string();
    assert!(!policy.contains("CertManager") && policy.contains("hostedzone/Z0123456789ABCDEFGHIJ"), "{policy}");
    let one = get(&format!("{path}?for=external-dns")).await.done(200);
    let changes = one.record()["Statement"].as_array().unwrap().iter().find(|s| s["Sid"] == "ExternalDnsChangeRecords");
    let condition = &changes.unwrap()["Condition"];
    let actions = &condition["ForAllValues:StringEquals"]["route53:ChangeResourceRecordSetsActions"];
    assert_eq!(actions, &json!(["CREATE", "UPSERT"]), "external-dns deletes nothing");
    let names = &condition["ForAllValues:StringLike"]["route53:ChangeResourceRecordSetsNormalizedRecordNames"];
    assert_eq!(names, &json!(["shop.example.org", "*.shop.example.org"]));
}

#[tokio::test]
async fn a_policy_of_nobody_is_refused() {
    let domain = json!({
        "Name": unique_name("policy"), "Domain": "shop.example.org", "Zone": "Public", "AdminEmail": "ops@example.org",
    });
    let domain = made("domain-name-definitions", &domain).await;
    let answer = get(&format!("/v0/domain-name-definitions/{domain}/iam-policy?for=people")).await;
    answer.refused(400, "`people` is none of workers, external-dns, cert-manager").because("InvalidQuery", &["for"]);
    get("/v0/domain-name-definitions/1/iam-policy").await.refused(404, "");
}
