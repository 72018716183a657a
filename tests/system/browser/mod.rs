//! The dashboard in a browser, on real data: `tests/python/dashboard.py` looks at every page.
//!
//! `make test-one T=system::browser` runs it. With `CAUSEWAY_SCREENSHOTS=FOLDER` it leaves pictures of the pages there; `CAUSEWAY_ROWS=10000` makes long lists so long.

mod places;
mod rows;

use causeway_rig::workspace_program;
use causeway_testkit::{
    DOMAIN, Harness, INSTALLED, add_domain_name, condition, eventually, harness, id_of,
    pages::PICTURED,
    python,
    receiver::{Manner, Receiver},
    within,
};
use serde_json::{Value, json};

use places::{SignedIn, lists};

/// A gateway that works, with a certificate and a record in the zone; a long name among the hostnames.
async fn working(harness: &Harness, name: &str) -> (i64, i64, i64) {
    let workload = harness.workload(name).await.unwrap();
    let domain = harness.domain(name).await.unwrap();
    let long = format!("a-rather-long-label-of-a-hostname-that-somebody-really-uses.{name}.{DOMAIN}");
    let more = json!({
        "SubDomain": "www", "ServiceName": "web", "Hostnames": [long],
        "HttpPorts": [{"Port": 80, "HTTPSRedirect": true}, {"Port": 443, "TLSEnabled": true}],
    });
    let definition = harness.definition(name, Some(domain), more).await.unwrap();
    let gateway = harness.ready_gateway(name, definition, workload).await.unwrap();
    let domain_name = add_domain_name(&harness.client, harness.runtime, name, domain, workload).await.unwrap();
    harness.client.until_ready("domain-name-instances", domain_name, INSTALLED).await.unwrap();
    (gateway, domain_name, workload)
}

/// A gateway whose Service isn't there, and the condition that says so: it is the first that isn't met, and stays so. Others may be false before.
async fn failing(harness: &Harness, name: &str) -> (i64, String, Value) {
    let workload = harness.workload(name).await.unwrap();
    let hostname = format!("{name}.{DOMAIN}");
    let more = json!({"ServiceName": "nobody", "Hostnames": [hostname], "HttpPorts": [{"Port": 80}]});
    let definition = harness.definition(name, None, more).await.unwrap();
    let made = harness.client.create("gateway-instances", &harness.instance(name, definition, workload)).await.unwrap();
    let id = id_of(&made).unwrap();
    let fails = within(INSTALLED, "a condition names the Service", async || {
        let record = harness.client.get("gateway-instances", id).await?;
        let step = condition(&record, "Ready").and_then(|ready| ready["Reason"].as_str()).unwrap_or_default();
        let says = |step: &&Value| step["Message"].as_str().is_some_and(|message| message.contains("nobody"));
        let fails = condition(&record, step).filter(|step| step["Status"] == "False").filter(says);
        fails.cloned().ok_or_else(|| anyhow::anyhow!("{record}"))
    })
    .await;
    (id, hostname, fails)
}

/// A webhook of which a test event was tried: its id, and that of the delivery. It gets events of records of this name; those of all tests would take
/// long to send, and push each other off its page.
async fn webhook(harness: &Harness, what: &str, receiver: &Receiver, of: &str) -> (i64, i64) {
    let client = &harness.client;
    let body = json!({
        "Name": harness.name(what), "URL": receiver.url(), "Kinds": ["gateway-instances", "domain-name-instances"],
        "Types": ["condition", "deleted"], "RecordName": of,
    });
    let hook = id_of(&client.create("webhooks", &body).await.unwrap()).unwrap();
    let test = client.send_text(http::Method::POST, &format!("/v0/webhooks/{hook}/test"), "").await.unwrap();
    let delivery = id_of(test.record()).unwrap();
    eventually("the test event was tried", async || {
        let read = client.get("webhook-deliveries", delivery).await?;
        if read["Attempts"].as_i64() > Some(0) { Ok(()) } else { Err(anyhow::anyhow!("{read}")) }
    })
    .await;
    (hook, delivery)
}

/// A webhook whose receiver wanted nothing any more and now does: what it did not take can be sent once more.
async fn mended(harness: &Harness, name: &str) -> (i64, Receiver) {
    let receiver = Receiver::start(Manner::Says(410)).await;
    let (hook, _) = webhook(harness, "mended", &receiver, name).await;
    receiver.answers(Manner::Says(204));
    harness.client.patch("webhooks", hook, &json!({"Disabled": false})).await.unwrap();
    (hook, receiver)
}

/// A workload that nobody may work on and that is to go: a person may say that it goes all the same.
async fn leaving(harness: &Harness) -> i64 {
    let workload = harness.workload(&harness.name("leaving")).await.unwrap();
    harness.client.until_ready("workload-instances", workload, INSTALLED).await.unwrap();
    harness.client.patch("workload-instances", workload, &json!({"InterruptReconciliation": true})).await.unwrap();
    harness.client.delete("workload-instances", workload).await.unwrap();
    workload
}

