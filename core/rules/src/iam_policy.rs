//! What AWS's IAM has to allow so that a domain works, and nothing beyond: for the workers, for external-dns and for cert-manager's proofs to an
//! authority.
//!
//! Changes of records are allowed only below the domain, only of the types that each of them writes, and only the actions that it takes. So keys that
//! leak from a cluster can't touch the MX record of the company, nor can a mistake of ours.

use causeway_records::nouns::{DnsDriver, DomainNameDefinition, RoutingPolicy};
use serde_json::{Value, json};
use std::{fmt, str::FromStr};

use crate::ownership::RECORD_TYPES;

/// Who calls AWS for a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwsCaller {
    /// Our workers: they look at zones, delete, and with `DnsDriver` `route53` write.
    Workers,
    /// external-dns in the clusters.
    ExternalDns,
    /// cert-manager in the clusters, for DNS-01.
    CertManager,
}

impl AwsCaller {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Workers, Self::ExternalDns, Self::CertManager];

    /// As on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Workers => "workers",
            Self::ExternalDns => "external-dns",
            Self::CertManager => "cert-manager",
        }
    }

    /// Whether the domain needs it at all.
    fn serves(self, domain: &DomainNameDefinition) -> bool {
        match self {
            Self::Workers => true,
            Self::ExternalDns => domain.dns_driver() == DnsDriver::ExternalDns,
            Self::CertManager => domain.solves_by_dns(),
        }
    }
}

impl fmt::Display for AwsCaller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AwsCaller {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|caller| caller.as_str() == text).ok_or_else(|| {
            let all = Self::ALL.map(Self::as_str).join(", ");
            format!("`{text}` is none of {all}; leave it out for all that the domain needs")
        })
    }
}

/// The policy document for one of them, or for all that the domain needs. `region`: that of the AWS account, whose partition is in every ARN.
pub fn iam_policy(domain: &DomainNameDefinition, region: &str, only: Option<AwsCaller>) -> Value {
    let callers = AwsCaller::ALL.into_iter().filter(|caller| match only {
        Some(only) => *caller == only,
        None => caller.serves(domain),
    });
    let scope = Scope::of(domain, region);
    let statements: Vec<_> = callers.flat_map(|caller| scope.statements(caller)).collect();
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// What all statements of a domain are about.
struct Scope<'a> {
    domain: &'a DomainNameDefinition,
    partition: &'static str,
    /// The ARN of the zone; of all zones of the account where the domain names none.
    zone: String,
}

impl<'a> Scope<'a> {
    fn of(domain: &'a DomainNameDefinition, region: &str) -> Self {
        let partition = partition(region);
        let id = domain.hosted_zone_id.as_deref().map_or("*", |id| id.trim_start_matches("/hostedzone/"));
        Self { domain, partition, zone: format!("arn:{partition}:route53:::hostedzone/{id}") }
    }

    fn statements(&self, caller: AwsCaller) -> Vec<Value> {
        let allow = |what: &str, action: &str, on: &str| json!({"Sid": format!("{}{what}", sid(caller)), "Effect": "Allow", "Action": format!("route53:{action}"), "Resource": on});
        let mut statements = vec![];
        match (caller, &self.domain.hosted_zone_id) {
            (AwsCaller::Workers, Some(_)) => statements.push(allow("ReadZone", "GetHostedZone", &self.zone)),
            (AwsCaller::CertManager, Some(_)) => {}
            // No zone can be named where the zones themselves are asked for.
            (AwsCaller::CertManager, None) => statements.push(allow("FindZone", "ListHostedZonesByName", "*")),
            (AwsCaller::Workers | AwsCaller::ExternalDns, _) => {
                statements.push(allow("FindZone", "ListHostedZones", "*"));
            }
        }
        if caller != AwsCaller::CertManager {
            statements.push(allow("ReadRecords", "ListResourceRecordSets", &self.zone));
        }
        let mut change = allow("ChangeRecords", "ChangeResourceRecordSets", &self.zone);
        change["Condition"] = self.changes(caller);
        statements.push(change);
        if self.awaits_changes(caller) {
            let changes = format!("arn:{}:route53:::change/*", self.partition);
            statements.push(allow("AwaitChanges", "GetChange", &changes));
        }
        statements
    }

    /// Which changes it makes. Route 53 compares names in lower case, without final dot, and with `\052` for an asterisk.
    fn changes(&self, caller: AwsCaller) -> Value {
        let domain = &self.domain.domain;
        let publishing: Vec<_> = RECORD_TYPES.into_iter().chain(["TXT"]).collect();
        let (names, types, actions) = match caller {
            // Their ownership records lie below the hostnames' own names.
            AwsCaller::Workers => (vec![format!("{domain}"), format!("*.{domain}")], publishing, self.of_workers()),
            AwsCaller::ExternalDns => {
                (vec![format!("{domain}"), format!("*.{domain}")], publishing, vec!["CREATE", "UPSERT"])
            }
            AwsCaller::CertManager => {
                let names = vec![format!("_acme-challenge.{domain}"), format!("_acme-challenge.*.{domain}")];
                (names, vec!["TXT"], vec!["UPSERT", "DELETE"])
            }
        };
        json!({
            "ForAllValues:StringLike": {"route53:ChangeResourceRecordSetsNormalizedRecordNames": names},
            "ForAllValues:StringEquals": {
                "route53:ChangeResourceRecordSetsRecordTypes": types,
                "route53:ChangeResourceRecordSetsActions": actions,
            },
        })
    }

