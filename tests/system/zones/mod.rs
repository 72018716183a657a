//! Which hosted zone records are in, and that they leave each zone that they were in: whoever writes them.

mod clusters;
mod definition;
mod denied;
mod dies;
mod driver;
mod faults;
mod guard;
mod rights;
mod role;

use causeway_testkit::{
    INSTALLED, harness, id_of, within,
    zone::{create_private_zone, create_zone, fill_zone, put_record, records_of, remove_record},
};
use serde_json::{Value, json};

use crate::site::Site;

/// A value of `DnsDriver`.
type Driver = &'static str;

const EXTERNAL_DNS: Driver = "external-dns";
const ROUTE53: Driver = "route53";

/// The key that workers find in their environment in these tests.
const BY_WORKERS: &str = "workers";

/// A site whose domain has this driver. What the workers write is written with an account of the site's own: one account for all tests has too few requests a
/// second for them.
async fn start(driver: Driver, site: (String, String), mut domain: Value, gateway: Value) -> Site {
    domain["DnsDriver"] = driver.into();
    if driver == ROUTE53 {
        domain["AwsAccountID"] = add_account(&site.0, &access_key(driver, &site.0)).await.into();
    }
    Site::start(site, domain, gateway).await
}

/// With which key the workers ask about the zones of a site.
fn access_key(driver: Driver, site: &str) -> String {
    if driver == ROUTE53 { format!("AKIA{site}") } else { BY_WORKERS.to_owned() }
}

/// An AWS account; all accounts lead to the same zones. Those whose key begins with AKIA have five requests a second, for external-dns and workers together.
async fn add_account(name: &str, access_key: &str) -> i64 {
    let account = json!({
        "Name": name, "AccountID": name, "DefaultRegion": "us-east-1", "AccessKeyID": access_key, "SecretAccessKey": "test",
        "AllRuntimes": true,
    });
    id_of(&harness().await.client.create("aws-accounts", &account).await.unwrap()).unwrap()
}

fn a(host: &str) -> Vec<String> {
    vec![format!("A {host}")]
}

async fn of_two_zones_of_one_name_only_the_one_of_its_type_is_written_to(driver: Driver) {
    let site = Site::of("split");
    let endpoints = &harness().await.endpoints;
    let public = create_zone(endpoints, &site.1).await.unwrap();
    let private = create_private_zone(endpoints, &site.1).await.unwrap();
    let inside = start(driver, site.clone(), json!({"Zone": "Private"}), json!({"SubDomain": "www"})).await;
    inside.until_published().await;
    let www = format!("www.{}", site.1);
    assert_eq!((inside.zone(&private).await, inside.zone(&public).await), (a(&www), vec![]));
    // A public domain of the same name beside it.
    let outside =
        start(driver, (format!("{}-out", site.0), site.1.clone()), json!({}), json!({"SubDomain": "www"})).await;
    outside.until_published().await;
    assert_eq!((outside.zone(&private).await, outside.zone(&public).await), (a(&www), a(&www)));
    let (inner, outer) = (inside.records(&private).await, outside.records(&public).await);
    let key = (format!("{www}."), "A".to_owned());
    assert_ne!(inner[&key], outer[&key], "each leads to its own gateway");
    inside.delete().await;
    assert_eq!(outside.zone(&public).await, a(&www));
    outside.until_empty(&private).await;
    outside.delete().await;
}

async fn a_hostname_is_in_the_closest_zone_and_leaves_it(driver: Driver) {
    let site = Site::of("nested");
    let endpoints = &harness().await.endpoints;
    let outer = create_zone(endpoints, &site.1).await.unwrap();
    let inner = create_zone(endpoints, &format!("shop.{}", site.1)).await.unwrap();
    let (in_inner, in_outer) = (format!("www.shop.{}", site.1), format!("www.{}", site.1));
    let site = start(driver, site, json!({}), json!({"Hostnames": [in_inner, in_outer]})).await;
    site.until_published().await;
    assert_eq!((site.zone(&outer).await, site.zone(&inner).await), (a(&in_outer), a(&in_inner)));
    // With the outer zone named, the inner one hides a hostname of it.
    site.change_domain(json!({"HostedZoneID": outer})).await;
    site.until_it_says("HiddenByZone", &[&in_inner, &inner, "answers for it"]).await;
    site.change_domain(json!({"HostedZoneID": ""})).await;
    site.until_published().await;
    let empty = [outer, inner];
    let harness = site.harness;
    site.delete().await;
    for zone in empty {
        assert!(records_of(&harness.endpoints, &zone).await.unwrap().is_empty(), "nothing is left in {zone}");
    }
}

