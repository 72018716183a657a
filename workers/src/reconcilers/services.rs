//! What a cluster needs first, as a step of those that need it.

use super::{Pass, SUPPORT_SERVICES_INSTALLED};
use causeway_records::{
    Record,
    nouns::{Service, SupportServiceInstance},
    status::{ConditionStatus, NewCondition, READY},
};
use causeway_store::StoreError;

impl Pass<'_> {
    /// The first steps of a record: the cluster answers and, where any are needed, these services are installed in it.
    pub(super) async fn first_steps(&self, needed: &[Service]) -> Result<Vec<NewCondition>, StoreError> {
        match needed {
            [] => Ok(vec![self.reachable()]),
            _ => Ok(self.first_steps_with(&self.context.store.services_of(self.site.runtime_id()).await?, needed)),
        }
    }

    /// The same where the cluster's services were read already.
    pub(super) fn first_steps_with(
        &self,
        services: &[Record<SupportServiceInstance>],
        needed: &[Service],
    ) -> Vec<NewCondition> {
        let judged = (!needed.is_empty()).then(|| judge(services, needed));
        std::iter::once(self.reachable()).chain(judged).collect()
    }
}

/// Whether all steps hold, so that the next one can be taken.
pub(super) fn all_hold(steps: &[NewCondition]) -> bool {
    steps.iter().all(|step| step.status == ConditionStatus::True)
}

fn judge(services: &[Record<SupportServiceInstance>], needed: &[Service]) -> NewCondition {
    for need in needed {
        let Some(service) = services.iter().find(|service| service.spec.service == *need) else {
            let message =
                format!("{need} is not on record for this cluster; change the record once more to have it added");
            return NewCondition::not_met(SUPPORT_SERVICES_INSTALLED, "Missing", message);
        };
        let conditions = service.status.conditions.clone().unwrap_or_default();
        if !conditions.is_true(READY) {
            let why = conditions.get(READY).map_or("it was not looked at yet", |ready| ready.message.as_str());
            let message = format!("support service {} is not ready: {why}", service.spec.name);
            return NewCondition::not_met(SUPPORT_SERVICES_INSTALLED, "NotReady", message);
        }
    }
    let names: Vec<_> = needed.iter().map(|service| service.as_str()).collect();
    NewCondition::met(SUPPORT_SERVICES_INSTALLED, "Installed", names.join(", "))
}
