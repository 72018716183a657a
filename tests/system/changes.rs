//! A change of a record reaches the cluster without any further call.

use causeway_rig::{ClusterEndpoints, Endpoints, Knobs};
use causeway_testkit::{
    ControlPlane, INSTALLED, SOON, Setup, add_runtime, add_workload_of, api, condition, config_map, eventually, id_of,
    kinds::{
        CLUSTER_ROLE_BINDING, CONFIG_MAP, DNS_ENDPOINT, GATEWAY, Gvk, HTTP_ROUTE, SERVICE_ACCOUNT, TCP_ROUTE, UDP_ROUTE,
    },
    kube_client, object_name,
    objects::{at, becomes, object},
    within,
};
use kube::{
    ResourceExt,
    api::{DeleteParams, ListParams, PostParams},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::fixture::{Fixture, labelled, meddle, writes};

/// Waits until exactly these ports of the gateway's hostname are served: by listeners, and by routes.
async fn serves(fixture: &Fixture, ports: &[i64]) {
    let wanted: Vec<_> = ports.iter().map(|port| (*port, "HTTP".to_owned())).collect();
    let mut routes: Vec<_> = ports.iter().map(|port| fixture.route(&format!("http-{port}"))).collect();
    routes.sort();
    eventually(&format!("ports {ports:?} are served"), async || {
        let names = fixture.own(HTTP_ROUTE).await.into_iter().filter_map(|route| route.metadata.name);
        let mut seen: (Vec<_>, Vec<_>) = (fixture.listeners().await, names.collect());
        seen.1.sort();
        if seen == (wanted.clone(), routes.clone()) { Ok(()) } else { Err(seen) }
    })
    .await;
    fixture.harness.client.until_ready("gateway-instances", fixture.gateway, SOON).await.unwrap();
}

#[tokio::test]
async fn a_path_of_a_port_reaches_its_route() {
    let fixture = Fixture::ready("path", json!({"HttpPorts": [{"Port": 80}]})).await;
    let client = &fixture.harness.client;
    let ports =
        client.list("gateway-http-ports", &format!("gatewaydefinitionid={}", fixture.definition)).await.unwrap();
    client.patch("gateway-http-ports", id_of(&ports[0]).unwrap(), &json!({"Path": "/api"})).await.unwrap();
    becomes(&fixture.here(HTTP_ROUTE), &fixture.route("http-80"), "the route has the path", |route| {
        at(route, "/spec/rules/0/matches/0/path/value") == "/api"
    })
    .await;
    client.until_ready("gateway-instances", fixture.gateway, SOON).await.unwrap();
}

#[tokio::test]
async fn a_list_of_ports_replaces_listeners_and_routes() {
    let fixture = Fixture::ready("ports", json!({"HttpPorts": [{"Port": 80}]})).await;
    serves(&fixture, &[80]).await;
    let change = json!({"HttpPorts": [{"Port": 80}, {"Port": 21001}]});
    fixture.harness.client.patch("gateway-definitions", fixture.definition, &change).await.unwrap();
    serves(&fixture, &[80, 21001]).await;
    let change = json!({"HttpPorts": [{"Port": 21001}]});
    fixture.harness.client.patch("gateway-definitions", fixture.definition, &change).await.unwrap();
    serves(&fixture, &[21001]).await;
}

#[tokio::test]
async fn a_single_port_comes_and_goes() {
    let fixture = Fixture::ready("port", json!({"HttpPorts": [{"Port": 80}]})).await;
    let client = &fixture.harness.client;
    let body = json!({"GatewayDefinitionID": fixture.definition, "Port": 21002});
    let http = id_of(&client.create("gateway-http-ports", &body).await.unwrap()).unwrap();
    serves(&fixture, &[80, 21002]).await;
    client.delete("gateway-http-ports", http).await.unwrap();
    serves(&fixture, &[80]).await;
}

#[tokio::test]
async fn a_tcp_port_comes_and_goes() {
    let fixture = Fixture::ready("tcp-port", json!({"HttpPorts": [{"Port": 80}]})).await;
    let client = &fixture.harness.client;
    let body = json!({"GatewayDefinitionID": fixture.definition, "Port": 21003});
    let tcp = id_of(&client.create("gateway-tcp-ports", &body).await.unwrap()).unwrap();
    becomes(&fixture.here(TCP_ROUTE), &fixture.route("tcp-21003"), "the TCPRoute is accepted", |route| {
        at(route, "/status/parents/0/conditions")
            .as_array()
            .is_some_and(|all| all.iter().any(|c| c["type"] == "Accepted" && c["status"] == "True"))
    })
    .await;
    client.until_ready("gateway-instances", fixture.gateway, SOON).await.unwrap();
    client.delete("gateway-tcp-ports", tcp).await.unwrap();
    crate::fixture::vanishes("the TCPRoute goes", || fixture.own(TCP_ROUTE)).await;
    client.until_ready("gateway-instances", fixture.gateway, SOON).await.unwrap();
}

#[tokio::test]
async fn udp_and_tcp_share_a_port_and_go_each_for_itself() {
    for placement in ["Shared", "Dedicated"] {
        let ports = json!({"Placement": placement, "TcpPorts": [{"Port": 21004}], "UdpPorts": [{"Port": 21004}]});
        let fixture = Fixture::ready(&format!("both-{}", placement.to_lowercase()), ports).await;
        let client = &fixture.harness.client;
        for (kind, name, port) in [(TCP_ROUTE, "tcp-21004", 80), (UDP_ROUTE, "udp-21004", 53)] {
            let route = fixture.here(kind).get(&fixture.route(name)).await.unwrap();
            assert_eq!(at(&route, "/spec/rules/0/backendRefs/0/port"), port, "{placement}");
            assert_eq!(at(&route, "/spec/parentRefs/0/sectionName"), name, "{placement}");
            let parents = at(&route, "/status/parents").as_array().unwrap();
            let conditions = parents.iter().flat_map(|parent| parent["conditions"].as_array().unwrap());
            assert!(
                conditions.clone().count() > 0 && conditions.clone().all(|c| c["status"] == "True"),
                "{parents:#?}"
            );
        }
        let udp =
            client.list("gateway-udp-ports", &format!("gatewaydefinitionid={}", fixture.definition)).await.unwrap();
        client.delete("gateway-udp-ports", id_of(&udp[0]).unwrap()).await.unwrap();
        crate::fixture::vanishes("the UDPRoute goes", || fixture.own(UDP_ROUTE)).await;
        fixture.until_ready().await;
        assert_eq!(fixture.own(TCP_ROUTE).await.len(), 1, "{placement}");
        eventually("the listener is gone from the Gateway", async || {
            let gateways = api(&fixture.kube, GATEWAY, None).list(&ListParams::default()).await.unwrap();
            let listeners = gateways.iter().flat_map(|gateway| at(gateway, "/spec/listeners").as_array().unwrap());
            let names: Vec<_> = listeners.map(|listener| listener["name"].clone()).collect();
            if names.contains(&json!("udp-21004")) { Err(names) } else { Ok(()) }
        })
        .await;
        // The port is for the next placement.
        client.delete_and_wait("gateway-instances", fixture.gateway, SOON).await.unwrap();
    }
}

#[tokio::test]
async fn a_ttl_reaches_the_zone() {
    let fixture = Fixture::ready("ttl", json!({"HttpPorts": [{"Port": 80}]})).await;
    let published = fixture.publish().await;
    let fqdn = format!("{}.", fixture.hostname());
    let client = &fixture.harness.client;
    client.patch("domain-name-definitions", fixture.domain, &json!({"TTL": 7})).await.unwrap();
    eventually("the DNSEndpoint has the TTL", async || {
        let endpoints = labelled(&fixture.kube, DNS_ENDPOINT, &format!("domain-name-instance-{published}")).await;
        let ttls: Vec<_> = endpoints.iter().map(|e| at(e, "/spec/endpoints/0/recordTTL").clone()).collect();
        if ttls == [json!(7)] { Ok(()) } else { Err(ttls) }
    })
    .await;
    within(INSTALLED, "the zone has the TTL", async || {
        let journal =
            Knobs::new(&fixture.harness.endpoints).route53_journal_of(&fixture.harness.zone, 0).await.unwrap();
        let last = journal.into_iter().rev().find(|entry| entry.name == fqdn && entry.kind == "A");
        match last {
            Some(entry) if entry.ttl == Some(7) && entry.action != "DELETE" => Ok(()),
            other => Err(other),
        }
    })
    .await;
    client.until_ready("domain-name-instances", published, INSTALLED).await.unwrap();
}

/// A token of a new service account that may do everything, and the name under which the API server knows it.
pub(crate) async fn token(cluster: &ClusterEndpoints, account: &str) -> (String, String) {
    token_of(cluster, account, "cluster-admin").await
}

/// The same with a ClusterRole of the caller's choice.
pub(crate) async fn token_of(cluster: &ClusterEndpoints, account: &str, role: &str) -> (String, String) {
    let kube = kube_client(cluster).await.unwrap();
    let accounts = api(&kube, SERVICE_ACCOUNT, Some("default"));
    let body = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}});
    accounts.create(&PostParams::default(), &object(body)).await.unwrap();
    let binding = object(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": account},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": "default"}],
    }));
    let bindings = api(&kube, CLUSTER_ROLE_BINDING, None);
    bindings.create(&PostParams::default(), &binding).await.unwrap();
    let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": []}});
    let made: Value = accounts.create_subresource("token", account, &PostParams::default(), &request).await.unwrap();
    (made["status"]["token"].as_str().unwrap().to_owned(), format!("system:serviceaccount:default:{account}"))
}

