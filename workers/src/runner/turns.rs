//! Whose turn it is in a cluster.

use causeway_store::queue::{Due, Waiting};

/// Takes turns between who has waited longest and who came last. A script that changes two hundred records keeps nobody waiting who comes
/// after it; and however many come, every second turn is for the one who has waited longest, so nobody waits for ever. What is only to be
/// looked at again comes when nobody waits. Before all of them comes what they stand on, of which a cluster has few: a gateway whose listener
/// stands already needs one pass, and two otherwise.
#[derive(Debug, Default)]
pub(super) struct Turns {
    newest: bool,
}

impl Turns {
    /// The next record that `may` begin. Those passed over lose their place in `waiting`, not in the queue.
    pub(super) fn next(&mut self, waiting: &mut Waiting, may: impl Fn(&Due) -> bool) -> Option<Due> {
        let Waiting { foundations, oldest, newest, rest } = waiting;
        while let Some(due) = foundations.pop_front() {
            if may(&due) {
                return Some(due);
            }
        }
        let (first, second) = if self.newest { (newest, oldest) } else { (oldest, newest) };
        for list in [first, second] {
            while let Some(due) = list.pop_front() {
                if may(&due) {
                    self.newest = !self.newest;
                    return Some(due);
                }
            }
        }
        while let Some(due) = rest.pop_front() {
            if may(&due) {
                return Some(due);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_store::queue::Key;
    use std::{
        collections::{HashSet, VecDeque},
        time::Duration,
    };

    fn due(id: i64) -> Due {
        Due { key: Key { kind: causeway_records::Kind::GatewayInstance, id }, age: Duration::ZERO }
    }

    /// As the store finds them: ids in the order in which they came.
    fn waiting(urgent: &[i64], rest: &[i64], limit: usize) -> Waiting {
        Waiting {
            foundations: VecDeque::new(),
            oldest: urgent.iter().copied().take(limit).map(due).collect(),
            newest: urgent.iter().rev().copied().take(limit).map(due).collect(),
            rest: rest.iter().copied().take(limit).map(due).collect(),
        }
    }

    /// The order in which everything is begun, one after the other.
    fn order(mut urgent: Vec<i64>, rest: &[i64], mut comes: impl FnMut(usize) -> Option<i64>) -> Vec<i64> {
        let (mut turns, mut begun) = (Turns::default(), vec![]);
        while begun.len() < 1000 {
            urgent.extend(comes(begun.len()));
            let done: HashSet<i64> = begun.iter().copied().collect();
            let left: Vec<i64> = urgent.iter().copied().filter(|id| !done.contains(id)).collect();
            let rest: Vec<i64> = rest.iter().copied().filter(|id| !done.contains(id)).collect();
            match turns.next(&mut waiting(&left, &rest, 16), |_| true) {
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
    fn what_nobody_waits_for_comes_last() {
        assert_eq!(order(vec![1, 2, 3], &[7, 8], |_| None), [1, 3, 2, 7, 8]);
    }

    #[test]
    fn what_others_stand_on_comes_first_and_costs_no_turn() {
        let (mut turns, mut all) = (Turns::default(), waiting(&[1, 2, 3, 4], &[], 16));
        all.foundations = [due(8), due(9)].into();
        let begun: Vec<_> =
            std::iter::from_fn(|| turns.next(&mut all, |due| due.key.id != 8)).map(|due| due.key.id).take(3).collect();
        assert_eq!(begun, [9, 1, 4]);
    }

    #[test]
    fn a_record_that_may_not_begin_costs_no_turn() {
        let mut turns = Turns::default();
        let mut all = waiting(&[1, 2, 3, 4], &[], 16);
        assert_eq!(turns.next(&mut all, |due| due.key.id != 1).unwrap().key.id, 2);
        assert_eq!(turns.next(&mut all, |due| due.key.id != 4).unwrap().key.id, 3);
    }
}
