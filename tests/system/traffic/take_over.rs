//! A Gateway that somebody runs already, taken over by records and given back, while requests run.

use std::{collections::BTreeMap, path::Path, process::Output};

use causeway_rig::workspace_program;
use causeway_testkit::{
    DOMAIN, Harness, INSTALLED, Load, Tally, Visitor, answering, api, eventually,
    kinds::{CONTROL_PLANE, GATEWAY, GATEWAY_CLASS, Gvk, HTTP_ROUTE, NAMESPACE, OWNER, REFERENCE_GRANT},
    objects::{apply, at, becomes, object},
    within,
    zone::put_record,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command;

use super::answers;
use crate::fixture::{Fixture, make_class, writes};

const ROUTES: usize = 20;
/// Requests a second to each of them: 200 in all.
const RATE: u32 = 10;
/// Requests to each that are sent before and after a change: then it fell among them.
const AROUND: u64 = 20;
/// As whom somebody has made it all.
const SOMEBODY: &str = "somebody";

/// What somebody runs: a Gateway in a namespace, and routes to a Service in another one.
struct Site {
    harness: &'static Harness,
    kube: kube::Client,
    name: String,
    ingress: String,
    apps: String,
}

impl Site {
    async fn new() -> Self {
        // The controller is there, and somebody else's Gateway beside ours.
        let harness = Fixture::ready("beside", json!({"HttpPorts": [{"Port": 80}]})).await.harness;
        let [name, ingress, apps] = ["edge", "ingress", "apps"].map(|what| harness.name(what));
        let site = Self { harness, kube: harness.kube().await.unwrap(), name, ingress, apps };
        make_class(&site.kube, &site.name).await;
        for namespace in [&site.ingress, &site.apps] {
            let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
            api(&site.kube, NAMESPACE, None).create(&PostParams::default(), &object(body)).await.unwrap();
        }
        let manifests = answering(&site.name);
        let documents = serde_yaml_ng::Deserializer::from_str(&manifests).map(Value::deserialize);
        for manifest in documents.collect::<Result<Vec<_>, _>>().unwrap() {
            site.make(&site.apps, manifest).await;
        }
        let listener = json!({
            "name": "http", "port": 80, "protocol": "HTTP", "hostname": format!("*.{}.{DOMAIN}", site.name),
            "allowedRoutes": {"namespaces": {"from": "All"}},
        });
        let spec = json!({"gatewayClassName": site.name, "listeners": [listener]});
        site.make(&site.ingress, gateway_api("Gateway", &site.name, spec)).await;
        for n in 0..ROUTES {
            let spec = json!({
                "parentRefs": [{"name": site.name, "namespace": site.ingress}], "hostnames": [site.host(n)],
                "rules": [{"backendRefs": [{"name": "web", "port": 80}]}],
            });
            site.make(&site.apps, gateway_api("HTTPRoute", &site.route(n), spec)).await;
        }
        site
    }

    async fn make(&self, namespace: &str, mut manifest: Value) {
        manifest["metadata"]["namespace"] = json!(namespace);
        manifest["metadata"]["labels"] = json!({"team": SOMEBODY});
        eventually("it is made", async || apply(&self.kube, SOMEBODY, &manifest).await.map_err(|e| format!("{e:#}")))
            .await;
    }

    fn route(&self, n: usize) -> String {
        format!("{}-r{n}", self.name)
    }

    fn host(&self, n: usize) -> String {
        format!("h{n}.{}.{DOMAIN}", self.name)
    }

    fn gateways(&self) -> Api<DynamicObject> {
        api(&self.kube, GATEWAY, Some(&self.ingress))
    }

    fn routes(&self) -> Api<DynamicObject> {
        api(&self.kube, HTTP_ROUTE, Some(&self.apps))
    }

    /// Has all hostnames lead to the Gateway, as whoever keeps the zone does, and waits until each is answered.
    async fn publish(&self) {
        let address = within(INSTALLED, "it has an address", async || {
            let gateway = self.gateways().get(&self.name).await.map_err(|error| error.to_string())?;
            let address = at(&gateway, "/status/addresses/0/value").as_str().map(str::to_owned);
            address.ok_or_else(|| at(&gateway, "/status").to_string())
        })
        .await;
        let visitor = Visitor::new(&self.harness.endpoints);
        for n in 0..ROUTES {
            put_record(&self.harness.endpoints, &self.harness.zone, &self.host(n), "A", &address).await.unwrap();
            answers(&visitor, &format!("http://{}/", self.host(n)), &self.name).await;
        }
    }

    /// 200 requests a second, to all of them.
    fn load(&self) -> Vec<Load> {
        let visitor = Visitor::new(&self.harness.endpoints);
        let load = |n| Load::start(&visitor, &format!("http://{}/", self.host(n)), RATE).unwrap();
        (0..ROUTES).map(load).collect()
    }

    /// The Gateway and the routes, by their names.
    async fn objects(&self) -> BTreeMap<String, DynamicObject> {
        let list = ListParams::default();
        let (gateways, routes) = (self.gateways().list(&list).await.unwrap(), self.routes().list(&list).await.unwrap());
        gateways.items.into_iter().chain(routes.items).map(|object| (object.name_any(), object)).collect()
    }

    /// What `kubectl get -o json` would print of them.
    async fn printed(&self) -> String {
        let mut text = String::new();
        let mut print = async |objects: &Api<DynamicObject>, name: &str, kind: Gvk<'_>| {
            let mut one = serde_json::to_value(objects.get(name).await.unwrap()).unwrap();
            (one["apiVersion"], one["kind"]) = (json!(format!("{}/{}", kind.0, kind.1)), json!(kind.2));
            text += &format!("{one}\n");
        };
        print(&self.gateways(), &self.name, GATEWAY).await;
        for n in 0..ROUTES {
            print(&self.routes(), &self.route(n), HTTP_ROUTE).await;
        }
        text
    }

    /// Runs the command line; it has to succeed.
    async fn causeway(&self, home: &Path, arguments: &[&str]) -> String {
        let mut command = Command::new(workspace_program("causeway").unwrap());
        command.env_clear().env("HOME", home).env("CAUSEWAY_SERVER", self.harness.platform.url());
        let Output { status, stdout, stderr } =
            command.args(arguments).current_dir(home).kill_on_drop(true).output().await.unwrap();
        let (out, told) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(status.success(), "causeway {arguments:?}: {out}{told}");
        out.into_owned()
    }

    /// Nobody has anything of it running any more.
    async fn end(self) {
        let params = DeleteParams::default();
        self.gateways().delete(&self.name, &params).await.unwrap();
        for namespace in [&self.apps, &self.ingress] {
            api(&self.kube, NAMESPACE, None).delete(namespace, &params).await.unwrap();
        }
        api(&self.kube, GATEWAY_CLASS, None).delete(&self.name, &params).await.unwrap();
    }
}