/// Who has written to the ConfigMaps of this name, in order.
async fn writers(cluster: &ClusterEndpoints, name: &str) -> Vec<Value> {
    let applied =
        writes(cluster, &format!("configmaps/{name}")).await.into_iter().filter(|event| event["verb"] == "patch");
    applied.map(|event| event["user"]["username"].clone()).collect()
}

#[tokio::test]
async fn other_credentials_of_a_runtime_are_used() {
    let endpoints = Endpoints::from_env().unwrap();
    let cluster = &endpoints.clusters[1];
    let platform = ControlPlane::start(&endpoints, Setup::for_test("credentials")).await.unwrap();
    let client = platform.client();
    let name = format!("credentials-{}", std::process::id());
    let runtime = add_runtime(&client, cluster, &name).await.unwrap();
    let workload = add_workload_of(&client, runtime, &name, &config_map(&name, "first")).await.unwrap();
    client.until_ready("workload-instances", workload, SOON).await.unwrap();
    let first = writers(cluster, &name).await;
    assert!(!first.is_empty() && first.iter().all(|user| user == "causeway"), "{first:?}");

    // Wrong ones are noticed, though the old ones would still do. A PUT, for a PATCH takes no certificate away.
    let path = format!("/v0/kubernetes-runtime-instances/{runtime}");
    let record = client.get("kubernetes-runtime-instances", runtime).await.unwrap();
    let with = async |token: &str| {
        let mut body = json!({"ConnectionToken": token});
        for field in ["Name", "Location", "KubernetesRuntimeDefinitionID", "APIEndpoint", "CACertificate"] {
            body[field] = record[field].clone();
        }
        let answer = client.send(Method::PUT, &path, Some(&body)).await.unwrap();
        assert_eq!(answer.code, 200, "{}", answer.error());
    };
    with("no.such.token").await;
    let refused = |record: &Value| condition(record, "ClusterReachable").is_some_and(|c| c["Status"] == "False");
    client.until("kubernetes-runtime-instances", runtime, SOON, refused).await.unwrap();
    // A reconcile of the workload that began before may go on over the old connection, and ends first.
    let is_current = |record: &Value| {
        condition(record, "ClusterReachable").is_some_and(|c| c["ObservedGeneration"] == record["Generation"])
    };
    client.until("workload-instances", workload, SOON, is_current).await.unwrap();
    let change = json!({"YAMLDocument": config_map(&name, "second")});
    let definitions = client.list("workload-definitions", &format!("name={name}")).await.unwrap();
    client.patch("workload-definitions", id_of(&definitions[0]).unwrap(), &change).await.unwrap();
    client.until("workload-instances", workload, SOON, |record| refused(record) && is_current(record)).await.unwrap();
    assert_eq!(writers(cluster, &name).await, first, "nobody writes any more");

    // Right ones bring everything about without any further call.
    let (token, user) = token(cluster, &name).await;
    with(&token).await;
    client.until_ready("workload-instances", workload, SOON).await.unwrap();
    let maps = api(&kube_client(cluster).await.unwrap(), CONFIG_MAP, Some(&object_name(&name, workload)));
    let changed = becomes(&maps, &name, "the change is there", |map| map.data["data"]["key"] == "second").await;
    let second = writers(cluster, &name).await.split_off(first.len());
    assert!(!second.is_empty() && second.iter().all(|writer| writer == &json!(user)), "{second:?}");

    // The same for another certificate, and the watches use it: nothing else reports a deletion.
    let admin = json!({"Certificate": cluster.admin.certificate, "CertificateKey": cluster.admin.key});
    client.patch("kubernetes-runtime-instances", runtime, &admin).await.unwrap();
    client.until_ready("kubernetes-runtime-instances", runtime, SOON).await.unwrap();
    client.until_ready("workload-instances", workload, SOON).await.unwrap();
    let before = writers(cluster, &name).await.len();
    maps.delete(&name, &DeleteParams::default()).await.unwrap();
    becomes(&maps, &name, "the ConfigMap is made again", |map| map.uid() != changed.uid()).await;
    let third = eventually("it is in the log who has made it", async || {
        let third = writers(cluster, &name).await.split_off(before);
        if third.is_empty() { Err("nobody yet") } else { Ok(third) }
    })
    .await;
    assert!(third.iter().all(|writer| writer == "admin"), "{third:?}");
    platform.stop().await;
}

