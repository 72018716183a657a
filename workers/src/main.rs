//! `causeway-workers`.

use anyhow::{Context as _, bail};
use causeway_workers::{
    config::Settings,
    context::Context,
    health::{self, Probed},
    runner::Fleet,
};
use clap::Parser;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

// A pass reads and writes much JSON in small pieces; glibc's allocator gives memory back and takes it again all the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = Settings::parse();
    let _armed = causeway_failpoints::arm_from_environment();
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        bail!("a TLS provider is installed already");
    }
    let _telemetry = causeway_telemetry::init("causeway-workers", "info,kube=warn", &settings.traces)?;
    if !settings.listen.ip().is_loopback() {
        bail!(
            "{} can be reached from other machines and nobody is asked who he is; listen on 127.0.0.1",
            settings.listen
        );
    }
    let store = settings.database.connect()?;
    let context = Context::new(&settings, store.clone()).await?;
    let bus = settings.broker.connect().await?;
    let metrics = PrometheusBuilder::new().install_recorder()?;
    let listener =
        TcpListener::bind(settings.listen).await.with_context(|| format!("can't listen on {}", settings.listen))?;
    tokio::spawn(async move { axum::serve(listener, health::router(Probed { store, metrics })).await });

    let stop = CancellationToken::new();
    let fleet = tokio::spawn(Fleet::new(context.clone(), bus, settings.lease_ttl).run(stop.clone()));
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    stop.cancel();
    fleet.await.context("the workers ended badly")?;
    context.store.close();
    Ok(())
}
