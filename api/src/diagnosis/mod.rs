//! Why a hostname isn't served: how many may ask at once, and who looks. What is asked follows from records (`subject`).

mod subject;

pub(crate) use self::subject::Subject;

use crate::{
    config::DiagnosisSettings,
    keyed_limit::{KeyedLimit, KeyedPermit},
};
use causeway_diagnosis::{Diagnosis, Gatherer, GathererSettings, Question, evaluate};
use futures::future::join_all;
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

/// Hostnames that one request is about, unless it names one.
pub(crate) const MOST_HOSTNAMES: usize = 4;
/// How long a caller waits for a turn. Who has two pages open gets both; most diagnoses take less than this.
const TURN_WITHIN: Duration = Duration::from_secs(10);

/// Asks and connects on behalf of callers.
#[derive(Clone)]
pub struct Diagnoses(Arc<Shared>);

struct Shared {
    settings: GathererSettings,
    /// Made for the first that asks: most processes are never asked.
    gatherer: OnceLock<Result<Gatherer, String>>,
    most: usize,
    all: Arc<Semaphore>,
    callers: KeyedLimit<String>,
}

/// A diagnosis is counted until this is dropped.
pub(crate) struct DiagnosisPermit {
    _all: OwnedSemaphorePermit,
    _caller: KeyedPermit<String>,
}

impl Diagnoses {
    pub fn new(settings: &DiagnosisSettings) -> Self {
        let of_dns = GathererSettings { resolver: settings.diagnosis_resolver, open: settings.diagnosis_open.clone() };
        Self(Arc::new(Shared {
            settings: of_dns,
            gatherer: OnceLock::new(),
            most: settings.max_diagnoses,
            all: Arc::new(Semaphore::new(settings.max_diagnoses)),
            callers: KeyedLimit::new(1),
        }))
    }

    /// A permit for one diagnosis of this caller, when the turn has come: a caller's are made one after another.
    ///
    /// # Errors
    /// Why not within [`TURN_WITHIN`], and what to do.
    pub(crate) async fn take(&self, caller: &str) -> Result<DiagnosisPermit, String> {
        let most = self.0.most;
        if most == 0 {
            return Err("nobody may ask for a diagnosis here; start the API with --max-diagnoses above 0".to_owned());
        }
        let until = Instant::now() + TURN_WITHIN;
        let Ok(of_caller) = timeout_at(until, self.0.callers.take(caller.to_owned())).await else {
            return Err(format!("{caller} waits for a diagnosis already; ask again when that has ended"));
        };
        let Ok(Ok(of_all)) = timeout_at(until, self.0.all.clone().acquire_owned()).await else {
            return Err(format!(
                "{most} diagnoses are under way already; ask again in a moment, or start the API with a larger --max-diagnoses"
            ));
        };
        Ok(DiagnosisPermit { _all: of_all, _caller: of_caller })
    }

    /// The diagnoses of these questions, in their order.
    ///
    /// # Errors
    /// Why this machine can ask nobody.
    pub(crate) async fn answer(&self, questions: &[Question]) -> Result<Vec<Diagnosis>, &str> {
        let gatherer = self.0.gatherer.get_or_init(|| Gatherer::new(&self.0.settings));
        let gatherer = gatherer.as_ref().map_err(String::as_str)?;
        let evidence = join_all(questions.iter().map(|question| gatherer.gather(question))).await;
        let now = chrono::Utc::now();
        Ok(questions.iter().zip(&evidence).map(|(question, evidence)| evaluate(question, evidence, now)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnoses(most: usize) -> Diagnoses {
        Diagnoses::new(&DiagnosisSettings { max_diagnoses: most, diagnosis_resolver: None, diagnosis_open: vec![] })
    }

    #[tokio::test(start_paused = true)]
    async fn one_caller_asks_once_at_a_time_and_all_so_often() {
        let two = diagnoses(2);
        let anns = two.take("ann").await.ok().unwrap();
        assert!(two.take("ann").await.err().unwrap().starts_with("ann waits for a diagnosis already"));
        let _bobs = two.take("bob").await.ok().unwrap();
        assert!(two.take("eve").await.err().unwrap().starts_with("2 diagnoses are under way already"));
        drop(anns);
        assert!(two.take("ann").await.is_ok());
        assert!(diagnoses(0).take("ann").await.err().unwrap().contains("--max-diagnoses above 0"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_gets_a_turn_when_the_one_before_has_ended() {
        let two = diagnoses(2);
        let first = two.take("ann").await.ok().unwrap();
        let second = two.take("ann");
        let ends = async {
            tokio::time::sleep(TURN_WITHIN / 2).await;
            drop(first);
        };
        assert!(tokio::join!(second, ends).0.is_ok());
    }
}
