//! How faults begin, and how they are put right again.

use std::time::Duration;

use anyhow::Result;
use causeway_bus::{Bus, Hint};
use causeway_failpoints::{API_COMMITTED, Point};
use causeway_records::Kind;
use causeway_rig::{
    Faults, Knobs,
    faults::{Answer, Toxic},
};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::time::Instant;

use crate::{
    faults::{Fault, POINTS, Reply, Way},
    foreign::End,
    lane::Lane,
    sequence::Pick,
};

/// Something that is wrong for a while.
pub(crate) struct Ongoing {
    pub(crate) until: Instant,
    remedy: Remedy,
}

/// How it is put right.
pub(crate) enum Remedy {
    /// One more worker, in the place of one that died.
    Worker,
    /// The point does nothing any more. A worker that died there is replaced; one that is frozen there goes on.
    Disarm {
        worker: usize,
        point: &'static Point,
    },
    Thaw {
        worker: usize,
    },
    Nats,
    Database,
    Way {
        cluster: u8,
    },
    Habit(End),
    Webhook {
        cluster: u8,
    },
    Route53,
}

impl Lane {
    /// Lets something go wrong.
    pub(crate) async fn begin(&mut self, fault: &Fault, holds: Duration) -> Result<()> {
        let remedy = match fault {
            Fault::WorkerKilled { worker } => match self.living(*worker) {
                Some(worker) => {
                    self.platform.kill_worker(worker).await;
                    Some(Remedy::Worker)
                }
                None => None,
            },
            Fault::WorkerDiesAt { worker, point, after } => self.arm(*worker, *point, *after, "kill").await?,
            Fault::WorkerFreezesAt { worker, point, after } => self.arm(*worker, *point, *after, "stop").await?,
            Fault::WorkerFrozen { worker } => self.living(*worker).map(|worker| {
                self.platform.workers()[worker].freeze();
                Remedy::Thaw { worker }
            }),
            Fault::WorkerJoins => {
                self.another_worker().await?;
                None
            }
            Fault::ApiKilled => {
                // Whoever asks next starts it again.
                self.platform.kill_api().await;
                None
            }
            Fault::ApiDiesAfterCommit => {
                if self.platform.api().is_running() {
                    self.platform.arm_api(API_COMMITTED.name, "1*return(kill)").await?;
                }
                None
            }
            Fault::NatsAway => {
                self.nats.stop().await;
                Some(Remedy::Nats)
            }
            Fault::Hints => {
                self.send_hints().await?;
                None
            }
            Fault::PostgresCut => {
                self.cut_connections().await?;
                None
            }
            Fault::PostgresAway => {
                self.allow_connections(false).await?;
                self.cut_connections().await?;
                Some(Remedy::Database)
            }
            Fault::Network { cluster, how } => {
                let proxy = &self.ways[usize::from(*cluster)].proxy;
                match how {
                    Way::Slow => proxy.poison(Toxic::Latency(Duration::from_millis(700))).await?,
                    Way::Silent => proxy.poison(Toxic::Silence).await?,
                    Way::Deaf => proxy.poison(Toxic::Deafness).await?,
                    Way::Reset => proxy.poison(Toxic::Reset).await?,
                    Way::Cut => proxy.poison(Toxic::CutAfter(3000)).await?,
                    Way::Closed => proxy.set_open(false).await?,
                }
                Some(Remedy::Way { cluster: *cluster })
            }
            Fault::Answers { cluster, answers } => {
                let answer = |reply: &Reply| match reply {
                    Reply::Real => Answer::Real,
                    Reply::Lost => Answer::Lost,
                    Reply::Code(code) => Answer::Code(*code),
                };
                self.ways[usize::from(*cluster)].answers.script(answers.iter().map(answer));
                None
            }
            Fault::Somebody { cluster, which, habit } => self.begin_habit(*cluster, *which, habit).await?,
            Fault::Webhook { cluster, seconds, refuses } => {
                self.add_webhook(*cluster, *seconds, *refuses).await?;
                Some(Remedy::Webhook { cluster: *cluster })
            }
            Fault::Throttled { times } => {
                let faults =
                    Faults { code: Some("Throttling".into()), times: Some((*times).into()), ..Faults::default() };
                Knobs::new(&self.endpoints).set_route53_faults(&faults).await?;
                Some(Remedy::Route53)
            }
        };
        // A lease has to end before it can be seen what a worker does that has lost it.
        let holds = if matches!(fault, Fault::WorkerFrozen { .. } | Fault::WorkerFreezesAt { .. }) {
            holds + crate::lane::LEASE + crate::lane::LEASE / 2
        } else {
            holds
        };
        self.ongoing.extend(remedy.map(|remedy| Ongoing { until: Instant::now() + holds, remedy }));
        Ok(())
    }

