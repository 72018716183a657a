//! Has a plan applied: remembers first, applies, takes away what is no longer wanted, remembers what came of it.

use super::{APPLIED, Failure, Found, Pass, Retry};
use causeway_cluster::{CachedObject, ClusterError, FieldOwner, ObjectChange, WriteOutcome, inventory, is_up_to_date};
use causeway_failpoints::{INVENTORY_AFTER, INVENTORY_AHEAD, PRUNE_NEXT, reach};
use causeway_records::{
    Kind,
    inventory::{Inventory, InventoryEntry, ObjectRef},
    status::Finding,
};
use causeway_render::{
    k8s::{cert_manager::CERTIFICATE, core::SECRET},
    labels::Owner,
    observed::{Observed, Seen},
    plan::Plan,
};
use causeway_store::queue::Next;
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::{Duration, Instant},
};

/// How long the first list of a kind may take before a pass goes on without it.
const FIRST_LIST: Duration = Duration::from_secs(5);
/// Between two looks at whether it is there.
const POLL: Duration = Duration::from_millis(20);
/// How long the watch may take to show what was written before the pass goes on without it.
const ECHO: Duration = Duration::from_millis(100);
/// When to look at objects that are on their way out; the watch usually says so before.
const GOING: Duration = Duration::from_secs(2);

/// What came of applying a plan.
pub(super) struct Brought {
    /// The step `Applied`.
    pub(super) finding: Finding,
    /// Everything stands as asked for.
    pub(super) applied: bool,
    /// Why it has to be tried again.
    pub(super) error: Option<String>,
    /// Not before this time.
    pub(super) retry_after: Option<Duration>,
    /// Whether trying again soon may help.
    pub(super) retry: Retry,
    /// Until when what the watches told is known to the pass.
    pub(super) looked: Option<Instant>,
    /// When to look again.
    pub(super) next: Next,
    /// What was done.
    pub(super) changes: Vec<(ObjectRef, ObjectChange)>,
    /// What stands now.
    pub(super) inventory: Inventory,
}

impl Brought {
    /// Into what the pass found, between the steps before and after.
    pub(super) fn found(self, before: Vec<Finding>, after: Vec<Finding>) -> Found {
        let findings = before.into_iter().chain([self.finding]).chain(after).collect();
        Found {
            findings,
            next: self.next,
            applied: self.applied,
            error: self.error,
            retry_after: self.retry_after,
            retry: self.retry,
            looked: self.looked,
            inventory: Some(self.inventory),
            ..Found::default()
        }
    }
}

