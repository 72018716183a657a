//! Processors for a cluster alone. Where API server, Postgres, Causeway and the load share the same ones, a plain apply has all of them to itself,
//! and what is measured beside it says above all how many there are. In production a cluster has its own machines.

use std::io::ErrorKind;

use anyhow::{Context, Result};
use causeway_rig::{ClusterEndpoints, Endpoints};
use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};

use crate::counts::children;

/// As long as this lives, the API server and etcd of a cluster run on the first half of the processors, and Postgres, NATS, this process and all that
/// it starts on the others.
pub struct Apart {
    processes: Vec<i32>,
    before: CpuSet,
}

impl Apart {
    /// Moves them apart. None where there is only one processor.
    ///
    /// # Errors
    /// When a process may not be moved.
    pub fn begin(endpoints: &Endpoints, cluster: &ClusterEndpoints) -> Result<Option<Self>> {
        let before = sched_getaffinity(Pid::this())?;
        let all: Vec<usize> = (0..CpuSet::count()).filter(|n| before.is_set(*n).unwrap_or_default()).collect();
        let (first, others) = all.split_at(all.len() / 2);
        if first.is_empty() {
            return Ok(None);
        }
        let clusters = vec![cluster.apiserver_pid, cluster.etcd_pid];
        let mut ours = vec![endpoints.postgres.pid, endpoints.nats.pid, Pid::this().as_raw()];
        ours.extend(children(endpoints.postgres.pid)?);
        let apart = Self { processes: [clusters.clone(), ours.clone()].concat(), before };
        clusters.iter().try_for_each(|pid| confine(*pid, &set(first)?))?;
        ours.iter().try_for_each(|pid| confine(*pid, &set(others)?))?;
        Ok(Some(apart))
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        for pid in &self.processes {
            // Nothing can be done about one that may not be moved.
            let _ = confine(*pid, &self.before);
        }
    }
}

fn set(processors: &[usize]) -> Result<CpuSet> {
    let mut set = CpuSet::new();
    processors.iter().try_for_each(|n| set.set(*n))?;
    Ok(set)
}

/// All threads of a process; those that they start follow them.
fn confine(pid: i32, to: &CpuSet) -> Result<()> {
    let threads = match std::fs::read_dir(format!("/proc/{pid}/task")) {
        // A connection of Postgres that was closed meanwhile.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        threads => threads.with_context(|| format!("threads of process {pid}"))?,
    };
    for thread in threads.flatten() {
        let Some(thread) = thread.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        match sched_setaffinity(Pid::from_raw(thread), to) {
            // It has ended since.
            Ok(()) | Err(nix::Error::ESRCH) => {}
            Err(error) => return Err(error).with_context(|| format!("thread {thread} of process {pid}")),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_process_runs_where_it_is_told() -> Result<()> {
        let mut child = Command::new("sleep").arg("60").spawn()?;
        let pid = i32::try_from(child.id())?;
        let last =
            (0..CpuSet::count()).rfind(|n| sched_getaffinity(Pid::this()).is_ok_and(|set| set.is_set(*n) == Ok(true)));
        let only = set(&[last.context("no processor")?])?;
        let confined = confine(pid, &only);
        let found = sched_getaffinity(Pid::from_raw(pid));
        child.kill()?;
        child.wait()?;
        confined?;
        assert_eq!(found?, only);
        Ok(())
    }
}
