//! Causeway itself on the rig: the API and workers as real processes, with a database and a NATS prefix of their own.

use std::{
    path::PathBuf,
    process::Output,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use base64::{Engine, engine::general_purpose::STANDARD};
use causeway_rig::{Endpoints, Process, ProcessSpec, Server, free_port, http_ok};
use nix::sys::signal::Signal;
use sqlx::{Connection, Executor, PgConnection};
use tokio::time::timeout;
use uuid::Uuid;

use crate::{
    client::ApiClient,
    setup::{Setup, bundles_of, database_url, environment, path, spec},
};

/// How long a program may take to say that a failpoint is armed.
const ARMED_WITHIN: Duration = Duration::from_secs(5);
/// A worker reads all bundles first, which takes an unoptimised build on a busy machine a while.
const READY_WITHIN: Duration = Duration::from_secs(90);
const STOPPED_WITHIN: Duration = Duration::from_secs(15);

/// A running control plane.
#[derive(Debug)]
pub struct ControlPlane {
    setup: Setup,
    endpoints: Endpoints,
    key: String,
    api_port: u16,
    api: Process,
    /// Where the API answers probes.
    api_probes: u16,
    /// Those that were added.
    more_apis: Mutex<Vec<Process>>,
    workers: Vec<Process>,
    /// Where each worker answers probes.
    worker_probes: Vec<u16>,
}

impl ControlPlane {
    /// Makes the database, starts API and workers, and returns when they are ready.
    ///
    /// # Errors
    /// When a program isn't built or doesn't start: the message shows the end of its log.
    pub async fn start(endpoints: &Endpoints, setup: Setup) -> Result<Self> {
        let mut admin = PgConnection::connect(&endpoints.postgres.url).await?;
        admin.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {}", setup.name))).await?;
        let key = STANDARD.encode([Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat());
        let api_port = setup.port.map_or_else(free_port, Ok)?;
        let (api, api_probes) = start_api(endpoints, &setup, &key, api_port).await?;
        let endpoints = endpoints.clone();
        let (more_apis, workers, worker_probes) = (Mutex::default(), vec![], vec![]);
        let mut platform = Self { endpoints, key, api_port, api, api_probes, more_apis, workers, worker_probes, setup };
        for _ in 0..platform.setup.workers {
            platform.add_worker().await?;
        }
        Ok(platform)
    }

    /// One more worker.
    ///
    /// # Errors
    /// When it doesn't start.
    pub async fn add_worker(&mut self) -> Result<()> {
        self.add_worker_with(&[]).await
    }

    /// One more worker with these environment variables beside the usual ones.
    ///
    /// # Errors
    /// When it doesn't start.
    pub async fn add_worker_with(&mut self, environment: &[(String, String)]) -> Result<()> {
        let port = free_port()?;
        let name = format!("{}-worker-{}", self.setup.name, self.workers.len() + 1);
        let process = self
            .program("causeway-workers", &name)?
            .args(["--listen".to_owned(), format!("127.0.0.1:{port}"), "--bundles".to_owned()])
            .arg(bundles_of(&self.setup)?)
            .args(["--route53-endpoint", &self.endpoints.route53_url])
            .args(self.setup.ambient_aws.then_some("--ambient-aws"))
            .args(&self.setup.worker_arguments)
            .envs([
                ("AWS_ACCESS_KEY_ID", "workers"),
                ("AWS_SECRET_ACCESS_KEY", "workers"),
                ("AWS_EC2_METADATA_DISABLED", "true"),
            ])
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .start()
            .await?;
        process.ready(READY_WITHIN, || http_ok(port, "/readyz")).await?;
        self.workers.push(process);
        self.worker_probes.push(port);
        Ok(())
    }

    fn program(&self, program: &str, name: &str) -> Result<ProcessSpec> {
        spec(&self.endpoints, &self.setup, &self.key, program, name)
    }

    /// Where the API answers: `http://127.0.0.1:1323`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.api_port)
    }

    /// Where it answers when it was started with a certificate.
    #[must_use]
    pub fn https_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.api_port)
    }

    /// The keys that programs start with, in base64.
    #[must_use]
    pub fn encryption_key(&self) -> &str {
        &self.key
    }

    /// Gives programs that start from now on other keys: one or more, with commas between them.
    pub fn set_encryption_key(&mut self, keys: &str) {
        keys.clone_into(&mut self.key);
    }

    /// Takes programs that start from now on from another folder, and their bundles; None: those that were built here.
    pub fn use_programs(&mut self, folder: Option<PathBuf>) {
        self.setup.programs = folder;
    }

    /// Another Postgres is the primary now: [`Self::database_url`] leads there.
    pub fn follow_postgres(&mut self, server: Server) {
        self.endpoints.postgres = server;
    }

    /// Runs another command of `causeway-api` on its database and returns what it printed.
    ///
    /// # Errors
    /// When it can't be started, or doesn't end.
    pub async fn run_api(&self, arguments: &[&str]) -> Result<Output> {
        self.run_program("causeway-api", arguments).await
    }

    /// Runs `causeway-workers` on its database and returns what it printed. For arguments with which it doesn't start.
    ///
    /// # Errors
    /// When it can't be started, or doesn't end.
    pub async fn run_workers(&self, arguments: &[&str]) -> Result<Output> {
        self.run_program("causeway-workers", arguments).await
    }

    async fn run_program(&self, name: &str, arguments: &[&str]) -> Result<Output> {
        let mut command = tokio::process::Command::new(path(&self.setup, name)?);
        command.args(arguments).envs(environment(&self.endpoints, &self.setup, &self.key)).kill_on_drop(true);
        Ok(timeout(READY_WITHIN, command.output()).await??)
    }

    /// A client for it.
    #[must_use]
    pub fn client(&self) -> ApiClient {
        ApiClient::new(&self.url())
    }

    /// Its database.
    #[must_use]
    pub fn database_url(&self) -> String {
        database_url(&self.endpoints, &self.setup.name)
    }

    /// Who it is in clusters: the value of its labels.
    ///
    /// # Errors
    /// When its database doesn't answer.
    pub async fn identity(&self) -> Result<String> {
        let mut database = PgConnection::connect(&self.database_url()).await?;
        Ok(sqlx::query_scalar("SELECT id FROM control_plane").fetch_one(&mut database).await?)
    }

    /// The API's process.
    #[must_use]
    pub fn api(&self) -> &Process {
        &self.api
    }

    /// Ends the API at once, as a crash would.
    pub async fn kill_api(&self) {
        self.api.stop(Signal::SIGKILL, STOPPED_WITHIN).await;
    }

    /// Has the API end in order: requests under way are finished.
    pub async fn end_api(&self) {
        self.api.stop(Signal::SIGTERM, STOPPED_WITHIN).await;
    }

    /// Starts one more API on the same database, and says where it answers.
    ///
    /// # Errors
    /// When it doesn't start.
    pub async fn add_api(&self) -> Result<String> {
        let port = free_port()?;
        let (api, _) = start_api(&self.endpoints, &self.setup, &self.key, port).await?;
        self.more_apis.lock().unwrap_or_else(PoisonError::into_inner).push(api);
        Ok(format!("http://127.0.0.1:{port}"))
    }

    /// Starts the API again on the same port and database, after it was killed.
    ///
    /// # Errors
    /// When it doesn't start, or still runs.
    pub async fn start_api_again(&mut self) -> Result<()> {
        (self.api, self.api_probes) = start_api(&self.endpoints, &self.setup, &self.key, self.api_port).await?;
        Ok(())
    }

    /// The workers, in the order they were started.
    #[must_use]
    pub fn workers(&self) -> &[Process] {
        &self.workers
    }

    /// Ends a worker at once, as a crash would: nothing is given up, nothing said.
    pub async fn kill_worker(&self, number: usize) {
        if let Some(worker) = self.workers.get(number) {
            worker.stop(Signal::SIGKILL, STOPPED_WITHIN).await;
        }
    }

    /// Has a worker end in order: it gives up its leases and leaves.
    pub async fn end_worker(&self, number: usize) {
        if let Some(worker) = self.workers.get(number) {
            worker.stop(Signal::SIGTERM, STOPPED_WITHIN).await;
        }
    }

    /// Where a worker answers probes.
    ///
    /// # Panics
    /// When there is no such worker.
    #[must_use]
    pub fn worker_url(&self, number: usize) -> String {
        format!("http://127.0.0.1:{}", self.worker_probes[number])
    }

    /// Arms a failpoint of a worker, see crate `causeway-failpoints`.
    ///
    /// # Errors
    /// When the worker has none of that name, or was built without them.
    pub async fn arm_worker(&self, number: usize, point: &str, actions: &str) -> Result<()> {
        let port = self.worker_probes.get(number).with_context(|| format!("there is no worker {number}"))?;
        arm(*port, point, actions).await
    }

    /// Arms a failpoint of the API.
    ///
    /// # Errors
    /// When the API has none of that name, or was built without them.
    pub async fn arm_api(&self, point: &str, actions: &str) -> Result<()> {
        arm(self.api_probes, point, actions).await
    }

    /// Stops the workers only.
    pub async fn stop_workers(&mut self) {
        self.worker_probes.clear();
        for worker in self.workers.drain(..) {
            worker.stop(Signal::SIGTERM, STOPPED_WITHIN).await;
        }
    }

    /// Stops everything.
    pub async fn stop(mut self) {
        self.stop_workers().await;
        for api in self.more_apis.into_inner().unwrap_or_else(PoisonError::into_inner) {
            api.stop(Signal::SIGTERM, STOPPED_WITHIN).await;
        }
        self.api.stop(Signal::SIGTERM, STOPPED_WITHIN).await;
    }
}

