//! Why a hostname is not served: the way of a request is gone step by step, and the first step that fails is told with what to do about it.
//!
//! ```text
//! Question ──gather──▶ Evidence ──evaluate──▶ Diagnosis
//! (records)  (DNS, TCP, TLS, HTTP)  (pure)
//! ```
//!
//! - **In**: what records say about a gateway ([`Question`]), and who may be reached ([`Reach`]). Everything that answers is a stranger: answers
//!   are bounded in size and time, and only what is needed of them is kept.
//! - **Invariant**: connections lead only to addresses that the Gateway's own status has, and DNS questions only to name servers; never to an
//!   address that [`Reach`] keeps closed. No body of an answer is read.
//!
//! To add a step: a variant of [`StepName`] in `evaluate/step.rs`, what it looks at in `evidence.rs`, a function in `gather/`, and its verdict in
//! `evaluate/dns.rs` or `evaluate/connection.rs`.

mod evaluate;
mod evidence;
mod gather;
mod reach;

pub use self::{
    evaluate::{Diagnosis, Step, StepName, Verdict, evaluate, evaluate_connection},
    evidence::{
        Attempt, Backends, Caa, Contact, Endpoint, Evidence, Found, Ground, Host, Protocol, Question, Served, Stored,
        TlsSeen, Zone,
    },
    gather::{Gatherer, GathererSettings},
    reach::{Closed, Reach},
};
