//! The Certificates that are for all hostnames one label under a domain.

use super::{Certificates, common_name, is_self_signed};
use crate::{InvalidInput, k8s::cert_manager::CERTIFICATE, names, plan::Object};
use causeway_records::{nouns::DomainNameDefinition, record::Record, text::Hostname};
use causeway_rules::wildcards::{covers, names as names_in};
use std::collections::BTreeMap;

/// The hostnames that a domain's Certificate is for, each with the definition that signs for it.
type Covered<'a> = Vec<(&'a str, &'a Record<DomainNameDefinition>)>;

impl Certificates<'_> {
    /// One for each domain that has a hostname with it. `has_it` says so of a hostname and its domain.
    pub(crate) fn wildcards(
        &self,
        has_it: &dyn Fn(&str, &DomainNameDefinition) -> bool,
    ) -> Result<Vec<Object>, InvalidInput> {
        let mut by_domain: BTreeMap<&Hostname, Covered<'_>> = BTreeMap::new();
        for (hostname, id) in &self.hostnames {
            let domain = self.domain(*id)?;
            if covers(&domain.spec.domain, hostname) && has_it(hostname, &domain.spec) {
                by_domain.entry(&domain.spec.domain).or_default().push((*hostname, domain));
            }
        }
        by_domain.into_iter().filter_map(|(domain, covered)| self.wildcard(domain, &covered).transpose()).collect()
    }

    /// Two definitions may be of one domain: the older of those that ask for it signs.
    fn wildcard(&self, domain: &Hostname, covered: &Covered<'_>) -> Result<Option<Object>, InvalidInput> {
        let definitions = covered.iter().map(|(_, definition)| *definition);
        let rank = |of: &&Record<DomainNameDefinition>| (!of.spec.has_wildcard_certificate(), of.common.id);
        let Some(signing) = definitions.min_by_key(rank) else { return Ok(None) };
        let names = names_in(domain, covered.iter().map(|(hostname, _)| *hostname));
        let at = CERTIFICATE.at(self.namespace, &names::wildcard_certificate(self.object_name, domain.as_str()));
        let common_name = is_self_signed(signing).then(|| common_name(&names[0], &at));
        Ok(Some(self.certificate(at, names, common_name, signing)?))
    }
}
