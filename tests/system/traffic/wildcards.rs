//! One certificate for all hostnames of a domain, and hostnames that stand for many.

use std::collections::BTreeSet;

use causeway_testkit::{
    DOMAIN, Harness, INSTALLED, Load, Visitor, answering, condition, eventually, harness,
    kinds::{CERTIFICATE, Gvk},
    within,
};
use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::{Answering, all_of, answers, presented, signed_domain};

const ORDER: Gvk<'static> = ("acme.cert-manager.io", "v1", "Order");
/// Requests a second, and how many of them are sent before and after a change.
const RATE: u32 = 100;
const AROUND: u64 = 100;

/// The hostnames in each object of a kind that are under a domain, by the object's name.
async fn named_under(harness: &Harness, kind: Gvk<'_>, domain: &str) -> Vec<Vec<String>> {
    let all = all_of(&harness.kube().await.unwrap(), kind).await.unwrap();
    let names = |object: &DynamicObject| {
        let names = object.data["spec"]["dnsNames"].as_array().into_iter().flatten();
        names.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut found: Vec<_> =
        all.iter().map(names).filter(|names| names.iter().any(|name| name.ends_with(domain))).collect();
    found.sort();
    found
}

async fn set_wildcard(harness: &Harness, domain: i64, wildcard: bool) {
    let body = json!({"WildcardCertificate": wildcard});
    harness.client.patch("domain-name-definitions", domain, &body).await.unwrap();
}

/// Also: what it doesn't cover has a certificate of its own.
#[tokio::test]
async fn two_hostnames_are_served_with_one_certificate_that_was_ordered_once() {
    let harness = harness().await;
    let name = harness.name("wild");
    let domain = signed_domain(harness, &name, "DNS01", 1).await;
    set_wildcard(harness, domain, true).await;
    let under = format!("{name}.{DOMAIN}");
    let [one, two, deeper] = ["one", "two", "very.deep"].map(|sub| format!("{sub}.{under}"));
    let https = |hosts: &[&String]| json!({"Hostnames": hosts, "HttpPorts": [{"Port": 443, "TLSEnabled": true}]});
    // Two gateways of two teams, and a third hostname, which a wildcard doesn't stand for.
    let mut served = vec![];
    for (what, hosts) in [("one", vec![&one, &deeper]), ("two", vec![&two])] {
        let own = harness.name(what);
        served.push(Answering::begin(harness, &own, &answering(&own), Some(domain), https(&hosts)).await);
    }
    for gateway in &served {
        gateway.until_ready(harness).await;
        gateway.publish(harness, domain).await;
    }
    let visitor = Visitor::new(&harness.endpoints).trusting(&harness.endpoints.acme.root).unwrap();
    for (host, gateway) in [(&one, &served[0]), (&two, &served[1]), (&deeper, &served[0])] {
        answers(&visitor, &format!("https://{host}/"), &gateway.name).await;
    }
    let of = async |host: &str| presented(&visitor, &format!("https://{host}/")).await;
    let certificate = of(&one).await;
    assert_eq!(of(&two).await, certificate, "it is the same one, with the same serial number");
    assert_ne!(of(&deeper).await, certificate);
    let expected = [vec![format!("*.{under}")], vec![deeper]];
    for kind in [CERTIFICATE, ORDER] {
        assert_eq!(named_under(harness, kind, &under).await, expected, "of {kind:?}");
    }
    // As clients see it: it is the shared gateway's, whose own reconcile says so.
    let told = eventually("it is told", async || {
        let listed = harness.client.list("certificates", "").await.map_err(|error| error.to_string())?;
        let of_domain =
            listed.into_iter().filter(|one| one["Hostnames"] == json!([expected[0][0]])).collect::<Vec<_>>();
        match of_domain.iter().any(|one| one["Valid"] == true) {
            true => Ok(of_domain),
            false => Err(format!("{of_domain:?}")),
        }
    })
    .await;
    assert_eq!(told.iter().map(|one| &one["OwnerKind"]).collect::<Vec<_>>(), ["SharedGateway"]);
}

#[tokio::test]
async fn no_request_fails_while_one_certificate_takes_the_place_of_others_and_they_its_place() {
    let harness = harness().await;
    let name = harness.name("wilder");
    let domain = signed_domain(harness, &name, "DNS01", 1).await;
    let under = format!("{name}.{DOMAIN}");
    let host = format!("www.{under}");
    let ports = json!({"SubDomain": "www", "HttpPorts": [{"Port": 443, "TLSEnabled": true}]});
    let served = Answering::start(harness, &name, domain, ports).await;
    served.publish(harness, domain).await;
    let visitor = Visitor::new(&harness.endpoints).trusting(&harness.endpoints.acme.root).unwrap();
    let url = format!("https://{host}/");
    answers(&visitor, &url, &served.name).await;

    let load = Load::start(&visitor, &url, RATE).unwrap();
    let go_on = async || {
        let sent = load.tally().sent;
        eventually("further requests are answered", async || {
            let now = load.tally().sent;
            if now > sent + AROUND { Ok(()) } else { Err(now) }
        })
        .await;
    };
    let mut presented = BTreeSet::new();
    for (wildcard, names) in [(false, &host), (true, &format!("*.{under}")), (false, &host)] {
        set_wildcard(harness, domain, wildcard).await;
        // It is ordered, and the listener has to be taken up with it.
        within(INSTALLED, "one certificate is left, and it is presented", async || {
            let left = named_under(harness, CERTIFICATE, &under).await;
            let seen = load.tally().certificates;
            let is_new = seen.len() > presented.len();
            if left == [vec![names.clone()]] && is_new { Ok(()) } else { Err((left, seen.len())) }
        })
        .await;
        presented = load.tally().certificates;
        go_on().await;
    }
    served.until_ready(harness).await;
    let tally = load.stop().await;
    assert_eq!(tally.failed, 0, "of {}: {:#?}", tally.sent, tally.failures);
}

/// Waits until a URL answers with this code, whatever its text.
async fn says(visitor: &Visitor, url: &str, code: u16) {
    eventually(&format!("{url} answers {code}"), async || match visitor.get(url).await {
        Ok(answer) if answer.code == code => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
}

/// A wildcard of one workload, whose records are written by this driver, and a hostname below it of another one, over HTTP and HTTPS.
async fn the_more_specific_hostname_wins(driver: &str) {
    let harness = harness().await;
    let (client, name) = (&harness.client, harness.name("below"));
    let domain = signed_domain(harness, &name, "DNS01", 1).await;
    client.patch("domain-name-definitions", domain, &json!({"DnsDriver": driver})).await.unwrap();
    let host = |sub: &str| format!("{sub}.{name}.{DOMAIN}");
    let ports = |path: &str| json!([{"Port": 80, "Path": path}, {"Port": 443, "TLSEnabled": true}]);
    let mut served = vec![];
    for (what, hostname, path) in [("wild", host("*"), "/"), ("shop", host("shop"), "/cart")] {
        let own = harness.name(what);
        let more = json!({"Hostnames": [hostname], "HttpPorts": ports(path)});
        served.push(Answering::begin(harness, &own, &answering(&own), Some(domain), more).await);
    }
    let [wild, shop] = [&served[0], &served[1]];
    for gateway in [wild, shop] {
        gateway.until_ready(harness).await;
        gateway.publish(harness, domain).await;
    }
    let visitor = Visitor::new(&harness.endpoints).trusting(&harness.endpoints.acme.root).unwrap();
    let url = |scheme: &str, sub: &str, path: &str| format!("{scheme}://{}{path}", host(sub));
    for (url, owner) in [
        (url("http", "cart", "/"), wild),
        (url("http", "eu.cart", "/any"), wild),
        (url("http", "shop", "/cart"), shop),
        (url("https", "cart", "/"), wild),
        (url("https", "shop", "/"), shop),
    ] {
        answers(&visitor, &url, &owner.name).await;
    }
    // What the more specific one doesn't answer is answered by nobody.
    says(&visitor, &url("http", "shop", "/"), 404).await;
    let [of_wild, of_shop] =
        [presented(&visitor, &url("https", "cart", "/")).await, presented(&visitor, &url("https", "shop", "/")).await];
    assert_ne!(of_wild, of_shop, "each has a certificate of its own");
    // An asterisk of a certificate is one label, so nobody believes that for a name that is deeper.
    let refused = visitor.get(&url("https", "eu.cart", "/")).await.unwrap_err();
    let refused = format!("{refused:#}");
    assert!(refused.contains("not valid for name") || refused.contains("NotValidForName"), "{refused}");
    let told = client
        .try_get(&format!("/v0/gateway-instances/{}/diagnosis?hostname={}", wild.gateway, host("cart")))
        .await
        .unwrap();
    assert_eq!((told.code, &told.record()["Hostname"]), (200, &json!(host("cart"))), "{}", told.text);

    // The wildcard says what it loses for as long as it does, and gets it back.
    let says_it = async |is_lost: bool| {
        let sentence = format!(
            "of {} on HTTP port 80, everything for {} goes to gateway instance {}, also what that doesn't answer",
            host("*"),
            host("shop"),
            shop.name
        );
        eventually("RoutesAccepted says what the wildcard loses", async || {
            let record = client.get("gateway-instances", wild.gateway).await.map_err(|error| format!("{error:#}"))?;
            let step = condition(&record, "RoutesAccepted").ok_or("not there yet")?;
            let is_told = step["Message"].as_str().is_some_and(|message| message.contains(&sentence));
            if step["Status"] == "True" && is_told == is_lost { Ok(()) } else { Err(step.to_string()) }
        })
        .await;
    };
    says_it(true).await;
    client.delete_and_wait("gateway-instances", shop.gateway, INSTALLED).await.unwrap();
    says_it(false).await;
    answers(&visitor, &url("http", "shop", "/cart"), &wild.name).await;
    answers(&visitor, &url("https", "shop", "/"), &wild.name).await;
}

#[tokio::test]
async fn a_wildcard_serves_all_names_but_those_that_others_have() {
    the_more_specific_hostname_wins("external-dns").await;
}

#[tokio::test]
async fn a_wildcard_serves_all_names_but_those_that_others_have_where_workers_publish() {
    the_more_specific_hostname_wins("route53").await;
}