#[tokio::test]
async fn every_page_reads_in_both_themes_by_keyboard_and_on_a_phone() {
    let harness = harness().await;
    let [takes, fails, gone] = [204, 500, 410].map(Manner::Says).map(Receiver::start);
    let (takes, fails, gone) = (takes.await, fails.await, gone.await);
    let (shop, name) = (harness.name("shop"), harness.name("broken"));
    let (taking, _) = webhook(harness, "inventory", &takes, &shop).await;
    let (chat, failed) = webhook(harness, "chat", &fails, &name).await;
    webhook(harness, "old-dashboard", &gone, &name).await;
    let (mended, _receiver) = mended(harness, &name).await;
    let (gateway, domain_name, workload) = working(harness, &shop).await;
    let (broken, hostname, fails) = failing(harness, &name).await;
    let leaving = leaving(harness).await;
    // The common one of the class that is ours: those of other tests come and go.
    let shared = harness.client.list("shared-gateways", "").await.unwrap();
    let is_common = |shared: &&Value| shared["GatewayClassName"].is_null() && shared["Listeners"].is_null();
    let shared = shared.iter().find(is_common).unwrap()["ID"].as_i64().unwrap();
    let runtime = harness.runtime;
    let path = format!("/ui/gateway-instances/{broken}");
    let pages = json!({
        "fleet": "/ui",
        "hostname": format!("/ui/hostnames/{hostname}"),
        "gateways": "/ui/gateway-instances",
        "gateway": format!("/ui/gateway-instances/{gateway}"),
        "not-ready": path,
        "domains": "/ui/domain-name-instances",
        "domain-name": format!("/ui/domain-name-instances/{domain_name}"),
        "shared-gateways": "/ui/shared-gateways",
        "shared-gateway": format!("/ui/shared-gateways/{shared}"),
        "workload": format!("/ui/workload-instances/{workload}"),
        "cluster": format!("/ui/kubernetes-runtime-instances/{runtime}"),
        "certificates": "/ui/certificates",
        "certificates-not-valid": "/ui/certificates?valid=false",
        "support-services": "/ui/support-services",
        "events": "/ui/events",
        "events-of-one": format!("/ui/events?id={broken}"),
        "webhooks": "/ui/webhooks",
        "webhook": format!("/ui/webhooks/{chat}"),
        "webhook-taken": format!("/ui/webhooks/{taking}"),
        "delivery": format!("/ui/webhook-deliveries/{failed}"),
        "seen-from-here": format!("/ui/gateway-instances/{broken}/diagnosis?hostname={hostname}"),
        "audit": "/ui/audit",
        "search": "/ui/search?q=example",
        "nothing-found": "/ui/search?q=nobody-is-called-so",
        "no-such-hostname": "/ui/hostnames/nobody.example.org",
        "gateways-chosen": format!("/ui/gateway-instances?ready=False&kubernetesruntimeinstanceid={runtime}&q=broken"),
        "question": format!("{path}/pause"),
        "question-reconcile": format!("{path}/reconcile"),
        "question-release": format!("/ui/workload-instances/{leaving}/release"),
        "question-webhook": format!("/ui/webhooks/{taking}/test"),
        "question-disable": format!("/ui/webhooks/{taking}/disable"),
        "question-redeliver": format!("/ui/webhooks/{mended}/redeliver"),
        "question-delivery": format!("/ui/webhook-deliveries/{failed}/redeliver"),
    });
    let tokens = SignedIn::start(&harness.endpoints).await;
    let refused = |name: &str, path: &str, status: u16| json!({"name": name, "path": path, "status": status});
    let refusals = [
        refused("refused-absent", "/ui/gateway-instances/1", 404),
        refused("refused-conflict", &format!("{path}/resume"), 409),
        refused("refused-query", "/ui/gateway-instances?ready=perhaps", 400),
    ];
    let places: Vec<_> = tokens.places().into_iter().chain(refusals).collect();
    let known = |name: &str| pages.get(name).is_some() || places.iter().any(|place| place["name"] == name);
    let unknown: Vec<_> = PICTURED.iter().filter(|name| !known(name)).collect();
    assert!(unknown.is_empty(), "nobody makes a picture of {unknown:?}");
    let (lists, on) = lists(&harness.endpoints, &tokens).await;
    let blocked = json!({
        "id": broken, "path": path, "hostname": hostname, "message": fails["Message"], "reason": fails["Reason"],
    });
    let mut browser = python::program("python");
    // An API of its own, because diagnoses of one caller wait for each other and other tests ask for some.
    let url = harness.platform.add_api().await.unwrap();
    let programs = workspace_program("causeway").unwrap();
    browser.arg("dashboard.py").env("CAUSEWAY_URL", url).env("CAUSEWAY_PROGRAMS", programs.parent().unwrap());
    browser.env("CAUSEWAY_PAGES", pages.to_string()).env("CAUSEWAY_BLOCKED", blocked.to_string());
    browser.env("CAUSEWAY_PLACES", json!(places).to_string()).env("CAUSEWAY_LISTS", json!(lists).to_string());
    let output = browser.output().await.unwrap();
    python::ended_well(&output);
    print!("{}", String::from_utf8_lossy(&output.stdout));
    harness.client.patch("workload-instances", leaving, &json!({"InterruptReconciliation": false})).await.unwrap();
    harness.client.until_gone("workload-instances", leaving, INSTALLED).await.unwrap();
    for platform in on.into_iter().chain([tokens.platform]) {
        platform.stop().await;
    }
}
