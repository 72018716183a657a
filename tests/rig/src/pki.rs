//! The keys and certificates of a cluster, made anew for every rig.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

/// By this name each API server shows a certificate that it has signed itself, as an authority does.
pub const SELF_SIGNED_NAME: &str = "self-signed.test";

/// The group that may do everything; the API server knows it without any role binding.
const MASTERS: &str = "system:masters";

/// A certificate with its key, both in PEM.
#[derive(Clone, Debug)]
pub(crate) struct Credential {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// A certificate authority and what it signed for one cluster, also as files for the servers.
#[derive(Debug)]
pub(crate) struct Pki {
    dir: PathBuf,
    ca: CertifiedIssuer<'static, KeyPair>,
    self_signed: String,
}

impl Pki {
    /// Makes a new authority and the files `ca.crt`, `server.crt`, `server.key`, `self-signed.crt`, `self-signed.key`, `sa.pub` and `sa.key` in `dir`.
    ///
    /// # Errors
    /// When a file can't be written.
    pub(crate) fn create(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir)?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name = name("causeway rig", None);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let self_signed = self_signed()?;
        let pki = Self { dir: dir.to_owned(), ca, self_signed: self_signed.certificate };
        pki.write("ca.crt", pki.ca.pem())?;
        pki.write("self-signed.crt", pki.self_signed())?;
        pki.write("self-signed.key", self_signed.key)?;

        // 10.96.0.1 is the first address of the service range, which is what pods call the API server by.
        let names = ["localhost", "127.0.0.1", "10.96.0.1", "kubernetes.default.svc"].map(str::to_owned);
        let server = pki.sign("kube-apiserver", None, &names, ExtendedKeyUsagePurpose::ServerAuth)?;
        pki.write("server.crt", server.certificate)?;
        pki.write("server.key", server.key)?;

        let tokens = KeyPair::generate()?;
        pki.write("sa.key", tokens.serialize_pem())?;
        pki.write("sa.pub", tokens.public_key_pem())?;
        Ok(pki)
    }

    /// Path of a file that [`Pki::create`] made.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The authority's certificate, in PEM.
    pub(crate) fn ca(&self) -> String {
        self.ca.pem()
    }

    /// The certificate that the API server shows by [`SELF_SIGNED_NAME`], in PEM.
    pub(crate) fn self_signed(&self) -> String {
        self.self_signed.clone()
    }

    /// Client credentials of a user who may do everything. The API server's audit log calls them by this name.
    pub(crate) fn master(&self, user: &str) -> Result<Credential> {
        self.sign(user, Some(MASTERS), &[], ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// Client credentials of a component which the API server's default roles know by its name.
    pub(crate) fn component(&self, user: &str) -> Result<Credential> {
        self.sign(user, None, &[], ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn sign(
        &self,
        user: &str,
        group: Option<&str>,
        names: &[String],
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<Credential> {
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = name(user, group);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.ca)?;
        Ok(Credential { certificate: certificate.pem(), key: key.serialize_pem() })
    }

    fn write(&self, name: &str, content: String) -> Result<()> {
        let path = self.file(name);
        fs::write(&path, content).with_context(|| format!("can't write {}", path.display()))
    }
}

/// A server's certificate that calls itself an authority, as appliances and small clusters make them.
fn self_signed() -> Result<Credential> {
    let mut params = CertificateParams::new([SELF_SIGNED_NAME.to_owned()])?;
    params.distinguished_name = name("kube-apiserver", None);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate()?;
    Ok(Credential { certificate: params.self_signed(&key)?.pem(), key: key.serialize_pem() })
}

fn name(common: &str, organization: Option<&str>) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    if let Some(organization) = organization {
        name.push(DnType::OrganizationName, organization);
    }
    name
}
