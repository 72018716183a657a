//! The verdicts. Pure: what was asked and found comes in, and what time it is.
//!
//! - `step`: what a diagnosis says;
//! - `dns`, `connection`: the steps in the order of a request.

mod connection;
mod dns;
mod step;
#[cfg(test)]
mod tests;

pub use self::step::{Diagnosis, Step, StepName, Verdict};
use crate::evidence::{Evidence, Host, Question};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

/// What was found out about a hostname, at a time.
pub fn evaluate(question: &Question, evidence: &Evidence, now: DateTime<Utc>) -> Diagnosis {
    let seen = Seen { question, evidence, now };
    let steps = match &question.host {
        Host::Any => vec![],
        Host::Named(host) => seen.dns(host).into_iter().chain(seen.issuance_allowed(host)).collect(),
    };
    diagnosis(question, steps.into_iter().chain(seen.connection()).collect())
}

/// The same without DNS: what is found at the addresses of the Gateway, wherever the hostname leads.
pub fn evaluate_connection(question: &Question, evidence: &Evidence, now: DateTime<Utc>) -> Diagnosis {
    diagnosis(question, Seen { question, evidence, now }.connection())
}

fn diagnosis(question: &Question, mut steps: Vec<Step>) -> Diagnosis {
    let hostname = match &question.host {
        Host::Any => String::new(),
        Host::Named(host) => host.clone(),
    };
    let summary = summary(&hostname, &steps);
    steps.sort_by_key(|step| step.verdict != Verdict::Failed);
    let served = steps.first().is_none_or(|step| step.verdict != Verdict::Failed);
    Diagnosis { hostname, served, summary, steps }
}

fn summary(hostname: &str, steps: &[Step]) -> String {
    let what = if hostname.is_empty() { "the gateway" } else { hostname };
    if let Some(failed) = steps.iter().find(|step| step.verdict == Verdict::Failed) {
        return format!("{what} is not served: {}; {}", failed.evidence, failed.advice);
    }
    match steps.iter().find(|step| step.verdict == Verdict::Unknown) {
        Some(unknown) => {
            format!("nothing fails on the way to {what}, as far as it can be seen from here: {}", unknown.evidence)
        }
        None => format!("{what} is served"),
    }
}

struct Seen<'a> {
    question: &'a Question,
    evidence: &'a Evidence,
    now: DateTime<Utc>,
}

impl Seen<'_> {
    fn connection(&self) -> Vec<Step> {
        let mut steps = vec![self.address_assigned()];
        let has_address = !self.question.addresses.is_empty();
        if has_address {
            steps.extend(self.connected());
            steps.extend(self.certificate_valid());
        }
        steps.extend(self.endpoints_ready());
        if has_address {
            steps.extend(self.answered());
        }
        steps
    }
}

fn list<T: ToString>(all: &BTreeSet<T>) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
