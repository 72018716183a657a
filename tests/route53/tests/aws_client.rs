//! The emulator through AWS's own client.

use std::time::Duration;

use aws_sdk_route53::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    error::BuildError,
    types::{
        Change, ChangeAction, ChangeBatch, ChangeStatus, ResourceRecord, ResourceRecordSet, RrType, Tag,
        TagResourceType,
    },
};
use causeway_route53::Route53;

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
