//! `causeway-api serve`: starts everything, and stops it in order.

use super::{migrate, purge_audit_events};
use crate::{
    app,
    auth::Authenticator,
    config::{ConnectionSettings, ServeSettings},
    server,
    state::{ApiState, Services},
    tls::TlsFiles,
};
use anyhow::{Context, bail};
use causeway_bus::Debouncer;
use causeway_manifests::Budget;
use causeway_store::Unreadable;
use std::net::SocketAddr;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

/// Answers requests and probes until a signal ends it. Requests under way are finished, within `--shutdown-timeout`, and hints are sent.
pub(super) async fn serve(settings: ServeSettings) -> anyhow::Result<()> {
    let _telemetry = causeway_telemetry::init("causeway-api", "info", &settings.traces)?;
    if let Err(sentence) = settings.security.check(settings.listen, settings.health_listen) {
        bail!(sentence);
    }
    let keys = settings.encryption_key.keyring()?;
    let tls = TlsFiles::from_settings(&settings.security).map(TlsFiles::watch).transpose()?;
    let store = migrate::connect(&settings.database).await?.with_documents(keys.clone(), Unreadable::IsTold);
    let hints = Debouncer::new(settings.broker.connect().await?);
    let state = ApiState::from(Services {
        store: store.clone(),
        hints: hints.clone(),
        keys,
        budget: Budget::of_bytes(settings.manifest_body_limit),
        authenticator: Authenticator::new(settings.security.clone(), store.clone()),
        metrics: causeway_telemetry::record_figures()?,
    });

    let stop = CancellationToken::new();
    tokio::spawn(purge_audit_events::run(store.clone(), settings.audit_keep, stop.clone()));
    let listener = bind(settings.listen, "requests").await?;
    let health = bind(settings.health_listen, "probes").await?;
    tracing::info!(address = %listener.local_addr()?, "answering requests");
    // The probes have connections of their own: a server that is busy isn't dead.
    let health_router = app::health_router(state.clone());
    let probes = server::serve(health, health_router, ConnectionSettings::for_probes(), None, stop.clone());
    let router = app::router(state, &settings);
    let requests = server::serve(listener, router, settings.connections.clone(), tls, stop.clone());
    tokio::spawn({
        let stop = stop.clone();
        async move {
            signalled().await;
            stop.cancel();
        }
    });
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(settings.shutdown_timeout).await;
    };
    tokio::select! {
        _ = async { tokio::join!(requests, probes) } => {}
        () = overdue => tracing::warn!("requests were still under way when the time to stop was over"),
    }
    hints.flush().await;
    store.close();
    Ok(())
}

async fn bind(address: SocketAddr, purpose: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("can't listen on {address} for {purpose}"))
}

/// Ends when a signal asks the process to stop.
async fn signalled() {
    match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        }
        // Without signals the process ends when it is killed.
        _ => std::future::pending().await,
    }
}