fn gateway_api(kind: &str, name: &str, spec: Value) -> Value {
    json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

fn uids(objects: &BTreeMap<String, DynamicObject>) -> Vec<(&str, Option<&str>)> {
    objects.iter().map(|(name, object)| (name.as_str(), object.metadata.uid.as_deref())).collect()
}

/// Waits until each of them was answered many times more.
async fn go_on(load: &[Load]) {
    let before: Vec<u64> = load.iter().map(|one| one.tally().sent).collect();
    eventually("further requests are answered", async || {
        let now: Vec<u64> = load.iter().map(|one| one.tally().sent).collect();
        if now.iter().zip(&before).all(|(now, before)| *now > before + AROUND) { Ok(()) } else { Err(now) }
    })
    .await;
}

async fn none_failed(load: Vec<Load>) {
    let mut all = Tally::default();
    for one in load {
        let tally = one.stop().await;
        all.sent += tally.sent;
        all.failed += tally.failed;
        all.failures.extend(tally.failures);
    }
    eprintln!("{} requests", all.sent);
    assert_eq!(all.failed, 0, "of {}: {:#?}", all.sent, all.failures);
}

/// Whose marks it bears: the records in owner labels.
fn owner(object: &DynamicObject) -> Option<String> {
    object.metadata.labels.as_ref()?.get(OWNER).cloned()
}

/// Labels and field managers of ours.
fn marks(object: &DynamicObject) -> Vec<String> {
    let labels = object.metadata.labels.iter().flatten().map(|(key, _)| key.clone());
    let managers = object.metadata.managed_fields.iter().flatten().filter_map(|entry| entry.manager.clone());
    labels
        .filter(|key| key.starts_with("causeway.dev/"))
        .chain(managers.filter(|name| name.starts_with("causeway-")))
        .collect()
}

#[tokio::test]
async fn a_gateway_that_runs_is_taken_over_and_given_back_and_no_request_fails() {
    let site = Site::new().await;
    site.publish().await;
    let (before, home) = (site.objects().await, tempfile::tempdir().unwrap());
    assert_eq!(before.len(), ROUTES + 1);
    let load = site.load();
    go_on(&load).await;

    // 1. All of it is said by records, which are then made: the objects are the same, and Causeway's.
    std::fs::write(home.path().join("have.json"), site.printed().await).unwrap();
    let take_over = ["import", "-f", "have.json", "--take-over", "--runtime", "main"];
    let report = site.causeway(home.path(), &[&take_over[..], &["-o", "json"]].concat()).await;
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["Report"], json!([]), "{report:#}");
    std::fs::write(home.path().join("want.yaml"), site.causeway(home.path(), &take_over).await).unwrap();
    site.causeway(home.path(), &["apply", "-f", "want.yaml", "--wait", "--timeout", "4m"]).await;
    let taken = site.objects().await;
    assert_eq!(uids(&taken), uids(&before), "none is made anew, and none beside them");
    let is_taken = |object: &DynamicObject| {
        owner(object).is_some() && object.metadata.labels.as_ref().unwrap()["team"] == SOMEBODY
    };
    assert!(taken.values().all(is_taken), "{taken:#?}");
    let generation = |objects: &BTreeMap<String, DynamicObject>| objects[&site.name].metadata.generation;
    assert_eq!(generation(&taken), generation(&before), "nothing of the Gateway's own was changed");
    go_on(&load).await;

    // 2. What somebody changes is put right, as with every object that is Causeway's.
    let moved = gateway_api(
        "HTTPRoute",
        &site.route(0),
        json!({
            "parentRefs": [{"name": site.name, "namespace": site.ingress}], "hostnames": [site.host(0)],
            "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": [{"name": "web", "port": 80, "weight": 2}]}],
        }),
    );
    site.make(&site.apps, moved).await;
    let right = |route: &DynamicObject| at(route, "/spec/rules/0/backendRefs/0/weight") == &json!(1);
    becomes(&site.routes(), &site.route(0), "the weight is put right", right).await;
    go_on(&load).await;

    // 3. Given back, they are the same objects and work on, with nothing that says that they were Causeway's.
    site.causeway(home.path(), &["release", "-f", "want.yaml", "--timeout", "4m"]).await;
    let back = site.objects().await;
    assert_eq!(uids(&back), uids(&before));
    for (name, object) in &back {
        assert_eq!(marks(object), Vec::<String>::new(), "{name}");
        assert_eq!(object.data["spec"], taken[name].data["spec"], "{name}");
    }
    let selector = ListParams::default().labels(CONTROL_PLANE);
    for kind in [GATEWAY, HTTP_ROUTE, REFERENCE_GRANT] {
        let all = api(&site.kube, kind, None).list(&selector).await.unwrap();
        let own = |object: &&DynamicObject| {
            [Some(site.apps.as_str()), Some(site.ingress.as_str())].contains(&object.metadata.namespace.as_deref())
        };
        assert_eq!(all.items.iter().filter(own).count(), 0, "{}", kind.2);
    }
    for plural in ["gateway-instances", "shared-gateways", "workload-instances"] {
        let names = [site.name.clone(), site.route(0), site.apps.clone()];
        for name in names {
            let left = site.harness.client.list(plural, &format!("name={name}")).await.unwrap();
            assert_eq!(left, Vec::<Value>::new(), "{plural}");
        }
    }
    go_on(&load).await;
    none_failed(load).await;
    // Of Gateway API nothing was deleted on the way; the log may be a moment behind.
    let of_gateway_api =
        |event: &&Value| event["requestURI"].as_str().is_some_and(|uri| uri.contains("gateway.networking.k8s.io"));
    let written = writes(&site.harness.endpoints.clusters[0], &site.name).await;
    assert!(written.iter().filter(of_gateway_api).all(|event| event["verb"] != "delete"), "{written:#?}");
    let mut next = gateway_api("Gateway", &site.name, back[&site.name].data["spec"].clone());
    next["metadata"]["namespace"] = json!(site.ingress);
    let applied = site.gateways().patch(&site.name, &PatchParams::apply("next"), &Patch::Apply(&next)).await;
    assert!(applied.is_ok(), "whoever applies it next has it without a conflict: {applied:?}");
    site.end().await;
}
