//! Hosted zones of the Route53 emulator, as a test or the demo reads and makes them.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use causeway_rig::{Endpoints, JournalEntry, Knobs};

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

/// Takes a hosted zone away that holds nothing but what it was made with.
///
/// # Errors
/// When the emulator refuses.
pub async fn delete_zone(endpoints: &Endpoints, zone: &str) -> Result<()> {
    let url = format!("{}/2013-04-01/hostedzone/{zone}", endpoints.route53_url);
    let answer = reqwest::Client::new().delete(url).send().await?;
    ensure!(answer.status().is_success(), "{}", answer.text().await?);
    Ok(())
}

/// The records of a zone now, computed from the journal of its changes.
///
/// # Errors
/// When the emulator doesn't answer.
pub async fn records_of(endpoints: &Endpoints, zone: &str) -> Result<Records> {
    Ok(moments(endpoints, zone).await?.pop().map(|moment| moment.records).unwrap_or_default())
}

/// A zone after one request.
pub struct Moment {
    /// All its records.
    pub records: Records,
    /// The access key that the request was signed with.
    pub by: String,
}

/// A zone after each of the requests that changed it.
///
/// # Errors
/// When the emulator doesn't answer.
pub async fn moments(endpoints: &Endpoints, zone: &str) -> Result<Vec<Moment>> {
    let journal = Knobs::new(endpoints).route53_journal_of(zone, 0).await?;
    let mut records = Records::new();
    let mut moments = vec![];
    // All changes of a request are made at once.
    for request in journal.chunk_by(|one, next| one.change_id == next.change_id) {
        for entry in request {
            let key = (entry.name.clone(), entry.kind.clone());
            match entry.action.as_str() {
                "DELETE" => records.remove(&key),
                _ => records.insert(key, entry.values.clone()),
            };
        }
        let by = request.first().map(|entry| entry.access_key.clone()).unwrap_or_default();
        moments.push(Moment { records: records.clone(), by });
    }
    Ok(moments)
}

/// The records of one hostname and type: by set identifier, `None` for a plain one.
pub type Sets = BTreeMap<Option<String>, Weighted>;

/// What one of them says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weighted {
    /// `None`: it isn't a weighted one.
    pub weight: Option<i64>,
    /// In seconds; `None` for an alias.
    pub ttl: Option<i64>,
    /// What it leads to.
    pub values: Vec<String>,
}

/// The records of one name (`www.example.org`) and type, after each request that changed them.
///
/// # Errors
/// When the emulator doesn't answer.
pub async fn sets_over_time(endpoints: &Endpoints, zone: &str, name: &str, kind: &str) -> Result<Vec<Sets>> {
    let journal = Knobs::new(endpoints).route53_journal_of(zone, 0).await?;
    let is_it = |entry: &JournalEntry| entry.kind == kind && entry.name.trim_end_matches('.') == name;
    let changes: Vec<_> = journal.into_iter().filter(is_it).collect();
    let (mut sets, mut all) = (Sets::new(), vec![]);
    for request in changes.chunk_by(|one, next| one.change_id == next.change_id) {
        for entry in request {
            let set = Weighted { weight: entry.weight, ttl: entry.ttl, values: entry.values.clone() };
            match entry.action.as_str() {
                "DELETE" => sets.remove(&entry.set_identifier),
                _ => sets.insert(entry.set_identifier.clone(), set),
            };
        }
        all.push(sets.clone());
    }
    Ok(all)
}

/// The same now.
///
/// # Errors
/// When the emulator doesn't answer.
pub async fn sets_of(endpoints: &Endpoints, zone: &str, name: &str, kind: &str) -> Result<Sets> {
    Ok(sets_over_time(endpoints, zone, name, kind).await?.pop().unwrap_or_default())
}

/// Puts a record into a zone, as a person would.
///
/// # Errors
/// When the emulator refuses.
pub async fn put_record(endpoints: &Endpoints, zone: &str, name: &str, kind: &str, value: &str) -> Result<()> {
    change_records(endpoints, zone, "UPSERT", [(name.to_owned(), kind, value)]).await
}

/// Fills a zone with so many records of others, as one that grew for years.
///
/// # Errors
/// When the emulator refuses.
pub async fn fill_zone(endpoints: &Endpoints, zone: &str, domain: &str, records: usize) -> Result<()> {
    let numbers: Vec<usize> = (0..records).collect();
    // Route 53 takes so many in one request.
    for part in numbers.chunks(1000) {
        let records = part.iter().map(|n| (format!("other-{n}.{domain}"), "A", "192.0.2.77"));
        change_records(endpoints, zone, "CREATE", records).await?;
    }
    Ok(())
}

/// Takes a record with this one value out of a zone.
///
/// # Errors
/// When the emulator refuses.
pub async fn remove_record(endpoints: &Endpoints, zone: &str, name: &str, kind: &str, value: &str) -> Result<()> {
    change_records(endpoints, zone, "DELETE", [(name.to_owned(), kind, value)]).await
}

async fn change_records(
    endpoints: &Endpoints,
    zone: &str,
    action: &str,
    records: impl IntoIterator<Item = (String, &str, &str)>,
) -> Result<()> {
    let change = |(name, kind, value): (String, &str, &str)| {
        let value = value.replace('"', "&quot;");
        format!(
            "<Change><Action>{action}</Action><ResourceRecordSet><Name>{name}</Name><Type>{kind}</Type><TTL>60</TTL><ResourceRecords>\
             <ResourceRecord><Value>{value}</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change>"
        )
    };
    let changes: String = records.into_iter().map(change).collect();
    let body = format!(
        "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes>{changes}</Changes>\
         </ChangeBatch></ChangeResourceRecordSetsRequest>"
    );
    let url = format!("{}/2013-04-01/hostedzone/{zone}/rrset", endpoints.route53_url);
    let answer = reqwest::Client::new().post(url).body(body).send().await?;
    ensure!(answer.status().is_success(), "{}", answer.text().await?);
    Ok(())
}
