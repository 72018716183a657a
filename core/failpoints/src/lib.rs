//! Places where a test can end or freeze a program, between two steps that a crash may part.
//!
//! A point does nothing until it is armed, by the environment when the program starts (`FAILPOINTS=apply.object-stands=return(kill)`) or later
//! over the port for probes (`PUT /failpoints/apply.object-stands`, body `2*off->1*return(kill)`). What it can be armed with is the language of
//! crate `fail`: `return(kill)` and `return(stop)` send the process SIGKILL and SIGSTOP, `panic` panics, `2*off->1*…` lets it pass twice first.
//!
//! A program that is built for release contains none of this, whatever features are on; `make release-check` proves it.
//!
//! To add one: a line in the list below, and `failpoint` in its place. The tests in `tests/faults` take all of a program's points from here.

#[cfg(all(feature = "failpoints", debug_assertions))]
mod armed;
#[cfg(not(all(feature = "failpoints", debug_assertions)))]
mod unarmed;

#[cfg(not(all(feature = "failpoints", debug_assertions)))]
use unarmed as armed;

pub use armed::{BUILT_IN, arm, arm_from_environment};

/// A place in a program.
#[derive(Debug, PartialEq, Eq)]
pub struct Point {
    /// Program part and moment: `apply.object-stands`.
    pub name: &'static str,
    /// What has been done when it is reached, and what hasn't.
    pub moment: &'static str,
}

macro_rules! points {
    ($($constant:ident = $name:literal, $moment:literal;)*) => {
        $(#[doc = $moment] pub const $constant: Point = Point { name: $name, moment: $moment };)*
        /// All points.
        pub const ALL: &[&Point] = &[$(&$constant),*];
    };
}

points! {
    API_COMMITTED = "api.committed", "A write is committed; its client has no response yet, and no hint was sent.";
    LEASE_TAKEN = "lease.taken", "A cluster's lease is taken; no work was begun under it.";
    CLUSTER_BOUND = "cluster.bound", "A cluster was found to be the right one; nothing in it was read.";
    RECONCILE_BEGUN = "reconcile.begun", "A reconcile has begun; nothing was done.";
    INVENTORY_AHEAD = "inventory.ahead", "The objects that a reconcile is about to make are on record; none was applied.";
    WRITE_NEXT = "write.next", "The lease was checked for the last time before a write; the write was not sent.";
    OBJECT_STANDS = "apply.object-stands", "One object was applied; others of its plan weren't, and its uid isn't stored yet.";
    PRUNE_NEXT = "prune.next", "All objects of a plan are applied; those that are no longer wanted aren't pruned yet.";
    OBJECT_GONE = "prune.object-gone", "One object was deleted; others that are no longer wanted stand.";
    INVENTORY_AFTER = "inventory.after", "The cluster is as the plan says; the inventory isn't.";
    STATUS_NEXT = "status.next", "All work of a reconcile is done and on record; its status isn't.";
    WAKE_NEXT = "wake.next", "A watch said that something changed; it is not noted down.";
    CONFIRM_NEXT = "deletion.confirm-next", "Nothing of a record is left in its cluster; its row is still there.";
    DNS_NEXT = "dns.next", "Records of a zone are about to be deleted; none was.";
    DNS_DONE = "dns.done", "Records of a zone were deleted; nothing of that is noted.";
}

/// Marks a place in a program. Does nothing unless the program was built with feature `failpoints` and debug assertions, and the point is armed.
#[inline(always)]
pub fn failpoint(point: &Point) {
    armed::reach(point);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_has_none_whatever_features_are_on() {
        assert_eq!(BUILT_IN, cfg!(feature = "failpoints") && cfg!(debug_assertions));
    }

    #[test]
    fn names_are_words_and_differ() {
        let mut names: Vec<_> = ALL.iter().map(|point| point.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
        assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || b".-".contains(&byte))));
    }
}
