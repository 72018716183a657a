//! What views ask for: states of records in columns, what is blocked, searches, certificates by their end. A test plays the worker.

use causeway_records::{Kind, certificate::SeenCertificate, status::NewCondition};
use causeway_store::{
    Store,
    queue::{Key, Outcome},
};
use causeway_testkit::{eventually, unique_name};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

use crate::{chain::Chain, confirm_deleted, delete, get, id, made, platform, read};

/// The same in all tests, so that it keeps its leases.
const WORKER: Uuid = Uuid::from_u128(1);

/// A worker that finds in the clusters whatever a test says.
pub(crate) struct Worker(Store);

impl Worker {
    pub(crate) async fn new() -> Self {
        Self(Store::connect(&platform().await.database_url(), 2, Duration::from_secs(30)).unwrap())
    }

    /// One reconcile of a record of this cluster.
    pub(crate) async fn reconciles(&self, kind: Kind, id: i64, cluster: i64, outcome: Outcome) {
        // The same worker in another test may be about to take this lease.
        let lease = eventually("a lease", async || {
            let held = self.0.keep_leases(WORKER, Duration::from_secs(3600)).await.unwrap();
            held.leases.into_iter().find(|lease| lease.cluster_id == cluster).ok_or("not yet")
        })
        .await;
        let claimed = self.0.begin(&Key { kind, id }, lease).await.unwrap().expect("the lease is ours");
        self.0.complete(&claimed, &outcome, 1).await.unwrap();
    }
}

fn waits(reason: &str) -> Outcome {
    let address = NewCondition::not_met("AddressAssigned", reason, "Gateway main has no address yet; wait");
    Outcome::with(vec![NewCondition::met("Applied", "Applied", "4 objects"), address])
}

async fn rows(path: &str) -> Vec<Value> {
    let answer = get(path).await;
    assert_eq!(answer.code, 200, "{}", answer.text);
    answer.body["Data"].as_array().unwrap().clone()
}

async fn ids(path: &str) -> Vec<i64> {
    rows(path).await.iter().map(id).collect()
}

