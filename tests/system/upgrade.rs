//! The programs of the previous release and those of this one side by side, on the schema of this one and under load: an upgrade, a rollback in the middle of it,
//! and the upgrade again. `make upgrade` builds the previous release and runs it; what has to hold for its schema alone is in `tests/faults/upgrade.rs`.

use std::{collections::BTreeMap, env, path::PathBuf};

use causeway_rig::Endpoints;
use causeway_testkit::{
    ApiClient, ControlPlane, DOMAIN, INSTALLED, Setup, add_gateway, add_runtime, add_workload, eventually, id_of,
    kube_client, object_name, unique_name,
    writers::{Place, Writers},
};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::sent::{At, AuditLog, Sent};

/// Gateways that nobody changes.
const KEPT: usize = 3;
/// Writers with gateways, and as many without in the cluster that has no controllers.
const WRITERS: usize = 2;
/// Where the support services are that these gateways need. Nobody changes them either.
const SERVICES: [&str; 2] = ["cert-manager", "envoy-gateway-system"];
/// The name of a rule whose route is touched, because its controller has overlooked it.
const TOUCHED: &str = "look-again";

/// Gateways that stay as they are. Returns the names of their workloads' namespaces.
async fn keep(client: &ApiClient, runtime: i64) -> Vec<String> {
    let (mut namespaces, mut gateways) = (vec![], vec![]);
    for _ in 0..KEPT {
        let name = unique_name("kept");
        let workload = add_workload(client, runtime, &name).await.unwrap();
        let domain = json!({
            "Name": name, "Domain": format!("{name}.{DOMAIN}"), "Zone": "Public", "AdminEmail": "ops@test.example",
            "TTL": 1, "IssuerKind": "SelfSigned",
        });
        let domain = id_of(&client.create("domain-name-definitions", &domain).await.unwrap()).unwrap();
        let ports = json!({
            "DomainNameDefinitionID": domain,
            "HttpPorts": [{"Port": 80, "HTTPSRedirect": true}, {"Port": 443, "TLSEnabled": true}],
        });
        gateways.push(add_gateway(client, runtime, &name, workload, ports).await.unwrap());
        namespaces.push(object_name(&name, workload));
    }
    for gateway in gateways {
        client.until_ready("gateway-instances", gateway, INSTALLED).await.unwrap();
    }
    namespaces
}

/// Reads one value of the control plane's database.
async fn ask<T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin>(
    platform: &ControlPlane,
    text: &'static str,
) -> T {
    let mut database = PgConnection::connect(&platform.database_url()).await.unwrap();
    sqlx::query_scalar(text).fetch_one(&mut database).await.unwrap()
}

/// The render revision of what was reconciled last.
async fn revision(platform: &ControlPlane) -> i32 {
    ask(platform, "SELECT max(render_revision) FROM reconciliations").await
}

/// Waits until so many workers live, and as many of them as there are leases have one: of two clusters, and of what is in none.
async fn spread(platform: &ControlPlane, workers: i64) {
    let text = "SELECT ARRAY[count(DISTINCT w.id), count(DISTINCT l.holder)] FROM workers w LEFT JOIN leases l ON l.holder = w.id WHERE w.until > now()";
    eventually("the leases are spread over the workers", async || {
        let seen: Vec<i64> = ask(platform, text).await;
        if seen == [workers, workers.min(3)] { Ok(()) } else { Err(seen) }
    })
    .await;
}

/// Ends the first API and starts it again, with the programs that are in use now. Requests go to the second one meanwhile.
async fn start_api_again(platform: &mut ControlPlane, writers: &Writers, second: &str) {
    writers.send_to(&[second]).await;
    platform.end_api().await;
    platform.start_api_again().await.unwrap();
    writers.send_to(&[&platform.url(), second]).await;
}

/// What was applied to each object, without its deletion.
#[derive(Default)]
struct Applied(BTreeMap<At, Vec<Option<Value>>>);

impl Applied {
    fn read(&mut self, logs: &mut [AuditLog]) {
        for Sent { at, manifest, .. } in logs.iter_mut().flat_map(AuditLog::read).filter(|sent| !sent.goes) {
            self.0.entry(at).or_default().push(manifest);
        }
    }

    /// How often, for the objects of a namespace and for itself.
    fn times(&self, is_in: impl Fn(&str) -> bool) -> BTreeMap<&At, usize> {
        let here = self.0.iter().filter(|(at, _)| is_in(&at.namespace) || is_in(&at.name));
        here.map(|(at, manifests)| (at, manifests.len())).collect()
    }

    /// Objects whose manifest was another one in between.
    fn to_and_fro(&self, is_in: impl Fn(&str) -> bool) -> Vec<(&At, &Vec<Option<Value>>)> {
        let here = self.0.iter().filter(|(at, _)| is_in(&at.namespace));
        // What is touched is put right again, by either release.
        let is_touched = |form: &Value| form.pointer("/spec/rules/0/name").is_some_and(|name| name == TOUCHED);
        let comes_back = |manifests: &Vec<Option<Value>>| {
            let mut forms: Vec<_> = manifests.iter().flatten().filter(|form| !is_touched(form)).collect();
            forms.dedup();
            forms.iter().enumerate().any(|(n, form)| forms[..n].contains(form))
        };
        here.filter(|(_, manifests)| comes_back(manifests)).collect()
    }
}

