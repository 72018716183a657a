//! `causeway-workers`.

use anyhow::bail;
use causeway_workers::config::Settings;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

// A reconcile reads and writes much JSON in small pieces; glibc's allocator gives memory back and takes it again all the time.
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
    if !settings.listen.ip().is_loopback() && !settings.listen_open {
        bail!(
            "{} can be reached from other machines and asks for no authentication; listen on 127.0.0.1, or say --listen-open",
            settings.listen
        );
    }
    let stop = CancellationToken::new();
    let worker = tokio::spawn({
        let (settings, stop) = (settings.clone(), stop.clone());
        async move { causeway_workers::run(&settings, stop).await }
    });
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut worker = std::pin::pin!(worker);
    tokio::select! {
        // It ends by itself only when it can't begin.
        ended = &mut worker => return ended?,
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stop.cancel();
    worker.await?
}
