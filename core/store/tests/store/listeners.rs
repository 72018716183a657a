//! Which ListenerSets listeners are placed in, who is woken for them, and what their reconciles read.

use crate::fixture::{Fixture, patch, record};
use causeway_records::{
    Kind,
    inputs::{Listener, ListenerSetState, Protocol},
    nouns::*,
};
use causeway_store::queue::{Key, Outcome};
use sqlx::PgPool;
use std::collections::BTreeSet;

const PORT: &str = r#""HttpPorts":[{"Port":8080}]"#;

impl Fixture {
    async fn shared_gateway(&self) -> Key {
        let (gateways, _) = self.store.list::<SharedGateway>(&[], 10, 0).await.unwrap();
        Key { kind: Kind::SharedGateway, id: gateways[0].id() }
    }

    /// The ListenerSets, by ordinal.
    async fn listener_sets(&self, pool: &PgPool) -> Vec<Key> {
        let text = "SELECT id FROM listener_sets WHERE deleted_at IS NULL ORDER BY ordinal";
        let ids: Vec<i64> = sqlx::query_scalar(text).fetch_all(pool).await.unwrap();
        ids.into_iter().map(|id| Key { kind: Kind::ListenerSet, id }).collect()
    }

    pub(crate) async fn wake_seq(&self, key: &Key) -> i64 {
        self.store.begin(key, self.lease()).await.unwrap().unwrap().wake_seq
    }

