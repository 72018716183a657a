//! Who is woken along with a write: in which order they are taken, that they read what was written, and that nobody is passed over who comes at this moment.

use crate::{
    beside::{free, held},
    fixture::Fixture,
    wake::until_waiting,
};
use causeway_records::{
    Kind,
    inputs::{GatewayApiFacts, GatewayFacts},
    nouns::*,
};
use causeway_store::{
    Confirmed,
    queue::{Claimed, Key, Outcome},
};
use serde_json::json;
use sqlx::{PgPool, Row};
use std::collections::BTreeSet;

const GATEWAY_INSTANCES: &str = "reconciliations WHERE kind = 'GatewayInstance'";
const DOMAIN_NAMES: &str = "reconciliations WHERE kind = 'DomainNameInstance'";

impl Fixture {
    async fn claimed(&self, kind: Kind, id: i64) -> Claimed {
        self.store.begin(&Key { kind, id }, self.lease()).await.unwrap().unwrap()
    }

    /// The shared gateway that carries an instance.
    async fn carrier(&self, instance: i64) -> i64 {
        self.store.gateway_inputs(instance).await.unwrap().0.shared_gateway.unwrap().gateway.record.id()
    }
}

/// How often each record was woken.
async fn wakes(pool: &PgPool, records: &[(Kind, i64)]) -> Vec<i64> {
    let mut all = vec![];
    for (kind, id) in records {
        let query = sqlx::query("SELECT wake_seq FROM reconciliations WHERE kind = $1 AND id = $2");
        let row = query.bind(kind.as_str()).bind(id).fetch_one(pool).await.unwrap();
        all.push(row.get::<i64, _>(0));
    }
    all
}

