//! Many end users at once, and what they got.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result};
use reqwest::Url;
use tokio::{
    task::JoinSet,
    time::{interval, timeout},
};

use crate::{
    answer::Answer,
    visitor::{Visitor, get},
    wire::Connection,
};

/// So many users send their requests one after the other.
const USERS: u32 = 10;
/// Requests that a user sends over one connection; then the user asks again where the name leads, and what the server's certificate is.
const OVER_ONE_CONNECTION: usize = 20;
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
/// Failures that are kept: the first ones tell what happened.
const KEPT: usize = 20;

/// Requests that go on until they are stopped.
#[derive(Debug)]
pub struct Load {
    tally: Arc<Mutex<Tally>>,
    users: JoinSet<()>,
}

/// What came of the requests.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many were sent.
    pub sent: u64,
    /// How many had each text as their answer, with code 200.
    pub answers: BTreeMap<String, u64>,
    /// How many had none.
    pub failed: u64,
    /// The first of these.
    pub failures: Vec<Failure>,
    /// The certificates that servers presented, in DER.
    pub certificates: BTreeSet<Vec<u8>>,
}

/// A request that was not answered with 200.
#[derive(Clone, Debug)]
pub struct Failure {
    /// When it was sent.
    pub at: SystemTime,
    /// When its answer came, or nobody waited for one any more.
    pub ended: SystemTime,
    /// What came instead.
    pub what: String,
}

impl Load {
    /// Begins to get a URL so often a second.
    ///
    /// # Errors
    /// When it is no URL.
    pub fn start(visitor: &Visitor, url: &str, a_second: u32) -> Result<Self> {
        let (url, tally) = (Url::parse(url)?, Arc::new(Mutex::new(Tally::default())));
        let mut users = JoinSet::new();
        for _ in 0..USERS {
            users.spawn(visit(visitor.clone(), url.clone(), Duration::from_secs(1) * USERS / a_second, tally.clone()));
        }
        Ok(Self { tally, users })
    }

    /// What came of it so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends no more. A request that waits for its answer counts no more either.
    pub async fn stop(mut self) -> Tally {
        self.users.shutdown().await;
        self.tally()
    }
}

async fn visit(visitor: Visitor, url: Url, every: Duration, tally: Arc<Mutex<Tally>>) {
    let (mut ticks, mut open) = (interval(every), None);
    loop {
        ticks.tick().await;
        let at = SystemTime::now();
        let answer = timeout(ANSWERED_WITHIN, one(&visitor, &url, &mut open)).await.context("no answer in time");
        let (ended, answer) = (SystemTime::now(), answer.and_then(|answer| answer));
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.sent += 1;
        match answer {
            Ok(answer) if answer.code == 200 => {
                tally.certificates.extend(answer.certificate.map(|certificate| certificate.to_vec()));
                *tally.answers.entry(answer.text).or_default() += 1;
            }
            other => {
                open = None;
                tally.failed += 1;
                if tally.failures.len() < KEPT {
                    let what = other.map_or_else(|error| format!("{error:#}"), |answer| format!("{answer:?}"));
                    tally.failures.push(Failure { at, ended, what });
                }
            }
        }
    }
}

/// One request, over the connection that is open, if one is.
async fn one(visitor: &Visitor, url: &Url, open: &mut Option<(Connection, usize)>) -> Result<Answer> {
    let (mut connection, sent) = match open.take().filter(|(connection, _)| connection.is_open()) {
        Some(kept) => kept,
        None => (visitor.open(url).await?, 0),
    };
    let answer = connection.send(get(url)?).await?;
    *open = (sent + 1 < OVER_ONE_CONNECTION).then_some((connection, sent + 1));
    Ok(answer)
}
