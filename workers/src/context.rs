//! What every reconciler may touch.

use crate::config::Settings;
use causeway_dns as dns;
use causeway_records::secret::Keyring;
use causeway_render::bundle::{self, BundleError, Catalogue};
use causeway_store::{Store, StoreError};
use std::{sync::Arc, time::Duration};

/// Shared by all clusters of a worker.
#[derive(Clone)]
pub struct Context {
    /// Postgres.
    pub store: Store,
    /// For secrets at rest.
    pub key: Keyring,
    /// Identity of this control plane.
    pub control_plane: Arc<str>,
    /// The bundles of support services.
    pub catalogue: Arc<Catalogue>,
    /// AWS accounts.
    pub accounts: Arc<dns::Accounts>,
    /// Another address of Route53 than AWS's own.
    pub route53_endpoint: Option<String>,
    /// A registry that has all images of the support services.
    pub image_registry: Option<String>,
    /// Passes at the same time in one cluster.
    pub concurrency: usize,
    /// How often to look for work that no hint spoke of.
    pub scan_interval: Duration,
    /// Longest time for one pass.
    pub pass_timeout: Duration,
}

/// A worker that can't begin.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// Postgres can't say who we are.
    #[error("the control plane's identity can't be read: {0}; is the schema up to date (causeway-api migrate)?")]
    Store(#[from] StoreError),
    /// The bundles can't be read.
    #[error("the bundles of support services can't be read: {0}")]
    Bundles(#[from] BundleError),
}

impl Context {
    /// Reads what never changes while a worker runs.
    pub async fn new(settings: &Settings, store: Store) -> Result<Self, ContextError> {
        Ok(Self {
            control_plane: store.control_plane().await?.into(),
            catalogue: Arc::new(bundle::catalogue(&settings.bundles)?),
            accounts: Arc::default(),
            key: settings.encryption_key.clone(),
            route53_endpoint: settings.route53_endpoint.clone(),
            image_registry: settings.image_registry.clone(),
            concurrency: settings.concurrency,
            scan_interval: settings.scan_interval,
            pass_timeout: settings.pass_timeout,
            store,
        })
    }
}
