//! What all nouns have in common, tried on some.

use super::*;
use crate::{Kind, Record, overlay::overlay};

fn overlaid(body: &str) -> Result<Record<GatewayDefinition>, String> {
    let mut record = Record::default();
    let report = overlay(body.as_bytes(), &mut record.writable()).map_err(|refusal| refusal.to_string())?;
    let problems: Vec<_> = report.problems.iter().map(ToString::to_string).collect();
    if problems.is_empty() { Ok(record) } else { Err(problems.join("; ")) }
}

#[test]
fn wire_names_are_threeports() {
    let names = |kind: Kind| kind.info().fields.iter().map(|field| field.json).collect::<Vec<_>>();
    assert!(names(Kind::GatewayHttpPort).starts_with(&[
        "GatewayDefinitionID",
        "Port",
        "Path",
        "TLSEnabled",
        "HTTPSRedirect"
    ]));
    assert!(names(Kind::KubernetesRuntimeInstance).contains(&"APIEndpoint"));
    assert!(names(Kind::KubernetesRuntimeInstance).contains(&"CACertificate"));
    assert!(names(Kind::KubernetesRuntimeInstance).contains(&"DnsControllerInstanceId"));
    assert!(names(Kind::WorkloadDefinition).contains(&"YAMLDocument"));
    assert!(names(Kind::WorkloadEvent).contains(&"RuntimeEventUID"));
}

#[test]
fn errors_name_path_and_reason() {
    let error = overlaid(r#"{"HttpPorts":[{"Port":1},{"port":"x"}]}"#).unwrap_err();
    assert_eq!(error, "HttpPorts[1].Port: invalid type: string \"x\", expected i64");
    let error = overlaid(r#"{"HttpPorts":[{"Port":0}]}"#).unwrap_err();
    assert!(error.starts_with("HttpPorts[0].Port: 0 is out of range; 1 to 65535 are allowed"), "{error}");
    let error = overlaid(r#"{"Placement":"Everywhere"}"#).unwrap_err();
    assert!(error.starts_with("Placement: unknown variant `Everywhere`, expected `Shared` or `Dedicated`"), "{error}");
    let error = overlaid(r#"{"Infrastructure":{"Labels":{"a":1}}}"#).unwrap_err();
    assert!(error.starts_with("Infrastructure.Labels.a: invalid type: integer `1`"), "{error}");
    assert!(overlaid("{").is_err() && overlaid("[1]").is_err());
}

#[test]
fn all_that_is_wrong_is_found_at_once() {
    let error = overlaid(r#"{"Name":5,"HttpPorts":[{"Hue":1,"ID":7},{"Port":0}],"TcpPorts":{"Port":1}}"#).unwrap_err();
    let problems: Vec<_> = error.split("; ").collect();
    assert_eq!(
        problems[..3],
        [
            "Name: invalid type: integer `5`, expected a string",
            "HttpPorts[0].Hue: Unsupported field",
            "HttpPorts[0].Port: Missing required field",
        ]
    );
    assert!(problems[3].starts_with("HttpPorts[1].Port: 0 is out of range"), "{error}");
    assert!(error.contains("TcpPorts: invalid type: map, expected an array of objects"), "{error}");
}

#[test]
fn a_secret_is_not_repeated() {
    let mut account = Record::<AwsAccount>::default();
    let report = overlay(br#"{"SecretAccessKey":12345,"AccessKeyID":"a\u0000b"}"#, &mut account.writable()).unwrap();
    let told: Vec<_> = report.problems.iter().map(ToString::to_string).collect();
    assert_eq!(told[0], "SecretAccessKey: must be a text; what was sent isn't repeated here");
    assert!(told[1].starts_with("AccessKeyID: holds a NUL character") && told.len() == 2, "{told:?}");
}

#[test]
fn keys_ignore_case_and_null_changes_nothing() {
    let record = overlaid(r#"{"name":"web","SERVICENAME":null,"placement":"Dedicated"}"#).unwrap();
    assert_eq!((record.spec.name.as_str(), record.spec.service_name), ("web", None));
    assert_eq!(record.spec.placement, Some(Placement::Dedicated));
}

#[test]
fn an_empty_text_is_no_value_where_none_could_be_empty() {
    let record =
        overlaid(r#"{"Name":"web","SubDomain":"","ServiceName":"","HttpPorts":[{"Port":80,"Path":""}]}"#).unwrap();
    assert_eq!(
        (record.spec.sub_domain, record.spec.service_name, &record.spec.http_ports[0].path),
        (None, None, &None)
    );
    assert!(overlaid(r#"{"Name":""}"#).is_err());
}

#[test]
fn read_only_fields_may_come_back_as_they_are() {
    let mut record = Record::<GatewayDefinition>::default();
    record.status.generation = Some(3);
    let mut report = |body: &str| overlay(body.as_bytes(), &mut record.writable()).unwrap().read_only;
    assert_eq!(report(r#"{"Generation":3}"#), Vec::<&str>::new());
    assert_eq!(report(r#"{"Generation":4}"#), vec!["Generation"]);
}

#[test]
fn json_leaves_out_what_is_null() {
    let record = overlaid(r#"{"Name":"web"}"#).unwrap();
    let json = serde_json::to_value(&record).unwrap();
    assert_eq!(json["Name"], "web");
    assert_eq!(json["Placement"], "Shared");
    assert!(json.get("ServiceName").is_none());
}

#[test]
fn every_kind_is_found_by_its_names() {
    for kind in Kind::ALL.iter().copied() {
        assert_eq!(kind.info().kind, kind);
        assert_eq!(kind.as_str().parse::<Kind>().unwrap(), kind);
        assert_eq!(Kind::from_label(kind.label()), Some(kind));
    }
    assert_eq!(Kind::GatewayInstance.label(), "gateway-instance");
    assert!("Gateway".parse::<Kind>().is_err() && Kind::from_label("gateway").is_none());
}
