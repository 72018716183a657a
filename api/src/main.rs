//! `causeway-api serve | migrate | openapi`.

use anyhow::{Context, bail};
use causeway_api::{
    app,
    config::{Cli, Command, Serve},
    openapi,
    state::State,
};
use clap::Parser;
use metrics_exporter_prometheus::PrometheusBuilder;
use std::io::Write;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let command = Cli::parse().command;
    let _armed = causeway_failpoints::arm_from_environment();
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        bail!("a TLS provider is installed already");
    }
    match command {
        Command::Serve(settings) => serve(*settings).await,
        Command::Migrate(database) => {
            database.connect()?.migrate().await.context("the schema could not be brought up to date")
        }
        Command::Openapi => Ok(std::io::stdout().write_all(openapi::text()?.as_bytes())?),
    }
}

async fn serve(settings: Serve) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
    if let Err(sentence) = settings.check() {
        bail!(sentence);
    }
    let store = settings.database.connect()?;
    store.migrate().await.context("the schema could not be brought up to date")?;
    let bus = settings.broker.connect().await?;
    let metrics = PrometheusBuilder::new().install_recorder()?;
    let state = State { store: store.clone(), bus: bus.clone(), key: settings.encryption_key.clone(), metrics };

    let stop = CancellationToken::new();
    let listener =
        TcpListener::bind(settings.listen).await.with_context(|| format!("can't listen on {}", settings.listen))?;
    let health = TcpListener::bind(settings.health_listen)
        .await
        .with_context(|| format!("can't listen on {} for probes", settings.health_listen))?;
    tracing::info!(address = %listener.local_addr()?, "answering requests");
    let probes =
        axum::serve(health, app::health_router(state.clone())).with_graceful_shutdown(stop.clone().cancelled_owned());
    let requests =
        axum::serve(listener, app::router(state, &settings)).with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::spawn({
        let stop = stop.clone();
        async move {
            told_to_stop().await;
            stop.cancel();
        }
    });
    let both = async { tokio::try_join!(requests, probes) };
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(settings.shutdown_timeout).await;
    };
    tokio::select! {
        done = both => { done?; }
        () = overdue => tracing::warn!("requests were still under way when the time to stop was over"),
    }
    bus.flush().await;
    store.close().await;
    Ok(())
}

async fn told_to_stop() {
    match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        }
        // Without signals the process ends when it is killed.
        _ => std::future::pending().await,
    }
}
