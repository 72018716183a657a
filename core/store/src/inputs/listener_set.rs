//! The inputs of the reconcile of a ListenerSet.

use crate::{Store, error::Result};
use causeway_records::{inputs::ListenerSetInputs, nouns::ListenerSet};

impl Store {
    /// For the reconcile of a ListenerSet.
    pub async fn listener_set_inputs(&self, id: i64) -> Result<ListenerSetInputs> {
        let set = self.shared::<ListenerSet>(id).await?;
        let listeners = self.listeners_of_set(id).await?;
        let gateway = self.gateway_of_listeners(set.spec.shared_gateway_id).await?;
        Ok(ListenerSetInputs {
            control_plane: self.control_plane().await?,
            id,
            ordinal: set.spec.ordinal,
            class_in_cluster: self.class_of(&gateway.record.spec).await?,
            gateway,
            domains: self.domains_of(&listeners).await?,
            listeners,
        })
    }
}
