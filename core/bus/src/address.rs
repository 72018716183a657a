//! Addresses of NATS, taken apart: the client writes the addresses that it tries into its log, and they must not have a password in them.

use crate::Unusable;
use async_nats::ServerAddr;
use percent_encoding::percent_decode_str;

/// The servers of NATS, and who we are there.
pub(crate) struct Addresses {
    /// Without users or passwords.
    pub(crate) servers: Vec<ServerAddr>,
    /// The servers of a cluster know the same logins.
    pub(crate) login: Option<Login>,
}

/// Who we are.
#[derive(PartialEq)]
#[cfg_attr(test, derive(Debug))]
pub(crate) enum Login {
    /// `nats://user:password@host`.
    Password { user: String, password: String },
    /// `nats://token@host`.
    Token(String),
}

impl Addresses {
    /// Reads addresses as NATS' own tools write them, with commas between them. Errors don't repeat them.
    pub(crate) fn read(text: &str) -> Result<Self, Unusable> {
        let (mut servers, mut login) = (vec![], None);
        for address in text.split(',') {
            let (server, given) = read(address.trim())?;
            servers.push(server);
            match (&login, given) {
                (Some(known), Some(given)) if *known != given => return Err(Unusable::Logins),
                (None, given) => login = given,
                _ => {}
            }
        }
        Ok(Self { servers, login })
    }
}

fn read(address: &str) -> Result<(ServerAddr, Option<Login>), Unusable> {
    if address.is_empty() {
        return Err(Unusable::Address("it is empty".into()));
    }
    let given: ServerAddr =
        address.parse().map_err(|error: std::io::Error| Unusable::Address(error.kind().to_string()))?;
    let decoded = |part: &str| {
        let decoded = percent_decode_str(part).decode_utf8();
        decoded.map(Into::into).map_err(|_| Unusable::Address("its user or password is no UTF-8".into()))
    };
    let login = match (given.username(), given.password()) {
        (None, None) => None,
        (Some(token), None) => Some(Login::Token(decoded(token)?)),
        (user, Some(password)) => {
            Some(Login::Password { user: decoded(user.unwrap_or_default())?, password: decoded(password)? })
        }
    };
    let mut url = given.into_inner();
    let removed = url.set_username("").and_then(|()| url.set_password(None));
    removed.map_err(|()| Unusable::Address("it has no host".into()))?;
    let server = ServerAddr::from_url(url).map_err(|error| Unusable::Address(error.kind().to_string()))?;
    Ok((server, login))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, Option<Login>) {
        let read = Addresses::read(text).unwrap_or_else(|error| panic!("{error}"));
        (format!("{:?}", read.servers), read.login)
    }

    #[test]
    fn a_login_is_no_part_of_the_address_that_is_logged() {
        let (server, login) = read("nats://us%65r:s3cr%40t@nats.example:4333");
        assert_eq!(login, Some(Login::Password { user: "user".into(), password: "s3cr@t".into() }));
        assert!(server.contains("nats.example") && server.contains("4333"), "{server}");
        assert!(!server.contains("s3cr") && !server.contains("us%65r"), "{server}");
        let (server, login) = read("tls://t0ken@nats.example");
        assert_eq!(login, Some(Login::Token("t0ken".into())));
        assert!(!server.contains("t0ken"), "{server}");
        assert_eq!(read("nats://127.0.0.1:4222").1, None);
        assert_eq!(read("127.0.0.1:4222").1, None);
    }

    #[test]
    fn a_wrong_address_is_not_repeated() {
        for wrong in [
            "nats://user:s3cret@",
            "ftp://user:s3cret@host",
            "nats://user:s3cret@host:99999999",
            "nats://user:s3cret@host,",
            "nats://user:s3cret@host,nats://user:0ther-s3cret@host",
        ] {
            let error = Addresses::read(wrong).err().map(|error| error.to_string());
            assert!(error.as_ref().is_some_and(|error| !error.contains("s3cret")), "{error:?}");
        }
    }
    #[test]
    fn servers_of_a_cluster_have_one_login_which_need_not_be_repeated() {
        let login = Some(Login::Password { user: "user".into(), password: "secret".into() });
        for cluster in [
            "nats://user:secret@one:4222,nats://two:4222,tls://three",
            "nats://one:4222, nats://two:4222, tls://user:secret@three",
            "nats://user:secret@one:4222,nats://user:secret@two:4222,tls://user:secret@three",
        ] {
            let read = Addresses::read(cluster).unwrap_or_else(|error| panic!("{error}"));
            let servers: Vec<_> = read.servers.iter().map(|server| (server.host(), server.port())).collect();
            assert_eq!(servers, [("one", 4222), ("two", 4222), ("three", 4222)]);
            assert_eq!(read.login, login);
        }
        let two = Addresses::read("nats://user:secret@one,nats://other:secret@two");
        assert!(matches!(two.err(), Some(Unusable::Logins)));
    }
}
