//! The log from its end.

use super::after;
use crate::fixture::Fixture;
use causeway_records::{
    Kind,
    watch::{EventFilter, EventType},
};
use causeway_store::{EventSearch, LOOKED_AT};
use sqlx::PgPool;

#[sqlx::test(migrations = false)]
async fn pages_from_the_end_hold_every_event_once(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let store = &fixture.store;
    for n in 0..7 {
        fixture.add_workload(&format!("w{n}")).await;
    }
    let mut all = after(store, 0).await;
    all.reverse();
    let mut search = EventSearch { limit: 3, ..EventSearch::default() };
    let mut seen = vec![];
    loop {
        let page = store.event_page(&search).await.unwrap();
        seen.extend(page.events);
        let Some(next) = page.next else { break };
        search.before = Some(next.position);
    }
    assert_eq!(seen, all);

    let filter = EventFilter {
        kinds: vec![Kind::WorkloadInstance],
        types: vec![EventType::Created],
        runtime: Some(fixture.runtime),
        name: Some("w3".into()),
        id: None,
    };
    let found = store.event_page(&EventSearch { filter, before: None, limit: 10 }).await.unwrap();
    let expected: Vec<_> = all
        .iter()
        .filter(|event| event.kind == Kind::WorkloadInstance && event.name.as_deref() == Some("w3"))
        .collect();
    assert_eq!((found.events.len(), found.next), (1, None), "{expected:?}");
    assert_eq!(found.events[0].name.as_deref(), Some("w3"));
}

/// A page looks at so many events and no further, whatever the filter; the next one goes on there.
#[sqlx::test(migrations = false)]
async fn what_is_rare_is_found_by_looking_on(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let store = &fixture.store;
    let first = after(store, 0).await.remove(0);
    let fill = "INSERT INTO event_log (type, kind, record_id, time) SELECT 'changed', 'AwsAccount', 7, now() FROM generate_series(1, $1)";
    sqlx::query(fill).bind(2 * LOOKED_AT).execute(&pool).await.unwrap();
    let filter = EventFilter { id: Some(first.id), ..EventFilter::default() };
    let mut search = EventSearch { filter, before: None, limit: 50 };
    let (mut pages, mut found) = (0, vec![]);
    loop {
        let page = store.event_page(&search).await.unwrap();
        (pages, found) = (pages + 1, [found, page.events].concat());
        let Some(next) = page.next else { break };
        search.before = Some(next.position);
    }
    assert_eq!(pages, 3);
    assert!(found.contains(&first), "{found:?}");
}
