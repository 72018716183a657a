//! Why a hostname isn't served, as the API finds out.

use causeway_rig::Knobs;
use causeway_testkit::{
    ApiClient, Cleanup, DOMAIN, Harness, INSTALLED, add_domain_name, add_workload_of, answering, eventually, harness,
    id_of, object_name, within,
    zone::{create_zone, put_record},
};
use serde_json::{Value, json};

/// A gateway with HTTP and HTTPS at ports that an ordinary user may open, too.
async fn gateway(harness: &Harness, name: &str, manifests: &str, placement: &str) -> (i64, i64, i64) {
    let domain = harness.domain(name).await.unwrap();
    let workload = add_workload_of(&harness.client, harness.runtime, name, manifests).await.unwrap();
    let ports = json!([{"Port": 8088, "ServicePort": 80}, {"Port": 8443, "TLSEnabled": true, "ServicePort": 80}]);
    let definition = json!({"HttpPorts": ports, "Placement": placement});
    let definition = harness.definition(name, Some(domain), definition).await.unwrap();
    let body = harness.instance(name, definition, workload);
    let gateway = id_of(&harness.client.create("gateway-instances", &body).await.unwrap()).unwrap();
    (domain, workload, gateway)
}

/// The diagnosis of the one hostname of a record.
async fn diagnosis(client: &ApiClient, plural: &str, id: i64) -> Result<Value, String> {
    let answer = client.try_get(&format!("/v0/{plural}/{id}/diagnosis")).await.map_err(|error| format!("{error:#}"))?;
    match (answer.code, answer.body["Data"].as_array().map(Vec::as_slice)) {
        (200, Some([one])) => Ok(one.clone()),
        // Another test asks just now.
        _ => Err(answer.text),
    }
}

/// Waits until a step is the first that fails, and the summary says this of it. A gateway that was just made may need all that is installed in its cluster.
async fn until_failed(client: &ApiClient, gateway: i64, step: &str, says: &str) {
    within(INSTALLED, &format!("{step} fails"), async || {
        let found = diagnosis(client, "gateway-instances", gateway).await?;
        let (first, summary) = (&found["Steps"][0], found["Summary"].as_str().unwrap_or_default());
        let fails = first["Step"] == step && first["Verdict"] == "Failed" && summary.contains(says);
        if fails { Ok(()) } else { Err(format!("{found:#}")) }
    })
    .await;
}

fn step<'a>(diagnosis: &'a Value, name: &str) -> &'a Value {
    let mut steps = diagnosis["Steps"].as_array().unwrap().iter();
    steps.find(|step| step["Step"] == name).unwrap_or_else(|| panic!("no {name} in {diagnosis:#}"))
}

#[tokio::test]
async fn the_first_step_that_fails_is_told_until_none_does() {
    let harness = harness().await;
    let (client, name) = (&harness.client, harness.name("diagnosed"));
    let host = format!("{name}.{DOMAIN}");
    let (domain, workload, gateway) = gateway(harness, &name, &answering(&name), "Shared").await;
    let sentence = format!("{host} is not served: no domain name instance publishes {host}; make one");
    until_failed(client, gateway, "ZoneFound", &sentence).await;

    let published = add_domain_name(client, harness.runtime, &name, domain, workload).await.unwrap();
    for (plural, id) in [("gateway-instances", gateway), ("domain-name-instances", published)] {
        let found = within(INSTALLED, &format!("{plural}: nothing fails"), async || {
            let found = diagnosis(client, plural, id).await?;
            if found["Summary"] == format!("{host} is served") { Ok(found) } else { Err(format!("{found:#}")) }
        })
        .await;
        assert_eq!((&found["Hostname"], &found["Served"]), (&json!(host), &json!(true)));
        let steps = found["Steps"].as_array().unwrap();
        assert_eq!(steps.len(), 10, "{found:#}");
        let certificate = step(&found, "CertificateValid")["Evidence"].as_str().unwrap();
        assert!(
            certificate.contains(&format!("is for {host}")) && certificate.contains("told to trust"),
            "{certificate}"
        );
        assert_eq!(step(&found, "Answered")["Evidence"], "port 8443/ answers 200");
    }

    let other =
        client.try_get(&format!("/v0/gateway-instances/{gateway}/diagnosis?hostname=other.example")).await.unwrap();
    other.refused(400, "must be a hostname that the record has").because("InvalidQuery", &["hostname"]);
    client.try_get("/v0/gateway-instances/1/diagnosis").await.unwrap().refused(404, "");
}

