//! Routes with rules of Gateway API: the API accepts what a cluster accepts, and requests go where the rules say.
//!
//! `RULES=5000` compares so many rules of each kind, `RULES_SEED=7` takes those from this seed on.

mod filters;
mod random;
mod samples;

use causeway_gateway_api::RouteKind;
use causeway_testkit::{
    Answer, DOMAIN, Harness, INSTALLED, Visitor, add_domain_name, add_workload_of, answering, api, eventually, harness,
    id_of,
    kinds::{GRPC_ROUTE, HTTP_ROUTE, NAMESPACE},
    objects::object,
};
use futures::{StreamExt, stream};
use hyper::Method;
use kube::{
    Api,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::fixture::Fixture;

/// Rules of each kind that are compared, unless `RULES` says otherwise.
const COMPARED: u64 = 300;
const AT_ONCE: usize = 8;
/// Of so many rules one is brought to the API, too, which takes longer.
const ASKED: u64 = 3;
/// What the API refuses although a cluster would take it.
const BEYOND: [&str; 3] = ["is no Service", "goes with Services", "holds no rule"];

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("it is a number"))
}

/// The rules as the server would store them, or its refusal.
async fn by_server(routes: &Api<DynamicObject>, kind: &str, rules: &Value) -> Result<Value, String> {
    let route = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": kind, "metadata": {"name": "random"}, "spec": {"rules": rules},
    });
    let parameters = PatchParams::apply("tests").force().dry_run().validation_strict();
    match routes.patch("random", &parameters, &Patch::Apply(&route)).await {
        Ok(stored) => Ok(stored.data["spec"]["rules"].clone()),
        Err(kube::Error::Api(status)) if [400, 422, 500].contains(&status.code) => Err(status.message),
        Err(other) => panic!("{other:?}"),
    }
}

/// What the API says to a definition with these rules, of which nothing stays.
async fn by_api(harness: &Harness, kind: RouteKind, rules: &Value) -> Answer {
    let list = match kind {
        RouteKind::Http => "HttpRoutes",
        RouteKind::Grpc => "GrpcRoutes",
    };
    let body = json!({
        "Name": harness.name("random"), "Hostnames": ["random.example"], "HttpPorts": [{"Port": 80}], (list): [{"Rules": rules}],
    });
    eventually("the API answers, though others ask for plans", async || {
        let asked = harness.client.send(Method::POST, "/v0/gateway-definitions?plan=true", Some(&body)).await;
        let answer = asked.map_err(|error| format!("{error:#}"))?;
        if [200, 400].contains(&answer.code) { Ok(answer) } else { Err(answer.text) }
    })
    .await
}

/// Whether the API takes them. What it refuses beyond what a cluster refuses is left out.
fn is_taken(answer: &Answer) -> Option<bool> {
    let details = answer.body["Status"]["details"].as_array().cloned().unwrap_or_default();
    let is_beyond = |detail: &Value| {
        detail["problem"].as_str().is_some_and(|problem| BEYOND.iter().any(|words| problem.contains(words)))
    };
    match answer.code {
        200 => Some(true),
        _ if !details.is_empty() && details.iter().all(is_beyond) => None,
        _ => Some(false),
    }
}

/// Not one rule more, and not one less; and what a cluster fills in is what is rendered.
#[tokio::test]
async fn rules_are_accepted_exactly_if_a_cluster_accepts_them() {
    // The cluster has the definitions once a gateway is Ready.
    let fixture = Fixture::ready("rules", json!({"HttpPorts": [{"Port": 80}]})).await;
    let namespace = fixture.harness.name("rules-dry");
    let own = object(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}));
    let namespaces = api(&fixture.kube, NAMESPACE, None);
    namespaces.create(&PostParams::default(), &own).await.unwrap();
    let (many, first) = (number("RULES", COMPARED), number("RULES_SEED", 1));
    println!("{many} rules of each kind from RULES_SEED={first} on");
    for (kind, of) in [(RouteKind::Http, HTTP_ROUTE), (RouteKind::Grpc, GRPC_ROUTE)] {
        let routes = api(&fixture.kube, of, Some(&namespace));
        let compare = async |seed: u64| {
            let rules = random::rules(kind, seed);
            let (ours, theirs) = (kind.check(&rules), by_server(&routes, of.2, &rules).await);
            assert_eq!(
                ours.is_empty(),
                theirs.is_ok(),
                "seed {seed}, {}\n{rules:#}\nwe say: {ours:?}\nthe cluster says: {theirs:?}",
                of.2
            );
            if let Ok(stored) = &theirs {
                assert_eq!(&kind.with_defaults(&rules), stored, "seed {seed}, {}: defaults", of.2);
            }
            if seed.is_multiple_of(ASKED) {
                let answer = by_api(fixture.harness, kind, &rules).await;
                let taken = is_taken(&answer).unwrap_or(theirs.is_ok());
                assert_eq!(taken, theirs.is_ok(), "seed {seed}, {}\n{rules:#}\nthe API says: {}", of.2, answer.text);
            }
            theirs.is_ok()
        };
        let accepted: Vec<bool> =
            stream::iter(first..first + many).map(compare).buffer_unordered(AT_ONCE).collect().await;
        let count = accepted.iter().filter(|accepted| **accepted).count();
        println!("{}: {count} of {many} accepted", of.2);
        assert!(accepted.len() < 100 || (accepted.len() / 5..accepted.len() * 9 / 10).contains(&count), "one-sided");
    }
    namespaces.delete(&namespace, &DeleteParams::default()).await.unwrap();
}

