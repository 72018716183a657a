//! A reconcile knows the trace of the request that has asked for what it carries out.

use crate::fixture::{Fixture, patch};
use causeway_records::{Kind, nouns::*, status::NewCondition};
use causeway_store::queue::{Key, Outcome};
use sqlx::PgPool;

const MADE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const CHANGED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const PORT: &str = r#""HttpPorts":[{"Port":80}]"#;

impl Fixture {
    /// The trace that a reconcile of the gateway instance would be linked to.
    async fn trace_of(&self, id: i64) -> Option<String> {
        let key = Key { kind: Kind::GatewayInstance, id };
        self.store.begin(&key, self.lease()).await.unwrap().unwrap().traceparent
    }

    /// Reconciles the gateway instance; `applied`: all that is asked for stands.
    async fn reconcile(&self, id: i64, applied: bool) {
        let key = Key { kind: Kind::GatewayInstance, id };
        let claimed = self.store.begin(&key, self.lease()).await.unwrap().unwrap();
        let conditions = vec![NewCondition::not_met("Applied", "Waiting", "it is on its way")];
        let outcome = Outcome { applied, ..Outcome::with(conditions) };
        self.store.complete(&claimed, &outcome, 1).await.unwrap();
    }
}

#[sqlx::test(migrations = false)]
async fn the_last_request_is_known_until_what_it_asked_for_is_applied(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let definition = fixture.definition("web", PORT).await;
    let traced = |traceparent: &str| fixture.writer.clone().in_trace(Some(traceparent.to_owned()));
    let instance = fixture.instance_of("web", definition, fixture.workload);
    let id = traced(MADE).create(instance).await.unwrap().id();
    assert_eq!(fixture.trace_of(id).await.as_deref(), Some(MADE));
    fixture.reconcile(id, false).await;
    assert_eq!(fixture.trace_of(id).await.as_deref(), Some(MADE), "it is tried again");

    // Who changes what others stand on has asked for theirs, too.
    let other = patch::<GatewayDefinition>(r#"{"SubDomain":"shop"}"#);
    traced(CHANGED).change(definition, other).await.unwrap();
    assert_eq!(fixture.trace_of(id).await.as_deref(), Some(CHANGED));
    fixture.reconcile(id, true).await;
    assert_eq!(fixture.trace_of(id).await, None);

    traced(MADE).delete::<GatewayInstance>(id).await.unwrap();
    assert_eq!(fixture.trace_of(id).await.as_deref(), Some(MADE));
}

#[sqlx::test(migrations = false)]
async fn a_request_without_a_trace_takes_nobody_elses(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let definition = fixture.definition("web", PORT).await;
    let id = fixture.instance("web", definition).await.unwrap().id();
    assert_eq!(fixture.trace_of(id).await, None);
    // One after the other, over the connections of one pool.
    let traced = fixture.writer.clone().in_trace(Some(CHANGED.to_owned()));
    traced.change(definition, patch::<GatewayDefinition>(r#"{"SubDomain":"shop"}"#)).await.unwrap();
    assert_eq!(fixture.trace_of(id).await.as_deref(), Some(CHANGED));
    fixture.writer.change(definition, patch::<GatewayDefinition>(r#"{"SubDomain":"www"}"#)).await.unwrap();
    assert_eq!(fixture.trace_of(id).await, None, "what is asked for now is another's wish");
    let second = fixture.definition("second", r#""TcpPorts":[{"Port":5432}]"#).await;
    let second = fixture.instance("second", second).await.unwrap().id();
    assert_eq!(fixture.trace_of(second).await, None);
}
