//! What follows from an attempt.

use super::schedule::Schedule;
use causeway_records::nouns::DeliveryState;
use causeway_store::webhooks::{SendAttempt, SenderHealth};
use std::time::Duration;

/// The code by which a receiver says that it wants nothing any more.
const GONE: u16 = 410;

/// What a receiver answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReceiverAnswer {
    pub(super) code: u16,
    /// The beginning of its body.
    pub(super) body: String,
    /// For how long it wants to be left alone.
    pub(super) retry_after: Option<Duration>,
}

/// An answer, or a sentence about why there was none.
pub(super) type Outcome = Result<ReceiverAnswer, String>;

/// What is put on record, and why the webhook is disabled, if it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) attempt: SendAttempt,
    pub(super) disable: Option<String>,
}

/// Judges an attempt on a delivery that was tried so often before.
pub(super) fn judge(outcome: Outcome, before: i32, health: SenderHealth, schedule: &Schedule) -> Verdict {
    let (code, body, retry_after, unanswered) = match outcome {
        Ok(answer) => (Some(answer.code), Some(answer.body), answer.retry_after, None),
        Err(sentence) => (None, None, None, Some(sentence)),
    };
    let attempt = SendAttempt {
        state: DeliveryState::Delivered,
        retry_in: None,
        code,
        body,
        problem: None,
        rest: None,
        is_back: false,
    };
    if code.is_some_and(|code| (200..300).contains(&code)) {
        return Verdict {
            attempt: SendAttempt { is_back: Schedule::was_away(health.failures), ..attempt },
            disable: None,
        };
    }
    let problem = unanswered.unwrap_or_else(|| answered(code.unwrap_or_default()));
    if code == Some(GONE) {
        let disable = "the receiver answered 410 Gone: it wants no more events; set Disabled to false to begin again";
        return Verdict {
            attempt: SendAttempt { state: DeliveryState::Failed, problem: Some(problem), ..attempt },
            disable: Some(disable.into()),
        };
    }
    let retry_in = schedule.wait(usize::try_from(before).unwrap_or(usize::MAX).saturating_add(1));
    let rest = schedule.rest(health.failures.saturating_add(1), retry_after);
    let given_up = schedule.is_given_up(health.failing_for).then(|| {
        format!(
            "the receiver has taken nothing for {}; the last attempt: {problem}",
            humantime::format_duration(Duration::from_secs(health.failing_for.as_secs()))
        )
    });
    let state = if retry_in.is_some() { DeliveryState::Pending } else { DeliveryState::Failed };
    Verdict { attempt: SendAttempt { state, retry_in, problem: Some(problem), rest, ..attempt }, disable: given_up }
}

/// A sentence about a code that isn't one of success.
fn answered(code: u16) -> String {
    match code {
        300..=399 => format!("the receiver answered {code}, and redirects are not followed; set URL to where it leads"),
        401 | 403 => format!("the receiver answered {code}; check that it has the webhook's secret, and its clock"),
        404 => "the receiver answered 404; check the path in URL".into(),
        GONE => "the receiver answered 410: it wants no more events".into(),
        429 => "the receiver answered 429: it wants fewer requests".into(),
        500.. => format!("the receiver answered {code}; its own log says why"),
        _ => format!("the receiver answered {code}; it takes an event by a code from 200 to 299"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn schedule() -> Schedule {
        Schedule::over(75 * HOUR)
    }

    fn answer(code: u16) -> Outcome {
        Ok(ReceiverAnswer { code, body: "said".into(), retry_after: None })
    }

    fn after(failures: i64) -> SenderHealth {
        SenderHealth { failures, failing_for: Duration::ZERO }
    }

    #[test]
    fn any_code_of_success_is_a_delivery() {
        for code in [200, 202, 204, 299] {
            let Verdict { attempt, disable } = judge(answer(code), 4, after(1), &schedule());
            assert_eq!((attempt.state, attempt.code, disable), (DeliveryState::Delivered, Some(code), None));
            assert_eq!((attempt.retry_in, attempt.rest, attempt.problem), (None, None, None));
            assert!(!attempt.is_back, "one message failed, not the receiver");
        }
        assert!(judge(answer(200), 0, after(7), &schedule()).attempt.is_back, "what waits is due now");
    }

    #[test]
    fn everything_else_is_tried_again() {
        for code in [100, 199, 301, 302, 307, 400, 401, 404, 429, 500, 503] {
            let Verdict { attempt, disable } = judge(answer(code), 0, after(0), &schedule());
            assert_eq!((attempt.state, disable), (DeliveryState::Pending, None), "{code}");
            assert!(attempt.retry_in.is_some_and(|wait| wait < HOUR) && attempt.rest.is_none());
            assert!(attempt.problem.unwrap().contains(&code.to_string()));
        }
        let unanswered = judge(Err("nobody listens".into()), 0, after(5), &schedule()).attempt;
        assert_eq!((unanswered.code, unanswered.problem.as_deref()), (None, Some("nobody listens")));
        assert!(unanswered.rest.is_some(), "the sixth failure in a row");
    }

    #[test]
    fn attempts_come_to_an_end() {
        let states: Vec<_> =
            (0..12).map(|before| judge(answer(500), before, after(0), &schedule()).attempt.state).collect();
        let tried = states.iter().take_while(|state| **state == DeliveryState::Pending).count();
        assert_eq!((tried, states[tried]), (9, DeliveryState::Failed), "the tenth is the last");
    }

    #[test]
    fn gone_disables() {
        let Verdict { attempt, disable } = judge(answer(410), 0, after(0), &schedule());
        assert_eq!((attempt.state, attempt.code, attempt.retry_in), (DeliveryState::Failed, Some(410), None));
        assert!(disable.unwrap().contains("410 Gone"));
    }

    #[test]
    fn a_receiver_that_is_away_for_too_long_is_given_up() {
        let health = |hours: u32| SenderHealth { failures: 300, failing_for: HOUR * hours };
        assert_eq!(judge(answer(503), 0, health(24), &schedule()).disable, None, "a day is not too long");
        let given_up = judge(Err("nobody listens".into()), 0, health(76), &schedule());
        assert!(given_up.disable.unwrap().contains("3days 4h; the last attempt: nobody listens"));
        assert_eq!(given_up.attempt.state, DeliveryState::Pending, "what waits is kept");
        assert_eq!(judge(answer(200), 0, health(76), &schedule()).disable, None);
    }

    #[test]
    fn a_receiver_may_ask_to_be_left_alone() {
        let asks = Ok(ReceiverAnswer { code: 429, body: String::new(), retry_after: Some(Duration::from_secs(30)) });
        assert_eq!(judge(asks, 0, after(0), &schedule()).attempt.rest, Some(Duration::from_secs(30)));
    }
}
