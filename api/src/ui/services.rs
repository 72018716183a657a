//! Support services by cluster and version.

use super::{
    layout::{Answer, Page, Visit, next_page},
    live::Follows,
    parts::{Heading::Text, empty, icon, link, look, sheet, state_of},
    same::Same,
};
use crate::{
    state::ApiState,
    wire::query::{QueryPairs, after},
};
use axum::{
    extract::{Query, State},
    http::StatusCode,
};
use causeway_records::{
    Kind, Record,
    nouns::{Service, SupportServiceInstance},
    summary::ClusterState,
};
use maud::{Markup, html};

/// Clusters of a page.
const SIZE: i64 = 50;

pub(super) async fn page(State(app): State<ApiState>, visit: Visit, Query(pairs): Query<QueryPairs>) -> Answer {
    let after = after(&pairs)?.unwrap_or(0);
    let clusters = app.store.cluster_states(after, SIZE).await?;
    let ids: Vec<i64> = clusters.iter().map(|cluster| cluster.runtime_id).collect();
    let services = app.store.support_services_in(&ids).await?;
    let last = clusters.last().filter(|_| i64::try_from(clusters.len()) == Ok(SIZE));
    let body = html! {
        h1 { "Support services" }
        p class="note" { "What is installed or found in each cluster, and whether it works" }
        @if clusters.is_empty() { (empty("No cluster yet", "A cluster gets its support services with its first gateway.")) }
        @else { (matrix(&clusters, &services)) }
        (next_page(last.map(|last| format!("?after={}", last.runtime_id)), after > 0))
    };
    let follows = Follows::kinds(&[Kind::SupportServiceInstance, Kind::KubernetesRuntimeInstance]);
    let same = Same::read("/v0/support-service-instances?size=-1", &["get", "support-service-instances"])
        .and(&format!("/v0/cluster-states?after={after}&size={SIZE}"), &["cluster", "list"]);
    let page = Page::new(&visit, "/ui/support-services", "Support services", body, same).following(follows);
    Ok(page.response(StatusCode::OK))
}

fn matrix(clusters: &[ClusterState], services: &[Record<SupportServiceInstance>]) -> Markup {
    let of_services = Service::ALL.iter().map(|service| Text(service.as_str()));
    let headings: Vec<_> = [Text("Cluster")].into_iter().chain(of_services).collect();
    let rows = html! {
        @for cluster in clusters {
            tr id={"cluster-" (cluster.runtime_id)} {
                td { a href=(link(Kind::KubernetesRuntimeInstance, cluster.runtime_id)) { (cluster.name) } }
                @for service in Service::ALL {
                    td data-label=(service) {
                        @for found in services.iter().filter(|found| {
                            found.spec.service == *service && found.spec.kubernetes_runtime_instance_id == cluster.runtime_id
                        }) { (cell(found)) }
                    }
                }
            }
        }
    };
    sheet("Support services by cluster", &headings, &rows)
}

fn cell(service: &Record<SupportServiceInstance>) -> Markup {
    let conditions = service.status.conditions.clone().unwrap_or_default();
    let (shape, word) = look(&state_of(&conditions, service.status.deletion_scheduled));
    let trouble = conditions.blocking();
    let stands = conditions
        .get("Installed")
        .or_else(|| conditions.0.iter().rfind(|c| c.condition_type != causeway_records::status::READY));
    html! {
        div {
            a class={"state " (shape.name())} href=(link(Kind::SupportServiceInstance, service.id())) {
                (icon(shape.name()))
                @match &service.spec.version { Some(version) => (version), None => (word) }
            }
            @match trouble.or(stands) { Some(condition) => span class="below" { (condition.message) }, None => {} }
        }
    }
}
