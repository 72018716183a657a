//! `causeway-api serve`: starts everything, and stops it in order.

use super::{
    migrate,
    purge::{self, Purged},
};
use crate::{
    app,
    aside::Aside,
    auth::Authenticator,
    config::{ConnectionSettings, ServeSettings},
    diagnosis::Diagnoses,
    server,
    state::{ApiState, Services},
    tls::TlsFiles,
    watch::Watch,
    webhooks::{Due, Webhooks},
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
    let bus = settings.broker.connect().await?;
    let (hints, stop) = (Debouncer::new(bus.clone()), CancellationToken::new());
    let watch = Watch::new(store.clone(), &settings.watch, stop.clone());
    let due = Due::default();
    let reader = (watch.clone(), due.clone());
    let webhooks = Webhooks::new(store.clone(), keys.clone(), reader, &settings.webhooks, stop.clone())?;
    let state = ApiState::from(Services {
        store: store.clone(),
        hints: hints.clone(),
        keys,
        watch: watch.clone(),
        due,
        budget: Budget::of_bytes(settings.manifest_body_limit),
        aside: Aside::new()?,
        diagnoses: Diagnoses::new(&settings.diagnosis),
        authenticator: Authenticator::new(settings.security.clone(), store.clone()),
        metrics: causeway_telemetry::record_figures()?,
    });

    for (what, keep) in [
        (Purged::AuditEvents, settings.audit_keep),
        (Purged::EventsOfRecords, settings.watch.event_keep),
        (Purged::WebhookDeliveries, settings.webhooks.webhook_delivery_keep),
    ] {
        tokio::spawn(purge::run(store.clone(), what, keep, stop.clone()));
    }
    tokio::spawn(watch.run(bus));
    let listener = bind(settings.listen, "requests")?;
    let health = bind(settings.health_listen, "probes")?;
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
        _ = async { tokio::join!(requests, probes, webhooks.run()) } => {}
        () = overdue => tracing::warn!("requests were still under way when the time to stop was over"),
    }
    hints.flush().await;
    store.close();
    Ok(())
}

fn bind(address: SocketAddr, purpose: &str) -> anyhow::Result<TcpListener> {
    server::listen(address).with_context(|| format!("can't listen on {address} for {purpose}"))
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
