//! Definitions stand in no cluster: a pass checks what can be checked without one, and lets a deleted one go after its instances.

use super::{APPLIED, Failure, Found, remove};
use crate::context::Context;
use causeway_records::{nouns::WorkloadDefinition, status::Finding};
use causeway_render::workload::manifests;
use causeway_store::queue::Work;

pub(super) async fn reconcile(context: &Context, work: &Work) -> Result<Found, Failure> {
    if work.gone {
        return Ok(Found { gone: true, ..Found::default() });
    }
    if work.being_deleted {
        return remove::confirm(context, work).await;
    }
    let findings = if work.key.kind == causeway_records::Kind::WorkloadDefinition {
        let definition = context.store.get::<WorkloadDefinition>(work.key.id).await?;
        vec![match manifests(&definition.spec.yaml_document) {
            Ok(manifests) => Finding::holds(APPLIED, "Valid", format!("{} manifests", manifests.len())),
            Err(sentence) => Finding::fails(APPLIED, "Invalid", format!("YAMLDocument: {sentence}")),
        }]
    } else {
        vec![]
    };
    Ok(Found { findings, applied: true, ..Found::default() })
}