#[tokio::test]
#[ignore = "needs the programs of the previous release: make upgrade"]
async fn the_previous_release_and_this_one_work_side_by_side_on_the_schema_of_this_one() {
    let previous = env::var_os("CAUSEWAY_PREVIOUS").map(PathBuf::from);
    let previous =
        previous.expect("CAUSEWAY_PREVIOUS names no folder: run `make upgrade`, which builds the previous release");
    let endpoints = Endpoints::from_env().unwrap();
    let worker_arguments = ["--lease-ttl", "5s", "--scan-interval", "1s"].map(str::to_owned).to_vec();
    let programs = Some(previous.clone());
    let setup = Setup { workers: 2, worker_arguments, programs, ..Setup::for_test("upgrade") };
    let mut platform = ControlPlane::start(&endpoints, setup).await.unwrap();
    let (client, mut places, mut logs) = (platform.client(), vec![], vec![]);
    for (cluster, gateways) in endpoints.clusters.iter().zip([true, false]) {
        let runtime = add_runtime(&client, cluster, &cluster.name).await.unwrap();
        let place = Place { runtime, kube: kube_client(cluster).await.unwrap(), gateways };
        places.extend(vec![place; WRITERS]);
    }
    assert_eq!(places.len(), 2 * WRITERS, "run the rig with --extra-clusters 1");
    let kept = keep(&client, places[0].runtime).await;
    logs.extend(endpoints.clusters.iter().map(|cluster| AuditLog::from_now(&cluster.audit_log)));
    let mut applied = Applied::default();

    // The previous release alone.
    let writers = Writers::start(&[&platform.url()], places);
    writers.go_on(1).await;
    let before = revision(&platform).await;

    // The schema comes first, as the chart's Job brings it, then an API of this release. Pods of the previous one may be moved, and start on that schema.
    platform.use_programs(None);
    let migrated = platform.run_api(&["migrate"]).await.unwrap();
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    writers.go_on(1).await;
    let second = platform.add_api().await.unwrap();
    platform.use_programs(Some(previous.clone()));
    start_api_again(&mut platform, &writers, &second).await;
    platform.add_worker().await.unwrap();
    platform.end_worker(0).await;
    writers.go_on(2).await;
    applied.read(&mut logs);

    // Workers of both releases, each with something to do; then those of this one.
    platform.use_programs(None);
    platform.add_worker().await.unwrap();
    platform.add_worker().await.unwrap();
    spread(&platform, 4).await;
    writers.go_on(1).await;
    platform.end_worker(1).await;
    platform.end_worker(2).await;
    writers.go_on(2).await;
    let after = revision(&platform).await;
    applied.read(&mut logs);

    // Rolled back, while workers of this release die: what this one has rendered in another form waits for it.
    platform.use_programs(Some(previous));
    platform.add_worker().await.unwrap();
    platform.add_worker().await.unwrap();
    platform.kill_worker(3).await;
    platform.kill_worker(4).await;
    spread(&platform, 2).await;
    if before == after {
        writers.go_on(2).await;
    }
    applied.read(&mut logs);

    // And upgraded again.
    platform.use_programs(None);
    platform.add_worker().await.unwrap();
    platform.add_worker().await.unwrap();
    start_api_again(&mut platform, &writers, &second).await;
    platform.end_worker(5).await;
    platform.end_worker(6).await;
    writers.go_on(2).await;
    let written = writers.stop().await;
    applied.read(&mut logs);
    println!(
        "{} requests succeeded, {} were told to come again, none failed; {:?} turns; render revision {before}, then {after}",
        written.succeeded, written.retried, written.turns
    );

    let is_kept = |name: &str| SERVICES.contains(&name) || kept.iter().any(|one| one == name);
    let is_a_writers = |name: &str| name.starts_with("writer-");
    // What nobody changes gets the new form at most once, and none if it is the same.
    let again = applied.times(is_kept);
    let most = usize::from(after > before);
    assert!(again.values().all(|times| *times <= most), "rendered again; raise RENDER_REVISION? {again:#?}");
    let back = applied.to_and_fro(|name| is_kept(name) || is_a_writers(name));
    assert!(back.is_empty(), "rendered to and fro: {back:#?}");
    // A writer's map is made and changed. What is being written when a cluster changes hands is written again: at most one map of each writer there.
    let maps = applied.times(is_a_writers).into_iter().filter(|(at, _)| at.resource == "configmaps");
    let maps: Vec<_> = maps.collect();
    let repeated: usize = maps.iter().map(|(_, times)| times.saturating_sub(2 + most)).sum();
    let hands: i64 = ask(&platform, "SELECT sum(epoch)::bigint FROM leases WHERE runtime_id <> 0").await;
    assert!(repeated <= WRITERS * usize::try_from(hands).unwrap(), "{repeated} after {hands} holders: {maps:#?}");
    assert!(maps.len() > 2 * repeated.max(5), "most maps are written again: {maps:#?}");
    platform.stop().await;
}
