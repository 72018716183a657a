//! Gateways: what instances bring with them, which routes they hold, and the ports of their definitions.

use crate::fixture::{Fixture, HTTPS, patch, record};
use causeway_records::{Kind, inputs::Protocol, nouns::*, problem::Reason};
use causeway_store::{Confirmed, Search, StoreError, queue::Key};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::collections::BTreeSet;

#[sqlx::test(migrations = false)]
async fn a_gateway_without_a_domain_has_instances(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let json = r#"{"Name":"plain","HttpPorts":[{"Port":80}]}"#;
    let definition = fixture.writer.create(record::<GatewayDefinition>(json)).await.unwrap().id();
    fixture.instance("plain", definition).await.unwrap();
    let change = patch::<GatewayDefinition>(r#"{"Hostnames":["plain.example.test"]}"#);
    assert!(fixture.writer.change::<GatewayDefinition>(definition, change).await.is_ok());
}

#[sqlx::test(migrations = false)]
async fn an_instance_brings_its_support_services_and_shared_gateway(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let definition = fixture.definition("web", HTTPS).await;
    let instance = fixture.instance("web", definition).await.unwrap();
    let services = fixture.store.services_of(fixture.runtime).await.unwrap();
    let names: Vec<_> = services.iter().map(|service| service.spec.service).collect();
    assert_eq!(names, [Service::CertManager, Service::GatewayApi, Service::EnvoyGateway]);
    let inputs = fixture.store.gateway_inputs(instance.id()).await.unwrap().0;
    assert_eq!(inputs.hostnames, ["www.example.test"]);
    let shared = inputs.shared_gateway.unwrap();
    let slots: Vec<_> = shared.listener_sets.iter().map(|(key, slot)| (key.port, *slot)).collect();
    assert_eq!(slots, [(80, Some(0)), (443, Some(0)), (5432, None)]);
    let gateway = fixture.store.shared_gateway_inputs(shared.gateway.record.id()).await.unwrap();
    assert_eq!(gateway.listeners.len(), 3);
    assert_eq!(gateway.listeners[0].users[0].namespace, inputs.workload.instance.object_name);
    let (references, _) = fixture.store.list::<AttachedObjectReference>(&[], 10, 0).await.unwrap();
    assert_eq!(references[0].spec.attached_object_type, "v0.GatewayInstance");
}

#[sqlx::test(migrations = false)]
async fn a_taken_route_is_refused_and_names_its_holder(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let first = fixture.definition("first", HTTPS).await;
    fixture.instance("holder", first).await.unwrap();
    let refusal = async |name: &'static str, ports: &str| {
        let definition = fixture.definition(name, ports).await;
        match fixture.instance(name, definition).await {
            Err(StoreError::Conflict(refusal)) => refusal.sentence,
            other => panic!("{name}: {other:?}"),
        }
    };
    let sentence = refusal("same", r#""HttpPorts":[{"Port":443,"TLSEnabled":true}]"#).await;
    assert!(
        sentence.starts_with("www.example.test/ on HTTPS port 443 is already held by gateway instance holder"),
        "{sentence}"
    );
    let sentence = refusal("tcp", r#""TcpPorts":[{"Port":443}]"#).await;
    assert!(
        sentence.contains("TCP port 443 can't stand beside HTTPS port 443 of gateway instance holder"),
        "{sentence}"
    );
    let sentence = refusal("moved", r#""HttpPorts":[{"Port":10080}]"#).await;
    assert!(sentence.contains("the proxy binds both to 10080"), "{sentence}");
    let sentence = refusal("postgres", r#""TcpPorts":[{"Port":5432}]"#).await;
    assert!(
        sentence.starts_with("all traffic on TCP port 5432 is already held by gateway instance holder"),
        "{sentence}"
    );
    // UDP has ports of its own, each with one holder.
    let udp = fixture.definition("udp", r#""UdpPorts":[{"Port":5432},{"Port":80}]"#).await;
    let udp = fixture.instance("udp", udp).await.unwrap();
    let inputs = fixture.store.gateway_inputs(udp.id()).await.unwrap().0;
    let slots = inputs.shared_gateway.unwrap().listener_sets;
    let slots: Vec<_> = slots.iter().map(|(key, slot)| (key.port, key.protocol, *slot)).collect();
    assert_eq!(slots, [(80, Protocol::Udp, None), (5432, Protocol::Udp, None)]);
    let sentence = refusal("udp-2", r#""UdpPorts":[{"Port":5432}]"#).await;
    assert!(sentence.starts_with("all traffic on UDP port 5432 is already held by gateway instance udp"), "{sentence}");
    let sentence = refusal("udp-3", r#""UdpPorts":[{"Port":10080}]"#).await;
    assert!(sentence.contains("UDP port 10080 can't stand beside UDP port 80 of gateway instance udp"), "{sentence}");
    // Another path of the same hostname is fine, and so is a second redirect.
    let api = r#""HttpPorts":[{"Port":80,"HTTPSRedirect":true},{"Port":443,"TLSEnabled":true,"Path":"/api"}]"#;
    let definition = fixture.definition("api", api).await;
    fixture.instance("api", definition).await.unwrap();
    // A later change of the definition is refused in the same way, and changes nothing.
    let (ports, _) = fixture.store.list::<GatewayHttpPort>(&[], 50, 0).await.unwrap();
    let port = ports.iter().find(|port| port.spec.path.as_ref().is_some_and(|path| path.as_str() == "/api")).unwrap();
    let change = fixture.writer.change(port.id(), patch::<GatewayHttpPort>(r#"{"Path":"/"}"#)).await;
    assert!(matches!(change, Err(StoreError::Conflict(_))));
    assert_eq!(fixture.store.get::<GatewayHttpPort>(port.id()).await.unwrap().spec.path.unwrap().as_str(), "/api");
}

#[sqlx::test(migrations = false)]
async fn a_list_of_ports_takes_the_place_of_the_stored_one(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let definition = fixture.definition("web", HTTPS).await;
    let instance = fixture.instance("web", definition).await.unwrap().id();
    let ports = patch::<GatewayDefinition>(r#"{"HttpPorts":[{"Port":8080,"Path":"/new"}]}"#);
    fixture.writer.change(definition, ports).await.unwrap();
    let inputs = fixture.store.gateway_inputs(instance).await.unwrap().0;
    let definition = &inputs.definition.spec;
    assert_eq!(definition.http_ports.iter().map(|port| port.port.get()).collect::<Vec<_>>(), [8080]);
    assert_eq!(definition.tcp_ports.len(), 1, "the other list stays");
    let listeners = inputs.shared_gateway.unwrap().listener_sets;
    assert_eq!(listeners.keys().map(|key| key.port).collect::<Vec<_>>(), [5432, 8080], "claimed anew");
}

/// Whether they come with the definition or one by one.
#[sqlx::test(migrations = false)]
async fn a_definition_has_so_many_ports(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let ports: Vec<_> = (1..MAX_PORTS).map(|port| format!(r#"{{"Port":{port}}}"#)).collect();
    let id = fixture.definition("many", &format!(r#""TcpPorts":[{}]"#, ports.join(","))).await;
    let port = |port: i32| record::<GatewayTcpPort>(&format!(r#"{{"GatewayDefinitionID":{id},"Port":{port}}}"#));
    let last = fixture.writer.create(port(1001)).await.unwrap().id();
    let refused = fixture.writer.create(port(1002)).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Invalid(_)) && refused.to_string().contains("64 are allowed"), "{refused}");
    fixture.writer.change(last, patch::<GatewayTcpPort>(r#"{"Port":1003}"#)).await.unwrap();
    let http = format!(r#"{{"GatewayDefinitionID":{id},"Port":80}}"#);
    fixture.writer.create(record::<GatewayHttpPort>(&http)).await.unwrap();
    fixture.writer.delete::<GatewayTcpPort>(last).await.unwrap();
    fixture.writer.create(port(1002)).await.unwrap();
}

/// That of the shared gateway that carries it, or of its own.
#[sqlx::test(migrations = false)]
async fn a_gateway_is_found_by_its_addresses(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let shared = fixture.instance("shared", fixture.definition("shared", HTTPS).await).await.unwrap().id();
    let own = format!(r#""Placement":"Dedicated",{HTTPS}"#);
    let own = fixture.instance("own", fixture.definition("own", &own).await).await.unwrap().id();
    let carrier = fixture.store.gateway_inputs(shared).await.unwrap().0.shared_gateway.unwrap().gateway.record.id();
    let publish = async |kind: Kind, id: i64, state: Value| {
        let claimed = fixture.store.begin(&Key { kind, id }, fixture.lease()).await.unwrap().unwrap();
        assert!(fixture.store.save_published_state(&claimed, &state).await.unwrap());
    };
    let found = async |text: &str| {
        let search = Search { text: text.into(), limit: 10, ..Search::default() };
        fixture.store.search(&search).await.unwrap().iter().map(|found| (found.kind, found.id)).collect::<Vec<_>>()
    };
    let addresses = async |instance: i64| fixture.store.gateway_addresses(instance).await.unwrap();
    assert_eq!(addresses(shared).await, [""; 0], "nothing is published yet");
    publish(Kind::GatewayInstance, own, Value::Null).await;
    assert_eq!(addresses(own).await, [""; 0], "its Gateway isn't in the cluster");
    let state = json!({"addresses": [{"value": "192.0.2.1"}, {"value": "lb.example.net"}], "state": "s"});
    publish(Kind::SharedGateway, carrier, state).await;
    let state = json!({"addresses": [{"value": "2001:db8::2"}, {"value": "own.example.net"}], "conditions": {}});
    publish(Kind::GatewayInstance, own, state).await;
    assert_eq!(addresses(shared).await, ["192.0.2.1", "lb.example.net"]);
    assert_eq!(addresses(own).await, ["2001:db8::2", "own.example.net"]);
    // Both that carries it and what is carried.
    let both = BTreeSet::from([(Kind::GatewayInstance, shared), (Kind::SharedGateway, carrier)]);
    for address in ["192.0.2.1", "LB.example.net", "lb.example.net."] {
        assert_eq!(found(address).await.into_iter().collect::<BTreeSet<_>>(), both, "{address}");
    }
    for address in ["2001:db8::2", "2001:DB8:0::2", "own.example.net"] {
        assert_eq!(found(address).await, [(Kind::GatewayInstance, own)], "{address}");
    }
    for part in ["192.0.2", "example.net", "lb"] {
        assert!(found(part).await.is_empty(), "a part of an address is none: {part}");
    }
    let attached = async |kind, to| {
        let search = Search { kind, shared_gateway_id: Some(to), limit: 10, ..Search::default() };
        fixture.store.search(&search).await.unwrap().iter().map(|found| found.id).collect::<Vec<_>>()
    };
    assert_eq!(attached(None, carrier).await, [shared], "who is attached to it");
    assert_eq!(attached(Some(Kind::GatewayInstance), carrier).await, [shared]);
    assert_eq!(attached(Some(Kind::WorkloadInstance), carrier).await, [0; 0], "nothing else is");
}

/// The common gateway of a cluster and class goes like one that is named: not under those who are on it, and nobody comes to it any more.
#[sqlx::test(migrations = false)]
async fn the_common_gateway_stays_while_gateway_instances_are_on_it(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let web = fixture.definition("web", HTTPS).await;
    let instance = fixture.instance("web", web).await.unwrap().id();
    let common = fixture.store.claims_of_gateway_instance(instance).await.unwrap()[0].gateway_id;
    let in_use = fixture.writer.delete::<SharedGateway>(common).await.unwrap_err();
    assert_eq!(in_use.reason(), Reason::InUse);
    let sentence = "shared gateway has related gateway instances - cannot be deleted: web";
    assert!(in_use.to_string().ends_with(sentence), "{in_use}");
    // One that goes itself keeps it for as long as it is there.
    fixture.writer.delete::<GatewayInstance>(instance).await.unwrap();
    fixture.writer.delete::<SharedGateway>(common).await.unwrap();
    let late = fixture.definition("late", r#""HttpPorts":[{"Port":8080}]"#).await;
    let refused = fixture.instance("late", late).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::BeingDeleted);
    assert!(refused.to_string().contains("wait until it is gone"), "{refused}");
    let change = patch::<GatewayDefinition>(r#"{"HttpPorts":[{"Port":80}]}"#);
    fixture.writer.change(web, change).await.unwrap();
    for set in fixture.store.listener_sets_to_render(common).await.unwrap() {
        assert_eq!(fixture.store.confirm_deleted(set.kind, set.id).await.unwrap(), Confirmed::Gone);
    }
    let waits = fixture.store.confirm_deleted(Kind::SharedGateway, common).await.unwrap();
    assert_eq!(waits, Confirmed::Waits(vec!["gateway instance web".into()]));
    assert_eq!(fixture.store.confirm_deleted(Kind::GatewayInstance, instance).await.unwrap(), Confirmed::Gone);
    assert_eq!(fixture.store.confirm_deleted(Kind::SharedGateway, common).await.unwrap(), Confirmed::Gone);
    // The next one that needs it has another one made.
    let late = fixture.instance("late", late).await.unwrap().id();
    assert_ne!(fixture.store.claims_of_gateway_instance(late).await.unwrap()[0].gateway_id, common);
}
