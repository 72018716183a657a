//! What a record has in the cluster, and the deletion of what it no longer wants.

use super::super::Reconcile;
use causeway_cluster::{CachedObject, FieldOwner, WriteOutcome};
use causeway_records::{
    Kind,
    inventory::{Inventory, InventoryEntry, ObjectRef},
};
use causeway_render::{
    k8s::{cert_manager::CERTIFICATE, core::SECRET},
    labels::Owner,
    plan::Plan,
};
use std::collections::HashSet;

impl Reconcile<'_> {
    /// The inventory on record, and orphans: what else carries this record's label. A reconcile made them that could not store its inventory,
    /// or cert-manager did, late, for a Certificate that is gone.
    pub(in super::super) fn tracked(&self, owner: Owner, plan: &Plan) -> Inventory {
        let mut tracked = self.claimed.inventory.clone();
        let on_record = self.claimed.inventory.iter().map(|entry| &entry.object);
        let expected: HashSet<&ObjectRef> = on_record.chain(plan.objects.iter().map(|object| &object.at)).collect();
        for found in self.connection.cache.by_owner(&owner.to_string()) {
            let ours = (found.applied && !is_definition(&found.at)) || is_leftover_secret(owner, &found, &expected);
            if ours && !expected.contains(&found.at) && !found.deleting {
                tracked.push(InventoryEntry {
                    uid: Some(found.uid.clone()),
                    ..InventoryEntry::intended(found.at.clone())
                });
            }
        }
        tracked
    }

    /// Deletes objects, and the Secrets that cert-manager made for Certificates among them.
    pub(in super::super) async fn prune(&self, writer: &FieldOwner, entries: Inventory) -> WriteOutcome {
        let secrets = entries.iter().filter(|entry| CERTIFICATE.is(&entry.object)).map(|entry| {
            let namespace = entry.object.namespace.as_deref().unwrap_or_default();
            InventoryEntry::intended(SECRET.at(namespace, &entry.object.name))
        });
        // Pruned from the end: the Certificate goes first, or cert-manager would make its Secret anew.
        let all: Inventory = secrets.chain(entries.iter().cloned()).collect();
        let pruned = self.connection.cluster.prune(writer, &all).await;
        for (object, change) in &pruned.changes {
            tracing::info!(%object, ?change, "pruned");
        }
        self.note_changes(&pruned);
        pruned
    }
}

/// A kind to watch that no plan of this record names: cert-manager makes Secrets for the Certificates of gateways.
pub(in super::super) fn made_by_others(owner: Owner) -> Option<ObjectRef> {
    has_certificates(owner).then(|| SECRET.cluster("*"))
}

/// Other records' objects are what a person wrote, who may have copied their labels to anything.
fn has_certificates(owner: Owner) -> bool {
    matches!(owner.kind, Kind::ListenerSet | Kind::GatewayInstance)
}

/// A Secret that cert-manager made for a Certificate of this record which is no longer there.
fn is_leftover_secret(owner: Owner, found: &CachedObject, expected: &HashSet<&ObjectRef>) -> bool {
    let (Some(certificate), Some(namespace)) = (&found.certificate, &found.at.namespace) else { return false };
    has_certificates(owner) && SECRET.is(&found.at) && !expected.contains(&CERTIFICATE.at(namespace, certificate))
}

/// With a definition go all objects of its kind, other people's too: only an inventory says that one is to go.
fn is_definition(at: &ObjectRef) -> bool {
    at.group == "apiextensions.k8s.io" && at.kind == "CustomResourceDefinition"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_of_a_certificate_that_is_gone_is_pruned() {
        let gateway = Owner { kind: Kind::ListenerSet, id: 7 };
        let at = |kind: causeway_render::k8s::ObjectKind| kind.at("shared-gateway-7", "shop");
        let mut secret = CachedObject::for_tests(at(SECRET), "u", "h");
        secret.applied = false;
        let mut made = secret.clone();
        made.certificate = Some("shop".into());
        assert!(is_leftover_secret(gateway, &made, &HashSet::new()));
        assert!(
            !is_leftover_secret(gateway, &made, &HashSet::from([&at(CERTIFICATE)])),
            "its Certificate is asked for"
        );
        assert!(!is_leftover_secret(gateway, &secret, &HashSet::new()), "nobody made it for a Certificate");
        assert!(
            !is_leftover_secret(Owner { kind: Kind::WorkloadInstance, id: 7 }, &made, &HashSet::new()),
            "a person's Certificate"
        );
    }
}
