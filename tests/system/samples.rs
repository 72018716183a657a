//! What the documents of `deploy/samples` become, on a real API server: it knows every field, and takes every object.

use std::{collections::BTreeSet, fs, path::Path};

use causeway_testkit::{
    api, eventually,
    kinds::{GATEWAY, HTTP_ROUTE, LISTENER_SET, NAMESPACE, REFERENCE_GRANT, SERVICE, TLS_ROUTE},
    objects::{at, object},
};
use kube::{
    ResourceExt,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::fixture::{Fixture, labelled};

/// The snapshots of `workers/render/tests/documents.rs`: each sample's name, and its objects.
fn rendered() -> Vec<(String, Vec<Value>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../workers/render/tests/snapshots");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all = vec![];
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let Some(name) = name.strip_prefix("documents__").and_then(|name| name.strip_suffix(".snap")) else { continue };
        let text = fs::read_to_string(&file).unwrap();
        // What the snapshot is of stands before it, between two lines.
        let (_, objects) = text.trim_start_matches("---\n").split_once("\n---\n").unwrap();
        let objects = serde_yaml_ng::Deserializer::from_str(objects).map(|one| Value::deserialize(one).unwrap());
        all.push((name.to_owned(), objects.collect()));
    }
    all
}

/// Applied for show, as workers apply it, wherever it would be.
async fn is_taken(kube: &kube::Client, title: &str, manifest: &Value, namespace: &str) {
    let mut object = object(manifest.clone());
    let types = object.types.clone().unwrap();
    let (group, version) = types.api_version.split_once('/').unwrap_or(("", &types.api_version));
    let place = object.metadata.namespace.is_some().then_some(namespace);
    object.metadata.namespace = place.map(str::to_owned);
    let objects = api(kube, (group, version, &types.kind), place);
    let parameters = PatchParams::apply("samples").force().dry_run().validation_strict();
    eventually("the API server answers for the kind", async || {
        match objects.patch(&object.name_any(), &parameters, &Patch::Apply(&object)).await {
            Ok(stored) => Ok(stored),
            // A webhook of cert-manager may still be on its way.
            Err(kube::Error::Api(status)) if status.message.contains("failed calling webhook") => Err(status.message),
            Err(refused) => panic!("{title}: {refused}\n{manifest:#}"),
        }
    })
    .await;
}

#[tokio::test]
async fn what_every_sample_becomes_is_known_to_the_last_field() {
    // The cluster has all definitions once a gateway with a certificate is Ready.
    let ports = json!({"HttpPorts": [{"Port": 80}, {"Port": 443, "TLSEnabled": true}]});
    let fixture = Fixture::ready("known", ports).await;
    let namespace = fixture.harness.name("known-dry");
    let namespaces = api(&fixture.kube, NAMESPACE, None);
    let own = object(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}));
    namespaces.create(&PostParams::default(), &own).await.unwrap();
    let (samples, mut kinds) = (rendered(), BTreeSet::new());
    assert!(samples.len() > 20, "{} samples", samples.len());
    for (title, objects) in &samples {
        for manifest in objects {
            kinds.insert(manifest["kind"].as_str().unwrap());
            is_taken(&fixture.kube, title, manifest, &namespace).await;
        }
    }
    let all = [GATEWAY, HTTP_ROUTE, LISTENER_SET, REFERENCE_GRANT, TLS_ROUTE].map(|kind| kind.2);
    let more = ["Certificate", "ClusterIssuer", "GRPCRoute", "TCPRoute", "UDPRoute"];
    assert!(all.iter().chain(&more).all(|kind| kinds.contains(kind)), "{kinds:?}");
    namespaces.delete(&namespace, &DeleteParams::default()).await.unwrap();
}

/// The sample of labels and annotations: the controller hands them on to the Service that has the address.
#[tokio::test]
async fn labels_and_annotations_are_on_what_the_controller_makes() {
    let wanted = |team: &str| json!({"Infrastructure": {"Labels": {"team": team}, "Annotations": {"example.org/load-balancer": team}}});
    let mut own = wanted("shop");
    own["Placement"] = json!("Dedicated");
    own["HttpPorts"] = json!([{"Port": 80}]);
    let fixture = Fixture::ready("labelled", own).await;
    let gateway = labelled(&fixture.kube, GATEWAY, &format!("gateway-instance-{}", fixture.gateway)).await.remove(0);
    assert_eq!(at(&gateway, "/spec/infrastructure/labels/team"), "shop");
    let of_it = format!(
        "gateway.envoyproxy.io/owning-gateway-namespace={},gateway.envoyproxy.io/owning-gateway-name={}",
        fixture.namespace(),
        gateway.name_any()
    );
    let services = api(&fixture.kube, SERVICE, None);
    let has = async |team: &str| {
        eventually(&format!("the Service with the address is marked {team}"), async || {
            let found =
                services.list(&ListParams::default().labels(&of_it)).await.map_err(|error| error.to_string())?;
            let marked = |service: &DynamicObject| {
                service.labels().get("team").is_some_and(|label| label == team)
                    && service.annotations().get("example.org/load-balancer").is_some_and(|text| text == team)
            };
            match found.items.as_slice() {
                [service] if marked(service) => Ok(()),
                others => Err(format!("{others:?}")),
            }
        })
        .await;
    };
    has("shop").await;
    fixture.harness.client.patch("gateway-definitions", fixture.definition, &wanted("store")).await.unwrap();
    has("store").await;
    fixture.until_ready().await;
}
