//! Who is woken along with a write: in which order they are taken, that they read what was written, and that nobody is passed over who comes at this moment.

use crate::{
    beside::held,
    fixture::Fixture,
    wake::until_waiting,
};
use causeway_records::{Kind, nouns::*};
use causeway_store::queue::{Claimed, Key, Outcome};
use serde_json::json;
use sqlx::{PgPool, Row};

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
