//! Who answers to what: the second one that wants the same is refused, and told who has it.

use causeway_rig::{
    Knobs,
    platform::{Answer, condition, id_of},
};
use causeway_tests::{INSTALLED, SOON, eventually, stage};
use reqwest::Method;
use serde_json::{Value, json};

use crate::scene::{GATEWAY, HTTP_ROUTE, Scene, at, labelled};

/// Another workload's gateway below the scene's domain. Its definition's id, and what the API says to the instance.
async fn another(scene: &Scene, what: &str, more: Value) -> (i64, String, Answer) {
    let (stage, name) = (scene.stage, scene.stage.name(what));
    let workload = stage.workload(&name).await.unwrap();
    let definition = stage.definition(&name, Some(scene.domain), more).await.unwrap();
    let body = stage.instance(&name, definition, workload);
    let answer = stage.client.send(Method::POST, "/v0/gateway-instances", Some(&body)).await.unwrap();
    (definition, name, answer)
}

/// The answer is a 409 whose sentence holds all of this.
#[track_caller]
fn refused(answer: &Answer, words: &[&str]) {
    assert_eq!(answer.code, 409, "{:#}", answer.body);
    for word in words {
        assert!(answer.error().contains(word), "`{word}` is not in: {}", answer.error());
    }
}

/// Every parent of the gateway instance's routes has accepted them.
async fn accepted(stage: &causeway_tests::Stage, gateway: i64, routes: usize) {
    let kube = stage.kube().await.unwrap();
    let found = labelled(&kube, HTTP_ROUTE, &format!("gateway-instance-{gateway}")).await;
    assert_eq!(found.len(), routes);
    for route in &found {
        let parents = at(route, "/status/parents").as_array().unwrap();
        let says = |parent: &Value| {
            let all = parent["conditions"].as_array().unwrap();
            all.iter().any(|c| c["type"] == "Accepted" && c["status"] == "True")
        };
        assert!(!parents.is_empty() && parents.iter().all(says), "{parents:#?}");
    }
}

#[tokio::test]
async fn two_workloads_share_a_hostname_by_path() {
    let scene = Scene::ready("root", json!({"HttpPorts": [{"Port": 80, "Path": "/"}]})).await;
    let (_, _, answer) = another(&scene, "api", json!({"HttpPorts": [{"Port": 80, "Path": "/api"}]})).await;
    assert_eq!(answer.code, 201, "{:#}", answer.body);
    let second = id_of(answer.record()).unwrap();
    scene.stage.client.until_ready("gateway-instances", second, INSTALLED).await.unwrap();
    scene.until_ready().await;
    accepted(scene.stage, scene.gateway, 1).await;
    accepted(scene.stage, second, 1).await;
}

/// What the gateway instance's own Gateway answers at.
async fn addresses(scene: &Scene, gateway: i64) -> Vec<String> {
    let own = labelled(&scene.kube, GATEWAY, &format!("gateway-instance-{gateway}")).await;
    let list = own.first().and_then(|gateway| at(gateway, "/status/addresses").as_array().cloned()).unwrap_or_default();
    list.iter().filter_map(|address| Some(address["value"].as_str()?.to_owned())).collect()
}

/// Where the scene's hostname leads; and whether it ever led nowhere.
async fn leads_to(scene: &Scene) -> (Vec<String>, bool) {
    let journal = Knobs::new(&scene.stage.endpoints).route53_journal(0).await.unwrap();
    let fqdn = format!("{}.", scene.hostname());
    let mut changes = journal.into_iter().filter(|entry| entry.name == fqdn && entry.kind == "A").peekable();
    let deleted = changes.clone().any(|entry| entry.action == "DELETE");
    assert!(changes.peek().is_some(), "{fqdn} was never published");
    (changes.last().map(|entry| entry.values).unwrap_or_default(), deleted)
}

