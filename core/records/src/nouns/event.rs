use super::Rules;
use causeway_records_derive::Noun;
use chrono::{DateTime, Utc};

/// Something that happened while workers brought a record about. The same thing again counts up the first one.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "events")]
pub struct Event {
    /// One word: `SuccessfulCreate`, `FailedUpdate`.
    #[noun(required, example = "SuccessfulCreate")]
    pub reason: String,
    /// A sentence.
    #[noun(example = "the gateway instance was made")]
    pub note: Option<String>,
    /// When it happened first.
    #[noun(required)]
    pub event_time: DateTime<Utc>,
    /// When it was last seen.
    #[noun(required)]
    pub last_observed_time: DateTime<Utc>,
    /// `Normal` or `Warning`.
    #[noun(required, example = "Normal")]
    pub r#type: String,
    /// Who reports it.
    #[noun(required, example = "causeway")]
    pub reporting_controller: String,
    /// How often it was seen.
    #[noun(required, example = 1)]
    pub count: i64,
    /// Says which record it is about.
    pub attached_object_reference_id: Option<i64>,
}
impl Rules for Event {}
