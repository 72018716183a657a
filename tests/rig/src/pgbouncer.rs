//! PgBouncer in front of a Postgres: the installed one, else Debian's package of it, put into the cache.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use tokio::{net::TcpStream, task::spawn_blocking};

use crate::{net::free_port, postgres::Owner, process::Process, tools::debian_packages};

/// Where the package keeps the program, and what it loads from beside it.
const PROGRAM: &str = "usr/sbin/pgbouncer";
const READY_WITHIN: Duration = Duration::from_secs(30);

/// What a client's connection has of a session of Postgres.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolMode {
    /// One of its own, for as long as it is connected.
    Session,
    /// Any one, for the time of a transaction.
    Transaction,
    /// Any one, for a statement.
    Statement,
}

impl PoolMode {
    fn word(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Transaction => "transaction",
            Self::Statement => "statement",
        }
    }
}

/// A PgBouncer on loopback, for every database of a Postgres and its user `postgres`.
#[derive(Debug)]
pub struct PgBouncer {
    process: Process,
    port: u16,
}

impl PgBouncer {
    /// Starts it in front of the server of a URL such as [`crate::Postgres::admin_url`] returns.
    ///
    /// # Errors
    /// When there is no PgBouncer and none can be installed, or it doesn't start.
    pub async fn start(dir: &Path, logs: &Path, server: &str, mode: PoolMode) -> Result<Self> {
        let owner = Owner::find()?;
        fs::create_dir_all(dir)?;
        let (own, port) = (dir.to_owned(), free_port()?);
        let (program, libraries) = spawn_blocking(move || find_or_install(&own)).await??;
        let settings = dir.join("pgbouncer.ini");
        fs::write(&settings, text(dir, port, port_of(server)?, mode))?;
        fs::write(dir.join("users.txt"), "\"postgres\" \"\"\n")?;
        owner.give(dir)?;
        let name = format!("pgbouncer-{}-{port}", mode.word());
        let libraries = libraries.into_iter().map(|path| ("LD_LIBRARY_PATH", path));
        let process = owner.spec(&name, &program, logs).envs(libraries).arg(&settings).dir(dir).start().await?;
        process.ready(READY_WITHIN, || async move { TcpStream::connect(("127.0.0.1", port)).await.is_ok() }).await?;
        Ok(Self { process, port })
    }

    /// A database as it is reached through it.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Stops it, cutting its connections.
    pub async fn stop(&self) {
        self.process.stop(Signal::SIGTERM, Duration::from_secs(10)).await;
    }
}

fn port_of(url: &str) -> Result<u16> {
    let address = url.rsplit_once('/').map_or(url, |(server, _)| server);
    let port = address.rsplit(':').next().and_then(|port| port.parse().ok());
    port.with_context(|| format!("{url} names no port"))
}

/// Only what has no default, or one that doesn't fit: what works here works without a word about Causeway in PgBouncer's settings.
fn text(dir: &Path, port: u16, server: u16, mode: PoolMode) -> String {
    let users = dir.join("users.txt");
    format!(
        "[databases]\n* = host=127.0.0.1 port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
         auth_type = trust\nauth_file = {}\npool_mode = {}\ndefault_pool_size = 100\nmax_client_conn = 200\n",
        users.display(),
        mode.word()
    )
}

/// The program, and the folder of libraries that it needs beside the system's.
fn find_or_install(copy_to: &Path) -> Result<(PathBuf, Option<PathBuf>)> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    if let Some(found) = folders.map(|folder| folder.join("pgbouncer")).find(|found| found.is_file()) {
        return Ok((found, None));
    }
    let package = debian_packages("pgbouncer", &["libevent-", "libc-ares", "libcares"])
        .context("no PgBouncer is installed, and no package of it can be: install PgBouncer")?;
    // Another user runs it, to whom the cache may be closed.
    let copy = copy_to.join("package");
    if !Command::new("cp").arg("-a").arg(&package).arg(&copy).status()?.success() {
        bail!("can't copy PgBouncer to {}", copy.display());
    }
    let libraries = fs::read_dir(copy.join("usr/lib"))?.flatten().map(|entry| entry.path()).find(|path| path.is_dir());
    Ok((copy.join(PROGRAM), libraries))
}