#[tokio::test]
async fn a_hostname_of_two_gateways_leads_to_the_one_that_had_it_first() {
    let own = || json!({"Placement": "Dedicated", "HttpPorts": [{"Port": 80}]});
    let scene = Scene::ready("first", own()).await;
    let first = scene.publish().await;
    let (_, name, answer) = another(&scene, "second", own()).await;
    let second = id_of(answer.record()).unwrap();
    let client = &scene.stage.client;
    client.until_ready("gateway-instances", second, INSTALLED).await.unwrap();
    let (here, there) = (addresses(&scene, scene.gateway).await, addresses(&scene, second).await);
    assert_ne!(here, there);

    let body = json!({
        "Name": name, "KubernetesRuntimeInstanceID": scene.stage.runtime, "DomainNameDefinitionID": scene.domain,
        "WorkloadInstanceID": answer.record()["WorkloadInstanceID"],
    });
    let names = id_of(&client.create("domain-name-instances", &body).await.unwrap()).unwrap();
    for (plural, id) in [("domain-name-instances", names), ("gateway-instances", second)] {
        eventually("it says who has the hostname, and where it leads", async || {
            let record = client.get(plural, id).await.unwrap();
            let message =
                condition(&record, "DnsPublished").and_then(|step| step["Message"].as_str()).unwrap_or_default();
            let all = [&scene.name, &here[0], &there[0]].into_iter().all(|word| message.contains(word.as_str()));
            if all { Ok(()) } else { Err(format!("{record:#}")) }
        })
        .await;
    }
    assert_eq!(leads_to(&scene).await, (here, false));
    scene.until_ready().await;

    client.delete("domain-name-instances", first).await.unwrap();
    client.until_ready("domain-name-instances", names, SOON).await.unwrap();
    client.until_ready("gateway-instances", second, SOON).await.unwrap();
    client.until_gone("domain-name-instances", first, SOON).await.unwrap();
    assert_eq!(leads_to(&scene).await, (there, false), "it was handed over");
}

#[tokio::test]
async fn a_held_path_is_refused_until_its_holder_is_gone() {
    let scene = Scene::ready("holder", json!({"HttpPorts": [{"Port": 80, "Path": "/shop"}]})).await;
    // A final slash makes no difference to Gateway API.
    let (definition, name, answer) =
        another(&scene, "late", json!({"HttpPorts": [{"Port": 80, "Path": "/shop/"}]})).await;
    let held_by = format!("gateway instance {} (id {})", scene.name, scene.gateway);
    refused(&answer, &[&format!("{}/shop", scene.hostname()), "port 80", &held_by]);

    let client = &scene.stage.client;
    client.delete("gateway-instances", scene.gateway).await.unwrap();
    client.until_gone("gateway-instances", scene.gateway, SOON).await.unwrap();
    let workload = client.list("workload-instances", &format!("name={name}")).await.unwrap();
    let body = scene.stage.instance(&name, definition, id_of(&workload[0]).unwrap());
    let second = id_of(&client.create("gateway-instances", &body).await.unwrap()).unwrap();
    client.until_ready("gateway-instances", second, INSTALLED).await.unwrap();
    accepted(scene.stage, second, 1).await;
}

#[tokio::test]
async fn a_change_towards_a_held_path_is_refused_and_changes_nothing() {
    let scene = Scene::begun("steady", json!({"HttpPorts": [{"Port": 80, "Path": "/a"}]}), json!({})).await;
    let (definition, _, answer) = another(&scene, "mover", json!({"HttpPorts": [{"Port": 80, "Path": "/b"}]})).await;
    assert_eq!(answer.code, 201, "{:#}", answer.body);
    let client = &scene.stage.client;
    let ports = client.list("gateway-http-ports", &format!("gatewaydefinitionid={definition}")).await.unwrap();
    let path = format!("/v0/gateway-http-ports/{}", id_of(&ports[0]).unwrap());
    let answer = client.send(Method::PATCH, &path, Some(&json!({"Path": "/a"}))).await.unwrap();
    refused(&answer, &[&format!("gateway instance {}", scene.name)]);
    let list = json!({"HttpPorts": [{"Port": 80, "Path": "/b"}, {"Port": 80, "Path": "/a"}]});
    let answer =
        client.send(Method::PATCH, &format!("/v0/gateway-definitions/{definition}"), Some(&list)).await.unwrap();
    refused(&answer, &[&format!("gateway instance {}", scene.name)]);
    let ports = client.list("gateway-http-ports", &format!("gatewaydefinitionid={definition}")).await.unwrap();
    assert_eq!(ports.iter().map(|port| &port["Path"]).collect::<Vec<_>>(), ["/b"]);
}

