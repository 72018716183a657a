//! Plays many sequences, several at the same time; when one fails, searches for the shortest that does.

use std::{
    collections::BTreeMap,
    fmt, fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, bail};
use futures::future::join_all;
use tokio::time::Instant;

use crate::{
    harness::Harness,
    lane::Lane,
    play::Took,
    sequence::{Act, Sequence},
    settings::Settings,
};

/// A sequence that failed.
struct Failure {
    /// None when it was read from a file.
    seed: Option<u64>,
    sequence: Sequence,
    /// What was found to be wrong.
    why: String,
    /// What was done, and when.
    log: String,
}

/// What was played.
#[derive(Debug, Default)]
pub(crate) struct Report {
    sequences: usize,
    steps: usize,
    /// How often each kind of fault was let happen.
    faults: BTreeMap<String, usize>,
    /// Successful writes of all workers, as the API servers counted them.
    writes: usize,
    /// The longest of each part.
    longest: Took,
    prepared: Duration,
    played: Duration,
    all: Duration,
}

/// Plays what the settings say.
pub(crate) async fn run(settings: &Settings) -> Result<Report> {
    let begun = Instant::now();
    let harness = Harness::prepare().await?;
    let prepared = begun.elapsed();
    let (mut report, failures) = play_all(settings, &harness).await?;
    (report.prepared, report.played) = (prepared, begun.elapsed() - prepared);
    if !failures.is_empty() {
        bail!("{}", tell(settings, &harness, failures).await);
    }
    for cluster in &harness.clusters {
        report.writes += cluster.audit.lock().await.done();
    }
    Arc::into_inner(harness).context("a lane still plays")?.clear().await?;
    report.all = begun.elapsed();
    Ok(report)
}

/// What is still to be played.
struct Todo {
    settings: Settings,
    next: AtomicUsize,
    failed: AtomicBool,
}

impl Todo {
    fn next(&self) -> Result<Option<(Option<u64>, Sequence)>> {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        if n >= self.settings.sequences || self.failed.load(Ordering::Relaxed) {
            return Ok(None);
        }
        if let Some(file) = &self.settings.replay {
            let text = fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
            return Ok(Some((None, serde_json::from_str(&text)?)));
        }
        let seed = self.settings.seed.wrapping_add(u64::try_from(n)?);
        Ok(Some((Some(seed), Sequence::of(seed)?)))
    }
}

async fn play_all(settings: &Settings, harness: &Arc<Harness>) -> Result<(Report, Vec<Failure>)> {
    let lanes = settings.lanes.min(settings.sequences);
    let todo = Arc::new(Todo { settings: settings.clone(), next: AtomicUsize::new(0), failed: AtomicBool::new(false) });
    let lanes = (0..lanes).map(|_| tokio::spawn(play_lane(harness.clone(), todo.clone())));
    let (mut report, mut failures) = (Report::default(), vec![]);
    for lane in join_all(lanes).await {
        let (part, failure) = lane??;
        report.add(part);
        failures.extend(failure);
    }
    Ok((report, failures))
}

/// One lane plays one after the other.
async fn play_lane(harness: Arc<Harness>, todo: Arc<Todo>) -> Result<(Report, Option<Failure>)> {
    let mut lane = Lane::start(&harness).await?;
    let mut report = Report::default();
    while let Some((seed, sequence)) = todo.next()? {
        match lane.play(&sequence).await {
            Ok(took) => {
                println!("{} with {} steps: {took}", named(seed), sequence.0.len());
                report.count(&sequence, took);
            }
            Err(error) => {
                todo.failed.store(true, Ordering::Relaxed);
                let failure = Failure { seed, sequence, why: format!("{error:#}"), log: lane.log.text() };
                lane.abandon().await;
                return Ok((report, Some(failure)));
            }
        }
    }
    lane.end().await.context("taking the clusters off the record")?;
    Ok((report, None))
}

fn named(seed: Option<u64>) -> String {
    seed.map_or_else(|| "the sequence of the file".into(), |seed| format!("sequence {seed}"))
}

