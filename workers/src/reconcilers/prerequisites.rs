//! The support services that a record needs before it can be applied.

use super::{Reconcile, SUPPORT_SERVICES_INSTALLED};
use causeway_records::{
    Record,
    nouns::{Service, SupportServiceInstance},
    status::{ConditionStatus, NewCondition, READY},
};
use causeway_store::StoreError;

impl Reconcile<'_> {
    /// The first conditions of a record: the cluster answers and, where any are needed, these services are ready in it.
    pub(super) async fn prerequisites(&self, needed: &[Service]) -> Result<Vec<NewCondition>, StoreError> {
        match needed {
            [] => Ok(vec![self.reachable()]),
            _ => {
                let services = self.context.store.services_of(self.session.cluster_id()).await?;
                Ok(self.prerequisites_among(&services, needed))
            }
        }
    }

    /// The same where the cluster's services were read already.
    pub(super) fn prerequisites_among(
        &self,
        services: &[Record<SupportServiceInstance>],
        needed: &[Service],
    ) -> Vec<NewCondition> {
        let installed = (!needed.is_empty()).then(|| installed(services, needed));
        std::iter::once(self.reachable()).chain(installed).collect()
    }
}

/// Whether all conditions are met, so that the next step can be taken.
pub(super) fn all_met(conditions: &[NewCondition]) -> bool {
    conditions.iter().all(|condition| condition.status == ConditionStatus::True)
}

fn installed(services: &[Record<SupportServiceInstance>], needed: &[Service]) -> NewCondition {
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
