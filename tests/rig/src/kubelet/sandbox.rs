//! The small container: a process in a network namespace and a root folder of its own.
//!
//! Two sides. The rig writes a [`Sandbox`] and starts the program `causeway-rig` inside new namespaces; there, [`Sandbox::run`]
//! connects the sandbox with the outside and starts the program. Envoy Gateway is why: its ports and the folder of its keys
//! are compiled in, so it can't share a machine with a second one without walls. And inside the walls every controller can
//! run with exactly the arguments, files and credentials of its pod.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use nix::{
    mount::{MsFlags, mount},
    sys::signal::{Signal, kill},
    unistd::{Pid, Uid},
};
use serde::{Deserialize, Serialize};
use tokio::{
    process::Command,
    signal::unix::{SignalKind, signal},
};

use crate::{
    process::{Process, ProcessSpec},
    relay,
};

/// The hidden command of the rig's binary that runs [`Sandbox::run`].
pub const COMMAND: &str = "sandbox";

/// What to run inside.
#[derive(Debug, Deserialize, Serialize)]
pub struct Sandbox {
    /// The folder that becomes the root folder of the program.
    pub(super) root: PathBuf,
    /// The program's file outside. It has to be linked statically, for there are no libraries inside.
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) variables: BTreeMap<String, String>,
    /// Ports of loopback inside, and the sockets outside that they lead to.
    pub(super) reaches: BTreeMap<u16, PathBuf>,
    /// Ports inside, and the sockets by which the outside reaches them.
    pub(super) reached_by: BTreeMap<u16, PathBuf>,
}

impl Sandbox {
    /// Starts it from outside. `own` is a copy of the rig's binary, `file` the place for the description.
    ///
    /// # Errors
    /// When it can't be started; whether this machine permits namespaces shows only in its log.
    pub(super) async fn start(&self, name: &str, own: &Path, file: &Path, logs: &Path) -> Result<Process> {
        fs::write(file, serde_json::to_vec_pretty(self)?)?;
        let mut wrapper = vec!["unshare", "--mount", "--net"];
        if !Uid::effective().is_root() {
            // An ordinary user may make these namespaces inside a user namespace, where the kernel permits those.
            wrapper.extend(["--user", "--map-root-user"]);
        }
        wrapper.push("--");
        ProcessSpec::through(name, &wrapper, &[], own, logs).arg(COMMAND).arg(file).start().await
    }

    /// Reads what to run from a file and runs it, inside of the new namespaces.
    ///
    /// # Errors
    /// When the sandbox can't be set up.
    pub async fn run(file: &Path) -> Result<ExitCode> {
        let sandbox: Self = serde_json::from_slice(&fs::read(file)?)?;
        let mut terminate = signal(SignalKind::terminate())?;
        raise_loopback().await?;
        for (&port, socket) in &sandbox.reaches {
            relay::to_socket(port, socket.clone()).await?;
        }
        for (&port, socket) in &sandbox.reached_by {
            // A socket of an earlier run of the same pod.
            if socket.exists() {
                fs::remove_file(socket)?;
            }
            relay::from_socket(socket, port)?;
        }
        sandbox.mount_program()?;
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--", "chroot"])
            .arg(&sandbox.root)
            .arg("/bin/program")
            .args(&sandbox.arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(&sandbox.variables)
            .spawn()?;
        let status = loop {
            tokio::select! {
                status = child.wait() => break status?,
                _ = terminate.recv() => if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
                    kill(Pid::from_raw(pid), Signal::SIGTERM)?;
                },
            }
        };
        Ok(ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)))
    }

    /// Lets the program appear inside without a copy of it.
    fn mount_program(&self) -> Result<()> {
        let inside = self.root.join("bin/program");
        fs::create_dir_all(self.root.join("bin"))?;
        fs::create_dir_all(self.root.join("tmp"))?;
        File::create(&inside)?;
        mount(Some(&self.program), &inside, None::<&str>, MsFlags::MS_BIND, None::<&str>)
            .with_context(|| format!("can't mount {}", self.program.display()))
    }
}

/// The loopback interface of a new network namespace is down.
async fn raise_loopback() -> Result<()> {
    let status = Command::new("ip").args(["link", "set", "lo", "up"]).status().await;
    match status.context("can't run `ip`: install iproute2")? {
        status if status.success() => Ok(()),
        _ => bail!("can't set up a network namespace: run as root, or on a kernel that permits user namespaces"),
    }
}
