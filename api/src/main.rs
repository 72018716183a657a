//! `causeway-api serve | migrate | openapi | token | keys | dev-ca`.

use anyhow::{Context, bail};
use causeway_api::{
    app,
    auth::Auth,
    config::{Cli, Command, Serve, Token, TokenCreate},
    dev_ca, keys, openapi,
    routes::access_tokens,
    state::{Parts, State},
    tls::{self, Peer},
};
use causeway_bus::Gatherer;
use causeway_records::nouns::AccessToken;
use causeway_store::Origin;
use chrono::{TimeDelta, Utc};
use clap::Parser;
use metrics_exporter_prometheus::PrometheusBuilder;
use std::io::Write;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

// Half of what a request costs is small allocations; glibc's allocator takes a tenth more of the whole.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
        Command::Token(Token::Create(settings)) => create_token(settings).await,
        Command::Keys(settings) => Ok(std::io::stdout().write_all(keys::run(*settings).await?.as_bytes())?),
        Command::DevCa(settings) => dev_ca::make(&settings),
    }
}

async fn serve(settings: Serve) -> anyhow::Result<()> {
    let _telemetry = causeway_telemetry::init("causeway-api", "info", &settings.traces)?;
    if let Err(sentence) = settings.security.check(settings.listen, settings.health_listen) {
        bail!(sentence);
    }
    let tls = tls::Files::of(&settings.security).map(tls::Files::watch).transpose()?;
    let store = settings.database.connect()?;
    store.migrate().await.context("the schema could not be brought up to date")?;
    let hints = Gatherer::new(settings.broker.connect().await?);
    let metrics = PrometheusBuilder::new().install_recorder()?;
    let auth = Auth::new(settings.security.clone(), store.clone());
    let keys = settings.encryption_key.clone();
    let state = State::from(Parts { store: store.clone(), hints: hints.clone(), keys, auth, metrics });

    let stop = CancellationToken::new();
    tokio::spawn(settings.audit.clone().purge(store.clone(), stop.clone()));
    let listener =
        TcpListener::bind(settings.listen).await.with_context(|| format!("can't listen on {}", settings.listen))?;
    let health = TcpListener::bind(settings.health_listen)
        .await
        .with_context(|| format!("can't listen on {} for probes", settings.health_listen))?;
    tracing::info!(address = %listener.local_addr()?, "answering requests");
    let probes =
        axum::serve(health, app::health_router(state.clone())).with_graceful_shutdown(stop.clone().cancelled_owned());
    let app = app::router(state, &settings).into_make_service_with_connect_info::<Peer>();
    let stopped = stop.clone().cancelled_owned();
    let requests = async {
        match tls {
            Some(config) => {
                axum::serve(tls::Listener::new(listener, config), app).with_graceful_shutdown(stopped).await
            }
            None => axum::serve(listener, app).with_graceful_shutdown(stopped).await,
        }
    };
    tokio::spawn({
        let stop = stop.clone();
        async move {
            told_to_stop().await;
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

/// The token goes to stdout, alone; everything else to stderr.
async fn create_token(settings: TokenCreate) -> anyhow::Result<()> {
    let store = settings.database.connect()?;
    store.migrate().await.context("the schema could not be brought up to date")?;
    let lasts = TimeDelta::from_std(settings.expires).context("a token can't last that long")?;
    let expires_at = Utc::now().checked_add_signed(lasts).context("a token can't last that long")?;
    let token = AccessToken { name: settings.name, role: settings.role, expires_at, ..AccessToken::default() };
    let writer = store.on_behalf_of(Origin { caller: "causeway-api token create".into(), request_id: None });
    let made = access_tokens::make(&writer, token).await?;
    writeln!(std::io::stderr(), "role {}, until {expires_at}; it is shown only this once", made.record.spec.role)?;
    writeln!(std::io::stdout(), "{}", made.token)?;
    store.close();
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
