//! Streams of manifests made at random: they mean to us what they mean to kubectl, and as workloads they become Ready or say why, and always go.
//!
//! `STREAMS=200` takes so many of them; `STREAMS_SEED=7` takes them from this seed on.

use std::collections::BTreeMap;

use causeway_manifests::{Budget, Manifest, read, read_value};
use causeway_rig::Endpoints;
use causeway_streams::Stream;
use causeway_testkit::{
    Harness, INSTALLED, Kubectl, SOON, condition, harness, id_of, is_true,
    kinds::{CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, DEPLOYMENT, NAMESPACE, SECRET, SERVICE},
    object_name,
};
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::fixture::{labelled, vanishes};

/// The first seed of `make test`: always the same streams, so that a failure is about what was changed.
const SEED: u64 = 500;
/// Streams that are compared, unless `STREAMS` says otherwise, and how many at the same time.
const COMPARED: u64 = 150;
const COMPARED_AT_ONCE: usize = 4;
/// Streams that become workloads, unless `STREAMS` says otherwise, and how many there are at the same time.
const BROUGHT: u64 = 12;
const BROUGHT_AT_ONCE: usize = 12;

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("it is a number"))
}

fn seeds(many: u64) -> impl Iterator<Item = u64> {
    let first = number("STREAMS_SEED", SEED);
    println!("{many} streams from STREAMS_SEED={first} on");
    first..first + many
}

/// What both readers make of a stream.
struct Readings {
    seed: u64,
    stream: Stream,
    kubectl: Result<Vec<Value>, String>,
    ours: Result<Vec<Manifest>, String>,
}

/// kubectl's own reader, without a cluster: an admin takes a label off that isn't there.
async fn by_kubectl(kubectl: &Kubectl, dir: &std::path::Path, seed: u64, text: &str) -> Result<Vec<Value>, String> {
    let file = dir.join(format!("{seed}.yaml"));
    std::fs::write(&file, text).unwrap();
    let file = file.display().to_string();
    let printed = kubectl.run(&["label", "--local", "-o", "json", "-f", &file, "not-there-"]).await;
    let printed = match printed.map_err(|error| error.to_string()) {
        Err(why) if why.contains("no objects passed") => return Ok(vec![]),
        printed => printed?,
    };
    // Its reader skips a mark only where it takes a document to begin.
    if String::from_utf8_lossy(&printed).contains('\u{feff}') {
        return Err("a byte order mark is taken for text".into());
    }
    let objects: Result<Vec<Value>, _> = serde_json::Deserializer::from_slice(&printed).into_iter().collect();
    objects.map_err(|error| error.to_string())
}

async fn readings(kubectl: &Kubectl, dir: &std::path::Path, seed: u64) -> Readings {
    let stream = Stream::of(seed, "o");
    let kubectl = by_kubectl(kubectl, dir, seed, &stream.text).await;
    let ours = read(&stream.text, &Budget::default()).map_err(|error| error.to_string());
    Readings { seed, stream, kubectl, ours }
}

/// Objects as they are applied. kubectl leaves an empty map where it has looked for labels.
fn bodies(objects: &[Value]) -> Result<Vec<Value>, String> {
    let mut bodies = vec![];
    for object in objects {
        for mut manifest in read_value(object.clone(), &Budget::default()).map_err(|error| error.to_string())? {
            if manifest.body["metadata"]["labels"] == json!({})
                && let Some(metadata) = manifest.body["metadata"].as_object_mut()
            {
                metadata.remove("labels");
            }
            bodies.push(manifest.body);
        }
    }
    Ok(bodies)
}

