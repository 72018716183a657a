//! Certificates of a Gateway's hostnames and the issuers that sign them, shared by both placements.

mod issuers;
mod served;
mod wildcards;

pub use served::IssuedCertificates;
pub(crate) use served::{CertificatePlace, CertificateUse, NONE_ISSUED, wanted};

use crate::{
    InvalidInput,
    k8s::{
        Ours,
        cert_manager::{
            CERTIFICATE, CLUSTER_ISSUER, CertificatePrivateKey, CertificateSecretTemplate, CertificateSpec, IssuerRef,
        },
        core::SECRET,
        gateway_api::ParentReference,
    },
    labels::{CONTROL_PLANE, OWNER},
    names::{self, CERT_MANAGER_NAMESPACE},
    plan::Object,
};
use causeway_records::{
    inventory::ObjectRef,
    nouns::{AcmeChallenge, AwsAccount, DomainNameDefinition, IssuerKind, KeyType},
    record::Record,
    text::Hostname,
};
use causeway_rules::wildcards::covers;
use std::collections::{BTreeMap, BTreeSet};

/// The hostnames that a Gateway needs certificates for, and what their issuers are made of.
pub(crate) struct Certificates<'a> {
    /// Control plane and record, for the labels of all objects.
    pub(crate) ours: Ours<'a>,
    /// Object name of the Gateway's record.
    pub(crate) object_name: &'a str,
    /// The Gateway's namespace: a certificate must be in the namespace of its listener.
    pub(crate) namespace: &'a str,
    /// The hostnames, each with the id of the domain name definition whose issuer signs.
    pub(crate) hostnames: BTreeMap<&'a str, i64>,
    /// The domain name definitions that the hostnames name.
    pub(crate) domains: Vec<&'a Record<DomainNameDefinition>>,
    /// The AWS accounts of the domains, with decrypted keys.
    pub(crate) accounts: Vec<&'a Record<AwsAccount>>,
    /// Where cert-manager looks for the Secrets of ClusterIssuers; None: where our own does.
    pub(crate) cluster_resource_namespace: Option<&'a str>,
    /// Which of the Gateway's Certificates were issued.
    pub(crate) issued: &'a IssuedCertificates,
}

/// A domain name definition with the hostnames that its issuer signs for.
type Signed<'a> = (&'a Record<DomainNameDefinition>, Vec<&'a str>);