impl Pass<'_> {
    pub(super) fn writer(&self, owner: Owner) -> FieldOwner {
        let hold = self.site.hold().clone();
        FieldOwner::new(self.context.control_plane.clone(), owner.to_string(), move || hold.is_held())
    }

    /// Waits until the kinds of these objects are listed, as far as the cluster serves them.
    pub(super) async fn watch<'o>(&self, objects: impl Iterator<Item = &'o ObjectRef>) {
        let watches = &self.connection.watches;
        let mut kinds = BTreeSet::new();
        for object in objects {
            if kinds.insert((object.group.clone(), object.kind.clone())) {
                watches.ensure_watched(object);
            }
        }
        let deadline = tokio::time::Instant::now() + FIRST_LIST;
        let listing = || {
            let broken = watches.unsynced();
            broken.iter().any(|b| b.error.is_none() && kinds.contains(&(b.group.clone(), b.kind.clone())))
        };
        while listing() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(POLL).await;
        }
    }

    /// Says of an object of this record whether it stands as it was left, made of what this hash says.
    pub(super) fn stands(&self) -> impl Fn(&ObjectRef, &str) -> bool + use<'_> {
        let entries = self.work.inventory.iter().map(|entry| (&entry.object, entry));
        let entries: HashMap<&ObjectRef, &InventoryEntry> = entries.collect();
        move |at, made_of| {
            entries
                .get(at)
                .is_some_and(|entry| is_up_to_date(entry, made_of, self.connection.watches.get(at).as_deref()))
        }
    }

    /// What the watches know of a record's objects, of each as much as `look` takes.
    pub(super) fn seen_by(&self, owner: Owner, look: impl Fn(&CachedObject) -> Option<Observed>) -> Seen {
        let own = self.connection.watches.by_owner(&owner.to_string());
        own.iter().filter_map(|seen| Some((seen.at.clone(), look(seen)?))).collect()
    }

    /// What the watches know of a record's objects and of these others.
    pub(super) fn seen<'o>(&self, owner: Owner, others: impl Iterator<Item = &'o ObjectRef>) -> Seen {
        let others = others.filter_map(|at| self.connection.watches.get(at));
        let mut seen = self.seen_by(owner, |own| Some(own.observed()));
        seen.extend(others.map(|other| (other.at.clone(), other.observed())));
        seen
    }

    /// Makes the plan true.
    pub(super) async fn bring(&self, owner: Owner, plan: &Plan) -> Result<Brought, Failure> {
        let old = self.known(owner, plan);
        let own = plan.objects.iter().map(|object| &object.at).chain(old.iter().map(|entry| &entry.object));
        self.watch(own.chain(&made_for(owner))).await;
        let before = inventory::union(&old, plan);
        if before != self.work.inventory {
            self.remember(&before).await?;
        }
        reach(&INVENTORY_AHEAD);
        let (cluster, writer) = (&self.connection.cluster, self.writer(owner));
        let mut done = cluster.apply(&writer, plan, &before, &self.connection.watches).await;
        done.inventory = inventory::whole(&before, plan, done.inventory);
        let unwanted = inventory::difference(&old, plan);
        let braked = self.brake(&unwanted, old.len());
        let stopped = done.errors.iter().any(ClusterError::stops_everything);
        if stopped || braked.is_some() {
            done.inventory = inventory::merge(done.inventory, unwanted);
        } else if !unwanted.is_empty() {
            reach(&PRUNE_NEXT);
            let pruned = self.prune(&writer, unwanted).await;
            done.inventory = inventory::merge(done.inventory, pruned.inventory);
            done.changes.extend(pruned.changes);
            done.errors.extend(pruned.errors);
        }
        self.note(&done);
        // What came of it is written down with the status; until then it is remembered as it was intended.
        reach(&INVENTORY_AFTER);
        let looked = if braked.is_none() { self.looked(owner, &done).await } else { None };
        Ok(Brought { looked, ..self.judge(plan, done, braked)? })
    }

    /// Notes down the record's objects, unless somebody else has the cluster by now and knows better.
    pub(super) async fn remember(&self, inventory: &Inventory) -> Result<(), Failure> {
        if self.context.store.save_inventory(self.work, inventory).await? { Ok(()) } else { Err(Failure::Cancelled) }
    }

    /// Has the cluster remember that something was changed in it.
    fn note(&self, done: &WriteOutcome) {
        let stays = |change: &ObjectChange| {
            matches!(change, ObjectChange::Skipped | ObjectChange::Unchanged | ObjectChange::Pending(_))
        };
        if done.changes.iter().any(|(_, change)| !stays(change)) {
            self.site.changed(&self.connection);
        }
    }

    /// The moment up to which all that the watches tell of a record is as this pass left it. What it has just written is waited for a little:
    /// then its echo needs no pass of its own, and this one's status shows it.
    async fn looked(&self, owner: Owner, done: &WriteOutcome) -> Option<Instant> {
        let watches = &self.connection.watches;
        if !done.errors.is_empty() || done.pending().next().is_some() {
            return None;
        }
        if done.changes.iter().any(|(_, change)| !matches!(change, ObjectChange::Skipped | ObjectChange::Unchanged)) {
            watches.wait_seen(&done.inventory, tokio::time::Instant::now() + ECHO).await;
        }
        let looked = Instant::now();
        // Only what is read after that moment counts.
        let as_left = |entry: &InventoryEntry| watches.get(&entry.object).is_some_and(|seen| seen.is_as_left(entry));
        let known: HashSet<&ObjectRef> = done.inventory.iter().map(|entry| &entry.object).collect();
        let stray = watches.by_owner(&owner.to_string()).iter().any(|seen| seen.applied && !known.contains(&seen.at));
        (!stray && done.inventory.iter().all(as_left)).then_some(looked)
    }

    /// Deletes objects, and the Secrets that cert-manager made for Certificates among them.
    pub(super) async fn prune(&self, writer: &FieldOwner, entries: Inventory) -> WriteOutcome {
        let secrets = entries.iter().filter(|entry| CERTIFICATE.is(&entry.object)).map(|entry| {
            let namespace = entry.object.namespace.as_deref().unwrap_or_default();
            InventoryEntry::intended(SECRET.at(namespace, &entry.object.name))
        });
        // Pruned from the end: the Certificate goes first, or cert-manager would make its Secret anew.
        let all: Inventory = secrets.chain(entries.iter().cloned()).collect();
        let outcome = self.connection.cluster.prune(writer, &all).await;
        for (object, change) in &outcome.changes {
            tracing::info!(%object, ?change, "pruned");
        }
        self.note(&outcome);
        outcome
    }

    /// What is remembered, and what else bears this record's label: made by a pass that could not write it down, or by cert-manager, late, for
    /// a Certificate that is gone.
    pub(super) fn known(&self, owner: Owner, plan: &Plan) -> Inventory {
        let mut known = self.work.inventory.clone();
        let remembered = self.work.inventory.iter().map(|entry| &entry.object);
        let expected: HashSet<&ObjectRef> = remembered.chain(plan.objects.iter().map(|object| &object.at)).collect();
        for found in self.connection.watches.by_owner(&owner.to_string()) {
            let ours = (found.applied && !is_definition(&found.at)) || is_orphan(owner, &found, &expected);
            if ours && !expected.contains(&found.at) && !found.deleting {
                known.push(InventoryEntry {
                    uid: Some(found.uid.clone()),
                    ..InventoryEntry::intended(found.at.clone())
                });
            }
        }
        known
    }

    /// A list of what would go, if that is too much to go without a person's word.
    fn brake(&self, unwanted: &[InventoryEntry], all: usize) -> Option<String> {
        let asked_for = match self.work.key.kind {
            // What it loses was lost by gateway instances, which a person deleted or changed.
            Kind::SharedGateway => true,
            // A few fields say what it has, and a person changed one: Placement alone takes a Gateway, its class and certificates away.
            Kind::GatewayInstance => self.work.generation > self.work.observed_generation,
            _ => false,
        };
        let explained = self.work.being_deleted || self.work.brake_released || asked_for;
        if explained || unwanted.len() <= most(all) {
            return None;
        }
        let names: Vec<_> = unwanted.iter().take(10).map(|entry| entry.object.to_string()).collect();
        let more = unwanted.len().saturating_sub(names.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Some(format!(
            "{} of {all} objects would be deleted at once: {}{more}; if that is meant, send Reconciled false to this record",
            unwanted.len(),
            names.join(", ")
        ))
    }

    fn judge(&self, plan: &Plan, done: WriteOutcome, braked: Option<String>) -> Result<Brought, Failure> {
        for (object, change) in &done.changes {
            if !matches!(change, ObjectChange::Skipped | ObjectChange::Unchanged) {
                tracing::info!(%object, ?change, "applied");
            }
        }
        for error in &done.errors {
            self.site.report(error);
        }
        if done.errors.iter().any(|error| matches!(error, ClusterError::Cancelled { .. })) {
            return Err(Failure::Cancelled);
        }
        let pending = done.pending().next().map(|(object, why)| format!("{object}: {why}"));
        let error = done.errors.first();
        let finding = match (error, &braked, &pending) {
            (Some(error), ..) => Finding::fails(APPLIED, reason(error), error.to_string()),
            (None, Some(list), _) => Finding::fails(APPLIED, "MassDeletion", list.clone()),
            (None, None, Some(why)) => {
                Finding::holds(APPLIED, "Pruning", format!("all objects stand; still going: {why}"))
            }
            (None, None, None) => Finding::holds(APPLIED, "Applied", applied(plan)),
        };
        let retry_after = match error {
            Some(ClusterError::Unreachable { retry_after, .. }) => *retry_after,
            // Somebody has to act; the watch doesn't see foreign objects.
            Some(ClusterError::Conflict { .. }) => Some(Duration::from_secs(5)),
            _ => None,
        };
        Ok(Brought {
            applied: error.is_none() && braked.is_none(),
            error: error.map(ToString::to_string),
            retry_after,
            retry: if matches!(error, Some(ClusterError::Refused { .. })) { Retry::Parked } else { Retry::Soon },
            looked: None,
            next: if pending.is_some() { Next::In(GOING) } else { Next::WhenWoken },
            finding,
            changes: done.changes,
            inventory: done.inventory,
        })
    }
}

