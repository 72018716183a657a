//! `causeway cluster list`: every cluster, who works on it, and how far behind.

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::Value;

use crate::{
    api::{Fields, name},
    args::Format,
    exit::Exit,
    failure::Outcome,
    output::{
        self, age,
        columns::value,
        data, summaries,
        table::{Cell, Table},
    },
    session::Session,
};

/// List the clusters.
#[derive(Args, Debug)]
pub(crate) struct List {}

impl List {
    pub(super) async fn run(&self, session: &Session) -> Outcome<Exit> {
        let clusters = session.api()?.clusters().await?;
        let told: Vec<_> = clusters.iter().map(data::with_text_ids).collect();
        let text = match session.format() {
            Some(Format::Json) => data::json(&told)?,
            Some(Format::Yaml) => data::yaml(&told)?,
            Some(Format::Name) => {
                let named =
                    |cluster: &Fields| format!("kubernetes-runtime-instance/{}\n", output::clean(name(cluster)));
                clusters.iter().map(named).collect()
            }
            None if clusters.is_empty() => {
                output::say("There is no cluster yet: causeway cluster add NAME\n");
                return Ok(Exit::Done);
            }
            wide => {
                let is_wide = wide == Some(Format::Wide);
                table(&clusters, is_wide, Utc::now()).text(output::width().filter(|_| !is_wide))
            }
        };
        output::print(&text)?;
        Ok(Exit::Done)
    }
}

fn table(clusters: &[Fields], wide: bool, now: DateTime<Utc>) -> Table {
    let mut heads = vec!["NAME", "STATE", "GATEWAYS", "DUE", "SINCE", "WORKER"];
    if wide {
        heads.extend(["ID", "WHAT IT SAYS"]);
    }
    let row = |cluster: &Fields| {
        let text = |key: &str| Cell::new(&value(cluster.get(key)));
        let since = |value: Option<&Value>| Cell::new(&age::of(value, now));
        let mut row = vec![
            Cell::new(name(cluster)),
            summaries::state(cluster),
            text("Gateways"),
            text("Due"),
            since(cluster.get("DueSince")),
            cluster.get("Worker").map_or_else(|| Cell::new("none"), |worker| Cell::new(&value(Some(worker)))),
        ];
        if wide {
            row.extend(["KubernetesRuntimeInstanceID", "Reachable"].map(text));
        }
        row
    };
    Table { heads: heads.into_iter().map(str::to_owned).collect(), rows: clusters.iter().map(row).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_cluster_says_who_works_on_it_and_what_is_due() {
        let cluster = |more: Value| {
            let mut cluster =
                json!({"KubernetesRuntimeInstanceID": 7, "Name": "eu", "Gateways": 412, "Due": 0, "Ready": "True"});
            cluster.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            cluster.as_object().unwrap().clone()
        };
        let good = cluster(json!({"Worker": "7c1f3a52", "Reachable": "the cluster answers"}));
        let step = json!({"Name": "us", "Due": 3, "DueSince": "1970-01-01T00:00:00Z", "Ready": "False", "BlockingStep": "ClusterReachable"});
        let now = DateTime::from_timestamp(300, 0).unwrap();
        let text = |wide| {
            let text = table(&[good.clone(), cluster(step.clone())], wide, now).text(None);
            anstream::adapter::strip_str(&text).to_string()
        };
        let expected = "NAME   STATE       GATEWAYS   DUE   SINCE   WORKER\n\
            eu     Ready       412        0             7c1f3a52\n\
            us     not Ready   412        3     5m      none\n";
        assert_eq!(text(false), expected);
        assert!(text(true).contains("7    the cluster answers"), "{}", text(true));
    }
}