async fn arm(port: u16, point: &str, actions: &str) -> Result<()> {
    let url = format!("http://127.0.0.1:{port}/failpoints/{point}");
    // A program that is frozen by what it was just armed with never answers.
    let request = reqwest::Client::new().put(url).timeout(ARMED_WITHIN).body(actions.to_owned());
    let answer = request.send().await?;
    match answer.status().as_u16() {
        200 => Ok(()),
        404 => bail!("the program was built without failpoints; run `cargo build --workspace`"),
        _ => bail!("{point} can't be armed with {actions}: {}", answer.text().await?),
    }
}

/// The API's process and where it answers probes.
async fn start_api(endpoints: &Endpoints, setup: &Setup, key: &str, port: u16) -> Result<(Process, u16)> {
    if std::net::TcpListener::bind(("127.0.0.1", port)).is_err() {
        bail!("port {port} of 127.0.0.1, where the API answers, is taken by another program; end it first");
    }
    let health = free_port()?;
    let process = spec(endpoints, setup, key, "causeway-api", &format!("{}-api", setup.name))?
        .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--health-listen", &format!("127.0.0.1:{health}")])
        .args(&setup.api_arguments)
        .start()
        .await?;
    process.ready(READY_WITHIN, || http_ok(health, "/readyz")).await?;
    Ok((process, health))
}
