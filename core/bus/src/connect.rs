//! Connections to NATS: which servers, who we are, whom we trust, and what is done once there is one.

use crate::{
    Broker, Bus, Hint,
    address::{Addresses, Login},
};
use async_nats::{ConnectOptions, Event};
use causeway_records::Kind;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::{sync::Notify, task::JoinSet};

/// How often a server is asked whether it still answers. One that doesn't three times is left for another: a machine that vanished says no goodbye.
const PING_EVERY: Duration = Duration::from_secs(2);

/// Settings with which a connection can't even be begun. What was given in an address is not repeated, for it may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// That is no address.
    #[error(
        "NATS_URL can't be used: {0}; give an address such as nats://user:password@nats.example:4222, or several with commas between them"
    )]
    Address(String),
    /// The servers of a cluster know the same users.
    #[error("NATS_URL has different logins; give all addresses the same one, or only the first of them")]
    Logins,
    /// Two ways to say who we are.
    #[error("NATS_URL has a login, and NATS_CREDS names a file with another; leave one out")]
    LoginAndCredentials,
    /// The file with credentials is no such file.
    #[error("NATS_CREDS: {0} can't be used: {1}; give a file such as `nsc generate creds` writes")]
    Credentials(String, String),
    /// The file with authorities is no such file.
    #[error(
        "NATS_CA: {0} can't be used: {1}; give a PEM file with the certificates of the authorities that sign those of NATS"
    )]
    Authorities(String, String),
}

pub(crate) async fn bus(settings: &Broker) -> Result<Bus, Unusable> {
    let Addresses { servers, login } = Addresses::read(&settings.nats_url)?;
    let mut options = match (login, &settings.nats_creds) {
        (None, None) => ConnectOptions::new(),
        (Some(Login::Password { user, password }), None) => ConnectOptions::with_user_and_password(user, password),
        (Some(Login::Token(token)), None) => ConnectOptions::with_token(token),
        (None, Some(file)) => with_credentials(file).await?,
        (Some(_), Some(_)) => return Err(Unusable::LoginAndCredentials),
    };
    if let Some(file) = &settings.nats_ca {
        check_authorities(file)?;
        // A login must not go to whoever answers without a certificate. The file is read again for each connection.
        options = options.add_root_certificates(file.clone()).require_tls(true);
    }
    let connected = Arc::new(Notify::new());
    let tell = connected.clone();
    let client = options
        .event_callback(move |event| {
            if matches!(event, Event::Connected) {
                tell.notify_one();
            }
            async {}
        })
        .retry_on_initial_connect()
        .connection_timeout(Duration::from_secs(2))
        .ping_interval(PING_EVERY)
        // Hints are worth nothing when they are old.
        .client_capacity(1024)
        .connect(servers)
        .await
        .map_err(|error| Unusable::Address(error.to_string()))?;
    let mut bus = Bus { client, prefix: settings.nats_prefix.clone(), resumption: Arc::default() };
    let mut tasks = JoinSet::new();
    tasks.spawn(look_for_what_was_missed(bus.clone(), connected));
    bus.resumption = Arc::new(tasks);
    Ok(bus)
}

/// Whatever was published to a server that died is lost, and so are hints while there was no connection, in both directions. So each new connection says
/// so: a hint for no cluster has every worker look once for all that is due.
async fn look_for_what_was_missed(bus: Bus, connected: Arc<Notify>) {
    loop {
        connected.notified().await;
        // Our own subscriptions are made again before this, on the same connection.
        bus.publish(&Hint { kind: Kind::WorkloadDefinition, id: 0, cluster_id: 0 });
    }
}

async fn with_credentials(file: &Path) -> Result<ConnectOptions, Unusable> {
    let unusable = |why: String| Unusable::Credentials(file.display().to_string(), why);
    let text = tokio::fs::read_to_string(file).await.map_err(|error| unusable(error.to_string()))?;
    ConnectOptions::with_credentials(&text).map_err(|error| unusable(error.to_string()))
}

fn check_authorities(file: &Path) -> Result<(), Unusable> {
    let unusable = |why: String| Unusable::Authorities(file.display().to_string(), why);
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| unusable(error.to_string()))?;
    let mut roots = rustls::RootCertStore::empty();
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable("it holds no certificate".into()));
    }
    Ok(())
}
