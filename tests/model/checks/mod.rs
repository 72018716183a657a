//! Whether everything is as asked for: read from the cluster, the zone, the API server's log and the database, and compared with the model
//! without a line of the code that is tested.

pub(crate) mod audit;
mod objects;
mod records;
mod routes;
mod rows;
pub(crate) mod snapshot;
mod zone;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sqlx::{Connection, PgConnection};
use tokio::time::{Instant, sleep};

use self::snapshot::Snapshot;

use crate::lane::{Lane, bystander_api};

/// How long it may take until nothing is left to do.
const QUIET: Duration = Duration::from_secs(90);
/// How long after that something may still be wrong: controllers and their watches have a pace of their own.
const SETTLED: Duration = Duration::from_secs(15);
/// Between two checks.
const LOOK: Duration = Duration::from_millis(200);

impl Lane {
    /// Waits until everything is as requested; `at_last` also checks kinds that no sequence requests.
    pub(crate) async fn until_quiet(&mut self, at_last: bool) -> Result<()> {
        let mut database = PgConnection::connect(&self.platform.database_url()).await?;
        let (deadline, mut settled) = (Instant::now() + QUIET, None);
        loop {
            self.sweep(&mut database).await?;
            let wrong = match self.is_settled(&mut database).await {
                Err(unsettled) => {
                    settled = None;
                    unsettled
                }
                Ok(()) => {
                    settled = settled.or_else(|| Some(Instant::now()));
                    match self.is_as_asked(&mut database, at_last).await {
                        Ok(()) => return Ok(()),
                        Err(wrong) => wrong,
                    }
                }
            };
            if settled.is_some_and(|since| since.elapsed() > SETTLED) {
                return Err(wrong.context(format!("nothing is left to do for {SETTLED:?}, and it is wrong")));
            }
            if Instant::now() > deadline {
                return Err(wrong.context(format!("it is not quiet after {QUIET:?}")));
            }
            sleep(LOOK).await;
        }
    }

    async fn is_as_asked(&mut self, database: &mut PgConnection, at_last: bool) -> Result<()> {
        let rows = self.rows(database).await.context("the database")?;
        rows.check(self)?;
        let (mut snapshots, mut uids) = (vec![], objects::Uids::new());
        for (n, way) in self.ways.iter().enumerate() {
            let name = way.cluster.endpoints.name.clone();
            let cluster = u8::try_from(n)?;
            let snapshot = Snapshot::of(way, &self.odd_kinds(cluster), &self.identity).await?;
            objects::check(self, cluster, &snapshot, &rows, &mut uids)
                .with_context(|| format!("objects in cluster {name}"))?;
            routes::check(self, cluster, &snapshot, &rows).with_context(|| format!("cluster {name}"))?;
            snapshots.push(snapshot);
        }
        objects::check_inventories(self, &rows, &uids)?;
        self.zones.read(&self.endpoints).await?;
        let misled = zone::check(self, &snapshots[0], &rows).context("the zones")?;
        self.are_records_as_asked(&misled).await.context("the API")?;
        for way in self.ways.iter().filter(|_| at_last) {
            let rest = Snapshot::of_the_rest(way, &self.identity).await?;
            objects::check_rest(self, &rest, &rows)?;
        }
        self.is_nobody_harmed().await
    }

    async fn is_nobody_harmed(&self) -> Result<()> {
        for (way, bystanders) in self.ways.iter().zip(&self.bystanders) {
            way.cluster.audit.lock().await.check(&self.user)?;
            for before in bystanders {
                let name = before.metadata.name.as_deref().unwrap_or_default();
                let now = bystander_api(&way.cluster, before)?.get(name).await.context("somebody else's object")?;
                ensure!(
                    now.metadata.resource_version == before.metadata.resource_version,
                    "somebody else's object was changed: {now:?}"
                );
            }
        }
        Ok(())
    }
}
