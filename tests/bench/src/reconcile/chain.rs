//! The whole chain (i): one POST of a gateway instance, until a user who knows nothing but a name gets the workload's answer; beside the same objects,
//! applied all at once by a plain client that writes the DNS record itself.
//!
//! On the rig's main cluster, with the real controllers, which are warm: a first gateway of the same domain is served before anything is measured.
//!
//! HTTPS is measured twice. cert-manager writes its proof, asks Route 53 at once whether it is in sync, and where it isn't sleeps for a fixed 4 s before it
//! asks again. The emulator keeps a change PENDING for a tenth of a second, so these 4 s are in every certificate. Without any PENDING the rest of the chain is
//! seen.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, ensure};
use causeway_rig::{Endpoints, Faults, Knobs};
use causeway_testkit::{
    ApiClient, ControlPlane, DOMAIN, INSTALLED, Setup, Visitor, add_domain_name, add_gateway, add_runtime,
    add_workload_of, answering, id_of, kube_client, unique_name,
    zone::{create_zone, put_record},
};
use chrono::{DateTime, Utc};
use http::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::time::{Instant, sleep, timeout};

use super::{Sizes, floor, sorted};
use crate::report::{Figure, Report, Target, percentile};

/// How long the answer may take.
const ANSWERED_WITHIN: Duration = Duration::from_secs(120);
/// Between two requests of the user.
const LOOK: Duration = Duration::from_millis(10);
/// The steps between the request and the answer, in the order in which they are waited for.
const STEPS: [&str; 6] =
    ["Applied", "GatewayProgrammed", "ListenersReady", "CertificatesReady", "RoutesAccepted", "DnsPublished"];

struct Chain {
    endpoints: Endpoints,
    platform: ControlPlane,
    client: ApiClient,
    pool: PgPool,
    kube: kube::Client,
    visitor: Visitor,
    runtime: i64,
    workload: i64,
    domain: i64,
    zone: String,
    /// What the workload answers, and the domain's first label.
    name: String,
}

/// What is asked for at a gateway.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn text(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn ports(self) -> Value {
        match self {
            Self::Http => json!([{"Port": 80}]),
            Self::Https => json!([{"Port": 443, "TLSEnabled": true}]),
        }
    }
}

/// What is measured.
struct Case {
    scheme: Scheme,
    /// How long a change of a zone stays PENDING, in milliseconds; None: as long as the emulator takes by itself.
    pending_milliseconds: Option<u64>,
    /// The p50 that is aimed at, in milliseconds.
    most: f64,
    /// What its hostnames begin with, and what its steps are called.
    label: &'static str,
    /// What the user gets.
    answer: &'static str,
}

const CASES: [Case; 3] = [
    Case { scheme: Scheme::Http, pending_milliseconds: None, most: 1500.0, label: "http", answer: "HTTP 200" },
    Case {
        scheme: Scheme::Https,
        pending_milliseconds: None,
        most: 5000.0,
        label: "https",
        answer: "HTTPS 200, certificate by DNS-01",
    },
    Case {
        scheme: Scheme::Https,
        pending_milliseconds: Some(0),
        most: 5000.0,
        label: "https-insync",
        answer: "HTTPS 200, zone INSYNC at once",
    },
];

pub(super) async fn run(report: &mut Report, sizes: &Sizes) -> Result<()> {
    let mut chain = Chain::start().await?;
    let mut figures = vec![];
    for case in &CASES {
        chain.set_pending(case.pending_milliseconds).await?;
        let (mut took, mut steps) = (vec![], BTreeMap::<&str, Vec<Duration>>::new());
        for n in 0..sizes.chain {
            let (answered, seen) = chain.post(case, n).await?;
            took.push(answered);
            seen.into_iter().for_each(|(step, after)| steps.entry(step).or_default().push(after));
        }
        let name = format!("i: POST of a gateway to the first {} by name, p50", case.answer);
        let value = Figure::new(name, percentile(&sorted(&took), 0.5), "ms").target(Target::AtMost(case.most));
        figures.push((case, value, steps));
    }
    // Nobody else works on what is applied now.
    chain.platform.stop_workers().await;
    for (case, value, steps) in figures {
        chain.set_pending(case.pending_milliseconds).await?;
        let mut floors = vec![];
        for n in 0..sizes.chain {
            floors.push(chain.apply(case, n).await?);
        }
        report.add(value.floor(percentile(&sorted(&floors), 0.5)));
        for step in STEPS {
            if let Some(after) = steps.get(step) {
                let name = format!("i: of these, {} until {step} is True, p50", case.label);
                report.add(Figure::new(name, percentile(&sorted(after), 0.5), "ms"));
            }
        }
    }
    chain.set_pending(None).await?;
    chain.pool.close().await;
    chain.platform.stop().await;
    Ok(())
}