/// Two Services that answer with their names.
fn two(name: &str) -> String {
    let of = |service: &str| {
        answering(&format!("{service}+of+{name}"))
            .replace("name: web", &format!("name: {service}"))
            .replace("app: web", &format!("app: {service}"))
    };
    format!("{}\n---\n{}", of("web"), of("canary"))
}

#[tokio::test]
async fn requests_go_where_the_rules_say() {
    let harness = harness().await;
    let name = harness.name("ruled");
    let domain = harness.domain(&name).await.unwrap();
    let workload = add_workload_of(&harness.client, harness.runtime, &name, &two(&name)).await.unwrap();
    let to = |service: &str| json!([{"name": service, "port": 80}]);
    let prefix = |path: &str| json!({"type": "PathPrefix", "value": path});
    let redirect = json!({"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/new"}, "statusCode": 308});
    let rules = json!([
        {"matches": [{"path": prefix("/"), "queryParams": [{"name": "v", "value": "2"}]}], "backendRefs": to("canary")},
        {"matches": [{"path": {"type": "Exact", "value": "/exact"}}], "backendRefs": to("canary")},
        {"matches": [{"path": prefix("/old")}], "filters": [{"type": "RequestRedirect", "requestRedirect": redirect}]},
        {
            "matches": [{"path": prefix("/weighted")}],
            "backendRefs": [{"name": "web", "port": 80, "weight": 0}, {"name": "canary", "port": 80, "weight": 1}],
        },
        {"backendRefs": to("web")},
    ]);
    let more = json!({"HttpPorts": [{"Port": 80}], "HttpRoutes": [{"Rules": rules}]});
    let definition = harness.definition(&name, Some(domain), more).await.unwrap();
    harness.ready_gateway(&name, definition, workload).await.unwrap();
    let published = add_domain_name(&harness.client, harness.runtime, &name, domain, workload).await.unwrap();
    harness.client.until_ready("domain-name-instances", published, INSTALLED).await.unwrap();

    let (visitor, host) = (Visitor::new(&harness.endpoints), format!("{name}.{DOMAIN}"));
    for (path, service) in [
        ("/", "web"),
        ("/?v=2", "canary"),
        ("/?v=3", "web"),
        ("/exact", "canary"),
        ("/exact/not", "web"),
        ("/weighted/a", "canary"),
    ] {
        eventually(&format!("{path} is answered by {service}"), async || {
            let answer = visitor.get(&format!("http://{host}{path}")).await.map_err(|error| format!("{error:#}"))?;
            let wanted = format!("{service} of {name}");
            if answer.code == 200 && answer.text == wanted { Ok(()) } else { Err(format!("{answer:?}")) }
        })
        .await;
    }
    eventually("the old page leads to the new one", async || {
        let answer = visitor.get(&format!("http://{host}/old/page")).await.map_err(|error| format!("{error:#}"))?;
        let led = answer.code == 308 && answer.header("location") == format!("http://{host}/new/page");
        if led { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
    // Another rule, and the traffic follows.
    let listed =
        harness.client.list("gateway-http-routes", &format!("gatewaydefinitionid={definition}")).await.unwrap();
    let change = json!({"Rules": [{"backendRefs": to("canary")}]});
    harness.client.patch("gateway-http-routes", id_of(&listed[0]).unwrap(), &change).await.unwrap();
    eventually("the other Service answers", async || {
        let answer = visitor.get(&format!("http://{host}/")).await.map_err(|error| format!("{error:#}"))?;
        if answer.text == format!("canary of {name}") { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
}
