//! Postgres, NATS, the real API, and the floor's server, each a process of its own. No worker and no cluster: nothing else costs time.

use std::{
    collections::BTreeMap,
    env,
    fs::{self, File, Permissions},
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use causeway_rig::{Endpoints, Nats, Postgres, Server, free_port, tools::Tools};
use causeway_testkit::{ControlPlane, Setup};
use sqlx::{Connection, Executor, PgConnection};
use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::{Instant, sleep},
};

use super::{asked::definition, load::Target};
use crate::client::KeepAliveClient;

const READY_WITHIN: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(20);
/// Rows that are dropped before they are written. The call itself costs a few microseconds, which count for the side without events.
const FORGET: &str = "
    CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE TRIGGER forget BEFORE INSERT ON event_inbox FOR EACH ROW EXECUTE FUNCTION forget()";

/// Everything that runs.
pub(super) struct Fixture {
    folder: TempDir,
    endpoints: Endpoints,
    postgres: Postgres,
    nats: Nats,
    /// The API as it is released.
    pub(super) platform: ControlPlane,
    floor: Child,
    /// The API.
    pub(super) api: Target,
    /// The hand-written server, with the API's layers around it.
    pub(super) layered: Target,
    /// The same without any.
    pub(super) bare: Target,
    /// Ids of gateway definitions.
    pub(super) ids: Vec<i64>,
}

impl Fixture {
    /// Starts it all and makes `records` gateway definitions.
    ///
    /// # Errors
    /// When something doesn't start.
    pub(super) async fn start(records: u64) -> Result<Self> {
        let tools = Tools::build()?;
        let folder = tempfile::Builder::new().prefix("causeway-bench-").tempdir()?;
        // Postgres may run as another user, and has to get through to its own folder.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
        let logs = folder.path().join("logs");
        let postgres = Postgres::start(&folder.path().join("postgres"), &logs).await?;
        let nats = Nats::start(&tools, &logs).await?;
        let endpoints = Endpoints {
            run_dir: folder.path().to_owned(),
            control_url: String::new(),
            postgres: Server { url: postgres.admin_url(), pid: postgres.pid() },
            nats: Server { url: nats.url(), pid: nats.pid() },
            // Nobody asks for the rest.
            route53_url: String::new(),
            dns: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            acme: Default::default(),
            clusters: vec![],
            programs: BTreeMap::new(),
        };
        let platform = ControlPlane::start(&endpoints, without_workers("bench_api")).await?;
        let ports = [local(free_port()?), local(free_port()?)];
        let floor = start_floor(&platform, &nats, ports, &logs).await?;
        let bodies = (0..records).map(|n| definition("stored", n)).collect();
        let ids = KeepAliveClient::new(platform.url()).create_all("gateway-definitions", bodies).await?;
        analyze(&platform).await?;
        let api = Target::plain(platform.url().trim_start_matches("http://").parse()?);
        let [layered, bare] = ports.map(Target::plain);
        Ok(Self { folder, endpoints, postgres, nats, platform, floor, api, layered, bare, ids })
    }

    /// Process id of Postgres.
    pub(super) fn postgres(&self) -> i32 {
        self.postgres.pid()
    }

    /// Process id of the floor's server.
    ///
    /// # Errors
    /// When it has ended.
    pub(super) fn floor(&self) -> Result<i32> {
        Ok(self.floor.id().context("the hand-written server has ended")?.try_into()?)
    }

    /// Waits until each event has its position. The API sees to that for both sides: what one has left would cost the other a part of its turn.
    ///
    /// # Errors
    /// When that takes too long.
    pub(super) async fn settled(&self) -> Result<()> {
        let mut connection = PgConnection::connect(&self.platform.database_url()).await?;
        let (waiting, deadline) = ("SELECT EXISTS (SELECT FROM event_inbox)", Instant::now() + READY_WITHIN);
        while sqlx::query_scalar(waiting).fetch_one(&mut connection).await? {
            if Instant::now() >= deadline {
                bail!("events have no position after {READY_WITHIN:?}");
            }
            sleep(LOOK).await;
        }
        Ok(connection.close().await?)
    }

