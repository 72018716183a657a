//! What gateways answer at the addresses that their status has: asked from here again and again, and told by the condition `EndpointReachable`.
//!
//! A reconcile says what to ask ([`EndpointProbes::ask`]) and gets what was last seen; it never waits for an answer. Where the answers become others
//! than they were, the record is reconciled again.

use crate::{config::Settings, waiting::until};
use causeway_diagnosis::{Gatherer, GathererSettings, Question, StepName, Verdict, evaluate_connection};
use futures::{StreamExt, future::join_all, stream};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// Gateways of a cluster that are asked at the same time.
const AT_ONCE: usize = 8;
/// So often in a row a gateway that answered must not answer before that is told: one lost connection is no news.
const FAILURES: u32 = 3;
/// How soon it is asked again in between.
const AGAIN: Duration = Duration::from_secs(2);
/// The shortest interval.
const LEAST_INTERVAL: Duration = Duration::from_secs(1);

/// Connects as the users of a gateway do.
pub(crate) struct EndpointProber {
    gatherer: Gatherer,
    interval: Duration,
}

impl EndpointProber {
    /// None: the settings say that nobody connects.
    ///
    /// # Errors
    /// When the system's settings of DNS or its authorities can't be read; the message says which.
    pub(crate) fn from_settings(settings: &Settings) -> Result<Option<Self>, String> {
        let Some(interval) = settings.endpoint_probe_interval else { return Ok(None) };
        let of_gatherer = GathererSettings { resolver: None, open: settings.endpoint_probe_open.clone() };
        Ok(Some(Self { gatherer: Gatherer::new(&of_gatherer)?, interval: interval.max(LEAST_INTERVAL) }))
    }

    /// The first step of all questions that fails.
    async fn look(&self, questions: &[Question]) -> EndpointSeen {
        let evidence = join_all(questions.iter().map(|question| self.gatherer.connect(question))).await;
        let now = chrono::Utc::now();
        let of_each = questions.iter().zip(&evidence);
        let diagnoses: Vec<_> =
            of_each.map(|(question, evidence)| evaluate_connection(question, evidence, now)).collect();
        if let Some(failed) = diagnoses.iter().find(|diagnosis| !diagnosis.served) {
            let step = failed.steps.first().map_or(StepName::Connected, |step| step.step);
            return EndpointSeen::Fails(step, failed.summary.clone());
        }
        let mut steps = diagnoses.iter().flat_map(|diagnosis| &diagnosis.steps);
        match steps.any(|step| step.verdict == Verdict::Unknown) {
            true => EndpointSeen::Nothing,
            false => EndpointSeen::Answers,
        }
    }
}

/// What is seen of a gateway from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EndpointSeen {
    /// It answers.
    Answers,
    /// It doesn't: the first step that fails, and a sentence with what to do.
    Fails(StepName, String),
    /// Its addresses are not connected to from here.
    Nothing,
}

/// The gateways of one cluster, by the id of the gateway instance.
#[derive(Default)]
pub(crate) struct EndpointProbes {
    probes: Mutex<HashMap<i64, Probe>>,
    added: Notify,
}

struct Probe {
    questions: Arc<[Question]>,
    told: Option<EndpointSeen>,
    failures: u32,
    due: Instant,
}

impl EndpointProbes {
    /// Has a gateway asked this from now on. Answers what was last seen; None: nothing was asked yet.
    pub(crate) fn ask(&self, id: i64, questions: Vec<Question>) -> Option<EndpointSeen> {
        let mut probes = self.probes();
        if let Some(probe) = probes.get(&id).filter(|probe| *probe.questions == *questions) {
            return probe.told.clone();
        }
        probes.insert(id, Probe { questions: questions.into(), told: None, failures: 0, due: Instant::now() });
        self.added.notify_one();
        None
    }

    /// Nobody asks it any more.
    pub(crate) fn forget(&self, id: i64) {
        self.probes().remove(&id);
    }

