//! Pages, the deletion of a workload's events, the join of events.

use causeway_rig::Endpoints;
use causeway_testkit::{ControlPlane, Setup, unique_name};
use reqwest::Method;
use serde_json::json;

use crate::{chain::Chain, delete, get, id, made, patch, send};

#[tokio::test]
async fn item_13_pages() {
    let definition = made("gateway-definitions", &json!({"Name": unique_name("pages")})).await;
    for port in 1..=55 {
        made("gateway-tcp-ports", &json!({"GatewayDefinitionID": definition, "Port": port})).await;
    }
    let list = async |more: &str| get(&format!("/v0/gateway-tcp-ports?gatewaydefinitionid={definition}{more}")).await;
    let all = list("&size=-1").await;
    assert!(all.ids().len() == 55 && all.ids().is_sorted());
    for (query, page, size, range) in [
        ("", 1, 50, 0..50),
        ("&page=2", 2, 50, 50..55),
        ("&page=3&size=10", 3, 10, 20..30),
        ("&page=9", 9, 50, 0..0),
        ("&size=0", 1, 0, 0..0),
        ("&page=0&size=5", 0, 5, 0..5),
        ("&page=-1&size=5", -1, 5, 0..5),
        ("&size=-1", 1, -1, 0..55),
    ] {
        let answer = list(query).await;
        assert_eq!(answer.body["Meta"], json!({"Page": page, "Size": size, "TotalCount": 55}), "{query}");
        assert_eq!(answer.ids(), all.ids()[range], "{query}");
    }
    for (query, key) in [("&page=-2", "page"), ("&size=-2", "size"), ("&page=x", "page"), ("&size=", "size")] {
        let refusal = format!("Query parameter is not a valid integer value: {key}");
        list(query).await.refused(400, &refusal);
    }
}

/// Threeport has pages only: they shift when records come and go.
#[tokio::test]
async fn item_13_a_list_goes_on_after_an_id() {
    let definition = made("gateway-definitions", &json!({"Name": unique_name("after")})).await;
    let port =
        async |port: usize| made("gateway-tcp-ports", &json!({"GatewayDefinitionID": definition, "Port": port})).await;
    // Every other one goes while the list is being read, and as many new ones come.
    let (mut stay, mut go) = (vec![], vec![]);
    for n in 0..20 {
        stay.push(port(2 * n + 1).await);
        go.push(port(2 * n + 2).await);
    }
    let changes = async {
        for (n, id) in go.iter().enumerate() {
            delete("gateway-tcp-ports", *id).await.done(200);
            port(n + 1001).await;
        }
    };
    let walk = async {
        let (mut seen, mut after) = (vec![], 0);
        loop {
            let query = format!("gatewaydefinitionid={definition}&after={after}&size=3");
            let page = get(&format!("/v0/gateway-tcp-ports?{query}")).await;
            assert_eq!(
                (&page.body["Meta"]["Page"], &page.body["Meta"]["Size"]),
                (&json!(1), &json!(3)),
                "{}",
                page.text
            );
            let ids = page.ids();
            let Some(last) = ids.last() else { return seen };
            assert!(
                page.body["Meta"]["TotalCount"].as_i64().is_some_and(|total| total >= 39),
                "all that match: {}",
                page.text
            );
            after = *last;
            seen.extend(ids);
        }
    };
    let ((), seen) = futures::join!(changes, walk);
    assert!(seen.is_sorted() && seen.windows(2).all(|pair| pair[0] != pair[1]), "no record comes twice");
    assert!(stay.iter().all(|id| seen.contains(id)), "no record that stays is left out");
    let all = get(&format!("/v0/gateway-tcp-ports?gatewaydefinitionid={definition}&after=0&size=-1")).await;
    assert_eq!(
        (all.ids().len(), &all.body["Meta"]["TotalCount"]),
        (stay.len() + go.len(), &json!(stay.len() + go.len()))
    );
    let none = get(&format!("/v0/gateway-tcp-ports?gatewaydefinitionid={definition}&AFTER={}", i64::MAX)).await;
    assert!(none.ids().is_empty() && none.body["Meta"]["TotalCount"] == all.body["Meta"]["TotalCount"]);
}

