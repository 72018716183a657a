//! How callers authenticate, and TLS.

use causeway_records::nouns::Role;
use clap::{Args, ValueEnum};
use std::{net::SocketAddr, path::PathBuf};

/// A way to authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AuthMode {
    /// No authentication: every caller is admin. On loopback only.
    None,
    /// Client certificates that `--client-ca` has signed.
    Mtls,
    /// Bearer tokens: `/v0/access-tokens`.
    Tokens,
}

/// Settings of authentication and TLS.
#[derive(Args, Clone, Debug)]
pub struct SecuritySettings {
    /// How callers authenticate: `none`, `mtls`, `tokens` or `mtls,tokens`.
    #[arg(long, env = "CAUSEWAY_AUTH", value_delimiter = ',', default_value = "none")]
    pub auth: Vec<AuthMode>,
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

impl SecuritySettings {
    /// There is no authentication.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.takes_certificates() && !self.takes_tokens()
    }

    /// Callers may authenticate with a client certificate.
    #[must_use]
    pub fn takes_certificates(&self) -> bool {
        self.auth.contains(&AuthMode::Mtls)
    }

    /// Callers may authenticate with a bearer token.
    #[must_use]
    pub fn takes_tokens(&self) -> bool {
        self.auth.contains(&AuthMode::Tokens)
    }

    /// What a caller can do that has shown nothing.
    pub(crate) fn remedy(&self) -> &'static str {
        match (self.takes_certificates(), self.takes_tokens()) {
            (true, true) => {
                "nobody knows who asks: connect with a client certificate, or send `Authorization: Bearer` with an access token"
            }
            (true, false) => "nobody knows who asks: connect with a client certificate",
            _ => "nobody knows who asks: send `Authorization: Bearer` with an access token",
        }
    }

    /// Refuses settings that contradict each other, or that would let other machines in without authentication.
    ///
    /// # Errors
    /// What is wrong, and what to do about it.
    pub fn check(&self, listen: SocketAddr, health_listen: SocketAddr) -> Result<(), String> {
        if self.auth.contains(&AuthMode::None) && self.auth.len() > 1 {
            return Err("`none` can't stand beside another way of authentication; leave it out".into());
        }
        if self.takes_certificates() && self.client_ca.is_none() {
            return Err("mtls needs --client-ca, --tls-certificate and --tls-key; `causeway-api dev-ca` makes some for development".into());
        }
        if self.client_ca.is_some() && !self.takes_certificates() {
            return Err("--client-ca is given, but client certificates don't count; say --auth mtls".into());
        }
        for address in [listen, health_listen].iter().filter(|address| !address.ip().is_loopback()) {
            if self.is_open() {
                return Err(format!(
                    "{address} can be reached from other machines and there is no authentication; listen on 127.0.0.1, or say --auth mtls or --auth tokens"
                ));
            }
        }
        if self.takes_tokens() && self.tls_certificate.is_none() && !listen.ip().is_loopback() {
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

    fn refusal(auth: &[AuthMode], files: &[&str], listen: &str, health: &str) -> String {
        let file = |name: &str| files.contains(&name).then(|| PathBuf::from(name));
        let settings = SecuritySettings {
            auth: auth.to_vec(),
            tls_certificate: file("certificate"),
            tls_key: file("certificate"),
            client_ca: file("ca"),
            client_default_role: None,
        };
        settings.check(listen.parse().unwrap(), health.parse().unwrap()).err().unwrap_or_default()
    }

    #[test]
    fn other_machines_must_authenticate() {
        let (here, there) = ("127.0.0.1:1323", "0.0.0.0:1323");
        assert_eq!(refusal(&[AuthMode::None], &[], here, "[::1]:1"), "");
        assert!(refusal(&[AuthMode::None], &[], there, here).starts_with("0.0.0.0:1323 can be reached"));
        assert!(refusal(&[AuthMode::None], &["certificate"], there, here).contains("--auth mtls"));
        assert!(refusal(&[AuthMode::None], &[], here, there).starts_with("0.0.0.0:1323 can be reached"));
        assert_eq!(refusal(&[AuthMode::Tokens], &[], here, there), "");
        assert!(refusal(&[AuthMode::Tokens], &[], there, here).contains("plain text"));
        assert_eq!(refusal(&[AuthMode::Tokens], &["certificate"], there, there), "");
        assert_eq!(refusal(&[AuthMode::Mtls, AuthMode::Tokens], &["certificate", "ca"], there, there), "");
    }

    #[test]
    fn what_makes_no_sense_together_is_refused() {
        let here = "127.0.0.1:1323";
        assert!(refusal(&[AuthMode::None, AuthMode::Tokens], &[], here, here).contains("leave it out"));
        assert!(refusal(&[AuthMode::Mtls], &["certificate"], here, here).contains("--client-ca"));
        assert!(refusal(&[AuthMode::Tokens], &["certificate", "ca"], here, here).contains("--auth mtls"));
    }
}
