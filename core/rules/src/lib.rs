//! What records entail, as pure functions with their tests beside them: no SQL, HTTP or Kubernetes.
//!
//! ```text
//! routes ─▶ named_routes ──▶ Refusal where a gateway instance that names its route isn't one
//! routes ─▶ matches ─▶ requests ─────────┐
//! definition, ports ─▶ tls_secrets ──────┤
//! definition, ports, domain ─▶ hostnames ─▶ claims ──┬─▶ conflicts ──▶ Refusal, or the ports to bind
//!                                                    ├─▶ shadows ────▶ which requests go to others
//!                                                    ├─▶ listeners ──▶ where each is placed, who is woken
//!                                                    ├─▶ attachment ─▶ which listener of a gateway that somebody made, who may attach
//!                                                    ├─▶ accounts ───▶ whose AWS keys the cluster gets
//!                              driver ───────────────┴─▶ services ───▶ what the cluster needs
//! definition, what a cluster says ─▶ features, capabilities ──▶ Refusal, or where listeners are placed and what is not rendered
//! a record and those that it names ─▶ parents ──▶ Refusal
//! listeners of a shared gateway's record, its domain ─▶ listener_certificates ──▶ Refusal, or where an authority looks
//! domain ─▶ iam_policy ──▶ what AWS has to allow
//! domain ─▶ deletions ──▶ how many hostnames may leave its zone at once
//! domain, its instance ─▶ routing ──▶ weight among the clusters of a hostname
//! domain, hostname ─▶ wildcards ──▶ whether the domain's one certificate is for it
//! claims, domain ─▶ wildcards ──▶ Refusal, where nobody would sign
//! domains of all who use a hostname ─▶ signers ──▶ whose issuer signs its certificate
//! name of a record ─▶ names ──▶ names in clusters; hostname ─▶ ownership ──▶ name of its ownership record
//! ```
//!
//! The store reads what a rule reads, under locks, calls it, and writes the result. The render crate shares `driver`. To add a rule: a function here, and
//! a step in the store's `writes`. A rule that refuses returns a [`Refusal`](causeway_records::problem::Refusal), whose sentence names the field and the
//! remedy.

pub mod accounts;
pub mod attachment;
pub mod capabilities;
pub mod claims;
pub mod conflicts;
pub mod deletions;
pub mod driver;
pub mod features;
pub mod grants;
pub mod hostnames;
pub mod iam_policy;
pub mod listener_certificates;
pub mod listeners;
pub mod matches;
pub mod named_routes;
pub mod names;
pub mod ownership;
pub mod parents;
pub mod ports;
pub mod requests;
pub mod routes;
pub mod routing;
pub mod services;
pub mod shadows;
pub mod signers;
pub mod tls_secrets;
pub mod wildcards;