#[tokio::test]
async fn streams_mean_what_they_mean_to_kubectl() {
    let endpoints = Endpoints::from_env().unwrap();
    let kubectl = Kubectl::new(&endpoints, endpoints.cluster()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let all = stream::iter(seeds(number("STREAMS", COMPARED))).map(|seed| readings(&kubectl, dir.path(), seed));
    let all: Vec<Readings> = all.buffer_unordered(COMPARED_AT_ONCE).collect().await;
    for Readings { seed, stream, kubectl, ours } in &all {
        let whole = stream.objects.is_some();
        match (kubectl, ours) {
            (Ok(theirs), Ok(ours)) => {
                let ours: Vec<Value> = ours.iter().map(|manifest| manifest.body.clone()).collect();
                assert_eq!(bodies(&ours), bodies(theirs), "seed {seed}: {}", stream.text);
            }
            (_, Err(why)) => assert!(!whole && why.starts_with("document "), "seed {seed}: {why}: {}", stream.text),
            // What kubectl refuses and is clear all the same: the crate's own tests say what it holds.
            (Err(_), Ok(_)) => {}
        }
    }
    let both = all.iter().filter(|readings| readings.kubectl.is_ok() && readings.ours.is_ok()).count();
    assert!(both > all.len() / 2, "both read {both} of {} streams", all.len());
}

#[tokio::test]
async fn streams_as_workloads_become_ready_or_say_why_and_always_go() {
    let harness = harness().await;
    let all = stream::iter(seeds(number("STREAMS", BROUGHT))).map(|seed| live(harness, seed));
    let mut ways = BTreeMap::<&str, u64>::new();
    for way in all.buffer_unordered(BROUGHT_AT_ONCE).collect::<Vec<_>>().await {
        *ways.entry(way).or_default() += 1;
    }
    println!("{ways:?}");
    for way in ["refused", "Ready as by kubectl", "not Ready"] {
        assert!(ways.contains_key(way), "no stream was {way}; take other seeds");
    }
    assert!(harness.platform.workers().iter().all(|worker| worker.is_running()), "a worker has ended");
}

/// `kubectl apply --dry-run=server` of the same stream changes nothing of what stands: to the API server both mean the same. False where kubectl
/// doesn't take the stream, and so can't be compared.
async fn stands_as_by_kubectl(harness: &Harness, seed: u64, text: &str, namespace: &str) -> bool {
    let kubectl = Kubectl::new(&harness.endpoints, harness.endpoints.cluster()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stream.yaml");
    std::fs::write(&file, text).unwrap();
    let file = file.display().to_string();
    let in_namespace = ["-o", "json", "-n", namespace, "-f", &file];
    let applied = kubectl.run(&[&["apply", "--dry-run=server"], &in_namespace[..]].concat()).await;
    let Ok(applied) = applied else { return false };
    let stands = kubectl.run(&[&["get"], &in_namespace[..]].concat()).await.unwrap();
    assert_eq!(contents(&applied), contents(&stands), "seed {seed}: {text}");
    true
}

/// The objects of a List by kind and name, without what the API server keeps of each, and without nulls: kubectl changes what stands by merge patches, in
/// which a null removes a member (RFC 7396). That nulls are read as kubectl reads them shows the test of what streams mean.
fn contents(list: &[u8]) -> BTreeMap<(String, String), Value> {
    let list: Value = serde_json::from_slice(list).unwrap();
    let items = list["items"].as_array().cloned().unwrap_or_else(|| vec![list]);
    let named = items.into_iter().map(|mut item| {
        let name = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let key = (name(&item["kind"]), name(&item["metadata"]["name"]));
        let labels = item["metadata"]["labels"].clone();
        if let Some(fields) = item.as_object_mut() {
            fields.retain(|field, _| !["metadata", "status"].contains(&field.as_str()));
            fields.insert("labels".into(), labels);
        }
        drop_nulls(&mut item);
        (key, item)
    });
    named.collect()
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// Brings a stream, and takes it away again. Returns what became of it.
async fn live(harness: &Harness, seed: u64) -> &'static str {
    let (client, name) = (&harness.client, harness.name("stream"));
    let stream = Stream::of(seed, &name);
    let answer = client.try_create("workload-definitions", &json!({"Name": name, "YAMLDocument": stream.text})).await;
    let answer = answer.unwrap();
    if answer.code != 201 {
        let says = answer.error();
        assert!(answer.code == 400 && stream.objects.is_none(), "seed {seed}: {} {says}: {}", answer.code, stream.text);
        assert!(!says.is_empty(), "seed {seed} is refused without a word");
        return "refused";
    }
    let definition = id_of(answer.record()).unwrap();
    let body =
        json!({"Name": name, "KubernetesRuntimeInstanceID": harness.runtime, "WorkloadDefinitionID": definition});
    let id = id_of(&client.create("workload-instances", &body).await.unwrap()).unwrap();
    let says_why = |record: &Value| {
        condition(record, "Applied").is_some_and(|applied| applied["Status"] == "False" && applied["Message"] != "")
    };
    let is_ready = |record: &Value| record["Reconciled"] == true && is_true(record, "Ready");
    let decided = client.until("workload-instances", id, SOON, |record| is_ready(record) || says_why(record)).await;
    let decided = decided.unwrap_or_else(|error| panic!("seed {seed}: {error:#}"));

    let way = match is_ready(&decided) {
        true if stands_as_by_kubectl(harness, seed, &stream.text, &object_name(&name, id)).await => {
            "Ready as by kubectl"
        }
        true => "Ready",
        false => "not Ready",
    };
    // The controller of namespaces asks for each kind that is served, one after the other, which takes a busy cluster long.
    let gone = client.delete_and_wait("workload-instances", id, INSTALLED).await;
    gone.unwrap_or_else(|error| panic!("seed {seed}: {error:#}\n{}", stream.text));
    let (kube, owner) = (harness.kube().await.unwrap(), format!("workload-instance-{id}"));
    let role = ("rbac.authorization.k8s.io", "v1", "ClusterRole");
    for kind in [CONFIG_MAP, SECRET, SERVICE, DEPLOYMENT, role, CUSTOM_RESOURCE_DEFINITION, NAMESPACE] {
        vanishes("the objects of the stream", async || labelled(&kube, kind, &owner).await).await;
    }
    client.delete("workload-definitions", definition).await.unwrap();
    way
}