    fn of_workers(&self) -> Vec<&'static str> {
        match (self.domain.dns_driver(), self.domain.routing_policy()) {
            (DnsDriver::ExternalDns, RoutingPolicy::Simple) => vec!["DELETE"],
            // What changes is deleted and created in one request; beside external-dns that is what only we can change of weighted records.
            _ => vec!["CREATE", "DELETE"],
        }
    }

    fn awaits_changes(&self, caller: AwsCaller) -> bool {
        match caller {
            AwsCaller::Workers => self.domain.dns_driver() == DnsDriver::Route53,
            AwsCaller::ExternalDns => false,
            AwsCaller::CertManager => true,
        }
    }
}

/// With what its statements' ids begin: letters and digits only.
fn sid(caller: AwsCaller) -> &'static str {
    match caller {
        AwsCaller::Workers => "Workers",
        AwsCaller::ExternalDns => "ExternalDns",
        AwsCaller::CertManager => "CertManager",
    }
}

/// The part of AWS that a region belongs to.
fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::nouns::{AcmeChallenge, IssuerKind};

    fn domain(zone: Option<&str>) -> DomainNameDefinition {
        DomainNameDefinition {
            domain: "shop.example.org".parse().unwrap(),
            hosted_zone_id: zone.map(str::to_owned),
            ..DomainNameDefinition::default()
        }
    }

    #[test]
    fn policies_are_as_read() {
        insta::assert_json_snapshot!("named_zone", iam_policy(&domain(Some("Z1")), "us-east-1", None));
        let own = DomainNameDefinition { dns_driver: Some(DnsDriver::Route53), ..domain(Some("Z1")) };
        insta::assert_json_snapshot!("own_driver", iam_policy(&own, "us-east-1", None));
        insta::assert_json_snapshot!("any_zone", iam_policy(&domain(None), "cn-north-1", None));
    }

    fn sids(policy: &Value) -> Vec<&str> {
        policy["Statement"].as_array().unwrap().iter().map(|statement| statement["Sid"].as_str().unwrap()).collect()
    }

    #[test]
    fn only_who_is_needed_is_allowed_anything() {
        let mut own = domain(Some("Z1"));
        own.issuer_kind = Some(IssuerKind::SelfSigned);
        let all = iam_policy(&own, "", None);
        assert!(!sids(&all).iter().any(|sid| sid.starts_with("CertManager")), "{all}");
        own.issuer_kind = Some(IssuerKind::Acme);
        own.acme_challenge = Some(AcmeChallenge::Http01);
        assert_eq!(iam_policy(&own, "", None), all, "HTTP-01 needs nothing of the zone");
        let one = iam_policy(&own, "", Some(AwsCaller::CertManager));
        assert_eq!(sids(&one), ["CertManagerChangeRecords", "CertManagerAwaitChanges"]);
    }

    #[test]
    fn workers_create_records_beside_external_dns_only_where_these_have_weights() {
        let creates = |policy| {
            let domain = DomainNameDefinition { routing_policy: policy, ..domain(Some("Z1")) };
            iam_policy(&domain, "", Some(AwsCaller::Workers)).to_string().contains("CREATE")
        };
        assert!(!creates(None) && !creates(Some(RoutingPolicy::Simple)) && creates(Some(RoutingPolicy::Weighted)));
    }

    /// Ids of statements are unique, and no statement that writes is without a condition.
    #[test]
    fn whoever_writes_writes_only_below_the_domain() {
        for zone in [None, Some("Z1")] {
            let policy = iam_policy(&domain(zone), "eu-west-1", None);
            let mut ids = sids(&policy);
            ids.sort_unstable();
            ids.dedup();
            let statements = policy["Statement"].as_array().unwrap();
            assert_eq!(ids.len(), statements.len());
            assert!(ids.iter().all(|id| id.chars().all(|c| c.is_ascii_alphanumeric())), "{ids:?}");
            for statement in statements.iter().filter(|s| s["Action"] == "route53:ChangeResourceRecordSets") {
                let condition = &statement["Condition"]["ForAllValues:StringLike"];
                let names = &condition["route53:ChangeResourceRecordSetsNormalizedRecordNames"];
                let below = |name: &Value| name.as_str().is_some_and(|name| name.ends_with("shop.example.org"));
                assert!(names.as_array().is_some_and(|names| names.iter().all(below)), "{statement}");
            }
            assert!(policy.to_string().len() < 6144, "a managed policy has so many characters at most");
        }
    }

    #[test]
    fn arns_are_of_the_partition_of_the_region() {
        let of = |region| iam_policy(&domain(Some("/hostedzone/Z1")), region, None).to_string();
        assert!(of("us-gov-west-1").contains("arn:aws-us-gov:route53:::hostedzone/Z1"), "{}", of("us-gov-west-1"));
        assert!(of("").contains("arn:aws:route53:::hostedzone/Z1"));
    }
}
