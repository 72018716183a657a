//! What a cluster needs first, as a step of those that need it.

use super::{Pass, SUPPORT_SERVICES_INSTALLED};
use causeway_records::{
    Record,
    nouns::{Service, SupportServiceInstance},
    status::{Finding, READY},
};
use causeway_store::StoreError;

impl Pass<'_> {
    /// Whether these services are installed in the cluster.
    pub(super) async fn services(&self, needed: &[Service]) -> Result<Finding, StoreError> {
        let services = self.context.store.services_of(self.site.runtime_id()).await?;
        Ok(judge(&services, needed))
    }
}

/// Whether a step holds.
pub(super) fn holds(finding: &Finding) -> bool {
    finding.status == causeway_records::status::ConditionStatus::True
}

fn judge(services: &[Record<SupportServiceInstance>], needed: &[Service]) -> Finding {
    for need in needed {
        let Some(service) = services.iter().find(|service| service.spec.service == *need) else {
            let message =
                format!("{need} is not on record for this cluster; change the record once more to have it added");
            return Finding::fails(SUPPORT_SERVICES_INSTALLED, "Missing", message);
        };
        let conditions = service.status.conditions.clone().unwrap_or_default();
        if !conditions.is_true(READY) {
            let why = conditions.get(READY).map_or("it was not looked at yet", |ready| ready.message.as_str());
            let message = format!("support service {} is not ready: {why}", service.spec.name);
            return Finding::fails(SUPPORT_SERVICES_INSTALLED, "NotReady", message);
        }
    }
    let names: Vec<_> = needed.iter().map(|service| service.as_str()).collect();
    Finding::holds(SUPPORT_SERVICES_INSTALLED, "Installed", names.join(", "))
}
