//! Very many hostnames on one shared gateway: what one more of them writes.

use causeway_testkit::{Cleanup, DOMAIN, INSTALLED, harness, id_of, object_name, within};
use serde_json::json;

use crate::{
    fixture::{Fixture, make_class},
    sent::{AuditLog, Sent},
};

/// Gateway instances, and hostnames of each.
const INSTANCES: usize = 10;
const HOSTNAMES: usize = 50;

/// Gateway, issuers and all other ListenerSets are left alone.
#[tokio::test]
async fn beside_five_hundred_hostnames_one_more_writes_its_route_and_one_listener_set() {
    let harness = harness().await;
    let client = &harness.client;
    // The cluster has the definitions once a gateway is Ready.
    Fixture::ready("many-first", json!({"HttpPorts": [{"Port": 80}]})).await;
    let (class, name) = (harness.name("many"), harness.name("crowd"));
    make_class(&harness.kube().await.unwrap(), &class).await;
    let workload = harness.workload(&name).await.unwrap();
    let cleanup = Cleanup::new(client, &[]);
    let add = async |own: String, hostnames: Vec<String>| {
        let more = json!({"GatewayClassName": class, "Hostnames": hostnames, "HttpPorts": [{"Port": 80}]});
        let definition = harness.definition(&own, None, more).await.unwrap();
        let made = client.create("gateway-instances", &harness.instance(&own, definition, workload)).await.unwrap();
        let id = id_of(&made).unwrap();
        cleanup.add("gateway-instances", id);
        id
    };
    let mut instances = vec![];
    for part in 0..INSTANCES {
        let hostnames = (0..HOSTNAMES).map(|n| format!("h{n}.p{part}.{name}.{DOMAIN}"));
        instances.push(add(format!("{name}-{part}"), hostnames.collect()).await);
    }
    for id in &instances {
        client.until_ready("gateway-instances", *id, INSTALLED).await.unwrap();
    }
    let listed = client.list("shared-gateways", &format!("gatewayclassname={class}")).await.unwrap();
    let shared = format!("shared-gateway-{}", listed[0]["ID"]);
    let mut log = AuditLog::from_now(&harness.endpoints.cluster().audit_log);
    let namespace = object_name(&name, workload);
    let own = |sent: &Sent| {
        sent.at.namespace == namespace || sent.at.namespace == shared || sent.at.name.starts_with(&shared)
    };

    let last = add(format!("{name}-last"), vec![format!("last.{name}.{DOMAIN}")]).await;
    client.until_ready("gateway-instances", last, INSTALLED).await.unwrap();
    let mut sent = vec![];
    within(INSTALLED, "both are in the log", async || {
        sent.extend(log.read().into_iter().filter(own));
        if sent.len() >= 2 { Ok(()) } else { Err(sent.len()) }
    })
    .await;
    client.until_ready("shared-gateways", id_of(&listed[0]).unwrap(), INSTALLED).await.unwrap();
    sent.extend(log.read().into_iter().filter(own));
    let mut written: Vec<_> =
        sent.iter().map(|sent| (sent.at.resource.as_str(), sent.at.namespace.as_str(), sent.goes)).collect();
    written.sort_unstable();
    assert_eq!(
        written,
        [("httproutes", namespace.as_str(), false), ("listenersets", shared.as_str(), false)],
        "{sent:#?}"
    );
}
