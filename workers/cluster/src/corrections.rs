//! How often objects were put right, and the rest when somebody else changes one back each time.
//!
//! Two writers that insist would write for ever, as fast as the API server takes it. After some corrections within a few minutes an object
//! rests ever longer before the next one, and its record says which field of it is contested, and by whom. Nothing of it is stored.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use causeway_records::inventory::ObjectRef;
use tokio::time::Instant;

use super::{ObjectChange, bounds::cut};

/// So many corrections are nothing but repairs.
const FREE: u32 = 8;
/// The rest after that many; it doubles with each further one.
const REST: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(300));
/// Corrections further apart than this don't belong together.
const TOGETHER: Duration = Duration::from_secs(600);
/// When nothing was changed for so long, nobody insists any more.
const CALM: Duration = Duration::from_secs(30);
/// Old counts are removed when there are this many.
const MANY: usize = 1024;
/// How many fields the sentence lists.
const NAMED: usize = 3;

#[derive(Clone, Default)]
pub(crate) struct Corrections(Arc<Mutex<HashMap<ObjectRef, Contest>>>);

/// The corrections of one object.
#[derive(Clone, Debug)]
struct Contest {
    /// Of the manifest that was put back.
    desired_hash: String,
    corrections: u32,
    last: Instant,
    /// It was absent each time, not changed.
    deleted: bool,
    /// The contested fields, each with the manager that changes it.
    fields: Vec<(String, String)>,
}

impl Corrections {
    /// An object differs from what was left: how it stays for now, while it rests. None if it is put right.
    pub(crate) fn resting(&self, at: &ObjectRef, desired_hash: &str) -> Option<ObjectChange> {
        self.contest(at, desired_hash)?.left(Contest::rest)
    }

    /// An object is as it was left: how long until that is believed. None if nobody contests it.
    pub(crate) fn unsettled(&self, at: &ObjectRef, desired_hash: &str) -> Option<ObjectChange> {
        self.contest(at, desired_hash)?.left(|_| CALM)
    }

    /// Whether the next correction is one too many, so that it is worth a request to know who insists.
    pub(crate) fn is_contested(&self, at: &ObjectRef, desired_hash: &str) -> bool {
        self.contest(at, desired_hash).is_some_and(|contest| contest.corrections + 1 >= FREE)
    }

    /// An object was put right.
    pub(crate) fn count(&self, at: &ObjectRef, desired_hash: &str, deleted: bool, fields: Vec<(String, String)>) {
        let before = self.contest(at, desired_hash).filter(|contest| contest.last.elapsed() < TOGETHER);
        let (corrections, known) = before.map(|contest| (contest.corrections, contest.fields)).unwrap_or_default();
        let fields = if fields.is_empty() { known } else { fields };
        let (desired_hash, last) = (desired_hash.to_owned(), Instant::now());
        let mut contests = self.lock();
        if contests.len() >= MANY {
            contests.retain(|_, contest| contest.last.elapsed() < TOGETHER);
        }
        let corrections = corrections.saturating_add(1);
        contests.insert(at.clone(), Contest { desired_hash, corrections, last, deleted, fields });
    }

