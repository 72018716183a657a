//! What was written, as the other side counts it: the API server's audit log and Postgres's own statistics.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use sqlx::{PgPool, Row};

/// The tables that are written while nothing happens: leases are renewed.
pub const LEASES: [&str; 2] = ["leases", "workers"];
/// An idle process of Postgres publishes its counters within ten seconds.
const TOLD_WITHIN: Duration = Duration::from_secs(11);
/// So often it is waited for that.
const TELLINGS: usize = 10;

/// The audit log from some moment on.
pub struct Audit {
    log: PathBuf,
    from: u64,
}

impl Audit {
    /// Writes that come after now.
    ///
    /// # Errors
    /// When the log can't be read.
    pub fn from_now(log: &PathBuf) -> Result<Self> {
        let from = std::fs::metadata(log).with_context(|| format!("no audit log {}", log.display()))?.len();
        Ok(Self { log: log.clone(), from })
    }

    /// Writes of the control plane since then, by verb and resource: `patch httproutes`.
    ///
    /// # Errors
    /// When the log can't be read.
    pub fn writes(&self) -> Result<BTreeMap<String, u64>> {
        let (mut file, mut text) = (File::open(&self.log)?, String::new());
        file.seek(SeekFrom::Start(self.from))?;
        file.read_to_string(&mut text)?;
        let mut counted = BTreeMap::new();
        for line in text.lines() {
            // The last line may not be complete yet.
            let Ok(event) = serde_json::from_str::<Value>(line) else { continue };
            if event["user"]["username"] == "causeway" {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let what = format!("{} {}", text(&event["verb"]), text(&event["objectRef"]["resource"]));
                *counted.entry(what).or_default() += 1;
            }
        }
        Ok(counted)
    }
}

/// What Postgres has counted of one database.
#[derive(Clone, Debug)]
pub struct Rows {
    /// Rows written, by table.
    written: BTreeMap<String, i64>,
    /// Transactions, those that only read among them.
    transactions: i64,
    /// When they were read.
    pub at: Instant,
}

impl Rows {
    /// Reads the counters.
    ///
    /// # Errors
    /// When Postgres doesn't answer.
    pub async fn read(pool: &PgPool) -> Result<Self> {
        let text = "SELECT relname::text, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables";
        let rows = sqlx::query(text).fetch_all(pool).await?;
        let written = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_>>()?;
        let text = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()";
        Ok(Self { written, transactions: sqlx::query_scalar(text).fetch_one(pool).await?, at: Instant::now() })
    }

    /// Reads them when they are complete: Postgres's processes publish them up to ten seconds late.
    ///
    /// # Errors
    /// When Postgres doesn't answer, or the writes go on.
    pub async fn told(pool: &PgPool) -> Result<Self> {
        let mut before = Self::read(pool).await?;
        for _ in 0..TELLINGS {
            // Postgres has no way to ask whether its counters are complete.
            tokio::time::sleep(TOLD_WITHIN).await;
            let now = Self::read(pool).await?;
            if now.since(&before).keys().all(|table| LEASES.contains(&table.as_str())) {
                return Ok(now);
            }
            before = now;
        }
        bail!("rows are written without end")
    }

    /// Rows written since `before`, by table; those that were not written are left out.
    #[must_use]
    pub fn since(&self, before: &Self) -> BTreeMap<String, i64> {
        let change = |(table, now): (&String, &i64)| {
            let more = now - before.written.get(table).copied().unwrap_or_default();
            (more > 0).then(|| (table.clone(), more))
        };
        self.written.iter().filter_map(change).collect()
    }

    /// Transactions since `before`.
    #[must_use]
    pub fn transactions_since(&self, before: &Self) -> i64 {
        self.transactions - before.transactions
    }
}

/// Requests that an API server has answered since its start, reads among them, of everybody.
///
/// # Errors
/// When it doesn't answer.
pub async fn requests(kube: &kube::Client) -> Result<f64> {
    let text = kube.request_text(http::Request::get("/metrics").body(vec![])?).await?;
    let counters = text.lines().filter(|line| line.starts_with("apiserver_request_total{"));
    Ok(counters.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum())
}

/// Processor time that a process and those it has started have used, in seconds. Other work on the machine hardly changes it, which makes it
/// the steadier measure where that is busy.
///
/// # Errors
/// When there is no such process.
pub fn processor(pid: i32) -> Result<f64> {
    // One that has ended meanwhile is counted by its parent.
    let of_children = children(pid)?.into_iter().filter_map(|child| ticks(child, false).ok()).sum::<f64>();
    let ticks = ticks(pid, true)? + of_children;
    // Linux counts in hundredths on every architecture.
    Ok(ticks / 100.0)
}

/// The processes that a process has started, and that have not ended.
///
/// # Errors
/// When `/proc` can't be read.
pub fn children(pid: i32) -> Result<Vec<i32>> {
    let all = std::fs::read_dir("/proc")?.flatten();
    let all = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(all.filter(|child| parent(*child).ok() == Some(pid)).collect())
}

/// User and system time; of the children that have ended too.
fn ticks(pid: i32, with_children: bool) -> Result<f64> {
    let fields = stat(pid)?;
    let used = fields.get(11..if with_children { 15 } else { 13 }).context("/proc has another form here")?;
    used.iter().map(|field| Ok(field.parse::<f64>()?)).sum()
}

fn parent(pid: i32) -> Result<i32> {
    Ok(stat(pid)?.get(1).context("no parent")?.parse()?)
}

/// The fields of `/proc/<pid>/stat` after the name, from the state on.
fn stat(pid: i32) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, after) = text.rsplit_once(") ").context("/proc has another form here")?;
    Ok(after.split_whitespace().map(str::to_owned).collect())
}

/// Files and sockets that a process has open.
///
/// # Errors
/// When there is no such process.
pub fn open_files(pid: i32) -> Result<f64> {
    Ok(std::fs::read_dir(format!("/proc/{pid}/fd"))?.count() as f64)
}

/// The most memory that a process has had, in MB.
///
/// # Errors
/// When there is no such process.
pub fn peak_memory(pid: i32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kilobytes: f64 = line.split_whitespace().next().context("no value")?.parse()?;
    Ok(kilobytes / 1024.0)
}
