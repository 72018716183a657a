//! Waiting for a record, with a deadline. While a person looks on, it says what is waited for.

use causeway_records::{
    Kind,
    status::{ConditionStatus, READY},
};
use chrono::Utc;
use clap::Args;
use std::time::Duration;
use tokio::time::{Instant, sleep};

use crate::{
    api::{Api, Fields},
    exit::Exit,
    failure::{Failure, Outcome},
    kinds,
    output::{
        self, clean,
        state::{self, State},
        style::{FAINT, paint},
        wrap::hanging,
    },
};

const PAUSE: Duration = Duration::from_millis(500);

/// How long to wait.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// How long to wait, such as 90s or 5m.
    #[arg(long, default_value = "5m", value_parser = humantime::parse_duration, value_name = "TIME")]
    pub(crate) timeout: Duration,
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Goal {
    Ready,
    Gone,
    /// A condition has this status.
    Condition(String, String),
}

impl std::str::FromStr for Goal {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let plain = text.to_ascii_lowercase();
        match plain.as_str() {
            "ready" => return Ok(Self::Ready),
            "gone" | "delete" | "deleted" => return Ok(Self::Gone),
            _ => {}
        }
        let condition = text
            .strip_prefix("condition=")
            .ok_or("say ready, gone, or condition=NAME, which may end with =False or =Unknown")?;
        let (name, status) = condition.split_once('=').unwrap_or((condition, "True"));
        let known =
            [ConditionStatus::True, ConditionStatus::False, ConditionStatus::Unknown].map(|status| status.to_string());
        let status = known.into_iter().find(|known| known.eq_ignore_ascii_case(status));
        let status = status.ok_or("a condition is True, False or Unknown")?;
        if name.is_empty() {
            Err("condition= needs a name".into())
        } else {
            Ok(Self::Condition(name.to_owned(), status))
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ready => f.write_str("Ready"),
            Self::Gone => f.write_str("gone"),
            Self::Condition(name, status) => write!(f, "{name}={status}"),
        }
    }
}

impl Goal {
    /// Whether a record is as wanted; None: it is gone.
    fn is_met(&self, record: Option<&Fields>, kind: Kind) -> bool {
        let Some(record) = record else { return *self == Self::Gone };
        match self {
            Self::Gone => false,
            // What nobody has to bring about is ready as it is.
            Self::Ready => matches!(state::state(record, kind.info().reconciled), State::Ready | State::Plain),
            Self::Condition(name, status) => {
                let conditions = state::conditions(record);
                let found = conditions.iter().find(|one| one.condition_type.eq_ignore_ascii_case(name));
                found.is_some_and(|one| one.status.to_string() == *status)
            }
        }
    }
}

/// Waits for a record of an id. Answers with the record as it is then; None: it is gone.
pub(crate) async fn until(
    api: &Api,
    kind: Kind,
    id: i64,
    called: &str,
    goal: &Goal,
    patience: Patience,
) -> Outcome<Option<Fields>> {
    let end = Instant::now() + patience.timeout;
    let mut told = String::new();
    loop {
        let record = match api.by_id(kind, id).await {
            Ok(found) => Some(found.record),
            Err(failure) if failure.exit == Exit::NotFound => None,
            // A server that restarts is no reason to give up.
            Err(failure) if failure.exit == Exit::Unreachable && Instant::now() < end => {
                sleep(PAUSE).await;
                continue;
            }
            Err(failure) => return Err(failure),
        };
        if goal.is_met(record.as_ref(), kind) {
            return Ok(record);
        }
        let Some(record) = record else {
            return Err(Failure::not_found(format!("{} {called} is gone, so it can't become {goal}", kind.as_str())));
        };
        let why = why(&record, kind);
        if Instant::now() >= end {
            let time = humantime::format_duration(patience.timeout);
            let sentence = format!("{} {called} is not {goal} after {time}: {why}", kind.as_str());
            return Err(Failure::negative("TimedOut", sentence)
                .next(format!("causeway describe {}", kinds::named(kind, called))));
        }
        if output::is_watched() && why != told {
            let line = format!("{} {}: ", kind.as_str(), clean(called));
            output::say(&format!("{} {}{}\n", paint(FAINT, "…"), line, hanging(&why, 4, output::width())));
            told = why;
        }
        sleep(PAUSE).await;
    }
}

/// What a record waits for, in its own words.
fn why(record: &Fields, kind: Kind) -> String {
    let state = state::state(record, kind.info().reconciled);
    match state.step() {
        Some(step) if step.condition_type != READY => format!("{}: {}", step.condition_type, step.message),
        _ => {
            let asked = record.get("UpdatedAt").and_then(|time| time.as_str()?.parse().ok());
            let since = asked.map(|asked| output::age::since(asked, Utc::now())).unwrap_or_default();
            format!("{}, {since} after the last change; workers have not said more yet", state.word())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::state::tests::record;
    use serde_json::json;

    #[test]
    fn goals_are_read_and_met() {
        let goal = |text: &str| text.parse::<Goal>();
        assert_eq!(goal("Ready"), Ok(Goal::Ready));
        assert_eq!(goal("condition=applied=false"), Ok(Goal::Condition("applied".into(), "False".into())));
        assert!(goal("nice").is_err() && goal("condition=").is_err() && goal("condition=a=b").is_err());
        let shop = record(&[("Applied", "False", ""), ("Ready", "False", "")], &json!({}));
        let kind = Kind::GatewayInstance;
        assert!(goal("condition=applied=false").unwrap().is_met(Some(&shop), kind));
        assert!(!goal("condition=applied").unwrap().is_met(Some(&shop), kind));
        assert!(!Goal::Ready.is_met(Some(&shop), kind) && Goal::Ready.is_met(Some(&shop), Kind::AwsAccount));
        assert!(
            Goal::Gone.is_met(None, kind) && !Goal::Gone.is_met(Some(&shop), kind) && !Goal::Ready.is_met(None, kind)
        );
    }
}
