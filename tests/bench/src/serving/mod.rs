//! The API beside the same work written by hand: requests per second, time of each, processor time, memory.

mod asked;
mod fixture;
pub mod floor;
mod load;
mod pages;

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use self::{
    asked::Asked,
    fixture::Fixture,
    load::{Answers, Connections, Target},
};

use crate::{
    counts::{peak_memory, processor},
    report::{Figure, Report, Target as Bound, percentile},
};

/// How much is measured.
#[derive(Clone, Debug, clap::Args)]
pub struct Sizes {
    /// Numbers of connections; the targets are for 64.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64])]
    pub connections: Vec<usize>,
    /// Rounds of each case, in each of which value and floor take turns.
    #[arg(long, default_value_t = 7)]
    pub rounds: usize,
    /// Milliseconds of a turn.
    #[arg(long, default_value_t = 1000)]
    pub turn: u64,
    /// Gateway definitions that are stored when the measuring begins.
    #[arg(long, default_value_t = 1000)]
    pub records: u64,
    /// Which cases: any of get, list, patch, create, events, empty, secure, pages. Those before `create` find the records as they were at the beginning.
    #[arg(long, value_delimiter = ',', default_values_t = ["get", "list", "patch", "create", "events", "empty", "secure", "pages"].map(String::from))]
    pub cases: Vec<String>,
}

/// The number of connections that targets are for.
const MANY: usize = 64;

/// Measures everything that was asked for.
///
/// # Errors
/// When something fails; what was measured until then is in the report.
pub async fn run(report: &mut Report, sizes: &Sizes) -> Result<()> {
    let fixture = Fixture::start(sizes.records).await?;
    same_answers(&fixture).await?;
    let mut bench = Bench { fixture, report, sizes };
    let (get, patch) = (asked::get(&bench.fixture.ids), asked::patch(&bench.fixture.ids));
    for case in &sizes.cases {
        match case.as_str() {
            "get" => bench.operation("get", &get, 0.9).await?,
            "list" => bench.operation("list of 50", &asked::list(), 0.9).await?,
            "patch" => bench.operation("patch", &patch, 0.65).await?,
            "create" => bench.operation("create", &asked::create(), 0.9).await?,
            "events" => bench.events().await?,
            "empty" => bench.empty().await?,
            "secure" => bench.secure(&get).await?,
            "pages" => pages::measure(&bench.fixture).await?.into_iter().for_each(|figure| bench.report.add(figure)),
            other => bail!("no case {other}: there are get, list, patch, create, events, empty, secure and pages"),
        }
    }
    let memory = peak_memory(bench.fixture.platform.api().pid())?;
    let floor = peak_memory(bench.fixture.floor()?)?;
    bench.report.add(Figure::new("memory of the API, at most", memory, "MB").floor(floor));
    bench.fixture.stop().await;
    Ok(())
}

/// What is compared must do the same: both read alike, and write records with the same fields.
async fn same_answers(fixture: &Fixture) -> Result<()> {
    let one = fixture.ids.get(..1).context("at least one record is needed")?;
    let mut both = [Connections::open(&fixture.api, 1).await?, Connections::open(&fixture.layered, 1).await?];
    let mut answers = async |asked: Arc<Asked>| -> Result<[Value; 2]> {
        Ok([both[0].once(&asked).await?, both[1].once(&asked).await?])
    };
    let fields = |answer: &Value| Some(answer["Data"][0].as_object()?.keys().cloned().collect::<Vec<_>>());
    for asked in [asked::get(one), asked::list()] {
        let [api, floor] = answers(asked).await?;
        if api != floor {
            bail!("the API answers {api}\nand the hand-written server {floor}");
        }
    }
    for asked in [asked::create(), asked::patch(one)] {
        let [api, floor] = answers(asked).await?;
        if fields(&api) != fields(&floor) {
            bail!("the API writes {api}\nand the hand-written server {floor}");
        }
    }
    Ok(())
}

struct Bench<'a> {
    fixture: Fixture,
    report: &'a mut Report,
    sizes: &'a Sizes,
}

/// A server that takes turns with others, its process, and what it is asked for.
type Side<'a> = (&'a Target, i32, &'a Arc<Asked>);

/// What becomes of the events that a turn has left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Events {
    /// The next turn begins when all have their positions: both sides write to one inbox.
    Numbered,
    /// The next turn begins at once.
    Left,
}

/// A turn of one side.
struct Turn {
    answers: Answers,
    /// Processor time of the server for each answer, in microseconds.
    server: f64,
    /// The same of Postgres.
    postgres: f64,
}

/// What a turn has shown, as one number.
type Number = fn(&Turn) -> f64;

const RATE: Number = |turn| turn.answers.rate;
const P50: Number = |turn| percentile(&turn.answers.took, 0.5);
const P99: Number = |turn| percentile(&turn.answers.took, 0.99);

/// The numbers of two sides, by round.
fn pairs(rounds: &[Vec<Turn>], [value, floor]: [usize; 2], number: Number) -> Vec<(f64, f64)> {
    rounds.iter().map(|turns| (number(&turns[value]), number(&turns[floor]))).collect()
}