    /// A second API on a database of its own, which asks for a token and speaks TLS.
    ///
    /// # Errors
    /// When it doesn't start.
    pub(super) async fn secure(&self) -> Result<(ControlPlane, Target)> {
        let pki = self.folder.path().join("pki");
        let at = |name: &str| pki.join(name).display().to_string();
        ran(&self.platform, &["dev-ca", &pki.display().to_string()]).await?;
        let arguments = ["--auth", "tokens", "--tls-certificate", &at("server.crt"), "--tls-key", &at("server.key")]
            .map(str::to_owned);
        let setup = Setup { api_arguments: arguments.to_vec(), ..without_workers("bench_api_secure") };
        let platform = ControlPlane::start(&self.endpoints, setup).await?;
        let token = ran(&platform, &["token", "create", "--name", "bench", "--role", "admin"]).await?;
        let address = platform.https_url().trim_start_matches("https://").parse()?;
        let target = Target::secure(address, &pki.join("ca.crt"), token.trim())?;
        Ok((platform, target))
    }

    /// A second API on a database of its own whose inbox of events takes nothing, so that no event is written, numbered or kept.
    ///
    /// # Errors
    /// When it doesn't start.
    pub(super) async fn without_events(&self) -> Result<(ControlPlane, Target)> {
        let platform = ControlPlane::start(&self.endpoints, without_workers("bench_api_no_events")).await?;
        let mut connection = PgConnection::connect(&platform.database_url()).await?;
        connection.execute(FORGET).await?;
        connection.close().await?;
        let target = Target::plain(platform.url().trim_start_matches("http://").parse()?);
        Ok((platform, target))
    }

    /// Stops everything.
    pub(super) async fn stop(mut self) {
        // It holds nothing that would be lost.
        let _ = self.floor.kill().await;
        self.platform.stop().await;
        self.nats.stop().await;
        self.postgres.stop().await;
    }
}

/// What Postgres does by itself within a minute: it analyses the tables, and plans accordingly.
pub(super) async fn analyze(platform: &ControlPlane) -> Result<()> {
    let mut connection = PgConnection::connect(&platform.database_url()).await?;
    sqlx::query("VACUUM ANALYZE").execute(&mut connection).await?;
    Ok(connection.close().await?)
}

fn without_workers(name: &str) -> Setup {
    Setup { workers: 0, ..Setup::named(name) }
}

async fn ran(platform: &ControlPlane, arguments: &[&str]) -> Result<String> {
    let output = platform.run_api(arguments).await?;
    if !output.status.success() {
        bail!("causeway-api {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// This program once more, as the floor's server.
async fn start_floor(platform: &ControlPlane, nats: &Nats, ports: [SocketAddr; 2], logs: &Path) -> Result<Child> {
    let program: PathBuf = env::current_exe()?;
    let log = File::create(logs.join("floor.log"))?;
    let mut command = Command::new(program);
    command.arg("floor").args(["--listen", &ports[0].to_string(), "--health-listen", &ports[1].to_string()]);
    command.env("DATABASE_URL", platform.database_url()).env("NATS_URL", nats.url());
    command.env("ENCRYPTION_KEY", platform.encryption_key()).env("CAUSEWAY_NATS_PREFIX", "floor");
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
    let mut child = command.spawn()?;
    let deadline = Instant::now() + READY_WITHIN;
    for port in ports {
        while TcpStream::connect(port).await.is_err() {
            if let Some(status) = child.try_wait()? {
                bail!("the hand-written server ended with {status}: {}", fs::read_to_string(logs.join("floor.log"))?);
            }
            if Instant::now() >= deadline {
                bail!("the hand-written server takes no connections");
            }
            sleep(LOOK).await;
        }
    }
    Ok(child)
}
