//! TCP ports with TLS: connections go where the hostname says that a client asks for, and TLS ends at the gateway or at the workload.

use causeway_testkit::{
    Answer, Cleanup, DOMAIN, Harness, INSTALLED, Visitor, answering, condition, eventually, harness, kinds::TLS_ROUTE,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Answering, answers, presented, signed_domain};
use crate::fixture::labelled;

/// A certificate of somebody's own, and the authority that signed it.
pub(crate) struct Proof {
    pub(super) authority: String,
    pub(super) certificate: Vec<u8>,
    /// A Secret with it.
    pub(crate) secret: String,
}

/// What the certificate of somebody's own authority says.
pub(super) fn own_authority(of: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.distinguished_name.push(DnType::CommonName, format!("the authority of {of}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

impl Proof {
    pub(crate) fn of(host: &str) -> Self {
        let authority = CertifiedIssuer::self_signed(own_authority(host), KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(vec![host.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": {"name": "own"},
            "stringData": {"tls.crt": own.pem(), "tls.key": key.serialize_pem()},
        });
        Self { authority: authority.pem(), certificate: own.der().to_vec(), secret: secret.to_string() }
    }
}

/// A workload that ends TLS itself and answers with a text, and a second that speaks plain HTTP.
fn ending_tls(proof: &Proof, text: &str) -> String {
    let plain = answering(text);
    let encrypted = plain
        .replace("name: web", "name: secure")
        .replace("app: web", "app: secure")
        .replace("args: [netexec", "args: [netexec, --tls-cert-file=/own/tls.crt, --tls-private-key-file=/own/tls.key")
        .replace("httpGet: {path: /, port: 8080}", "tcpSocket: {port: 8080}")
        .replace(
            "          readinessProbe",
            "          volumeMounts: [{name: own, mountPath: /own}]\n          readinessProbe",
        )
        .replace("      containers:", "      volumes: [{name: own, secret: {secretName: own}}]\n      containers:");
    format!("{}\n---\n{encrypted}\n---\n{plain}", proof.secret)
}

fn through(name: &str) -> Value {
    let port = json!({"Port": 443, "TLSEnabled": true, "TLSMode": "Passthrough", "ServicePort": 80});
    json!({"SubDomain": name, "ServiceName": "secure", "TcpPorts": [port]})
}

/// The answer to an instance of such a definition, for the workload of another one.
async fn asked(harness: &Harness, what: &str, domain: i64, more: Value, workload: i64) -> Answer {
    let name = harness.name(what);
    let definition = harness.definition(&name, Some(domain), more).await.unwrap();
    let body = harness.instance(&name, definition, workload);
    harness.client.send(Method::POST, "/v0/gateway-instances", Some(&body)).await.unwrap()
}

#[tokio::test]
async fn tls_passes_to_the_workload_of_its_hostname_beside_https_on_the_same_port() {
    let harness = harness().await;
    let name = harness.name("through");
    let domain = signed_domain(harness, &name, "DNS01", 1).await;
    let host = |sub: &str| format!("{sub}.{name}.{DOMAIN}");
    let proofs = ["one", "two"].map(|sub| (sub, Proof::of(&host(sub))));
    let mut served = vec![];
    for (sub, proof) in &proofs {
        let own = harness.name(sub);
        let manifests = ending_tls(proof, sub);
        served.push(Answering::begin(harness, &own, &manifests, Some(domain), through(sub)).await);
    }
    let https = json!({"SubDomain": "three", "HttpPorts": [{"Port": 443, "TLSEnabled": true}]});
    let own = harness.name("three");
    served.push(Answering::begin(harness, &own, &answering("three"), Some(domain), https).await);
    for gateway in &served {
        gateway.until_ready(harness).await;
        gateway.publish(harness, domain).await;
    }
    for (sub, proof) in &proofs {
        let visitor = Visitor::new(&harness.endpoints).trusting(&proof.authority).unwrap();
        answers(&visitor, &format!("https://{}/", host(sub)), sub).await;
        let certificate = presented(&visitor, &format!("https://{}/", host(sub))).await;
        assert_eq!(certificate, proof.certificate, "{sub} proves its name itself");
    }
    // Who trusts the one workload doesn't trust the other: the check is a real one.
    let stranger = Visitor::new(&harness.endpoints).trusting(&proofs[0].1.authority).unwrap();
    let refused = stranger.get(&format!("https://{}/", host("two"))).await.unwrap_err();
    assert!(format!("{refused:#}").contains("UnknownIssuer"), "{refused:#}");
    let visitor = Visitor::new(&harness.endpoints).trusting(&harness.endpoints.acme.root).unwrap();
    answers(&visitor, &format!("https://{}/", host("three")), "three").await;

    // A hostname of the port has one holder, whatever it does with TLS.
    let (holder, workload) = (&served[0], served[0].workload);
    let same = asked(harness, "same", domain, through("one"), workload).await;
    let sentence = format!(
        "{} on TLS passthrough port 443 is already held by gateway instance {} (id {})",
        host("one"),
        holder.name,
        holder.gateway
    );
    same.refused(409, &sentence).because("RouteTaken", &[]);
    let https = json!({"SubDomain": "one", "HttpPorts": [{"Port": 443, "TLSEnabled": true}], "ServiceName": "web"});
    let other = asked(harness, "other", domain, https, workload).await;
    other.refused(409, "a hostname of a port is either TLS passthrough or HTTPS").because("RouteTaken", &[]);
    let plain = json!({"TcpPorts": [{"Port": 443, "ServicePort": 80}], "ServiceName": "web"});
    let plain = asked(harness, "plain", domain, plain, workload).await;
    plain.refused(409, "TCP port 443 can't stand beside").because("PortTaken", &[]);
}

#[tokio::test]
async fn tls_ends_at_the_gateway_and_what_is_inside_goes_to_the_workload_until_it_passes_through() {
    let harness = harness().await;
    let name = harness.name("ended");
    let domain = signed_domain(harness, &name, "DNS01", 1).await;
    let host = format!("{name}.{DOMAIN}");
    let proof = Proof::of(&host);
    let port = json!({"Port": 21443, "TLSEnabled": true, "ServicePort": 80});
    let more = json!({"ServiceName": "web", "TcpPorts": [port]});
    let served = Answering::begin(harness, &name, &ending_tls(&proof, &name), Some(domain), more).await;
    served.until_ready(harness).await;
    served.publish(harness, domain).await;
    let kube = harness.kube().await.unwrap();
    assert_eq!(labelled(&kube, TLS_ROUTE, &format!("gateway-instance-{}", served.gateway)).await.len(), 1);
    let url = format!("https://{host}:21443/");
    let visitor = Visitor::new(&harness.endpoints).trusting(&harness.endpoints.acme.root).unwrap();
    answers(&visitor, &url, &name).await;

    // The other mode, and the other Service: the workload proves the name from now on, and nobody orders a certificate for it.
    let port = json!({"Port": 21443, "TLSEnabled": true, "TLSMode": "Passthrough", "ServicePort": 80});
    let change = json!({"ServiceName": "secure", "TcpPorts": [port]});
    harness.client.patch("gateway-definitions", served.definition, &change).await.unwrap();
    let visitor = Visitor::new(&harness.endpoints).trusting(&proof.authority).unwrap();
    answers(&visitor, &url, &name).await;
    served.until_ready(harness).await;
    eventually("no certificate is asked for", async || {
        let gateway =
            harness.client.get("gateway-instances", served.gateway).await.map_err(|error| error.to_string())?;
        match condition(&gateway, "CertificatesReady") {
            None => Ok(()),
            Some(left) => Err(left.to_string()),
        }
    })
    .await;
}

/// With a Gateway of its own there is no other listener that a hostname could be told from.
#[tokio::test]
async fn a_gateway_of_its_own_passes_tls_on_and_ends_it_too() {
    let harness = harness().await;
    let name = harness.name("own-tls");
    let domain = signed_domain(harness, &name, "DNS01", 1).await;
    let host = |sub: &str| format!("{sub}.{name}.{DOMAIN}");
    let proof = Proof::of(&host("through"));
    let port = |mode: &str, sub: &str| json!({"Port": 443, "TLSEnabled": true, "TLSMode": mode, "Hostnames": [host(sub)], "ServicePort": 80});
    // One Service answers both: what TLS is left when it arrives there, it ends itself. So this one hostname is enough here.
    let more = json!({
        "Placement": "Dedicated", "Hostnames": [host("through"), host("ended")], "ServiceName": "secure",
        "TcpPorts": [port("Passthrough", "through"), port("Terminate", "ended")],
    });
    let served = Answering::begin(harness, &name, &ending_tls(&proof, &name), Some(domain), more).await;
    let _cleanup = Cleanup::new(&harness.client, &[("gateway-instances", served.gateway)]);
    harness.client.until_ready("gateway-instances", served.gateway, INSTALLED).await.unwrap();
    served.publish(harness, domain).await;
    let visitor = Visitor::new(&harness.endpoints).trusting(&proof.authority).unwrap();
    answers(&visitor, &format!("https://{}/", host("through")), &name).await;
    // The proxy has ended TLS, and the workload gets plain HTTP, which it doesn't take.
    let visitor = Visitor::new(&harness.endpoints).trusting(&harness.endpoints.acme.root).unwrap();
    eventually("the proxy proves the other name", async || {
        let answer = visitor.get(&format!("https://{}/", host("ended"))).await.map_err(|error| format!("{error:#}"))?;
        let refused = answer.code == 400 && answer.text.contains("HTTP request to an HTTPS server");
        if refused { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
}
