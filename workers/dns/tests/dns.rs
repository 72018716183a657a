//! Requests to Route 53 against a server that answers as written here: what is asked, how often, and what is made of the answers.
//! How Route 53 itself behaves is the emulator's part, in the whole-system tests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use causeway_aws::{Account, Credentials};
use causeway_dns::{Accounts, DnsError, Freshness, HostedZone, Route53, deletions};
use causeway_records::nouns::ZoneType;
use secrecy::SecretString;

/// What the server was asked, and what it answers to the next change.
#[derive(Clone, Default)]
struct Server {
    asked: Arc<Mutex<Vec<String>>>,
    changes: Arc<Mutex<Vec<String>>>,
    refuse: Arc<Mutex<Option<(u16, &'static str)>>>,
}

impl Server {
    async fn start(&self) -> Route53 {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let app = Router::new().fallback(answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Route53::connect(&account(), Some(&endpoint), None).await
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().expect("not poisoned"))
    }
}

fn account() -> Account {
    Account {
        credentials: Credentials::Keys { id: "AKIATEST".into(), secret: SecretString::from("very-secret") },
        role: None,
        region: "us-east-1".into(),
    }
}

fn zone() -> HostedZone {
    HostedZone { id: "Z1".into(), name: "example.test".into(), private: false }
}

async fn answer(State(server): State<Server>, request: Request) -> Response {
    let asked = format!("{} {}", request.method(), request.uri());
    server.asked.lock().expect("not poisoned").push(asked);
    if let Some((status, code)) = *server.refuse.lock().expect("not poisoned") {
        let xml = format!("<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>");
        return (StatusCode::from_u16(status).expect("a status"), xml).into_response();
    }
    let (path, query) = (request.uri().path().to_owned(), request.uri().query().unwrap_or_default().to_owned());
    let xml = match (request.method(), path.trim_end_matches('/')) {
        (&Method::POST, _) => {
            let body = to_bytes(request.into_body(), 1 << 20).await.expect("a body");
            server.changes.lock().expect("not poisoned").push(String::from_utf8_lossy(&body).into_owned());
            "<ChangeResourceRecordSetsResponse><ChangeInfo><Id>/change/C1</Id><Status>PENDING</Status>\
             <SubmittedAt>2026-01-01T00:00:00Z</SubmittedAt></ChangeInfo></ChangeResourceRecordSetsResponse>"
                .to_owned()
        }
        (_, "/2013-04-01/hostedzone") => zones(&query),
        (_, "/2013-04-01/hostedzone/Z1") => {
            format!("<GetHostedZoneResponse>{}</GetHostedZoneResponse>", hosted("Z1", "example.test."))
        }
        (_, "/2013-04-01/hostedzone/Z1/rrset") => records(&query),
        _ => {
            let xml =
                "<ErrorResponse><Error><Code>NoSuchHostedZone</Code><Message>none</Message></Error></ErrorResponse>";
            return (StatusCode::NOT_FOUND, xml).into_response();
        }
    };
    Response::new(Body::from(xml))
}

fn hosted(id: &str, name: &str) -> String {
    format!(
        "<HostedZone><Id>/hostedzone/{id}</Id><Name>{name}</Name><CallerReference>x</CallerReference>\
         <Config><PrivateZone>false</PrivateZone></Config></HostedZone>"
    )
}

/// Two pages of zones.
fn zones(query: &str) -> String {
    let (zone, rest) = if query.contains("marker=M2") {
        (hosted("Z2", "shop.example.test."), "<IsTruncated>false</IsTruncated>")
    } else {
        (hosted("Z1", "example.test."), "<IsTruncated>true</IsTruncated><NextMarker>M2</NextMarker>")
    };
    format!(
        "<ListHostedZonesResponse><HostedZones>{zone}</HostedZones>{rest}<MaxItems>100</MaxItems></ListHostedZonesResponse>"
    )
}

/// Two pages of records, split between a wildcard and its ownership record.
fn records(query: &str) -> String {
    let set = |name: &str, kind: &str, value: &str| {
        format!(
            "<ResourceRecordSet><Name>{name}</Name><Type>{kind}</Type><TTL>60</TTL><ResourceRecords><ResourceRecord>\
             <Value>{value}</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>"
        )
    };
    let ours = "\"heritage=external-dns,external-dns/owner=us,external-dns/resource=crd/ns/x\"";
    let (sets, rest) = if query.contains("name=_edns") {
        (set("_edns-a.\\052.example.test.", "TXT", ours), "<IsTruncated>false</IsTruncated>".to_owned())
    } else {
        let sets = set("example.test.", "NS", "ns.test.") + &set("\\052.example.test.", "A", "192.0.2.1");
        let next = "<NextRecordName>_edns-a.\\052.example.test.</NextRecordName><NextRecordType>TXT</NextRecordType>";
        (sets, format!("<IsTruncated>true</IsTruncated>{next}"))
    };
    format!(
        "<ListResourceRecordSetsResponse><ResourceRecordSets>{sets}</ResourceRecordSets>{rest}<MaxItems>300</MaxItems>\
         </ListResourceRecordSetsResponse>"
    )
}

#[tokio::test]
async fn a_zone_is_found_by_its_domain_or_its_id() {
    let server = Server::default();
    let route53 = server.start().await;
    let found = route53.zone("a.Shop.example.test.", None, ZoneType::Public).await.expect("on the second page");
    assert_eq!((found.id.as_str(), found.name.as_str()), ("Z2", "shop.example.test"));
    route53.zone("b.example.test", None, ZoneType::Public).await.expect("on the first page");
    assert_eq!(server.asked().len(), 2, "the second question is answered from the first one's list");

    for _ in 0..3 {
        let found = route53.zone("a.example.test", Some("/hostedzone/Z1"), ZoneType::Either).await.expect("by id");
        assert_eq!(found, zone());
    }
    assert_eq!(server.asked().len(), 1, "it is read once");
    let hidden =
        route53.zone("a.shop.example.test", Some("Z1"), ZoneType::Either).await.expect_err("Z2 answers for it");
    assert!(matches!(&hidden, DnsError::HiddenByZone { child, .. } if child == "Z2"), "{hidden}");
    let wrong =
        route53.zone("a.other.test", Some("Z1"), ZoneType::Either).await.expect_err("the zone is for another name");
    assert!(matches!(&wrong, DnsError::WrongZone { name, .. } if name == "example.test"), "{wrong}");
    for (domain, id) in [("a.other.test", None), ("a.example.test", Some("Z9"))] {
        let none = route53.zone(domain, id, ZoneType::Either).await.expect_err("there is no such zone");
        assert_eq!(none, DnsError::NoZone { domain: domain.into() });
    }
}

#[tokio::test]
async fn many_readers_make_one_listing_and_a_deletion_makes_a_new_one() {
    let server = Server::default();
    let route53 = server.start().await;
    let hosts = ["*.example.test".to_owned()];
    let readers: Vec<_> = (0..500)
        .map(|_| {
            let (route53, hosts) = (route53.clone(), hosts.clone());
            tokio::spawn(async move { route53.read(&zone(), &hosts, Freshness::New).await })
        })
        .collect();
    let mut seen = Vec::new();
    for reader in readers {
        seen = reader.await.expect("no panic").expect("an answer");
    }
    assert_eq!(
        seen.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["A *.example.test", "TXT _edns-a.*.example.test"]
    );
    assert_eq!(server.asked().len(), 2, "two pages, once");

    let ids = route53.delete(&zone(), &deletions(&seen, &hosts, "us")).await.expect("deleted");
    assert_eq!(ids, ["C1"]);
    let change = server.changes.lock().expect("not poisoned").remove(0);
    assert_eq!(change.matches("<Action>DELETE</Action>").count(), 2);
    for exact in ["<Name>\\052.example.test.</Name>", "<TTL>60</TTL>", "<Value>192.0.2.1</Value>"] {
        assert!(change.contains(exact), "{change}");
    }
    server.asked();
    route53.read(&zone(), &hosts, Freshness::New).await.expect("an answer");
    assert_eq!(server.asked().len(), 2, "what was read before the deletion is forgotten");
}

#[tokio::test]
async fn who_needs_nothing_new_is_given_what_others_have_read() {
    let server = Server::default();
    let route53 = server.start().await;
    route53.records(&zone(), Freshness::New).await.expect("an answer");
    server.asked();
    tokio::time::pause();
    let after = |seconds| tokio::time::advance(Duration::from_secs(seconds));
    after(1).await;
    route53.records(&zone(), Freshness::Shared).await.expect("an answer");
    assert!(server.asked().is_empty(), "the zone has one page, which is good for two seconds");
    after(1).await;
    tokio::time::resume();
    route53.records(&zone(), Freshness::Shared).await.expect("an answer");
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn failures_are_values_with_a_next_step() {
    let cases = [
        (400, "PriorRequestNotComplete", "Throttled", true),
        (400, "InvalidChangeBatch", "ZoneChanged", true),
        (403, "AccessDenied", "Denied", false),
        (403, "SignatureDoesNotMatch", "Denied", false),
        (400, "InvalidInput", "Refused", false),
    ];
    for (status, code, reason, again) in cases {
        let server = Server::default();
        let route53 = server.start().await;
        let hosts = ["*.example.test".to_owned()];
        let records = route53.read(&zone(), &hosts, Freshness::New).await.expect("an answer");
        *server.refuse.lock().expect("not poisoned") = Some((status, code));
        let error = route53.delete(&zone(), &deletions(&records, &hosts, "us")).await.expect_err(code);
        assert_eq!(error.reason(), reason, "{error}");
        assert_eq!(error.retry_after().is_some_and(|after| after > Duration::ZERO), again, "{error}");
        assert!(error.to_string().contains("example.test (route53:ChangeResourceRecordSets)"), "{error}");
    }
}

#[tokio::test]
async fn nobody_there_is_unreachable_and_no_secret_is_shown() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let account = account();
    assert!(!format!("{account:?}").contains("very-secret"));
    let accounts = Accounts::new(Some(endpoint));
    let route53 = accounts.route53(1, &account, || None).await;
    let error = route53.read(&zone(), &[], Freshness::New).await.expect_err("nobody listens");
    assert_eq!(error.reason(), "Unreachable", "{error}");
    assert!(error.retry_after().is_some());
    assert!(!format!("{accounts:?}{error:?}{error}").contains("very-secret"));
}
