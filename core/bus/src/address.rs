//! An address of NATS, taken apart: the client writes the addresses that it tries into its log, and they must not have a password in them.

use crate::BadAddress;
use async_nats::ServerAddr;
use percent_encoding::percent_decode_str;

/// Where NATS is, and who we are there.
#[cfg_attr(test, derive(PartialEq))]
pub(crate) struct Address {
    /// Without a user or a password.
    pub(crate) server: ServerAddr,
    pub(crate) login: Option<Login>,
}

/// Who we are.
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(crate) enum Login {
    /// `nats://user:password@host`.
    Password { user: String, password: String },
    /// `nats://token@host`.
    Token(String),
}

impl Address {
    /// Reads an address as NATS' own tools write it. Errors don't repeat it.
    pub(crate) fn read(text: &str) -> Result<Self, BadAddress> {
        let given: ServerAddr = text.parse().map_err(|error: std::io::Error| BadAddress(error.kind().to_string()))?;
        let decoded = |part: &str| {
            let decoded = percent_decode_str(part).decode_utf8();
            decoded.map(Into::into).map_err(|_| BadAddress("its user or password is no UTF-8".into()))
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
        removed.map_err(|()| BadAddress("it has no host".into()))?;
        let server = ServerAddr::from_url(url).map_err(|error| BadAddress(error.kind().to_string()))?;
        Ok(Self { server, login })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, Option<Login>) {
        let address = Address::read(text).unwrap_or_else(|error| panic!("{error}"));
        (format!("{:?}", address.server), address.login)
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
        for wrong in ["nats://user:s3cret@", "ftp://user:s3cret@host", "nats://user:s3cret@host:99999999"] {
            let error = Address::read(wrong).err().map(|error| error.to_string());
            assert!(error.as_ref().is_some_and(|error| !error.contains("s3cret")), "{error:?}");
        }
    }
}
