//! GatewayClasses by what their cluster says of them: where listeners are placed, which services the cluster gets, and what is refused.

use crate::fixture::{Fixture, patch, record};
use causeway_records::{nouns::*, problem::Reason};
use causeway_store::{Result, StoreError};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::collections::BTreeSet;

const ALL: [&str; 6] = ["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute", "ListenerSet"];

impl Fixture {
    /// What the cluster says of class `other`, whose controller lists these features.
    pub(crate) async fn says(&self, pool: &PgPool, features: &[&str]) {
        let facts = json!({
            "api": {"version": "v1.6.1", "channel": "standard", "kinds": ALL},
            "classes": {"other": {"controller": "example.org/other", "features": features}},
        });
        self.publishes(pool, facts).await;
    }

    pub(crate) async fn publishes(&self, pool: &PgPool, facts: Value) {
        let text =
            "UPDATE reconciliations SET published_state = $2 WHERE kind = 'KubernetesRuntimeInstance' AND id = $1";
        sqlx::query(text).bind(self.runtime).bind(facts).execute(pool).await.unwrap();
    }

    /// A gateway instance on a class, with a definition of its own.
    pub(crate) async fn of_class(&self, name: &str, class: &str, more: &str) -> Result<i64> {
        let more = format!(r#""GatewayClassName":"{class}",{more}"#);
        let definition = self.definition(name, &more).await;
        Ok(self.instance(name, definition).await?.id())
    }

    pub(crate) async fn places(&self, instance: i64) -> Vec<(i32, Option<i32>)> {
        let sets = self.store.gateway_inputs(instance).await.unwrap().0.shared_gateway.unwrap().listener_sets;
        sets.into_iter().map(|(key, set)| (key.port, set)).collect()
    }

    async fn services(&self) -> BTreeSet<&'static str> {
        let services = self.store.services_of(self.runtime).await.unwrap();
        services.iter().map(|service| service.spec.service.as_str()).collect()
    }
}

fn refused<T: std::fmt::Debug>(answer: Result<T>) -> (Reason, String) {
    match answer {
        Err(StoreError::Conflict(refusal)) => (refusal.reason, refusal.sentence),
        other => panic!("{other:?}"),
    }
}

const WEB: &str = r#""HttpPorts":[{"Port":80},{"Port":443,"TLSEnabled":true}]"#;

