//! YAML to JSON values, as kubectl has it.
//!
//! The parser of events is a crate ([`granit_parser`]); what the events mean is decided here, because it is YAML 1.1 to Kubernetes: `yes` is
//! true, `0755` is 493, `<<` merges. Events become nodes of an arena ([`nodes`]); nodes become values ([`values`]), in which aliases are
//! repeated and charged for. So an alias costs nothing before the budget has been asked.

mod nodes;
mod number;
mod scalar;
mod values;

pub(crate) use nodes::Documents;
pub(crate) use number::shortest;