/// Threeport answers as much as it is asked for. Here a list holds 16 MiB of records at most, and says where it goes on.
#[tokio::test]
async fn item_13_a_page_ends_where_it_gets_too_large() {
    let setup = Setup { workers: 0, ..Setup::for_test("large") };
    let platform = ControlPlane::start(&Endpoints::from_env().unwrap(), setup).await.unwrap();
    let client = platform.client();
    let document = format!("# {}", "x".repeat(1_900_000));
    for n in 0..11 {
        let body = json!({"Name": format!("large-{n}"), "YAMLDocument": document});
        client.create("workload-definitions", &body).await.unwrap();
    }
    let get = async |query: &str| {
        let answer = client.try_get(&format!("/v0/workload-definitions?{query}")).await.unwrap();
        assert_eq!(answer.code, 200, "{query}");
        answer
    };
    for query in ["size=-1", "size=50", "after=0&size=50"] {
        let first = get(query).await;
        assert_eq!((first.ids().len(), &first.body["Meta"]["TotalCount"]), (8, &json!(11)), "{query}");
        let after = first.body["Meta"]["NextAfter"].as_i64().unwrap();
        assert_eq!(first.ids().last(), Some(&after));
        let rest = get(&format!("size=50&after={after}")).await;
        assert_eq!((rest.ids().len(), rest.body["Meta"].get("NextAfter")), (3, None), "the last page is whole");
    }
    let small = get("size=5").await;
    assert_eq!((small.ids().len(), small.body["Meta"].get("NextAfter")), (5, None));
    platform.stop().await;
}

#[tokio::test]
async fn item_16_a_workloads_events_are_deleted_together() {
    let chain = Chain::up_to("workload-events").await;
    let workload = chain.id("workload-instances");
    made("workload-events", &chain.body("workload-events")).await;
    let delete = async |query: &str| send(Method::DELETE, &format!("/v0/workload-events{query}"), &[], "").await;
    let one = "must provide one - and only one - query parameter when deleting multiple workload events";
    delete("").await.refused(400, one);
    delete("?workloadinstanceid=1&helmworkloadinstanceid=2").await.refused(400, one);
    let keys = "can only delete multiple workload events using query parameter keys [workloadinstanceid helmworkloadinstanceid]";
    delete("?reason=Pulled").await.refused(400, keys);
    delete("?workloadinstanceid=1").await.refused(404, "object not found");
    let gone = delete(&format!("?workloadinstanceid={workload}")).await;
    assert_eq!((gone.code, gone.ids().len()), (200, 2), "{}", gone.text);
    assert!(gone.body["Data"].as_array().unwrap().iter().all(|event| event["DeletedAt"].is_string()));
    delete(&format!("?workloadinstanceid={workload}")).await.refused(404, "object not found");
}

/// The three calls of a controller that reports, and what the join finds. A total of 0 is Threeport's mistake; Causeway counts.
#[tokio::test]
async fn item_18_events_are_found_by_what_they_are_about() {
    let chain = Chain::new().await;
    let (event, about) = (chain.id("events"), chain.id("gateway-instances"));
    let reference = json!({
        "ObjectType": "v0.GatewayInstance", "ObjectID": about, "AttachedObjectType": "v0.Event", "AttachedObjectID": event,
    });
    let reference = made("attached-object-references", &reference).await;
    patch("events", event, &json!({"AttachedObjectReferenceID": reference})).await.done(200);
    let join = async |query: &str| get(&format!("/v0/events-join-attached-object-references{query}")).await;
    join("").await.refused(400, "must provide object ID");
    let found = join(&format!("?objectid={about}")).await;
    assert_eq!((found.code, found.body["Type"].as_str(), found.ids()), (200, Some("Event"), vec![event]));
    assert_eq!(found.body["Meta"]["TotalCount"], 1);
    assert_eq!(join(&format!("?objectid={about}&reason=SuccessfulCreate&type=Normal")).await.ids(), [event]);
    assert!(join(&format!("?objectid={about}&reason=FailedCreate")).await.ids().is_empty());
    assert!(join("?objectid=1").await.ids().is_empty());
    let again = patch("events", event, &json!({"Count": 2})).await.done(200);
    assert_eq!((id(again.record()), &again.record()["Count"]), (event, &json!(2)));
}
