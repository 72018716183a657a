//! Gateways, whatever is attached to them.

use super::*;

/// The only shared gateway.
fn shared(import: &Import) -> Value {
    let all = of(import, Kind::SharedGateway);
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

#[test]
fn who_may_attach_is_what_the_listeners_say() {
    let with = |listeners: Value, more: &str| {
        let spec = json!({"parentRefs": [{"name": "gw"}], "rules": [{"backendRefs": [backend()]}]});
        let import = imported(&format!("{}{}{more}", gateway(&listeners), object("HTTPRoute", "web", &spec)));
        let all = shared(&import);
        let said = ["AttachableBy", "NamespaceSelector", "WorkloadInstances"].map(|field| all[field].clone());
        (said, told(&import))
    };
    let allowing = |namespaces: Value| json!([{"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": namespaces}}]);
    let (said, told) = with(allowing(json!({"from": "All"})), "");
    assert_eq!(said, [json!("All"), Value::Null, Value::Null]);
    assert_eq!(told, ["Needed gw Namespace", "Needed shop YAMLDocument"]);
    let selecting = allowing(json!({"from": "Selector", "selector": {"matchLabels": {"team": "shop"}}}));
    let (said, told) = with(selecting.clone(), "");
    assert_eq!(said, [json!("Selector"), json!({"team": "shop"}), Value::Null]);
    assert!(told.contains(&"Needed shop NamespaceLabels".to_owned()), "{told:?}");
    let namespace =
        r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop","labels":{"team":"shop","a":"b"}}}"#;
    let (_, told) = with(selecting, namespace);
    assert_eq!(told, ["Needed gw Namespace", "Needed shop YAMLDocument"], "the namespace has the labels");
    let by_name =
        |name: &str| json!({"from": "Selector", "selector": {"matchLabels": {"kubernetes.io/metadata.name": name}}});
    let (said, told) = with(allowing(by_name("other")), "");
    assert_eq!(said, [json!("WorkloadInstances"), Value::Null, json!([{"Name": "other"}])]);
    assert!(told.contains(&"Needed other YAMLDocument".to_owned()), "{told:?}");
    let both = json!([
        {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}},
        {"name": "own", "port": 8080, "protocol": "HTTP"},
    ]);
    let (said, told) = with(both, "");
    assert_eq!(said, [json!("WorkloadInstances"), Value::Null, json!([{"Name": "shop"}])]);
    assert!(told.contains(&"Lossy gw spec.listeners[1].allowedRoutes.namespaces".to_owned()), "{told:?}");
}

#[test]
fn labels_of_a_namespace_are_those_of_its_workload() {
    let namespace = r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop","labels":{"team":"shop"},"annotations":{"a":"b"}}}"#;
    let spec = json!({"parentRefs": [{"name": "gw"}], "rules": [{"backendRefs": [backend()]}]});
    let import = imported(&format!("{}{}{namespace}", gateway(&http()), object("HTTPRoute", "web", &spec)));
    assert_eq!(of(&import, Kind::WorkloadInstance)[0]["NamespaceLabels"], json!({"team": "shop"}));
    assert!(told(&import).contains(&"Lossy shop metadata.annotations".to_owned()), "{:?}", told(&import));
}

#[test]
fn a_secret_is_the_listeners_and_an_issuer_signs_where_an_annotation_says_so() {
    let tls = |name: &str, hostname: &str, refs: Value| json!({"name": name, "port": 443, "protocol": "HTTPS", "hostname": hostname, "tls": {"certificateRefs": refs}});
    let listeners = json!([
        tls("own", "own.shop.test", json!([{"name": "own"}])),
        tls("elsewhere", "e.shop.test", json!([{"name": "e", "namespace": "certs"}])),
        tls("odd", "odd.shop.test", json!([{"kind": "Vault", "group": "x.test", "name": "v"}])),
    ]);
    let import = imported(&gateway(&listeners));
    let secrets: Vec<_> = shared(&import)["Listeners"]
        .as_array()
        .unwrap()
        .iter()
        .map(|listener| listener["SecretName"].clone())
        .collect();
    assert_eq!(secrets, ["own", "e"]);
    assert_eq!(shared(&import)["Listeners"][1]["SecretNamespace"], "certs");
    let expected = [
        "Unsupported gw spec.listeners[2].tls.certificateRefs[0]",
        "Unsupported gw spec.listeners[2]",
        "Needed gw Namespace",
    ];
    assert_eq!(told(&import), expected);
    let mut signed: Value =
        serde_json::from_str(&gateway(&json!([tls("own", "*.shop.test", json!([{"name": "own"}]))]))).unwrap();
    signed["metadata"]["annotations"] = json!({"cert-manager.io/cluster-issuer": "company"});
    let import = imported(&signed.to_string());
    let record = shared(&import);
    assert_eq!(record["DomainNameDefinition"], json!({"Name": "shop.test"}));
    assert_eq!(
        record["Listeners"],
        json!([{"Name": "own", "Port": 443, "Protocol": "HTTPS", "Hostname": "*.shop.test"}])
    );
    assert_eq!(of(&import, Kind::DomainNameDefinition)[0]["IssuerName"], "company");
}

