//! Pages of the dashboard over many gateway instances: how long the server takes for one, and how large it is on its way. The floor is the same as JSON, where
//! one route of the API has it: what it costs to read the records and to write them down.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use causeway_records::{Kind, status::NewCondition};
use causeway_store::{
    Store,
    lease::Lease,
    queue::{Key, Outcome},
};
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::header::ACCEPT_ENCODING;
use serde_json::json;

use super::{asked::definition, fixture::Fixture};
use crate::{
    client::{KeepAliveClient, TASKS},
    report::{Figure, Target, percentile},
};

/// Gateway instances that there are; every tenth isn't ready.
const INSTANCES: u64 = 10_000;
/// Times that a page is asked for.
const TIMES: usize = 200;
/// What a person doesn't wait for, in milliseconds.
const AT_ONCE: f64 = 100.0;
/// What a slow line takes at once, in kilobytes.
const SMALL: f64 = 60.0;

/// Measures the pages that show most.
///
/// # Errors
/// When a record can't be made, or a page isn't answered.
pub(super) async fn measure(fixture: &Fixture) -> Result<Vec<Figure>> {
    let (ids, runtime) = fill(fixture).await?;
    let middle = ids.get(ids.len() / 2).context("no instance")?;
    let shared = shared_gateway(fixture).await?;
    let pages = [
        ("fleet", "/ui".to_owned(), Some("/v0/blocked-records?size=25".to_owned())),
        ("gateways", "/ui/gateway-instances".to_owned(), Some(found(""))),
        (
            "gateways, a page in the middle",
            format!("/ui/gateway-instances?after={middle}"),
            Some(found(&format!("&after={middle}"))),
        ),
        ("gateways that are not ready", "/ui/gateway-instances?ready=False".to_owned(), Some(found("&ready=False"))),
        ("gateways by a part of a hostname", "/ui/gateway-instances?q=paged-77".to_owned(), Some(found("&q=paged-77"))),
        // Which may be the name of a load balancer as well.
        (
            "gateways by a whole hostname",
            "/ui/gateway-instances?q=paged-4711.bench.example".to_owned(),
            Some(found("&q=paged-4711.bench.example")),
        ),
        ("search", "/ui/search?q=paged-4".to_owned(), Some("/v0/search?q=paged-4&size=50".to_owned())),
        ("shared gateway", format!("/ui/shared-gateways/{shared}"), None),
        ("cluster", format!("/ui/kubernetes-runtime-instances/{runtime}"), None),
        ("hostname", "/ui/hostnames/paged-4711.bench.example".to_owned(), None),
        ("gateway", format!("/ui/gateway-instances/{middle}"), Some(format!("/v0/gateway-instances/{middle}"))),
        ("events", "/ui/events".to_owned(), None),
        ("events of one record", format!("/ui/events?id={middle}"), None),
    ];
    let mut figures = vec![];
    for (name, path, floor) in pages {
        let of = |path: &str| format!("{}{path}", fixture.platform.url());
        let (took, bytes, least) = asked_for(&of(&path), floor.as_deref().map(of)).await?;
        let case = format!("page {name}, {INSTANCES} gateway instances");
        let (mut time, mut size) =
            (Figure::new(format!("{case}, p95"), took, "ms"), Figure::new(format!("{case}, compressed"), bytes, "kB"));
        if let Some((took, bytes)) = least {
            (time, size) = (time.floor(took), size.floor(bytes));
        }
        figures.extend([time.target(Target::AtMost(AT_ONCE)), size.target(Target::AtMost(SMALL))]);
    }
    Ok(figures)
}

/// The records of a list of gateway instances, as JSON.
fn found(query: &str) -> String {
    format!("/v0/search?kind=GatewayInstance&size=50{query}")
}

/// Time and size of a page, and of its floor, in turn.
async fn asked_for(page: &str, floor: Option<String>) -> Result<(f64, f64, Option<(f64, f64)>)> {
    let client = reqwest::Client::new();
    let (mut of_page, mut of_floor) = (Samples::default(), Samples::default());
    for _ in 0..TIMES {
        of_page.take(&client, page).await?;
        if let Some(floor) = &floor {
            of_floor.take(&client, floor).await?;
        }
    }
    let (took, bytes) = of_page.result()?;
    Ok((took, bytes, floor.map(|_| of_floor.result()).transpose()?))
}

