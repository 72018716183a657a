//! Who is woken along with a write: in which order they are taken, that they read what was written, and that nobody is passed over who comes at this moment.

use crate::{
    beside::{free, held},
    fixture::Fixture,
    wake::until_waiting,
};
use causeway_records::{Kind, nouns::*};
use causeway_store::{
    Confirmed,
    queue::{Claimed, Key, Outcome},
};
use serde_json::json;
use sqlx::{PgPool, Row};

const GATEWAY_INSTANCES: &str = "reconciliations WHERE kind = 'GatewayInstance'";
const DOMAIN_NAMES: &str = "reconciliations WHERE kind = 'DomainNameInstance'";

impl Fixture {
    async fn claimed(&self, kind: Kind, id: i64) -> Claimed {
        self.store.begin(&Key { kind, id }, self.lease()).await.unwrap().unwrap()
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

#[sqlx::test(migrations = false)]
async fn who_loses_requests_is_taken_in_one_order_with_all_others(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let root = fixture.definition("root", r#""HttpPorts":[{"Port":8080}]"#).await;
    let root = (Kind::GatewayInstance, fixture.instance("root", root).await.unwrap().id());
    fixture.writer.create(fixture.domain_name_of("web", fixture.domain, fixture.workload)).await.unwrap();
    let cart = fixture.definition("cart", r#""HttpPorts":[{"Port":8080,"Path":"/cart"}]"#).await;
    let before = wakes(&pool, &[root]).await[0];
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
    assert_eq!(fixture.generations(&[Key { kind: root.0, id: root.1 }]).await, [1], "what it asks for is the same");
}

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
