//! What a diagnosis says.

use serde::Serialize;

/// What was found out about one hostname.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Diagnosis {
    /// The hostname; empty: the gateway answers to every one.
    pub hostname: String,
    /// No step failed.
    pub served: bool,
    /// All in one sentence: the first step that failed, and what to do.
    pub summary: String,
    /// Those that failed first, in the order of a request; then the others.
    pub steps: Vec<Step>,
}

/// One step of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Step {
    pub step: StepName,
    pub verdict: Verdict,
    /// What was seen, in a sentence.
    pub evidence: String,
    /// What to do; left out where nothing is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub advice: String,
}

/// The steps in the order of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum StepName {
    /// The zone's parent leads to its name servers.
    Delegated,
    /// There is a hosted zone for the hostname.
    ZoneFound,
    /// The hosted zone holds the records.
    RecordStored,
    /// The zone's own name servers answer with them.
    RecordServed,
    /// So does a resolver.
    Resolved,
    /// The authority of its certificates may sign for the hostname.
    IssuanceAllowed,
    /// The Gateway has an address.
    AddressAssigned,
    /// Its ports are open.
    Connected,
    /// The certificate is for the hostname, and not over.
    CertificateValid,
    /// The Services behind the routes have pods that are ready.
    EndpointsReady,
    /// HTTP is answered.
    Answered,
}

impl StepName {
    /// All, in their order.
    pub const ALL: [Self; 11] = [
        Self::Delegated,
        Self::ZoneFound,
        Self::RecordStored,
        Self::RecordServed,
        Self::Resolved,
        Self::IssuanceAllowed,
        Self::AddressAssigned,
        Self::Connected,
        Self::CertificateValid,
        Self::EndpointsReady,
        Self::Answered,
    ];
}

/// Whether a step works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Verdict {
    Passed,
    Failed,
    /// It can't be seen from here, or what it needs failed.
    Unknown,
}

impl Verdict {
    pub const ALL: [Self; 3] = [Self::Passed, Self::Failed, Self::Unknown];
}

pub(super) fn passed(step: StepName, evidence: impl Into<String>) -> Step {
    Step { step, verdict: Verdict::Passed, evidence: evidence.into(), advice: String::new() }
}

pub(super) fn failed(step: StepName, evidence: impl Into<String>, advice: impl Into<String>) -> Step {
    Step { step, verdict: Verdict::Failed, evidence: evidence.into(), advice: advice.into() }
}

pub(super) fn unknown(step: StepName, evidence: impl Into<String>) -> Step {
    Step { step, verdict: Verdict::Unknown, evidence: evidence.into(), advice: String::new() }
}
