//! The small container: a process in a network namespace and a root folder of its own.
//!
//! Two sides. The rig writes a [`Sandbox`] and starts the program `causeway-rig` inside new namespaces; there, [`Sandbox::run`]
//! connects the sandbox with the outside and starts the program. Envoy Gateway is why: its ports and the folder of its keys
//! are compiled in, so it can't share a machine with a second one without walls. And inside the walls every program can run
//! with exactly the arguments, files and credentials of its pod. Its namespace is joined to the network of pods, where it has
//! the pod's address.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{ExitCode, ExitStatus},
    time::Duration,
};

use anyhow::{Context, Result};
use nix::{
    mount::{MsFlags, mount},
    sys::signal::{Signal, kill},
    unistd::{Pid, Uid, sethostname},
};
use serde::{Deserialize, Serialize};
use tokio::{
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
    time::timeout,
};

use crate::{
    network::{self, NODE, PREFIX, PodNetwork, hardware_address, ip},
    process::{Process, ProcessSpec, code_of},
    relay,
};

/// The hidden command of the rig's binary that runs [`Sandbox::run`].
pub const COMMAND: &str = "sandbox";

/// What a program that is linked dynamically needs of the system: libraries, devices, and a view of itself.
const SYSTEM: [&str; 5] = ["/lib", "/lib64", "/usr/lib", "/dev", "/proc"];
/// A program that is asked to end gets this long.
const STOP_WITHIN: Duration = Duration::from_secs(3);
/// No name of a machine is longer.
const LONGEST_HOSTNAME: usize = 63;

/// What to run inside.
#[derive(Debug, Deserialize, Serialize)]
pub struct Sandbox {
    /// The folder that becomes the root folder of the program.
    pub(super) root: PathBuf,
    /// The program's file outside.
    pub(super) program: PathBuf,
    /// Whether it is linked dynamically. Otherwise there is nothing inside but what the pod brings.
    pub(super) needs_system: bool,
    /// What else of this machine is inside, at the same paths.
    pub(super) brings: Vec<PathBuf>,
    /// Who the program is inside, to whom all files of the rig's user belong. None: root.
    pub(super) user: Option<i64>,
    pub(super) arguments: Vec<String>,
    pub(super) variables: BTreeMap<String, String>,
    /// Ports of loopback inside, and the sockets outside that they lead to.
    pub(super) reaches: BTreeMap<u16, PathBuf>,
    pub(super) place: Place,
}

/// Where a pod is in the network of pods.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Place {
    /// The pod's name, and its machine's.
    pub(super) hostname: String,
    pub(super) address: Ipv4Addr,
    /// What the other end of its cable is called. No two have the same name.
    pub(super) cable: String,
    /// The process in the node's namespace.
    pub(super) node: i32,
    /// How that is asked to join the cable.
    pub(super) socket: PathBuf,
}

impl Sandbox {
    /// Starts it from outside. `own` is a copy of the rig's binary, `file` the place for the description.
    ///
    /// # Errors
    /// When it can't be started; whether this machine permits namespaces shows only in its log.
    pub(super) async fn start(&self, own: &Path, file: &Path, logs: &Path) -> Result<Process> {
        fs::write(file, serde_json::to_vec_pretty(self)?)?;
        let node = self.place.node.to_string();
        let mut wrapper = vec![];
        if !Uid::effective().is_root() {
            // Only who is root in the node's user namespace may lay a cable into its network.
            wrapper.extend(["nsenter", "--target", &node, "--user", "--preserve-credentials", "--"]);
        }
        wrapper.extend(["unshare", "--mount", "--net", "--uts", "--"]);
        ProcessSpec::through(&self.place.hostname, &wrapper, &[], own, logs).arg(COMMAND).arg(file).start().await
    }

