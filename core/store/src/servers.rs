//! Where Postgres is: one server, or several of which one is the primary.
//!
//! `DATABASE_URL` names several as libpq's clients do: `postgres://user:password@one:5432,two:5432/causeway`. sqlx reads only one, so the hosts are
//! taken apart here. A failover then needs no address that moves: connections lead to whichever server takes writes.

use sqlx::{Connection, Error, PgConnection, postgres::PgConnectOptions};
use std::{
    io::ErrorKind,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::time::timeout;

/// How long one of several servers may take to let us in: the next one is tried then.
const LET_IN_WITHIN: Duration = Duration::from_secs(2);

/// The servers of one database, in the order of `DATABASE_URL`. Clones remember together which one is the primary.
#[derive(Clone, Debug)]
pub struct Servers {
    all: Arc<[PgConnectOptions]>,
    /// The place of the last primary.
    primary: Arc<AtomicUsize>,
}

impl Servers {
    /// Reads `DATABASE_URL`.
    ///
    /// # Errors
    /// When one of the addresses is no URL of a database.
    pub fn from_url(url: &str) -> Result<Self, Error> {
        // PgBouncer refuses what sqlx sends by itself here, and nothing needs it.
        let read = |url: &String| Ok(named(PgConnectOptions::from_str(url)?.extra_float_digits(None)));
        let all = one_host_each(url).iter().map(read).collect::<Result<Vec<_>, Error>>()?;
        Ok(Self::of(all))
    }

    fn of(all: Vec<PgConnectOptions>) -> Self {
        Self { all: all.into(), primary: Arc::default() }
    }

    /// A connection to the server that takes writes. A single one is taken as it is: its address may lead to another server by itself.
    ///
    /// # Errors
    /// The last server's. `ConnectionRefused` when servers answer and none is the primary.
    pub(crate) async fn connect(&self) -> Result<PgConnection, Error> {
        if let [only] = &*self.all {
            return PgConnection::connect_with(only).await;
        }
        let (from, count) = (self.primary.load(Ordering::Relaxed), self.all.len());
        let mut last = no_primary();
        for place in (from..from + count).map(|place| place % count) {
            match timeout(LET_IN_WITHIN, primary(&self.all[place])).await {
                Ok(Ok(Some(connection))) => {
                    self.primary.store(place, Ordering::Relaxed);
                    return Ok(connection);
                }
                // What one that is away or starts says is no news when another one is a standby.
                Ok(Ok(None)) | Err(_) => {}
                Ok(Err(error)) => last = error,
            }
        }
        Err(last)
    }

    /// Whether any of them answers.
    pub(crate) async fn any_answers(&self, within: Duration) -> bool {
        let answers = self.all.iter().map(|server| Box::pin(answers(server, within)));
        let all: Vec<bool> = futures::future::join_all(answers).await;
        all.contains(&true)
    }
}

impl From<PgConnectOptions> for Servers {
    fn from(only: PgConnectOptions) -> Self {
        Self::of(vec![only])
    }
}

/// With the name of this program, by which an administrator, and our log, tell whose a connection is. One that the URL gives stays.
fn named(options: PgConnectOptions) -> PgConnectOptions {
    let program = std::env::args_os().next();
    let name = program.as_ref().and_then(|path| std::path::Path::new(path).file_name()?.to_str());
    match name.filter(|_| options.get_application_name().is_none()) {
        Some(name) => options.application_name(name),
        None => options,
    }
}

/// None: it answers and is a standby.
async fn primary(server: &PgConnectOptions) -> Result<Option<PgConnection>, Error> {
    let mut connection = PgConnection::connect_with(server).await?;
    let is_standby = sqlx::query_scalar!(r#"SELECT pg_is_in_recovery() AS "is_standby!""#);
    let is_standby = is_standby.fetch_one(&mut connection).await?;
    Ok((!is_standby).then_some(connection))
}

async fn answers(server: &PgConnectOptions, within: Duration) -> bool {
    match timeout(within, PgConnection::connect_with(server)).await {
        Ok(Ok(connection)) => {
            // It has answered; how this ends doesn't matter.
            let _ = connection.close().await;
            true
        }
        // "Too many connections" is an answer, too; "starting up" and "shutting down" are none.
        Ok(Err(Error::Database(refusal))) => refusal.code().is_some_and(|code| !code.starts_with("57P")),
        Ok(Err(_)) | Err(_) => false,
    }
}

fn no_primary() -> Error {
    Error::Io(std::io::Error::new(ErrorKind::ConnectionRefused, "no server of DATABASE_URL is the primary"))
}

/// The same URL for each of its hosts. One with a single host, or of another form, stays as it is.
fn one_host_each(url: &str) -> Vec<String> {
    let whole = || vec![url.to_owned()];
    let Some((scheme, rest)) = url.split_once("://") else { return whole() };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (user, hosts) = match authority.rsplit_once('@') {
        Some((user, hosts)) => (format!("{user}@"), hosts),
        None => (String::new(), authority),
    };
    hosts.split(',').map(|host| format!("{scheme}://{user}{host}{path}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_gets_user_database_and_options() {
        let url = "postgres://u:p%40,w@one:5432,[::1]:6432,three/causeway?sslmode=verify-full";
        let each = [
            "postgres://u:p%40,w@one:5432/causeway?sslmode=verify-full",
            "postgres://u:p%40,w@[::1]:6432/causeway?sslmode=verify-full",
            "postgres://u:p%40,w@three/causeway?sslmode=verify-full",
        ];
        assert_eq!(one_host_each(url), each);
        let servers = Servers::from_url(url).unwrap();
        let places: Vec<_> = servers.all.iter().map(|server| (server.get_host(), server.get_port())).collect();
        assert_eq!(places, [("one", 5432), ("[::1]", 6432), ("three", 5432)]);
        assert!(servers.all.iter().all(|server| server.get_database() == Some("causeway")));
    }

    #[test]
    fn a_connection_says_whose_it_is() {
        let name = |url| Servers::from_url(url).unwrap().all[0].get_application_name().map(str::to_owned);
        assert_eq!(name("postgres://one/causeway?application_name=ours").as_deref(), Some("ours"));
        assert!(name("postgres://one/causeway").is_some_and(|name| name.starts_with("causeway_store")));
    }

    #[test]
    fn one_host_stays_as_it_is() {
        for url in [
            "postgres://one/causeway",
            "postgres://u@one:1/a,b",
            "postgres:///causeway?host=/run/postgresql",
            "nonsense",
        ] {
            assert_eq!(one_host_each(url), [url]);
        }
    }

    #[test]
    fn an_address_that_is_none_is_refused_without_its_password() {
        let error = Servers::from_url("postgres://u:SECRET@one:5432,two:port/causeway").unwrap_err();
        assert!(!error.to_string().contains("SECRET"), "{error}");
    }
}
