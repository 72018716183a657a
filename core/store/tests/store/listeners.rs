//! What a shared gateway is woken for.

use crate::fixture::{World, patch};
use causeway_records::{
    inputs::{Listener, Protocol},
    nouns::*,
};
use causeway_store::queue::{Claimed, Key};
use sqlx::PgPool;

const PORT: &str = r#""HttpPorts":[{"Port":8080}]"#;

impl World {
    async fn shared_gateway(&self) -> Claimed {
        let (gateways, _) = self.store.list::<SharedGateway>(&[], 10, 0).await.unwrap();
        let key = Key { kind: causeway_records::Kind::SharedGateway, id: gateways[0].id() };
        self.store.begin(&key, self.lease()).await.unwrap().unwrap()
    }

    /// The ListenerSets that everything since a pass was about.
    async fn woken_since(&self, pass: &Claimed) -> Option<Vec<i32>> {
        self.store.woken_listener_sets(&self.shared_gateway().await, pass.wake_seq).await.unwrap()
    }

    /// An instance of a definition of its own, with a hostname of its own.
    async fn add(&self, name: &str, ports: &str) -> i64 {
        let definition = self.definition(name, &format!(r#"{ports},"Hostnames":["{name}.example.test"]"#)).await;
        self.instance(name, definition).await.unwrap();
        definition
    }
}

#[sqlx::test(migrations = false)]
async fn listeners_that_are_added_wake_for_their_listener_sets(pool: PgPool) {
    let world = World::new(&pool).await;
    world.add("first", PORT).await;
    let begun = world.shared_gateway().await;
    assert_eq!(world.woken_since(&begun).await, None, "nothing has woken it");
    for n in 0..8 {
        world.add(&format!("more-{n}"), PORT).await;
    }
    // Nine fill one set and begin the next.
    assert_eq!(world.woken_since(&begun).await, Some(vec![0, 1]));
    let begun = world.shared_gateway().await;
    world.add("last", PORT).await;
    assert_eq!(world.woken_since(&begun).await, Some(vec![1]));
    world.store.forget_listener_set_wakes(&world.shared_gateway().await).await.unwrap();
    assert_eq!(world.woken_since(&begun).await, None, "it is not known any more what that was about");
}

#[sqlx::test(migrations = false)]
async fn whatever_else_wakes_for_the_whole(pool: PgPool) {
    let world = World::new(&pool).await;
    let first = world.add("first", PORT).await;
    let begun = world.shared_gateway().await;
    world.add("secure", r#""HttpPorts":[{"Port":443,"TLSEnabled":true}]"#).await;
    assert_eq!(world.woken_since(&begun).await, None, "a certificate");

    let begun = world.shared_gateway().await;
    world.add("tcp", r#""TcpPorts":[{"Port":5432}]"#).await;
    assert_eq!(world.woken_since(&begun).await, None, "a listener on the Gateway itself");

    let begun = world.shared_gateway().await;
    world.writer.change(first, patch::<GatewayDefinition>(r#"{"Hostnames":["other.example.test"]}"#)).await.unwrap();
    assert_eq!(world.woken_since(&begun).await, None, "a listener goes");

    let begun = world.shared_gateway().await;
    world.add("plain", PORT).await;
    assert!(world.woken_since(&begun).await.is_some());
    world.store.wake(std::slice::from_ref(&begun.key)).await.unwrap();
    assert_eq!(world.woken_since(&begun).await, None, "something in the cluster");
}

#[sqlx::test(migrations = false)]
async fn the_listeners_of_a_set_come_with_all_of_their_hostnames(pool: PgPool) {
    let world = World::new(&pool).await;
    for n in 0..12 {
        world.add(&format!("web-{n}"), PORT).await;
    }
    world.add("both", r#""HttpPorts":[{"Port":8080},{"Port":8443,"TLSEnabled":true}]"#).await;
    let gateway = world.shared_gateway().await.key.id;
    let whole = world.store.shared_gateway_inputs(gateway).await.unwrap();
    let secure = whole.listeners.iter().find(|listener| listener.key.protocol == Protocol::Https).unwrap();
    for slot in 0..=1 {
        let part = world.store.listener_set_inputs(gateway, &[slot]).await.unwrap();
        let in_set: Vec<_> = whole.listeners.iter().filter(|listener| listener.listener_set == Some(slot)).collect();
        assert!((1..=8).contains(&in_set.len()));
        let named = |listener: &&Listener| in_set.iter().any(|other| other.key.hostname == listener.key.hostname);
        let expected: Vec<_> = whole.listeners.iter().filter(named).cloned().collect();
        assert_eq!(part.listeners, expected);
    }
    let beside = world.store.listener_set_inputs(gateway, &[secure.listener_set.unwrap()]).await.unwrap();
    assert!(beside.listeners.contains(secure) && !beside.domains.is_empty());
}
