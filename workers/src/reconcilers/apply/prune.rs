//! What a record has in the cluster, and the deletion of what it no longer wants.

use super::super::{Interrupted, Reconcile};
use causeway_cluster::{CachedObject, FieldOwner, WriteOutcome};
use causeway_records::{
    Kind,
    inventory::{Inventory, InventoryEntry, ObjectRef},
};
use causeway_render::{
    k8s::{cert_manager::CERTIFICATE, core::SECRET},
    labels::{Owner, parse_owner},
    plan::Plan,
};
use causeway_store::queue::Key;
use std::collections::HashSet;

/// How many objects an event names.
const NAMED: usize = 10;

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
                    found: true,
                    ..InventoryEntry::intended(found.at.clone())
                });
            }
        }
        tracked
    }

    /// Deletes objects, and the Secrets that cert-manager made for Certificates among them. What stays in the cluster is told in an event.
    pub(in super::super) async fn prune(
        &self,
        writer: &FieldOwner,
        entries: Inventory,
    ) -> Result<WriteOutcome, Interrupted> {
        let secrets = entries.iter().filter(|entry| CERTIFICATE.is(&entry.object)).map(|entry| {
            let namespace = entry.object.namespace.as_deref().unwrap_or_default();
            let secret = SECRET.at(namespace, &entry.object.name);
            InventoryEntry { keep: entry.keep, ..InventoryEntry::intended(secret) }
        });
        // Pruned from the end: the Certificate goes first, or cert-manager would make its Secret anew.
        let all: Inventory = secrets.chain(entries.iter().cloned()).collect();
        let cluster = &self.connection.cluster;
        let mut pruned = match self.lets_go() {
            true => cluster.prune_and_let_go(writer, &all).await,
            false => cluster.prune(writer, &all).await,
        };
        self.leave_to_others(writer, &all, &mut pruned).await?;
        for (object, change) in &pruned.changes {
            tracing::info!(%object, ?change, "pruned");
        }
        self.note_changes(&pruned);
        let key = &self.claimed.key;
        if let Some(note) = left(&pruned).filter(|_| key.kind != Kind::ListenerSet) {
            self.context.store.record_event(key, "ObjectsLeft", &note, true).await?;
        }
        Ok(pruned)
    }

    /// What holds objects of another record waits for that one only if its deletion was asked for, too, or if it is a part of this record; otherwise
    /// it stays for it.
    async fn leave_to_others(
        &self,
        writer: &FieldOwner,
        entries: &Inventory,
        pruned: &mut WriteOutcome,
    ) -> Result<(), Interrupted> {
        let held: Vec<_> = pruned.held().map(|(at, by)| (at.clone(), by.to_owned())).collect();
        let key = |by: &str| parse_owner(by).map(|owner| Key { kind: owner.kind, id: owner.id });
        let others: Vec<Key> = held.iter().filter_map(|(_, by)| key(by)).collect();
        if others.is_empty() && held.is_empty() {
            return Ok(());
        }
        let going = self.context.store.being_deleted(&others).await?;
        for (at, by) in held {
            let Some(entry) = entries.iter().find(|entry| entry.object == at) else { continue };
            if key(&by).is_some_and(|other| going.contains(&other) || is_part(&other, &self.claimed.key)) {
                continue;
            }
            let why = format!("it stays, because {by} has objects in it; delete it by hand when those are gone");
            match self.connection.cluster.let_stay(writer, entry, &why).await {
                Ok(change) => pruned.settle(&at, change),
                Err(error) => pruned.errors.push(error),
            }
        }
        Ok(())
    }
}

/// A ListenerSet that has no listener any more takes its objects away by itself, without a deletion of its record; its gateway waits for that.
fn is_part(other: &Key, of: &Key) -> bool {
    other.kind == Kind::ListenerSet && of.kind == Kind::SharedGateway
}

/// What stays in the cluster, as the sentence of an event.
pub(in super::super) fn left(pruned: &WriteOutcome) -> Option<String> {
    let named: Vec<_> = pruned.released().take(NAMED).map(|(object, why)| format!("{object}: {why}")).collect();
    let more = pruned.released().count().saturating_sub(NAMED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    (!named.is_empty()).then(|| format!("left in the cluster: {}{more}", named.join("; ")))
}

/// A kind to watch that no plan of this record names: cert-manager makes Secrets for the Certificates of gateways. Of shared gateways only those have any that
/// have Certificates among these objects.
pub(in super::super) fn made_by_others<'o>(
    owner: Owner,
    mut objects: impl Iterator<Item = &'o ObjectRef>,
) -> Option<ObjectRef> {
    let is_needed = owner.kind != Kind::SharedGateway || objects.any(|object| CERTIFICATE.is(object));
    (has_certificates(owner) && is_needed).then(|| SECRET.cluster("*"))
}

/// Other records' objects are what a person wrote, who may have copied their labels to anything.
fn has_certificates(owner: Owner) -> bool {
    matches!(owner.kind, Kind::SharedGateway | Kind::ListenerSet | Kind::GatewayInstance)
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
    use causeway_cluster::ObjectChange;

    #[test]
    fn secrets_are_watched_where_certificates_are() {
        let at = |kind: causeway_render::k8s::ObjectKind| kind.at("ingress", "shop");
        let watched = |kind, objects: &[ObjectRef]| made_by_others(Owner { kind, id: 7 }, objects.iter()).is_some();
        assert!(watched(Kind::SharedGateway, &[at(SECRET), at(CERTIFICATE)]));
        assert!(!watched(Kind::SharedGateway, &[at(SECRET)]) && !watched(Kind::WorkloadInstance, &[at(CERTIFICATE)]));
        assert!(watched(Kind::ListenerSet, &[]), "it may have had some");
    }

    #[test]
    fn a_gateway_waits_for_its_listener_sets_and_for_nobody_else_who_lives() {
        let key = |kind| Key { kind, id: 1 };
        assert!(is_part(&key(Kind::ListenerSet), &key(Kind::SharedGateway)));
        assert!(!is_part(&key(Kind::WorkloadInstance), &key(Kind::SharedGateway)));
        assert!(!is_part(&key(Kind::ListenerSet), &key(Kind::GatewayInstance)));
    }

    #[test]
    fn what_stays_is_named_in_one_sentence() {
        let released = |n: usize| (SECRET.at("shop", &format!("s{n}")), ObjectChange::Released("why".into()));
        let mut pruned = WriteOutcome { changes: (0..12).map(released).collect(), ..WriteOutcome::default() };
        pruned.changes.push((SECRET.at("shop", "gone"), ObjectChange::Deleted));
        let note = left(&pruned).unwrap();
        assert!(note.starts_with("left in the cluster: Secret shop/s0: why; Secret shop/s1: why"), "{note}");
        assert!(note.ends_with("Secret shop/s9: why; and 2 more"), "{note}");
        pruned.changes.drain(..12);
        assert_eq!(left(&pruned), None);
    }

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
