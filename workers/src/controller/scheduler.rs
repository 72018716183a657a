//! Picks the next record of a cluster: prerequisites first, then oldest and newest in alternation, so neither a bulk change nor a latecomer
//! starves.

use causeway_store::queue::{DueItem, DueItems};

/// Alternates between the record that has been due longest and the one that came last. A script that changes two hundred records keeps nobody
/// waiting who comes after it; and however many come, every second pick is the one that has been due longest, so none waits for ever. Records
/// whose intent has not changed come after those. Before all of them come prerequisites, of which a cluster has few: a gateway whose listener
/// is there already needs one reconcile, and two otherwise.
#[derive(Debug, Default)]
pub(super) struct FairScheduler {
    newest: bool,
}

impl FairScheduler {
    /// The next record that `may` begin. Those passed over lose their place in `items`, not in the queue.
    pub(super) fn next(&mut self, items: &mut DueItems, may: impl Fn(&DueItem) -> bool) -> Option<DueItem> {
        let DueItems { prerequisites, oldest, newest, rest } = items;
        while let Some(item) = prerequisites.pop_front() {
            if may(&item) {
                return Some(item);
            }
        }
        let (first, second) = if self.newest { (newest, oldest) } else { (oldest, newest) };
        for list in [first, second] {
            while let Some(item) = list.pop_front() {
                if may(&item) {
                    self.newest = !self.newest;
                    return Some(item);
                }
            }
        }
        while let Some(item) = rest.pop_front() {
            if may(&item) {
                return Some(item);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::Kind;
    use causeway_store::queue::Key;
    use std::{
        collections::{HashSet, VecDeque},
        time::Duration,
    };

    fn due(id: i64) -> DueItem {
        DueItem { key: Key { kind: Kind::GatewayInstance, id }, age: Duration::ZERO }
    }

    /// As the store finds them: ids in the order in which they came.
    fn items(urgent: &[i64], rest: &[i64], limit: usize) -> DueItems {
        DueItems {
            prerequisites: VecDeque::new(),
            oldest: urgent.iter().copied().take(limit).map(due).collect(),
            newest: urgent.iter().rev().copied().take(limit).map(due).collect(),
            rest: rest.iter().copied().take(limit).map(due).collect(),
        }
    }

    /// The order in which everything is begun, one after the other.
    fn order(mut urgent: Vec<i64>, rest: &[i64], mut comes: impl FnMut(usize) -> Option<i64>) -> Vec<i64> {
        let (mut scheduler, mut begun) = (FairScheduler::default(), vec![]);
        while begun.len() < 1000 {
            urgent.extend(comes(begun.len()));
            let done: HashSet<i64> = begun.iter().copied().collect();
            let left: Vec<i64> = urgent.iter().copied().filter(|id| !done.contains(id)).collect();
            let rest: Vec<i64> = rest.iter().copied().filter(|id| !done.contains(id)).collect();
            match scheduler.next(&mut items(&left, &rest, 16), |_| true) {
                Some(due) => begun.push(due.key.id),
                None => break,
            }
        }
        begun
    }

    #[test]
    fn one_change_after_two_hundred_is_second() {
        let burst: Vec<i64> = (0..200).collect();
        let begun = order(burst, &[], |turn| (turn == 10).then_some(999));
        assert!(begun.iter().position(|id| *id == 999).unwrap() <= 11);
        assert_eq!(begun.len(), 201);
    }

    #[test]
    fn whoever_waits_longest_is_never_overtaken_by_more_than_one() {
        let endless = order((0..20).collect(), &[], |turn| Some(1000 + i64::try_from(turn).unwrap()));
        for id in 0..20 {
            let turn = endless.iter().position(|begun| *begun == id).unwrap();
            assert!(turn <= 2 * usize::try_from(id).unwrap() + 1, "{id} at {turn}");
        }
    }

    #[test]
    fn what_is_not_urgent_comes_last() {
        assert_eq!(order(vec![1, 2, 3], &[7, 8], |_| None), [1, 3, 2, 7, 8]);
    }

    #[test]
    fn prerequisites_come_first_and_cost_no_turn() {
        let (mut scheduler, mut all) = (FairScheduler::default(), items(&[1, 2, 3, 4], &[], 16));
        all.prerequisites = [due(8), due(9)].into();
        let begun: Vec<_> = std::iter::from_fn(|| scheduler.next(&mut all, |due| due.key.id != 8))
            .map(|due| due.key.id)
            .take(3)
            .collect();
        assert_eq!(begun, [9, 1, 4]);
    }

    #[test]
    fn a_record_that_may_not_begin_costs_no_turn() {
        let mut scheduler = FairScheduler::default();
        let mut all = items(&[1, 2, 3, 4], &[], 16);
        assert_eq!(scheduler.next(&mut all, |due| due.key.id != 1).unwrap().key.id, 2);
        assert_eq!(scheduler.next(&mut all, |due| due.key.id != 4).unwrap().key.id, 3);
    }
}
