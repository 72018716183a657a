//! `causeway` against a real API: what it writes and doesn't write, what it prints, and how it ends.
//!
//! `make test-one T=cli` runs it.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod access;
mod apply;
mod diagnose;
mod endings;
mod export;
mod hour;
mod import;
mod overview;
mod pages;
mod samples;
mod sets;
mod shells;
mod signed_in;
mod status;
mod up;
mod versions;
mod watch;
mod webhooks;

use causeway_rig::{Endpoints, workspace_program};
use causeway_testkit::{ControlPlane, Setup};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::Stdio,
};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, process::Command};

/// Whoever installs and takes away support services in the rig's first cluster.
static MAIN_CLUSTER: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The cluster of documents that name none. Nobody has to reach it.
const RUNTIME: &str =
    "KubernetesRuntime: {Name: main, InfraProvider: kind, Location: Local, DefaultRuntime: true, NodeMaximum: 3}\n";

/// `causeway` of one caller: a home of its own, and a server.
struct Cli {
    home: TempDir,
    server: Option<String>,
    environment: Vec<(String, String)>,
}

/// What a command printed, and how it ended.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Cli {
    fn new(server: &str) -> Self {
        Self { home: TempDir::new().unwrap(), server: Some(server.to_owned()), environment: vec![] }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    fn home(&self) -> &Path {
        self.home.path()
    }

    /// A file in its home.
    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.env("HOME", self.home()).env("PATH", path()).current_dir(self.home()).kill_on_drop(true);
        if let Some(server) = &self.server {
            command.env("CAUSEWAY_SERVER", server);
        }
        command
    }

    async fn run(&self, arguments: &[&str]) -> Ran {
        self.feed(arguments, "").await
    }

    /// Runs it with a text on stdin.
    async fn feed(&self, arguments: &[&str], input: &str) -> Ran {
        let mut command = self.command(&workspace_program("causeway").unwrap());
        let piped = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_owned();
        // Who doesn't read stdin closes it.
        let fed = tokio::spawn(async move {
            let _ = stdin.write_all(input.as_bytes()).await;
        });
        let output = child.wait_with_output().await.unwrap();
        fed.await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Runs what must succeed, and returns what it printed.
    async fn done(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments).await;
        assert_eq!(ran.code, 0, "causeway {arguments:?}: {ran:?}");
        ran.out
    }

    /// Applies a file: all of it is made, and applied again it changes nothing. Answers how many records that are.
    async fn made_once(&self, file: &str) -> usize {
        let out = self.done(&["apply", "-f", file]).await;
        assert!(out.lines().all(|line| line.starts_with("created")), "{file}: {out}");
        let again = self.done(&["apply", "-f", file]).await;
        assert!(again.lines().all(|line| line.starts_with("unchanged")), "{file}: {again}");
        out.lines().count()
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        let out = self.done(&[arguments, &["-o", "json"]].concat()).await;
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}"))
    }
}

/// The folder of the programs before those of the system.
fn path() -> String {
    let programs = workspace_program("causeway").unwrap();
    format!("{}:{}", programs.parent().unwrap().display(), std::env::var("PATH").unwrap_or_default())
}

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// An API without workers.
async fn api(name: &str) -> (ControlPlane, Cli) {
    api_with(name, &[]).await
}

/// The same with further arguments.
async fn api_with(name: &str, arguments: &[&str]) -> (ControlPlane, Cli) {
    let api_arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let setup = Setup { workers: 0, api_arguments, ..Setup::for_test(name) };
    let platform = ControlPlane::start(&Endpoints::from_env().unwrap(), setup).await.unwrap();
    let cli = Cli::new(&platform.url());
    (platform, cli)
}
