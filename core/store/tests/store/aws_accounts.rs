//! AWS accounts: who hears of their credentials, and where they may be used.

use crate::fixture::{Fixture, HTTPS, patch, record};
use causeway_records::{Kind, Record, nouns::*};
use causeway_store::{StoreError, queue::Key};
use sqlx::PgPool;

#[sqlx::test(migrations = false)]
async fn credentials_reach_all_who_use_them(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let account = r#"{"Name":"dns","AccountID":"1","DefaultRegion":"eu-west-1","AllRuntimes":true}"#;
    let account = fixture.writer.create(record::<AwsAccount>(account)).await.unwrap().id();
    let named = move |domain: &mut Record<DomainNameDefinition>| {
        domain.spec.aws_account_id = Some(account);
        Ok(false)
    };
    fixture.writer.change(fixture.domain, named).await.unwrap();
    let shared = fixture.instance("shared", fixture.definition("shared", HTTPS).await).await.unwrap().id();
    let own = format!(r#""Placement":"Dedicated",{HTTPS}"#);
    let own = fixture.instance("own", fixture.definition("own", &own).await).await.unwrap().id();
    let inputs = fixture.store.gateway_inputs(shared).await.unwrap().0;
    let gateway = inputs.shared_gateway.unwrap().gateway.record.id();
    let watched = [
        Key { kind: Kind::GatewayInstance, id: shared },
        Key { kind: Kind::GatewayInstance, id: own },
        Key { kind: Kind::SharedGateway, id: gateway },
    ];
    let generations = async || fixture.generations(&watched).await;
    let before = generations().await;
    fixture.writer.change(account, patch::<AwsAccount>(r#"{"DefaultRegion":"eu-north-1"}"#)).await.unwrap();
    let after = generations().await;
    assert!(before.iter().zip(&after).all(|(before, after)| after > before), "{before:?} {after:?}");
}

/// Where the account of a domain may be used is said by its owner; every way to bring its keys into a cluster is refused elsewhere.
#[sqlx::test(migrations = false)]
async fn an_account_is_used_only_where_its_owner_said(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let account = record::<AwsAccount>(r#"{"Name":"a","AccountID":"1","DefaultRegion":"x"}"#);
    let account = fixture.writer.create(account).await.unwrap().id();
    let allow = async |ids: Vec<i64>| {
        let change = move |account: &mut Record<AwsAccount>| {
            account.spec.kubernetes_runtime_instance_ids = Some(Ids(ids.clone()));
            Ok(false)
        };
        fixture.writer.change(account, change).await.unwrap();
    };
    let name_account = async |id: Option<i64>| {
        let change = move |domain: &mut Record<DomainNameDefinition>| {
            domain.spec.aws_account_id = id;
            Ok(false)
        };
        fixture.writer.change(fixture.domain, change).await
    };
    let refused = |error: StoreError| {
        let StoreError::Invalid(refusal) = error else { panic!("{error:?}") };
        assert!(
            refusal.details[0].field == "AwsAccountID" && refusal.sentence.contains("may not be used"),
            "{refusal}"
        );
    };
    let published = || fixture.domain_name_of("dns", fixture.domain, fixture.workload);
    let service = |account: i64| {
        record::<SupportServiceInstance>(&format!(
            r#"{{"Name":"own","Service":"external-dns","KubernetesRuntimeInstanceID":{},"AwsAccountID":{account}}}"#,
            fixture.runtime
        ))
    };
    // The domain alone brings nothing anywhere.
    name_account(Some(account)).await.unwrap();
    refused(fixture.writer.create(published()).await.unwrap_err());
    refused(fixture.writer.create(service(account)).await.unwrap_err());
    let https = fixture.definition("web", HTTPS).await;
    refused(fixture.instance("web", https).await.unwrap_err());
    let plain = fixture.definition("plain", r#""HttpPorts":[{"Port":8080}]"#).await;
    let plain_instance = fixture.instance("plain", plain).await.unwrap();
    let tls = format!(r#"{{"GatewayDefinitionID":{plain},"Port":8443,"TLSEnabled":true}}"#);
    refused(fixture.writer.create(record::<GatewayHttpPort>(&tls)).await.unwrap_err());
    // Another runtime is not this one.
    allow(vec![fixture.runtime + 1]).await;
    refused(fixture.writer.create(published()).await.unwrap_err());
    allow(vec![fixture.runtime]).await;
    fixture.writer.create(published()).await.unwrap();
    fixture.instance("web", https).await.unwrap();
    // Taken away: what is there stays, and doesn't become more.
    allow(vec![]).await;
    refused(fixture.instance("more", https).await.unwrap_err());
    // Nor does another account come to those who are there.
    name_account(None).await.unwrap();
    refused(name_account(Some(account)).await.unwrap_err());
    fixture.writer.delete::<GatewayInstance>(plain_instance.id()).await.unwrap();
}
