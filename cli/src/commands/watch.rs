//! `causeway watch [KIND…]`: follows what happens to records, over the API's stream of events.

use chrono::{DateTime, Local, Utc};
use clap::Args;
use serde_json::Value;
use std::time::Duration;
use tokio::time::sleep;

use crate::{
    api::{Api, id},
    args::Format,
    exit::Exit,
    failure::{Failure, Outcome},
    kinds,
    output::{
        self, clean, columns,
        style::{BAD, FAINT, GOOD, PLAIN, WAITING, paint},
    },
    session::Session,
};

/// Between two attempts to go on.
const PAUSE: Duration = Duration::from_secs(1);

/// Follow what happens to records. A stream that ends is taken up where it ended, so nothing is missed.
#[derive(Args, Debug)]
pub(crate) struct Watch {
    /// Only these kinds.
    kinds: Vec<String>,
    /// Only the records of this name.
    #[arg(long)]
    name: Option<String>,
    /// Only the record of this id.
    #[arg(long)]
    id: Option<i64>,
    /// Only the records of this cluster.
    #[arg(long, value_name = "NAME")]
    runtime: Option<String>,
    /// Only these types: created, changed, condition, reconciled, deleting, deleted. With commas between them.
    #[arg(long)]
    types: Option<String>,
    /// Position to begin after, from an earlier line. Without it: now.
    #[arg(long, value_name = "POSITION")]
    since: Option<String>,
    /// End after this time, such as 30s; 0s prints what has happened since the position, and ends.
    #[arg(long = "for", value_parser = humantime::parse_duration, value_name = "TIME")]
    wait: Option<Duration>,
}

impl Watch {
    pub(crate) async fn run(&self, session: &Session) -> Outcome<Exit> {
        let api = session.api()?;
        let filters = self.filters(&api).await?;
        let end = self.wait.map(|wait| tokio::time::Instant::now() + wait);
        let (mut since, mut begun) = (self.since.clone(), false);
        loop {
            let mut query: Vec<(&str, &str)> = filters.iter().map(|(key, value)| (*key, value.as_str())).collect();
            let wait = end.map(|end| (end - tokio::time::Instant::now()).as_secs().to_string());
            query.extend(since.as_deref().map(|since| ("since", since)));
            query.extend(wait.as_deref().map(|wait| ("wait", wait)));
            match api.watch(&query).await {
                Ok(mut lines) => {
                    begun = true;
                    while let Some(line) = lines.next().await {
                        since = print(&line, session.format())?.or(since);
                    }
                }
                // A server that restarts is no end.
                Err(failure) if begun && failure.exit == Exit::Unreachable => {}
                Err(failure) => return Err(failure),
            }
            if end.is_some_and(|end| tokio::time::Instant::now() + PAUSE >= end) {
                return Ok(Exit::Done);
            }
            sleep(PAUSE).await;
        }
    }

    async fn filters(&self, api: &Api) -> Outcome<Vec<(&'static str, String)>> {
        let mut filters = vec![];
        let plurals = self.kinds.iter().map(|kind| kinds::kind(kind).map(|kind| kind.info().plural));
        let plurals = plurals.collect::<Outcome<Vec<_>>>()?;
        if !plurals.is_empty() {
            filters.push(("kinds", plurals.join(",")));
        }
        filters.extend(self.types.clone().map(|types| ("types", types)));
        filters.extend(self.name.clone().map(|name| ("name", name)));
        filters.extend(self.id.map(|id| ("id", id.to_string())));
        if let Some(runtime) = &self.runtime {
            let runtime = api.find(causeway_records::Kind::KubernetesRuntimeInstance, runtime).await?;
            filters.push(("runtime", id(&runtime).to_string()));
        }
        Ok(filters)
    }
}

/// Prints an event, and answers with its position.
fn print(line: &[u8], format: Option<Format>) -> Outcome<Option<String>> {
    let event: Value = serde_json::from_slice(line)
        .map_err(|error| Failure::new(Exit::Unreachable, "Unreachable", format!("this is no event: {error}")))?;
    let position = event["Position"].as_str().map(str::to_owned);
    let kind = event["Type"].as_str().unwrap_or_default();
    match format {
        // A line for each event, as it came.
        Some(Format::Json) => output::print(&format!("{}\n", String::from_utf8_lossy(line)))?,
        Some(Format::Yaml) => output::print(&format!("---\n{}", output::data::yaml(&event)?))?,
        _ if kind == "position" => {}
        _ if kind == "reset" => {
            let reason = clean(event["Reason"].as_str().unwrap_or_default());
            output::say(&format!("Events were lost ({reason}): look at the records again, then go on here.\n"));
        }
        Some(Format::Name) => output::print(&named(&event))?,
        _ => output::print(&text(&event))?,
    }
    Ok(position)
}

fn named(event: &Value) -> String {
    let kind = event["Kind"].as_str().and_then(|kind| kind.parse::<causeway_records::Kind>().ok());
    let label = kind.map_or_else(|| event["Kind"].to_string(), |kind| kind.label().to_owned());
    format!("{label}/{}\n", clean(&called(event)))
}

fn called(event: &Value) -> String {
    event["Name"].as_str().map_or_else(|| columns::value(event.get("ID")), str::to_owned)
}

/// `12:00:05   condition    GatewayInstance shop   Ready False: GatewayProgrammed`.
fn text(event: &Value) -> String {
    let word = |value: &Value| clean(value.as_str().unwrap_or_default());
    let time = event["Time"].as_str().and_then(|time| time.parse::<DateTime<Utc>>().ok());
    let time = time.map(|time| time.with_timezone(&Local).format("%H:%M:%S").to_string()).unwrap_or_default();
    let condition = &event["Condition"];
    let status = word(&condition["Status"]);
    let (kind, style) = match word(&event["Type"]) {
        kind if kind == "condition" && status == "True" => (kind, GOOD),
        kind if kind == "condition" && status == "False" => (kind, BAD),
        kind if kind == "deleting" || kind == "deleted" => (kind, WAITING),
        kind => (kind, PLAIN),
    };
    let told = match condition {
        Value::Null => String::new(),
        _ => format!(
            "   {} {}",
            word(&condition["Type"]),
            paint(style, &format!("{status}: {}", word(&condition["Reason"])))
        ),
    };
    let kind = format!("{kind:<10}");
    let kind = if told.is_empty() { paint(style, &kind) } else { kind };
    format!(
        "{}   {kind}   {} {}{told}\n",
        paint(FAINT, &time),
        paint(FAINT, &word(&event["Kind"])),
        clean(&called(event))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_for_an_event() {
        let plain = |event: &Value| anstream::adapter::strip_str(&text(event)).to_string();
        let mut event = json!({
            "Position": "1-2", "Type": "condition", "Kind": "GatewayInstance", "ID": 7, "Name": "shop", "Time": "2026-01-31T12:00:05Z",
            "Condition": {"Type": "Ready", "Status": "False", "Reason": "GatewayProgrammed"},
        });
        assert!(
            plain(&event).ends_with("   condition    GatewayInstance shop   Ready False: GatewayProgrammed\n"),
            "{}",
            plain(&event)
        );
        event["Condition"] = Value::Null;
        event["Type"] = json!("deleted");
        event["Name"] = Value::Null;
        assert!(plain(&event).ends_with("   deleted      GatewayInstance 7\n"), "{}", plain(&event));
        assert_eq!(named(&event), "gateway-instance/7\n");
    }
}