/// As kustomize and Helm do with their hashes in names.
#[tokio::test]
async fn a_persons_change_that_renames_many_objects_is_not_asked_about() {
    const BUDGET: Gvk<'static> = ("policy", "v1", "PodDisruptionBudget");
    let harness = causeway_testkit::harness().await;
    let client = &harness.client;
    let name = harness.name("renamed");
    let maps = |hash: &str| (0..8).map(|n| config_map(&format!("c{n}-{hash}"), "1")).collect::<Vec<_>>().join("---\n");
    let budget =
        "---\n{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: late}, spec: {maxUnavailable: 1}}\n";
    let before = maps("1a") + budget;
    let workload = add_workload_of(client, harness.runtime, &name, &before).await.unwrap();
    let record = client.until_ready("workload-instances", workload, SOON).await.unwrap();
    let of = record["WorkloadDefinitionID"].as_i64().unwrap();
    // The ConfigMaps wait for it: what was decided once is not asked about when they have waited.
    let kube = harness.kube().await.unwrap();
    let namespace = object_name(&name, workload);
    let budgets = api(&kube, BUDGET, Some(&namespace));
    meddle(&budgets, "late", &json!({"metadata": {"finalizers": ["rig.example/late"]}})).await;
    client.patch("workload-definitions", of, &json!({"YAMLDocument": maps("1b")})).await.unwrap();
    let is_pruning = |record: &Value| condition(record, "Applied").is_some_and(|c| c["Reason"] == "Pruning");
    client.until("workload-instances", workload, SOON, is_pruning).await.unwrap();
    meddle(&budgets, "late", &json!({"metadata": {"finalizers": null}})).await;
    client.until_ready("workload-instances", workload, SOON).await.unwrap();
    let here = api(&kube, CONFIG_MAP, Some(&namespace));
    eventually("only the new names are there", async || {
        let found = here.list(&ListParams::default()).await.unwrap();
        let mut names: Vec<_> = found.iter().map(ResourceExt::name_any).filter(|name| name.starts_with('c')).collect();
        names.sort();
        let wanted: Vec<_> = (0..8).map(|n| format!("c{n}-1b")).collect();
        if names == wanted { Ok(()) } else { Err(names) }
    })
    .await;
    let is_done = |record: &Value| condition(record, "Applied").is_some_and(|c| c["Reason"] == "Applied");
    client.until("workload-instances", workload, SOON, is_done).await.unwrap();
}
