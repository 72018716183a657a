//! A condition that flips, and how long until an open page of the dashboard shows it (j).

use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::{Sizes, fixture::Fixture, sorted};
use crate::report::{Figure, Report, Target, percentile};

/// Before the first sample that counts.
const WARM: usize = 3;
/// How long one thing is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longer than a page rests that was told of something.
const REST: Duration = Duration::from_millis(700);
/// What a person takes for at once, in milliseconds.
const AT_ONCE: f64 = 1000.0;

pub(super) async fn run(report: &mut Report, sizes: &Sizes) -> Result<()> {
    let fixture = Fixture::start("bench_page").await?;
    let workload = fixture.workloads_for(1).await?.ids[0];
    fixture.settled().await?;
    let mut page = OpenPage::open(fixture.platform.url(), &format!("/ui/workload-instances/{workload}")).await?;
    let (mut shown, mut whole, mut floors) = (vec![], vec![], vec![]);
    for sample in 0..sizes.samples + WARM {
        // Of time itself: a page is told of something twice a second at most. This one hasn't just been told.
        sleep(REST).await;
        let begun = Instant::now();
        page.read().await?;
        let floor = begun.elapsed();
        let (answered, seen, asked) = flip(&fixture, &mut page, workload, sample % 2 == 0).await?;
        if sample >= WARM {
            // The page may come first: the API is asked again and again.
            shown.push(seen.saturating_duration_since(answered));
            whole.push(seen - asked);
            floors.push(floor);
        }
    }
    let (shown, whole, floors) = (sorted(&shown), sorted(&whole), sorted(&floors));
    let case = "j: a condition that flips, from the API's answer to the page";
    let figure = |share: f64, name: &str| {
        Figure::new(format!("{case}, {name}"), percentile(&shown, share), "ms").floor(percentile(&floors, share))
    };
    report.add(figure(0.5, "p50"));
    report.add(figure(0.99, "p99").target(Target::AtMost(AT_ONCE)));
    report.add(Figure::new("j: PATCH of a record to the page, p50", percentile(&whole, 0.5), "ms"));
    fixture.stop().await;
    Ok(())
}

/// Pauses a record or goes on with it, which a worker then reports. When the API answers that, when the page shows it, and when it was asked for.
async fn flip(
    fixture: &Fixture,
    page: &mut OpenPage,
    workload: i64,
    paused: bool,
) -> Result<(Instant, Instant, Instant)> {
    let asked = Instant::now();
    fixture.api.patch("workload-instances", workload, &json!({"InterruptReconciliation": paused})).await?;
    let answered = async {
        loop {
            let record = fixture.api.get("workload-instances", workload).await?;
            if is_paused(&record) == paused {
                return anyhow::Ok(Instant::now());
            }
        }
    };
    let both = async { tokio::try_join!(answered, page.until(|text| text.contains("<b>Paused") == paused)) };
    let (answered, seen) = timeout(PATIENCE, both).await.context("the condition doesn't flip")??;
    Ok((answered, seen, asked))
}

fn is_paused(record: &Value) -> bool {
    let conditions = record["Conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    conditions.iter().any(|condition| condition["Type"] == "Paused" && condition["Status"] != "True")
}

/// A page that is open, with the stream that says when to ask for it anew. It does what the page's scripts do, but for showing it.
struct OpenPage {
    client: Client,
    url: String,
    stream: Response,
    /// What has come of the next message.
    text: String,
}

impl OpenPage {
    async fn open(api: String, path: &str) -> Result<Self> {
        let (client, url) = (Client::new(), format!("{api}{path}"));
        let page = client.get(&url).send().await?.error_for_status()?.text().await?;
        let (_, rest) = page.split_once("hx-sse:connect=\"").context("the page follows nothing")?;
        let (address, _) = rest.split_once('"').context("its stream has no address")?;
        let stream = client.get(format!("{api}{}", address.replace("&amp;", "&"))).send().await?.error_for_status()?;
        Ok(Self { client, url, stream, text: String::new() })
    }

    async fn read(&self) -> Result<String> {
        Ok(self.client.get(&self.url).send().await?.error_for_status()?.text().await?)
    }

    /// Asks for the page each time that it is told to, until it is as wanted.
    async fn until(&mut self, is_wanted: impl Fn(&str) -> bool) -> Result<Instant> {
        loop {
            self.told().await?;
            if is_wanted(&self.read().await?) {
                return Ok(Instant::now());
            }
        }
    }

    /// Waits until something happened that the page shows.
    async fn told(&mut self) -> Result<()> {
        loop {
            if let Some((message, rest)) = self.text.split_once("\n\n") {
                let is_news = message.starts_with("event: news");
                self.text = rest.to_owned();
                if is_news {
                    return Ok(());
                }
                continue;
            }
            let chunk = self.stream.chunk().await?.context("the stream has ended")?;
            self.text += std::str::from_utf8(&chunk)?;
        }
    }
}
