//! A write that shows what it would do, or that does only what a plan has shown.

use crate::{
    state::ApiState,
    wire::{
        envelope,
        plan::{Planning, add_revision},
        rendered::mask,
    },
};
use axum::{http::StatusCode, response::Response};
use causeway_records::{inputs::AnyInputs, trial::Trial};
use causeway_render::effect::{Effect, effect, rendered};
use causeway_store::{
    Result, Writer,
    trial::{Expected, Proposed},
};

/// `Type` of the answer.
pub(crate) const PLAN: &str = "Plan";

/// What became of a write about which something was asked.
pub(super) enum Planned<V> {
    /// It is done.
    Written(V),
    /// It is not; this is what it would do.
    Shown(Box<Effect>),
}

/// Carries a write out as it is asked for, or shows its effect.
pub(super) async fn carry_out<V: Send + 'static>(
    state: &ApiState,
    writer: &Writer,
    planning: Planning,
    proposed: Proposed<V>,
) -> Result<Planned<V>> {
    match planning {
        // Here, where it may take its time: nothing is locked any more.
        Planning::Show => Ok(Planned::Shown(Box::new(effect_of(writer.tried(proposed).await?)))),
        Planning::Expect(revision) => {
            let services = state.clone();
            let expected: Expected = Box::new(move |trial| {
                let (services, revision) = (services.clone(), revision.clone());
                Box::pin(async move { services.comparing(move || effect_of(trial).revision == revision).await })
            });
            Ok(Planned::Written(writer.as_tried(proposed, expected).await?))
        }
    }
}

/// The answer with a plan.
pub(super) fn shown(effect: &Effect) -> Response {
    add_revision(envelope::one(PLAN, StatusCode::OK, effect), &effect.revision)
}

/// Takes time for each byte of a workload's manifests.
fn effect_of(trial: Trial<AnyInputs>) -> Effect {
    effect(trial.map(rendered), &mask)
}
