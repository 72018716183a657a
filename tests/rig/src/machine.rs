//! What a machine that is short of something shows: most failures of a whole run come from there.

use std::{
    fmt::{self, Display, Formatter},
    fs,
    path::Path,
};

use anyhow::{Context, Result};
use nix::sys::{
    resource::{Resource, getrlimit, setrlimit},
    statvfs::statvfs,
};

/// A file descriptor of inotify, as /proc names it. The kernel limits how many there are for each user; controllers that get none don't start.
const INOTIFY: &str = "anon_inode:inotify";

/// Instances of inotify with which all tests get on: each Envoy takes four, and many gateways stay until a run is over.
const INOTIFY_ENOUGH: usize = 512;

/// How much is left of what is limited on this machine. What can't be read is 0.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Processes that ran or waited, on average over 1, 5 and 15 minutes, as the kernel writes them.
    load: String,
    /// Memory that programs may still have, in MiB.
    memory: u64,
    /// Space for files in the folder of the run, in MiB.
    disk: u64,
    /// Instances of inotify that are in use, and how many a user may have.
    inotify: (usize, usize),
}

impl Machine {
    /// Looks at this machine, and at the file system of `dir`.
    #[must_use]
    pub fn look(dir: &Path) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let load = read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" ");
        Self {
            load,
            memory: available(&read("/proc/meminfo")),
            disk: statvfs(dir)
                .map(|found| (found.blocks_available() * found.fragment_size()) >> 20)
                .unwrap_or_default(),
            inotify: (inotify_instances(), inotify_limit()),
        }
    }
}

/// Warns where a limit is lower than all tests together need.
pub(crate) fn warn_of_low_limits() {
    let limit = inotify_limit();
    if limit < INOTIFY_ENOUGH {
        tracing::warn!(
            "a user may have {limit} instances of inotify here, which a whole run of the tests can exceed; then proxies don't start. \
             More: sysctl -w fs.inotify.max_user_instances=1024"
        );
    }
}

/// Lets this process, and what it starts from now on, open as many files as the system's administrator lets it, and says how many these are. By default that is
/// 1024 on most systems, which some hundred clusters with their watches exceed.
///
/// # Errors
/// When the kernel refuses, as a sandbox may have it do.
pub fn raise_open_files() -> Result<u64> {
    let (now, most) = getrlimit(Resource::RLIMIT_NOFILE).context("can't read how many files may be open")?;
    if now < most {
        setrlimit(Resource::RLIMIT_NOFILE, most, most)
            .with_context(|| format!("can't raise the limit of open files from {now} to {most}"))?;
    }
    Ok(most)
}

impl Display for Machine {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self { load, memory, disk, inotify: (used, limit) } = self;
        write!(
            formatter,
            "the machine had a load of {load}, {memory} MiB of memory, {disk} MiB of disk, and {used} instances of inotify \
             where a user may have {limit}"
        )
    }
}

/// The memory that is available, in MiB, from the text of /proc/meminfo.
fn available(text: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() >> 10
}

/// How many a user may have.
fn inotify_limit() -> usize {
    let text = fs::read_to_string("/proc/sys/fs/inotify/max_user_instances").unwrap_or_default();
    text.trim().parse().unwrap_or_default()
}

/// Those of all processes that may be looked at.
fn inotify_instances() -> usize {
    let entries = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let files = entries(Path::new("/proc")).flat_map(|process| entries(&process.join("fd")).collect::<Vec<_>>());
    files.filter(|file| fs::read_link(file).is_ok_and(|target| target == Path::new(INOTIFY))).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_what_programs_may_still_have() {
        assert_eq!(available("MemTotal:       24000000 kB\nMemAvailable:   2097152 kB\nBuffers: 1 kB\n"), 2048);
        assert_eq!(available("nothing of the kind"), 0);
    }

    #[test]
    fn what_is_started_may_open_as_many_files_as_this_process_may() {
        let most = raise_open_files().unwrap();
        let output = std::process::Command::new("sh").args(["-c", "ulimit -S -n; ulimit -H -n"]).output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        // Without a limit it says so in a word.
        let told: Vec<u64> = told.lines().map(|line| line.parse().unwrap_or(u64::MAX)).collect();
        assert_eq!(told, [most, most]);
    }

    #[test]
    fn this_machine_has_some_of_everything() {
        let dir = tempfile::tempdir().unwrap();
        let Machine { memory, disk, inotify: (_, limit), load } = Machine::look(dir.path());
        assert!(memory > 0 && disk > 0 && limit > 0 && load.split(' ').count() == 3, "{load}");
    }
}
