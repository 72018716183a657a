//! Whether and when a program that has ended is started again. Pure.

use std::time::Duration;

use k8s_openapi::{api::core::v1::Pod, jiff::Timestamp};

/// How a program ended.
#[derive(Clone, Debug)]
pub(super) struct End {
    /// Its exit code, or 128 and the number of the signal that ended it.
    pub(super) code: i32,
    /// Whether it was ended here, because its probes had failed.
    pub(super) killed: bool,
    pub(super) started: Timestamp,
    pub(super) finished: Timestamp,
}

impl End {
    /// How long it ran. Nothing, where the clock was set back meanwhile.
    pub(super) fn ran(&self) -> Duration {
        self.finished.duration_since(self.started).try_into().unwrap_or_default()
    }
}

/// What a pod's program has been through.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// How often it was started again.
    pub(super) restarts: u32,
    /// How it ended the last time.
    pub(super) last: Option<End>,
}

/// A pod's restartPolicy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum RestartPolicy {
    Always,
    OnFailure,
    Never,
}

impl RestartPolicy {
    pub(super) fn of(pod: &Pod) -> Self {
        match pod.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref()) {
            Some("Never") => Self::Never,
            Some("OnFailure") => Self::OnFailure,
            _ => Self::Always,
        }
    }

    /// The last phase of a pod whose program has ended so. None: it is started again.
    pub(super) fn last_phase(self, end: &End) -> Option<&'static str> {
        let again = match self {
            Self::Always => true,
            // What was ended here has not done what it was for, whatever it said.
            Self::OnFailure => end.killed || end.code != 0,
            Self::Never => false,
        };
        match (again, end.code) {
            (true, _) => None,
            (false, 0) => Some("Succeeded"),
            (false, _) => Some("Failed"),
        }
    }
}

/// The pauses before a program is started again: as a kubelet has them, twice as long each time, and forgotten once the program has run for a
/// while. Only shorter: a kubelet's are ten seconds to five minutes, and no test wants to wait for that.
#[derive(Debug)]
pub(super) struct BackOff {
    next: Duration,
}

impl BackOff {
    const FIRST: Duration = Duration::from_millis(250);
    const LONGEST: Duration = Duration::from_secs(5);
    /// Who ran for longer did not fail to start.
    const FORGOTTEN_AFTER: Duration = Duration::from_secs(10);

    /// The pause after a program that ran for so long.
    pub(super) fn pause(&mut self, ran: Duration) -> Duration {
        if ran > Self::FORGOTTEN_AFTER {
            *self = Self::default();
        }
        let pause = self.next;
        self.next = (pause * 2).min(Self::LONGEST);
        pause
    }
}

impl Default for BackOff {
    fn default() -> Self {
        Self { next: Self::FIRST }
    }
}

#[cfg(test)]
mod tests {
    use super::{RestartPolicy::*, *};
    use serde_json::json;

    fn ended(code: i32, killed: bool) -> End {
        End { code, killed, started: Timestamp::UNIX_EPOCH, finished: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn a_program_is_started_again_as_its_pod_says() {
        let phases = |policy: RestartPolicy| [0, 1].map(|code| policy.last_phase(&ended(code, false)));
        assert_eq!(phases(Always), [None, None]);
        assert_eq!(phases(OnFailure), [Some("Succeeded"), None]);
        assert_eq!(phases(Never), [Some("Succeeded"), Some("Failed")]);
    }

    #[test]
    fn a_program_whose_probes_have_failed_is_started_again_unless_its_pod_never_wants_that() {
        let phases = [Always, OnFailure, Never].map(|policy| policy.last_phase(&ended(0, true)));
        assert_eq!(phases, [None, None, Some("Succeeded")]);
    }

    #[test]
    fn a_pod_says_when_its_program_is_started_again() {
        let policy = |spec| RestartPolicy::of(&serde_json::from_value(json!({ "spec": spec })).unwrap());
        assert_eq!(policy(json!({ "containers": [] })), Always);
        assert_eq!(policy(json!({ "containers": [], "restartPolicy": "OnFailure" })), OnFailure);
        assert_eq!(policy(json!({ "containers": [], "restartPolicy": "Never" })), Never);
    }

    #[test]
    fn a_program_that_keeps_ending_is_started_again_later_each_time_until_it_has_run_for_a_while() {
        let mut back_off = BackOff::default();
        let pauses = [0, 1, 10, 0, 0, 0, 0, 11, 0].map(|ran| back_off.pause(Duration::from_secs(ran)).as_millis());
        assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 5000, 5000, 250, 500]);
    }

    #[test]
    fn a_program_ran_from_its_start_to_its_end() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let ran = |started, finished| End { started: at(started), finished: at(finished), ..ended(0, false) }.ran();
        assert_eq!((ran(5, 7), ran(7, 5)), (Duration::from_secs(2), Duration::ZERO));
    }
}
