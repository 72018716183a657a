//! `causeway-api dev-ca`: certificates for development. An authority, the server, a client for each role, and the configuration of Threeport's command line.
//!
//! The authority's key lies beside the rest, so nothing here is for production.

use anyhow::{Context, Result, bail};
use base64::{Engine, engine::general_purpose::STANDARD};
use causeway_records::nouns::Role;
use clap::Args;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use serde::Serialize;
use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    time::{Duration, SystemTime},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const LASTS: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// What Threeport's command line calls this control plane.
const CONTROL_PLANE: &str = "causeway";

/// Certificates to make.
#[derive(Args, Debug)]
pub struct DevCaSettings {
    /// Folder for them; it must not hold any yet.
    folder: PathBuf,
    /// Where clients find the API.
    #[arg(long, default_value = "localhost:1323")]
    api_server: String,
    /// Further names and addresses of the server, beside localhost, 127.0.0.1 and ::1.
    #[arg(long)]
    host: Vec<String>,
}

struct File {
    name: String,
    text: String,
    secret: bool,
}

/// Writes the files and says how to use them. Fails when the folder holds some of them already, or can't be written.
pub(super) fn make(settings: &DevCaSettings) -> Result<()> {
    let folder = &settings.folder;
    let files = files(settings, SystemTime::now())?;
    if let Some(file) = files.iter().find(|file| folder.join(&file.name).exists()) {
        bail!("{} is there already; name another folder, or remove it first", folder.join(&file.name).display());
    }
    fs::create_dir_all(folder).with_context(|| format!("can't make {}", folder.display()))?;
    for file in &files {
        let path = folder.join(&file.name);
        let mode = if file.secret { 0o600 } else { 0o644 };
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&path)
            .and_then(|mut open| open.write_all(file.text.as_bytes()))
            .with_context(|| format!("can't write {}", path.display()))?;
    }
    let at = folder.display();
    let usage = format!(
        "The server:  causeway-api serve --auth mtls --tls-certificate {at}/server.crt --tls-key {at}/server.key --client-ca {at}/ca.crt
A client:    curl --cacert {at}/ca.crt --cert {at}/admin.crt --key {at}/admin.key https://{}/v0/gateway-definitions
Threeport:   tptctl --threeport-config {at}/config.yaml get gateways
"
    , settings.api_server);
    Ok(std::io::stdout().write_all(usage.as_bytes())?)
}

fn files(settings: &DevCaSettings, now: SystemTime) -> Result<Vec<File>> {
    let authority =
        CertifiedIssuer::self_signed(authority("causeway development authority", now), KeyPair::generate()?)?;
    let mut files = vec![public("ca.crt", authority.pem()), secret("ca.key", authority.key().serialize_pem())];

    let names = ["localhost", "127.0.0.1", "::1"].into_iter().map(str::to_owned).chain(settings.host.iter().cloned());
    let mut server = params("causeway", None, now);
    server.subject_alt_names = CertificateParams::new(names.collect::<Vec<_>>())?.subject_alt_names;
    let (certificate, key) = sign(server, ExtendedKeyUsagePurpose::ServerAuth, &authority)?;
    files.extend([public("server.crt", certificate), secret("server.key", key)]);

    for role in Role::ALL.iter().copied() {
        let client = params(role.as_str(), Some(role), now);
        let (certificate, key) = sign(client, ExtendedKeyUsagePurpose::ClientAuth, &authority)?;
        if role == Role::Admin {
            let text = threeport(settings, &authority.pem(), &certificate, &key)?;
            files.push(secret("config.yaml", text));
        }
        files.extend([public(&format!("{role}.crt"), certificate), secret(&format!("{role}.key"), key)]);
    }
    Ok(files)
}

fn public(name: &str, text: String) -> File {
    File { name: name.to_owned(), text, secret: false }
}

fn secret(name: &str, text: String) -> File {
    File { name: name.to_owned(), text, secret: true }
}