async fn a_domain_that_names_its_zone_hides_nothing_from_another(driver: Driver) {
    let (named, found) = (Site::of("named"), Site::of("found"));
    let endpoints = &harness().await.endpoints;
    let zone = create_zone(endpoints, &named.1).await.unwrap();
    let other = create_zone(endpoints, &found.1).await.unwrap();
    let hosts = [format!("www.{}", named.1), format!("www.{}", found.1)];
    let named = start(driver, named, json!({"HostedZoneID": zone}), json!({"SubDomain": "www"})).await;
    let found = start(driver, found, json!({}), json!({"SubDomain": "www"})).await;
    named.until_published().await;
    found.until_published().await;
    assert_eq!((named.zone(&zone).await, found.zone(&other).await), (a(&hosts[0]), a(&hosts[1])));
    named.delete().await;
    found.delete().await;
}

async fn an_address_that_becomes_a_name_and_back_is_replaced(driver: Driver) {
    let site = Site::of("kinds");
    let zone = create_zone(&harness().await.endpoints, &site.1).await.unwrap();
    // As long as a label may be.
    let host = format!("{}.{}", "a".repeat(63), site.1);
    let site = start(driver, site, json!({}), json!({"SubDomain": "a".repeat(63)})).await;
    site.until_published().await;
    assert_eq!(site.zone(&zone).await, a(&host));
    site.set_ingress(Some(json!([{"hostname": "lb.example.net"}]))).await;
    site.until_holds(&zone, &[format!("CNAME {host}")]).await;
    site.until_published().await;
    assert_eq!(site.records(&zone).await.len(), 2, "the name and its ownership record");
    site.set_ingress(None).await;
    site.until_holds(&zone, &a(&host)).await;
    site.until_published().await;
    site.delete().await;
}

async fn an_address_family_that_goes_leaves_the_zone(driver: Driver) {
    let site = Site::of("dual");
    let zone = create_zone(&harness().await.endpoints, &site.1).await.unwrap();
    let host = format!("www.{}", site.1);
    let site = start(driver, site, json!({}), json!({"SubDomain": "www"})).await;
    site.set_ingress(Some(json!([{"ip": "192.0.2.1"}, {"ip": "2001:db8::1"}]))).await;
    site.until_holds(&zone, &[format!("A {host}"), format!("AAAA {host}")]).await;
    site.until_published().await;
    site.set_ingress(Some(json!([{"ip": "192.0.2.1"}]))).await;
    site.until_holds(&zone, &a(&host)).await;
    site.until_published().await;
    assert_eq!(site.records(&zone).await.len(), 2, "the address and its ownership record");
    site.set_ingress(None).await;
    site.delete().await;
}

async fn at_the_name_of_the_zone_an_address_is_published_and_a_name_is_not(driver: Driver) {
    let site = Site::of("apex");
    let zone = create_zone(&harness().await.endpoints, &site.1).await.unwrap();
    let site = start(driver, site, json!({}), json!({})).await;
    site.until_published().await;
    assert_eq!(site.zone(&zone).await, a(&site.domain_name));
    assert_eq!(site.records(&zone).await.len(), 2, "the address and its ownership record");
    site.set_ingress(Some(json!([{"hostname": "lb.example.net"}]))).await;
    site.until_it_says("NotPublished", &[&site.domain_name, "CNAME", "lb.example.net", "SubDomain"]).await;
    site.set_ingress(None).await;
    site.until_published().await;
    let harness = site.harness;
    site.delete().await;
    assert!(records_of(&harness.endpoints, &zone).await.unwrap().is_empty());
}

async fn records_leave_the_zone_that_a_domain_was_in_before(driver: Driver) {
    let (first, second) = (Site::of("from"), Site::of("to"));
    let endpoints = &harness().await.endpoints;
    let old = create_zone(endpoints, &first.1).await.unwrap();
    let twin = create_private_zone(endpoints, &first.1).await.unwrap();
    let new = create_zone(endpoints, &second.1).await.unwrap();
    let (before, after) = (format!("www.{}", first.1), format!("www.{}", second.1));
    let site = start(driver, first, json!({}), json!({"SubDomain": "www"})).await;
    site.until_published().await;
    assert_eq!(site.zone(&old).await, a(&before));
    // The same hostname in another zone.
    site.change_domain(json!({"Zone": "Private"})).await;
    site.until_holds(&twin, &a(&before)).await;
    site.until_empty(&old).await;
    // Another account.
    let account = add_account(&format!("{}-moved", site.name), &format!("AKIAMOVED{}", site.name)).await;
    site.change_domain(json!({"Zone": "Public", "AwsAccountID": account})).await;
    site.until_holds(&old, &a(&before)).await;
    site.until_empty(&twin).await;
    // The zone by its id.
    site.change_domain(json!({"Zone": "Private", "HostedZoneID": twin})).await;
    site.until_holds(&twin, &a(&before)).await;
    site.until_empty(&old).await;
    site.change_domain(json!({"Zone": "Public", "HostedZoneID": old})).await;
    site.until_holds(&old, &a(&before)).await;
    site.until_empty(&twin).await;
    // Another domain.
    site.change_domain(json!({"HostedZoneID": ""})).await;
    site.change_domain(json!({"Domain": second.1})).await;
    site.until_holds(&new, &a(&after)).await;
    site.until_empty(&old).await;
    site.until_published().await;
    site.delete().await;
}

