//! Desired state out: workers make clusters and hosted zones match the records, and say condition by condition what works.
//!
//! ```text
//! controller    when which record is reconciled: leases, queue, schedule, back-off
//! session       one cluster: connection, cache, circuit breaker, restore guard
//! manifests     what manifests may take of memory and processors
//! reconcilers   one file per noun: read → render (pure) → apply → prune → observe → conditions
//! ```
//!
//! The crates `causeway-cluster` and `causeway-dns` are the only ones with a Kubernetes and a Route 53 client; as whom AWS is called says `causeway-aws`.
//!
//! Creation, change, deletion, retry and repair are the same reconcile. To add a noun: a file in `reconcilers/` and an arm in its `reconcile`; the README
//! has the steps in the other crates.

pub mod config;
mod context;
mod controller;
mod figures;
mod health;
mod manifests;
mod reconcilers;
mod session;
mod waiting;

use crate::{config::Settings, context::Context, controller::LeaseManager, health::Probed};
use anyhow::Context as _;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Runs a worker until `stop`.
///
/// # Errors
/// When it can't begin: the database's schema is not there, the bundles can't be read, the address is taken.
pub async fn run(settings: &Settings, stop: CancellationToken) -> anyhow::Result<()> {
    causeway_cluster::limit_cache(settings.cache_limit);
    let store = settings.database.connect()?;
    store.check_sessions().await.context("the database can't be used")?;
    let bus = settings.broker.connect().await?;
    let context = Context::new(settings, store.clone(), bus).await?;
    let metrics = causeway_telemetry::record_figures()?;
    let listener =
        TcpListener::bind(settings.listen).await.with_context(|| format!("can't listen on {}", settings.listen))?;
    let probes = health::router(Probed { store, metrics, fleet: Arc::default() });
    tokio::spawn(async move { axum::serve(listener, probes).await });
    let manager = LeaseManager::new(context.clone(), settings.lease_ttl);
    tokio::spawn(manager.run(stop)).await.context("the workers ended badly")?;
    context.store.close();
    Ok(())
}