#[tokio::test]
async fn a_record_says_what_blocks_it_and_lists_can_be_asked_for_it() {
    let (chain, worker) = (Chain::up_to("gateway-instances").await, Worker::new().await);
    let (own, cluster) = (chain.id("gateway-instances"), chain.id("kubernetes-runtime-instances"));
    let new = read("gateway-instances", own).await.done(200).record().clone();
    assert_eq!((&new["Ready"], &new["BlockingStep"]), (&json!("Unknown"), &Value::Null));
    assert_eq!(new["BlockingSince"], new["CreatedAt"], "nobody has looked at it since it was made");

    let reason = unique_name("Reason");
    worker.reconciles(Kind::GatewayInstance, own, cluster, waits(&reason)).await;
    let blocked = read("gateway-instances", own).await.done(200).record().clone();
    assert_eq!((&blocked["Ready"], &blocked["BlockingStep"]), (&json!("False"), &json!("AddressAssigned")));
    let condition = blocked["Conditions"].as_array().unwrap().iter().find(|c| c["Type"] == "AddressAssigned").unwrap();
    assert_eq!(blocked["BlockingReason"], condition["Reason"]);
    // Postgres keeps microseconds.
    let time = |value: &Value| value.as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    let apart = time(&blocked["BlockingSince"]) - time(&condition["LastTransitionTime"]);
    assert!(apart.abs() < TimeDelta::milliseconds(1), "{apart}");

    for query in ["ready=False&blockingstep=AddressAssigned", "order=BlockingSince", "size=1&ready=False"] {
        let path = format!("/v0/gateway-instances?{query}&blockingreason={reason}");
        assert_eq!(ids(&path).await, [own], "{query}");
    }
    assert_eq!(ids(&format!("/v0/gateway-instances?ready=True&blockingreason={reason}")).await, Vec::<i64>::new());
    get("/v0/gateway-instances?ready=true").await.refused(400, "is none of Unknown, True, False");

    let of_cluster = format!("/v0/blocked-records?kind=GatewayInstance&kubernetesruntimeinstanceid={cluster}");
    let all = rows(&of_cluster).await;
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!((&all[0]["Kind"], &all[0]["ID"]), (&json!("GatewayInstance"), &json!(own)));
    assert_eq!((&all[0]["Name"], &all[0]["Hostnames"]), (&blocked["Name"], &Value::Null), "no port, no hostname");
    assert_eq!(all[0]["BlockingMessage"], condition["Message"]);
    assert_eq!((&all[0]["BlockingStatus"], &all[0]["KubernetesRuntimeInstanceID"]), (&json!("False"), &json!(cluster)));
    let count = async |ready: &str| {
        let counts = rows("/v0/record-counts").await;
        let own = |count: &&Value| {
            count["KubernetesRuntimeInstanceID"] == cluster
                && count["Kind"] == "GatewayInstance"
                && count["Ready"] == ready
        };
        counts.iter().find(own).map_or(0, |count| count["Count"].as_i64().unwrap())
    };
    assert_eq!((count("False").await, count("True").await), (1, 0));
    let states = rows(&format!("/v0/cluster-states?after={}&size=1", cluster - 1)).await;
    assert_eq!((&states[0]["KubernetesRuntimeInstanceID"], &states[0]["Gateways"]), (&json!(cluster), &json!(1)));
    assert!(states[0]["Due"].as_i64() >= Some(1), "the runtime was never reconciled: {states:?}");

    let stands = Outcome::with(vec![NewCondition::met("Applied", "Applied", "4 objects")]);
    worker.reconciles(Kind::GatewayInstance, own, cluster, stands).await;
    let ready = read("gateway-instances", own).await.done(200).record().clone();
    assert_eq!(
        (&ready["Ready"], &ready["BlockingSince"], &ready["BlockingStep"]),
        (&json!("True"), &Value::Null, &Value::Null)
    );
    assert_eq!(rows(&of_cluster).await, Vec::<Value>::new());
    assert_eq!((count("False").await, count("True").await), (0, 1));
}

/// The longest first, a page at a time, while records come and go.
#[tokio::test]
async fn what_blocks_longest_comes_first() {
    let (chain, worker) = (Chain::up_to("gateway-definitions").await, Worker::new().await);
    let cluster = chain.id("kubernetes-runtime-instances");
    let reason = unique_name("Longest");
    let mut own = vec![];
    for _ in 0..7 {
        let made = made("workload-instances", &chain.body("workload-instances")).await;
        worker.reconciles(Kind::WorkloadInstance, made, cluster, waits(&reason)).await;
        own.push(made);
    }
    let walk = async |path: &str| {
        let (mut seen, mut more) = (vec![], String::new());
        loop {
            let page = rows(&format!("{path}&size=3{more}")).await;
            let Some(last) = page.last() else { return seen };
            more = format!("&after={}&aftertime={}", last["ID"], last["BlockingSince"].as_str().unwrap());
            seen.extend(page.iter().map(id));
        }
    };
    let listed = format!("/v0/workload-instances?order=BlockingSince&blockingreason={reason}");
    assert_eq!(walk(&listed).await, own);
    let of_cluster = format!("/v0/blocked-records?kind=WorkloadInstance&kubernetesruntimeinstanceid={cluster}");
    let blocked = walk(&of_cluster).await;
    assert_eq!(blocked[1..], own, "behind the one of the chain, which nobody has reconciled");
    assert_eq!(blocked[0], chain.id("workload-instances"));
    for (query, sentence) in [
        ("order=Name", "must be ID or BlockingSince"),
        ("order=BlockingSince&page=2", "can't stand beside order"),
        ("order=BlockingSince&aftertime=2026-01-31T12:00:00Z", "goes with aftertime"),
        ("order=BlockingSince&aftertime=soon&after=1", "RFC 3339"),
        ("before=1&after=1", "can't stand beside before"),
        ("before=-1", "before"),
    ] {
        get(&format!("/v0/workload-instances?{query}")).await.refused(400, sentence);
    }
    get("/v0/blocked-records?kind=Nonsense").await.refused(400, "must be a kind");
    get("/v0/blocked-records?size=0").await.refused(400, "from 1 to 1000");
    // The newest first, with the same pages.
    let newest = async |before: i64| {
        ids(&format!("/v0/workload-instances?blockingreason={reason}&before={before}&size=3")).await
    };
    assert_eq!(newest(0).await, [own[6], own[5], own[4]]);
    assert_eq!(newest(own[4]).await, [own[3], own[2], own[1]]);
}