    /// A person asks for these objects.
    pub(crate) fn forget<'o>(&self, objects: impl Iterator<Item = &'o ObjectRef>) {
        let mut contests = self.lock();
        objects.for_each(|at| drop(contests.remove(at)));
    }

    fn contest(&self, at: &ObjectRef, desired_hash: &str) -> Option<Contest> {
        self.lock().get(at).filter(|contest| contest.desired_hash == desired_hash).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ObjectRef, Contest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contest {
    fn rest(&self) -> Duration {
        match self.corrections.checked_sub(FREE) {
            None => Duration::ZERO,
            Some(more) => REST.0.saturating_mul(1 << more.min(10)).min(REST.1),
        }
    }

    fn left(&self, whole: impl Fn(&Self) -> Duration) -> Option<ObjectChange> {
        let rest = self.corrections.checked_sub(FREE).map(|_| whole(self))?;
        let wait = rest.checked_sub(self.last.elapsed()).filter(|wait| !wait.is_zero())?;
        Some(ObjectChange::Contested { why: cut(self.sentence()), wait })
    }

    fn sentence(&self) -> String {
        let (what, who) = match &self.fields[..] {
            _ if self.deleted => ("it is deleted by somebody".to_owned(), "who deletes it".to_owned()),
            [] => ("it is changed by somebody".to_owned(), "the other writer".to_owned()),
            [(field, manager)] => (format!("its field {field} is changed by {manager}"), manager.clone()),
            [(field, manager), more @ ..] => {
                let others = more.iter().take(NAMED - 1).map(|(field, manager)| format!("{field} by {manager}"));
                let others = others.collect::<Vec<_>>().join(", ");
                (format!("its field {field} is changed by {manager}, {others}"), manager.clone())
            }
        };
        let leave =
            if self.fields.is_empty() { String::new() } else { "leave the field out of the manifest, or ".into() };
        format!(
            "{what} each time it was put right ({} times); it is put right every {} seconds at most now. To end this, {leave}stop {who}, \
             and send Reconciled false",
            self.corrections,
            self.rest().as_secs()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{advance, pause};

    fn at() -> ObjectRef {
        let (group, version, kind) = Default::default();
        ObjectRef { group, version, kind, namespace: None, name: "web".into() }
    }

    /// Somebody changes the object back at once, for so long. How often it was put right.
    async fn insist(corrections: &Corrections, seconds: u64) -> u32 {
        let (end, mut count) = (Instant::now() + Duration::from_secs(seconds), 0);
        while Instant::now() < end {
            match corrections.resting(&at(), "hash") {
                Some(ObjectChange::Contested { wait, .. }) => advance(wait).await,
                None => {
                    corrections.count(&at(), "hash", false, vec![("data.key".into(), "somebody".into())]);
                    advance(Duration::from_millis(100)).await;
                    count += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        count
    }

    #[tokio::test]
    async fn who_insists_is_answered_ever_more_seldom() {
        pause();
        let corrections = Corrections::default();
        assert!((9..12).contains(&insist(&corrections, 60).await));
        insist(&corrections, 600).await;
        assert!((2..=4).contains(&insist(&corrections, 900).await), "once in five minutes");
        corrections.count(&at(), "hash", false, vec![]);
        let Some(ObjectChange::Contested { why, .. }) = corrections.unsettled(&at(), "hash") else {
            panic!("it is settled")
        };
        assert!(why.starts_with("its field data.key is changed by somebody each time it was put right"), "{why}");
        assert!(why.contains("every 300 seconds") && why.contains("leave the field out of the manifest"), "{why}");
    }

    #[tokio::test]
    async fn a_repair_now_and_then_is_no_contest() {
        pause();
        let corrections = Corrections::default();
        for _ in 1..FREE {
            corrections.count(&at(), "hash", false, vec![]);
        }
        assert!(corrections.resting(&at(), "hash").is_none() && corrections.unsettled(&at(), "hash").is_none());
        assert!(corrections.is_contested(&at(), "hash"));
        advance(TOGETHER).await;
        corrections.count(&at(), "hash", false, vec![]);
        assert!(!corrections.is_contested(&at(), "hash"), "it begins anew");
    }

    #[tokio::test]
    async fn calm_a_changed_manifest_and_a_person_end_a_contest() {
        pause();
        let corrections = Corrections::default();
        let contest = || {
            for _ in 0..FREE {
                corrections.count(&at(), "hash", true, vec![]);
            }
        };
        contest();
        assert!(corrections.resting(&at(), "other").is_none());
        let Some(ObjectChange::Contested { why, wait }) = corrections.unsettled(&at(), "hash") else {
            panic!("it is settled")
        };
        assert!(why.starts_with("it is deleted by somebody each time") && wait == CALM, "{why}");
        advance(CALM).await;
        assert!(corrections.unsettled(&at(), "hash").is_none());
        assert!(
            corrections.resting(&at(), "hash").is_none(),
            "the next correction is not put off for longer than its rest"
        );
        contest();
        corrections.forget([&at()].into_iter());
        assert!(corrections.resting(&at(), "hash").is_none());
    }
}
