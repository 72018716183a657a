//! Listeners that share a port because TLS says the hostname first, and what others of the same hostname are refused.

use crate::fixture::{Fixture, patch};
use causeway_records::{inputs::Protocol, nouns::*};
use causeway_store::StoreError;
use sqlx::PgPool;

async fn add(fixture: &Fixture, name: &str, ports: &str) -> i64 {
    let definition = fixture.definition(name, &format!(r#"{ports},"Hostnames":["{name}.example.test"]"#)).await;
    fixture.instance(name, definition).await.unwrap();
    definition
}

#[sqlx::test(migrations = false)]
async fn https_and_tls_share_a_port_while_one_of_them_is_there(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    add(&fixture, "web", r#""HttpPorts":[{"Port":443,"TLSEnabled":true}]"#).await;
    add(&fixture, "ended", r#""TcpPorts":[{"Port":443,"TLSEnabled":true}]"#).await;
    let through = r#""TcpPorts":[{"Port":443,"TLSEnabled":true,"TLSMode":"Passthrough"}]"#;
    let last = add(&fixture, "through", through).await;
    let ports = async || -> Vec<(i32, String)> {
        let text = "SELECT bound_port, protocol FROM gateway_ports WHERE bound_port <> 10080";
        sqlx::query_as(text).fetch_all(&pool).await.unwrap()
    };
    assert_eq!(ports().await, [(10443, "TLS".to_owned())]);
    // Who has a certificate has the domain that signs it.
    let set: i64 = sqlx::query_scalar("SELECT id FROM listener_sets").fetch_one(&pool).await.unwrap();
    let inputs = fixture.store.listener_set_inputs(set).await.unwrap();
    let read: Vec<_> = inputs
        .listeners
        .iter()
        .map(|listener| (listener.key.protocol, listener.users.len(), listener.domain_name_definition_id.is_some()))
        .collect();
    let expected = [(Protocol::Https, 1, true), (Protocol::Tls, 1, true), (Protocol::TlsPassthrough, 1, false)];
    assert_eq!((read.as_slice(), inputs.domains.len()), (&expected[..], 1));
    let (gateways, _) = fixture.store.list::<SharedGateway>(&[], 1, 0).await.unwrap();
    let gateway = fixture.store.shared_gateway_inputs(gateways[0].id()).await.unwrap();
    let secured: Vec<_> = gateway.listeners.iter().map(|listener| listener.key.protocol).collect();
    assert_eq!(secured, [Protocol::Https, Protocol::Tls], "those that its issuers sign for");
    // The port is TLS's until the last of them has gone.
    let (instances, _) = fixture.store.list::<GatewayInstance>(&[], 10, 0).await.unwrap();
    for instance in &instances[..2] {
        fixture.writer.delete::<GatewayInstance>(instance.id()).await.unwrap();
        fixture.store.confirm_deleted(causeway_records::Kind::GatewayInstance, instance.id()).await.unwrap();
        assert_eq!(ports().await, [(10443, "TLS".to_owned())]);
    }
    fixture.writer.change(last, patch::<GatewayDefinition>(r#"{"TcpPorts":[{"Port":443}]}"#)).await.unwrap();
    assert_eq!(ports().await, [(10443, "TCP".to_owned())]);
}

#[sqlx::test(migrations = false)]
async fn a_hostname_of_a_port_is_either_https_or_tls_and_either_http_or_grpc(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    add(&fixture, "web", r#""HttpPorts":[{"Port":443,"TLSEnabled":true,"Path":"/a"},{"Port":80,"Path":"/b"}]"#).await;
    let refusal = async |name: &'static str, more: &str| {
        let definition = fixture.definition(name, &format!(r#"{more},"Hostnames":["web.example.test"]"#)).await;
        match fixture.instance(name, definition).await {
            Err(StoreError::Conflict(refusal)) => refusal.sentence,
            other => panic!("{name}: {other:?}"),
        }
    };
    let sentence = refusal("tls", r#""TcpPorts":[{"Port":443,"TLSEnabled":true,"TLSMode":"Passthrough"}]"#).await;
    assert!(
        sentence.starts_with("web.example.test on TLS passthrough port 443 can't stand beside web.example.test/a on HTTPS port 443, which gateway instance web"),
        "{sentence}"
    );
    let grpc = r#""HttpPorts":[{"Port":80}],"GrpcRoutes":[{"Rules":[{"matches":[{"method":{"service":"x"}}]}]}]"#;
    let sentence = refusal("grpc", grpc).await;
    assert!(
        sentence.starts_with("web.example.test/x/* (gRPC) on HTTP port 80 can't stand beside web.example.test/b on HTTP port 80, which gateway instance web"),
        "{sentence}"
    );
}

#[sqlx::test(migrations = false)]
async fn a_listener_has_the_secret_that_its_users_have_brought(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let https = |path: &str, secret: &str| {
        format!(
            r#""HttpPorts":[{{"Port":443,"TLSEnabled":true,"Path":"{path}"{secret}}}],"Hostnames":["web.example.test"]"#
        )
    };
    let named = r#","TLSSecretName":"web-tls""#;
    let first = fixture.definition("first", &https("/", named)).await;
    fixture.instance("first", first).await.unwrap();
    let second = fixture.definition("second", &https("/api", named)).await;
    fixture.instance("second", second).await.unwrap();
    let third = fixture.definition("third", &https("/third", "")).await;
    match fixture.instance("third", third).await {
        Err(StoreError::Conflict(refusal)) => assert!(
            refusal.sentence.contains("gateway instance first has that of Secret web-tls;"),
            "{}",
            refusal.sentence
        ),
        other => panic!("{other:?}"),
    }
    let set: i64 = sqlx::query_scalar("SELECT id FROM listener_sets").fetch_one(&pool).await.unwrap();
    let listeners = async || fixture.store.listener_set_inputs(set).await.unwrap();
    let inputs = listeners().await;
    let [listener] = inputs.listeners.as_slice() else { panic!("{inputs:?}") };
    assert_eq!((listener.tls_secret.as_deref(), listener.users.len()), (Some("web-tls"), 2));
    assert_eq!((listener.domain_name_definition_id, inputs.domains.len()), (None, 0), "nothing is ordered");
    // Without it a certificate is ordered again, once nobody else says otherwise.
    let (instances, _) = fixture.store.list::<GatewayInstance>(&[], 10, 0).await.unwrap();
    fixture.writer.delete::<GatewayInstance>(instances[1].id()).await.unwrap();
    fixture.store.confirm_deleted(causeway_records::Kind::GatewayInstance, instances[1].id()).await.unwrap();
    let ordered = r#"{"HttpPorts":[{"Port":443,"TLSEnabled":true}]}"#;
    fixture.writer.change(first, patch::<GatewayDefinition>(ordered)).await.unwrap();
    let inputs = listeners().await;
    assert_eq!((inputs.listeners[0].tls_secret.as_deref(), inputs.domains.len()), (None, 1));
}

#[sqlx::test(migrations = false)]
async fn a_gateway_knows_which_of_its_hostnames_have_the_certificate_of_a_whole_domain(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    add(&fixture, "web", r#""HttpPorts":[{"Port":443,"TLSEnabled":true},{"Port":80}]"#).await;
    add(&fixture, "through", r#""TcpPorts":[{"Port":443,"TLSEnabled":true,"TLSMode":"Passthrough"}]"#).await;
    let (instances, _) = fixture.store.list::<GatewayInstance>(&[], 10, 0).await.unwrap();
    let wildcards = async |instance: usize| {
        let (inputs, _) = fixture.store.gateway_inputs(instances[instance].id()).await.unwrap();
        let found = inputs.shared_gateway.unwrap().wildcards;
        found.into_iter().map(|(hostname, domain)| (hostname, domain.to_string())).collect::<Vec<_>>()
    };
    assert!(wildcards(0).await.is_empty());
    let (domains, _) = fixture.store.list::<DomainNameDefinition>(&[], 10, 0).await.unwrap();
    let change = patch::<DomainNameDefinition>(r#"{"WildcardCertificate":true}"#);
    fixture.writer.change(domains[0].id(), change).await.unwrap();
    assert_eq!(wildcards(0).await, [("web.example.test".to_owned(), domains[0].spec.domain.to_string())]);
    assert!(wildcards(1).await.is_empty(), "the workload ends TLS there");
}
