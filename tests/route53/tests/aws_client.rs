//! The emulator through AWS's own client.

use std::{sync::Arc, time::Duration};

use aws_sdk_route53::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    error::BuildError,
    types::{
        Change, ChangeAction, ChangeBatch, ChangeStatus, ResourceRecord, ResourceRecordSet, RrType, Tag,
        TagResourceType,
    },
};
use causeway_route53::{
    Route53,
    dns::{NameServer, ResponseCode, ask, rr},
};
use tokio::net::{TcpListener, UdpSocket};

fn client(url: String) -> Client {
    let config = aws_sdk_route53::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(url)
        .build();
    Client::from_conf(config)
}

fn record(name: &str, value: &str) -> Result<ResourceRecordSet, BuildError> {
    let value = ResourceRecord::builder().value(value).build()?;
    ResourceRecordSet::builder().name(name).r#type(RrType::A).ttl(60).resource_records(value).build()
}

fn batch(
    action: &ChangeAction,
    records: impl IntoIterator<Item = Result<ResourceRecordSet, BuildError>>,
) -> Result<ChangeBatch, BuildError> {
    let change = |record| Change::builder().action(action.clone()).resource_record_set(record).build();
    let changes = records.into_iter().map(|record| change(record?)).collect::<Result<_, _>>()?;
    ChangeBatch::builder().set_changes(Some(changes)).build()
}

#[tokio::test]
async fn the_client_creates_lists_waits_and_is_refused() {
    let route53 = Route53::start().await.unwrap();
    let client = client(route53.url());
    let created = client.create_hosted_zone().name("example.test").caller_reference("one").send().await.unwrap();
    let zone = created.hosted_zone().unwrap().id().trim_start_matches("/hostedzone/").to_owned();

    let records = (0..350).map(|number| record(&format!("host-{number}.example.test"), "192.0.2.1"));
    let change = client
        .change_resource_record_sets()
        .hosted_zone_id(&zone)
        .change_batch(batch(&ChangeAction::Create, records).unwrap())
        .send()
        .await
        .unwrap();
    let change = change.change_info().unwrap().id().to_owned();
    let in_sync = async {
        while client.get_change().id(&change).send().await.unwrap().change_info().unwrap().status()
            != &ChangeStatus::Insync
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), in_sync).await.unwrap();

    let mut pages = client.list_resource_record_sets().hosted_zone_id(&zone).send().await.unwrap();
    let mut names = pages.resource_record_sets().len();
    while pages.is_truncated() {
        pages = client
            .list_resource_record_sets()
            .hosted_zone_id(&zone)
            .set_start_record_name(pages.next_record_name().map(str::to_owned))
            .set_start_record_type(pages.next_record_type().cloned())
            .send()
            .await
            .unwrap();
        names += pages.resource_record_sets().len();
    }
    assert_eq!(names, 352);

    let again = batch(&ChangeAction::Create, [record("host-1.example.test", "192.0.2.2")]).unwrap();
    let refused =
        client.change_resource_record_sets().hosted_zone_id(&zone).change_batch(again).send().await.unwrap_err();
    let refused = refused.into_service_error();
    assert!(refused.is_invalid_change_batch(), "{refused:?}");

    let tag = Tag::builder().key("team").value("edge").build();
    let tags = client.change_tags_for_resource().resource_type(TagResourceType::Hostedzone).resource_id(&zone);
    tags.add_tags(tag).send().await.unwrap();
    let tags = client.list_tags_for_resources().resource_type(TagResourceType::Hostedzone).resource_ids(&zone);
    let tags = tags.send().await.unwrap();
    assert_eq!(tags.resource_tag_sets()[0].tags()[0].value(), Some("edge"));

    let zones = client.list_hosted_zones_by_name().dns_name("example.test").send().await.unwrap();
    assert_eq!(zones.hosted_zones()[0].name(), "example.test.");
    assert!(client.get_hosted_zone().id("Z0").send().await.unwrap_err().into_service_error().is_no_such_hosted_zone());
}

#[tokio::test]
async fn the_name_server_says_what_is_in_sync_over_udp_and_over_tcp_what_is_large() {
    let route53 = Route53::start().await.unwrap();
    let client = client(route53.url());
    let created = client.create_hosted_zone().name("example.test").caller_reference("one").send().await.unwrap();
    let zone = created.hosted_zone().unwrap().id().trim_start_matches("/hostedzone/").to_owned();
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let udp = UdpSocket::bind(tcp.local_addr().unwrap()).await.unwrap();
    let server = NameServer::start(Arc::new(route53.public_zones()), udp, tcp).unwrap();
    let asked = async |name: &str, kind| ask(server.address(), name, kind).await.unwrap();

    let many: Vec<_> =
        (0..200).map(|n| ResourceRecord::builder().value(format!("192.0.2.{n}")).build().unwrap()).collect();
    let many = ResourceRecordSet::builder()
        .name("many.example.test")
        .r#type(RrType::A)
        .ttl(60)
        .set_resource_records(Some(many));
    let records = [record("www.example.test", "192.0.2.1"), many.build()];
    let changes = client.change_resource_record_sets().hosted_zone_id(&zone);
    let change = changes.change_batch(batch(&ChangeAction::Create, records).unwrap()).send().await.unwrap();
    let id = change.change_info().unwrap().id();
    loop {
        let (code, found) = asked("www.example.test", rr::RecordType::A).await;
        let status = client.get_change().id(id).send().await.unwrap().change_info().unwrap().status().clone();
        if status == ChangeStatus::Insync {
            break;
        }
        // It was PENDING after the question, so it was before.
        assert_eq!((code, found.len()), (ResponseCode::NXDomain, 0));
    }
    let (code, found) = asked("www.example.test", rr::RecordType::A).await;
    assert_eq!((code, found.len(), found[0].ttl), (ResponseCode::NoError, 1, 60));
    assert_eq!(asked("many.example.test", rr::RecordType::A).await.1.len(), 200);
    assert_eq!(asked("example.test", rr::RecordType::SOA).await.1.len(), 1);
    assert_eq!(asked("elsewhere.test", rr::RecordType::A).await.0, ResponseCode::Refused);
}
