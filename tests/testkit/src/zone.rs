//! Hosted zones of the Route53 emulator, as a test or the demo reads and makes them.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use causeway_rig::{Endpoints, Knobs};

/// Records of a zone: values by name and type, such as `("www.example.test.", "A")`.
pub type Records = BTreeMap<(String, String), Vec<String>>;

/// Makes a public hosted zone and returns its id.
///
/// # Errors
/// When the emulator refuses.
pub async fn create_zone(endpoints: &Endpoints, name: &str) -> Result<String> {
    create(endpoints, name, false).await
}

/// Makes a private hosted zone and returns its id.
///
/// # Errors
/// When the emulator refuses.
pub async fn create_private_zone(endpoints: &Endpoints, name: &str) -> Result<String> {
    create(endpoints, name, true).await
}

async fn create(endpoints: &Endpoints, name: &str, private: bool) -> Result<String> {
    let body = format!(
        r#"<CreateHostedZoneRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Name>{name}</Name><CallerReference>{name}-{}</CallerReference><HostedZoneConfig><PrivateZone>{private}</PrivateZone></HostedZoneConfig></CreateHostedZoneRequest>"#,
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

/// Puts a record into a zone, as a person would.
///
/// # Errors
/// When the emulator refuses.
pub async fn put_record(endpoints: &Endpoints, zone: &str, name: &str, kind: &str, value: &str) -> Result<()> {
    change_record(endpoints, zone, "UPSERT", (name, kind, value)).await
}

/// Takes a record with this one value out of a zone.
///
/// # Errors
/// When the emulator refuses.
pub async fn remove_record(endpoints: &Endpoints, zone: &str, name: &str, kind: &str, value: &str) -> Result<()> {
    change_record(endpoints, zone, "DELETE", (name, kind, value)).await
}

async fn change_record(
    endpoints: &Endpoints,
    zone: &str,
    action: &str,
    (name, kind, value): (&str, &str, &str),
) -> Result<()> {
    let value = value.replace('"', "&quot;");
    let body = format!(
        "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes><Change>\
         <Action>{action}</Action><ResourceRecordSet><Name>{name}</Name><Type>{kind}</Type><TTL>60</TTL><ResourceRecords>\
         <ResourceRecord><Value>{value}</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change></Changes>\
         </ChangeBatch></ChangeResourceRecordSetsRequest>"
    );
    let url = format!("{}/2013-04-01/hostedzone/{zone}/rrset", endpoints.route53_url);
    let answer = reqwest::Client::new().post(url).body(body).send().await?;
    ensure!(answer.status().is_success(), "{}", answer.text().await?);
    Ok(())
}
