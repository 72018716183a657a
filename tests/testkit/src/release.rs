//! What a person does about a record in which something is held back: reads what would happen, and lets it.

use std::process::{Output, Stdio};

use anyhow::{Context, Result, ensure};
use causeway_rig::workspace_program;
use http::Method;
use serde_json::json;
use tokio::process::Command;

use crate::{ApiClient, ControlPlane};

/// Where a person does it.
#[derive(Clone, Copy, Debug)]
pub enum Release {
    /// The button of the dashboard, and the page that says first what will be done.
    Page,
    /// `causeway reconcile --release`.
    Command,
    /// A PATCH of the API.
    Patch,
}

/// A record in which something is held back.
#[derive(Clone, Copy, Debug)]
pub struct HeldRecord<'h> {
    /// Its kind, as in the API's paths.
    pub plural: &'h str,
    /// Its id.
    pub id: i64,
    /// The message of the condition that says what is held back.
    pub message: &'h str,
}

impl Release {
    /// Lets happen what is held back in a record. Beforehand it asks for another reconcile only, which is refused as long as something is held back.
    ///
    /// # Errors
    /// When the record isn't told of as held back, or isn't released.
    pub async fn release(self, platform: &ControlPlane, held: HeldRecord<'_>) -> Result<()> {
        let HeldRecord { plural, id, .. } = held;
        match self {
            Self::Page => press(&platform.client(), held).await,
            Self::Command => command(platform, held).await,
            Self::Patch => {
                platform.client().patch(plural, id, &json!({"Reconciled": false})).await?;
                Ok(())
            }
        }
    }
}

/// As a browser does.
async fn press(client: &ApiClient, held: HeldRecord<'_>) -> Result<()> {
    let record = format!("/ui/{}/{}", held.plural, held.id);
    let page = client.try_get(&record).await?.text;
    let leads_to = |verb: &str| page.contains(&format!("href=\"{record}/{verb}\""));
    ensure!(leads_to("release") && !leads_to("reconcile"), "the page doesn't offer to release it alone: {page}");
    let question = client.try_get(&format!("{record}/release")).await?;
    ensure!(
        question.code == 200 && question.text.contains(&escaped(held.message)),
        "it isn't said what would happen: {}",
        question.text
    );
    let send = async |verb: &str| {
        let headers = [("Sec-Fetch-Site", "same-origin"), ("Content-Type", "application/x-www-form-urlencoded")];
        client.send_raw(Method::POST, &format!("{record}/{verb}"), &headers, "").await
    };
    let other = send("reconcile").await?;
    ensure!(other.code == 409 && other.text.contains("nothing was done"), "it is not refused: {}", other.text);
    let done = send("release").await?;
    ensure!((done.code, done.header("location")) == (303, record.as_str()), "it is not released: {}", done.text);
    Ok(())
}

/// A text as a page has it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

async fn command(platform: &ControlPlane, held: HeldRecord<'_>) -> Result<()> {
    let record = platform.client().get(held.plural, held.id).await?;
    let name = record["Name"].as_str().context("it has no name")?;
    let reconcile = ["reconcile", held.plural, name];
    let refused = causeway(platform, &reconcile).await?;
    let said = String::from_utf8_lossy(&refused.stderr);
    ensure!(
        refused.status.code() == Some(2) && said.contains(held.message),
        "it is not said what would happen: {refused:?}"
    );
    ensure!(said.contains("--release"), "it is not said how it is released: {said}");
    let done = causeway(platform, &[&reconcile[..], &["--release"]].concat()).await?;
    ensure!(done.status.success(), "it is not released: {done:?}");
    Ok(())
}

async fn causeway(platform: &ControlPlane, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(workspace_program("causeway")?);
    command.args(["--server", &platform.url()]).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command.output().await.context("can't run causeway")
}