#[test]
fn listeners_of_sets_are_the_gateways() {
    let set = object(
        "ListenerSet",
        "more",
        &json!({"parentRef": {"name": "gw"}, "listeners": [{"name": "http", "port": 80, "protocol": "HTTP", "hostname": "a.test"}]}),
    );
    let spec = json!({
        "gatewayClassName": "eg", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP", "hostname": "b.test"}],
        "allowedListeners": {"namespaces": {"from": "Same"}},
    });
    let route =
        json!({"parentRefs": [{"kind": "ListenerSet", "name": "more"}], "rules": [{"backendRefs": [backend()]}]});
    let import = imported(&(object("Gateway", "gw", &spec) + &set + &object("HTTPRoute", "web", &route)));
    let names: Vec<_> =
        shared(&import)["Listeners"].as_array().unwrap().iter().map(|listener| listener["Name"].clone()).collect();
    assert_eq!(names, ["http", "more-http"]);
    assert_eq!(of(&import, Kind::GatewayDefinition)[0]["Hostnames"], json!(["a.test"]));
    assert_eq!(shared(&import)["AllowedListeners"], json!({"namespaces": {"from": "Same"}}), "others may come");
    assert!(told(&import).iter().all(|line| !line.contains("allowedListeners")), "{:?}", told(&import));
}

