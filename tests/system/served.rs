//! Kinds that a cluster doesn't serve: never, not yet, or no longer. What becomes possible later is done by itself, and what never existed holds
//! nothing up.

use causeway_testkit::{
    Harness, INSTALLED, SOON, add_workload_of, api, condition, config_map, harness,
    kinds::{CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION},
    object_name,
    objects::{becomes, goes, object},
    until,
};
use kube::{
    Api,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

const UNKNOWN: &str = "apiVersion: example.invalid/v1\nkind: Nothing\nmetadata: {name: a}";
/// A version of an API that Kubernetes has removed, as old charts have it.
const REMOVED: &str = "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: a}";

fn definition(group: &str, scope: &str) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("widgets.{group}")},
        "spec": {
            "group": group, "scope": scope, "names": {"kind": "Widget", "plural": "widgets", "singular": "widget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true,
            }}}],
        },
    })
}

fn with_widget(group: &str) -> String {
    format!("{}---\napiVersion: {group}/v1\nkind: Widget\nmetadata: {{name: w}}\n", config_map("fine", "1"))
}

fn is_refused(record: &Value) -> bool {
    condition(record, "Applied").is_some_and(|applied| applied["Status"] == "False" && applied["Reason"] == "Refused")
}

#[tokio::test]
async fn what_could_never_be_applied_holds_no_deletion_up() {
    let harness = harness().await;
    let client = &harness.client;
    let mut refused = vec![];
    for (what, manifest) in [("never", UNKNOWN), ("removed-api", REMOVED), ("never-corrected", UNKNOWN)] {
        let (name, manifests) = (harness.name(what), format!("{}---\n{manifest}\n", config_map("fine", "1")));
        let id = add_workload_of(client, harness.runtime, &name, &manifests).await.unwrap();
        refused.push((what, name, id));
    }
    let kube = harness.kube().await.unwrap();
    for (_, name, id) in &refused {
        client.until("workload-instances", *id, SOON, is_refused).await.unwrap();
        let maps = api(&kube, CONFIG_MAP, Some(&object_name(name, *id)));
        becomes(&maps, "fine", "what the cluster knows stands", |_| true).await;
    }
    let (_, _, corrected) = refused.last().unwrap();
    let record = client.get("workload-instances", *corrected).await.unwrap();
    let of = record["WorkloadDefinitionID"].as_i64().unwrap();
    client.patch("workload-definitions", of, &json!({"YAMLDocument": config_map("fine", "1")})).await.unwrap();
    client.until_ready("workload-instances", *corrected, SOON).await.unwrap();
    for (_, _, id) in &refused {
        client.delete("workload-instances", *id).await.unwrap();
    }
    for (what, _, id) in &refused {
        let gone = client.until_gone("workload-instances", *id, INSTALLED).await;
        gone.unwrap_or_else(|error| panic!("{what}: {error:#}"));
    }
}

/// Leaves a refused record to itself for so long that only a wake can bring it back within the test.
async fn until_parked(harness: &Harness, id: i64) {
    let mut database = PgConnection::connect(&harness.platform.database_url()).await.unwrap();
    let park = "UPDATE reconciliations SET attempts = 30, due_at = now() WHERE kind = 'WorkloadInstance' AND id = $1";
    sqlx::query(park).bind(id).execute(&mut database).await.unwrap();
    let parked = "SELECT due_at > now() + interval '100 seconds' FROM reconciliations WHERE kind = 'WorkloadInstance' AND id = $1";
    until("the record rests for minutes", async || {
        sqlx::query_scalar(parked).bind(id).fetch_one(&mut database).await.unwrap()
    })
    .await;
}

#[tokio::test]
async fn a_kind_that_is_served_later_is_noticed_and_applied_in_its_scope() {
    let harness = harness().await;
    let client = &harness.client;
    let name = harness.name("later");
    let group = format!("{name}.example");
    let id = add_workload_of(client, harness.runtime, &name, &with_widget(&group)).await.unwrap();
    client.until("workload-instances", id, SOON, is_refused).await.unwrap();
    until_parked(harness, id).await;
    let kube = harness.kube().await.unwrap();
    let definitions = api(&kube, CUSTOM_RESOURCE_DEFINITION, None);
    let made = object(definition(&group, "Cluster"));
    definitions.create(&PostParams::default(), &made).await.unwrap();
    client.until_ready("workload-instances", id, SOON).await.unwrap();
    let widgets = api(&kube, (&group, "v1", "Widget"), None);
    let widget = widgets.get("w").await.unwrap();
    assert_eq!(widget.metadata.namespace, None);
    client.delete_and_wait("workload-instances", id, INSTALLED).await.unwrap();
    assert!(widgets.get_opt("w").await.unwrap().is_none());
    definitions.delete(&format!("widgets.{group}"), &DeleteParams::default()).await.unwrap();
}

/// A workload with a widget, of a kind that an admin has defined.
struct Defined {
    definitions: Api<DynamicObject>,
    group: String,
    /// The definition as it was made.
    made: Value,
    id: i64,
}

impl Defined {
    async fn ready(harness: &Harness, what: &str) -> Self {
        let (client, name) = (&harness.client, harness.name(what));
        let group = format!("{name}.example");
        let definitions = api(&harness.kube().await.unwrap(), CUSTOM_RESOURCE_DEFINITION, None);
        let made = definition(&group, "Namespaced");
        definitions.create(&PostParams::default(), &object(made.clone())).await.unwrap();
        let id = add_workload_of(client, harness.runtime, &name, &with_widget(&group)).await.unwrap();
        client.until_ready("workload-instances", id, SOON).await.unwrap();
        Self { definitions, group, made, id }
    }
}

#[tokio::test]
async fn objects_whose_definition_an_admin_deletes_are_gone_with_it() {
    let harness = harness().await;
    let Defined { definitions, group, id, .. } = Defined::ready(harness, "undefined").await;
    let definition = format!("widgets.{group}");
    definitions.delete(&definition, &DeleteParams::default()).await.unwrap();
    goes(&definitions, &definition, "the definition is gone").await;
    harness.client.delete_and_wait("workload-instances", id, INSTALLED).await.unwrap();
}

/// Nobody can see whether the object is there: a person has to say so.
#[tokio::test]
async fn an_object_whose_kind_is_defined_and_not_served_is_let_go_by_a_person() {
    let harness = harness().await;
    let client = &harness.client;
    let Defined { definitions, group, mut made, id } = Defined::ready(harness, "unserved").await;
    let versions = &mut made["spec"]["versions"];
    versions[0]["served"] = json!(false);
    let definition = format!("widgets.{group}");
    let unserved = Patch::Merge(json!({"spec": {"versions": versions}}));
    definitions.patch(&definition, &PatchParams::default(), &unserved).await.unwrap();
    let widgets = api(&harness.kube().await.unwrap(), (&group, "v1", "Widget"), None);
    until("the kind is no longer served", async || widgets.list(&Default::default()).await.is_err()).await;
    client.delete("workload-instances", id).await.unwrap();
    let says = |record: &Value| {
        let held = condition(record, "Deleted").and_then(|deleted| deleted["Message"].as_str());
        held.is_some_and(|message| message.contains(&definition) && message.contains("send Reconciled false"))
    };
    client.until("workload-instances", id, SOON, says).await.unwrap();
    client.patch("workload-instances", id, &json!({"Reconciled": false})).await.unwrap();
    client.until_gone("workload-instances", id, INSTALLED).await.unwrap();
    definitions.delete(&definition, &DeleteParams::default()).await.unwrap();
}