    /// Reads what to run from a file and runs it to its end, inside of the new namespaces. SIGTERM is passed on to the program, which is killed
    /// when it hasn't ended after three seconds. The exit code is the program's, or 128 and the number of the signal that ended it.
    ///
    /// # Errors
    /// When the sandbox can't be set up.
    pub async fn run(file: &Path) -> Result<ExitCode> {
        let sandbox: Self = serde_json::from_slice(&fs::read(file)?)?;
        let mut terminate = signal(SignalKind::terminate())?;
        sandbox.place.join()?;
        for (&port, socket) in &sandbox.reaches {
            relay::to_socket(port, socket.clone()).await?;
        }
        sandbox.mount_program()?;
        let mut child = as_user(sandbox.user)
            .args(["--pdeathsig", "KILL", "--", "chroot"])
            .arg(&sandbox.root)
            .arg("/bin/program")
            .args(&sandbox.arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(&sandbox.variables)
            .spawn()?;
        let status = tokio::select! {
            status = child.wait() => status?,
            _ = terminate.recv() => stop(&mut child, STOP_WITHIN).await?,
        };
        Ok(ExitCode::from(u8::try_from(code_of(status)).unwrap_or(1)))
    }

    /// Lets the program appear inside without a copy of it, and what it needs.
    fn mount_program(&self) -> Result<()> {
        let inside = self.root.join("bin/program");
        fs::create_dir_all(self.root.join("bin"))?;
        fs::create_dir_all(self.root.join("tmp"))?;
        File::create(&inside)?;
        bind(&self.program, &inside)?;
        let system = SYSTEM.map(Path::new).into_iter().filter(|folder| self.needs_system && folder.is_dir());
        for path in system.chain(self.brings.iter().map(PathBuf::as_path)) {
            let inside = self.root.join(path.strip_prefix("/")?);
            if path.is_dir() {
                fs::create_dir_all(&inside)?;
            } else if !inside.exists() {
                File::create(&inside).with_context(|| format!("no place for {}", path.display()))?;
            }
            bind(path, &inside)?;
        }
        Ok(())
    }
}

/// `setpriv`, started by this user, or as another one. That is whoever this user is in a namespace of its own, which may change its root folder.
fn as_user(user: Option<i64>) -> Command {
    let Some(user) = user else { return Command::new("setpriv") };
    let mut command = Command::new("unshare");
    command.args(["--user", &format!("--map-user={user}"), &format!("--map-group={user}"), "--keep-caps", "--"]);
    command.arg("setpriv");
    command
}

/// Asks the program to end, kills it when it hasn't after `patience`, and returns when it is gone.
///
/// This is done here because only the parent of a program can take it off the kernel's list: when the sandbox is killed, its program dies,
/// too, but stays as a zombie where the first process of the machine reaps none, as in many containers.
async fn stop(child: &mut Child, patience: Duration) -> Result<ExitStatus> {
    if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
        kill(Pid::from_raw(pid), Signal::SIGTERM)?;
    }
    if let Ok(status) = timeout(patience, child.wait()).await {
        return Ok(status?);
    }
    eprintln!("causeway-rig: the program did not end within {} s and is killed", patience.as_secs_f32());
    child.start_kill()?;
    Ok(child.wait().await?)
}

fn bind(outside: &Path, inside: &Path) -> Result<()> {
    mount(Some(outside), inside, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)
        .with_context(|| format!("can't mount {}", outside.display()))
}

impl Place {
    /// In the network `network`.
    pub(super) fn new(hostname: String, address: Ipv4Addr, cable: String, network: &PodNetwork) -> Self {
        Self { hostname, address, cable, node: network.pid(), socket: network.socket().to_owned() }
    }

    /// Joins this process's namespace to the network of pods: a cable with one end here and the other at the node's bridge.
    fn join(&self) -> Result<()> {
        let Self { address, cable, node, .. } = self;
        sethostname(&self.hostname[..self.hostname.len().min(LONGEST_HOSTNAME)])?;
        ip(&format!(
            "link set lo up\nlink add eth0 address {} type veth peer name {cable} netns {node}\n\
             addr add {address}/{PREFIX} dev eth0\nlink set eth0 up\nroute add default via {NODE}\n",
            hardware_address(*address)
        ))?;
        network::attach(&self.socket, cable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits until the script has made a file, and stops it. Returns the code with which it ended, and whether the kernel still lists it.
    async fn stopped(script: &str, patience: Duration) -> (i32, bool) {
        let dir = tempfile::tempdir().unwrap();
        let ready = dir.path().join("ready");
        let mut child = Command::new("sh").args(["-c", script]).arg("sh").arg(&ready).spawn().unwrap();
        let process = PathBuf::from(format!("/proc/{}", child.id().unwrap()));
        let began = async {
            while !ready.exists() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(30), began).await.expect("the program has begun");
        let status = stop(&mut child, patience).await.unwrap();
        (code_of(status), process.exists())
    }

    #[tokio::test]
    async fn another_user_has_the_files_of_this_one() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("own"), "").unwrap();
        let mut command = as_user(Some(70));
        command.args(["--pdeathsig", "KILL", "--", "sh", "-c", "id -u; stat -c %u own"]);
        let ran = command.current_dir(dir.path()).output().await.unwrap();
        assert_eq!(String::from_utf8_lossy(&ran.stdout), "70\n70\n", "{}", String::from_utf8_lossy(&ran.stderr));
    }

    #[tokio::test]
    async fn nothing_is_left_of_a_program_that_is_stopped() {
        let heeds = "trap 'exit 7' TERM; touch $1; while :; do sleep 0.05; done";
        assert_eq!(stopped(heeds, Duration::from_secs(60)).await, (7, false));
        assert_eq!(stopped(&heeds.replace("exit 7", ""), Duration::from_millis(100)).await, (137, false));
    }
}