#[tokio::test]
async fn a_search_goes_over_all_kinds_and_clusters() {
    let (chain, worker) = (Chain::up_to("gateway-definitions").await, Worker::new().await);
    let cluster = chain.id("kubernetes-runtime-instances");
    let part = unique_name("findme");
    let mut body = chain.body("gateway-definitions");
    body["Name"] = json!(format!("{part}-what"));
    let domain = read("domain-name-definitions", chain.id("domain-name-definitions")).await.done(200);
    let hostname = format!("{part}.{}", domain.record()["Domain"].as_str().unwrap());
    body["Hostnames"] = json!([hostname]);
    body["HttpPorts"] = json!([{"Port": 80}]);
    let definition = made("gateway-definitions", &body).await;
    let mut body = chain.body("gateway-instances");
    body["GatewayDefinitionID"] = json!(definition);
    let instance = made("gateway-instances", &body).await;
    let found = async |query: &str| {
        let found = rows(&format!("/v0/search?q={query}")).await;
        found.iter().map(|found| (found["Kind"].as_str().unwrap().to_owned(), id(found))).collect::<Vec<_>>()
    };
    let both = [("GatewayDefinition".to_owned(), definition), ("GatewayInstance".to_owned(), instance)];
    assert_eq!(found(&part).await, both);
    assert_eq!(found(&part.to_uppercase()).await, both, "whatever the case");
    assert_eq!(found(&hostname[..part.len() + 4]).await, both[1..], "its hostname");
    assert_eq!(found(&instance.to_string()).await, both[1..], "its id");
    assert_eq!(found(&format!("{part}&kind=GatewayDefinition")).await, both[..1]);
    assert_eq!(found(&format!("{part}&after={definition}")).await, both[1..]);
    let page = get(&format!("/v0/search?q={part}&size=1")).await.done(200);
    assert_eq!(page.body["Meta"]["NextAfter"], json!(definition));
    assert_eq!(found("%25").await, vec![], "a sign that means something to a database");

    let hostnames = rows(&format!("/v0/search?q={instance}")).await;
    let hostnames = hostnames[0]["Hostnames"].as_array().unwrap();
    assert_eq!(*hostnames, [json!(hostname)], "it stands in place of the one with the SubDomain");
    let (address, name) = (format!("192.0.2.{}", instance % 250), format!("lb.{part}.example.com"));
    let [carrier] = ids(&format!("/v0/shared-gateways?kubernetesruntimeinstanceid={cluster}")).await[..] else {
        panic!("one shared gateway")
    };
    let published = Outcome::default().publish(None, json!({"addresses": [{"value": address}, {"value": name}]}));
    worker.reconciles(Kind::SharedGateway, carrier, cluster, published).await;
    assert!(found(&address).await.contains(&both[1]), "the address of its Gateway");
    let mut of_name = found(&name).await;
    of_name.sort();
    assert_eq!(of_name, [both[1].clone(), ("SharedGateway".to_owned(), carrier)], "the name of its load balancer");
    assert_eq!(ids(&format!("/v0/search?sharedgatewayid={carrier}")).await, [instance], "who is attached");
    assert_eq!(ids(&format!("/v0/search?sharedgatewayid={instance}")).await, Vec::<i64>::new());
    get("/v0/search?sharedgatewayid=x").await.refused(400, "is no id");
    let ready = Outcome::with(vec![NewCondition::met("Applied", "Applied", "4 objects")]);
    worker.reconciles(Kind::GatewayInstance, instance, cluster, ready).await;
    let of_kind = format!("/v0/search?kind=GatewayInstance&kubernetesruntimeinstanceid={cluster}&ready");
    assert_eq!(
        (ids(&format!("{of_kind}=True")).await, ids(&format!("{of_kind}=Unknown")).await),
        (vec![instance], vec![])
    );
    get(&format!("{of_kind}=maybe")).await.refused(400, "is none of");
    for wrong in [
        "/v0/search",
        "/v0/search?q=",
        "/v0/search?q=%20",
        "/v0/search?q=%00",
        &format!("/v0/search?q={}", "a".repeat(254)),
    ] {
        get(wrong).await.refused(400, "must be a text of 1 to 253 characters");
    }
}

