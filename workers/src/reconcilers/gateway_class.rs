//! The GatewayClass that a Gateway names. It is somebody else's, so no watch tells of it: it is read with the reconciles of whoever has the Gateway. What it
//! says is on record with the cluster's runtime.

use super::Reconcile;
use causeway_records::{Kind, inputs::ClassInCluster};
use causeway_store::queue::Key;

impl Reconcile<'_> {
    /// The record of the cluster, if it knows the class otherwise than it is: its reconcile looks at all classes, and wakes the gateways of those that have
    /// changed. None has to be looked at where Causeway makes the class.
    pub(super) async fn look_at_class(&self, class: Option<&str>, known: &ClassInCluster) -> Vec<Key> {
        let Some(class) = class else { return Vec::new() };
        match self.connection.cluster.gateway_class(class).await {
            Ok(live) if live == known.class => Vec::new(),
            Ok(_) => vec![self.runtime_key()],
            // What it says is of use, not needed: the Gateway's own conditions tell what becomes of it.
            Err(error) => {
                tracing::debug!(%error, class, "a GatewayClass is not read");
                Vec::new()
            }
        }
    }

    /// The record of the cluster.
    pub(super) fn runtime_key(&self) -> Key {
        Key { kind: Kind::KubernetesRuntimeInstance, id: self.session.cluster_id() }
    }
}
