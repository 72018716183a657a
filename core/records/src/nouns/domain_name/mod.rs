mod certificates;

pub use certificates::{AcmeChallenge, IssuerKind, KeyType, lets_encrypt_production};

use super::{AwsAccount, KubernetesRuntimeInstance, Rules, WorkloadInstance, without_empty};
use crate::{
    problem::Problem,
    secret::{Keyring, SecretError},
    text::{
        DnsWeight, Email, Hostname, HostnameCount, Name, ObjectName, Percent, RenewalPercent, Ttl, Url, WaitSeconds,
        choice,
    },
};
use causeway_records_derive::Noun;
use chrono::{DateTime, Utc};

choice! {
    /// Which of the zones of one name is meant.
    ZoneType {
        /// The one that answers to everybody.
        Public = "Public",
        /// The one that answers inside its VPCs only.
        Private = "Private",
        /// The public one; a private one where no public zone is as close.
        Either = "",
    }
}

choice! {
    /// Who writes the DNS records.
    DnsDriver {
        /// external-dns in the cluster.
        ExternalDns = "external-dns",
        /// the workers themselves; the clusters need no external-dns for it.
        Route53 = "route53",
    }
}

choice! {
    /// How Route 53 chooses among the records of one hostname.
    RoutingPolicy {
        /// There is one record, so a hostname is on one cluster.
        Simple = "Simple",
        /// Each cluster has a record of its own, and is answered with as often as its weight says.
        Weighted = "Weighted",
    }
}

/// A domain: the zone that holds it, and who signs its certificates.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "domain-name-definitions")]
pub struct DomainNameDefinition {
    /// Unique among live domain name definitions.
    #[noun(required, example = "example")]
    pub name: Name,
    /// The domain: `example.org`.
    #[noun(required, example = "example.org")]
    pub domain: Hostname,
    /// Which of two zones of one name.
    #[noun(required, example = "Public")]
    pub zone: ZoneType,
    /// Who hears from the certificate authority.
    #[noun(required, example = "ops@example.org")]
    pub admin_email: Email,
    /// Id of the Route53 hosted zone. Left out: for each hostname the zone with the longest matching name.
    #[noun(example = "Z0123456789ABCDEFGHIJ")]
    pub hosted_zone_id: Option<String>,
    /// The account that the zone is in; it must let itself be used for every runtime that serves the domain. Left out: the credentials of the
    /// cluster's nodes, and of the workers where these may use their own (`--ambient-aws`).
    #[noun(parent = AwsAccount)]
    pub aws_account_id: Option<i64>,
    /// Who writes the DNS records. It can be changed at any time: both write the same ones.
    #[noun(default = Some(DnsDriver::ExternalDns))]
    pub dns_driver: Option<DnsDriver>,
    /// How Route 53 chooses where a hostname is on several clusters. With Weighted each cluster's record has the `Weight` of its domain name instance.
    #[noun(default = Some(RoutingPolicy::Simple), example = "Weighted")]
    pub routing_policy: Option<RoutingPolicy>,
    /// So many hostnames may leave a hosted zone in ten minutes without a person's word; beyond it all stay, and `DnsPublished` lists them. 0: none may.
    #[noun(default = HostnameCount::try_from(20).ok())]
    pub max_deletions: Option<HostnameCount>,
    /// The same as a share of the hostnames that the cluster has in the zone. The greater number counts.
    #[noun(default = Percent::try_from(20).ok())]
    pub max_deletions_percent: Option<Percent>,
    /// Seconds for which answers may be kept. Also how long a gateway outlives its DNS record.
    #[noun(default = Ttl::try_from(300).ok())]
    pub ttl: Option<Ttl>,
    /// Who signs certificates.
    #[noun(default = Some(IssuerKind::Acme))]
    pub issuer_kind: Option<IssuerKind>,
    /// Acme only: address of the server's directory. Left out: Let's Encrypt.
    pub acme_server: Option<Url>,
    /// Acme only: PEM of the authorities that may vouch for AcmeServer itself, where no public one does.
    #[noun(
        json = "AcmeCABundle",
        no_filter,
        example = "-----BEGIN CERTIFICATE-----\nMIIB...\n-----END CERTIFICATE-----\n"
    )]
    pub acme_ca_bundle: Option<String>,
    /// Acme only: how to show that the domain is ours.
    #[noun(default = Some(AcmeChallenge::Dns01))]
    pub acme_challenge: Option<AcmeChallenge>,
    /// Acme only: seconds after which the authority is asked to look for the proof, instead of after cert-manager has seen it itself. For clusters whose
    /// DNS shows something else than the world's. Needs cert-manager 1.21.
    pub acme_wait_seconds: Option<WaitSeconds>,
    /// Acme only: the id of the key that binds the account to one that the authority knows from elsewhere; needs AcmeExternalAccountKey. The authority gives
    /// both.
    #[noun(no_filter, example = "kid-1")]
    pub acme_external_account_key_id: Option<String>,
    /// Acme only: that key, base64url as the authority gives it. Send plain text; stored and returned as ciphertext. The clusters that serve the domain get it.
    #[noun(encrypted, example = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W")]
    pub acme_external_account_key: Option<String>,
    /// Acme only: which of its profiles the authority takes for the certificates, such as `shortlived`. Left out: its default. Needs cert-manager 1.18.
    #[noun(no_filter, example = "shortlived")]
    pub acme_profile: Option<String>,
    /// What keys of certificates are made of. Certificates that are there are issued anew when it changes.
    #[noun(default = Some(KeyType::Rsa2048))]
    pub key_type: Option<KeyType>,
    /// Certificates are renewed when so many percent of their lifetime are left.
    #[noun(default = RenewalPercent::try_from(33).ok(), example = 33)]
    pub renew_before_percentage: Option<RenewalPercent>,
    /// One certificate for `*.domain`, on each Gateway, instead of one for each hostname. It covers one label, and the domain itself where that is served;
    /// other hostnames keep certificates of their own. With Acme it needs AcmeChallenge DNS01.
    #[noun(default = Some(false))]
    pub wildcard_certificate: Option<bool>,
    /// Existing: name of the ClusterIssuer. CA: name of the Secret with the key pair, in cert-manager's namespace.
    pub issuer_name: Option<ObjectName>,
    /// Remark of a client: nothing has to be brought about for a domain itself.
    #[noun(default = Some(false))]
    pub reconciled: Option<bool>,
    /// Remark of a client; not used by Causeway.
    pub creation_acknowledged: Option<DateTime<Utc>>,
    /// Remark of a client; not used by Causeway.
    pub creation_confirmed: Option<DateTime<Utc>>,
    /// Remark of a client; not used by Causeway.
    #[noun(default = Some(false))]
    pub creation_failed: Option<bool>,
    /// Remark of a client; a domain goes at once.
    pub deletion_scheduled: Option<DateTime<Utc>>,
    /// Remark of a client; not used by Causeway.
    pub deletion_acknowledged: Option<DateTime<Utc>>,
    /// Remark of a client; not used by Causeway.
    pub deletion_confirmed: Option<DateTime<Utc>>,
    /// Remark of a client; not used by Causeway.
    #[noun(default = Some(false))]
    pub interrupt_reconciliation: Option<bool>,
}

