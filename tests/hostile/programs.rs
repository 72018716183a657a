//! What becomes of the programs that are attacked.

use causeway_rig::Process;
use std::fmt;

/// A program after a phase.
pub(crate) struct Program {
    pub(crate) name: String,
    pub(crate) running: bool,
    /// The most in this phase.
    pub(crate) megabytes: u64,
    /// The longest line of its log, in bytes.
    pub(crate) longest_line: usize,
    /// Since its start.
    processor_seconds: f64,
}

impl Program {
    /// Looks at it, and begins the next phase.
    pub(crate) fn look_at(program: &Process) -> Self {
        let seen = Self {
            name: program.name().to_owned(),
            running: program.is_running(),
            megabytes: megabytes(program, "VmHWM:"),
            longest_line: program.log().unwrap().lines().map(str::len).max().unwrap_or_default(),
            processor_seconds: processor_seconds(program),
        };
        // From here on Linux keeps the peak anew; without it the peaks of earlier phases count again.
        let _ = std::fs::write(format!("/proc/{}/clear_refs", program.pid()), "5");
        seen
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, megabytes, processor_seconds, .. } = self;
        write!(f, "{name} {megabytes} MB at most, {processor_seconds:.0} s of processors so far")
    }
}

/// Memory of a program, as Linux names it: `VmRSS:` is what it has now, `VmHWM:` the most that it has had in this phase. 0 if it has ended.
pub(crate) fn megabytes(program: &Process, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap_or_default();
    let kilobytes =
        status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
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
