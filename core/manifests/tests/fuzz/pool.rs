//! The texts that are mutated.

use crate::check::Seen;
use serde_json::Value;
use std::{collections::HashMap, fs, path::PathBuf};

/// So many of the slowest, and of those that take the most memory.
const DEAREST: usize = 32;
const MOST_KINDS: usize = 3000;
/// What a text costs tells something only from this length on.
const TELLING: usize = 1000;
/// Texts that are kept may have this length; others would slow everything down.
const LONGEST: usize = 256 * 1024;

/// What was seen, and is worth another look.
pub(super) struct Pool {
    pub(super) seeds: Vec<String>,
    kinds: HashMap<String, usize>,
    /// The shortest text of each kind of outcome.
    shortest: Vec<String>,
    slow: Dearest,
    heavy: Dearest,
}

/// Texts by what they cost for their length.
#[derive(Default)]
struct Dearest(Vec<(f64, String)>);

impl Dearest {
    fn learn(&mut self, cost: f64, text: &str) {
        let place = self.0.partition_point(|(other, _)| *other > cost);
        if place < DEAREST {
            self.0.insert(place, (cost, text.to_owned()));
            self.0.truncate(DEAREST);
        }
    }
}

/// Where texts are kept that were found once.
pub(super) fn seeds() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/seeds")
}

impl Pool {
    pub(super) fn new() -> Self {
        let as_kubectl = include_str!("../data/kubectl.jsonl").lines().map(|line| {
            let (text, _): (String, Value) = serde_json::from_str(line).unwrap();
            text
        });
        let mut files: Vec<_> = fs::read_dir(seeds()).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let files = files.iter().map(|file| fs::read_to_string(file).unwrap());
        let seeds: Vec<_> = files.chain(as_kubectl).collect();
        let (kinds, shortest) = (HashMap::new(), vec![]);
        Self { seeds, kinds, shortest, slow: Dearest::default(), heavy: Dearest::default() }
    }

    pub(super) fn kinds(&self) -> usize {
        self.kinds.len()
    }

    /// The text with this number; every number has one.
    pub(super) fn text(&self, number: u64) -> &str {
        let among = |texts: &'_ [(f64, String)], number: u64| match texts.len() {
            0 => None,
            len => Some(number as usize % len),
        };
        let rest = number / 8;
        let seed = || &*self.seeds[rest as usize % self.seeds.len()];
        match number % 8 {
            0 => among(&self.slow.0, rest).map_or_else(seed, |index| &self.slow.0[index].1),
            1 => among(&self.heavy.0, rest).map_or_else(seed, |index| &self.heavy.0[index].1),
            2..=4 if !self.shortest.is_empty() => &self.shortest[rest as usize % self.shortest.len()],
            _ => seed(),
        }
    }

    pub(super) fn learn(&mut self, text: &str, seen: &Seen) {
        if text.len() > LONGEST {
            return;
        }
        match self.kinds.get(&seen.kind) {
            Some(index) if text.len() < self.shortest[*index].len() => text.clone_into(&mut self.shortest[*index]),
            None if self.shortest.len() < MOST_KINDS => {
                self.kinds.insert(seen.kind.clone(), self.shortest.len());
                self.shortest.push(text.to_owned());
            }
            _ => {}
        }
        if text.len() >= TELLING {
            self.slow.learn(seen.took.as_secs_f64() / text.len() as f64, text);
            self.heavy.learn(seen.peak as f64 / text.len() as f64, text);
        }
    }
}