impl Chain {
    /// A domain, a workload of two pods, and a first gateway that is served.
    async fn start() -> Result<Self> {
        let endpoints = Endpoints::from_env()?;
        let zone = create_zone(&endpoints, DOMAIN).await?;
        let platform = ControlPlane::start(&endpoints, Setup::for_test("bench_chain")).await?;
        let pool = sqlx::postgres::PgPoolOptions::new().max_connections(2).connect(&platform.database_url()).await?;
        let (client, name, kube) = (platform.client(), unique_name("chain"), kube_client(endpoints.cluster()).await?);
        let runtime = add_runtime(&client, endpoints.cluster(), "main").await?;
        let workload = add_workload_of(&client, runtime, &name, &answering(&name)).await?;
        let acme = &endpoints.acme;
        let body = json!({
            "Name": name, "Domain": format!("{name}.{DOMAIN}"), "Zone": "Public", "AdminEmail": "ops@test.example",
            "TTL": 1, "DnsDriver": "route53", "AcmeServer": acme.directory, "AcmeCABundle": acme.ca,
            "AcmeChallenge": "DNS01", "AcmeWaitSeconds": 1,
        });
        let domain = id_of(&client.create("domain-name-definitions", &body).await?)?;
        let visitor = Visitor::new(&endpoints).trusting(&acme.root)?;
        let chain = Self { endpoints, platform, client, pool, kube, visitor, runtime, workload, domain, zone, name };
        let first = chain.gateway(Scheme::Https, "warm").await?;
        let published = add_domain_name(&chain.client, runtime, &chain.name, domain, workload).await?;
        for (plural, id) in [("gateway-instances", first), ("domain-name-instances", published)] {
            chain.client.until_ready(plural, id, INSTALLED).await?;
        }
        chain.answered(Scheme::Https, "warm").await?;
        Ok(chain)
    }

    /// How long a change of a zone stays PENDING from now on.
    async fn set_pending(&self, pending_milliseconds: Option<u64>) -> Result<()> {
        let faults = Faults { pending_milliseconds, ..Faults::default() };
        Knobs::new(&self.endpoints).set_route53_faults(&faults).await
    }

    fn host(&self, label: &str) -> String {
        format!("{label}.{}.{DOMAIN}", self.name)
    }

    async fn gateway(&self, scheme: Scheme, label: &str) -> Result<i64> {
        let more = json!({"DomainNameDefinitionID": self.domain, "SubDomain": label, "HttpPorts": scheme.ports()});
        let name = format!("{}-{label}", self.name);
        add_gateway(&self.client, self.runtime, &name, self.workload, more).await
    }

    /// Waits until a user gets the workload's answer.
    async fn answered(&self, scheme: Scheme, label: &str) -> Result<()> {
        let url = format!("{}://{}/", scheme.text(), self.host(label));
        let asked = async {
            loop {
                match self.visitor.get(&url).await {
                    Ok(answer) if answer.code == 200 && answer.text == self.name => return,
                    _ => sleep(LOOK).await,
                }
            }
        };
        timeout(ANSWERED_WITHIN, asked).await.with_context(|| format!("{url} gives no answer"))
    }

    /// One gateway by Causeway: until the answer, and until each step.
    async fn post(&self, case: &Case, n: usize) -> Result<(Duration, Vec<(&'static str, Duration)>)> {
        let label = format!("{}-{n}", case.label);
        let (begun, at) = (Instant::now(), Utc::now());
        let id = self.gateway(case.scheme, &label).await?;
        self.answered(case.scheme, &label).await?;
        let took = begun.elapsed();
        self.client.until_ready("gateway-instances", id, INSTALLED).await?;
        let text = "SELECT condition_type, min(time) FROM event_log WHERE kind = 'GatewayInstance' AND record_id = $1 \
                    AND type = 'condition' AND condition_status = 'True' GROUP BY condition_type";
        let rows: Vec<(String, DateTime<Utc>)> = sqlx::query_as(text).bind(id).fetch_all(&self.pool).await?;
        let after = |step: &str| rows.iter().find(|(condition, _)| condition == step).map(|(_, time)| *time - at);
        let steps = STEPS.into_iter().filter_map(|step| Some((step, after(step)?.to_std().ok()?)));
        Ok((took, steps.collect()))
    }

    /// The objects of everything that could change with a gateway, as they would be applied.
    async fn manifests(&self, gateway: Option<i64>) -> Result<Vec<Value>> {
        let shared = self.client.list("shared-gateways", "").await?;
        let shared = shared.iter().filter_map(|record| Some(("shared-gateways", record["ID"].as_i64()?)));
        let mut objects = vec![];
        for (plural, id) in shared.chain(gateway.map(|id| ("gateway-instances", id))) {
            let path = format!("/v0/{plural}/{id}/manifests");
            let answer = self.client.send_raw(Method::GET, &path, &[("Accept", "application/json")], "").await?;
            ensure!(answer.code == 200, "{path}: {}", answer.text);
            objects.extend(answer.body["Data"].as_array().context("a list of objects")?.clone());
        }
        Ok(objects)
    }

    /// The same without Causeway: what it would apply is applied at once, and the record is written, while the user asks.
    async fn apply(&self, case: &Case, n: usize) -> Result<Duration> {
        let label = format!("floor-{}-{n}", case.label);
        let before = self.manifests(None).await?;
        let id = self.gateway(case.scheme, &label).await?;
        let mut objects = self.manifests(Some(id)).await?;
        objects.retain(|object| !before.contains(object));
        ensure!(objects.len() >= 2, "a route and its listener: {objects:#?}");
        let address = self.visitor.resolve(&self.host("warm")).await?.to_string();
        let begun = Instant::now();
        let host = self.host(&label);
        let written = put_record(&self.endpoints, &self.zone, &host, "A", &address);
        tokio::try_join!(floor::at_once(&self.kube, &objects), written)?;
        self.answered(case.scheme, &label).await?;
        Ok(begun.elapsed())
    }
}
