use axum::{Json, Router, http::Uri, response::IntoResponse, routing::get};
use serde_json::json;

use super::*;
use crate::{ClusterError, ObjectCache, UnreachableCause, fake, samples::config_map};

fn share(most: usize) -> Share {
    Share::of(Box::leak(Box::new(Pool::new(most, most))))
}

fn bytes(bytes: usize) -> Cost {
    Cost { bytes, parsed: usize::MAX }
}

fn counts(bound: Bound, parts: &[&str]) -> Result<(), TooLong> {
    let mut body = BoundedBody::new((), bound, share(MIB));
    parts.iter().try_for_each(|part| body.count(part.as_bytes()))
}

fn is_over_limit(error: &ClusterError) -> bool {
    matches!(error, ClusterError::Unreachable { cause: UnreachableCause::OverLimit, .. })
}

#[test]
fn a_body_is_bounded_as_a_whole_and_a_watch_by_its_lines() {
    assert_eq!(counts(Bound::Whole(bytes(10)), &["12345", "67890"]), Ok(()));
    assert_eq!(counts(Bound::Whole(bytes(10)), &["12345", "678901"]), Err(TooLong::Answer(10)));
    assert_eq!(counts(Bound::Line(bytes(10)), &["12345\n67", "890\n12345", "678\n\n"]), Ok(()));
    assert_eq!(counts(Bound::Line(bytes(10)), &["\n12345", "678901\n"]), Err(TooLong::Answer(10)));
}

#[test]
fn answers_at_the_same_time_share_a_bound() {
    let together = share(10);
    let body = |bound| BoundedBody::new((), bound, together.clone());
    let (mut first, mut second) = (body(Bound::Whole(bytes(100))), body(Bound::Whole(bytes(100))));
    assert_eq!(first.count(b"123456"), Ok(()));
    assert_eq!(second.count(b"123456"), Err(TooLong::Together(10)));
    drop((first, second));
    assert_eq!(body(Bound::Whole(bytes(100))).count(b"123456"), Ok(()), "those that are read count no more");
    assert_eq!(body(Bound::Line(bytes(100))).count(b"123456\n123456\n"), Ok(()));
}

#[test]
fn what_takes_more_memory_than_its_length_counts_as_such() {
    let most = Cost { bytes: MIB, parsed: 10_000 };
    let maps = r#"{"":0},"#.repeat(20);
    let error = counts(Bound::Whole(most), &[&maps]);
    assert_eq!(error, Err(TooLong::Parsed(10_000)));
    assert_eq!(counts(Bound::Line(most), &[&maps]), error);
    assert_eq!(counts(Bound::Line(most), &[&maps.replace(',', "\n")]), Ok(()));
}

/// The estimate is an upper one, and not far too high for what clusters have.
#[test]
fn an_object_as_clusters_have_it_is_far_below_the_bound() {
    let fields: serde_json::Map<_, _> = (0..400).map(|n| (format!("f:field{n}"), json!({}))).collect();
    let containers: Vec<_> = (0..50)
        .map(
            |n| json!({"name": format!("c{n}"), "env": [{"name": "A", "value": "b"}], "ports": [{"containerPort": n}]}),
        )
        .collect();
    let object = json!({
        "metadata": {"name": "web", "managedFields": [{"manager": "a", "fieldsV1": fields}]},
        "spec": {"template": {"spec": {"containers": containers}}},
    });
    let page = json!({"items": vec![object; PAGE as usize]}).to_string();
    assert!(Cost::of(page.as_bytes(), 0).parsed < LIST.parsed / 4, "{:?}", Cost::of(page.as_bytes(), 0));
}

#[test]
fn texts_are_cut_between_characters() {
    assert_eq!(cut("short".into()), "short");
    let long = cut("ä".repeat(TEXT_BYTES));
    assert!(long.len() <= TEXT_BYTES + '…'.len_utf8() && long.ends_with("ä…"));
}

#[tokio::test]
async fn an_answer_without_end_is_an_error() {
    let cluster = fake::cluster(Router::new().fallback(async || fake::endless(" "))).await;
    let error = cluster.identity().await.unwrap_err();
    assert!(is_over_limit(&error), "{error}");

    let cluster = fake::cluster(fake::core_kinds().fallback(async || fake::endless(" "))).await;
    let error = cluster.get(&config_map("web")).await.unwrap_err();
    assert!(is_over_limit(&error) && error.to_string().contains("4 MiB"), "{error}");
}

#[tokio::test]
async fn an_event_without_end_is_an_error_of_its_kind_alone() {
    let answer = async |uri: Uri| match uri.query() {
        Some(query) if query.contains("watch=true") => fake::endless("x"),
        _ => Json(json!({
            "kind": "ConfigMapList", "apiVersion": "v1", "metadata": {"resourceVersion": "7"}, "items": [],
        }))
        .into_response(),
    };
    let cluster = fake::cluster(fake::core_kinds().route("/api/v1/configmaps", get(answer))).await;
    let cache = ObjectCache::new(cluster, "cp1", |_| ());
    cache.ensure_watched(&config_map("web"));
    let error = async {
        loop {
            match cache.unwatched(&config_map("web")) {
                Some(error) => break error,
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    let error = tokio::time::timeout(Duration::from_secs(30), error).await.unwrap();
    let (said, names) =
        (error.to_string(), ["ConfigMap shop/web", "sent more than 4 MiB", "largest objects of kind ConfigMap"]);
    assert!(names.iter().all(|part| said.contains(part)) && !error.stops_everything(), "{said}");
    assert!(!cache.is_synced("", "ConfigMap"));
}