/// More than this is not deleted from a record's objects without a person's word.
fn most(all: usize) -> usize {
    (all / 5).max(5)
}

fn applied(plan: &Plan) -> String {
    match plan.len() {
        0 => "there is nothing to stand in the cluster".into(),
        1 => "1 object stands as asked for".into(),
        many => format!("{many} objects stand as asked for"),
    }
}

fn reason(error: &ClusterError) -> &'static str {
    match error {
        ClusterError::Access(_) => "InvalidAccess",
        ClusterError::Unreachable { .. } => "Unreachable",
        ClusterError::Refused { .. } => "Refused",
        ClusterError::Conflict { .. } => "Conflict",
        ClusterError::Cancelled { .. } => "Cancelled",
    }
}

/// A kind that no plan of this record has to name: cert-manager makes Secrets for the Certificates of gateways.
pub(super) fn made_for(owner: Owner) -> Option<ObjectRef> {
    has_certificates(owner).then(|| SECRET.cluster("*"))
}

/// Other records' objects are what a person wrote: who may have copied their labels to what is not for us to know.
fn has_certificates(owner: Owner) -> bool {
    matches!(owner.kind, Kind::SharedGateway | Kind::GatewayInstance)
}

/// A Secret that cert-manager made for a Certificate of this record which is no longer there.
fn is_orphan(owner: Owner, found: &CachedObject, expected: &HashSet<&ObjectRef>) -> bool {
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
    fn a_secret_of_a_certificate_that_is_gone_is_an_orphan() {
        let gateway = Owner { kind: Kind::SharedGateway, id: 7 };
        let at = |kind: causeway_render::k8s::Kind| kind.at("shared-gateway-7", "shop");
        let mut secret = CachedObject::for_tests(at(SECRET), "u", "h");
        secret.applied = false;
        let mut made = secret.clone();
        made.certificate = Some("shop".into());
        assert!(is_orphan(gateway, &made, &HashSet::new()));
        assert!(!is_orphan(gateway, &made, &HashSet::from([&at(CERTIFICATE)])), "its Certificate is asked for");
        assert!(!is_orphan(gateway, &secret, &HashSet::new()), "nobody made it for a Certificate");
        assert!(
            !is_orphan(Owner { kind: Kind::WorkloadInstance, id: 7 }, &made, &HashSet::new()),
            "a person's Certificate"
        );
    }

    #[test]
    fn a_fifth_may_go_and_five_always() {
        assert_eq!([most(0), most(10), most(25), most(100)], [5, 5, 5, 20]);
    }
}
