//! One started program: its log file, its readiness, its orderly end.
//!
//! No program outlives the rig, however the rig ends: each asks the kernel to be killed when its parent dies, see [`starter`].

use std::{
    env,
    fs::{self, File},
    future::Future,
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use crate::starter;

/// How often a readiness check is repeated.
const CHECK_EVERY: Duration = Duration::from_millis(20);
/// How many lines of a log an error message has.
const SHOWN_LINES: usize = 20;

/// A program of this workspace, such as `causeway-api`: it lies beside the program that asks for it, or one folder above
/// when that is a test.
///
/// # Errors
/// When it isn't built.
pub fn workspace_program(name: &str) -> Result<PathBuf> {
    let own = env::current_exe()?;
    let folders = own.ancestors().skip(1).take(2);
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    found.with_context(|| format!("{name} is not built; run `cargo build --workspace`"))
}

/// A program that was started.
#[derive(Debug)]
pub struct Process {
    name: String,
    pid: Pid,
    log: PathBuf,
    exit: watch::Receiver<Option<ExitStatus>>,
}

/// A program to start, with its arguments, variables and log file.
#[derive(Debug)]
pub struct ProcessSpec {
    name: String,
    command: Command,
    log: PathBuf,
}

impl ProcessSpec {
    /// A program with its log file `<logs>/<name>.log`. `name` is what errors call it.
    #[must_use]
    pub fn new(name: &str, program: impl AsRef<Path>, logs: &Path) -> Self {
        Self::through(name, &[], &[], program, logs)
    }

    /// The same, started through `wrapper`, which must end by executing what follows, such as `unshare --net --`, and with
    /// more options of `setpriv`. That one comes last, for a change of user or of namespace would undo what it asks for.
    pub(crate) fn through(
        name: &str,
        wrapper: &[&str],
        privileges: &[&str],
        program: impl AsRef<Path>,
        logs: &Path,
    ) -> Self {
        let mut words = wrapper.iter().chain(&["setpriv", "--pdeathsig", "KILL"]).chain(privileges).chain(&["--"]);
        let mut command = Command::new(words.next().unwrap_or(&"setpriv"));
        command.args(words).arg(program.as_ref());
        Self { name: name.to_owned(), command, log: logs.join(format!("{name}.log")) }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets environment variables beside those of this process.
    #[must_use]
    pub fn envs(
        mut self,
        variables: impl IntoIterator<Item = (impl AsRef<std::ffi::OsStr>, impl AsRef<std::ffi::OsStr>)>,
    ) -> Self {
        self.command.envs(variables);
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Starts it. Its output is added to its log file.
    ///
    /// # Errors
    /// When the log can't be written or the program can't be started.
    pub async fn start(mut self) -> Result<Process> {
        let log = open_log(&self.log)?;
        self.command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // A session of its own keeps the terminal's Ctrl-C from it: the rig stops its programs in order.
        self.command.process_group(0);
        let (pid, exit) = starter::start(self.command).await.with_context(|| format!("can't start {}", self.name))?;
        tracing::debug!(name = self.name, %pid, "started");
        Ok(Process { name: self.name, pid, log: self.log, exit })
    }
}

impl Process {
    /// What errors call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Whether it has not ended yet.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.exit.borrow().is_none()
    }

    /// Waits until `check` says true.
    ///
    /// # Errors
    /// When the program ends before, or after `deadline`; the message shows the end of its log.
    pub async fn ready<F: Future<Output = bool>>(&self, deadline: Duration, check: impl Fn() -> F) -> Result<()> {
        let until = Instant::now() + deadline;
        while !check().await {
            if let Some(status) = *self.exit.borrow() {
                bail!("{} ended with {status} while starting\n{}", self.name, self.log_end());
            }
            if Instant::now() >= until {
                bail!("{} was not ready after {} s\n{}", self.name, deadline.as_secs(), self.log_end());
            }
            sleep(CHECK_EVERY).await;
        }
        Ok(())
    }

    /// Whether it is frozen by SIGSTOP.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        // The state follows the name, which may hold anything but ends with the last parenthesis.
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
    }

    /// What there is to say of a program that should still run and doesn't: how it ended, and the end of its log.
    pub(crate) fn ended(&self) -> Option<String> {
        let status = (*self.exit.borrow())?;
        Some(format!("{} ended with {status} before it was asked to\n{}", self.name, self.log_end()))
    }

    /// Freezes it: it does nothing and notices nothing, as on a machine that is suspended.
    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it go on where it was frozen.
    pub fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Waits until it ends.
    pub(crate) async fn wait(&self) -> Option<ExitStatus> {
        let mut exit = self.exit.clone();
        exit.wait_for(Option::is_some).await.ok().and_then(|status| *status)
    }

    /// Asks it to end with `signal`, kills it when it hasn't after `patience`, and returns when it is gone.
    pub async fn stop(&self, signal: Signal, patience: Duration) {
        if !self.is_running() {
            return;
        }
        self.signal(signal);
        if timeout(patience, self.wait()).await.is_err() {
            tracing::warn!(name = self.name, "did not end in time and is killed");
            self.signal(Signal::SIGKILL);
            self.wait().await;
        }
    }

    fn signal(&self, signal: Signal) {
        match kill(self.pid, signal) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => tracing::warn!(name = self.name, %error, "can't send a signal"),
        }
    }

    /// All that it has printed so far.
    ///
    /// # Errors
    /// When its log can't be read.
    pub fn log(&self) -> Result<String> {
        let bytes = fs::read(&self.log).with_context(|| format!("can't read {}", self.log.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The last lines of its log, with the name of the file.
    pub(crate) fn log_end(&self) -> String {
        let text = self.log().unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let last = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
        format!("the end of {}:\n  {}", self.log.display(), last.join("\n  "))
    }
}

/// How a program ended, as shells and container runtimes count: its exit code, or 128 and the number of the signal that ended it.
pub(crate) fn code_of(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1)
}

fn open_log(path: &Path) -> Result<File> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    File::options().create(true).append(true).open(path).with_context(|| format!("can't write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_that_ends_while_starting_is_reported_with_its_log() {
        let dir = tempfile::tempdir().unwrap();
        let process = ProcessSpec::new("greeter", "sh", dir.path())
            .args(["-c", "echo no such port; exit 3"])
            .start()
            .await
            .unwrap();
        let error = process.ready(Duration::from_secs(10), || async { false }).await.unwrap_err().to_string();
        assert!(error.contains("greeter ended with exit status: 3") && error.contains("no such port"), "{error}");
        let ended = process.ended().unwrap();
        assert!(
            ended.starts_with("greeter ended with exit status: 3 before") && ended.ends_with("no such port"),
            "{ended}"
        );
    }

    #[test]
    fn a_signal_that_ends_a_program_has_a_code_of_its_own() {
        let ends = |script: &str| code_of(Command::new("sh").args(["-c", script]).status().unwrap());
        assert_eq!([ends("exit 0"), ends("exit 3"), ends("kill -KILL $$")], [0, 3, 137]);
    }

    #[tokio::test]
    async fn a_program_that_ignores_the_request_to_end_is_killed() {
        let dir = tempfile::tempdir().unwrap();
        let ready = dir.path().join("ready");
        let script = format!("trap '' TERM; touch {}; while :; do sleep 1; done", ready.display());
        let process = ProcessSpec::new("stubborn", "sh", dir.path()).args(["-c", &script]).start().await.unwrap();
        process.ready(Duration::from_secs(10), || async { ready.exists() }).await.unwrap();
        process.stop(Signal::SIGTERM, Duration::from_millis(100)).await;
        assert!(!process.is_running());
    }
}
