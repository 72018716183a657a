//! How a control plane is started: its settings, and what its programs find in their environment.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use causeway_rig::{Endpoints, ProcessSpec, workspace_program};

use crate::records::unique_name;

/// How a control plane is to be started.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Names its database, its NATS prefix and its log files; lower case.
    pub name: String,
    /// How many workers.
    pub workers: usize,
    /// Where the API listens; None: a free port.
    pub port: Option<u16>,
    /// Further arguments of `causeway-api serve`.
    pub api_arguments: Vec<String>,
    /// Further arguments of every worker.
    pub worker_arguments: Vec<String>,
    /// Workers call AWS as themselves where a record names no account. Most domains of the tests don't.
    pub ambient_aws: bool,
    /// Further variables of all programs.
    pub environment: Vec<(String, String)>,
    /// Another NATS than the rig's, for tests of its outage.
    pub nats_url: Option<String>,
    /// Another folder of bundles than the one that `make bundles` makes. Workers start sooner with an empty one.
    pub bundles: Option<PathBuf>,
    /// A folder with the programs of another release, and its bundles in `bundles`. None: those that were built here.
    pub programs: Option<PathBuf>,
}

impl Setup {
    /// A control plane for one test, with one worker and a name that no other has.
    #[must_use]
    pub fn for_test(name: &str) -> Self {
        // An underscore: it is also the name of a database.
        Self::named(&unique_name(name).replace('-', "_"))
    }

    /// A control plane of this name with one worker.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), workers: 1, ambient_aws: true, ..Self::default() }
    }
}

pub(crate) fn spec(endpoints: &Endpoints, setup: &Setup, key: &str, program: &str, name: &str) -> Result<ProcessSpec> {
    let logs = endpoints.run_dir.join("logs");
    Ok(ProcessSpec::new(name, path(setup, program)?, &logs).envs(environment(endpoints, setup, key)))
}

/// Where a program of the control plane is.
pub(crate) fn path(setup: &Setup, program: &str) -> Result<PathBuf> {
    setup.programs.as_ref().map_or_else(|| workspace_program(program), |folder| Ok(folder.join(program)))
}

/// The bundles that its workers install.
pub(crate) fn bundles_of(setup: &Setup) -> Result<PathBuf> {
    match (&setup.bundles, &setup.programs) {
        (Some(folder), _) => Ok(folder.clone()),
        (None, Some(programs)) => Ok(programs.join("bundles")),
        (None, None) => bundles(),
    }
}

/// What every program of a control plane finds in its environment.
pub(crate) fn environment(endpoints: &Endpoints, setup: &Setup, key: &str) -> Vec<(String, String)> {
    let own = [
        ("DATABASE_URL", database_url(endpoints, &setup.name)),
        ("NATS_URL", setup.nats_url.clone().unwrap_or_else(|| endpoints.nats.url.clone())),
        ("CAUSEWAY_NATS_PREFIX", setup.name.clone()),
        ("ENCRYPTION_KEY", key.to_owned()),
        // On the rig the world's name servers and load balancers are this machine.
        ("CAUSEWAY_DIAGNOSIS_RESOLVER", endpoints.dns.to_string()),
        ("CAUSEWAY_DIAGNOSIS_OPEN", "127.80.0.0/12,127.96.0.0/12".to_owned()),
    ];
    let own = own.into_iter().map(|(name, value)| (name.to_owned(), value));
    own.chain(setup.environment.iter().cloned()).collect()
}

pub(crate) fn database_url(endpoints: &Endpoints, name: &str) -> String {
    match endpoints.postgres.url.rsplit_once('/') {
        Some((server, _)) => format!("{server}/{name}"),
        None => endpoints.postgres.url.clone(),
    }
}

/// The bundles of support services that `make bundles` has made.
fn bundles() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).context("the testkit lies in the workspace")?;
    let bundles = root.join("deploy/bundles");
    if !bundles.is_dir() {
        bail!("the bundles of support services are not made yet; run `make bundles`");
    }
    Ok(bundles)
}

/// The folder of the bundle whose name begins with `prefix`, such as `cert-manager-`.
///
/// # Errors
/// When the bundles are not made yet.
pub fn bundle(prefix: &str) -> Result<PathBuf> {
    let folders = std::fs::read_dir(bundles()?)?.flatten().map(|entry| entry.path());
    let is_it = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix));
    folders.into_iter().find(is_it).with_context(|| format!("there is no bundle {prefix}; run `make bundles`"))
}