impl Certificates<'_> {
    /// Credentials, issuers and certificates, in this order. `plain_http` names the listener on which a hostname answers plain HTTP on port 80.
    pub(crate) fn render(&self, plain_http: &dyn Fn(&str) -> ParentReference) -> Result<Vec<Object>, InvalidInput> {
        let mut objects = self.issuers(plain_http)?;
        objects.extend(self.certificates()?);
        objects.extend(self.wildcards(&|hostname, domain| self.serving().served(hostname, domain).wildcard)?);
        Ok(objects)
    }

    /// A Certificate for each hostname that has one of its own.
    pub(crate) fn certificates(&self) -> Result<Vec<Object>, InvalidInput> {
        let certificate = |(hostname, domain): (&&str, &i64)| {
            let domain = match self.domain(*domain) {
                Ok(domain) => domain,
                Err(invalid) => return Some(Err(invalid)),
            };
            let has_own = self.serving().served(hostname, &domain.spec).own;
            has_own.then(|| {
                let at = CERTIFICATE.at(self.namespace, &names::certificate(self.object_name, hostname));
                let common_name = is_self_signed(domain).then(|| common_name(hostname, &at));
                self.certificate(at, vec![(*hostname).to_owned()], common_name, domain)
            })
        };
        self.hostnames.iter().filter_map(certificate).collect()
    }

    /// With which certificates its listeners are served.
    pub(crate) fn serving(&self) -> CertificatePlace<'_> {
        CertificatePlace { namespace: self.namespace, object_name: self.object_name, issued: self.issued }
    }

    /// With what the listeners of a hostname are served; None: no certificate is made for it.
    pub(crate) fn served(&self, hostname: &str) -> Option<CertificateUse> {
        let domain = self.domain(*self.hostnames.get(hostname)?).ok()?;
        Some(self.serving().served(hostname, &domain.spec))
    }

    /// Those that hostnames have no longer, because they are served with that of their domain.
    pub(crate) fn own_superseded(&self) -> Vec<ObjectRef> {
        let without = self.hostnames.keys().filter(|hostname| self.served(hostname).is_some_and(|served| !served.own));
        without
            .map(|hostname| CERTIFICATE.at(self.namespace, &names::certificate(self.object_name, hostname)))
            .collect()
    }

    /// Those of domains that no hostname has.
    pub(crate) fn wildcards_superseded(&self) -> Vec<ObjectRef> {
        let has_it = |hostname: &&str| self.served(hostname).is_some_and(|served| served.wildcard);
        let without = self.domains.iter().filter(|domain| {
            let covered = self.hostnames.keys().filter(|hostname| covers(&domain.spec.domain, hostname));
            !covered.into_iter().any(has_it)
        });
        let name = |domain: &Hostname| names::wildcard_certificate(self.object_name, domain.as_str());
        without.map(|domain| CERTIFICATE.at(self.namespace, &name(&domain.spec.domain))).collect()
    }

    /// The Secrets that cert-manager makes for the certificates and issuers, and leaves behind when they go.
    pub(crate) fn secrets(&self) -> Vec<ObjectRef> {
        let all = [self.certificate_secrets(), self.wildcard_secrets(), self.account_secrets()];
        all.into_iter().flatten().collect()
    }

    pub(crate) fn certificate_secrets(&self) -> Vec<ObjectRef> {
        self.secrets_of(&self.certificates().unwrap_or_default())
    }

    pub(crate) fn wildcard_secrets(&self) -> Vec<ObjectRef> {
        self.secrets_of(&self.wildcards(&|_, domain| domain.has_wildcard_certificate()).unwrap_or_default())
    }

    fn secrets_of(&self, certificates: &[Object]) -> Vec<ObjectRef> {
        certificates.iter().map(|certificate| SECRET.at(self.namespace, &certificate.at.name)).collect()
    }

    pub(crate) fn account_secrets(&self) -> Vec<ObjectRef> {
        let acme = |id: &i64| self.domain(*id).is_ok_and(|domain| domain.spec.issuer_kind() == IssuerKind::Acme);
        let accounts: BTreeSet<i64> = self.hostnames.values().copied().filter(acme).collect();
        let account = |id| names::acme_account(&names::cluster_issuer(self.object_name, id));
        accounts.into_iter().map(|id| SECRET.at(self.cluster_resource_namespace(), &account(id))).collect()
    }

    fn cluster_resource_namespace(&self) -> &str {
        self.cluster_resource_namespace.unwrap_or(CERT_MANAGER_NAMESPACE)
    }

    /// The hostnames of each domain, by the domain's id.
    fn by_domain(&self) -> Result<Vec<Signed<'_>>, InvalidInput> {
        let mut by_id: BTreeMap<i64, Vec<&str>> = BTreeMap::new();
        for (hostname, domain) in &self.hostnames {
            by_id.entry(*domain).or_default().push(hostname);
        }
        by_id.into_iter().map(|(id, hostnames)| Ok((self.domain(id)?, hostnames))).collect()
    }

    fn domain(&self, id: i64) -> Result<&Record<DomainNameDefinition>, InvalidInput> {
        self.domains.iter().copied().find(|domain| domain.common.id == id).ok_or_else(|| {
            InvalidInput::new(
                "domain name definition",
                id,
                "ID",
                "is not on record; give the gateway definition another domain",
            )
        })
    }

    /// The name of the ClusterIssuer that signs for a domain.
    fn signer(&self, domain: &Record<DomainNameDefinition>) -> Result<String, InvalidInput> {
        match domain.spec.issuer_kind() {
            IssuerKind::Existing => issuer_name(domain),
            _ => Ok(names::cluster_issuer(self.object_name, domain.common.id)),
        }
    }

    fn certificate(
        &self,
        at: ObjectRef,
        dns_names: Vec<String>,
        common_name: Option<String>,
        domain: &Record<DomainNameDefinition>,
    ) -> Result<Object, InvalidInput> {
        let labels = [(CONTROL_PLANE, self.ours.control_plane.to_owned()), (OWNER, self.ours.owner.to_string())];
        let spec = CertificateSpec {
            secret_name: at.name.clone(),
            secret_template: CertificateSecretTemplate {
                labels: labels.map(|(key, text)| (key.to_owned(), text)).into(),
            },
            common_name,
            dns_names,
            issuer_ref: IssuerRef {
                group: CLUSTER_ISSUER.group,
                kind: CLUSTER_ISSUER.kind,
                name: self.signer(domain)?,
            },
            private_key: private_key(domain.spec.key_type()),
            renew_before_percentage: domain.spec.renew_before_percentage(),
        };
        Ok(CERTIFICATE.object(&self.ours, at, &spec))
    }
}

/// cert-manager's own default is left out, so that nothing is issued anew.
fn private_key(key_type: KeyType) -> CertificatePrivateKey {
    let (algorithm, size) = match key_type {
        KeyType::Rsa2048 => (None, None),
        KeyType::Rsa4096 => (Some("RSA"), Some(4096)),
        KeyType::Ecdsa256 => (Some("ECDSA"), Some(256)),
        KeyType::Ecdsa384 => (Some("ECDSA"), Some(384)),
    };
    CertificatePrivateKey { rotation_policy: "Always", algorithm, size }
}

fn is_self_signed(domain: &Record<DomainNameDefinition>) -> bool {
    domain.spec.issuer_kind() == IssuerKind::SelfSigned
}

/// The subject of a self-signed certificate, which is its issuer as well: OpenSSL trusts none without a name, not even as its own authority. The
/// hostname, or the Certificate's name where that is too long.
fn common_name(hostname: &str, at: &ObjectRef) -> String {
    const LONGEST: usize = 64;
    if hostname.len() <= LONGEST { hostname.to_owned() } else { at.name.clone() }
}

/// Whether the hostnames of a domain are proved to an ACME authority by HTTP-01.
pub(crate) fn solves_by_http(domain: &Record<DomainNameDefinition>) -> bool {
    domain.spec.issuer_kind() == IssuerKind::Acme && domain.spec.acme_challenge == Some(AcmeChallenge::Http01)
}

fn issuer_name(domain: &Record<DomainNameDefinition>) -> Result<String, InvalidInput> {
    domain.spec.issuer_name.as_ref().map(ToString::to_string).ok_or_else(|| {
        let kind = domain.spec.issuer_kind();
        InvalidInput::new(
            "domain name definition",
            &domain.spec.name,
            "IssuerName",
            format!("is required with IssuerKind {kind}"),
        )
    })
}
