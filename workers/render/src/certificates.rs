//! Certificates of a Gateway's hostnames and the issuers that sign them, shared by both placements.

use crate::{
    InvalidInput,
    k8s::{
        Ours,
        cert_manager::{
            AcmeIssuer, AcmeSolver, CERTIFICATE, CLUSTER_ISSUER, CertificatePrivateKey, CertificateSecretTemplate,
            CertificateSpec, ChallengeSolver, ClusterIssuerSpec, ExternalAccountBinding, IssuerRef, Route53Solver,
            SecretKeySelector, SecretRef, SolverHttpRoute, SolverSelector,
        },
        core::{SECRET, secret},
        gateway_api::ParentReference,
    },
    labels::{CONTROL_PLANE, OWNER},
    names::{self, CERT_MANAGER_NAMESPACE},
    plan::Object,
    support_service::{ACCESS_KEY_ID, SECRET_ACCESS_KEY},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use causeway_records::{
    inventory::ObjectRef,
    nouns::{AcmeChallenge, AwsAccount, DomainNameDefinition, IssuerKind, KeyType, lets_encrypt_production},
    record::Record,
};
use std::collections::{BTreeMap, BTreeSet};

/// The key in the Secret of an account that the authority knows.
const EXTERNAL_ACCOUNT_KEY: &str = "key";

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
}

/// A domain name definition with the hostnames that its issuer signs for.
type Signed<'a> = (&'a Record<DomainNameDefinition>, Vec<&'a str>);

