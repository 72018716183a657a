//! `causeway-api serve`: starts everything, and stops it in order.

use super::{migrate, purge_audit_events};
use crate::{
    app,
    auth::Authenticator,
    config::ServeSettings,
    state::{ApiState, Services},
    tls::{Peer, TlsFiles, TlsListener},
};
use anyhow::{Context, bail};
use causeway_bus::Gatherer;
use std::{future::IntoFuture, net::SocketAddr};
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
    let store = migrate::connect(&settings.database).await?;
    let hints = Gatherer::new(settings.broker.connect().await?);
    let state = ApiState::from(Services {
        store: store.clone(),
        hints: hints.clone(),
        keys,
        authenticator: Authenticator::new(settings.security.clone(), store.clone()),
        metrics: causeway_telemetry::record_figures()?,
    });

    let stop = CancellationToken::new();
    tokio::spawn(purge_audit_events::run(store.clone(), settings.audit_keep, stop.clone()));
    let listener = bind(settings.listen, "requests").await?;
    let health = bind(settings.health_listen, "probes").await?;
    tracing::info!(address = %listener.local_addr()?, "answering requests");
    let probes =
        axum::serve(health, app::health_router(state.clone())).with_graceful_shutdown(stop.clone().cancelled_owned());
    let app = app::router(state, &settings).into_make_service_with_connect_info::<Peer>();
    let stopped = stop.clone().cancelled_owned();
    let requests = async {
        match tls {
            Some(config) => axum::serve(TlsListener::new(listener, config), app).with_graceful_shutdown(stopped).await,
            None => axum::serve(listener, app).with_graceful_shutdown(stopped).await,
        }
    };
    tokio::spawn({
        let stop = stop.clone();
        async move {
            signalled().await;
            stop.cancel();
        }
    });
    let both = async { tokio::try_join!(requests, probes.into_future()) };
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(settings.shutdown_timeout).await;
    };
    tokio::select! {
        done = both => { done?; }
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