    /// Puts right what has been wrong for long enough; everything, when `all`.
    pub(crate) async fn heal(&mut self, all: bool) -> Result<()> {
        let now = Instant::now();
        let (over, ongoing) = std::mem::take(&mut self.ongoing).into_iter().partition(|it| all || it.until <= now);
        self.ongoing = ongoing;
        let over: Vec<Ongoing> = over;
        for ongoing in over {
            self.remedy(ongoing.remedy).await?;
        }
        if all {
            for way in &self.ways {
                way.answers.forget();
            }
            if !self.platform.api().is_running() {
                self.platform.start_api_again().await?;
            }
        }
        Ok(())
    }

    /// Lets connections to Postgres in again, before a program is started that needs one.
    pub(crate) async fn heal_database(&mut self) -> Result<()> {
        self.ongoing.retain(|ongoing| !matches!(ongoing.remedy, Remedy::Database));
        self.allow_connections(true).await
    }

    async fn another_worker(&mut self) -> Result<()> {
        self.heal_database().await?;
        self.platform.add_worker().await
    }

    /// As many workers as at the beginning.
    pub(crate) async fn fewer_workers(&mut self) {
        let running = |number: &usize| self.platform.workers()[*number].is_running();
        let running: Vec<usize> = (0..self.platform.workers().len()).filter(running).collect();
        for number in running.iter().skip(crate::lane::WORKERS) {
            self.platform.end_worker(*number).await;
        }
    }

    async fn remedy(&mut self, remedy: Remedy) -> Result<()> {
        match remedy {
            Remedy::Worker => self.another_worker().await?,
            Remedy::Disarm { worker, point } => {
                if self.platform.workers()[worker].is_frozen() {
                    self.platform.workers()[worker].thaw();
                }
                // It may die in this moment; then another one comes all the same.
                let disarmed = self.platform.arm_worker(worker, point.name, "off").await;
                if disarmed.is_err() || !self.platform.workers()[worker].is_running() {
                    self.platform.kill_worker(worker).await;
                    self.another_worker().await?;
                }
            }
            Remedy::Thaw { worker } => self.platform.workers()[worker].thaw(),
            Remedy::Nats => self.nats.start_again().await?,
            Remedy::Database => self.allow_connections(true).await?,
            Remedy::Way { cluster } => {
                let proxy = &self.ways[usize::from(cluster)].proxy;
                proxy.heal().await?;
                proxy.set_open(true).await?;
            }
            Remedy::Habit(end) => self.end_habit(end).await?,
            Remedy::Webhook { cluster } => self.remove_webhook(cluster).await?,
            Remedy::Route53 => Knobs::new(&self.endpoints).set_route53_faults(&Faults::default()).await?,
        }
        Ok(())
    }

    /// One of the workers that run and are not frozen.
    fn living(&self, worker: Pick) -> Option<usize> {
        let workers = self.platform.workers().iter().enumerate();
        let living: Vec<usize> =
            workers.filter(|(_, worker)| worker.is_running() && !worker.is_frozen()).map(|(n, _)| n).collect();
        living.get(usize::from(worker) % living.len().max(1)).copied()
    }

    async fn arm(&self, worker: Pick, point: u8, after: u8, action: &str) -> Result<Option<Remedy>> {
        let Some(worker) = self.living(worker) else { return Ok(None) };
        let point = POINTS[usize::from(point) % POINTS.len()];
        let actions = match after {
            0 => format!("1*return({action})"),
            after => format!("{after}*off->1*return({action})"),
        };
        // One that dies by something else in this moment is dead all the same.
        let armed = self.platform.arm_worker(worker, point.name, &actions).await;
        Ok(Some(if armed.is_ok() { Remedy::Disarm { worker, point } } else { Remedy::Worker }))
    }

    async fn cut_connections(&self) -> Result<()> {
        let mut admin = PgConnection::connect(&self.endpoints.postgres.url).await?;
        let text =
            format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'", self.database);
        admin.execute(AssertSqlSafe(text)).await?;
        Ok(())
    }

    async fn allow_connections(&self, allow: bool) -> Result<()> {
        let mut admin = PgConnection::connect(&self.endpoints.postgres.url).await?;
        admin
            .execute(AssertSqlSafe(format!("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {allow}", self.database)))
            .await?;
        Ok(())
    }

    async fn send_hints(&self) -> Result<()> {
        let bus = Bus::connect(&self.nats.url(), &self.database).await?;
        // Without a connection they are lost, and that is a hint's right.
        let connected = tokio::time::timeout(Duration::from_millis(200), async {
            while !bus.is_connected() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        if connected.await.is_err() {
            return Ok(());
        }
        for (kind, id) in self.known_ids() {
            for cluster_id in [0, self.ways[0].runtime, self.ways[1].runtime] {
                let Ok(kind) = kind.parse() else { continue };
                bus.publish(&Hint { kind, id, cluster_id });
                // A record that was never made, of another kind.
                bus.publish(&Hint { kind: Kind::Event, id: id + 1, cluster_id });
            }
        }
        bus.flush().await;
        Ok(())
    }
}