#[tokio::test]
async fn certificates_are_listed_by_their_end_and_written_only_when_they_change() {
    let (chain, worker) = (Chain::up_to("gateway-instances").await, Worker::new().await);
    let (own, cluster) = (chain.id("gateway-instances"), chain.id("kubernetes-runtime-instances"));
    let seen = |name: &str, days: Option<i64>| SeenCertificate {
        owner_kind: Kind::GatewayInstance,
        owner_id: own,
        namespace: "shop".into(),
        name: name.into(),
        hostnames: vec![format!("{name}.example.org")],
        issuer: "acme".into(),
        valid: days.is_some(),
        message: days.is_none().then(|| "not yet".into()),
        not_after: days.map(|days| DateTime::UNIX_EPOCH + TimeDelta::days(days)),
        renewal_time: None,
        failed_at: None,
    };
    let sees = async |certificates: &[SeenCertificate]| {
        let outcome = Outcome { certificates: Some(certificates.to_vec()), ..waits("Any") };
        worker.reconciles(Kind::GatewayInstance, own, cluster, outcome).await;
        rows(&format!("/v0/certificates?ownerid={own}&order=NotAfter")).await
    };
    let names = |rows: &[Value]| rows.iter().map(|row| row["Name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let all = [seen("late", Some(90)), seen("soon", Some(7)), seen("none", None)];
    let first = sees(&all).await;
    assert_eq!(names(&first), ["none", "soon", "late"]);
    assert_eq!(first[0]["Message"], "not yet");
    assert_eq!(
        (&first[1]["NotAfter"], &first[1]["Hostnames"]),
        (&json!("1970-01-08T00:00:00Z"), &json!(["soon.example.org"]))
    );
    assert_eq!(sees(&all).await, first, "nothing changed, so nothing is written: not even a time");

    let second = sees(&[seen("soon", Some(97)), seen("late", Some(90))]).await;
    assert_eq!(names(&second), ["late", "soon"]);
    assert_eq!((&second[0], &second[1]["ID"]), (&first[2], &first[1]["ID"]), "renewed, the other one is as it was");
    assert!(second[1]["UpdatedAt"] != first[1]["UpdatedAt"]);
    let behind = format!(
        "/v0/certificates?ownerid={own}&order=NotAfter&after={}&aftertime=1970-04-01T00:00:00Z",
        second[0]["ID"]
    );
    assert_eq!(names(&rows(&behind).await), ["soon"], "a page goes on behind the last one");
    let one = get(&format!("/v0/certificates/{}", second[0]["ID"])).await.done(200);
    assert_eq!(one.record(), &second[0]);

    delete("gateway-instances", own).await.done(200);
    confirm_deleted("GatewayInstance", own).await;
    assert_eq!(
        rows(&format!("/v0/certificates?ownerid={own}")).await,
        Vec::<Value>::new(),
        "they go with their gateway"
    );
    get("/v0/certificates?order=BlockingSince").await.refused(400, "must be ID or NotAfter");
}
