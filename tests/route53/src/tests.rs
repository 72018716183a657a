//! The emulator through its router, as a client sees it.

use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode},
};
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::{JournalEntry, Shared, router};

struct Client {
    router: Router,
    zone: String,
}

impl Client {
    /// A client of a new emulator with the zone `example.test`.
    async fn new() -> Self {
        let mut client = Self { router: router(Shared::default()), zone: String::new() };
        let (status, body) =
            client.call(Method::POST, "/2013-04-01/hostedzone", &create_zone("example.test", "1")).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        client.zone = between(&body, "<Id>/hostedzone/", "</Id>").to_owned();
        client
    }

    async fn call(&self, method: Method, path: &str, body: &str) -> (StatusCode, String) {
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        let request = request
            .header("authorization", "AWS4-HMAC-SHA256 Credential=AKIDTEST/20261121/us-east-1/route53/aws4_request");
        let response = self.router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    async fn change(&self, changes: &[String]) -> (StatusCode, String) {
        let body = format!(
            "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes>\
             {}</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>",
            changes.concat()
        );
        self.call(Method::POST, &format!("/2013-04-01/hostedzone/{}/rrset/", self.zone), &body).await
    }

    async fn accepted(&self, changes: &[String]) -> String {
        let (status, body) = self.change(changes).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    }

    async fn refused(&self, changes: &[String], because: &str) {
        let before = self.list("").await;
        let (status, body) = self.change(changes).await;
        assert!(status == StatusCode::BAD_REQUEST && body.contains(because), "{status} {body}");
        assert_eq!(self.list("").await, before, "a refused batch changed something");
    }

    async fn list(&self, query: &str) -> String {
        let (status, body) =
            self.call(Method::GET, &format!("/2013-04-01/hostedzone/{}/rrset{query}", self.zone), "").await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    }

    async fn journal(&self) -> Vec<JournalEntry> {
        self.journal_of("").await
    }

    /// Those entries that a query asks for.
    async fn journal_of(&self, query: &str) -> Vec<JournalEntry> {
        serde_json::from_str(&self.call(Method::GET, &format!("/rig/journal{query}"), "").await.1).unwrap()
    }
}

fn create_zone(name: &str, reference: &str) -> String {
    format!(
        "<CreateHostedZoneRequest><Name>{name}</Name><CallerReference>{reference}</CallerReference></CreateHostedZoneRequest>"
    )
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    text.split_once(start).unwrap().1.split_once(end).unwrap().0
}

fn change(action: &str, kind: &str, name: &str, values: &[&str]) -> String {
    change_with(action, kind, name, "<TTL>60</TTL>", values)
}

fn change_with(action: &str, kind: &str, name: &str, extra: &str, values: &[&str]) -> String {
    let values: String =
        values.iter().map(|value| format!("<ResourceRecord><Value>{value}</Value></ResourceRecord>")).collect();
    format!(
        "<Change><Action>{action}</Action><ResourceRecordSet><Name>{name}</Name><Type>{kind}</Type>{extra}<ResourceRecords>\
         {values}</ResourceRecords></ResourceRecordSet></Change>"
    )
}

#[tokio::test]
async fn records_are_created_replaced_and_deleted() {
    let client = Client::new().await;
    client.accepted(&[change("CREATE", "A", "a.example.test", &["192.0.2.1"])]).await;
    client.accepted(&[change("UPSERT", "A", "A.example.test.", &["192.0.2.2", "192.0.2.3"])]).await;
    let list = client.list("").await;
    assert!(list.contains("192.0.2.3") && !list.contains("192.0.2.1"), "{list}");
    client.accepted(&[change("DELETE", "A", "a.example.test", &["192.0.2.3", "192.0.2.2"])]).await;
    assert!(!client.list("").await.contains("192.0.2"));

    let journal = client.journal().await;
    assert_eq!(journal.iter().map(|entry| entry.action.as_str()).collect::<Vec<_>>(), ["CREATE", "UPSERT", "DELETE"]);
    assert!(journal.is_sorted_by_key(|entry| (entry.sequence, entry.at)));
    assert_eq!(journal[0].access_key, "AKIDTEST");
    assert_eq!(client.journal_of(&format!("?zone={}", client.zone)).await, journal);
    assert_eq!(client.journal_of(&format!("?after=1&zone={}", client.zone)).await, journal[1..]);
    assert!(client.journal_of("?zone=Z0000000000ANOTHER").await.is_empty());
}

#[tokio::test]
async fn a_batch_is_made_whole_or_not_at_all() {
    let client = Client::new().await;
    let good = change("CREATE", "A", "a.example.test", &["192.0.2.1"]);
    client.refused(&[good.clone(), change("CREATE", "A", "b.example.test", &["192.0.2"])], "InvalidChangeBatch").await;
    client
        .refused(&[good.clone(), change("DELETE", "A", "b.example.test", &["192.0.2.1"])], "but it was not found")
        .await;
    client.accepted(&[good]).await;
}

#[tokio::test]
async fn what_exists_is_not_created_and_what_differs_is_not_deleted() {
    let client = Client::new().await;
    client.accepted(&[change("CREATE", "A", "a.example.test", &["192.0.2.1"])]).await;
    client.refused(&[change("CREATE", "A", "a.example.test", &["192.0.2.9"])], "but it already exists").await;
    client.refused(&[change("DELETE", "A", "a.example.test", &["192.0.2.9"])], "do not match the current values").await;
    let other_ttl = change_with("DELETE", "A", "a.example.test", "<TTL>61</TTL>", &["192.0.2.1"]);
    client.refused(&[other_ttl], "do not match the current values").await;
}

#[tokio::test]
async fn names_values_and_types_follow_their_rules() {
    let client = Client::new().await;
    client.accepted(&[change("CREATE", "A", "a.example.test", &["192.0.2.1"])]).await;
    let cases = [
        (change("CREATE", "A", "xexample.test", &["192.0.2.1"]), "is not permitted in zone example.test."),
        (change("CREATE", "CNAME", "example.test", &["b.test"]), "is not permitted at apex"),
        (change("CREATE", "CNAME", "a.example.test", &["b.test"]), "conflicts with other records"),
        (change("CREATE", "TXT", "t.example.test", &["unquoted"]), "enclosed in quotation marks"),
        (change("CREATE", "A", "b.example.test", &["192.0.2.1", "192.0.2.1"]), "Duplicate Resource Record"),
        (change("CREATE", "AAAA", "b.example.test", &["192.0.2.1"]), "IPv6"),
        (change_with("CREATE", "A", "b.example.test", "", &["192.0.2.1"]), "InvalidInput"),
        (change("CREATE", "A", "b.example.test", &[]), "InvalidInput"),
        (change("CREATE", "BOGUS", "b.example.test", &["x"]), "not a valid record type"),
        (
            change_with(
                "CREATE",
                "A",
                "a.example.test",
                "<SetIdentifier>x</SetIdentifier><Weight>1</Weight><TTL>60</TTL>",
                &["192.0.2.2"],
            ),
            "cannot be created as a non-weighted set exists with the same name and type.",
        ),
    ];
    for (change, because) in cases {
        client.refused(&[change], because).await;
    }
}

fn weighted(action: &str, id: &str, weight: i64, ttl: i64, value: &str) -> String {
    let extra = format!("<SetIdentifier>{id}</SetIdentifier><Weight>{weight}</Weight><TTL>{ttl}</TTL>");
    change_with(action, "A", "w.example.test", &extra, &[value])
}

#[tokio::test]
async fn weighted_records_are_of_one_kind() {
    let client = Client::new().await;
    client.accepted(&[weighted("CREATE", "blue", 0, 60, "192.0.2.1")]).await;
    client.accepted(&[weighted("CREATE", "green", 255, 60, "192.0.2.2")]).await;
    let without_id = change_with("CREATE", "A", "x.example.test", "<Weight>1</Weight><TTL>60</TTL>", &["192.0.2.3"]);
    let without_policy =
        change_with("CREATE", "A", "x.example.test", "<SetIdentifier>a</SetIdentifier><TTL>60</TTL>", &["192.0.2.3"]);
    let of_region = change_with(
        "CREATE",
        "A",
        "w.example.test",
        "<SetIdentifier>a</SetIdentifier><Region>eu-west-1</Region><TTL>60</TTL>",
        &["192.0.2.3"],
    );
    let long = "x".repeat(129);
    for (change, because) in [
        (weighted("CREATE", "blue", 1, 60, "192.0.2.3"), "but it already exists"),
        (weighted("CREATE", "red", 256, 60, "192.0.2.3"), "not between 0 and 255"),
        (weighted("CREATE", "red", -1, 60, "192.0.2.3"), "not between 0 and 255"),
        (weighted("CREATE", &long, 1, 60, "192.0.2.3"), "1 to 128"),
        (weighted("CREATE", "red", 1, 61, "192.0.2.3"), "weighted sets must contain the same TTL."),
        (weighted("DELETE", "blue", 1, 60, "192.0.2.1"), "do not match the current values"),
        (change("CREATE", "A", "w.example.test", &["192.0.2.3"]), "a non-weighted set exists"),
        (change("CREATE", "CNAME", "w.example.test", &["lb.test"]), "conflicts with other records"),
        (of_region, "other RRSets exist with the same name and type."),
        (without_id, "must have a SetIdentifier"),
        (without_policy, "must have a SetIdentifier"),
    ] {
        client.refused(&[change], because).await;
    }
    // The TTL of all changes at once.
    client
        .accepted(&[
            weighted("DELETE", "blue", 0, 60, "192.0.2.1"),
            weighted("DELETE", "green", 255, 60, "192.0.2.2"),
            weighted("CREATE", "blue", 0, 300, "192.0.2.1"),
            weighted("CREATE", "green", 255, 300, "192.0.2.2"),
        ])
        .await;
    // And so does the policy.
    client
        .accepted(&[
            weighted("DELETE", "blue", 0, 300, "192.0.2.1"),
            weighted("DELETE", "green", 255, 300, "192.0.2.2"),
            change("CREATE", "A", "w.example.test", &["192.0.2.1"]),
        ])
        .await;
}

#[tokio::test]
async fn a_batch_has_so_many_values_and_characters() {
    let client = Client::new().await;
    let many = |count: usize| (0..count).map(|n| change("CREATE", "A", &format!("h{n}.example.test"), &["192.0.2.1"]));
    client.refused(&many(1001).collect::<Vec<_>>(), "Number of records limit of 1000 exceeded.").await;
    let text = format!("\"{}\"", "x".repeat(250));
    let long = |action: &str, count: usize| -> Vec<_> {
        (0..count).map(|n| change(action, "TXT", &format!("t{n}.example.test"), &[&text])).collect()
    };
    client.refused(&long("CREATE", 127), "Number of characters limit of 32000 exceeded.").await;
    client.refused(&long("UPSERT", 64), "Number of characters limit").await;
    client.accepted(&long("CREATE", 126)).await;
}

#[tokio::test]
async fn a_batch_may_replace_an_address_by_a_cname() {
    let client = Client::new().await;
    client.accepted(&[change("CREATE", "A", "a.example.test", &["192.0.2.1"])]).await;
    client
        .accepted(&[
            change("DELETE", "A", "a.example.test", &["192.0.2.1"]),
            change("CREATE", "CNAME", "a.example.test", &["lb.example.test"]),
        ])
        .await;
}

#[tokio::test]
async fn listings_are_ordered_by_reversed_labels_and_come_in_pages() {
    let client = Client::new().await;
    let names = ["z.example.test", "b.a.example.test", "*.example.test"];
    client.accepted(&names.map(|name| change("CREATE", "A", name, &["192.0.2.1"]))).await;
    let mut seen = Vec::new();
    let mut query = "?maxitems=1".to_owned();
    loop {
        let page = client.list(&query).await;
        seen.push(between(&page, "<Name>", "</Name>").to_owned());
        if page.contains("<IsTruncated>false") {
            break;
        }
        let (name, kind) = (between(&page, "<NextRecordName>", "</"), between(&page, "<NextRecordType>", "</"));
        query = format!("?maxitems=1&name={name}&type={kind}");
    }
    let expected = ["example.test.", "example.test.", "\\052.example.test.", "b.a.example.test.", "z.example.test."];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_change_is_pending_for_a_while_and_has_its_own_id() {
    let client = Client::new().await;
    client.call(Method::PUT, "/rig/faults", r#"{"pending_milliseconds":3600000}"#).await;
    let mut ids = Vec::new();
    for name in ["a.example.test", "b.example.test"] {
        let body = client.accepted(&[change("CREATE", "A", name, &["192.0.2.1"])]).await;
        assert!(body.contains("PENDING"), "{body}");
        ids.push(between(&body, "<Id>/change/", "</Id>").to_owned());
    }
    assert_ne!(ids[0], ids[1]);
    client.call(Method::PUT, "/rig/faults", r#"{"pending_milliseconds":0}"#).await;
    assert!(client.call(Method::GET, &format!("/2013-04-01/change/{}", ids[0]), "").await.1.contains("INSYNC"));
    let (status, body) = client.call(Method::GET, "/2013-04-01/change/C0", "").await;
    assert!(status == StatusCode::NOT_FOUND && body.contains("NoSuchChange"), "{body}");
}

#[tokio::test]
async fn zones_are_unique_by_reference_and_valid_by_name() {
    let client = Client::new().await;
    let create = async |name: &str, reference: &str| {
        client.call(Method::POST, "/2013-04-01/hostedzone", &create_zone(name, reference)).await
    };
    assert!(create("other.test", "1").await.1.contains("HostedZoneAlreadyExists"));
    assert!(create("bad name!!", "2").await.1.contains("InvalidDomainName"));
    assert_eq!(create("another.test", "3").await.0, StatusCode::CREATED);
    let (_, list) = client.call(Method::GET, "/2013-04-01/hostedzonesbyname?dnsname=b.test&maxitems=1", "").await;
    assert_eq!(between(&list, "<Name>", "</Name>"), "example.test.");
    let (_, missing) = client.call(Method::GET, "/2013-04-01/hostedzone/Z0", "").await;
    assert!(missing.contains("NoSuchHostedZone"));
}

#[tokio::test]
async fn a_test_can_ask_for_faults_and_count_calls() {
    let client = Client::new().await;
    client.call(Method::PUT, "/rig/faults", r#"{"code":"Throttling","status":400,"times":1}"#).await;
    let (status, body) = client.call(Method::GET, "/2013-04-01/hostedzone", "").await;
    assert!(status == StatusCode::BAD_REQUEST && body.contains("<Code>Throttling</Code>"), "{body}");
    assert_eq!(client.call(Method::GET, "/2013-04-01/hostedzone", "").await.0, StatusCode::OK);
    let (_, calls) = client.call(Method::GET, "/rig/calls", "").await;
    assert!(calls.contains(r#""GET /2013-04-01/hostedzone":2"#), "{calls}");
}

#[tokio::test]
async fn a_fault_can_be_one_of_every_second_call_about_one_zone() {
    let client = Client::new().await;
    let faults = |code: &str| format!(r#"{{"code":{code},"zone":"{}","every":2}}"#, client.zone);
    client.call(Method::PUT, "/rig/faults", &faults(r#""Throttling""#)).await;
    let records = format!("/2013-04-01/hostedzone/{}/rrset", client.zone);
    let ask = async || {
        let mut answers = vec![];
        for _ in 0..4 {
            answers.push(client.call(Method::GET, &records, "").await.0 == StatusCode::OK);
        }
        answers
    };
    assert_eq!(ask().await, [true, false, true, false]);
    client.call(Method::PUT, "/rig/faults", r#"{"code":null}"#).await;
    assert_eq!(ask().await, [true, false, true, false], "the faults of a zone are its own");
    client.call(Method::PUT, "/rig/faults", &faults("null")).await;
    assert_eq!(ask().await, [true; 4]);
}

#[tokio::test]
async fn a_fault_can_be_one_of_writes_to_one_zone() {
    let client = Client::new().await;
    let zone = &client.zone;
    let faults = format!(r#"{{"code":"AccessDenied","status":403,"zone":"{zone}","method":"POST"}}"#);
    client.call(Method::PUT, "/rig/faults", &faults).await;
    let records = format!("/2013-04-01/hostedzone/{zone}/rrset");
    assert_eq!(client.call(Method::GET, &records, "").await.0, StatusCode::OK);
    assert_eq!(
        client.call(Method::POST, "/2013-04-01/hostedzone", &create_zone("b.test", "9")).await.0,
        StatusCode::CREATED
    );
    assert_eq!(client.call(Method::POST, &records, "").await.0, StatusCode::FORBIDDEN);
    let (_, calls) = client.call(Method::GET, &format!("/rig/calls/{zone}"), "").await;
    assert_eq!(calls, r#"{"AKIDTEST":2}"#);
}

#[tokio::test]
async fn a_key_with_a_policy_may_do_what_it_allows() {
    let client = Client::new().await;
    let policy = |action: &str, condition: &str| {
        let resource = format!("arn:aws:route53:::hostedzone/{}", client.zone);
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"Some","Effect":"Allow","Action":"route53:{action}","Resource":"{resource}"{condition}}}]}}"#
        )
    };
    let set = async |policy: &str| client.call(Method::PUT, "/rig/policies/AKIDTEST", policy).await;
    assert_eq!(set(&policy("ListResourceRecordSets", "")).await.0, StatusCode::NO_CONTENT);
    client.list("").await;
    let new = [change("CREATE", "A", "a.example.test", &["192.0.2.1"])];
    let (status, body) = client.change(&new).await;
    let told =
        "is not authorized to perform: route53:ChangeResourceRecordSets on resource: arn:aws:route53:::hostedzone/";
    assert!(status == StatusCode::FORBIDDEN && body.contains("AccessDenied") && body.contains(told), "{body}");
    assert_eq!(client.call(Method::GET, "/2013-04-01/hostedzone", "").await.0, StatusCode::FORBIDDEN);
    assert_eq!(client.call(Method::GET, "/rig/policies/AKIDTEST", "").await.1, r#"["Some"]"#);

    let condition =
        |key: &str| format!(r#","Condition":{{"ForAllValues:StringEquals":{{"route53:{key}":["CREATE"]}}}}"#);
    let wrong = policy("ChangeResourceRecordSets", &condition("ChangeResourceRecordSetsAction"));
    let (status, body) = set(&wrong).await;
    assert!(status.is_client_error() && body.contains("no request has route53:"), "{status} {body}");
    let right = policy("ChangeResourceRecordSets", &condition("ChangeResourceRecordSetsActions"));
    assert_eq!(set(&right).await.0, StatusCode::NO_CONTENT);
    client.accepted(&new).await;
    let gone = [change("DELETE", "A", "a.example.test", &["192.0.2.1"])];
    assert_eq!(client.change(&gone).await.0, StatusCode::FORBIDDEN);
    assert_eq!(set("null").await.0, StatusCode::NO_CONTENT);
    client.accepted(&gone).await;
}
