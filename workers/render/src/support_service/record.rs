//! The options of a support service, from its record.

use causeway_records::inputs::SupportServiceInputs;
use causeway_records::nouns::Service;

use super::{AwsCredentials, ExternalDns, Options, Policy, dns_owner};
use crate::labels::{AWS_ACCOUNT, CONTROL_PLANE, account_label};

/// Seconds between two synchronisations of external-dns with the zone: how long a new record may take to be published.
pub const INTERVAL_SECONDS: u32 = 10;

impl Options {
    /// The options that a record asks for. Only external-dns has any: it gets a namespace of its own, named like the record, so that several
    /// of them share nothing; it never deletes, unless the caller sets another policy.
    pub fn for_record(inputs: &SupportServiceInputs) -> Self {
        let service = &inputs.instance.record.spec;
        if service.service != Service::ExternalDns {
            return Self::default();
        }
        let account = inputs.account.as_ref().map(|account| &account.spec);
        let keys =
            account.and_then(|account| Some((account.access_key_id.clone()?, account.secret_access_key.clone()?)));
        Self {
            namespace: Some(inputs.instance.object_name.clone()),
            aws_credentials: keys.map(|(id, secret)| AwsCredentials::Keys { id, secret: secret.into() }),
            aws_region: account.map(|account| account.default_region.clone()).filter(|region| !region.is_empty()),
            external_dns: Some(ExternalDns {
                owner: dns_owner(&inputs.control_plane, inputs.kubernetes_runtime_instance_id),
                domains: inputs.domains.clone(),
                zones: inputs.zones.clone(),
                label_filter: format!(
                    "{CONTROL_PLANE}={},{AWS_ACCOUNT}={}",
                    inputs.control_plane,
                    account_label(service.aws_account_id)
                ),
                policy: Policy::UpsertOnly,
                interval_seconds: INTERVAL_SECONDS,
                assume_role: account.and_then(|account| account.role_arn.clone()),
                external_id: account.and_then(|account| account.external_id.clone()),
            }),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use causeway_records::inputs::Named;
    use causeway_records::nouns::{AwsAccount, SupportServiceInstance};
    use causeway_records::record::{Common, Record};

    use super::*;

    fn record<T: Default>(id: i64, spec: T) -> Record<T> {
        Record { common: Common { id, ..Common::default() }, spec, ..Record::default() }
    }

    fn inputs(service: Service) -> SupportServiceInputs {
        let instance = SupportServiceInstance {
            name: "dns".parse().unwrap(),
            kubernetes_runtime_instance_id: 3,
            service,
            version: None,
            aws_account_id: Some(5),
            keep_on_delete: None,
        };
        let account = AwsAccount {
            name: "main".parse().unwrap(),
            account_id: "123456789012".into(),
            default_account: None,
            default_region: "eu-west-1".into(),
            access_key_id: Some("AKIA1".into()),
            secret_access_key: Some("hunter-1".into()),
            role_arn: Some("arn:aws:iam::1:role/dns".into()),
            external_id: Some("ours".into()),
            ..AwsAccount::default()
        };
        SupportServiceInputs {
            control_plane: "cp-1".into(),
            kubernetes_runtime_instance_id: 3,
            instance: Named { record: record(7, instance), object_name: "dns-7".into() },
            account: Some(record(5, account)),
            domains: vec!["example.test".into()],
            zones: vec![],
        }
    }

    #[test]
    fn external_dns_works_for_its_account_in_a_namespace_of_its_own() {
        let options = Options::for_record(&inputs(Service::ExternalDns));
        assert_eq!(options.namespace.as_deref(), Some("dns-7"));
        assert_eq!(options.aws_region.as_deref(), Some("eu-west-1"));
        assert!(matches!(options.aws_credentials, Some(AwsCredentials::Keys { .. })));
        let wanted = options.external_dns.unwrap();
        assert_eq!(wanted.owner, "causeway-cp-1-3");
        assert_eq!(wanted.label_filter, "causeway.dev/control-plane=cp-1,causeway.dev/aws-account=5");
        assert_eq!(wanted.policy, Policy::UpsertOnly);
        assert_eq!(wanted.assume_role.as_deref(), Some("arn:aws:iam::1:role/dns"));
        assert_eq!(wanted.external_id.as_deref(), Some("ours"));
    }

    #[test]
    fn the_other_services_never_see_the_account() {
        let options = Options::for_record(&inputs(Service::CertManager));
        assert_eq!((options.aws_credentials.is_some(), options.external_dns, options.namespace), (false, None, None));
    }
}
