//! Tokens, shown to a strict authenticator of EKS.

use causeway_aws::{Account, Credentials, EksIdentity, EksTokens};
use causeway_sts::{AccessEntry, Sts};
use secrecy::ExposeSecret;

#[tokio::test]
async fn a_cluster_takes_the_tokens_that_were_made_for_it() {
    let sts = Sts::start().await.expect("it starts");
    let arn = "arn:aws:iam::123456789012:user/workers";
    sts.add_key("AKIA1", "very-secret", arn);
    for cluster in ["shop", "web"] {
        let entry = AccessEntry { arn: arn.into(), user: "workers".into(), groups: vec![] };
        sts.add_entry(cluster, entry);
    }
    let token = async |secret: &str, region: &str| {
        let credentials = Credentials::Keys { id: "AKIA1".into(), secret: secret.into() };
        let account = Account { credentials, role: None, region: region.into() };
        let made = EksTokens::new(EksIdentity { account, cluster: "shop".into() }).token().await;
        made.expect("keys need nobody").token.expose_secret().to_owned()
    };
    for region in ["eu-central-1", "us-gov-west-1"] {
        let token = token("very-secret", region).await;
        assert_eq!(sts.authenticate("shop", &token).expect("it is taken").user, "workers");
        assert!(sts.authenticate("web", &token).is_err_and(|why| why.contains("for cluster web")));
    }
    let forged = token("guessed", "eu-central-1").await;
    assert!(sts.authenticate("shop", &forged).is_err_and(|why| why.contains("the signature")));
}
