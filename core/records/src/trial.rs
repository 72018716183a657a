//! What a write would do, as it was read from both sides of it.

use crate::{kind::Kind, summary::ClaimedRoute};
use std::collections::BTreeMap;

/// A record, by kind and id. In place of the ids of new records stand numbers from [`PLACEHOLDER`] on.
pub type Subject = (Kind, i64);

/// Stands for the first id that a write would give out. Real ids are smaller.
pub const PLACEHOLDER: i64 = 9_100_000_000_000_000_001;

/// The kinds of which plans are made: gateways, domain names and workloads, with all that is part of them.
pub const PLANNED: &[Kind] = &[
    Kind::DomainNameDefinition,
    Kind::DomainNameInstance,
    Kind::GatewayDefinition,
    Kind::GatewayGrant,
    Kind::GatewayGrpcRoute,
    Kind::GatewayHttpPort,
    Kind::GatewayHttpRoute,
    Kind::GatewayInstance,
    Kind::GatewayTcpPort,
    Kind::GatewayUdpPort,
    Kind::SharedGateway,
    Kind::WorkloadDefinition,
    Kind::WorkloadInstance,
    Kind::WorkloadResourceDefinition,
];

/// One side of a trial: the records that the write concerns, without it or with it. `R`: what is known of a record, its inputs or what they become.
#[derive(Clone, Debug)]
pub struct Side<R> {
    /// All of them that exist.
    pub touched: BTreeMap<Subject, Touched>,
    /// Those whose objects follow from records alone; those that go are left out.
    pub records: BTreeMap<Subject, R>,
    /// What the gateway instances among them answer to.
    pub claims: Vec<ClaimedRoute>,
    /// The length of the texts in their inputs: manifests, and rules of routes.
    pub bytes: usize,
}

impl<R> Default for Side<R> {
    fn default() -> Self {
        Self { touched: BTreeMap::new(), records: BTreeMap::new(), claims: vec![], bytes: 0 }
    }
}

impl<R> Side<R> {
    fn map<S>(self, become_of: &impl Fn(R) -> S) -> Side<S> {
        let records = self.records.into_iter().map(|(subject, record)| (subject, become_of(record))).collect();
        Side { touched: self.touched, records, claims: self.claims, bytes: self.bytes }
    }
}

/// What a write would do.
#[derive(Clone, Debug)]
pub struct Trial<R> {
    /// The records that it concerns, as they are.
    pub before: Side<R>,
    /// As they would be.
    pub after: Side<R>,
}

impl<R> Trial<R> {
    /// The same with what becomes of each record.
    pub fn map<S>(self, become_of: impl Fn(R) -> S) -> Trial<S> {
        Trial { before: self.before.map(&become_of), after: self.after.map(&become_of) }
    }

    /// The length of the texts in the inputs of both sides.
    pub fn bytes(&self) -> usize {
        self.before.bytes + self.after.bytes
    }
}

/// A record that a write concerns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Its name; empty if it has none.
    pub name: String,
    /// The cluster that it is in.
    pub runtime_id: Option<i64>,
    /// The cluster's name; empty if it is in none.
    pub runtime: String,
    /// The deletion was asked for, or is done.
    pub leaves: bool,
    /// The record or its cluster is paused.
    pub paused: bool,
}