impl DomainNameDefinition {
    /// Who writes the DNS records; external-dns unless said otherwise.
    pub fn dns_driver(&self) -> DnsDriver {
        self.dns_driver.unwrap_or_default()
    }

    /// How Route 53 chooses among the records of one hostname; there is one unless said otherwise.
    pub fn routing_policy(&self) -> RoutingPolicy {
        self.routing_policy.unwrap_or_default()
    }

    /// How many hostnames may leave a hosted zone in a period without a person's word; 20 unless said otherwise.
    pub fn max_deletions(&self) -> usize {
        self.max_deletions.and_then(|count| usize::try_from(count.get()).ok()).unwrap_or(20)
    }

    /// How many of a hundred hostnames may; 20 unless said otherwise.
    pub fn max_deletions_percent(&self) -> usize {
        self.max_deletions_percent.and_then(|percent| usize::try_from(percent.get()).ok()).unwrap_or(20)
    }

    /// Turns the stored ciphertext into plain text, for the clusters that serve the domain.
    ///
    /// # Errors
    /// When no key of the keyring opens it.
    pub fn decrypt(&mut self, keys: &Keyring) -> Result<(), SecretError> {
        if let Some(key) = &mut self.acme_external_account_key {
            *key = keys.decrypt(key)?;
        }
        Ok(())
    }

    /// Seconds for which answers may be kept.
    pub fn ttl_seconds(&self) -> i64 {
        self.ttl.map_or(300, |ttl| i64::from(ttl.get()))
    }
}

impl Rules for DomainNameDefinition {
    fn tidy(&mut self) {
        without_empty([
            &mut self.hosted_zone_id,
            &mut self.acme_ca_bundle,
            &mut self.acme_external_account_key_id,
            &mut self.acme_external_account_key,
            &mut self.acme_profile,
        ]);
    }

    fn check(&self) -> Vec<Problem> {
        let mut problems = vec![];
        if !self.domain.as_str().contains('.') {
            let problem = format!("`{}` is a top-level domain; give one under it", self.domain);
            problems.push(Problem::new("Domain", problem));
        }
        problems.extend(self.check_certificates());
        problems
    }
}

/// DNS records for the hostnames that a workload's gateways have under a domain. Of several in one cluster that have the same hostname the first
/// publishes it, until it no longer has it.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "domain-name-instances", reconciled)]
pub struct DomainNameInstance {
    /// Unique among live domain name instances.
    #[noun(required, example = "shop")]
    pub name: Name,
    /// Free text of a client.
    pub status: Option<String>,
    /// The domain.
    #[noun(required, immutable, parent = DomainNameDefinition)]
    pub domain_name_definition_id: i64,
    /// The workload whose gateways get records.
    #[noun(required, immutable, parent = WorkloadInstance)]
    pub workload_instance_id: i64,
    /// The cluster; the workload instance's own.
    #[noun(required, immutable, parent = KubernetesRuntimeInstance)]
    pub kubernetes_runtime_instance_id: i64,
    /// Where the domain's RoutingPolicy is Weighted: the share of the answers that lead to this cluster, of the sum of all weights that a hostname has.
    /// 0 takes the cluster out and leaves its record ready. Left out: 100.
    #[noun(example = 100)]
    pub weight: Option<DnsWeight>,
}

impl DomainNameInstance {
    /// The weight where none is given.
    pub const WEIGHT: i32 = 100;

    /// The share of the answers that lead to its cluster.
    pub fn weight(&self) -> i32 {
        self.weight.map_or(Self::WEIGHT, DnsWeight::get)
    }
}

impl Rules for DomainNameInstance {}
