//! Figures of a run, and what they may be.

use crate::fixture::Fixture;
use causeway_rig::Process;
use std::time::Duration;

/// How long each of several things took.
#[derive(Default)]
pub(crate) struct Durations(Vec<Duration>);

impl Durations {
    pub(crate) fn add(&mut self, took: Duration) {
        self.0.push(took);
    }

    pub(crate) fn p95(&self) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let index = (sorted.len() * 95).div_ceil(100).saturating_sub(1);
        sorted.get(index).copied().expect("nothing was measured")
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

/// What the good ones waited for in one phase.
pub(crate) struct Good {
    /// Requests to the API.
    pub(crate) requests: Durations,
    /// From the request for a workload until its object is in the cluster.
    pub(crate) workloads: Durations,
}

/// What may be.
pub(crate) struct Limits {
    pub(crate) megabytes: u64,
    /// None: times aren't looked at.
    pub(crate) slower: Option<f64>,
}

/// A program after a phase.
struct Program {
    name: String,
    running: bool,
    /// The most since its start.
    megabytes: u64,
    /// Since its start.
    processor_seconds: f64,
}

impl Program {
    fn look_at(program: &Process) -> Self {
        Self {
            name: program.name().to_owned(),
            running: program.is_running(),
            megabytes: peak_megabytes(program),
            processor_seconds: processor_seconds(program),
        }
    }
}

struct Phase {
    name: &'static str,
    good: Good,
    programs: Vec<Program>,
}

pub(crate) struct Figures {
    alone: Good,
    phases: Vec<Phase>,
}

impl Figures {
    pub(crate) fn new(alone: Good) -> Self {
        Self { alone, phases: vec![] }
    }

    pub(crate) fn add(&mut self, name: &'static str, good: Good, fixture: &Fixture) {
        self.phases.push(Phase { name, good, programs: fixture.programs().map(Program::look_at).collect() });
    }

    pub(crate) fn print(&self) {
        let times = |good: &Good| {
            format!(
                "p95 of {} requests {:.1?}, of {} workloads {:.1?}",
                good.requests.count(),
                good.requests.p95(),
                good.workloads.count(),
                good.workloads.p95()
            )
        };
        println!("alone: {}", times(&self.alone));
        for phase in &self.phases {
            println!("{}: {}; {}", phase.name, times(&phase.good), programs(&phase.programs));
        }
    }

    /// # Panics
    /// When something is not as it may be.
    pub(crate) fn check(&self, limits: &Limits) {
        for phase in &self.phases {
            for program in &phase.programs {
                let (name, megabytes) = (&program.name, program.megabytes);
                assert!(program.running, "{name} has ended {}", phase.name);
                assert!(megabytes <= limits.megabytes, "{name} took {megabytes} MB {}", phase.name);
            }
            let Some(slower) = limits.slower else { continue };
            for (what, alone, beside) in [
                ("a request", &self.alone.requests, &phase.good.requests),
                ("a workload", &self.alone.workloads, &phase.good.workloads),
            ] {
                let (most, took) = (alone.p95().mul_f64(slower), beside.p95());
                assert!(took <= most, "p95 of {what} is {took:?} {}, and {most:?} is allowed", phase.name);
            }
        }
    }
}

fn programs(programs: &[Program]) -> String {
    let one = |program: &Program| {
        format!(
            "{} {} MB at most, {:.0} s of a processor so far",
            program.name, program.megabytes, program.processor_seconds
        )
    };
    programs.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The most memory that a program has had since its start; 0 if it has ended.
fn peak_megabytes(program: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap_or_default();
    let kilobytes =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes.unwrap_or_default().div_ceil(1024)
}

/// User and system time of a program since its start, in Linux's ticks of a hundredth of a second.
fn processor_seconds(program: &Process) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", program.pid())).unwrap_or_default();
    // The fields after the name, which ends with the last parenthesis.
    let fields: Vec<&str> = stat.rsplit_once(") ").map_or(vec![], |(_, rest)| rest.split(' ').collect());
    let ticks = |field: usize| fields.get(field).and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
    (ticks(11) + ticks(12)) / 100.0
}
