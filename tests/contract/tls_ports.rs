//! TCP ports with TLS: their fields, what they need, and that a hostname of a port has one holder; and with which certificates TLS ends.

use causeway_testkit::unique_name;
use serde_json::{Value, json};

use crate::{chain::Chain, get, made, patch, post};

fn definition(hostname: &str, port: Value) -> Value {
    json!({"Name": unique_name("tls"), "Hostnames": [hostname], "TcpPorts": [port]})
}

fn through() -> Value {
    json!({"Port": 443, "TLSEnabled": true, "TLSMode": "Passthrough"})
}

#[tokio::test]
async fn tls_on_a_tcp_port_says_what_it_needs() {
    let own = made("gateway-definitions", &json!({"Name": unique_name("tls")})).await;
    for (more, field, sentence) in [
        (json!({"TLSMode": "Terminate"}), "TLSMode", "needs TLSEnabled on port 443: there is no TLS to end"),
        (json!({"Hostnames": ["a.test"]}), "Hostnames", "without TLS a TCP connection names no hostname"),
        (json!({"TLSEnabled": true, "TLSMode": "Mixed"}), "TLSMode", "expected `Terminate` or `Passthrough`"),
    ] {
        let mut body = json!({"GatewayDefinitionID": own, "Port": 443});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        post("gateway-tcp-ports", &body).await.refused(400, sentence).because("InvalidField", &[field]);
    }
    for (port, hostnames, sentence) in [
        (through(), json!([]), "on port 443 needs Hostnames or DomainNameDefinitionID"),
        (json!({"Port": 443, "TLSEnabled": true}), json!(["a.test"]), "on port 443 needs DomainNameDefinitionID"),
    ] {
        let body = json!({"Name": unique_name("tls"), "Hostnames": hostnames, "TcpPorts": [port]});
        let answer = post("gateway-definitions", &body).await.refused(400, sentence);
        answer.because("InvalidField", &["TcpPorts[0].TLSEnabled"]);
    }
    let own = made("gateway-definitions", &definition("a.test", through())).await;
    let stored = get(&format!("/v0/gateway-tcp-ports?gatewaydefinitionid={own}&tlsmode=Passthrough")).await;
    assert_eq!(stored.body["Data"][0]["TLSMode"], "Passthrough", "{}", stored.text);
}

#[tokio::test]
async fn a_port_that_comes_later_needs_the_same() {
    let chain = Chain::up_to("workload-instances").await;
    let bare = made("gateway-definitions", &json!({"Name": unique_name("tls"), "TcpPorts": [{"Port": 4433}]})).await;
    chain.instance_of(bare).await.done(201);
    let mut port = through();
    port["GatewayDefinitionID"] = json!(bare);
    let answer = post("gateway-tcp-ports", &port).await.refused(400, "port 443 needs Hostnames or a domain");
    answer.because("InvalidField", &["TLSEnabled"]);

    let host = format!("{}.test", unique_name("later"));
    let named = made("gateway-definitions", &definition(&host, through())).await;
    chain.instance_of(named).await.done(201);
    let own = get(&format!("/v0/gateway-tcp-ports?gatewaydefinitionid={named}")).await.ids()[0];
    let answer = patch("gateway-tcp-ports", own, &json!({"TLSMode": "Terminate"})).await;
    answer.refused(400, "port 443 needs a domain").because("InvalidField", &["TLSEnabled"]);
    let answer = patch("gateway-tcp-ports", own, &json!({"Hostnames": ["other.test"]})).await;
    answer
        .refused(400, "TCP port 443 is for other.test, which gateway definition")
        .because("InvalidField", &["Hostnames"]);
}

#[tokio::test]
async fn a_hostname_of_a_port_has_one_holder() {
    let chain = Chain::up_to("workload-instances").await;
    let [host, free] = ["held", "free"].map(|what| format!("{}.test", unique_name(what)));
    let first = made("gateway-definitions", &definition(&host, through())).await;
    let holder = chain.instance_of(first).await.done(201).record()["Name"].as_str().unwrap().to_owned();
    let second = made("gateway-definitions", &definition(&host, through())).await;
    let sentence = format!("{host} on TLS passthrough port 443 is already held by gateway instance {holder}");
    chain.instance_of(second).await.refused(409, &sentence).because("RouteTaken", &[]);
    patch("gateway-definitions", second, &json!({"Hostnames": [free]})).await.done(200);
    chain.instance_of(second).await.done(201);
    let answer = patch("gateway-definitions", second, &json!({"Hostnames": [free, host]})).await;
    answer.refused(409, &sentence).because("RouteTaken", &[]);
    // Another port is another place, and plain TCP takes a port whole.
    let mut elsewhere = through();
    elsewhere["Port"] = json!(8443);
    let third = made("gateway-definitions", &definition(&host, elsewhere)).await;
    chain.instance_of(third).await.done(201);
    let plain = json!({"Name": unique_name("tls"), "TcpPorts": [{"Port": 8443}]});
    let plain = made("gateway-definitions", &plain).await;
    let sentence = "TCP port 8443 can't stand beside TLS passthrough port 8443";
    chain.instance_of(plain).await.refused(409, sentence).because("PortTaken", &[]);
}