/// The failures, and the shortest sequence that was found to fail, as a person needs them to play it again.
async fn tell(settings: &Settings, harness: &Arc<Harness>, failures: Vec<Failure>) -> String {
    let mut text = String::new();
    for failure in &failures {
        let again = failure.seed.map(|seed| format!("MODEL_SEED={seed}")).unwrap_or_default();
        text += &format!("a sequence failed; play it again with {again} MODEL_SEQUENCES=1\n\n{failure}\n\n");
    }
    let Some(first) = failures.into_iter().next() else { return text };
    let steps = first.sequence.0.len();
    let (shortest, tries) = shrink(settings, harness, first).await;
    let json = serde_json::to_string(&shortest.sequence).unwrap_or_default();
    text += &match shortest.sequence.0.len() < steps {
        true => format!("the shortest that fails too, of {tries} that were tried:\n\n{shortest}\n\n"),
        false => format!("no shorter one of {tries} that were tried fails\n\n"),
    };
    text + &format!("play it from a file with MODEL_REPLAY=<file> MODEL_SEQUENCES=1:\n{json}")
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nwhat was done:\n{}\n\nwhat is wrong:\n{}", self.sequence, self.log, self.why)
    }
}

/// Takes steps out as long as the rest fails: halves, quarters, and so on, as many tries at a time as there are lanes.
async fn shrink(settings: &Settings, harness: &Arc<Harness>, mut failure: Failure) -> (Failure, usize) {
    let deadline = Instant::now() + settings.shrink;
    let (mut chunk, mut tries) = (failure.sequence.0.len().div_ceil(2), 0);
    while chunk > 0 && Instant::now() < deadline {
        let mut shorter = None;
        for candidates in failure.sequence.smaller(chunk).chunks(settings.lanes.max(1)) {
            if Instant::now() > deadline {
                break;
            }
            tries += candidates.len();
            let played = candidates.iter().map(|sequence| tokio::spawn(try_out(harness.clone(), sequence.clone())));
            shorter = join_all(played).await.into_iter().find_map(|played| played.ok().flatten());
            if shorter.is_some() {
                break;
            }
        }
        match shorter {
            Some(shorter) => {
                failure = shorter;
                chunk = chunk.min(failure.sequence.0.len().div_ceil(2));
            }
            None => chunk /= 2,
        }
    }
    (failure, tries)
}

/// Plays a sequence on a lane of its own. None when nothing is wrong, or nothing can be said.
async fn try_out(harness: Arc<Harness>, sequence: Sequence) -> Option<Failure> {
    let mut lane = Lane::start(&harness).await.ok()?;
    let played = lane.play(&sequence).await;
    let log = lane.log.text();
    lane.abandon().await;
    let why = format!("{:#}", played.err()?);
    Some(Failure { seed: None, sequence, why, log })
}

impl Report {
    fn count(&mut self, sequence: &Sequence, took: Took) {
        self.sequences += 1;
        self.steps += sequence.0.len();
        for step in &sequence.0 {
            if let Act::Fault { fault, .. } = &step.act {
                let name = format!("{fault:?}");
                let name = name.split([' ', '{']).next().unwrap_or_default().to_owned();
                *self.faults.entry(name).or_default() += 1;
            }
        }
        self.longest = self.longest.longer(took);
    }

    fn add(&mut self, other: Self) {
        self.sequences += other.sequences;
        self.steps += other.steps;
        for (fault, times) in other.faults {
            *self.faults.entry(fault).or_default() += times;
        }
        self.longest = self.longest.longer(other.longest);
    }
}

/// One line, and one for the faults.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: usize = self.faults.values().sum();
        let each: Vec<String> = self.faults.iter().map(|(fault, times)| format!("{fault} {times}")).collect();
        let [prepared, played, all] = [self.prepared, self.played, self.all].map(|time| time.as_secs());
        write!(
            f,
            "{} sequences with {} steps in {all} s ({prepared} s of them to prepare, {played} s to play): nothing is leaked, lost or \
             done twice. {} writes of workers. The longest: {}.\n\
             {faults} faults: {}",
            self.sequences,
            self.steps,
            self.writes,
            self.longest,
            each.join(", ")
        )
    }
}

/// Seconds of each part.
impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [steps, quiet, cleared] = [self.steps, self.quiet, self.cleared].map(|time| time.as_secs_f64());
        write!(f, "{steps:.1} s to play, {quiet:.1} s until it was quiet, {cleared:.1} s to clear")
    }
}

impl Took {
    fn longer(self, other: Self) -> Self {
        Self {
            steps: self.steps.max(other.steps),
            quiet: self.quiet.max(other.quiet),
            cleared: self.cleared.max(other.cleared),
        }
    }
}
