//! Figures of a run, and what they may be.

use crate::{
    programs::Program,
    waits::{Good, Waits},
};
use std::time::Duration;

/// The longest line of a log, in bytes: what others send is cut before it is logged.
const LONGEST_LINE: usize = 64 << 10;

/// What may be.
pub(crate) struct Limits {
    pub(crate) megabytes: u64,
    /// Beside one hostile one, as a multiple of alone. None: times aren't judged.
    pub(crate) slower: Option<f64>,
}

/// A way to misbehave, and what became of it.
pub(crate) struct Way {
    pub(crate) name: String,
    pub(crate) outcome: String,
}

pub(crate) struct Phase {
    pub(crate) name: &'static str,
    pub(crate) good: Good,
    /// By number, which is the number of its turn.
    pub(crate) ways: Vec<Way>,
    /// Each way had a turn of its own.
    pub(crate) by_turn: bool,
    pub(crate) programs: Vec<Program>,
}

pub(crate) struct Figures {
    alone: Good,
    limits: Limits,
    phases: Vec<Phase>,
}

impl Figures {
    pub(crate) fn new(alone: Good, limits: Limits) -> Self {
        println!("alone: {}", alone.describe());
        Self { alone, limits, phases: vec![] }
    }

    /// A phase is over.
    pub(crate) fn add(&mut self, phase: Phase) {
        for (turn, way) in phase.ways.iter().enumerate() {
            let waits = if phase.by_turn { format!("; {}", phase.good.of(turn).describe()) } else { String::new() };
            println!("  {}: {}{waits}", way.name, way.outcome);
        }
        let programs: Vec<_> = phase.programs.iter().map(ToString::to_string).collect();
        println!("{}: {}; {}", phase.name, phase.good.describe(), programs.join(", "));
        if phase.by_turn {
            println!("  the worst for requests: {}", worst(&phase, &self.alone.requests, &phase.good.requests));
            println!("  the worst for workloads: {}", worst(&phase, &self.alone.workloads, &phase.good.workloads));
        }
        self.phases.push(phase);
    }

    /// # Panics
    /// When something is not as it may be.
    pub(crate) fn check(&self) {
        let mut wrong = vec![];
        for phase in &self.phases {
            for program in &phase.programs {
                let (name, megabytes) = (&program.name, program.megabytes);
                if !program.running {
                    wrong.push(format!("{name} has ended {}", phase.name));
                }
                if megabytes > self.limits.megabytes {
                    wrong.push(format!("{name} took {megabytes} MB {}", phase.name));
                }
                if program.longest_line > LONGEST_LINE {
                    wrong.push(format!("{name} has logged a line of {} bytes {}", program.longest_line, phase.name));
                }
            }
            if phase.by_turn {
                wrong.extend(self.too_slow(phase));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    fn too_slow(&self, phase: &Phase) -> Vec<String> {
        let Some(slower) = self.limits.slower else { return vec![] };
        let both = [
            ("a request", &self.alone.requests, &phase.good.requests),
            ("a workload", &self.alone.workloads, &phase.good.workloads),
        ];
        let judged = both.map(|(what, alone, beside)| {
            let (most, took) = (measured(alone).mul_f64(slower), measured(beside));
            (took > most).then(|| format!("p95 of {what} is {took:.1?} {}, and {most:.1?} is allowed", phase.name))
        });
        judged.into_iter().flatten().collect()
    }
}

fn measured(waits: &Waits) -> Duration {
    waits.p95().expect("nothing was measured")
}

/// The way beside which this took longest.
fn worst(phase: &Phase, alone: &Waits, beside: &Waits) -> String {
    let each = phase.ways.iter().enumerate().filter_map(|(turn, way)| Some((beside.of(turn).p95()?, &way.name)));
    each.max().map_or("none was measured".to_owned(), |(p95, name)| {
        let times = p95.as_secs_f64() / measured(alone).as_secs_f64();
        format!("{name}, p95 {p95:.1?}, {times:.1} times that alone")
    })
}
