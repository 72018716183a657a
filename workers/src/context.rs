//! What all reconcilers of a worker share.

use crate::{
    config::Settings,
    manifests::Manifests,
    session::{EndpointProber, OwnCluster},
};
use causeway_bus::Bus;
use causeway_dns::Accounts;
use causeway_records::secret::{Keyring, SecretError};
use causeway_render::bundle::{self, BundleError, Catalogue};
use causeway_store::{Store, StoreError, Unreadable};
use std::{io, sync::Arc, time::Duration};

/// Shared by all clusters of a worker.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) store: Store,
    /// Where new events of records are announced.
    pub(crate) bus: Bus,
    /// Decrypts secrets at rest.
    pub(crate) key: Keyring,
    /// Identity of this control plane, in labels and field managers.
    pub(crate) control_plane: Arc<str>,
    /// The bundles of support services.
    pub(crate) catalogue: Arc<Catalogue>,
    /// The clients of Route 53.
    pub(crate) accounts: Arc<Accounts>,
    /// Where manifests are read, and the memory for them.
    pub(crate) manifests: Manifests,
    /// Whether the workers may call AWS as themselves.
    pub(crate) ambient_aws: bool,
    /// The cluster that the workers run in.
    pub(crate) own_cluster: OwnCluster,
    /// Connects to gateways; None: nobody does.
    pub(crate) endpoint_prober: Option<Arc<EndpointProber>>,
    /// A registry that has all images of the support services.
    pub(crate) image_registry: Option<String>,
    /// Reconciles at the same time in one cluster.
    pub(crate) concurrency: usize,
    /// How often to query the queue when no hint comes.
    pub(crate) scan_interval: Duration,
    /// Longest time for one reconcile.
    pub(crate) reconcile_timeout: Duration,
}

/// Why a worker can't begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContextError {
    /// Postgres can't say who we are.
    #[error("the control plane's identity can't be read: {0}; is the schema up to date (causeway-api migrate)?")]
    Store(#[from] StoreError),
    /// The keys for secrets at rest can't be read.
    #[error(transparent)]
    Key(#[from] SecretError),
    /// The bundles can't be read.
    #[error("the bundles of support services can't be read: {0}")]
    Bundles(#[from] BundleError),
    /// Nobody could connect to gateways.
    #[error("the addresses of gateways can't be probed: {0}; mend that, or leave --endpoint-probe-interval out")]
    EndpointProber(String),
    /// The system refuses threads.
    #[error("the threads that read manifests can't be started: {0}; raise the limits of the process")]
    Threads(#[from] io::Error),
}

impl Context {
    /// Reads what never changes while a worker runs.
    pub(crate) async fn new(settings: &Settings, store: Store, bus: Bus) -> Result<Self, ContextError> {
        let key = settings.encryption_key.keyring()?;
        let store = store.with_documents(key.clone(), Unreadable::Fails);
        Ok(Self {
            control_plane: store.control_plane().await?.into(),
            catalogue: Arc::new(bundle::catalogue(&settings.bundles)?),
            accounts: Arc::new(Accounts::new(settings.route53_endpoint.clone())),
            manifests: Manifests::new()?,
            key,
            ambient_aws: settings.ambient_aws,
            own_cluster: OwnCluster::find(settings.own_cluster, &settings.service_account, |name| {
                std::env::var(name).ok()
            }),
            endpoint_prober: EndpointProber::from_settings(settings)
                .map_err(ContextError::EndpointProber)?
                .map(Arc::new),
            image_registry: settings.image_registry.clone(),
            concurrency: settings.concurrency,
            scan_interval: settings.scan_interval,
            reconcile_timeout: settings.reconcile_timeout,
            store,
            bus,
        })
    }
}
