//! The dashboard in a browser, on real data: `tests/python/dashboard.py` looks at every page.
//!
//! `make test-one T=system::browser` runs it. With `CAUSEWAY_SCREENSHOTS=FOLDER` it leaves pictures of the pages there.

use causeway_testkit::{
    DOMAIN, Harness, INSTALLED, add_domain_name, condition, eventually, harness, id_of, python,
    receiver::{Manner, Receiver},
    within,
};
use serde_json::{Value, json};

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
async fn failing(harness: &Harness) -> (i64, String, Value) {
    let name = harness.name("broken");
    let workload = harness.workload(&name).await.unwrap();
    let hostname = format!("{name}.{DOMAIN}");
    let more = json!({"ServiceName": "nobody", "Hostnames": [hostname], "HttpPorts": [{"Port": 80}]});
    let definition = harness.definition(&name, None, more).await.unwrap();
    let made =
        harness.client.create("gateway-instances", &harness.instance(&name, definition, workload)).await.unwrap();
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

#[tokio::test]
async fn every_page_reads_in_both_themes_by_keyboard_and_on_a_phone() {
    let harness = harness().await;
    let [takes, fails, gone] = [204, 500, 410].map(Manner::Says).map(Receiver::start);
    let (takes, fails, gone) = (takes.await, fails.await, gone.await);
    let shop = harness.name("shop");
    let (taking, _) = webhook(harness, "inventory", &takes, &shop).await;
    let (chat, failed) = webhook(harness, "chat", &fails, &shop).await;
    webhook(harness, "old-dashboard", &gone, &shop).await;
    let (gateway, domain_name, workload) = working(harness, &shop).await;
    let (broken, hostname, fails) = failing(harness).await;
    // That of the class that is ours: those of other tests come and go.
    let shared = harness.client.list("shared-gateways", "").await.unwrap();
    let shared = shared.iter().find(|shared| shared["GatewayClassName"].is_null()).unwrap()["ID"].as_i64().unwrap();
    let runtime = harness.runtime;
    let path = format!("/ui/gateway-instances/{broken}");
    let pages = json!({
        "fleet": "/ui",
        "hostname": format!("/ui/hostnames/{hostname}"),
        "gateways": "/ui/gateway-instances",
        "gateway": format!("/ui/gateway-instances/{gateway}"),
        "not-ready": path,
        "domain-name": format!("/ui/domain-name-instances/{domain_name}"),
        "shared-gateway": format!("/ui/shared-gateways/{shared}"),
        "cluster": format!("/ui/kubernetes-runtime-instances/{runtime}"),
        "certificates": "/ui/certificates",
        "support-services": "/ui/support-services",
        "events": "/ui/events",
        "events-of-one": format!("/ui/events?id={broken}"),
        "webhooks": "/ui/webhooks",
        "webhook": format!("/ui/webhooks/{chat}"),
        "webhook-taken": format!("/ui/webhooks/{taking}"),
        "delivery": format!("/ui/webhook-deliveries/{failed}"),
        "question-webhook": format!("/ui/webhooks/{taking}/test"),
        "seen-from-here": format!("/ui/gateway-instances/{broken}/diagnosis?hostname={hostname}"),
        "audit": "/ui/audit",
        "quiet": format!("/ui/workload-instances/{workload}"),
        "search": "/ui/search?q=example",
        "nothing-found": "/ui/search?q=nobody-is-called-so",
        "no-such-hostname": "/ui/hostnames/nobody.example.org",
        "question": format!("{path}/pause"),
    });
    let blocked = json!({
        "id": broken, "path": path, "hostname": hostname, "message": fails["Message"], "reason": fails["Reason"],
    });
    let mut browser = python::program("python");
    // An API of its own, because diagnoses of one caller wait for each other and other tests ask for some.
    let url = harness.platform.add_api().await.unwrap();
    browser.arg("dashboard.py").env("CAUSEWAY_URL", url);
    browser.env("CAUSEWAY_PAGES", pages.to_string()).env("CAUSEWAY_BLOCKED", blocked.to_string());
    let output = browser.output().await.unwrap();
    python::ended_well(&output);
    print!("{}", String::from_utf8_lossy(&output.stdout));
}
