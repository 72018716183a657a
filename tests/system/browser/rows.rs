//! Control planes whose lists have one row, or many: nothing runs in a cluster, and the test says what a worker would.

use std::time::Duration;

use causeway_records::{Kind, certificate::SeenCertificate, status::NewCondition};
use causeway_rig::Endpoints;
use causeway_store::{
    Store,
    lease::Lease,
    queue::{Key, Outcome},
};
use causeway_testkit::{ApiClient, ControlPlane, Setup, add_domain_name, id_of};
use chrono::{TimeDelta, Utc};
use futures::{StreamExt, stream};
use serde_json::{Value, json};

/// Requests at the same time.
const TASKS: usize = 16;
const HOSTNAME: &str = "a-rather-long-label-of-a-hostname-that-somebody-really-uses.rows.example";

/// One cluster with a workload and so many gateway instances, and one row in every other list.
pub(super) async fn filled(endpoints: &Endpoints, name: &str, gateways: usize) -> ControlPlane {
    let platform = ControlPlane::start(endpoints, Setup { workers: 0, ..Setup::for_test(name) }).await.unwrap();
    let client = platform.client();
    let make = async |plural: &str, body: Value| id_of(&client.create(plural, &body).await.unwrap()).unwrap();
    let of = make("kubernetes-runtime-definitions", json!({"Name": "frankfurt", "InfraProvider": "kind"})).await;
    let runtime = json!({"Name": "production-frankfurt-1", "Location": "Local", "KubernetesRuntimeDefinitionID": of});
    let runtime = make("kubernetes-runtime-instances", runtime).await;
    let of = make("workload-definitions", json!({"Name": "shop", "YAMLDocument": "---"})).await;
    let workload = json!({"Name": "shop", "KubernetesRuntimeInstanceID": runtime, "WorkloadDefinitionID": of});
    let workload = make("workload-instances", workload).await;
    let domain = json!({"Name": "rows", "Domain": "rows.example", "Zone": "Public", "AdminEmail": "ops@rows.example"});
    let domain = make("domain-name-definitions", domain).await;
    add_domain_name(&client, runtime, "shop", domain, workload).await.unwrap();
    make("webhooks", json!({"Name": "inventory", "URL": "https://hooks.rows.example/causeway"})).await;

    // The first on the shared gateway, which that makes; the others have Gateways of their own, so that all may have one hostname.
    let definition = async |name: &str, placement: &str| {
        let ports = json!([{"Port": 80}]);
        let body = json!({"Name": name, "Placement": placement, "Hostnames": [HOSTNAME], "ServiceName": "web", "HttpPorts": ports});
        make("gateway-definitions", body).await
    };
    let definitions = [definition("shared", "Shared").await, definition("dedicated", "Dedicated").await];
    let bodies = (0..gateways).map(|n| {
        json!({
            "Name": format!("a-gateway-with-a-name-as-long-as-programs-make-them-in-production-{n:05}"),
            "KubernetesRuntimeInstanceID": runtime, "WorkloadInstanceID": workload,
            "GatewayDefinitionID": definitions[usize::from(n > 0)],
        })
    });
    let ids = made(&client, bodies).await;
    let store = Store::connect(&platform.database_url(), 4, Duration::from_secs(30)).unwrap();
    for (n, id) in ids.into_iter().enumerate() {
        tell(&store, runtime, id, n).await;
    }
    platform
}

async fn made(client: &ApiClient, bodies: impl Iterator<Item = Value>) -> Vec<i64> {
    let each =
        bodies.map(|body| async move { id_of(&client.create("gateway-instances", &body).await.unwrap()).unwrap() });
    stream::iter(each).buffered(TASKS).collect().await
}

/// What a worker says of the `n`th one: every tenth isn't ready, and the first has a certificate.
async fn tell(store: &Store, runtime: i64, id: i64, n: usize) {
    let steps = ["ClusterReachable", "SupportServicesInstalled", "Applied", "GatewayAccepted", "GatewayProgrammed"];
    let met = |step| NewCondition::met(step, step, "it is as it was asked for, in a sentence of usual length");
    let refs = match n % 10 {
        3 => NewCondition::not_met(
            "RefsResolved",
            "BackendNotFound",
            format!(
                "Service shop-{n}/web, to which instance {id} leads, is not in the cluster; add it to the manifests of workload shop"
            ),
        ),
        _ => NewCondition::met("RefsResolved", "ResolvedRefs", "the Services behind the routes exist"),
    };
    let outcome = Outcome { applied: true, ..Outcome::with(steps.map(met).into_iter().chain([refs]).collect()) };
    let certificates = (n == 0).then(|| vec![certificate(id)]);
    let key = Key { kind: Kind::GatewayInstance, id };
    let claimed = store.begin(&key, Lease { cluster_id: runtime, epoch: 0 }).await.unwrap().unwrap();
    store.complete(&claimed, &Outcome { certificates, ..outcome }, 1).await.unwrap();
}

fn certificate(owner_id: i64) -> SeenCertificate {
    SeenCertificate {
        owner_kind: Kind::GatewayInstance,
        owner_id,
        namespace: "shop".into(),
        name: "rows-example".into(),
        hostnames: vec![HOSTNAME.into()],
        issuer: "main-letsencrypt".into(),
        valid: true,
        message: None,
        not_after: Some(Utc::now() + TimeDelta::days(60)),
        renewal_time: Some(Utc::now() + TimeDelta::days(30)),
        failed_at: None,
    }
}
