//! Domain names: whose a hostname is, and what external-dns is told of them.

use crate::fixture::{Fixture, patch, record};
use causeway_records::{Kind, inputs::Elsewhere, nouns::*};
use causeway_store::{StoreError, queue::Key};
use serde_json::{Value, json};
use sqlx::PgPool;

#[sqlx::test(migrations = false)]
async fn a_hostname_of_two_workloads_belongs_to_both(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let other = fixture.add_workload("api").await;
    let root = fixture.definition("root", r#""HttpPorts":[{"Port":80}]"#).await;
    let api = fixture.definition("api", r#""HttpPorts":[{"Port":80,"Path":"/api"}]"#).await;
    let name = async |name: &str, workload: i64| {
        fixture.writer.create(fixture.domain_name_of(name, fixture.domain, workload)).await.unwrap().id()
    };
    let (first, other_name) = (name("root", fixture.workload).await, name("api", other).await);
    fixture.instance("root", root).await.unwrap();
    let second = fixture.writer.create(fixture.instance_of("api", api, other)).await.unwrap().id();
    let asked = Elsewhere::Asked { by: vec![other_name] };
    let elsewhere = async || fixture.store.domain_name_inputs(first).await.unwrap().wanted_elsewhere;
    assert_eq!(elsewhere().await, [("www.example.test".to_owned(), asked.clone())].into());
    let key = Key { kind: Kind::DomainNameInstance, id: other_name };
    let work = fixture.store.begin(&key, fixture.lease()).await.unwrap().unwrap();
    let noted = json!({"hosts": {"www.example.test": {"present": false, "ttl": 60}}});
    assert!(fixture.store.save_published_state(&work, &noted).await.unwrap());
    let holder = Elsewhere::Noted { id: other_name, name: "api".to_owned() };
    assert_eq!(elsewhere().await, [("www.example.test".to_owned(), holder)].into());
    for (more, value) in [("elsewhere", json!(true)), ("goneSince", "2026-01-31T12:00:00Z".into())] {
        let noted = json!({"hosts": {"www.example.test": {"present": true, "ttl": 60, more: value}}});
        assert!(fixture.store.save_published_state(&work, &noted).await.unwrap());
        assert_eq!(elsewhere().await, [("www.example.test".to_owned(), asked.clone())].into(), "{more}");
    }
    fixture.writer.delete::<GatewayInstance>(second).await.unwrap();
    assert!(elsewhere().await.is_empty(), "what is on its way out publishes nothing");
}

#[sqlx::test(migrations = false)]
async fn a_hostname_that_is_too_long_for_its_ownership_record_is_refused(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let label = "a".repeat(63);
    let instance = async |name: &str, rest: usize| {
        let sub_domain = format!("{label}.{label}.{label}.{}", "a".repeat(rest));
        let json = format!(
            r#"{{"Name":"{name}","DomainNameDefinitionID":{},"SubDomain":"{sub_domain}","HttpPorts":[{{"Port":80}}]}}"#,
            fixture.domain
        );
        let definition = fixture.writer.create(record::<GatewayDefinition>(&json)).await.unwrap().id();
        fixture.instance(name, definition).await
    };
    // Three labels with their dots, and `.example.test`.
    instance("fits", 241 - 192 - 13).await.unwrap();
    let refused = instance("long", 242 - 192 - 13).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::Invalid(_)) && refused.to_string().contains("241 can be published"),
        "{refused}"
    );
}

/// Those of all domains, whether or not they name their zone; none that is left, and none of another account.
#[sqlx::test(migrations = false)]
async fn external_dns_is_told_of_the_zones_that_are_written_to(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let named = r#"{"Name":"b","Domain":"b.test","Zone":"Public","HostedZoneID":"Z2","AdminEmail":"a@b.test"}"#;
    let named = fixture.writer.create(record::<DomainNameDefinition>(named)).await.unwrap().id();
    let zone = |id: &str, account: Option<i64>| json!({"id": id, "name": "example.test", "account": account});
    let of = async |name: &str, domain: i64, hosts: Value| {
        let id = fixture.writer.create(fixture.domain_name_of(name, domain, fixture.workload)).await.unwrap().id();
        let key = Key { kind: Kind::DomainNameInstance, id };
        let work = fixture.store.begin(&key, fixture.lease()).await.unwrap().unwrap();
        let state = json!({"hosts": hosts, "unreadable": ["Z6"]});
        assert!(fixture.store.save_published_state(&work, &state).await.unwrap());
    };
    let host = |zone: Value| json!({"present": true, "ttl": 60, "zone": zone});
    let mut gone = host(zone("Z3", None));
    gone["goneSince"] = "2026-01-31T12:00:00Z".into();
    let moved = json!({"present": true, "ttl": 60, "zone": zone("Z1", None),
        "former": [{"zone": zone("Z4", None), "ttl": 60}]});
    of("a", fixture.domain, json!({"x": moved, "y": gone, "z": host(zone("Z5", Some(7)))})).await;
    of("b", named, json!({"x": host(zone("Z2", None)), "y": host(zone("Z6", None))})).await;
    let (services, _) = fixture.store.list::<SupportServiceInstance>(&[], 10, 0).await.unwrap();
    let service = services.iter().find(|service| service.spec.service == Service::ExternalDns).unwrap().id();
    let inputs = fixture.store.support_service_inputs(service).await.unwrap();
    assert_eq!(inputs.domains, ["b.test", "example.test"]);
    assert_eq!(inputs.zones.iter().map(|zone| zone.id.as_str()).collect::<Vec<_>>(), ["Z1", "Z2"]);
}

/// Nor is one put on record for it. A domain that changes its driver brings it.
#[sqlx::test(migrations = false)]
async fn external_dns_is_told_nothing_of_a_domain_that_workers_write(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let own = r#"{"Name":"own","Domain":"own.test","Zone":"Public","DnsDriver":"route53","AdminEmail":"a@own.test"}"#;
    let own = fixture.writer.create(record::<DomainNameDefinition>(own)).await.unwrap().id();
    let instance = fixture.writer.create(fixture.domain_name_of("own", own, fixture.workload)).await.unwrap().id();
    let external_dns = async || {
        let (services, _) = fixture.store.list::<SupportServiceInstance>(&[], 10, 0).await.unwrap();
        services.iter().find(|service| service.spec.service == Service::ExternalDns).map(|service| service.id())
    };
    assert_eq!(external_dns().await, None);
    let (back, forth) = (r#"{"DnsDriver":"external-dns"}"#, r#"{"DnsDriver":"route53"}"#);
    fixture.writer.change(own, patch::<DomainNameDefinition>(back)).await.unwrap();
    let service = external_dns().await.unwrap();
    assert_eq!(fixture.store.support_service_inputs(service).await.unwrap().domains, ["own.test"]);
    assert_eq!(fixture.store.domain_name_inputs(instance).await.unwrap().external_dns.unwrap().id, service);
    fixture.writer.change(own, patch::<DomainNameDefinition>(forth)).await.unwrap();
    assert_eq!(fixture.store.support_service_inputs(service).await.unwrap().domains, [""; 0]);
    assert_eq!(fixture.store.domain_name_inputs(instance).await.unwrap().external_dns, None);
}