impl Certificates<'_> {
    /// Credentials, issuers and certificates, in this order. `plain_http` names the listener on which a hostname answers plain HTTP on port 80.
    pub(crate) fn render(&self, plain_http: &dyn Fn(&str) -> ParentReference) -> Result<Vec<Object>, InvalidInput> {
        let mut objects = self.issuers(plain_http)?;
        objects.extend(self.certificates()?);
        Ok(objects)
    }

    /// Credentials and issuers.
    pub(crate) fn issuers(&self, plain_http: &dyn Fn(&str) -> ParentReference) -> Result<Vec<Object>, InvalidInput> {
        let (mut secrets, mut issuers) = (BTreeMap::new(), Vec::new());
        for (domain, hostnames) in self.by_domain()? {
            if domain.spec.issuer_kind() == IssuerKind::Existing {
                continue;
            }
            let account = self.account(domain)?.filter(|_| domain.spec.solves_by_dns());
            if let Some((name, object)) = account.and_then(|account| self.credentials(account)) {
                secrets.insert(name, object);
            }
            let name = names::cluster_issuer(self.object_name, domain.common.id);
            if let Some((name, object)) = self.external_account(&name, domain) {
                secrets.insert(name, object);
            }
            let spec = self.issuer(&name, domain, account, &hostnames, plain_http)?;
            issuers.push(CLUSTER_ISSUER.object(&self.ours, CLUSTER_ISSUER.cluster(&name), &spec));
        }
        Ok(secrets.into_values().chain(issuers).collect())
    }

    /// A Certificate for each hostname.
    pub(crate) fn certificates(&self) -> Result<Vec<Object>, InvalidInput> {
        let certificate = |(hostname, domain): (&&str, &i64)| {
            let domain = self.domain(*domain)?;
            let at = CERTIFICATE.at(self.namespace, &names::certificate(self.object_name, hostname));
            let common_name = is_self_signed(domain).then(|| common_name(hostname, &at));
            Ok(self.certificate(at, hostname, common_name, domain, &self.signer(domain)?))
        };
        self.hostnames.iter().map(certificate).collect()
    }

    /// The Secrets that cert-manager makes for the certificates and issuers, and leaves behind when they go.
    pub(crate) fn secrets(&self) -> Vec<ObjectRef> {
        self.certificate_secrets().into_iter().chain(self.account_secrets()).collect()
    }

    pub(crate) fn certificate_secrets(&self) -> Vec<ObjectRef> {
        let secret = |hostname: &&str| SECRET.at(self.namespace, &names::certificate(self.object_name, hostname));
        self.hostnames.keys().map(secret).collect()
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

    fn account(&self, domain: &Record<DomainNameDefinition>) -> Result<Option<&Record<AwsAccount>>, InvalidInput> {
        let Some(id) = domain.spec.aws_account_id else { return Ok(None) };
        match self.accounts.iter().copied().find(|account| account.common.id == id) {
            Some(account) => Ok(Some(account)),
            None => Err(InvalidInput::new(
                "domain name definition",
                &domain.spec.name,
                "AwsAccountID",
                format!("account {id} is not on record; name another one, or leave it out"),
            )),
        }
    }

    /// The Secret with an account's access key; None when it has none, and cert-manager works with what its pod has.
    fn credentials(&self, account: &Record<AwsAccount>) -> Option<(String, Object)> {
        let (id, key) = (account.spec.access_key_id.as_deref()?, account.spec.secret_access_key.as_deref()?);
        let name = names::route53_credentials(self.object_name, account.common.id);
        let texts = BTreeMap::from([(ACCESS_KEY_ID, id), (SECRET_ACCESS_KEY, key)]);
        let object = secret(&self.ours, self.cluster_resource_namespace(), &name, &texts);
        Some((name, object))
    }

    /// The Secret with the key of the account that the authority knows the domain's owner by.
    fn external_account(&self, issuer: &str, domain: &Record<DomainNameDefinition>) -> Option<(String, Object)> {
        let key = domain.spec.acme_external_account_key.as_deref()?;
        let name = names::acme_external_account(issuer);
        let texts = BTreeMap::from([(EXTERNAL_ACCOUNT_KEY, key)]);
        let object = secret(&self.ours, self.cluster_resource_namespace(), &name, &texts);
        Some((name, object))
    }

    fn issuer(
        &self,
        name: &str,
        domain: &Record<DomainNameDefinition>,
        account: Option<&Record<AwsAccount>>,
        hostnames: &[&str],
        plain_http: &dyn Fn(&str) -> ParentReference,
    ) -> Result<ClusterIssuerSpec, InvalidInput> {
        Ok(match domain.spec.issuer_kind() {
            IssuerKind::SelfSigned | IssuerKind::Existing => ClusterIssuerSpec::SelfSigned {},
            IssuerKind::Ca => ClusterIssuerSpec::Ca { secret_name: issuer_name(domain)? },
            IssuerKind::Acme => ClusterIssuerSpec::Acme(AcmeIssuer {
                server: domain
                    .spec
                    .acme_server
                    .as_ref()
                    .map_or(lets_encrypt_production(), |url| url.as_str())
                    .to_owned(),
                ca_bundle: domain.spec.acme_ca_bundle.as_ref().map(|bundle| STANDARD.encode(bundle)),
                email: domain.spec.admin_email.to_string(),
                private_key_secret_ref: SecretRef { name: names::acme_account(name) },
                external_account_binding: domain.spec.acme_external_account_key_id.clone().map(|key_id| {
                    let name = names::acme_external_account(name);
                    let key_secret_ref = SecretKeySelector { name, key: EXTERNAL_ACCOUNT_KEY };
                    ExternalAccountBinding { key_id, key_secret_ref }
                }),
                profile: domain.spec.acme_profile.clone(),
                solvers: if domain.spec.solves_by_dns() {
                    let challenge = ChallengeSolver::Dns01 { route53: self.route53(domain, account) };
                    vec![AcmeSolver { selector: None, wait_instead_of_self_check: wait(domain), challenge }]
                } else {
                    http_solvers(hostnames, wait(domain).as_deref(), plain_http)
                },
            }),
        })
    }

    fn route53(&self, domain: &Record<DomainNameDefinition>, account: Option<&Record<AwsAccount>>) -> Route53Solver {
        let has_keys = account.is_some_and(|account| self.credentials(account).is_some());
        let entry = |key| {
            let account = account.filter(|_| has_keys)?;
            Some(SecretKeySelector { name: names::route53_credentials(self.object_name, account.common.id), key })
        };
        Route53Solver {
            region: account.map(|account| account.spec.default_region.clone()).filter(|region| !region.is_empty()),
            hosted_zone_id: domain.spec.hosted_zone_id.clone(),
            role: account.and_then(|account| account.spec.role_arn.clone()),
            access_key_id_secret_ref: entry(ACCESS_KEY_ID),
            secret_access_key_secret_ref: entry(SECRET_ACCESS_KEY),
        }
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
        hostname: &str,
        common_name: Option<String>,
        domain: &Record<DomainNameDefinition>,
        issuer: &str,
    ) -> Object {
        let labels = [(CONTROL_PLANE, self.ours.control_plane.to_owned()), (OWNER, self.ours.owner.to_string())];
        let spec = CertificateSpec {
            secret_name: at.name.clone(),
            secret_template: CertificateSecretTemplate {
                labels: labels.map(|(key, text)| (key.to_owned(), text)).into(),
            },
            common_name,
            dns_names: vec![hostname.to_owned()],
            issuer_ref: IssuerRef { group: CLUSTER_ISSUER.group, kind: CLUSTER_ISSUER.kind, name: issuer.to_owned() },
            private_key: private_key(domain.spec.key_type()),
            renew_before_percentage: domain.spec.renew_before_percentage(),
        };
        CERTIFICATE.object(&self.ours, at, &spec)
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

/// After how long the authority is asked to look.
fn wait(domain: &Record<DomainNameDefinition>) -> Option<String> {
    domain.spec.acme_wait_seconds.map(|seconds| format!("{seconds}s"))
}

/// Whether the hostnames of a domain are proved to an ACME authority by HTTP-01.
pub(crate) fn solves_by_http(domain: &Record<DomainNameDefinition>) -> bool {
    domain.spec.issuer_kind() == IssuerKind::Acme && domain.spec.acme_challenge == Some(AcmeChallenge::Http01)
}

/// One solver for each listener, because a hostname with a listener of its own is answered there only.
fn http_solvers(
    hostnames: &[&str],
    wait: Option<&str>,
    plain_http: &dyn Fn(&str) -> ParentReference,
) -> Vec<AcmeSolver> {
    let mut by_parent: BTreeMap<ParentReference, Vec<String>> = BTreeMap::new();
    for hostname in hostnames {
        by_parent.entry(plain_http(hostname)).or_default().push((*hostname).to_owned());
    }
    let solver = |(parent, dns_names)| AcmeSolver {
        selector: Some(SolverSelector { dns_names }),
        wait_instead_of_self_check: wait.map(str::to_owned),
        challenge: ChallengeSolver::Http01 {
            gateway_http_route: SolverHttpRoute { parent_refs: vec![parent], service_type: "ClusterIP" },
        },
    };
    by_parent.into_iter().map(solver).collect()
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
