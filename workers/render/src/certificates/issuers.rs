//! The issuers that sign certificates of a Gateway's hostnames, and the credentials that they need.

use super::{Certificates, issuer_name};
use crate::{
    InvalidInput,
    k8s::{
        cert_manager::{
            AcmeIssuer, AcmeSolver, CLUSTER_ISSUER, ChallengeSolver, ClusterIssuerSpec, ExternalAccountBinding,
            Route53Solver, SecretKeySelector, SecretRef, SolverHttpRoute, SolverSelector,
        },
        core::secret,
        gateway_api::ParentReference,
    },
    names,
    plan::Object,
    support_service::{ACCESS_KEY_ID, SECRET_ACCESS_KEY},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use causeway_records::{
    nouns::{AwsAccount, DomainNameDefinition, IssuerKind, lets_encrypt_production},
    record::Record,
};
use std::collections::BTreeMap;

/// The key in the Secret of an account that the authority knows.
const EXTERNAL_ACCOUNT_KEY: &str = "key";

impl Certificates<'_> {
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
}

/// After how long the authority is asked to look.
fn wait(domain: &Record<DomainNameDefinition>) -> Option<String> {
    domain.spec.acme_wait_seconds.map(|seconds| format!("{seconds}s"))
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
