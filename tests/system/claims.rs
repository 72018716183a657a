//! Claims: the second record that claims the same is refused, and the refusal names the holder.

use causeway_rig::Knobs;
use causeway_testkit::{
    Answer, Cleanup, INSTALLED, SOON, add_domain_name, condition, eventually, harness, id_of,
    kinds::{GATEWAY, HTTP_ROUTE},
    objects::at,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::fixture::{Fixture, labelled};

/// Another workload's gateway below the fixture's domain. Its definition's id, and what the API says to the instance.
async fn another(fixture: &Fixture, what: &str, more: Value) -> (i64, String, Answer) {
    let (harness, name) = (fixture.harness, fixture.harness.name(what));
    let workload = harness.workload(&name).await.unwrap();
    let definition = harness.definition(&name, Some(fixture.domain), more).await.unwrap();
    let body = harness.instance(&name, definition, workload);
    let answer = harness.client.send(Method::POST, "/v0/gateway-instances", Some(&body)).await.unwrap();
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
async fn accepted(harness: &causeway_testkit::Harness, gateway: i64, routes: usize) {
    let kube = harness.kube().await.unwrap();
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
    let fixture = Fixture::ready("root", json!({"HttpPorts": [{"Port": 80, "Path": "/"}]})).await;
    let (_, _, answer) = another(&fixture, "api", json!({"HttpPorts": [{"Port": 80, "Path": "/api"}]})).await;
    assert_eq!(answer.code, 201, "{:#}", answer.body);
    let second = id_of(answer.record()).unwrap();
    fixture.harness.client.until_ready("gateway-instances", second, INSTALLED).await.unwrap();
    fixture.until_ready().await;
    accepted(fixture.harness, fixture.gateway, 1).await;
    accepted(fixture.harness, second, 1).await;
}

/// What the condition `RoutesAccepted` says to look at, once that is right.
async fn looks_at(fixture: &Fixture, is_right: impl Fn(&str) -> bool) {
    eventually("RoutesAccepted says what goes to others", async || {
        let record = fixture.harness.client.get("gateway-instances", fixture.gateway).await.unwrap();
        let step = condition(&record, "RoutesAccepted").ok_or("not there yet")?;
        let (message, status) = (step["Message"].as_str().unwrap_or_default(), &step["Status"]);
        if status == "True" && is_right(message) { Ok(()) } else { Err(format!("{status}: {message}")) }
    })
    .await;
}

#[tokio::test]
async fn requests_that_go_to_another_gateway_are_told_before_and_for_as_long_as_it_is_so() {
    let fixture = Fixture::ready("whole", json!({"HttpPorts": [{"Port": 80, "Path": "/"}]})).await;
    let (client, name) = (&fixture.harness.client, fixture.harness.name("part"));
    let workload = fixture.harness.workload(&name).await.unwrap();
    let port = json!({"HttpPorts": [{"Port": 80, "Path": "/part"}]});
    let definition = fixture.harness.definition(&name, Some(fixture.domain), port).await.unwrap();
    let body = fixture.harness.instance(&name, definition, workload);
    let hostname = fixture.hostname();
    let sentence = format!("of {hostname}/ on HTTP port 80, what is for /part goes to gateway instance {name}");
    // 1. Before it happens.
    let plan = eventually("a plan, though others change the same shared gateway", async || {
        let plan = client.send(Method::POST, "/v0/gateway-instances?plan=true", Some(&body)).await.unwrap();
        if plan.body["Status"]["reason"] == "Contention" { Err(plan.text) } else { Ok(plan) }
    })
    .await;
    assert_eq!(plan.code, 200, "{:#}", plan.body);
    let warning = format!("GatewayInstance {}: {sentence}", fixture.name);
    let warnings = plan.record()["Warnings"].as_array().unwrap();
    assert!(warnings.contains(&json!(warning)), "{warnings:#?}");
    looks_at(&fixture, |message| !message.contains("look at this")).await;
    // 2. While it is so.
    let part = id_of(&client.create("gateway-instances", &body).await.unwrap()).unwrap();
    looks_at(&fixture, |message| message.contains(&sentence)).await;
    // 3. Afterwards.
    client.delete_and_wait("gateway-instances", part, INSTALLED).await.unwrap();
    looks_at(&fixture, |message| !message.contains("look at this")).await;
}

/// What the gateway instance's own Gateway answers at.
async fn addresses(fixture: &Fixture, gateway: i64) -> Vec<String> {
    let own = labelled(&fixture.kube, GATEWAY, &format!("gateway-instance-{gateway}")).await;
    let list = own.first().and_then(|gateway| at(gateway, "/status/addresses").as_array().cloned()).unwrap_or_default();
    list.iter().filter_map(|address| Some(address["value"].as_str()?.to_owned())).collect()
}

/// Where the fixture's hostname leads; and whether it ever led nowhere.
async fn leads_to(fixture: &Fixture) -> (Vec<String>, bool) {
    let journal = Knobs::new(&fixture.harness.endpoints).route53_journal_of(&fixture.harness.zone, 0).await.unwrap();
    let fqdn = format!("{}.", fixture.hostname());
    let mut changes = journal.into_iter().filter(|entry| entry.name == fqdn && entry.kind == "A").peekable();
    let deleted = changes.clone().any(|entry| entry.action == "DELETE");
    assert!(changes.peek().is_some(), "{fqdn} was never published");
    (changes.last().map(|entry| entry.values).unwrap_or_default(), deleted)
}

#[tokio::test]
async fn a_hostname_of_two_gateways_leads_to_the_one_that_had_it_first() {
    let own = || json!({"Placement": "Dedicated", "HttpPorts": [{"Port": 80}]});
    let fixture = Fixture::ready("first", own()).await;
    let first = fixture.publish().await;
    let (_, name, answer) = another(&fixture, "second", own()).await;
    let second = id_of(answer.record()).unwrap();
    let client = &fixture.harness.client;
    let _cleanup = Cleanup::new(client, &[("gateway-instances", second)]);
    client.until_ready("gateway-instances", second, INSTALLED).await.unwrap();
    let (here, there) = (addresses(&fixture, fixture.gateway).await, addresses(&fixture, second).await);
    assert_ne!(here, there);

    let workload = answer.record()["WorkloadInstanceID"].as_i64().unwrap();
    let names = add_domain_name(client, fixture.harness.runtime, &name, fixture.domain, workload).await.unwrap();
    for (plural, id) in [("domain-name-instances", names), ("gateway-instances", second)] {
        eventually("it says who has the hostname, and where it leads", async || {
            let record = client.get(plural, id).await.unwrap();
            let message =
                condition(&record, "DnsPublished").and_then(|step| step["Message"].as_str()).unwrap_or_default();
            let all = [&fixture.name, &here[0], &there[0]].into_iter().all(|word| message.contains(word.as_str()));
            if all { Ok(()) } else { Err(format!("{record:#}")) }
        })
        .await;
    }
    assert_eq!(leads_to(&fixture).await, (here, false));
    fixture.until_ready().await;

    client.delete("domain-name-instances", first).await.unwrap();
    client.until_ready("domain-name-instances", names, INSTALLED).await.unwrap();
    client.until_ready("gateway-instances", second, INSTALLED).await.unwrap();
    client.until_gone("domain-name-instances", first, INSTALLED).await.unwrap();
    assert_eq!(leads_to(&fixture).await, (there, false), "it was handed over");
}

#[tokio::test]
async fn a_held_path_is_refused_until_its_holder_is_gone() {
    let fixture = Fixture::ready("holder", json!({"HttpPorts": [{"Port": 80, "Path": "/shop"}]})).await;
    // A final slash makes no difference to Gateway API.
    let (definition, name, answer) =
        another(&fixture, "late", json!({"HttpPorts": [{"Port": 80, "Path": "/shop/"}]})).await;
    let held_by = format!("gateway instance {} (id {})", fixture.name, fixture.gateway);
    refused(&answer, &[&format!("{}/shop", fixture.hostname()), "port 80", &held_by]);

    let client = &fixture.harness.client;
    client.delete_and_wait("gateway-instances", fixture.gateway, SOON).await.unwrap();
    let workload = client.list("workload-instances", &format!("name={name}")).await.unwrap();
    let body = fixture.harness.instance(&name, definition, id_of(&workload[0]).unwrap());
    let second = id_of(&client.create("gateway-instances", &body).await.unwrap()).unwrap();
    client.until_ready("gateway-instances", second, INSTALLED).await.unwrap();
    accepted(fixture.harness, second, 1).await;
}

#[tokio::test]
async fn a_change_towards_a_held_path_is_refused_and_changes_nothing() {
    let fixture = Fixture::begun("steady", json!({"HttpPorts": [{"Port": 80, "Path": "/a"}]}), json!({})).await;
    let (definition, _, answer) = another(&fixture, "mover", json!({"HttpPorts": [{"Port": 80, "Path": "/b"}]})).await;
    assert_eq!(answer.code, 201, "{:#}", answer.body);
    let client = &fixture.harness.client;
    let ports = client.list("gateway-http-ports", &format!("gatewaydefinitionid={definition}")).await.unwrap();
    let path = format!("/v0/gateway-http-ports/{}", id_of(&ports[0]).unwrap());
    let answer = client.send(Method::PATCH, &path, Some(&json!({"Path": "/a"}))).await.unwrap();
    refused(&answer, &[&format!("gateway instance {}", fixture.name)]);
    let list = json!({"HttpPorts": [{"Port": 80, "Path": "/b"}, {"Port": 80, "Path": "/a"}]});
    let answer =
        client.send(Method::PATCH, &format!("/v0/gateway-definitions/{definition}"), Some(&list)).await.unwrap();
    refused(&answer, &[&format!("gateway instance {}", fixture.name)]);
    let ports = client.list("gateway-http-ports", &format!("gatewaydefinitionid={definition}")).await.unwrap();
    assert_eq!(ports.iter().map(|port| &port["Path"]).collect::<Vec<_>>(), ["/b"]);
}

#[tokio::test]
async fn tcp_on_a_port_of_http_is_refused() {
    let fixture = Fixture::begun("http", json!({"HttpPorts": [{"Port": 21011}]}), json!({})).await;
    let (_, _, answer) = another(&fixture, "tcp", json!({"TcpPorts": [{"Port": 21011}]})).await;
    refused(&answer, &["TCP port 21011", "HTTP port 21011", &format!("gateway instance {}", fixture.name)]);
}

#[tokio::test]
async fn a_tcp_port_has_one_holder() {
    let fixture = Fixture::begun("tcp-first", json!({"TcpPorts": [{"Port": 21012}]}), json!({})).await;
    let (_, _, answer) = another(&fixture, "tcp-second", json!({"TcpPorts": [{"Port": 21012}]})).await;
    refused(&answer, &["TCP port 21012", &format!("gateway instance {}", fixture.name)]);
}

#[tokio::test]
async fn ports_that_the_proxy_maps_to_one_are_refused() {
    // On a shared gateway of its own, or port 80 would be everybody's.
    let class = harness().await.name("mapped");
    let low = json!({"GatewayClassName": class, "HttpPorts": [{"Port": 80}]});
    let fixture = Fixture::begun("low", low, json!({})).await;
    let high = json!({"GatewayClassName": class, "HttpPorts": [{"Port": 10080}]});
    let (_, _, answer) = another(&fixture, "high", high).await;
    let holder = format!("gateway instance {}", fixture.name);
    refused(&answer, &["HTTP port 10080", "HTTP port 80", &holder, "10080)"]);
}

#[tokio::test]
async fn whoever_alone_holds_a_port_may_speak_another_protocol_on_it() {
    let fixture = Fixture::begun("alone", json!({"HttpPorts": [{"Port": 21013}]}), json!({})).await;
    let (client, path) = (&fixture.harness.client, format!("/v0/gateway-definitions/{}", fixture.definition));
    for tls in [true, false] {
        let ports = json!({"HttpPorts": [{"Port": 21013, "TLSEnabled": tls}]});
        let answer = client.send(Method::PATCH, &path, Some(&ports)).await.unwrap();
        assert_eq!(answer.code, 200, "{ports}: {:#}", answer.body);
    }
}

#[tokio::test]
async fn a_domain_does_not_move_away_from_under_hostnames_also_of_tcp_alone() {
    let harness = harness().await;
    let name = harness.name("tcp-host");
    let workload = harness.workload(&name).await.unwrap();
    let domain = harness.domain(&name).await.unwrap();
    let host = format!("a.{name}.{}", causeway_testkit::DOMAIN);
    let more = json!({"Placement": "Dedicated", "Hostnames": [host], "TcpPorts": [{"Port": 21014}]});
    let definition = harness.definition(&name, Some(domain), more).await.unwrap();
    let made =
        harness.client.create("gateway-instances", &harness.instance(&name, definition, workload)).await.unwrap();
    let _cleanup = Cleanup::new(&harness.client, &[("gateway-instances", id_of(&made).unwrap())]);
    let path = format!("/v0/domain-name-definitions/{domain}");
    let moved = json!({"Domain": format!("moved-{name}.{}", causeway_testkit::DOMAIN)});
    let answer = harness.client.send(Method::PATCH, &path, Some(&moved)).await.unwrap();
    assert_eq!(answer.code, 400, "{:#}", answer.body);
    assert!(answer.error().contains(&host), "{}", answer.error());
}
