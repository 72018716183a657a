//! What needs a person, and where: the first page.

use super::{
    layout::{Answer, Page, Visit, next_page},
    live::Follows,
    names::ClusterNames,
    parts::{
        Heading::{Number, Text},
        Look, ago, empty, sheet, state, state_chip, until,
    },
    same::Same,
    table::{self, Columns},
};
use crate::{
    state::ApiState,
    wire::query::{QueryPairs, id_of, position},
};
use axum::{
    extract::{Query, State},
    http::StatusCode,
};
use causeway_records::{
    Kind, Record,
    nouns::Certificate,
    status::ConditionStatus,
    summary::{ClusterState, RecordCount, RecordSummary},
};
use causeway_store::{Blocked, Order, Position, Start};
use maud::{Markup, html};

/// Records of a page.
const SIZE: i64 = 25;
const CLUSTERS: i64 = 50;

pub(super) async fn page(State(app): State<ApiState>, visit: Visit, Query(pairs): Query<QueryPairs>) -> Answer {
    let (after, clusters_after) = (position(&pairs)?, id_of(&pairs, "clusters")?);
    let store = &app.store;
    let soonest = Start::By(Order::NotAfter, None);
    let (counts, blocked, clusters, certificates) = tokio::try_join!(
        store.record_counts(),
        store.blocked(Blocked { after, limit: SIZE, ..Blocked::default() }),
        store.cluster_states(clusters_after.unwrap_or(0), CLUSTERS),
        store.list_from::<Certificate>(&[], 1, soonest),
    )?;
    let names = ClusterNames::read(&app, blocked.iter().filter_map(|record| record.runtime_id)).await?;
    let body = html! {
        div class="line" { h1 { "Fleet" } span class="note" { "as of " (visit.now.format("%H:%M:%S UTC")) } }
        (figures(&visit, &counts, certificates.records.first(), certificates.total))
        h2 { "Needs attention, longest first" }
        (attention(&visit, &blocked, &names))
        (next_page(more(&blocked), after.is_some()))
        h2 { "Clusters" }
        (cluster_table(&visit, &clusters))
        (next_page(more_clusters(&clusters), clusters_after.is_some()))
    };
    let behind = after.map_or(String::new(), |after| format!("&{}", behind(&after)));
    let clusters_behind = clusters_after.map_or(String::new(), |id| format!("&after={id}"));
    let same = Same::read(&format!("/v0/blocked-records?size={SIZE}{behind}"), &["blocked"])
        .and(&format!("/v0/cluster-states?size={CLUSTERS}{clusters_behind}"), &["cluster", "list"])
        .and("/v0/record-counts", &[])
        .and("/v0/certificates?order=NotAfter&size=1", &["get", "certificates", "--order", "NotAfter"]);
    let page = Page::new(&visit, "/ui", "Fleet", body, same).following(Follows::all());
    Ok(page.response(StatusCode::OK))
}

fn attention(visit: &Visit, blocked: &[RecordSummary], names: &ClusterNames) -> Markup {
    if blocked.is_empty() {
        return empty("Nothing is blocked", "Every record that workers reconcile is ready.");
    }
    table::records(visit, "Records that something blocks", blocked, names, Columns { kinds: true })
}

/// The figures on top: how many there are of a kind, and how many of them aren't ready. Each leads to the list that it counts.
fn figures(visit: &Visit, counts: &[RecordCount], soonest: Option<&Record<Certificate>>, certificates: i64) -> Markup {
    let kinds = [
        (Kind::GatewayInstance, "gateways"),
        (Kind::DomainNameInstance, "domain names"),
        (Kind::WorkloadInstance, "workloads"),
        (Kind::SupportServiceInstance, "support services"),
    ];
    html! {
        div class="sheet figures" {
            @for (kind, words) in kinds {
                @let count = |ready: Option<ConditionStatus>| counts.iter()
                    .filter(|count| count.kind == kind && ready.is_none_or(|ready| ready == count.ready)).map(|count| count.count).sum::<i64>();
                @let (all, fails, new) = (count(None), count(Some(ConditionStatus::False)), count(Some(ConditionStatus::Unknown)));
                a href={"/ui/" (kind.info().plural) @if fails > 0 { "?ready=False" }} {
                    b { (all) }
                    span { (words) }
                    @if fails > 0 { (state(Look::Fails, &format!("{fails} not ready"))) }
                    @else if new > 0 { (state(Look::Waits, &format!("{new} in progress"))) }
                    @else if all > 0 { (state(Look::Stands, "all ready")) }
                }
            }
            a href="/ui/certificates" {
                b { (certificates) }
                span { "certificates" }
                @if let Some(certificate) = soonest {
                    @match certificate.spec.not_after {
                        Some(end) => { span { "first ends " (until(end, visit.now)) } }
                        None => { (state(Look::Waits, "some not issued")) }
                    }
                }
            }
        }
    }
}

fn cluster_table(visit: &Visit, clusters: &[ClusterState]) -> Markup {
    if clusters.is_empty() {
        return empty(
            "No cluster yet",
            "Put one on record with a kubernetes-runtime-definition and a kubernetes-runtime-instance.",
        );
    }
    let headings =
        [Text("Cluster"), Text("State"), Text("What it says"), Number("Gateways"), Number("Due"), Text("Worker")];
    let rows = html! {
        @for cluster in clusters {
            tr id={"cluster-" (cluster.runtime_id)} {
                td { a href={"/ui/kubernetes-runtime-instances/" (cluster.runtime_id)} { (cluster.name) } }
                td class="steady" { (state_chip(&cluster.state)) }
                td class="told" { @if let Some(sentence) = &cluster.reachable { (sentence) } @else { "nobody has connected yet" } }
                td class="number" data-label="Gateways" {
                    a href={"/ui/gateway-instances?kubernetesruntimeinstanceid=" (cluster.runtime_id)} { (cluster.gateways) }
                }
                td class="number" data-label="Due" {
                    (cluster.due)
                    @if let Some(since) = cluster.due_since { span class="below" { "for " (ago(since, visit.now)) } }
                }
                td class="code" data-label="Worker" {
                    @match cluster.worker.as_deref() {
                        // The first part tells workers apart.
                        Some(worker) => { span title=(worker) { (worker.split('-').next().unwrap_or(worker)) } }
                        None => { "none" }
                    }
                }
            }
        }
    };
    sheet("Clusters", &headings, &rows)
}

fn more(blocked: &[RecordSummary]) -> Option<String> {
    let last = blocked.last().filter(|_| i64::try_from(blocked.len()) == Ok(SIZE))?;
    let time = last.state.as_ref()?.blocking_since?;
    Some(format!("?{}", behind(&Position { time, id: last.id })))
}

/// A place in an order by time, as a query.
fn behind(Position { time, id }: &Position) -> String {
    format!("after={id}&aftertime={}", time.to_rfc3339().replace("+00:00", "Z"))
}

fn more_clusters(clusters: &[ClusterState]) -> Option<String> {
    let last = clusters.last().filter(|_| i64::try_from(clusters.len()) == Ok(CLUSTERS))?;
    Some(format!("?clusters={}", last.runtime_id))
}
