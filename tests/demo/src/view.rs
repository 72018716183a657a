//! What the terminal shows: each condition as it turns True, and the one that is waited for. Logs go to files.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::IsTerminal,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use causeway_testkit::{ApiClient, is_true};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use crate::sample::Made;

/// A command line of `causeway` at this API, from the folder of the repository, where `make up` runs. It names the API, because the reader may have a context
/// of another control plane.
pub(crate) fn causeway_line(url: &str, words: &str) -> String {
    format!("target/debug/causeway --server {url} {words}")
}

pub(crate) struct View;

impl View {
    /// A new chapter.
    pub(crate) fn title(text: &str) {
        println!("\n{text}");
    }

    /// Something was found as it should be.
    pub(crate) fn checked(text: &str) {
        println!("  ✓ {text}");
    }

    /// Shows every condition of the records as it turns True, until all of them are, those of support services and shared gateways included.
    pub(crate) async fn follow(client: &ApiClient, made: &[Made], deadline: Duration) -> Result<()> {
        let begun = Instant::now();
        let bar = waiting();
        let (mut shown, mut last) = (BTreeSet::new(), BTreeMap::new());
        loop {
            let mut blocking = None;
            for record in all(client, made).await? {
                let label = record.label();
                for condition in record.conditions() {
                    let kind = condition["Type"].as_str().unwrap_or_default().to_owned();
                    let message = condition["Message"].as_str().unwrap_or_default().to_owned();
                    if condition["Status"] == "True" {
                        if kind != "Ready" && shown.insert((label.clone(), kind.clone())) {
                            say(
                                &bar,
                                &format!(
                                    "  ✓ {:5.1} s  {label:<42} {kind:<24} {message}",
                                    begun.elapsed().as_secs_f64()
                                ),
                            );
                        }
                    } else if kind != "Ready" {
                        shown.remove(&(label.clone(), kind.clone()));
                        blocking.get_or_insert(format!("{label}: {kind}: {message}"));
                        last.insert((label.clone(), kind), message);
                    }
                }
                if !record.is_ready() {
                    blocking.get_or_insert(format!("{label}: not reconciled yet"));
                }
            }
            let Some(blocking) = blocking else {
                bar.finish_and_clear();
                println!("  every condition is True after {:.1} s", begun.elapsed().as_secs_f64());
                return Ok(());
            };
            if begun.elapsed() > deadline {
                bar.finish_and_clear();
                bail!("not everything works after {} s; still waiting for {blocking}", deadline.as_secs());
            }
            bar.set_message(shorten(&blocking, 150));
            bar.tick();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Where everything is, and what to try.
    pub(crate) fn addresses(url: &str, kubeconfig: &str, tries: &[String], took: Duration) {
        println!(
            "\nCauseway is up after {:.0} s.\n\n  API         {url}\n  Dashboard   {url}/ui\n  Swagger     {url}/swagger/\n  kubeconfig  {kubeconfig}\n\nTry:\n  {}\n\n\
             Ctrl-C ends everything.",
            took.as_secs_f64(),
            tries.join("\n  ")
        );
    }

    /// How long each chapter took.
    pub(crate) fn times(times: &[(&str, Duration)]) {
        println!("\nTimes");
        for (what, took) in times {
            println!("  {what:<40} {:6.1} s", took.as_secs_f64());
        }
    }
}

struct Seen {
    noun: String,
    record: Value,
}

impl Seen {
    fn label(&self) -> String {
        // The names of records that the API itself makes end with the id of their cluster, which says nothing to a reader here.
        let name = self.record["Name"].as_str().unwrap_or_default();
        let name = name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-');
        format!("{} {name}", self.noun)
    }

    fn conditions(&self) -> impl Iterator<Item = &Value> {
        self.record["Conditions"].as_array().into_iter().flatten()
    }

    fn is_ready(&self) -> bool {
        self.record["Reconciled"] == true && is_true(&self.record, "Ready")
    }
}

/// The records in the order of dependence: what the cluster needs first.
async fn all(client: &ApiClient, made: &[Made]) -> Result<Vec<Seen>> {
    let mut seen = vec![];
    let noun = |plural: &str| plural.strip_suffix('s').unwrap_or(plural).replace('-', " ");
    for made in made.iter().filter(|made| made.plural.starts_with("kubernetes")) {
        seen.push(Seen { noun: noun(made.plural), record: client.get(made.plural, made.id).await? });
    }
    for plural in ["support-service-instances", "shared-gateways"] {
        for record in client.list(plural, "").await? {
            seen.push(Seen { noun: noun(plural), record });
        }
    }
    for made in made.iter().filter(|made| !made.plural.starts_with("kubernetes")) {
        seen.push(Seen { noun: noun(made.plural), record: client.get(made.plural, made.id).await? });
    }
    Ok(seen)
}

fn waiting() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg}") {
        bar.set_style(style);
    }
    if !std::io::stdout().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar
}

fn say(bar: &ProgressBar, line: &str) {
    if bar.is_hidden() { println!("{line}") } else { bar.println(line) }
}

fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most).chain("…".chars()).collect() }
}
