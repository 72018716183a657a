//! The samples of `deploy/samples/routes`, one for each guide of Gateway API that two kinds of routes make possible, one with a wildcard, one that was an
//! Ingress, and one that was a VirtualService of Gloo.

use std::{
    fs,
    path::{Path, PathBuf},
};

use causeway_testkit::{
    Harness, INSTALLED, add_workload_of, condition, harness, id_of, is_true,
    kinds::{GRPC_ROUTE, HTTP_ROUTE},
};
use futures::future::join_all;
use hyper::Method;
use kube::{
    ResourceExt,
    api::{DynamicObject, Patch, PatchParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::{Value, json};

use crate::fixture::labelled;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/samples/routes")
}

/// Every object that is made of a gateway instance is one that the API server knows to the last field.
async fn is_strict(harness: &Harness, kube: &kube::Client, title: &str, instance: i64) {
    let path = format!("/v0/gateway-instances/{instance}/manifests");
    let shown = harness.client.send_raw(Method::GET, &path, &[("Accept", "application/json")], "").await.unwrap();
    let objects = shown.body["Data"].as_array().unwrap_or_else(|| panic!("{title}: {}", shown.text)).clone();
    assert!(!objects.is_empty(), "{title}");
    let parameters = PatchParams::apply("samples").force().dry_run().validation_strict();
    for object in objects {
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        let kind = GroupVersionKind::try_from(object.types.as_ref().unwrap()).unwrap();
        let (name, namespace) = (object.name_any(), object.namespace().unwrap());
        let all: kube::Api<DynamicObject> =
            kube::Api::namespaced_with(kube.clone(), &namespace, &ApiResource::from_gvk(&kind));
        all.patch(&name, &parameters, &Patch::Apply(&object))
            .await
            .unwrap_or_else(|error| panic!("{title}, {name}: {error}"));
    }
}

/// A sample as a person brings it: its Services, its gateway. The real controller accepts each route, and everything is Ready.
async fn works(file: PathBuf) {
    let title = file.file_stem().unwrap().to_str().unwrap().to_owned();
    let sample: Value = serde_yaml_ng::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let gateway = &sample["Workload"]["Gateway"];
    let routes = |list: &str| gateway[list].as_array().map_or(0, Vec::len);
    let (harness, manifests) = (harness().await, fs::read_to_string(folder().join("backends.yaml")).unwrap());
    let name = harness.name(&title);
    let workload = add_workload_of(&harness.client, harness.runtime, &name, &manifests).await.unwrap();
    let mut more = gateway.clone();
    more.as_object_mut().unwrap().remove("Name");
    let definition = harness.definition(&name, None, more).await.unwrap();
    let body = harness.instance(&name, definition, workload);
    let id = id_of(&harness.client.create("gateway-instances", &body).await.unwrap()).unwrap();
    let ready = harness.client.until_ready("gateway-instances", id, INSTALLED).await.unwrap();
    for kind in ["RoutesAccepted", "RefsResolved"] {
        assert!(is_true(&ready, kind), "{title}: {:#}", condition(&ready, kind).unwrap_or(&json!(null)));
    }
    let kube = harness.kube().await.unwrap();
    for (kind, list) in [(HTTP_ROUTE, "HttpRoutes"), (GRPC_ROUTE, "GrpcRoutes")] {
        let found = labelled(&kube, kind, &format!("gateway-instance-{id}")).await;
        assert_eq!(found.len(), routes(list), "{title}: only the routes that are written, and each of them");
    }
    is_strict(harness, &kube, &title, id).await;
}

#[tokio::test]
async fn every_sample_is_served() {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let samples: Vec<_> = files.filter(|file| !file.ends_with("backends.yaml")).collect();
    assert_eq!(samples.len(), 13, "{samples:?}");
    join_all(samples.into_iter().map(works)).await;
}