#[sqlx::test(migrations = false)]
async fn a_class_without_listener_sets_has_all_listeners_on_its_gateway(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    fixture.says(&pool, &["HTTPRoute", "TCPRoute"]).await;
    let web = fixture.of_class("web", "other", &format!(r#"{WEB},"TcpPorts":[{{"Port":5432}}]"#)).await.unwrap();
    assert_eq!(fixture.places(web).await, [(80, None), (443, None), (5432, None)]);
    assert_eq!(
        fixture.services().await,
        BTreeSet::from(["cert-manager", "gateway-api"]),
        "its controller is somebody's"
    );
    let inputs = fixture.store.gateway_inputs(web).await.unwrap().0;
    assert_eq!(inputs.class_in_cluster.class.unwrap().controller, "example.org/other");
    let shared = inputs.shared_gateway.unwrap().gateway.record.id();
    let inputs = fixture.store.shared_gateway_inputs(shared).await.unwrap();
    assert_eq!((inputs.listeners.len(), inputs.listener_sets.len()), (3, 0));
    assert!(inputs.class_in_cluster.class.unwrap().features.contains("TCPRoute"));
    // A further one of a hostname stays with the others, whatever is said of the class meanwhile.
    fixture.says(&pool, &ALL).await;
    let more = fixture.of_class("more", "other", r#""HttpPorts":[{"Port":8080}]"#).await.unwrap();
    assert_eq!(fixture.places(more).await, [(8080, None)]);
    let new = fixture.of_class("new", "other", r#""Hostnames":["new.example.test"],"HttpPorts":[{"Port":80}]"#).await;
    assert_eq!(fixture.places(new.unwrap()).await, [(80, Some(0))]);
}

#[sqlx::test(migrations = false)]
async fn a_gateway_without_listener_sets_takes_so_many(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    fixture.says(&pool, &["HTTPRoute"]).await;
    let hosts = |first: usize, number: usize| {
        let hosts: Vec<_> = (first..first + number).map(|n| format!(r#""h{n}.example.test""#)).collect();
        format!(r#""Hostnames":[{}],"HttpPorts":[{{"Port":80}}]"#, hosts.join(","))
    };
    let first = fixture.of_class("first", "other", &hosts(0, 60)).await.unwrap();
    let (reason, sentence) = refused(fixture.of_class("second", "other", &hosts(60, 4)).await);
    assert_eq!(reason, Reason::Unsupported);
    assert!(sentence.contains("of GatewayClass other would have 65 listeners, and one Gateway holds 64"), "{sentence}");
    fixture.of_class("third", "other", &hosts(60, 3)).await.unwrap();
    // Those that go in the same write make room for those that come.
    let definition = fixture.store.gateway_inputs(first).await.unwrap().0.definition.id();
    let other = hosts(100, 60);
    let change = format!("{{{}}}", other.split(r#","HttpPorts""#).next().unwrap());
    let change = move |record: &mut causeway_records::Record<GatewayDefinition>| {
        causeway_records::overlay::overlay(change.as_bytes(), &mut record.writable()).unwrap();
        Ok(false)
    };
    fixture.writer.change::<GatewayDefinition>(definition, change).await.unwrap();
    assert!(refused(fixture.of_class("fourth", "other", &hosts(200, 1)).await).1.contains("65 listeners"));
}

#[sqlx::test(migrations = false)]
async fn what_a_class_does_not_list_is_refused_for_new_instances_and_for_changes(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    fixture.says(&pool, &["HTTPRoute"]).await;
    let (reason, sentence) = refused(fixture.of_class("udp", "other", r#""UdpPorts":[{"Port":53}]"#).await);
    assert_eq!(reason, Reason::Unsupported);
    assert!(
        sentence.starts_with("UdpPorts[0]: needs UDPRoute of Gateway API, and kubernetes runtime instance rt can't"),
        "{sentence}"
    );
    let web = fixture.of_class("web", "other", r#""HttpPorts":[{"Port":80}]"#).await.unwrap();
    let definition = fixture.store.gateway_inputs(web).await.unwrap().0.definition.id();
    let rules = json!([{"timeouts": {"request": "1s"}, "backendRefs": [{"name": "web", "port": 80}]}]);
    let route = json!({"GatewayDefinitionID": definition, "Rules": rules}).to_string();
    let (reason, sentence) = refused(fixture.writer.create(record::<GatewayHttpRoute>(&route)).await);
    assert_eq!(reason, Reason::Unsupported);
    assert!(
        sentence.starts_with("HttpRoutes[0].Rules[0].timeouts.request: needs HTTPRouteRequestTimeout"),
        "{sentence}"
    );
    // Of another class, and of one of which nothing is known, it may be asked.
    fixture.of_class("own", "unknown", r#""UdpPorts":[{"Port":53}]"#).await.unwrap();
    assert!(fixture.services().await.contains("envoy-gateway"));
}

#[sqlx::test(migrations = false)]
async fn a_cluster_whose_gateway_api_is_old_is_told_from_its_classes(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let kinds = ["HTTPRoute", "GRPCRoute", "TLSRoute"];
    fixture
        .publishes(&pool, json!({"api": {"version": "v1.5.0", "channel": "standard", "kinds": kinds}, "classes": {}}))
        .await;
    let definition = fixture.definition("tcp", r#""TcpPorts":[{"Port":5432}]"#).await;
    let (reason, sentence) = refused(fixture.instance("tcp", definition).await);
    assert_eq!(reason, Reason::Unsupported);
    assert!(sentence.contains("Gateway API v1.5.0 (standard) of the cluster doesn't serve that kind"), "{sentence}");
    let definition = fixture.definition("web", WEB).await;
    let web = fixture.instance("web", definition).await.unwrap().id();
    assert_eq!(fixture.places(web).await, [(80, None), (443, None)], "ListenerSets aren't served either");
}

#[sqlx::test(migrations = false)]
async fn listeners_that_were_placed_too_early_move_to_the_gateway(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let web = fixture.of_class("web", "other", WEB).await.unwrap();
    assert_eq!(fixture.places(web).await, [(80, Some(0)), (443, Some(0))], "nothing is known of the class yet");
    fixture.says(&pool, &["HTTPRoute"]).await;
    let gateway = fixture.store.gateway_inputs(web).await.unwrap().0.shared_gateway.unwrap().gateway.record.id();
    assert!(!fixture.store.place_on_gateway(gateway, 1).await.unwrap(), "there is no room");
    assert!(fixture.store.place_on_gateway(gateway, 63).await.unwrap());
    assert_eq!(fixture.places(web).await, [(80, None), (443, None)]);
    assert!(!fixture.store.place_on_gateway(gateway, 63).await.unwrap(), "they are there");
}

#[sqlx::test(migrations = false)]
async fn a_shared_gateway_of_somebody_asks_for_what_its_class_can(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    fixture.says(&pool, &["HTTPRoute"]).await;
    let gateway = |listeners: &str| {
        record::<SharedGateway>(&format!(
            r#"{{"Name":"ours","KubernetesRuntimeInstanceID":{},"GatewayClassName":"other","Namespace":"ingress","Listeners":[{listeners}]}}"#,
            fixture.runtime
        ))
    };
    let tcp = gateway(r#"{"Name":"db","Port":5432,"Protocol":"TCP"}"#);
    let (reason, sentence) = refused(fixture.writer.create(tcp).await);
    assert_eq!(reason, Reason::Unsupported);
    assert!(sentence.starts_with("Listeners[0].Protocol: needs TCPRoute"), "{sentence}");
    let http = gateway(r#"{"Name":"web","Port":80,"Protocol":"HTTP"}"#);
    fixture.writer.create(http).await.unwrap();
    assert_eq!(fixture.services().await, BTreeSet::from(["gateway-api"]));
}

/// Another class may have a controller that is Causeway's to install.
#[sqlx::test(migrations = false)]
async fn a_change_to_another_class_brings_what_that_one_needs(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    fixture.says(&pool, &["HTTPRoute"]).await;
    let web = fixture.of_class("web", "other", r#""HttpPorts":[{"Port":80}]"#).await.unwrap();
    assert_eq!(fixture.services().await, BTreeSet::from(["gateway-api"]));
    let definition = fixture.store.gateway_inputs(web).await.unwrap().0.definition.id();
    // One that the cluster doesn't have yet.
    let change = patch::<GatewayDefinition>(r#"{"GatewayClassName":"ours"}"#);
    fixture.writer.change(definition, change).await.unwrap();
    assert_eq!(fixture.services().await, BTreeSet::from(["gateway-api", "envoy-gateway"]));
}

/// Nobody who changes a domain can do anything about what a definition asks for.
#[sqlx::test(migrations = false)]
async fn a_domain_can_be_changed_whatever_its_gateways_ask_for_in_vain(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    fixture.says(&pool, &["HTTPRoute", "UDPRoute"]).await;
    let web = fixture.of_class("web", "other", r#""UdpPorts":[{"Port":53}]"#).await.unwrap();
    fixture.says(&pool, &["HTTPRoute"]).await;
    let definition = fixture.store.gateway_inputs(web).await.unwrap().0.definition.id();
    let change = patch::<GatewayDefinition>(r#"{"SubDomain":"dns"}"#);
    let (reason, _) = refused(fixture.writer.change(definition, change).await);
    assert_eq!(reason, Reason::Unsupported);
    let change = patch::<DomainNameDefinition>(r#"{"AdminEmail":"dns@example.test"}"#);
    fixture.writer.change(fixture.domain, change).await.unwrap();
}