#[tokio::test]
async fn a_secret_that_is_brought_is_named_where_the_gateway_ends_tls() {
    let own = made("gateway-definitions", &json!({"Name": unique_name("brought")})).await;
    for (kind, more, sentence) in [
        ("gateway-http-ports", json!({}), "needs TLSEnabled on port 443: there is no TLS to end"),
        ("gateway-tcp-ports", json!({}), "needs TLSEnabled on port 443: there is no TLS to end"),
        ("gateway-tcp-ports", through(), "needs TLSMode Terminate on port 443: with Passthrough the workload has"),
        ("gateway-http-ports", json!({"TLSEnabled": true, "TLSSecretName": "Shop TLS"}), "TLSSecretName"),
    ] {
        let mut body = json!({"GatewayDefinitionID": own, "Port": 443, "TLSSecretName": "shop-tls"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        post(kind, &body).await.refused(400, sentence).because("InvalidField", &["TLSSecretName"]);
    }
    // It stands in for a domain, and not for a hostname.
    let https = json!({"Port": 443, "TLSEnabled": true, "TLSSecretName": "shop-tls"});
    let bare = json!({"Name": unique_name("brought"), "HttpPorts": [https]});
    let answer = post("gateway-definitions", &bare).await;
    let answer = answer.refused(400, "on port 443 needs Hostnames or DomainNameDefinitionID: the hostnames that");
    answer.because("InvalidField", &["HttpPorts[0].TLSEnabled"]);
    let host = format!("{}.test", unique_name("brought"));
    let named = json!({"Name": unique_name("brought"), "Hostnames": [host], "HttpPorts": [https]});
    let named = made("gateway-definitions", &named).await;
    let ports = get(&format!("/v0/gateway-http-ports?gatewaydefinitionid={named}")).await;
    assert_eq!(ports.body["Data"][0]["TLSSecretName"], "shop-tls", "{}", ports.text);
}

#[tokio::test]
async fn a_hostname_of_a_port_has_one_certificate() {
    let chain = Chain::up_to("workload-instances").await;
    let host = format!("{}.test", unique_name("one-certificate"));
    let https =
        |path: &str, secret: &str| json!({"Port": 443, "TLSEnabled": true, "Path": path, "TLSSecretName": secret});
    let of = |ports: Value| json!({"Name": unique_name("brought"), "Hostnames": [host], "HttpPorts": ports});
    let first = made("gateway-definitions", &of(json!([https("/", "shop-tls")]))).await;
    let holder = chain.instance_of(first).await.done(201).record()["Name"].as_str().unwrap().to_owned();
    let same = made("gateway-definitions", &of(json!([https("/api", "shop-tls")]))).await;
    chain.instance_of(same).await.done(201);
    let other = made("gateway-definitions", &of(json!([https("/other", "other-tls")]))).await;
    let sentence = format!(
        "a hostname of a port has one certificate, and gateway instance {holder} has that of Secret shop-tls; say the same about TLSSecretName"
    );
    chain.instance_of(other).await.refused(409, &sentence).because("RouteTaken", &[]);
    let own = get(&format!("/v0/gateway-http-ports?gatewaydefinitionid={same}")).await.ids()[0];
    let answer = patch("gateway-http-ports", own, &json!({"TLSSecretName": "other-tls"})).await;
    answer.refused(409, &sentence).because("RouteTaken", &[]);
    // Two ports of one definition, too.
    let two = made("gateway-definitions", &of(json!([https("/a", "shop-tls"), https("/b", "other-tls")]))).await;
    let answer = chain.instance_of(two).await;
    let answer = answer.refused(400, "port 443 of gateway definition");
    answer.because("InvalidField", &["TLSSecretName"]);
}

#[tokio::test]
async fn a_wildcard_certificate_needs_a_proof_by_dns() {
    let name = unique_name("wildcard");
    let domain = |more: Value| {
        let mut body = json!({
            "Name": name, "Domain": format!("{name}.test"), "Zone": "Public", "AdminEmail": "ops@test.example",
            "WildcardCertificate": true,
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let sentence = "WildcardCertificate: needs AcmeChallenge DNS01, and it is HTTP01";
    let answer = post("domain-name-definitions", &domain(json!({"AcmeChallenge": "HTTP01"}))).await;
    answer.refused(400, sentence).because("InvalidField", &["WildcardCertificate"]);
    let made = made("domain-name-definitions", &domain(json!({}))).await;
    let answer = patch("domain-name-definitions", made, &json!({"AcmeChallenge": "HTTP01"})).await;
    answer.refused(400, sentence).because("InvalidField", &["WildcardCertificate"]);
    let own = json!({"AcmeChallenge": "HTTP01", "IssuerKind": "SelfSigned"});
    patch("domain-name-definitions", made, &own).await.done(200);
}
