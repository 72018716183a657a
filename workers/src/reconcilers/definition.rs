//! Definitions have no objects in any cluster: what can be checked without one is checked, and a deleted one goes after its instances.

use super::{APPLIED, Interrupted, delete};
use crate::{context::Context, session::ClusterSession};
use causeway_manifests::{Budget, read};
use causeway_records::{Kind, nouns::WorkloadDefinition, status::NewCondition};
use causeway_store::queue::{Claimed, Outcome};

pub(crate) async fn check(
    context: &Context,
    session: &ClusterSession,
    claimed: &Claimed,
) -> Result<Outcome, Interrupted> {
    if claimed.being_deleted {
        return delete::confirm(context, claimed).await;
    }
    let mut outcome = Outcome { applied: true, ..Outcome::default() };
    if claimed.key.kind == Kind::WorkloadDefinition {
        let bytes = context.store.document_bytes::<WorkloadDefinition>(claimed.key.id).await?;
        let held = context.manifests.hold(&session.manifests, bytes).await;
        let definition = context.store.get::<WorkloadDefinition>(claimed.key.id).await?;
        let text = definition.spec.yaml_document;
        let manifests = held.read(move || read(&text, &Budget::stored())).await;
        outcome = outcome.then(match manifests {
            Ok(manifests) => NewCondition::met(APPLIED, "Valid", format!("{} manifests", manifests.len())),
            Err(error) => NewCondition::not_met(APPLIED, "Invalid", format!("YAMLDocument: {error}")),
        });
    }
    Ok(outcome)
}