#[tokio::test]
async fn an_authority_that_may_not_sign_is_told() {
    let harness = harness().await;
    let (client, name) = (&harness.client, harness.name("restricted"));
    let zone_name = format!("{name}.example");
    let zone = create_zone(&harness.endpoints, &zone_name).await.unwrap();
    // At the domain, above the hostname, which has none of its own.
    put_record(&harness.endpoints, &zone, &zone_name, "CAA", "0 issue \"ca.example.net\"").await.unwrap();
    let domain = json!({"Name": name, "Domain": zone_name, "Zone": "Public", "AdminEmail": "ops@test.example"});
    let domain = id_of(&client.create("domain-name-definitions", &domain).await.unwrap()).unwrap();
    let workload = add_workload_of(client, harness.runtime, &name, &answering(&name)).await.unwrap();
    let definition = json!({"HttpPorts": [{"Port": 8443, "TLSEnabled": true, "ServicePort": 80}], "SubDomain": "www"});
    let definition = harness.definition(&name, Some(domain), definition).await.unwrap();
    let body = harness.instance(&name, definition, workload);
    let gateway = id_of(&client.create("gateway-instances", &body).await.unwrap()).unwrap();
    let evidence = format!("the CAA records of {zone_name} let ca.example.net sign, and not letsencrypt.org");
    // Name servers answer with a record a moment after it was made.
    eventually("who may sign is told", async || {
        let found = diagnosis(client, "gateway-instances", gateway).await?;
        let allowed = step(&found, "IssuanceAllowed");
        let is_told = allowed["Verdict"] == "Failed" && allowed["Evidence"] == evidence;
        if is_told { Ok(()) } else { Err(format!("{found:#}")) }
    })
    .await;
}

#[tokio::test]
async fn a_workload_without_pods_is_told_by_the_controller_and_by_what_the_proxy_answers() {
    let harness = harness().await;
    let name = harness.name("podless");
    let manifests = answering(&name).replace("replicas: 2", "replicas: 0");
    let (domain, workload, gateway) = gateway(harness, &name, &manifests, "Shared").await;
    add_domain_name(&harness.client, harness.runtime, &name, domain, workload).await.unwrap();
    let found = within(INSTALLED, "the controller and the proxy have told it", async || {
        let found = diagnosis(&harness.client, "gateway-instances", gateway).await?;
        let steps = found["Steps"].as_array().cloned().unwrap_or_default();
        let failed = |n: usize, name: &str| {
            steps.get(n).is_some_and(|step: &Value| step["Step"] == name && step["Verdict"] == "Failed")
        };
        if failed(0, "EndpointsReady") && failed(1, "Answered") { Ok(found) } else { Err(format!("{found:#}")) }
    })
    .await;
    let summary = found["Summary"].as_str().unwrap();
    for told in ["has nowhere to send traffic", "no pod of the Service is ready", "how many pods it asks for"] {
        assert!(summary.contains(told), "{told}: {summary}");
    }
    let answered = step(&found, "Answered")["Evidence"].as_str().unwrap();
    assert!(answered.ends_with("answers 503: no pod takes the request"), "{answered}");
}

/// Clouds give out credentials there: a cluster that says so would have the API ask for them.
#[tokio::test]
async fn an_address_of_the_machines_own_link_is_not_connected_to() {
    let harness = harness().await;
    let name = harness.name("linked");
    let (_, workload, gateway) = gateway(harness, &name, &answering(&name), "Dedicated").await;
    let _cleanup = Cleanup::new(&harness.client, &[("gateway-instances", gateway)]);
    let knobs = Knobs::new(&harness.endpoints);
    let (namespace, object) = (object_name(&name, workload), object_name(&name, gateway));
    knobs.set_ingress(&namespace, &object, Some(&json!([{"ip": "169.254.169.254"}]))).await.unwrap();
    within(INSTALLED, "the address is seen and left alone", async || {
        let found = diagnosis(&harness.client, "gateway-instances", gateway).await?;
        let steps = found["Steps"].as_array().cloned().unwrap_or_default();
        let connected = steps.iter().find(|step| step["Step"] == "Connected").ok_or(format!("{found:#}"))?;
        let evidence = connected["Evidence"].as_str().unwrap_or_default();
        let closed = evidence.starts_with("169.254.169.254 is an address of this machine's link");
        let silent = steps.iter().all(|step| step["Step"] != "Answered" && step["Step"] != "CertificateValid");
        if closed && connected["Verdict"] == "Unknown" && silent { Ok(()) } else { Err(format!("{found:#}")) }
    })
    .await;
    knobs.set_ingress(&namespace, &object, None).await.unwrap();
}