#[tokio::test]
async fn tcp_on_a_port_of_http_is_refused() {
    let scene = Scene::begun("http", json!({"HttpPorts": [{"Port": 21011}]}), json!({})).await;
    let (_, _, answer) = another(&scene, "tcp", json!({"TcpPorts": [{"Port": 21011}]})).await;
    refused(&answer, &["TCP port 21011", "HTTP port 21011", &format!("gateway instance {}", scene.name)]);
}

#[tokio::test]
async fn a_tcp_port_has_one_holder() {
    let scene = Scene::begun("tcp-first", json!({"TcpPorts": [{"Port": 21012}]}), json!({})).await;
    let (_, _, answer) = another(&scene, "tcp-second", json!({"TcpPorts": [{"Port": 21012}]})).await;
    refused(&answer, &["TCP port 21012", &format!("gateway instance {}", scene.name)]);
}

#[tokio::test]
async fn ports_that_the_proxy_maps_to_one_are_refused() {
    // On a shared gateway of its own, or port 80 would be everybody's.
    let class = stage().await.name("mapped");
    let low = json!({"GatewayClassName": class, "HttpPorts": [{"Port": 80}]});
    let scene = Scene::begun("low", low, json!({})).await;
    let high = json!({"GatewayClassName": class, "HttpPorts": [{"Port": 10080}]});
    let (_, _, answer) = another(&scene, "high", high).await;
    let holder = format!("gateway instance {}", scene.name);
    refused(&answer, &["HTTP port 10080", "HTTP port 80", &holder, "10080)"]);
}

#[tokio::test]
async fn whoever_alone_holds_a_port_may_speak_another_protocol_on_it() {
    let scene = Scene::begun("alone", json!({"HttpPorts": [{"Port": 21013}]}), json!({})).await;
    let (client, path) = (&scene.stage.client, format!("/v0/gateway-definitions/{}", scene.definition));
    for tls in [true, false] {
        let ports = json!({"HttpPorts": [{"Port": 21013, "TLSEnabled": tls}]});
        let answer = client.send(Method::PATCH, &path, Some(&ports)).await.unwrap();
        assert_eq!(answer.code, 200, "{ports}: {:#}", answer.body);
    }
}

#[tokio::test]
async fn a_domain_does_not_move_away_from_under_hostnames_also_of_tcp_alone() {
    let stage = stage().await;
    let name = stage.name("tcp-host");
    let workload = stage.workload(&name).await.unwrap();
    let domain = stage.domain(&name).await.unwrap();
    let host = format!("a.{name}.{}", causeway_tests::DOMAIN);
    let more = json!({"Placement": "Dedicated", "Hostnames": [host], "TcpPorts": [{"Port": 21014}]});
    let definition = stage.definition(&name, Some(domain), more).await.unwrap();
    stage.client.create("gateway-instances", &stage.instance(&name, definition, workload)).await.unwrap();
    let path = format!("/v0/domain-name-definitions/{domain}");
    let moved = json!({"Domain": format!("moved-{name}.{}", causeway_tests::DOMAIN)});
    let answer = stage.client.send(Method::PATCH, &path, Some(&moved)).await.unwrap();
    assert_eq!(answer.code, 400, "{:#}", answer.body);
    assert!(answer.error().contains(&host), "{}", answer.error());
}
