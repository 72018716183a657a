use super::*;
use crate::{Record, overlay::overlay};

fn gateway(json: &str) -> SharedGateway {
    let mut record = Record::<SharedGateway>::default();
    let report = overlay(json.as_bytes(), &mut record.writable()).unwrap();
    assert!(report.problems.is_empty() && report.unknown.is_empty(), "{:?} {:?}", report.problems, report.unknown);
    record.spec
}

fn own(more: &str) -> SharedGateway {
    let listeners = r#"[{"Name":"http","Port":80,"Protocol":"HTTP"}]"#;
    gateway(&format!(r#"{{"Name":"main","Namespace":"ingress","Listeners":{listeners}{more}}}"#))
}

fn problems(gateway: &SharedGateway) -> Vec<String> {
    gateway.check().iter().map(ToString::to_string).collect()
}

#[test]
fn a_gateway_with_listeners_is_in_a_namespace_and_the_common_one_in_its_own() {
    assert_eq!(problems(&own("")), [""; 0]);
    assert_eq!(problems(&gateway(r#"{"Name":"main","Addresses":["10.0.0.8"]}"#)), [""; 0]);
    let alone = problems(&gateway(r#"{"Name":"main","Namespace":"ingress"}"#));
    assert_eq!(alone, ["Listeners: goes with Namespace; send both or neither"]);
    let common = problems(&gateway(r#"{"Name":"main","AttachableBy":"All","NamespaceSelector":{"a":"b"}}"#));
    assert!(common.len() == 2 && common[0].starts_with("AttachableBy: needs Listeners"), "{common:?}");
}

#[test]
fn a_domain_signs_for_listeners_that_name_no_secret() {
    let https = r#"[{"Name":"https","Port":443,"Protocol":"HTTPS","Hostname":"*.example.org"}]"#;
    let of = |more: &str| {
        problems(&gateway(&format!(r#"{{"Name":"main","Namespace":"ingress","Listeners":{https}{more}}}"#)))
    };
    assert_eq!(of(r#","DomainNameDefinitionID":7"#), [""; 0]);
    assert!(of("")[0].starts_with("Listeners[0].SecretName: is needed where the Gateway ends TLS"));
    let common = problems(&gateway(r#"{"Name":"main","DomainNameDefinitionID":7}"#));
    assert!(common[0].starts_with("DomainNameDefinitionID: needs Listeners"), "{common:?}");
    assert_eq!(own(r#","DomainNameDefinitionID":7"#).for_admins(&own("")), ["DomainNameDefinitionID"]);
}

#[test]
fn who_may_attach_is_said_in_one_way() {
    assert_eq!(own("").attachable_by(), AttachableBy::Same, "nobody who wasn't let");
    for good in [
        r#","AttachableBy":"All""#,
        r#","AttachableBy":"All","NamespaceSelector":{},"WorkloadInstanceIDs":[]"#,
        r#","AttachableBy":"Selector","NamespaceSelector":{"purpose":"workloads"}"#,
        r#","AttachableBy":"WorkloadInstances","WorkloadInstanceIDs":[7]"#,
    ] {
        assert_eq!(problems(&own(good)), [""; 0], "{good}");
    }
    for (bad, starts) in [
        (r#","AttachableBy":"Selector""#, "NamespaceSelector: is needed with AttachableBy Selector"),
        (r#","AttachableBy":"Selector","NamespaceSelector":{}"#, "NamespaceSelector: is needed"),
        (r#","AttachableBy":"WorkloadInstances","WorkloadInstanceIDs":[]"#, "WorkloadInstanceIDs: is needed"),
        (
            r#","AttachableBy":"All","NamespaceSelector":{"a":"b"}"#,
            "NamespaceSelector: goes with AttachableBy Selector",
        ),
        (r#","WorkloadInstanceIDs":[7]"#, "WorkloadInstanceIDs: goes with AttachableBy WorkloadInstances"),
        (r#","AttachableBy":"Selector","NamespaceSelector":{"a b":"c"}"#, "NamespaceSelector: `a b` is no key"),
    ] {
        let found = problems(&own(bad));
        assert!(found.len() == 1 && found[0].starts_with(starts), "{bad}: {found:?}");
    }
    let ids = Ids(vec![7; MAX_WORKLOADS + 1]);
    let by = Some(AttachableBy::WorkloadInstances);
    let many = SharedGateway { attachable_by: by, workload_instance_ids: Some(ids), ..own("") };
    assert!(problems(&many)[0].starts_with("WorkloadInstanceIDs: holds 1001 ids; 1000 are allowed"));
}

#[test]
fn a_gateway_that_stays_needs_nothing_that_goes_with_its_record() {
    let of = |listener: &str, more: &str| {
        let body =
            format!(r#"{{"Name":"main","Namespace":"ingress","Listeners":[{listener}],"KeepOnDelete":true{more}}}"#);
        problems(&gateway(&body))
    };
    let http = r#"{"Name":"http","Port":80,"Protocol":"HTTP","AllowedRoutes":{"namespaces":{"from":"All"}}}"#;
    assert_eq!(of(http, r#","GatewayClassName":"eg","GatewayName":"edge""#), [""; 0]);
    assert!(of(http, "")[0].starts_with("GatewayClassName: is needed with KeepOnDelete"));
    let https = r#"{"Name":"https","Port":443,"Protocol":"HTTPS","Hostname":"a.test"}"#;
    let lacking = of(https, r#","GatewayClassName":"eg","DomainNameDefinitionID":7"#);
    assert!(lacking[0].starts_with("Listeners[0].SecretName: is needed with KeepOnDelete"), "{lacking:?}");
    assert!(lacking[1].starts_with("Listeners[0].AllowedRoutes: is needed with KeepOnDelete"), "{lacking:?}");
    let common = problems(&gateway(r#"{"Name":"main","KeepOnDelete":true,"GatewayName":"edge"}"#));
    assert!(common.len() == 2 && common[0].starts_with("GatewayName: needs Listeners"), "{common:?}");
    let kept = SharedGateway { keep_on_delete: Some(true), ..own("") };
    assert_eq!(kept.for_admins(&own("")), ["KeepOnDelete"]);
    assert!(SharedGateway { keep_on_delete: Some(false), ..own("") }.for_admins(&own("")).is_empty());
}

#[test]
fn only_admins_say_who_may_attach() {
    let new = SharedGateway::default();
    assert_eq!(own("").for_admins(&new), ["Namespace", "Listeners"]);
    assert_eq!(own(r#","AttachableBy":"All""#).for_admins(&own("")), ["AttachableBy"]);
    assert!(own("").for_admins(&own(r#","AttachableBy":"Same""#)).is_empty(), "it says the same");
    let renamed = SharedGateway { name: "other".parse().unwrap(), ..own("") };
    assert!(renamed.for_admins(&own("")).is_empty());
    let common = gateway(r#"{"Name":"main","Addresses":["10.0.0.8"]}"#);
    assert!(common.for_admins(&new).is_empty(), "the common one is everybody's");
}

#[test]
fn who_shows_certificates_and_who_adds_listeners_is_said_by_admins_of_a_gateway_with_listeners() {
    let more = r#","TLS":{"backend":{"clientCertificateRef":{"name":"client"}}},"AllowedListeners":{"namespaces":{"from":"Same"}}"#;
    assert_eq!(problems(&own(more)), [""; 0]);
    assert_eq!(own(more).for_admins(&own("")), ["TLS", "AllowedListeners"]);
    let common = problems(&gateway(&format!(r#"{{"Name":"main"{more}}}"#)));
    assert!(common.len() == 2 && common[0].starts_with("TLS: needs Listeners"), "{common:?}");
    let twice = own(
        r#","AllowedListeners":{"namespaces":{"from":"Selector"}},"TLS":{"frontend":{"default":{},"perPort":[{"port":1,"tls":{}},{"port":1,"tls":{}}]}}"#,
    );
    let told = problems(&twice);
    assert!(told.len() == 2 && told[0].starts_with("TLS.frontend.perPort[1].port"), "{told:?}");
}
