//! Who is woken because requests go to another gateway instance from now on, and what its reconcile then reads.

use crate::fixture::{Fixture, patch};
use causeway_records::{Kind, inputs::ClaimBeside, nouns::*};
use causeway_store::queue::Key;
use sqlx::PgPool;

const HOSTNAME: &str = r#""Hostnames":["shop.example.test"]"#;

/// Gateways of one hostname, with the path of each.
struct Paths {
    fixture: Fixture,
}

impl Paths {
    async fn add(&self, name: &str, path: &str) -> (i64, Key) {
        self.add_with(name, &format!(r#"{HOSTNAME},"HttpPorts":[{{"Port":8080,"Path":"{path}"}}]"#)).await
    }

    async fn add_with(&self, name: &str, more: &str) -> (i64, Key) {
        let definition = self.fixture.definition(name, more).await;
        let instance = self.fixture.instance(name, definition).await.unwrap().id();
        (definition, Key { kind: Kind::GatewayInstance, id: instance })
    }

    /// The hostnames of others beside its own and below its wildcards, with who has them.
    async fn hostnames_beside(&self, key: &Key) -> Vec<(String, String)> {
        let (inputs, _) = self.fixture.store.gateway_inputs(key.id).await.unwrap();
        let of = |other: ClaimBeside| (other.gateway_instance, other.listener.hostname.unwrap_or_default());
        inputs.beside.into_iter().map(of).collect()
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

/// There are more claims than are read of all listeners together.
#[sqlx::test(migrations = false)]
async fn who_loses_requests_beside_a_crowded_listener_is_woken(pool: PgPool) {
    let paths = Paths { fixture: Fixture::new(&pool).await };
    let (_, crowd) = paths.add("crowd", "/crowd").await;
    let text = "INSERT INTO route_claims (gateway_id, gateway_instance_id, namespace, bound_port, port, protocol, hostname, match)
        SELECT gateway_id, gateway_instance_id, namespace, bound_port, port, protocol, hostname, match || '/' || n
        FROM route_claims CROSS JOIN generate_series(1, 5000) n WHERE gateway_instance_id = $1";
    sqlx::query(text).bind(crowd.id).execute(&pool).await.unwrap();
    let at = |hostnames: &str, path: &str| {
        format!(r#""Hostnames":[{hostnames}],"HttpPorts":[{{"Port":8080,"Path":"{path}"}}]"#)
    };
    let (_, quiet) = paths.add_with("quiet", &at(r#""zoo.example.test""#, "/")).await;
    let before = (paths.woken(&crowd).await, paths.woken(&quiet).await);
    paths.add_with("cart", &at(r#""shop.example.test","zoo.example.test""#, "/cart")).await;
    let after = (paths.woken(&crowd).await, paths.woken(&quiet).await);
    assert_eq!(after, (before.0, (before.1.0 + 1, before.1.1)), "the crowd loses nothing, the other some");
}

#[sqlx::test(migrations = false)]
async fn a_wildcard_loses_the_hostnames_below_it_and_is_woken_when_they_come_and_go(pool: PgPool) {
    let paths = Paths { fixture: Fixture::new(&pool).await };
    let at = |hostname: &str, path: &str| {
        format!(r#""Hostnames":["{hostname}"],"HttpPorts":[{{"Port":8080,"Path":"{path}"}}]"#)
    };
    let (_, wild) = paths.add_with("wild", &at("*.example.test", "/wild")).await;
    let (_, deep) = paths.add_with("deep", &at("*.eu.example.test", "/")).await;
    let (_, apex) = paths.add_with("apex", &at("example.test", "/")).await;
    let shown = |name: &str, hostname: &str| (name.to_owned(), hostname.to_owned());
    assert_eq!(paths.hostnames_beside(&wild).await, [shown("deep", "*.eu.example.test")]);
    let counts = async || {
        let mut all = vec![];
        for key in [&wild, &deep, &apex] {
            all.push(paths.woken(key).await.0);
        }
        all
    };
    let plus =
        |before: &[i64], more: [i64; 3]| before.iter().zip(more).map(|(one, more)| one + more).collect::<Vec<_>>();
    let before = counts().await;
    let (definition, shop) = paths.add_with("shop", &at("shop.eu.example.test", "/cart")).await;
    // Both wildcards are for it; the farther one hears of it, too, and finds that the nearer one has it.
    assert_eq!(counts().await, plus(&before, [1, 1, 0]));
    assert_eq!(paths.hostnames_beside(&deep).await, [shown("shop", "shop.eu.example.test")]);
    assert_eq!(
        paths.hostnames_beside(&wild).await,
        [shown("deep", "*.eu.example.test"), shown("shop", "shop.eu.example.test")]
    );
    assert_eq!(paths.hostnames_beside(&shop).await, [], "who is more specific loses nothing");
    // A second path takes nothing more of them; another hostname leaves both.
    let change = async |json: &'static str| {
        let before = counts().await;
        paths.fixture.writer.change(definition, patch::<GatewayDefinition>(json)).await.unwrap();
        (before, counts().await)
    };
    let (was, is) = change(r#"{"Hostnames":["example.test"],"HttpPorts":[{"Port":8080,"Path":"/cart"}]}"#).await;
    assert_eq!(is, plus(&was, [1, 1, 1]), "and the hostname's other holder loses a path");
    assert_eq!(paths.hostnames_beside(&deep).await, []);
    let (was, is) = change(r#"{"HttpPorts":[{"Port":8081,"Path":"/cart"}],"Hostnames":["shop.example.test"]}"#).await;
    assert_eq!(is, plus(&was, [0, 0, 1]), "another port is nothing to them");
    assert_eq!(paths.hostnames_beside(&wild).await, [shown("deep", "*.eu.example.test")]);
    // A listener that both have is told once.
    let (_, both) = paths
        .add_with("both", r#""Hostnames":["*.example.test","example.test"],"HttpPorts":[{"Port":8080,"Path":"/both"}]"#)
        .await;
    assert_eq!(
        paths.hostnames_beside(&both).await,
        [shown("wild", "*.example.test"), shown("apex", "example.test"), shown("deep", "*.eu.example.test")]
    );
}

#[sqlx::test(migrations = false)]
async fn below_a_wildcard_of_https_are_those_who_do_something_else_with_tls(pool: PgPool) {
    let paths = Paths { fixture: Fixture::new(&pool).await };
    let https = r#""Hostnames":["*.example.test"],"HttpPorts":[{"Port":443,"TLSEnabled":true},{"Port":80}]"#;
    let (_, wild) = paths.add_with("wild", https).await;
    let before = paths.woken(&wild).await.0;
    let through =
        r#""Hostnames":["db.example.test"],"TcpPorts":[{"Port":443,"TLSEnabled":true,"TLSMode":"Passthrough"}]"#;
    let (_, db) = paths.add_with("db", through).await;
    assert_eq!(paths.woken(&wild).await.0, before + 1);
    assert_eq!(paths.hostnames_beside(&wild).await, [("db".to_owned(), "db.example.test".to_owned())]);
    paths.fixture.writer.delete::<GatewayInstance>(db.id).await.unwrap();
    paths.fixture.store.confirm_deleted(Kind::GatewayInstance, db.id).await.unwrap();
    assert_eq!(paths.woken(&wild).await.0, before + 2);
    assert_eq!(paths.hostnames_beside(&wild).await, []);
}
