//! How callers show who they are, from flags or the environment.

use super::Role;
use clap::{Args, ValueEnum};
use std::{net::SocketAddr, path::PathBuf};

/// A way to show who one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Nobody is asked: everybody is admin. On loopback only.
    None,
    /// Client certificates that `--client-ca` has signed.
    Mtls,
    /// Bearer tokens: `/v0/access-tokens`.
    Tokens,
}

/// Settings of authentication and TLS.
#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// How callers show who they are: `none`, `mtls`, `tokens` or `mtls,tokens`.
    #[arg(long, env = "CAUSEWAY_AUTH", value_delimiter = ',', default_value = "none")]
    pub auth: Vec<Mode>,
    /// PEM file of the server's certificate and those that lead to its authority: answers https. Read again when it changes.
    #[arg(long, env = "CAUSEWAY_TLS_CERTIFICATE", requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,
    /// PEM file of that certificate's key.
    #[arg(long, env = "CAUSEWAY_TLS_KEY", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,
    /// PEM file of the authorities that sign client certificates.
    #[arg(long, env = "CAUSEWAY_CLIENT_CA", requires = "tls_certificate")]
    pub client_ca: Option<PathBuf>,
    /// Role of a client certificate that names none, such as those of Threeport: viewer, editor or admin. Without it they are refused.
    #[arg(long, env = "CAUSEWAY_CLIENT_DEFAULT_ROLE")]
    pub client_default_role: Option<Role>,
}

impl Settings {
    /// Nobody is asked who he is.
    #[must_use]
    pub fn open(&self) -> bool {
        !self.certificates() && !self.tokens()
    }

    /// Client certificates count.
    #[must_use]
    pub fn certificates(&self) -> bool {
        self.auth.contains(&Mode::Mtls)
    }

    /// Bearer tokens count.
    #[must_use]
    pub fn tokens(&self) -> bool {
        self.auth.contains(&Mode::Tokens)
    }

    /// What a caller can do who has shown nothing.
    pub(super) fn remedy(&self) -> &'static str {
        match (self.certificates(), self.tokens()) {
            (true, true) => {
                "nobody knows who asks: connect with a client certificate, or send `Authorization: Bearer` with an access token"
            }
            (true, false) => "nobody knows who asks: connect with a client certificate",
            _ => "nobody knows who asks: send `Authorization: Bearer` with an access token",
        }
    }

    /// Settings that must not stand together.
    ///
    /// # Errors
    /// What is wrong, and what to do about it.
    pub fn check(&self, listen: SocketAddr, health_listen: SocketAddr) -> Result<(), String> {
        if self.auth.contains(&Mode::None) && self.auth.len() > 1 {
            return Err("`none` can't stand beside another way of authentication; leave it out".into());
        }
        if self.certificates() && self.client_ca.is_none() {
            return Err("mtls needs --client-ca, --tls-certificate and --tls-key; `causeway-api dev-ca` makes some for development".into());
        }
        if self.client_ca.is_some() && !self.certificates() {
            return Err("--client-ca is given, but client certificates don't count; say --auth mtls".into());
        }
        for address in [listen, health_listen].iter().filter(|address| !address.ip().is_loopback()) {
            if self.open() {
                return Err(format!(
                    "{address} can be reached from other machines and nobody is asked who he is; listen on 127.0.0.1, or say --auth mtls or --auth tokens"
                ));
            }
        }
        if self.tokens() && self.tls_certificate.is_none() && !listen.ip().is_loopback() {
            return Err(format!(
                "{listen} can be reached from other machines and tokens would travel in plain text; give --tls-certificate and --tls-key, or listen on 127.0.0.1"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(auth: &[Mode], files: &[&str], listen: &str, health: &str) -> String {
        let file = |name: &str| files.contains(&name).then(|| PathBuf::from(name));
        let settings = Settings {
            auth: auth.to_vec(),
            tls_certificate: file("certificate"),
            tls_key: file("certificate"),
            client_ca: file("ca"),
            client_default_role: None,
        };
        settings.check(listen.parse().unwrap(), health.parse().unwrap()).err().unwrap_or_default()
    }

    #[test]
    fn other_machines_must_say_who_they_are() {
        let (here, there) = ("127.0.0.1:1323", "0.0.0.0:1323");
        assert_eq!(refusal(&[Mode::None], &[], here, "[::1]:1"), "");
        assert!(refusal(&[Mode::None], &[], there, here).starts_with("0.0.0.0:1323 can be reached"));
        assert!(refusal(&[Mode::None], &["certificate"], there, here).contains("--auth mtls"));
        assert!(refusal(&[Mode::None], &[], here, there).starts_with("0.0.0.0:1323 can be reached"));
        assert_eq!(refusal(&[Mode::Tokens], &[], here, there), "");
        assert!(refusal(&[Mode::Tokens], &[], there, here).contains("plain text"));
        assert_eq!(refusal(&[Mode::Tokens], &["certificate"], there, there), "");
        assert_eq!(refusal(&[Mode::Mtls, Mode::Tokens], &["certificate", "ca"], there, there), "");
    }

    #[test]
    fn what_makes_no_sense_together_is_refused() {
        let here = "127.0.0.1:1323";
        assert!(refusal(&[Mode::None, Mode::Tokens], &[], here, here).contains("leave it out"));
        assert!(refusal(&[Mode::Mtls], &["certificate"], here, here).contains("--client-ca"));
        assert!(refusal(&[Mode::Tokens], &["certificate", "ca"], here, here).contains("--auth mtls"));
    }
}