#[test]
fn kinds_tls_and_sets_of_others_are_said_in_the_words_of_gateway_api() {
    let bundle = json!({"validation": {"caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "ca"}], "mode": "AllowValidOnly"}});
    let tls = json!({
        "backend": {"clientCertificateRef": {"group": "", "kind": "Secret", "name": "client"}},
        "frontend": {"default": bundle, "perPort": [{"port": 8443, "tls": {}}]},
    });
    let with = |spec: Value| {
        let mut all = json!({
            "gatewayClassName": "eg",
            "listeners": [{"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"kinds": [{"kind": "GRPCRoute"}]}}],
        });
        all.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        imported(&object("Gateway", "gw", &all))
    };
    let selector = json!({"namespaces": {"from": "Selector", "selector": {"matchExpressions": [{"key": "team", "operator": "Exists"}]}}});
    let import = with(json!({"tls": tls, "allowedListeners": selector}));
    let record = shared(&import);
    assert_eq!((&record["TLS"], &record["AllowedListeners"]), (&tls, &selector));
    assert_eq!(record["Listeners"][0]["RouteKinds"], json!(["GRPCRoute"]));
    assert!(told(&import).iter().all(|line| line.starts_with("Needed")), "{:?}", told(&import));
    let odd = with(json!({"tls": {"backend": {"other": 1}}, "allowedListeners": {"namespaces": {"from": "Selector"}}}));
    assert!(shared(&odd)["TLS"].is_null() && shared(&odd)["AllowedListeners"].is_null());
    let reported = ["Unsupported gw spec.allowedListeners", "Unsupported gw spec.tls"];
    assert_eq!(told(&odd)[..2], reported, "{:?}", told(&odd));
}

#[test]
fn a_hostname_is_said_where_no_listener_is_nearer() {
    let listeners = json!([
        {"name": "all", "port": 80, "protocol": "HTTP"},
        {"name": "one", "port": 80, "protocol": "HTTP", "hostname": "one.test"},
    ]);
    let spec = json!({"parentRefs": [{"name": "gw", "sectionName": "all"}], "hostnames": ["one.test", "two.test"], "rules": [{"backendRefs": [backend()]}]});
    let import = imported(&(gateway(&listeners) + &object("HTTPRoute", "web", &spec)));
    assert_eq!(of(&import, Kind::GatewayDefinition)[0]["Hostnames"], json!(["two.test"]));
    assert_eq!(told(&import)[0], "Unsupported web spec.hostnames[0]");
}

#[test]
fn a_route_without_a_parent_is_a_definition_without_an_instance() {
    let import = imported(&object(
        "HTTPRoute",
        "web",
        &json!({"hostnames": ["a.test"], "rules": [{"backendRefs": [backend()]}]}),
    ));
    assert_eq!(of(&import, Kind::GatewayDefinition)[0]["Hostnames"], json!(["a.test"]));
    assert!(of(&import, Kind::GatewayInstance).is_empty());
    assert_eq!(told(&import)[0], "Needed web spec.parentRefs");
}

#[test]
fn a_route_of_a_mesh_is_a_manifest_of_its_workload() {
    let parent = |namespace: Value| json!({"group": "", "kind": "Service", "name": "web", "namespace": namespace});
    let route = |namespace: Value| {
        let spec = json!({"parentRefs": [parent(namespace)], "rules": [{"backendRefs": [backend()], "retry": {"attempts": 2}}]});
        imported(&object("HTTPRoute", "inner", &spec))
    };
    let import = route(json!("shop"));
    let text = of(&import, Kind::WorkloadDefinition)[0]["YAMLDocument"].as_str().unwrap().to_owned();
    let read = read(&text, &Budget::default()).unwrap();
    assert_eq!((read[0].kind(), read[0].namespace()), ("HTTPRoute", None));
    assert_eq!(read[0].body["spec"]["parentRefs"], json!([{"group": "", "kind": "Service", "name": "web"}]));
    assert_eq!(read[0].body["spec"]["rules"][0]["retry"], json!({"attempts": 2}));
    // A namespace that is no text is none.
    for namespace in [json!("other"), json!({"name": "shop"})] {
        let elsewhere = route(namespace);
        assert!(elsewhere.documents().is_empty(), "{:?}", elsewhere.documents());
        assert!(
            told(&elsewhere).contains(&"Unsupported inner spec.parentRefs[0]".to_owned()),
            "{:?}",
            told(&elsewhere)
        );
    }
}

#[test]
fn a_route_of_a_mesh_may_be_attached_to_what_the_mesh_has_for_itself() {
    let imports = json!({"group": "multicluster.x-k8s.io", "kind": "ServiceImport", "name": "store"});
    let spec = json!({"parentRefs": [imports], "rules": [{"backendRefs": [imports, backend()]}]});
    let import = imported(&object("HTTPRoute", "inner", &spec));
    let text = of(&import, Kind::WorkloadDefinition)[0]["YAMLDocument"].as_str().unwrap().to_owned();
    assert_eq!(read(&text, &Budget::default()).unwrap()[0].body["spec"], spec);
    let brought = ["Needed inner spec.rules[0].backendRefs[0]", "Needed inner spec.parentRefs[0]"];
    assert_eq!(told(&import)[..2], brought, "{:?}", told(&import));
    // Listeners of an older Gateway API are on a Gateway, and that is called otherwise here.
    let of_old = json!({"group": "gateway.networking.x-k8s.io", "kind": "XListenerSet", "name": "more"});
    let import = imported(&object("HTTPRoute", "inner", &json!({"parentRefs": [of_old]})));
    assert!(import.documents().is_empty(), "{:?}", import.documents());
}

#[test]
fn a_secret_beside_a_set_is_in_the_namespace_of_the_set() {
    let spec = json!({
        "gatewayClassName": "eg", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}],
        "allowedListeners": {"namespaces": {"from": "All"}},
    });
    let tls = |name: &str, secret: Value| json!({"name": name, "port": 443, "protocol": "HTTPS", "hostname": format!("{name}.test"), "tls": {"certificateRefs": [secret]}});
    let listeners = json!([tls("a", json!({"name": "s"})), tls("b", json!({"name": "s", "namespace": "shop"}))]);
    let set = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "ListenerSet", "metadata": {"name": "more", "namespace": "team"},
        "spec": {"parentRef": {"name": "gw", "namespace": "shop"}, "listeners": listeners},
    });
    let import = imported(&format!("{}{set}", object("Gateway", "gw", &spec)));
    let all = shared(&import);
    assert_eq!(
        (&all["Listeners"][1]["SecretNamespace"], &all["Listeners"][2]["SecretNamespace"]),
        (&json!("team"), &Value::Null)
    );
    let needed = "Needed more spec.listeners[0].tls.certificateRefs[0]".to_owned();
    assert!(told(&import).contains(&needed), "{:?}", told(&import));
}
