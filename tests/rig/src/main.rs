//! Starts the rig and runs a command on it: `causeway-rig run -- cargo test`.

use std::{
    ffi::OsString,
    fs::{self, Permissions},
    io::{self, IsTerminal},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    pin::pin,
    process::{ExitCode, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use causeway_rig::{
    Failures, Machine, NETWORK_COMMAND, Options, Postgres, Rig, SANDBOX_COMMAND, Sandbox, VARIABLE, raise_open_files,
    run_network,
    terminal::{Signals, exit_code, start_logging},
    tools::Tools,
};
use clap::{Parser, Subcommand};
use futures::future::{Either, select};
use nix::{sys::signal::kill, unistd::Pid};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{ChildStdout, Command},
    time::timeout,
};

/// A command that is asked to end gets this long.
const PATIENCE: Duration = Duration::from_secs(10);

/// The real parts that Causeway is developed and tested against.
#[derive(Debug, Parser)]
#[command(name = "causeway-rig", version)]
struct Arguments {
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Build every tool that is not in the cache yet.
    Tools,
    /// Print where a tool is, for scripts.
    Program {
        /// Its name: `helm`, `kubectl`.
        name: String,
    },
    /// Run a pod's program inside of namespaces of its own. The rig calls itself with this.
    #[command(name = SANDBOX_COMMAND, hide = true)]
    Sandbox {
        /// The file that says what to run.
        file: PathBuf,
    },
    /// Keep the network of pods. The rig calls itself with this, too.
    #[command(name = NETWORK_COMMAND, hide = true)]
    PodNetwork {
        /// Where it is asked for sockets.
        socket: PathBuf,
    },
    /// Start everything, run a command on it, stop everything, and end with the command's exit code.
    Run {
        /// Clusters beside the main one: bare control planes without nodes.
        #[arg(long, default_value_t = 0)]
        extra_clusters: usize,
        /// The command. It finds the rig through the environment variable CAUSEWAY_RIG.
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
    /// Start Postgres alone, run a command on it, stop it, and end with the command's exit code.
    Postgres {
        /// Files of SQL to run first, in this order.
        #[arg(long, num_args = 1..)]
        apply: Vec<PathBuf>,
        /// The command. It finds Postgres through the environment variable DATABASE_URL.
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    start_logging();
    let done = match Arguments::parse().command {
        Action::Tools => Tools::build().map(|_| ExitCode::SUCCESS),
        Action::Program { name } => print_program(&name),
        Action::Sandbox { file } => Sandbox::run(&file).await,
        Action::PodNetwork { socket } => run_network(&socket).map(|()| ExitCode::SUCCESS),
        Action::Run { extra_clusters, command } => run(Options { extra_clusters }, &command).await,
        Action::Postgres { apply, command } => postgres(&apply, &command).await,
    };
    done.unwrap_or_else(|error| {
        eprintln!("causeway-rig: {error:#}");
        ExitCode::FAILURE
    })
}

fn print_program(name: &str) -> Result<ExitCode> {
    println!("{}", Tools::find()?.program(name)?.display());
    Ok(ExitCode::SUCCESS)
}

async fn run(options: Options, command: &[OsString]) -> Result<ExitCode> {
    // For every part, the command, and what this one starts.
    raise_open_files()?;
    let mut signals = Signals::new()?;
    let rig = tokio::select! {
        rig = Rig::start(options) => rig?,
        // What has been started dies with this process.
        signal = signals.next() => return Ok(exit_code(signal)),
    };
    let url = &rig.endpoints().postgres.url;
    let file = rig.endpoints_file();
    let failures = Arc::default();
    let code = {
        let code = pin!(execute(command, url, Some(&file), &mut signals, &failures));
        match select(code, pin!(rig.write_what_ends())).await {
            Either::Left((code, _)) => code,
            // Now, because there may be no later; the tests see it, too, and stop to wait.
            Either::Right((ended, code)) => {
                tell(&ended?);
                code.await
            }
        }
    };
    if !matches!(code, Ok(code) if code == ExitCode::SUCCESS) {
        tell(&rig.ended());
        eprintln!("causeway-rig: at the end of the command {}", Machine::look(&rig.endpoints().run_dir));
    }
    rig.stop().await;
    // At the very end: the last lines of a run are read by everybody.
    eprint!("{}", failures.lock().unwrap_or_else(PoisonError::into_inner));
    code
}

/// Says which parts have ended although everybody needs them.
fn tell(ended: &[String]) {
    for part in ended {
        eprintln!("causeway-rig: {part}");
    }
}

async fn postgres(files: &[PathBuf], command: &[OsString]) -> Result<ExitCode> {
    let mut signals = Signals::new()?;
    let dir = tempfile::Builder::new().prefix("causeway-").tempdir()?;
    // Postgres may run as another user, and has to get through to its own folder.
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755))?;
    let postgres = Postgres::start(&dir.path().join("postgres"), &dir.path().join("logs")).await?;
    let code = match apply(files, &postgres.admin_url()).await {
        Ok(()) => execute(command, &postgres.admin_url(), None, &mut signals, &Arc::default()).await,
        failed => failed.map(|()| ExitCode::FAILURE),
    };
    postgres.stop().await;
    code
}

async fn apply(files: &[PathBuf], url: &str) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    for file in files {
        let text = fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
        let done = sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut connection).await;
        done.with_context(|| format!("can't apply {}", file.display()))?;
    }
    Ok(connection.close().await?)
}

/// Runs the command to its end, with Postgres at `url`. A signal that the rig gets is passed on. What it prints of tests that have failed is kept, unless it prints
/// to a terminal, which may be its own: there everything is still to be seen.
async fn execute(
    command: &[OsString],
    url: &str,
    endpoints: Option<&Path>,
    signals: &mut Signals,
    failures: &Arc<Mutex<Failures>>,
) -> Result<ExitCode> {
    let mut child = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "--"])
        .args(command)
        .stdout(if io::stdout().is_terminal() { Stdio::inherit() } else { Stdio::piped() })
        .envs(endpoints.map(|file| (VARIABLE, file)))
        // Where sqlx's tests make their databases.
        .env("DATABASE_URL", url)
        .spawn()
        .context("can't run `setpriv`: install util-linux")?;
    let printed = child.stdout.take().map(|printed| tokio::spawn(pass_on(printed, failures.clone())));
    let signal = tokio::select! {
        status = child.wait() => {
            if let Some(printed) = printed {
                // Something that it has started and left behind may hold the other end.
                let _ = timeout(PATIENCE, printed).await;
            }
            return Ok(ExitCode::from(u8::try_from(status?.code().unwrap_or(1)).unwrap_or(1)));
        }
        signal = signals.next() => signal,
    };
    if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
        kill(Pid::from_raw(pid), signal)?;
    }
    if timeout(PATIENCE, child.wait()).await.is_err() {
        child.kill().await?;
    }
    Ok(exit_code(signal))
}

/// Prints what the command prints.
async fn pass_on(mut printed: ChildStdout, failures: Arc<Mutex<Failures>>) {
    let (mut out, mut part) = (tokio::io::stdout(), vec![0; 1 << 16]);
    while let Ok(length @ 1..) = printed.read(&mut part).await {
        failures.lock().unwrap_or_else(PoisonError::into_inner).read(&part[..length]);
        // Who doesn't want to read it any more ends nothing.
        let _ = out.write_all(&part[..length]).await;
        let _ = out.flush().await;
    }
}