    /// Asks whoever is due. `changed` is told of gateways that answer otherwise than before. Never ends.
    pub(super) async fn run(&self, prober: &EndpointProber, changed: impl Fn(i64)) {
        loop {
            let due = self.due(Instant::now());
            if due.is_empty() {
                self.until_due().await;
                continue;
            }
            let changed = &changed;
            let each = stream::iter(due).for_each_concurrent(AT_ONCE, |(id, questions)| async move {
                let seen = prober.look(&questions).await;
                if self.note(id, &questions, seen, prober.interval) {
                    changed(id);
                }
            });
            each.await;
        }
    }

    fn due(&self, now: Instant) -> Vec<(i64, Arc<[Question]>)> {
        let probes = self.probes();
        let due = probes.iter().filter(|(_, probe)| probe.due <= now);
        due.map(|(id, probe)| (*id, probe.questions.clone())).collect()
    }

    async fn until_due(&self) {
        let next = self.probes().values().map(|probe| probe.due).min();
        tokio::select! {
            () = until(next) => {}
            () = self.added.notified() => {}
        }
    }

    /// Whether there is something to tell.
    fn note(&self, id: i64, questions: &Arc<[Question]>, seen: EndpointSeen, interval: Duration) -> bool {
        let mut probes = self.probes();
        // What was asked meanwhile is due already.
        let probe = probes.get_mut(&id).filter(|probe| Arc::ptr_eq(&probe.questions, questions));
        probe.is_some_and(|probe| probe.note(seen, interval, Instant::now()))
    }

    fn probes(&self) -> MutexGuard<'_, HashMap<i64, Probe>> {
        self.probes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Probe {
    fn note(&mut self, seen: EndpointSeen, interval: Duration, now: Instant) -> bool {
        let fails = matches!(seen, EndpointSeen::Fails(..));
        self.failures = if fails { self.failures + 1 } else { 0 };
        let is_early = fails && self.failures < FAILURES && self.told == Some(EndpointSeen::Answers);
        self.due = now + if is_early { AGAIN.min(interval) } else { interval };
        if is_early || self.told.as_ref() == Some(&seen) {
            return false;
        }
        self.told = Some(seen);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(port: u16) -> Question {
        Question { datagram_ports: [port].into(), ..Question::default() }
    }

    fn fails() -> EndpointSeen {
        EndpointSeen::Fails(StepName::Connected, "refused".to_owned())
    }

    #[test]
    fn a_gateway_that_answered_must_fail_again_and_again_before_it_is_told() {
        let (interval, now) = (Duration::from_secs(60), Instant::now());
        let mut probe = Probe { questions: [question(1)].into(), told: None, failures: 0, due: now };
        assert!(probe.note(fails(), interval, now), "nothing was known before");
        assert!(!probe.note(fails(), interval, now), "it is known");
        assert!(probe.note(EndpointSeen::Answers, interval, now));
        assert_eq!(probe.due, now + interval);
        for _ in 1..FAILURES {
            assert!(!probe.note(fails(), interval, now));
            assert_eq!(probe.due, now + AGAIN);
        }
        assert!(probe.note(fails(), interval, now));
        assert_eq!((probe.due, probe.told.as_ref()), (now + interval, Some(&fails())));
        assert!(probe.note(EndpointSeen::Answers, interval, now), "good news is told at once");
    }

    #[test]
    fn other_questions_begin_anew_and_late_answers_to_old_ones_count_for_nothing() {
        let (probes, interval) = (EndpointProbes::default(), Duration::from_secs(60));
        assert_eq!(probes.ask(7, vec![question(1)]), None);
        let old = probes.due(Instant::now()).remove(0).1;
        assert!(probes.note(7, &old, EndpointSeen::Answers, interval));
        assert_eq!(probes.ask(7, vec![question(1)]), Some(EndpointSeen::Answers));
        assert!(probes.due(Instant::now()).is_empty());
        assert_eq!(probes.ask(7, vec![question(2)]), None);
        assert!(!probes.note(7, &old, EndpointSeen::Answers, interval));
        assert_eq!(probes.due(Instant::now()).len(), 1);
        probes.forget(7);
        assert!(probes.due(Instant::now()).is_empty());
    }
}
