//! CEL: the rules that the CRD has beyond its structure (`x-kubernetes-validations`).

use super::{Fault, schema::Compiled};
use kube_cel::Validator;
use serde_json::Value;

/// The programs see the rules with their defaults, as on the server. One that fails to run refuses, as there.
pub(crate) fn check(compiled: &Compiled, rules: &Value) -> Vec<Fault> {
    let Err(errors) = Validator::new().validate_compiled(&compiled.programs, rules, None) else { return vec![] };
    errors.into_iter().map(|error| Fault { path: error.field_path, problem: error.message }).collect()
}