/// Of an authority that signs certificates of servers and clients, and no other authority.
pub(super) fn authority(name: &str, now: SystemTime) -> CertificateParams {
    let mut authority = params(name, None, now);
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    authority
}

pub(super) fn params(name: &str, role: Option<Role>, now: SystemTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    if let Some(role) = role {
        params.distinguished_name.push(DnType::OrganizationName, format!("causeway:{role}"));
    }
    // A day of grace for clocks that are behind.
    params.not_before = (now - DAY).into();
    params.not_after = (now + LASTS).into();
    params.use_authority_key_identifier_extension = true;
    params
}

/// The certificate and its key, in PEM.
pub(super) fn sign(
    mut params: CertificateParams,
    usage: ExtendedKeyUsagePurpose,
    authority: &CertifiedIssuer<'_, KeyPair>,
) -> Result<(String, String)> {
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    let key = KeyPair::generate()?;
    Ok((params.signed_by(&key, authority)?.pem(), key.serialize_pem()))
}

/// Threeport's configuration, as its command line reads it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Config<'a> {
    control_planes: [ControlPlane<'a>; 1],
    current_control_plane: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ControlPlane<'a> {
    name: &'a str,
    auth_enabled: bool,
    genesis: bool,
    #[serde(rename = "APIServer")]
    api_server: &'a str,
    #[serde(rename = "CACert")]
    ca_cert: String,
    provider: &'a str,
    credentials: [Credential<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credential<'a> {
    name: &'a str,
    client_cert: String,
    client_key: String,
}

fn threeport(settings: &DevCaSettings, authority: &str, certificate: &str, key: &str) -> Result<String> {
    let encode = |text: &str| STANDARD.encode(text);
    let credential = Credential { name: CONTROL_PLANE, client_cert: encode(certificate), client_key: encode(key) };
    let control_plane = ControlPlane {
        name: CONTROL_PLANE,
        auth_enabled: true,
        genesis: true,
        api_server: &settings.api_server,
        ca_cert: encode(authority),
        provider: "kind",
        credentials: [credential],
    };
    let config = Config { control_planes: [control_plane], current_control_plane: CONTROL_PLANE };
    Ok(serde_saphyr::to_string(&config)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::Subject;
    use causeway_manifests::{Budget, read_documents};
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    use serde_json::Value;

    #[test]
    fn every_role_has_a_certificate_and_threeport_its_file() {
        let settings = DevCaSettings {
            folder: "x".into(),
            api_server: "api.example:443".into(),
            host: vec!["api.example".into()],
        };
        let files = files(&settings, SystemTime::now()).unwrap();
        let text = |name: &str| files.iter().find(|file| file.name == name).unwrap().text.clone();
        for role in Role::ALL {
            let der = CertificateDer::from_pem_slice(text(&format!("{role}.crt")).as_bytes()).unwrap();
            let subject = Subject::read(&der).unwrap();
            assert_eq!((subject.name.as_str(), subject.role), (role.as_str(), Some(*role)));
        }
        let config: Value = read_documents(&text("config.yaml"), &Budget::default()).unwrap().remove(0);
        let (one, decode) =
            (&config["ControlPlanes"][0], |value: &Value| STANDARD.decode(value.as_str().unwrap()).unwrap());
        assert_eq!(config["CurrentControlPlane"], one["Name"]);
        assert_eq!((one["APIServer"].as_str(), one["AuthEnabled"].as_bool()), (Some("api.example:443"), Some(true)));
        assert_eq!(one["Credentials"][0]["Name"], one["Name"]);
        assert_eq!(decode(&one["CACert"]), text("ca.crt").into_bytes());
        assert_eq!(decode(&one["Credentials"][0]["ClientKey"]), text("admin.key").into_bytes());
        let secrets: Vec<_> = files.iter().filter(|file| file.secret).map(|file| file.name.as_str()).collect();
        assert!(secrets.iter().all(|name| name.ends_with(".key") || *name == "config.yaml") && secrets.len() == 6);
    }
}
