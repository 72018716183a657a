//! `causeway-api first-secrets`: what an installation needs once and nobody can know before: a certificate, a first token, and what a trial needs beside it.
//!
//! It only writes files. Who runs it keeps them, as the chart does in Secrets, and throws away what is there already.

use super::dev_ca::{authority, params, sign};
use crate::auth::tokens;
use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::STANDARD};
use clap::Args;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose};
use ring::rand::{SecureRandom, SystemRandom};
use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// Nothing renews this certificate, so it lasts as long as an installation may be left alone.
const LASTS: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// Secrets to make.
#[derive(Args, Debug)]
pub struct FirstSecretsSettings {
    /// Folder for them. Files of an earlier run are overwritten.
    folder: PathBuf,
    /// Names and addresses of the server, beside localhost, 127.0.0.1 and ::1.
    #[arg(long)]
    host: Vec<String>,
}

/// Writes the files, readable by their owner only.
pub(super) fn make(settings: &FirstSecretsSettings) -> Result<()> {
    let folder = &settings.folder;
    fs::create_dir_all(folder).with_context(|| format!("can't make {}", folder.display()))?;
    for (name, text) in files(&settings.host, SystemTime::now())? {
        write(&folder.join(name), &text)?;
    }
    Ok(())
}

fn files(hosts: &[String], now: SystemTime) -> Result<[(&'static str, String); 6]> {
    let until = (now + LASTS).into();
    // Not the name of the server: OpenSSL takes a certificate for self-signed whose issuer has its own name, and curl refuses it.
    let mut issuer = authority("causeway installation authority", now);
    issuer.not_after = until;
    // Its key is thrown away: this authority signs the one certificate.
    let issuer = rcgen::CertifiedIssuer::self_signed(issuer, rcgen::KeyPair::generate()?)?;
    let names = ["localhost", "127.0.0.1", "::1"].into_iter().map(str::to_owned).chain(hosts.iter().cloned());
    let mut server = params("causeway", None, now);
    server.not_after = until;
    server.subject_alt_names = CertificateParams::new(names.collect::<Vec<_>>())?.subject_alt_names;
    let (certificate, key) = sign(server, ExtendedKeyUsagePurpose::ServerAuth, &issuer)?;
    Ok([
        ("ca.crt", issuer.pem()),
        ("tls.crt", certificate),
        ("tls.key", key),
        ("token", tokens::generate().map_err(|_| no_random_numbers())?),
        ("encryption-key", random()?),
        // Stands in an address.
        ("database-password", random()?.replace(['+', '/', '='], "x")),
    ])
}

fn random() -> Result<String> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| no_random_numbers())?;
    Ok(STANDARD.encode(bytes))
}

fn no_random_numbers() -> anyhow::Error {
    anyhow::anyhow!("the operating system gave no random numbers")
}

fn write(path: &Path, text: &str) -> Result<()> {
    let opened = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    opened
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("can't write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::secret::Keyring;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
    use x509_parser::prelude::*;

    #[test]
    fn each_is_what_it_is_for_and_another_one_each_time() {
        let hosts = ["causeway-api.causeway.svc".to_owned()];
        let now = SystemTime::now();
        let (one, other) = (files(&hosts, now).unwrap(), files(&hosts, now).unwrap());
        for ((name, text), (_, again)) in one.iter().zip(&other) {
            assert_ne!(text, again, "{name}");
        }
        let text = |name: &str| one.iter().find(|(file, _)| *file == name).unwrap().1.as_str();
        assert!(tokens::hash(text("token")).is_some());
        assert!(Keyring::from_base64(text("encryption-key")).is_ok());
        assert!(text("database-password").chars().all(|c| c.is_ascii_alphanumeric()));
        assert!(PrivateKeyDer::from_pem_slice(text("tls.key").as_bytes()).is_ok());
        let (issuer, leaf) =
            ["ca.crt", "tls.crt"].map(|name| CertificateDer::from_pem_slice(text(name).as_bytes()).unwrap()).into();
        let (_, issuer) = X509Certificate::from_der(&issuer).unwrap();
        let (_, leaf) = X509Certificate::from_der(&leaf).unwrap();
        assert_eq!(leaf.issuer(), issuer.subject());
        assert_ne!(leaf.subject(), issuer.subject(), "OpenSSL takes the certificate for self-signed");
        let nine_years = Duration::from_secs(9 * 365 * 24 * 60 * 60);
        assert!(leaf.validity().time_to_expiration().unwrap() > nine_years);
        let names = format!("{:?}", leaf.subject_alternative_name().unwrap().unwrap().value.general_names);
        assert!(names.contains(&hosts[0]) && names.contains("localhost"), "{names}");
    }

    #[test]
    fn a_second_run_overwrites_the_files_of_one_that_was_interrupted() {
        let folder = tempfile::tempdir().unwrap();
        let settings = FirstSecretsSettings { folder: folder.path().join("secrets"), host: vec![] };
        make(&settings).unwrap();
        fs::remove_file(settings.folder.join("token")).unwrap();
        let before = fs::read_to_string(settings.folder.join("tls.key")).unwrap();
        make(&settings).unwrap();
        assert_ne!(fs::read_to_string(settings.folder.join("tls.key")).unwrap(), before);
        assert_eq!(fs::read_dir(&settings.folder).unwrap().count(), 6);
    }
}