impl Bench<'_> {
    /// One operation beside its floor: requests per second and time of each; for many connections also where the time goes.
    async fn operation(&mut self, name: &str, asked: &Arc<Asked>, least: f64) -> Result<()> {
        let (api, floor) = (self.fixture.platform.api().pid(), self.fixture.floor()?);
        for count in &self.sizes.connections {
            let sides = [
                (&self.fixture.api, api, asked),
                (&self.fixture.layered, floor, asked),
                (&self.fixture.bare, floor, asked),
            ];
            let rounds = self.rounds(&sides, *count, Events::Numbered).await?;
            let case = format!("{name}, {}", connections(*count));
            let figure = |what: &str, floor: usize, number: Number, unit| {
                Figure::paired(format!("{case}{what}"), &pairs(&rounds, [0, floor], number), unit)
            };
            let rate = figure("", 1, RATE, "1/s");
            let many = *count == MANY;
            self.report.add(if many { rate.target(Bound::RatioAtLeast(least)) } else { rate });
            self.report.add(figure(", p50", 1, P50, "ms"));
            self.report.add(figure(", p99", 1, P99, "ms"));
            if many {
                self.report.add(figure(", processor time of the server", 1, |turn| turn.server, "µs"));
                self.report.add(figure(", processor time of Postgres", 1, |turn| turn.postgres, "µs"));
                self.report.add(figure(", ÷ without layers", 2, RATE, "1/s"));
            }
        }
        Ok(())
    }

    /// What it costs a writer that events are kept.
    async fn events(&mut self) -> Result<()> {
        let (without, target) = self.fixture.without_events().await?;
        let (api, other) = (self.fixture.platform.api().pid(), without.api().pid());
        let create = asked::create();
        for count in &self.sizes.connections {
            let sides = [(&self.fixture.api, api, &create), (&target, other, &create)];
            let rounds = self.rounds(&sides, *count, Events::Left).await?;
            let case = format!("create, {}, ÷ without events", connections(*count));
            let rate = Figure::paired(case, &pairs(&rounds, [0, 1], RATE), "1/s");
            self.report.add(if *count == MANY { rate.target(Bound::RatioAtLeast(0.9)) } else { rate });
        }
        without.stop().await;
        Ok(())
    }

    /// The floor of everything: what axum does when there is nothing to do.
    async fn empty(&mut self) -> Result<()> {
        let (version, empty) = (asked::path("/version"), asked::path(floor::EMPTY));
        let (api, floor) = (self.fixture.platform.api().pid(), self.fixture.floor()?);
        for count in &self.sizes.connections {
            let sides = [(&self.fixture.api, api, &version), (&self.fixture.bare, floor, &empty)];
            let rounds = self.rounds(&sides, *count, Events::Left).await?;
            let case = format!("/version, {}, ÷ an empty handler", connections(*count));
            self.report.add(Figure::paired(case, &pairs(&rounds, [0, 1], RATE), "1/s"));
        }
        Ok(())
    }

    /// TLS and a token, beside neither.
    async fn secure(&mut self, get: &Arc<Asked>) -> Result<()> {
        let (platform, target) = self.fixture.secure().await?;
        let made = Connections::open(&target, 1).await?.once(&asked::create()).await?;
        let own = asked::get(&[made["Data"][0]["ID"].as_i64().context("the new record has no ID")?]);
        let (pid, plain) = (platform.api().pid(), self.fixture.platform.api().pid());
        for count in &self.sizes.connections {
            let sides = [(&target, pid, &own), (&self.fixture.api, plain, get)];
            let rounds = self.rounds(&sides, *count, Events::Left).await?;
            let case = format!("get with TLS and token, {}, ÷ without", connections(*count));
            self.report.add(Figure::paired(case, &pairs(&rounds, [0, 1], RATE), "1/s"));
        }
        platform.stop().await;
        Ok(())
    }

    /// Rounds in which each side has a turn; the sides are in the order in which they were given. What comes before the first round, such as
    /// Postgres's plans, doesn't count.
    async fn rounds(&self, sides: &[Side<'_>], count: usize, events: Events) -> Result<Vec<Vec<Turn>>> {
        let mut connections = vec![];
        for (target, ..) in sides {
            connections.push(Connections::open(target, count).await?);
        }
        let mut rounds = vec![];
        for round in 0..=self.sizes.rounds {
            let mut turns = vec![];
            for (connections, (_, pid, asked)) in connections.iter_mut().zip(sides) {
                if events == Events::Numbered {
                    self.fixture.settled().await?;
                }
                turns.push(self.turn(connections, *pid, asked).await?);
            }
            if round > 0 {
                rounds.push(turns);
            }
        }
        Ok(rounds)
    }

    async fn turn(&self, connections: &mut Connections, server: i32, asked: &Arc<Asked>) -> Result<Turn> {
        let used = || Ok::<_, anyhow::Error>((processor(server)?, processor(self.fixture.postgres())?));
        let before = used()?;
        let answers = connections.turn(asked, Duration::from_millis(self.sizes.turn)).await?;
        let after = used()?;
        let each = |seconds: f64| seconds * 1e6 / answers.took.len().max(1) as f64;
        let (server, postgres) = (each(after.0 - before.0), each(after.1 - before.1));
        Ok(Turn { answers, server, postgres })
    }
}

fn connections(count: usize) -> String {
    if count == 1 { "1 connection".to_owned() } else { format!("{count} connections") }
}
