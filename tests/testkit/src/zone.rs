//! Hosted zones of the Route53 emulator, as a test or the demo reads and makes them.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use causeway_rig::{Endpoints, Knobs};

/// Records of a zone: values by name and type, such as `("www.example.test.", "A")`.
pub type Records = BTreeMap<(String, String), Vec<String>>;

/// Makes a hosted zone and returns its id.
///
/// # Errors
/// When the emulator refuses.
pub async fn create_zone(endpoints: &Endpoints, name: &str) -> Result<String> {
    let body = format!(
        r#"<CreateHostedZoneRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Name>{name}</Name><CallerReference>{name}-{}</CallerReference></CreateHostedZoneRequest>"#,
        uuid::Uuid::new_v4()
    );
    let url = format!("{}/2013-04-01/hostedzone", endpoints.route53_url);
    let response = reqwest::Client::new().post(url).body(body).send().await?.error_for_status()?;
    let text = response.text().await?;
    let id = text.split_once("<Id>").and_then(|(_, rest)| rest.split_once("</Id>")).map(|(id, _)| id);
    let id = id.with_context(|| format!("no zone id in {text}"))?;
    Ok(id.trim_start_matches("/hostedzone/").to_owned())
}

/// The records of a zone now, computed from the journal of its changes.
///
/// # Errors
/// When the emulator doesn't answer.
pub async fn records_of(endpoints: &Endpoints, zone: &str) -> Result<Records> {
    let mut records = Records::new();
    for entry in Knobs::new(endpoints).route53_journal(0).await? {
        if entry.zone_id.trim_start_matches("/hostedzone/") != zone {
            continue;
        }
        let key = (entry.name, entry.kind);
        if entry.action == "DELETE" {
            records.remove(&key);
        } else {
            records.insert(key, entry.values);
        }
    }
    Ok(records)
}
