//! The objects that the API shows of a record are those that its worker applied, field by field.

use std::collections::BTreeSet;

use causeway_testkit::{Answer, add_workload_of, api, config_map, eventually, kinds::Gvk};
use hyper::Method;
use kube::{
    ResourceExt,
    api::{DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::fixture::Fixture;

/// Group, version, kind, namespace and name.
type At = (String, String, String, Option<String>, String);

fn at_of(object: &Value) -> At {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let version = text("/apiVersion");
    let (group, version) = version.split_once('/').unwrap_or(("", &version));
    let namespace = object["metadata"]["namespace"].as_str().map(str::to_owned);
    (group.to_owned(), version.to_owned(), text("/kind"), namespace, text("/metadata/name"))
}

/// The record's objects, as its worker remembers what it applied.
async fn applied(fixture: &Fixture, kind: &str, id: i64) -> BTreeSet<At> {
    let mut database = PgConnection::connect(&fixture.harness.platform.database_url()).await.unwrap();
    let query = "SELECT inventory FROM reconciliations WHERE kind = $1 AND id = $2";
    let inventory: Value = sqlx::query_scalar(query).bind(kind).bind(id).fetch_one(&mut database).await.unwrap();
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    let at = |entry: &Value| {
        let namespace = entry["namespace"].as_str().map(str::to_owned);
        (text(entry, "group"), text(entry, "version"), text(entry, "kind"), namespace, text(entry, "name"))
    };
    inventory.as_array().unwrap().iter().map(at).collect()
}

/// An object without what changes by itself.
fn at_rest(object: &DynamicObject) -> Value {
    let mut object = json!(object);
    object["metadata"]["resourceVersion"] = Value::Null;
    object["metadata"]["managedFields"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .for_each(|entry| entry["time"] = Value::Null);
    object["status"] = Value::Null;
    object
}

/// Applying what is shown, as the worker does, would change nothing: neither a value, nor which fields are the worker's.
async fn assert_is_applied(fixture: &Fixture, manifest: &Value) {
    let (group, version, kind, namespace, name) = at_of(manifest);
    let gvk: Gvk<'_> = (&group, &version, &kind);
    let objects = api(&fixture.kube, gvk, namespace.as_deref());
    let live = objects.get(&name).await.unwrap();
    let of_ours = |manager: &&String| manager.starts_with("causeway-") && !manager.ends_with("-handover");
    let managers: Vec<_> = live.managed_fields().iter().filter_map(|entry| entry.manager.as_ref()).collect();
    let manager = managers.into_iter().find(of_ours).unwrap_or_else(|| panic!("{manifest} is not ours"));
    let dry = PatchParams::apply(manager).force().dry_run().validation_strict();
    let after = objects.patch(&name, &dry, &Patch::Apply(manifest)).await.unwrap();
    assert_eq!(at_rest(&after), at_rest(&live), "{kind} {name}");
}

/// What the API shows of the objects of a record. On a busy machine a connection to Postgres may take longer than the API waits for one; it says that the
/// client may ask again.
pub(crate) async fn answer_of(fixture: &Fixture, path: &str, headers: &[(&str, &str)]) -> Answer {
    let answer = eventually("the objects are shown", async || {
        let asked = fixture.harness.client.send_raw(Method::GET, path, headers, "").await;
        let answer = asked.map_err(|error| format!("{error:#}"))?;
        if answer.code == 503 { Err(answer.text) } else { Ok(answer) }
    });
    answer.await.answered(200)
}

/// The objects that the API shows of a record. Those of the Secrets among them are compared by their names.
async fn assert_shown(fixture: &Fixture, plural: &str, kinds: &[(&str, i64)], id: i64) {
    let path = format!("/v0/{plural}/{id}/manifests");
    let shown = answer_of(fixture, &path, &[("Accept", "application/json")]).await;
    let shown = shown.body["Data"].as_array().unwrap().clone();
    let mut expected = BTreeSet::new();
    for (kind, id) in kinds {
        expected.extend(applied(fixture, kind, *id).await);
    }
    assert_eq!(shown.iter().map(at_of).collect::<BTreeSet<_>>(), expected, "{path}");
    for manifest in shown.iter().filter(|manifest| manifest["kind"] != "Secret") {
        assert_is_applied(fixture, manifest).await;
    }
    let in_yaml = answer_of(fixture, &path, &[]).await;
    assert_eq!(in_yaml.header("content-type"), "application/yaml");
    let documents = serde_yaml_ng::Deserializer::from_str(&in_yaml.text);
    let read = documents.map(|document| <Value as serde::Deserialize>::deserialize(document).unwrap());
    assert_eq!(read.collect::<Vec<_>>(), shown, "both media types show the same");
}

#[tokio::test]
async fn what_is_shown_of_a_gateway_is_what_was_applied() {
    let ports = json!({
        "HttpPorts": [{"Port": 80, "HTTPSRedirect": true}, {"Port": 443, "TLSEnabled": true}], "TcpPorts": [{"Port": 21931}],
        "HttpRoutes": [{"Rules": [{"matches": [{"path": {"value": "/a"}}], "backendRefs": [{"name": "web", "port": 80}]}]}],
    });
    let fixture = Fixture::ready("shown", ports).await;
    assert_shown(&fixture, "gateway-instances", &[("GatewayInstance", fixture.gateway)], fixture.gateway).await;
    let name = fixture.publish().await;
    assert_shown(&fixture, "domain-name-instances", &[("DomainNameInstance", name)], name).await;
}

#[tokio::test]
async fn what_is_shown_of_a_dedicated_gateway_is_what_was_applied() {
    let ports = json!({"Placement": "Dedicated", "HttpPorts": [{"Port": 8443, "TLSEnabled": true}]});
    let fixture = Fixture::ready("shown-own", ports).await;
    assert_shown(&fixture, "gateway-instances", &[("GatewayInstance", fixture.gateway)], fixture.gateway).await;
}

#[tokio::test]
async fn what_is_shown_of_a_workload_is_what_was_applied() {
    let fixture = Fixture::ready("shown-work", json!({"HttpPorts": [{"Port": 80}]})).await;
    assert_shown(&fixture, "workload-instances", &[("WorkloadInstance", fixture.workload)], fixture.workload).await;
    let (harness, name) = (fixture.harness, fixture.harness.name("shown-kinds"));
    // The cluster alone knows that this kind has no namespace.
    let class = format!(
        "---\napiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {{name: {name}}}\nspec: {{controllerName: example.org/none}}\n"
    );
    let manifests = config_map(&name, "1") + &class;
    let id = add_workload_of(&harness.client, harness.runtime, &name, &manifests).await.unwrap();
    harness
        .client
        .until("workload-instances", id, causeway_testkit::SOON, |record| record["Reconciled"] == true)
        .await
        .unwrap();
    assert_shown(&fixture, "workload-instances", &[("WorkloadInstance", id)], id).await;
}

/// A class of its own, so that no other test changes the gateway meanwhile.
#[tokio::test]
async fn what_is_shown_of_a_shared_gateway_is_what_was_applied_with_its_listener_sets() {
    let harness = causeway_testkit::harness().await;
    let class = harness.name("shown-class");
    crate::fixture::make_class(&harness.kube().await.unwrap(), &class).await;
    let ports = json!({"GatewayClassName": class, "HttpPorts": [{"Port": 80}, {"Port": 443, "TLSEnabled": true}]});
    let fixture = Fixture::ready("shown-shared", ports).await;
    let query = format!("gatewayclassname={class}");
    let shared = harness.client.list("shared-gateways", &query).await.unwrap().remove(0)["ID"].as_i64().unwrap();
    let mut database = PgConnection::connect(&harness.platform.database_url()).await.unwrap();
    let sets: Vec<i64> =
        sqlx::query_scalar("SELECT id FROM listener_sets WHERE shared_gateway_id = $1 ORDER BY ordinal")
            .bind(shared)
            .fetch_all(&mut database)
            .await
            .unwrap();
    assert!(!sets.is_empty());
    let kinds: Vec<_> =
        [("SharedGateway", shared)].into_iter().chain(sets.iter().map(|id| ("ListenerSet", *id))).collect();
    assert_shown(&fixture, "shared-gateways", &kinds, shared).await;
}