/// Who loses requests is woken for another reason than the domain name instances of the workload, and comes behind them all the same.
#[sqlx::test(migrations = false)]
async fn who_loses_requests_is_taken_in_one_order_with_all_others(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let root = fixture.definition("root", r#""HttpPorts":[{"Port":8080}]"#).await;
    let root = (Kind::GatewayInstance, fixture.instance("root", root).await.unwrap().id());
    fixture.writer.create(fixture.domain_name_of("web", fixture.domain, fixture.workload)).await.unwrap();
    let cart = fixture.definition("cart", r#""HttpPorts":[{"Port":8080,"Path":"/cart"}]"#).await;
    let before = wakes(&pool, &[root]).await[0];
    let generations = async || fixture.generations(&[Key { kind: root.0, id: root.1 }]).await;
    let asked = generations().await;
    // It comes.
    let other = held(&pool, DOMAIN_NAMES).await;
    let (writer, cart) = (fixture.writer.clone(), fixture.instance_of("cart", cart, fixture.workload));
    let writing = tokio::spawn(async move { writer.create(cart).await.unwrap().id() });
    until_waiting(&pool, 1).await;
    assert_eq!(free(&pool, GATEWAY_INSTANCES).await, 1);
    other.commit().await.unwrap();
    let cart = writing.await.unwrap();
    assert_eq!(wakes(&pool, &[root]).await, [before + 1]);
    // It goes.
    fixture.writer.delete::<GatewayInstance>(cart).await.unwrap();
    let other = held(&pool, DOMAIN_NAMES).await;
    let store = fixture.store.clone();
    let writing = tokio::spawn(async move { store.confirm_deleted(Kind::GatewayInstance, cart).await.unwrap() });
    until_waiting(&pool, 1).await;
    assert_eq!(free(&pool, GATEWAY_INSTANCES).await, 2);
    other.commit().await.unwrap();
    assert_eq!(writing.await.unwrap(), Confirmed::Gone);
    assert_eq!(wakes(&pool, &[root]).await, [before + 2]);
    assert_eq!(generations().await, asked, "what it asks for is the same");
}

/// Somebody who is woken at the end of a reconcile reads what that one has published.
#[sqlx::test(migrations = false)]
async fn who_is_woken_by_a_reconcile_is_woken_when_it_is_written_down(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let name = fixture.domain_name_of("web", fixture.domain, fixture.workload);
    let name = fixture.writer.create(name).await.unwrap().id();
    let services = fixture.store.services_of(fixture.runtime).await.unwrap();
    let service = (Kind::SupportServiceInstance, services[0].id());
    let claimed = fixture.claimed(Kind::DomainNameInstance, name).await;
    let before = wakes(&pool, &[service]).await[0];
    let own = held(&pool, DOMAIN_NAMES).await;
    let store = fixture.store.clone();
    let completion = tokio::spawn(async move {
        let wake = vec![Key { kind: service.0, id: service.1 }];
        let outcome = Outcome { wake, published_state: Some(json!({"hosts": {}})), ..Outcome::default() };
        store.complete(&claimed, &outcome, 1).await.unwrap();
    });
    until_waiting(&pool, 1).await;
    assert_eq!(wakes(&pool, &[service]).await, [before], "nothing is written yet");
    own.commit().await.unwrap();
    completion.await.unwrap();
    assert_eq!(wakes(&pool, &[service]).await, [before + 1]);
    assert!(fixture.claimed(Kind::DomainNameInstance, name).await.published_state.is_some());
}

fn facts(version: &str) -> GatewayFacts {
    let api = GatewayApiFacts { version: version.into(), ..GatewayApiFacts::default() };
    GatewayFacts { api: Some(api), ..GatewayFacts::default() }
}

/// What a cluster says of its classes is being published while a gateway instance comes that reads what it said before.
#[sqlx::test(migrations = false)]
async fn who_comes_while_a_cluster_speaks_of_its_classes_is_woken_too(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let ports = r#""Hostnames":["first.example.test"],"HttpPorts":[{"Port":8080}]"#;
    let first = fixture.of_class("first", "other", ports).await.unwrap();
    let gateway = fixture.carrier(first).await;
    let claimed = fixture.claimed(Kind::KubernetesRuntimeInstance, fixture.runtime).await;
    let publish = |classes: Option<&str>| {
        let (store, claimed) = (fixture.store.clone(), claimed.clone());
        let classes = classes.map(|class| BTreeSet::from([class.to_owned()]));
        tokio::spawn(async move {
            let facts = serde_json::to_value(facts("v1.6.1")).unwrap();
            store.publish_gateway_facts(&claimed, &facts, classes.as_ref()).await.unwrap()
        })
    };
    let own = held(&pool, "reconciliations WHERE kind = 'KubernetesRuntimeInstance'").await;
    let publication = publish(Some("other"));
    until_waiting(&pool, 1).await;
    let ports = r#""Hostnames":["second.example.test"],"HttpPorts":[{"Port":8080}]"#;
    let second = fixture.of_class("second", "other", ports).await.unwrap();
    let all = [(Kind::GatewayInstance, first), (Kind::GatewayInstance, second), (Kind::SharedGateway, gateway)];
    let before = wakes(&pool, &all).await;
    own.commit().await.unwrap();
    assert!(publication.await.unwrap());
    let after: Vec<_> = before.iter().map(|count| count + 1).collect();
    assert_eq!(wakes(&pool, &all).await, after);
    assert!(publish(Some("another")).await.unwrap());
    assert_eq!(wakes(&pool, &all).await, after, "of other classes nothing is new to them");
    assert!(publish(None).await.unwrap());
    assert_eq!(wakes(&pool, &all).await, after.iter().map(|count| count + 1).collect::<Vec<_>>());
    // Another worker has the cluster by now.
    sqlx::query("UPDATE leases SET epoch = epoch + 1").execute(&pool).await.unwrap();
    assert!(!publish(None).await.unwrap());
}

/// Those that read it at this moment read what is being published: otherwise they would not be among those that are woken.
#[sqlx::test(migrations = false)]
async fn who_reads_what_a_cluster_says_waits_for_who_publishes_it(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let ports = r#""Hostnames":["web.example.test"],"HttpPorts":[{"Port":8080}]"#;
    let web = fixture.of_class("web", "other", ports).await.unwrap();
    let gateway = fixture.carrier(web).await;
    let set = fixture.store.listener_sets_to_render(gateway).await.unwrap()[0].id;
    let mut writing = pool.begin().await.unwrap();
    let text = "UPDATE reconciliations SET published_state = $1 WHERE kind = 'KubernetesRuntimeInstance'";
    let published = serde_json::to_value(facts("v1.6.1")).unwrap();
    sqlx::query(text).bind(published).execute(&mut *writing).await.unwrap();
    let stores = [(); 3].map(|()| fixture.store.clone());
    let [one, two, three] = stores;
    let of_instance = tokio::spawn(async move { one.gateway_inputs(web).await.unwrap().0.class_in_cluster });
    let of_gateway = tokio::spawn(async move { two.shared_gateway_inputs(gateway).await.unwrap().class_in_cluster });
    let of_set = tokio::spawn(async move { three.listener_set_inputs(set).await.unwrap().class_in_cluster });
    until_waiting(&pool, 3).await;
    writing.commit().await.unwrap();
    for read in [of_instance, of_gateway, of_set] {
        assert_eq!(read.await.unwrap().api.unwrap().version, "v1.6.1");
    }
}

/// Whether the Gateway holds so many listeners is looked at once nobody adds any.
#[sqlx::test(migrations = false)]
async fn listeners_move_to_the_gateway_when_those_that_are_being_added_are_counted(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let ports = r#""Hostnames":["web.example.test"],"HttpPorts":[{"Port":8080}]"#;
    let web = fixture.of_class("web", "other", ports).await.unwrap();
    let gateway = fixture.carrier(web).await;
    let set = fixture.store.listener_sets_to_render(gateway).await.unwrap()[0].id;
    let users = [(Kind::GatewayInstance, web), (Kind::ListenerSet, set)];
    let before = wakes(&pool, &users).await;
    let place = || {
        let store = fixture.store.clone();
        tokio::spawn(async move { store.place_on_gateway(gateway, 2).await.unwrap() })
    };
    let mut claiming = held(&pool, "shared_gateways").await;
    let placing = place();
    until_waiting(&pool, 1).await;
    let text = "INSERT INTO gateway_listeners (shared_gateway_id, port, protocol, hostname) SELECT $1, 8080, 'HTTP', n || '.test' FROM generate_series(1, 2) n";
    sqlx::query(text).bind(gateway).execute(&mut *claiming).await.unwrap();
    claiming.commit().await.unwrap();
    assert!(!placing.await.unwrap(), "there is no room any more");
    assert_eq!(wakes(&pool, &users).await, before);
    sqlx::query("DELETE FROM gateway_listeners WHERE hostname = '1.test'").execute(&pool).await.unwrap();
    assert!(place().await.unwrap());
    let after: Vec<_> = before.iter().map(|count| count + 1).collect();
    assert_eq!(wakes(&pool, &users).await, after);
    assert_eq!(fixture.places(web).await, [(8080, None)]);
}
