//! Rules of routes in the JSON of Gateway API v1, checked as the API server of a cluster checks them: by the schema of the CRD and by its CEL rules.
//!
//! ```text
//!  CRDs of the pinned module ── build.rs ──▶ schema of spec.rules ──┬─▶ structure: JSON Schema, keys of lists ──┐
//!                                                                   ├─▶ defaults                               ├─▶ Fault
//!                                                                   └─▶ cel: x-kubernetes-validations ─────────┘
//! ```
//!
//! No field and no limit is written down here a second time, so the API and a cluster can't disagree; a property test compares them. Schemas and
//! programs are compiled once, by the first check. What is checked is bounded: first its length, then by the schema every list and text, and only then do programs run.
//!
//! To follow a newer Gateway API: the version in `deploy/bundles-src/go.mod`.

mod backends;
mod cel;
mod schema;
mod structure;

pub use backends::{backends, is_service, is_service_import};
pub use structure::dotted;

use schema::Compiled;
use serde_json::Value;
use std::fmt;

/// The longest JSON of rules. A route as an object in a cluster can have 1.5 MiB, and claims and programs take time for each match.
pub const MAX_BYTES: usize = 128 * 1024;

/// The kinds of routes whose rules are written as in Gateway API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteKind {
    /// HTTPRoute.
    Http,
    /// GRPCRoute.
    Grpc,
}

/// What is wrong with rules, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Seen from the list of rules: `[2].matches[0].path.value`.
    pub path: String,
    /// What is wrong there.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.problem)
    }
}

impl RouteKind {
    /// Both.
    pub const ALL: &'static [Self] = &[Self::Http, Self::Grpc];

    /// All that the API server would refuse in `spec.rules` with strict validation of fields. Programs run only on what has the right structure.
    pub fn check(self, rules: &Value) -> Vec<Fault> {
        let bytes = rules.to_string().len();
        if bytes > MAX_BYTES {
            let problem = format!("has {bytes} bytes as JSON; {MAX_BYTES} are allowed, so make several routes");
            return vec![Fault { path: String::new(), problem }];
        }
        let compiled = self.compiled();
        let rules = compiled.without_nulls(rules);
        let faults = structure::check(compiled, &rules);
        if faults.is_empty() { cel::check(compiled, &rules) } else { faults }
    }

    /// JSON pointers to fields that Gateway API doesn't have, each as high up as possible.
    pub fn unknown_fields(self, rules: &Value) -> Vec<String> {
        let mut found = vec![];
        structure::unknown(&self.compiled().schema, rules, String::new(), &mut found);
        found
    }

    /// The rules as the API server stores them: with every default written out. They were checked.
    pub fn with_defaults(self, rules: &Value) -> Value {
        let compiled = self.compiled();
        compiled.with_defaults(&compiled.without_nulls(rules))
    }

    fn compiled(self) -> &'static Compiled {
        match self {
            Self::Http => &schema::HTTP,
            Self::Grpc => &schema::GRPC,
        }
    }
}

/// Any definition of Gateway API, to see whether the API server takes an object.
pub struct DefinitionSchema(Compiled);

impl DefinitionSchema {
    /// Of the schema of one version of a CRD: `schema.openAPIV3Schema`. None: it is none.
    pub fn new(schema: Value) -> Option<Self> {
        Compiled::lenient(schema).map(Self)
    }

    /// All that the API server would refuse in an object. Fields that the definition doesn't have it only drops.
    pub fn check(&self, object: &Value) -> Vec<Fault> {
        let object = self.0.without_nulls(object);
        let faults = structure::check(&self.0, &object);
        if faults.is_empty() { cel::check(&self.0, &object) } else { faults }
    }
}

#[cfg(test)]
mod tests;