#[derive(Default)]
struct Samples {
    took: Vec<f64>,
    bytes: usize,
}

impl Samples {
    async fn take(&mut self, client: &reqwest::Client, url: &str) -> Result<()> {
        let begun = Instant::now();
        let answer = client.get(url).header(ACCEPT_ENCODING, "gzip").send().await?.error_for_status()?;
        ensure!(answer.headers().contains_key("content-encoding"), "{url} is not compressed");
        self.bytes = answer.bytes().await?.len();
        self.took.push(begun.elapsed().as_secs_f64() * 1000.0);
        Ok(())
    }

    /// Milliseconds of 95 in a hundred, and kilobytes.
    fn result(mut self) -> Result<(f64, f64)> {
        self.took.sort_by(f64::total_cmp);
        Ok((percentile(&self.took, 0.95), f64::from(u32::try_from(self.bytes)?) / 1000.0))
    }
}

async fn shared_gateway(fixture: &Fixture) -> Result<i64> {
    let list: serde_json::Value =
        reqwest::get(format!("{}/v0/shared-gateways?size=1", fixture.platform.url())).await?.json().await?;
    list["Data"][0]["ID"].as_i64().context("no shared gateway")
}

/// Gateway instances of one workload, each with a hostname of its own, and what a worker would say of them.
async fn fill(fixture: &Fixture) -> Result<(Vec<i64>, i64)> {
    let client = KeepAliveClient::new(fixture.platform.url());
    let of =
        client.create("kubernetes-runtime-definitions", &json!({"Name": "paged", "InfraProvider": "kind"})).await?;
    let runtime = json!({"Name": "paged", "Location": "Local", "KubernetesRuntimeDefinitionID": of});
    let runtime = client.create("kubernetes-runtime-instances", &runtime).await?;
    let of = client.create("workload-definitions", &json!({"Name": "paged", "YAMLDocument": "---"})).await?;
    let workload = json!({"Name": "paged", "KubernetesRuntimeInstanceID": runtime, "WorkloadDefinitionID": of});
    let workload = client.create("workload-instances", &workload).await?;
    let bodies = (0..INSTANCES).map(|n| {
        let mut body = definition("paged", n);
        body["HttpPorts"] = json!([{"Port": 80}]);
        body
    });
    let definitions = client.create_all("gateway-definitions", bodies.collect()).await?;
    let instances = definitions.iter().enumerate().map(|(n, definition)| {
        json!({"Name": format!("paged-{n}"), "GatewayDefinitionID": definition, "WorkloadInstanceID": workload, "KubernetesRuntimeInstanceID": runtime})
    });
    let ids = client.create_all("gateway-instances", instances.collect()).await?;
    let store = Store::connect(&fixture.platform.database_url(), u32::try_from(TASKS)?, Duration::from_secs(10))?;
    let told = ids.iter().enumerate().map(|(n, id)| tell(&store, runtime, *id, n % 10 != 0));
    stream::iter(told).buffer_unordered(TASKS).try_collect::<Vec<()>>().await?;
    while store.sequence_events(2000).await? > 0 {}
    super::fixture::analyze(&fixture.platform).await?;
    Ok((ids, runtime))
}

async fn tell(store: &Store, runtime: i64, id: i64, is_ready: bool) -> Result<()> {
    let refs = match is_ready {
        true => NewCondition::met("RefsResolved", "ResolvedRefs", "the Services behind the routes exist"),
        false => NewCondition::not_met(
            "RefsResolved",
            "BackendNotFound",
            format!(
                "Service causeway-paged/web, to which instance {id} leads, is not in the cluster; add it to the manifests of workload paged"
            ),
        ),
    };
    let steps = [
        "ClusterReachable",
        "SupportServicesInstalled",
        "Applied",
        "GatewayAccepted",
        "GatewayProgrammed",
        "AddressAssigned",
        "ListenersReady",
        "RoutesAccepted",
    ];
    let met =
        steps.map(|step| NewCondition::met(step, step, "it is as it was asked for, in a sentence of usual length"));
    let conditions = met.into_iter().chain([refs]).collect();
    let key = Key { kind: Kind::GatewayInstance, id };
    let claimed = store.begin(&key, Lease { cluster_id: runtime, epoch: 0 }).await?.context("the record is gone")?;
    store.complete(&claimed, &Outcome { applied: true, ..Outcome::with(conditions) }, 1).await?;
    Ok(())
}