async fn a_hostname_of_somebody_else_is_looked_at_ever_more_seldom(driver: Driver) {
    let site = Site::of("foreign");
    let endpoints = &harness().await.endpoints;
    let zone = create_zone(endpoints, &site.1).await.unwrap();
    let host = format!("www.{}", site.1);
    put_record(endpoints, &zone, &host, "A", "192.0.2.99").await.unwrap();
    // Ten pages, each a request of the five a second that all users of the account share.
    fill_zone(endpoints, &zone, &site.1, 3000).await.unwrap();
    let site = start(driver, site, json!({}), json!({"SubDomain": "www"})).await;
    site.until_it_says("NotPublished", &[&host, "by hand or by another tool"]).await;
    // A test of time: how often the workers, by their access key, ask about the zone in the half minute after they saw it first.
    let key = access_key(driver, &site.name);
    let calls = async || site.knobs().route53_calls(&zone).await.unwrap().get(&key).copied().unwrap_or_default();
    let (before, until) = (calls().await, std::time::Instant::now() + std::time::Duration::from_secs(30));
    within(
        INSTALLED,
        "half a minute is over",
        async || if std::time::Instant::now() > until { Ok(()) } else { Err(()) },
    )
    .await;
    let asked = calls().await - before;
    assert!(asked < 30, "{asked} requests in half a minute");
    remove_record(endpoints, &zone, &host, "A", "192.0.2.99").await.unwrap();
    site.until_published().await;
    site.delete().await;
}

/// external-dns writes.
mod by_external_dns {
    use super::*;

    #[tokio::test]
    async fn of_two_zones_of_one_name_only_the_one_of_its_type_is_written_to() {
        super::of_two_zones_of_one_name_only_the_one_of_its_type_is_written_to(EXTERNAL_DNS).await;
    }

    #[tokio::test]
    async fn a_hostname_is_in_the_closest_zone_and_leaves_it() {
        super::a_hostname_is_in_the_closest_zone_and_leaves_it(EXTERNAL_DNS).await;
    }

    #[tokio::test]
    async fn a_domain_that_names_its_zone_hides_nothing_from_another() {
        super::a_domain_that_names_its_zone_hides_nothing_from_another(EXTERNAL_DNS).await;
    }

    #[tokio::test]
    async fn an_address_that_becomes_a_name_and_back_is_replaced() {
        super::an_address_that_becomes_a_name_and_back_is_replaced(EXTERNAL_DNS).await;
    }

    #[tokio::test]
    async fn an_address_family_that_goes_leaves_the_zone() {
        super::an_address_family_that_goes_leaves_the_zone(EXTERNAL_DNS).await;
    }

    #[tokio::test]
    async fn at_the_name_of_the_zone_an_address_is_published_and_a_name_is_not() {
        super::at_the_name_of_the_zone_an_address_is_published_and_a_name_is_not(EXTERNAL_DNS).await;
    }

    #[tokio::test]
    async fn records_leave_the_zone_that_a_domain_was_in_before() {
        super::records_leave_the_zone_that_a_domain_was_in_before(EXTERNAL_DNS).await;
    }

    #[tokio::test]
    async fn a_hostname_of_somebody_else_is_looked_at_ever_more_seldom() {
        super::a_hostname_of_somebody_else_is_looked_at_ever_more_seldom(EXTERNAL_DNS).await;
    }
}

/// The workers write.
mod by_workers {
    use super::*;

    #[tokio::test]
    async fn of_two_zones_of_one_name_only_the_one_of_its_type_is_written_to() {
        super::of_two_zones_of_one_name_only_the_one_of_its_type_is_written_to(ROUTE53).await;
    }

    #[tokio::test]
    async fn a_hostname_is_in_the_closest_zone_and_leaves_it() {
        super::a_hostname_is_in_the_closest_zone_and_leaves_it(ROUTE53).await;
    }

    #[tokio::test]
    async fn a_domain_that_names_its_zone_hides_nothing_from_another() {
        super::a_domain_that_names_its_zone_hides_nothing_from_another(ROUTE53).await;
    }

    #[tokio::test]
    async fn an_address_that_becomes_a_name_and_back_is_replaced() {
        super::an_address_that_becomes_a_name_and_back_is_replaced(ROUTE53).await;
    }

    #[tokio::test]
    async fn an_address_family_that_goes_leaves_the_zone() {
        super::an_address_family_that_goes_leaves_the_zone(ROUTE53).await;
    }

    #[tokio::test]
    async fn at_the_name_of_the_zone_an_address_is_published_and_a_name_is_not() {
        super::at_the_name_of_the_zone_an_address_is_published_and_a_name_is_not(ROUTE53).await;
    }

    #[tokio::test]
    async fn records_leave_the_zone_that_a_domain_was_in_before() {
        super::records_leave_the_zone_that_a_domain_was_in_before(ROUTE53).await;
    }

    #[tokio::test]
    async fn a_hostname_of_somebody_else_is_looked_at_ever_more_seldom() {
        super::a_hostname_of_somebody_else_is_looked_at_ever_more_seldom(ROUTE53).await;
    }
}
