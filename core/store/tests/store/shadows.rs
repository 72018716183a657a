//! Who is woken because requests go to another gateway instance from now on, and what its reconcile then reads.

use crate::fixture::{Fixture, patch};
use causeway_records::{Kind, nouns::*};
use causeway_store::queue::Key;
use sqlx::PgPool;

const HOSTNAME: &str = r#""Hostnames":["shop.example.test"]"#;

/// Gateways of one hostname, with the path of each.
struct Paths {
    fixture: Fixture,
}

impl Paths {
    async fn add(&self, name: &str, path: &str) -> (i64, Key) {
        let port = format!(r#"{HOSTNAME},"HttpPorts":[{{"Port":8080,"Path":"{path}"}}]"#);
        let definition = self.fixture.definition(name, &port).await;
        let instance = self.fixture.instance(name, definition).await.unwrap().id();
        (definition, Key { kind: Kind::GatewayInstance, id: instance })
    }

    /// How often it was woken, and for how many changes of what it asks for.
    async fn woken(&self, key: &Key) -> (i64, i64) {
        let claimed = self.fixture.store.begin(key, self.fixture.lease()).await.unwrap().unwrap();
        (claimed.wake_seq, self.fixture.generations(std::slice::from_ref(key)).await[0])
    }

    async fn beside(&self, key: &Key) -> Vec<(String, String)> {
        let (inputs, _) = self.fixture.store.gateway_inputs(key.id).await.unwrap();
        inputs.beside.into_iter().map(|other| (other.gateway_instance, other.requests)).collect()
    }
}

#[sqlx::test(migrations = false)]
async fn who_loses_requests_is_woken_and_nobody_else(pool: PgPool) {
    let paths = Paths { fixture: Fixture::new(&pool).await };
    let (_, root) = paths.add("root", "/").await;
    let (_, other) = paths.add("other", "/other").await;
    let before = (paths.woken(&root).await, paths.woken(&other).await);
    let (definition, cart) = paths.add("cart", "/cart").await;
    let after = (paths.woken(&root).await, paths.woken(&other).await);
    assert_eq!(after, ((before.0.0 + 1, before.0.1), before.1), "what it asks for is the same");
    let shown = |name: &str, path: &str| (name.to_owned(), path.to_owned());
    assert_eq!(paths.beside(&root).await, [shown("other", "/other"), shown("cart", "/cart")]);
    assert_eq!(paths.beside(&cart).await, [shown("root", "/"), shown("other", "/other")]);
    // Another path takes other requests, and the same path none anew.
    let change = async |json: &'static str| {
        paths.fixture.writer.change(definition, patch::<GatewayDefinition>(json)).await.unwrap();
        (paths.woken(&root).await.0, paths.woken(&other).await.0)
    };
    let same = change(r#"{"HttpPorts":[{"Port":8080,"Path":"/cart/"}]}"#).await;
    assert_eq!(same, (after.0.0, after.1.0));
    let moved = change(r#"{"HttpPorts":[{"Port":8080,"Path":"/other/cart"}]}"#).await;
    assert_eq!(moved, (after.0.0 + 1, after.1.0 + 1), "one gets some back and loses others, the other loses some");
    paths.fixture.writer.delete::<GatewayInstance>(cart.id).await.unwrap();
    paths.fixture.store.confirm_deleted(Kind::GatewayInstance, cart.id).await.unwrap();
    assert_eq!((paths.woken(&root).await.0, paths.woken(&other).await.0), (moved.0 + 1, moved.1 + 1));
    assert_eq!(paths.beside(&other).await, [shown("root", "/")]);
}

#[sqlx::test(migrations = false)]
async fn other_hostnames_and_ports_are_not_beside(pool: PgPool) {
    let paths = Paths { fixture: Fixture::new(&pool).await };
    let (_, root) = paths.add("root", "/").await;
    let before = paths.woken(&root).await;
    for (name, ports) in [
        ("hostname", r#""HttpPorts":[{"Port":8080,"Path":"/cart"}],"Hostnames":["other.example.test"]"#.to_owned()),
        ("port", format!(r#""HttpPorts":[{{"Port":8081,"Path":"/cart"}}],{HOSTNAME}"#)),
        ("dedicated", format!(r#""HttpPorts":[{{"Port":8080,"Path":"/cart"}}],{HOSTNAME},"Placement":"Dedicated""#)),
    ] {
        let definition = paths.fixture.definition(name, &ports).await;
        paths.fixture.instance(name, definition).await.unwrap();
    }
    assert_eq!(paths.woken(&root).await, before);
    assert!(paths.beside(&root).await.is_empty());
}