    /// An instance of a definition of its own, with a hostname of its own.
    async fn add(&self, name: &str, ports: &str) -> i64 {
        let definition = self.definition(name, &format!(r#"{ports},"Hostnames":["{name}.example.test"]"#)).await;
        self.instance(name, definition).await.unwrap();
        definition
    }
}

#[sqlx::test(migrations = false)]
async fn eight_listeners_fill_a_listener_set(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let hosts: Vec<_> = (0..10).map(|n| format!(r#""h{n}.example.test""#)).collect();
    let body =
        format!(r#""Hostnames":[{}],"HttpPorts":[{{"Port":80}},{{"Port":443,"TLSEnabled":true}}]"#, hosts.join(","));
    let definition = fixture.definition("many", &body).await;
    let slots = async |instance: i64| {
        fixture.store.gateway_inputs(instance).await.unwrap().0.shared_gateway.unwrap().listener_sets
    };
    let made = slots(fixture.instance("many", definition).await.unwrap().id()).await;
    let count = |slot: i32| made.values().filter(|found| **found == Some(slot)).count();
    assert_eq!((made.len(), count(0), count(1), count(2)), (20, 8, 8, 4));

    // A set that an earlier release has filled stays as it is, and takes no further ones.
    sqlx::query("UPDATE gateway_listeners SET listener_set_id = (SELECT id FROM listener_sets WHERE ordinal = 0)")
        .execute(&pool)
        .await
        .unwrap();
    let definition = fixture.definition("one", r#""Hostnames":["one.example.test"],"HttpPorts":[{"Port":80}]"#).await;
    let more = slots(fixture.instance("one", definition).await.unwrap().id()).await;
    assert_eq!(more.values().collect::<Vec<_>>(), [&Some(1)]);

    // Once the last one is full, room that others have left is used before a new one is begun: 8, 5 and 8 are there.
    let spread = "UPDATE gateway_listeners l SET listener_set_id = s.id
        FROM (SELECT ctid, row_number() OVER () - 1 AS n FROM gateway_listeners) o
            JOIN listener_sets s ON s.ordinal = CASE WHEN n < 8 THEN 0 WHEN n < 13 THEN 1 ELSE 2 END
        WHERE l.ctid = o.ctid";
    assert_eq!(sqlx::query(spread).execute(&pool).await.unwrap().rows_affected(), 21);
    let definition = fixture.definition("two", r#""Hostnames":["two.example.test"],"HttpPorts":[{"Port":80}]"#).await;
    let more = slots(fixture.instance("two", definition).await.unwrap().id()).await;
    assert_eq!(more.values().collect::<Vec<_>>(), [&Some(1)]);
}

#[sqlx::test(migrations = false)]
async fn a_listener_that_comes_or_goes_wakes_its_listener_set_alone(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let first = fixture.add("first", PORT).await;
    let gateway = fixture.shared_gateway().await;
    let sets = fixture.listener_sets(&pool).await;
    assert_eq!(sets.len(), 1);
    let before = (fixture.wake_seq(&gateway).await, fixture.wake_seq(&sets[0]).await);
    for n in 0..7 {
        fixture.add(&format!("more-{n}"), PORT).await;
    }
    let full = (fixture.wake_seq(&gateway).await, fixture.wake_seq(&sets[0]).await);
    assert_eq!(full, (before.0, before.1 + 7));
    // Eight fill a set; the ninth begins the next.
    fixture.add("last", PORT).await;
    let sets = fixture.listener_sets(&pool).await;
    assert_eq!((sets.len(), fixture.wake_seq(&sets[0]).await), (2, full.1));
    let second = fixture.wake_seq(&sets[1]).await;
    fixture.writer.change(first, patch::<GatewayDefinition>(r#"{"Hostnames":["other.example.test"]}"#)).await.unwrap();
    assert!(fixture.wake_seq(&sets[0]).await > full.1, "a listener went");
    assert!(fixture.wake_seq(&sets[1]).await > second, "and came");
    assert_eq!(fixture.wake_seq(&gateway).await, full.0);
}

#[sqlx::test(migrations = false)]
async fn certificates_and_listeners_on_the_gateway_wake_the_gateway(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    fixture.add("first", PORT).await;
    let gateway = fixture.shared_gateway().await;
    let sets = fixture.listener_sets(&pool).await;
    let (before, set) = (fixture.wake_seq(&gateway).await, fixture.wake_seq(&sets[0]).await);
    fixture.add("secure", r#""HttpPorts":[{"Port":443,"TLSEnabled":true}]"#).await;
    let secured = fixture.wake_seq(&gateway).await;
    assert!(secured > before && fixture.wake_seq(&sets[0]).await > set);
    fixture.add("tcp", r#""TcpPorts":[{"Port":5432}]"#).await;
    assert!(fixture.wake_seq(&gateway).await > secured);
}

#[sqlx::test(migrations = false)]
async fn tcp_and_udp_on_one_port_come_and_go_each_for_itself(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let definition = fixture.add("dns", r#""TcpPorts":[{"Port":53}],"UdpPorts":[{"Port":53}]"#).await;
    fixture.add("other", r#""UdpPorts":[{"Port":8053}]"#).await;
    let ports = async || -> Vec<(i32, String)> {
        let text = "SELECT bound_port, protocol FROM gateway_ports WHERE bound_port <> 10080 ORDER BY 1, 2";
        sqlx::query_as(text).fetch_all(&pool).await.unwrap()
    };
    let listeners = async || -> Vec<(i32, Protocol, usize)> {
        let inputs = fixture.store.shared_gateway_inputs(fixture.shared_gateway().await.id).await.unwrap();
        inputs
            .listeners
            .iter()
            .map(|listener| (listener.key.port, listener.key.protocol, listener.users.len()))
            .collect()
    };
    let row = |port: i32, protocol: &str| (port, protocol.to_owned());
    assert_eq!(ports().await, [row(8053, "UDP"), row(10053, "TCP"), row(10053, "UDP")]);
    assert_eq!(listeners().await, [(53, Protocol::Tcp, 1), (53, Protocol::Udp, 1), (8053, Protocol::Udp, 1)]);
    let port = fixture.store.list::<GatewayTcpPort>(&[], 1, 0).await.unwrap().0[0].id();
    fixture.writer.delete::<GatewayTcpPort>(port).await.unwrap();
    assert_eq!(ports().await, [row(8053, "UDP"), row(10053, "UDP")]);
    assert_eq!(listeners().await, [(53, Protocol::Udp, 1), (8053, Protocol::Udp, 1)]);
    let again = format!(r#"{{"GatewayDefinitionID":{definition},"Port":53}}"#);
    fixture.writer.create(record::<GatewayTcpPort>(&again)).await.unwrap();
    assert_eq!(ports().await, [row(8053, "UDP"), row(10053, "TCP"), row(10053, "UDP")]);
    let own = fixture.store.list::<GatewayUdpPort>(&[], 2, 0).await.unwrap().0[0].id();
    fixture.writer.change(own, patch::<GatewayUdpPort>(r#"{"Port":8053}"#)).await.unwrap_err();
    assert_eq!(ports().await, [row(8053, "UDP"), row(10053, "TCP"), row(10053, "UDP")]);
}

#[sqlx::test(migrations = false)]
async fn a_listener_set_reads_its_own_listeners_and_its_gateway_those_with_certificates(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    for n in 0..12 {
        fixture.add(&format!("web-{n}"), PORT).await;
    }
    fixture
        .add("both", r#""HttpPorts":[{"Port":8080},{"Port":8443,"TLSEnabled":true}],"TcpPorts":[{"Port":5432}]"#)
        .await;
    let sets = fixture.listener_sets(&pool).await;
    let mut all: Vec<Listener> = vec![];
    for (ordinal, key) in (0..).zip(&sets) {
        let inputs = fixture.store.listener_set_inputs(key.id).await.unwrap();
        assert_eq!(inputs.ordinal, ordinal);
        assert!((1..=8).contains(&inputs.listeners.len()));
        assert!(inputs.listeners.iter().all(|listener| listener.listener_set == Some(ordinal)));
        let secure = inputs.listeners.iter().any(|listener| listener.key.protocol == Protocol::Https);
        assert_eq!(secure, !inputs.domains.is_empty());
        all.extend(inputs.listeners);
    }
    let hostnames: BTreeSet<_> = all.iter().map(|listener| listener.key.hostname.clone()).collect();
    assert_eq!((all.len(), hostnames.len()), (14, 13));
    let gateway = fixture.store.shared_gateway_inputs(fixture.shared_gateway().await.id).await.unwrap();
    let read: Vec<_> =
        gateway.listeners.iter().map(|listener| (listener.key.port, listener.listener_set.is_some())).collect();
    assert_eq!(read, [(5432, false), (8080, true), (8443, true)], "the last two are of one hostname");
    let counts: Vec<_> = gateway.listener_sets.iter().map(|set| set.listeners).collect();
    assert_eq!((counts.iter().sum::<usize>(), counts.len()), (14, sets.len()));
    assert!(gateway.listener_sets.iter().all(|set| set.applied.is_none() && set.state.is_none()));
}

#[sqlx::test(migrations = false)]
async fn what_a_listener_set_publishes_is_written_by_whoever_has_the_cluster_and_wakes_its_gateway(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    fixture.add("first", PORT).await;
    let (gateway, set) = (fixture.shared_gateway().await, fixture.listener_sets(&pool).await[0]);
    let mut claimed = fixture.store.begin(&set, fixture.lease()).await.unwrap().unwrap();
    let before = fixture.wake_seq(&gateway).await;
    let state = ListenerSetState::default();
    let outcome = Outcome::default().publish(None, serde_json::to_value(&state).unwrap());
    claimed.lease.epoch -= 1;
    fixture.store.complete(&claimed, &outcome, 1).await.unwrap();
    let published = async || {
        let inputs = fixture.store.shared_gateway_inputs(gateway.id).await.unwrap();
        inputs.listener_sets[0].state.clone()
    };
    assert_eq!((published().await, fixture.wake_seq(&gateway).await), (None, before));
    claimed.lease.epoch += 1;
    fixture.store.complete(&claimed, &outcome, 1).await.unwrap();
    assert_eq!(published().await, Some(state));
    assert!(fixture.wake_seq(&gateway).await > before);
}
