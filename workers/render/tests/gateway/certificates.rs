//! Certificates, their issuers, and the Secrets of both.

use causeway_records::{
    inputs::SharedGatewayInputs,
    inventory::ObjectRef,
    nouns::{AcmeChallenge, DomainNameDefinition, Placement},
    text::WaitSeconds,
};
use causeway_render::{
    gateway, listener_set,
    samples::{self, Variant, http},
    shared_gateway,
};
use serde_json::{Value, json};

#[test]
fn secrets_of_cert_manager_are_known() {
    let secrets = |name: &str| {
        let scene = samples::scenes().into_iter().find(|(scene, _)| *scene == name).unwrap().1;
        let of_gateways = scene.gateways.iter().flat_map(gateway::secrets);
        let of_sets = scene.listener_sets.iter().flat_map(listener_set::secrets);
        let all = of_sets.chain(scene.shared.iter().flat_map(shared_gateway::secrets)).chain(of_gateways);
        all.map(|at| at.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(
        secrets("http01"),
        ["Secret shared-gateway-103/shop-example-org-6c3ce64a83", "Secret cert-manager/shared-gateway-103-21-account"]
    );
    assert_eq!(secrets("ca"), ["Secret shared-gateway-104/shop-example-org-b08c4cdcbc"]);
    assert_eq!(secrets("dedicated"), ["Secret web-2307/shop-example-org-88a10ffafc"]);
    assert_eq!(secrets("plain"), [""; 0]);
}

#[test]
fn a_self_signed_certificate_has_a_subject_and_no_other_does() {
    let subject = |scene: &str, hostname: &str| {
        let mut inputs = samples::scenes().into_iter().find(|(name, _)| *name == scene).unwrap().1.gateways.remove(0);
        inputs.hostnames = vec![hostname.to_owned()];
        let plan = gateway::render(&inputs).unwrap();
        let certificate = plan.objects.iter().find(|object| object.at.kind == "Certificate").unwrap();
        assert_eq!(certificate.body["spec"]["dnsNames"], json!([hostname]));
        let name = certificate.body["metadata"]["name"].as_str().unwrap().to_owned();
        (certificate.body["spec"]["commonName"].as_str().map(str::to_owned), name)
    };
    let (longest, too_long) = (format!("{}.example.org", "a".repeat(52)), format!("{}.example.org", "a".repeat(53)));
    for hostname in ["shop.example.org", "*.example.org", &longest] {
        assert_eq!(subject("dedicated", hostname).0.as_deref(), Some(hostname));
    }
    let (subject_of_long, name) = subject("dedicated", &too_long);
    assert_eq!(subject_of_long, Some(name));
    assert_eq!(subject("dedicated_http01", "shop.example.org").0, None, "an authority decides itself");
}

#[test]
fn secrets_of_issuers_are_where_an_adopted_cert_manager_looks_for_them() {
    let domain = DomainNameDefinition { aws_account_id: Some(5), ..samples::domain(21) };
    let inputs = |namespace: Option<&str>| {
        let gateway = samples::gateway(1, "web", Some((21, domain.clone())), &[http(443, "/").tls()], &[]);
        let mut scene = samples::shared(2, vec![gateway.clone()]);
        let shared = scene.shared.take().unwrap();
        let mut dedicated = gateway;
        dedicated.definition.spec.placement = Some(Placement::Dedicated);
        dedicated.cluster_resource_namespace = namespace.map(str::to_owned);
        (
            SharedGatewayInputs { cluster_resource_namespace: dedicated.cluster_resource_namespace.clone(), ..shared },
            dedicated,
        )
    };
    for (namespace, expected) in [(None, "cert-manager"), (Some("security"), "security")] {
        let (shared, dedicated) = inputs(namespace);
        for plan in [shared_gateway::render(&shared).unwrap(), gateway::render(&dedicated).unwrap()] {
            let secrets: Vec<_> = plan.objects.iter().filter(|object| object.at.kind == "Secret").collect();
            assert_eq!(secrets.len(), 1, "the keys of the account");
            assert_eq!(secrets[0].at.namespace.as_deref(), Some(expected));
        }
        let of_account =
            |secrets: Vec<ObjectRef>| secrets.into_iter().find(|at| at.name.ends_with("-account")).unwrap();
        for at in [of_account(shared_gateway::secrets(&shared)), of_account(gateway::secrets(&dedicated))] {
            assert_eq!(at.namespace.as_deref(), Some(expected));
        }
    }
}

/// The ClusterIssuer of a Dedicated gateway whose domain has an authority of its own.
fn issuer(acme_challenge: AcmeChallenge) -> Value {
    let domain = DomainNameDefinition {
        acme_server: "https://ca.example.org/dir".parse().ok(),
        acme_ca_bundle: Some("-----BEGIN CERTIFICATE-----".into()),
        acme_challenge: Some(acme_challenge),
        acme_wait_seconds: WaitSeconds::try_from(5).ok(),
        ..samples::domain(21)
    };
    let mut inputs = samples::gateway(1, "web", Some((21, domain)), &[http(443, "/").tls()], &[]);
    inputs.definition.spec.placement = Some(Placement::Dedicated);
    let plan = gateway::render(&inputs).expect("a plan");
    let issuer = plan.objects.into_iter().find(|object| object.at.kind == "ClusterIssuer").expect("an issuer");
    issuer.body["spec"]["acme"].clone()
}

#[test]
fn an_authority_of_ones_own_is_trusted_and_asked_when_one_says() {
    for challenge in [AcmeChallenge::Dns01, AcmeChallenge::Http01] {
        let acme = issuer(challenge);
        assert_eq!(acme["server"], "https://ca.example.org/dir");
        assert_eq!(acme["caBundle"], "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t", "PEM in base64");
        // Beside the challenge, not inside of it.
        assert_eq!(acme["solvers"][0]["waitInsteadOfSelfCheck"], "5s", "{acme:#}");
    }
}
