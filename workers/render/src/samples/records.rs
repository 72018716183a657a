//! The records of the samples that are not gateways, and helpers to make records.

use super::{CONTROL_PLANE, MANIFESTS};
use causeway_records::{
    Record,
    inputs::{Named, WorkloadInputs},
    nouns::{AwsAccount, DomainNameDefinition, WorkloadDefinition, WorkloadInstance, ZoneType},
    text::Port,
};
use std::str::FromStr;

/// A workload instance with [`MANIFESTS`].
pub fn workload(id: i64, name: &str) -> WorkloadInputs {
    WorkloadInputs {
        control_plane: CONTROL_PLANE.into(),
        instance: named(name, id, WorkloadInstance { name: parse(name), ..WorkloadInstance::default() }),
        definition: record(id + 1, WorkloadDefinition { name: parse(name), yaml_document: MANIFESTS.to_owned() }),
        resources: Vec::new(),
    }
}

/// `example.org`, with ACME by DNS-01 in a zone of an account with keys.
pub fn domain(id: i64) -> DomainNameDefinition {
    DomainNameDefinition {
        name: parse(&format!("example-{id}")),
        domain: parse("example.org"),
        zone: ZoneType::Public,
        admin_email: parse("ops@example.org"),
        hosted_zone_id: Some("Z0123456789".into()),
        aws_account_id: Some(31),
        ..DomainNameDefinition::default()
    }
}

pub(super) fn account(id: i64) -> Record<AwsAccount> {
    let account = AwsAccount {
        name: parse("aws"),
        default_region: "eu-central-1".into(),
        access_key_id: Some("AKIDEXAMPLE".into()),
        secret_access_key: Some("not-a-secret".into()),
        ..AwsAccount::default()
    };
    record(id, account)
}

pub(super) fn named<T: Default>(slug: &str, id: i64, spec: T) -> Named<T> {
    Named { record: record(id, spec), object_name: format!("{slug}-{id}") }
}

pub(super) fn record<T: Default>(id: i64, spec: T) -> Record<T> {
    let mut record = Record { spec, ..Record::default() };
    record.common.id = id;
    record
}

pub(super) fn number(port: i32) -> Port {
    Port::try_from(i64::from(port)).expect("samples have valid ports")
}

pub(super) fn parse<T: FromStr>(text: &str) -> T {
    text.parse().ok().expect("samples have valid texts")
}
