//! Gateways: the ports of VirtualServices, and hosts for TCP.

use super::*;

#[test]
fn ports_are_those_of_the_gateways_that_serve_it() {
    let gateway = |name: &str, spec: Value| object("gateway", "Gateway", name, &spec);
    let routes = json!([{"matchers": [{"prefix": "/"}], "routeAction": to("web")}]);
    let host = json!({"domains": ["shop.example.org", "*"], "routes": routes});
    let secure = virtual_service(
        &json!({"virtualHost": host, "sslConfig": {"secretRef": {"name": "s", "namespace": "gloo-system"}, "sniDomains": ["shop.example.org"]}}),
    );
    let gateways =
        gateway("plain", json!({"bindAddress": "::", "bindPort": 8080, "httpGateway": {}, "useProxyProto": false}))
            + &gateway("tls", json!({"bindPort": 8443, "ssl": true, "httpGateway": {}}))
            + &gateway(
                "more",
                json!({"bindPort": 9443, "ssl": true, "httpGateway": {"virtualServiceSelector": {"team": "other"}}}),
            );
    let import = imported(&(secure.clone() + &gateways));
    let definition = of(&import, Kind::GatewayDefinition)[0].clone();
    assert_eq!(definition["HttpPorts"], json!([{"Port": 443, "TLSEnabled": true}]));
    assert_eq!(
        (&definition["Hostnames"], &definition["DomainNameDefinition"]["Name"]),
        (&json!(["shop.example.org"]), &json!("example.org"))
    );
    let expected = [
        "Unsupported vs spec.virtualHost.domains[1]",
        "Lossy vs spec.sslConfig.secretRef",
        "Lossy plain spec.bindPort",
        "Unsupported plain spec",
        "Lossy tls spec.bindPort",
        "Unsupported more spec",
        "Needed example.org AdminEmail",
    ];
    assert_eq!(told(&import), expected);
    let none = imported(&(secure + &gateway("plain", json!({"bindPort": 8080, "httpGateway": {}}))));
    assert!(none.gateways.is_empty() && told(&none).contains(&"Unsupported vs spec".to_owned()), "{:?}", told(&none));
}

#[test]
fn hosts_for_tcp_are_ports() {
    let target =
        |service: &str| json!({"single": {"kube": {"ref": {"name": service, "namespace": "shop"}, "port": 5432}}});
    let hosts = json!([
        {"name": "db", "destination": target("db")},
        {"name": "passed", "destination": target("db"), "sslConfig": {"sniDomains": ["db.example.org"]}},
        {"name": "ended", "destination": target("db"), "sslConfig": {"sniDomains": ["e.example.org"], "secretRef": {"name": "s", "namespace": "shop"}}},
    ]);
    let gateway = object("gateway", "Gateway", "tcp", &json!({"bindPort": 5432, "tcpGateway": {"tcpHosts": hosts}}));
    let import = imported(&gateway);
    let ports: Vec<_> = of(&import, Kind::GatewayDefinition).iter().map(|one| one["TcpPorts"].to_string()).collect();
    let expected = [
        r#"[{"Port":5432,"ServicePort":5432}]"#,
        r#"[{"Port":5432,"ServicePort":5432,"TLSEnabled":true,"TLSMode":"Passthrough"}]"#,
        r#"[{"Port":5432,"ServicePort":5432,"TLSEnabled":true,"TLSMode":"Terminate"}]"#,
    ];
    assert_eq!(ports, expected);
}
