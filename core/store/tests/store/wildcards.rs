//! Hostnames that stand for many: who holds one, who is found by a name below it, and for which nobody would sign.

use crate::fixture::{Fixture, patch, record};
use causeway_records::nouns::*;
use causeway_store::{Result, Search, StoreError};
use sqlx::PgPool;

/// Makes a gateway of these hostnames and its only instance. Answers the ids of both.
async fn add(fixture: &Fixture, name: &str, hostnames: &str, ports: &str) -> Result<(i64, i64)> {
    let definition = fixture.definition(name, &format!(r#""Hostnames":[{hostnames}],"HttpPorts":[{ports}]"#)).await;
    Ok((definition, fixture.instance(name, definition).await?.id()))
}

const PLAIN: &str = r#"{"Port":80}"#;
const HTTPS: &str = r#"{"Port":443,"TLSEnabled":true}"#;

#[sqlx::test(migrations = false)]
async fn a_wildcard_has_one_holder_and_more_specific_hostnames_have_theirs(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (_, holder) = add(&fixture, "wild", r#""*.Example.test""#, PLAIN).await.unwrap();
    add(&fixture, "shop", r#""shop.example.test""#, PLAIN).await.unwrap();
    add(&fixture, "eu", r#""*.eu.example.test","example.test""#, PLAIN).await.unwrap();
    match add(&fixture, "late", r#""*.example.test.""#, r#"{"Port":80,"Path":"/"}"#).await {
        Err(StoreError::Conflict(refusal)) => assert_eq!(
            refusal.sentence,
            format!("*.example.test/ on HTTP port 80 is already held by gateway instance wild (id {holder})")
        ),
        other => panic!("{other:?}"),
    }
    // Another path is beside it, as with every hostname.
    add(&fixture, "api", r#""*.example.test""#, r#"{"Port":80,"Path":"/api"}"#).await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn a_name_below_a_wildcard_leads_to_whoever_answers_for_it(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (_, wild) = add(&fixture, "wild", r#""*.example.test""#, PLAIN).await.unwrap();
    let (_, shop) = add(&fixture, "shop", r#""shop.example.test""#, PLAIN).await.unwrap();
    let (_, eu) = add(&fixture, "eu", r#""*.eu.example.test""#, r#"{"Port":8080}"#).await.unwrap();
    let found = async |text: &str| {
        let search = Search {
            text: text.into(),
            kind: Some(causeway_records::Kind::GatewayInstance),
            limit: 10,
            ..Search::default()
        };
        fixture.store.search(&search).await.unwrap().iter().map(|found| found.id).collect::<Vec<_>>()
    };
    assert_eq!(found("cart.example.test").await, [wild]);
    assert_eq!(found("Cart.Eu.Example.Test.").await, [wild, eu]);
    assert_eq!(found("shop.example.test").await, [wild, shop], "its own, and the wildcard above it");
    assert_eq!(found("cart.example.net").await, [0; 0]);
    let answering = async |hostname: &str| {
        let claims = fixture.store.claims_of_hostname(hostname, 10).await.unwrap();
        claims.iter().map(|claim| (claim.gateway_instance_id, claim.port)).collect::<Vec<_>>()
    };
    assert_eq!(answering("cart.example.test").await, [(wild, 80)]);
    assert_eq!(answering("shop.example.test").await, [(shop, 80)], "the wildcard gets none of its requests");
    assert_eq!(answering("cart.eu.example.test").await, [(eu, 8080), (wild, 80)], "on each port the most specific one");
    assert_eq!(answering("example.test").await, []);
    let first = fixture.store.claims_of_hostname("shop.example.test", 1).await.unwrap();
    assert_eq!(first[0].gateway_instance_id, shop, "however many claims there are at the wildcard");
}

#[sqlx::test(migrations = false)]
async fn a_wildcard_that_an_authority_would_not_sign_for_is_refused(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let challenge = |of: &'static str| patch::<DomainNameDefinition>(of);
    let by_http = || challenge(r#"{"AcmeChallenge":"HTTP01"}"#);
    let sentence = "Hostnames: *.example.test is a wildcard, and AcmeChallenge of domain name definition d is HTTP01";
    let refused = |refused: StoreError| {
        assert!(matches!(&refused, StoreError::Invalid(_)) && refused.to_string().starts_with(sentence), "{refused}");
    };
    fixture.writer.change(fixture.domain, by_http()).await.unwrap();
    refused(add(&fixture, "wild", r#""*.example.test""#, HTTPS).await.unwrap_err());
    // Without TLS, or with a Secret that somebody brings, nobody is asked to sign.
    let (plain, _) = add(&fixture, "plain", r#""*.example.test""#, PLAIN).await.unwrap();
    add(&fixture, "own", r#""*.example.test""#, r#"{"Port":8443,"TLSEnabled":true,"TLSSecretName":"own-tls"}"#)
        .await
        .unwrap();
    let https = r#"{"HttpPorts":[{"Port":443,"TLSEnabled":true}]}"#;
    refused(fixture.writer.change(plain, patch::<GatewayDefinition>(https)).await.unwrap_err());
    // Nor can the domain change from under it.
    fixture.writer.change(fixture.domain, challenge(r#"{"AcmeChallenge":"DNS01"}"#)).await.unwrap();
    fixture.writer.change(plain, patch::<GatewayDefinition>(https)).await.unwrap();
    refused(fixture.writer.change(fixture.domain, by_http()).await.unwrap_err());
    let signed = challenge(r#"{"AcmeChallenge":"HTTP01","IssuerKind":"SelfSigned"}"#);
    fixture.writer.change(fixture.domain, signed).await.unwrap();
}

/// Listeners of a platform team have certificates of their own.
#[sqlx::test(migrations = false)]
async fn on_a_gateway_with_listeners_a_wildcard_needs_a_listener_that_is_for_all_of_it(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let by_http = patch::<DomainNameDefinition>(r#"{"AcmeChallenge":"HTTP01"}"#);
    fixture.writer.change(fixture.domain, by_http).await.unwrap();
    let gateway = format!(
        r#"{{"Name":"main","KubernetesRuntimeInstanceID":{},"Namespace":"ingress","AttachableBy":"All",
            "Listeners":[{{"Name":"https","Port":443,"Protocol":"HTTPS","Hostname":"*.eu.example.test","SecretName":"eu"}}]}}"#,
        fixture.runtime
    );
    let gateway = fixture.writer.create(record::<SharedGateway>(&gateway)).await.unwrap().id();
    let attach = async |name: &str, hostname: &str| {
        let more = format!(r#""Hostnames":["{hostname}"],"HttpPorts":[{HTTPS}]"#);
        let definition = fixture.definition(name, &more).await;
        let mut instance = fixture.instance_of(name, definition, fixture.workload);
        instance.spec.shared_gateway_id = Some(gateway);
        fixture.writer.create(instance).await.map(|made| made.id())
    };
    let wild = attach("wild", "*.eu.example.test").await.unwrap();
    attach("deep", "*.shop.eu.example.test").await.unwrap();
    attach("shop", "shop.eu.example.test").await.unwrap();
    let refused = attach("all", "*.example.test").await.unwrap_err().to_string();
    assert!(refused.contains("shared gateway main has no listener for HTTPS port 443 for *.example.test"), "{refused}");
    match attach("same", "*.eu.example.test").await.unwrap_err() {
        StoreError::Conflict(refusal) => {
            assert!(refusal.sentence.ends_with(&format!("gateway instance wild (id {wild})")), "{}", refusal.sentence);
        }
        other => panic!("{other:?}"),
    }
}
