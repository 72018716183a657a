//! Certificates as an external authority would make them, right and wrong ones.

use anyhow::Result;
use causeway_testkit::Credential;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An authority.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new(name: &str) -> Result<Self> {
        let mut params = params(&[(DnType::CommonName, name)]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn server(&self) -> Result<Credential> {
        let mut params = params(&[(DnType::CommonName, "server")]);
        params.subject_alt_names = CertificateParams::new(["127.0.0.1".to_owned()])?.subject_alt_names;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(&params)
    }

    /// A client of this common name and organization.
    pub(crate) fn client(&self, name: &str, organization: &str) -> Result<Credential> {
        self.sign(&client(name, organization))
    }

    /// The same, whose time was over yesterday.
    pub(crate) fn expired_client(&self, name: &str, organization: &str) -> Result<Credential> {
        self.client_until(name, organization, SystemTime::now() - DAY)
    }

    /// The same, whose time is over then.
    pub(crate) fn client_until(&self, name: &str, organization: &str, end: SystemTime) -> Result<Credential> {
        let mut params = client(name, organization);
        params.not_before = (end - 2 * DAY).into();
        params.not_after = end.into();
        self.sign(&params)
    }

    /// The same, for these purposes.
    pub(crate) fn client_for(&self, name: &str, purposes: &[ExtendedKeyUsagePurpose]) -> Result<Credential> {
        let mut params = client(name, "causeway:viewer");
        params.extended_key_usages = purposes.to_vec();
        self.sign(&params)
    }

    /// A client whose certificate was signed by somebody below this authority, who is shown, too: an authority or not.
    pub(crate) fn client_below(&self, name: &str, is_ca: IsCa) -> Result<Credential> {
        let mut below = params(&[(DnType::CommonName, "below")]);
        below.is_ca = is_ca;
        let below = Self(CertifiedIssuer::signed_by(below, KeyPair::generate()?, &self.0)?);
        let Credential { certificate, key } = below.client(name, "causeway:viewer")?;
        Ok(Credential { certificate: certificate + &below.pem(), key })
    }

    fn sign(&self, params: &CertificateParams) -> Result<Credential> {
        let key = KeyPair::generate()?;
        Ok(Credential { certificate: params.signed_by(&key, &self.0)?.pem(), key: key.serialize_pem() })
    }
}

fn client(name: &str, organization: &str) -> CertificateParams {
    let mut params = params(&[(DnType::CommonName, name), (DnType::OrganizationName, organization)]);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn params(name: &[(DnType, &str)]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for (kind, text) in name {
        params.distinguished_name.push(kind.clone(), *text);
    }
    params.not_before = (SystemTime::now() - DAY).into();
    params.not_after = (SystemTime::now() + DAY).into();
    params
}

/// The files that a server is started with.
pub(crate) struct Files {
    pub(crate) folder: PathBuf,
}

impl Files {
    pub(crate) fn write(folder: &Path, server: &Credential, clients: &str) -> Result<Self> {
        let files = Self { folder: folder.to_owned() };
        files.replace(server)?;
        fs::write(folder.join("clients.crt"), clients)?;
        Ok(files)
    }

    /// Puts another certificate in place.
    pub(crate) fn replace(&self, server: &Credential) -> Result<()> {
        fs::write(self.folder.join("server.crt"), &server.certificate)?;
        Ok(fs::write(self.folder.join("server.key"), &server.key)?)
    }

    /// The arguments of `causeway-api serve`.
    pub(crate) fn arguments(&self, auth: &str) -> Vec<String> {
        let file = |name: &str| self.folder.join(name).display().to_string();
        let words = [
            "--auth",
            auth,
            "--tls-certificate",
            &file("server.crt"),
            "--tls-key",
            &file("server.key"),
            "--client-ca",
            &file("clients.crt"),
        ];
        words.map(str::to_owned).into()
    }
}
