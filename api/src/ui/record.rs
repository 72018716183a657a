//! The page of one record, of whatever kind: its state, its conditions, its fields, what happened to it. A gateway instance also shows the way of a
//! request, a shared gateway who is attached to it.

use super::{
    attachments, certificates, chain, facts,
    hostname::Way,
    layout::{Answer, Failure, Page, Visit, next_page},
    list::{chapter, kind_of, record_id},
    live::Follows,
    names::ClusterNames,
    parts::{
        Heading::{Number, Text},
        Look, ago, sheet, state, words,
    },
    same::Same,
    shown::{Shown, read},
    table::{self, Columns},
    verbs::verb_buttons,
    verdict,
};
use crate::{
    state::ApiState,
    wire::query::{QueryPairs, id_of},
};
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
};
use causeway_records::{
    Kind, Record,
    noun::Noun,
    nouns::{Certificate, Event},
    status::{Conditions, READY},
};
use causeway_store::{Filter, Order, Result, Search, Start};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

/// Gateway instances on the page of a shared gateway.
const ATTACHED: i64 = 50;
/// Certificates on the page of a gateway, those that end first.
const CERTIFICATES: i64 = 50;
/// Events on a page, the last ones.
const EVENTS: usize = 20;

pub(super) async fn page(
    State(app): State<ApiState>,
    visit: Visit,
    Path((plural, id)): Path<(String, String)>,
    Query(pairs): Query<QueryPairs>,
) -> Answer {
    let kind = kind_of(&plural)?;
    let id = record_id(&id)?;
    let record = read(&app, &visit.caller, kind, id).await?;
    let events = app.store.events_of(id, &[]).await?.records;
    let conditions = record.status.conditions.clone().unwrap_or_default();
    let verbs = verb_buttons(&visit, kind, id, &record.status);
    let asked = facts::asked(&app, &record).await?;
    let body = html! {
        div class="trail" { a href={"/ui/" (plural)} { (super::list::capital(&words(kind))) "s" } }
        div class="line" { h1 { (record.name) } @if kind.info().reconciled { div class="verbs" { (verbs) } } }
        @if kind.info().reconciled { (verdict::of_record(&conditions, record.status.deletion_scheduled, visit.now)) }
        (own_part(&app, &visit, &record, &verbs, &pairs).await?)
        @if !conditions.0.is_empty() && kind != Kind::GatewayInstance { (steps(&conditions, visit.now)) }
        div class="columns" {
            section { h2 { "What is asked for" } (asked) }
            section { h2 { "Record" } (facts::about(&record, &visit)) }
        }
        @if kind == Kind::GatewayInstance { (steps(&conditions, visit.now)) }
        @if !events.is_empty() { (happened(&events, visit.now)) }
    };
    let chapter = chapter(kind);
    let same = same(&record, id_of(&pairs, "after")?);
    let page = Page::new(&visit, &chapter, &record.name, body, same).following(follows(kind, id));
    Ok(page.response(StatusCode::OK))
}

/// The commands that tell of a record, of its events, and of what only some kinds have.
fn same(record: &Shown, after: Option<i64>) -> Same {
    let (id, plural) = (record.id, record.kind.info().plural);
    let same = Same::read(&format!("/v0/{plural}/{id}"), &["describe", plural, &record.name]);
    let same = same.and(&format!("/v0/events-join-attached-object-references?objectid={id}&size=-1"), &[]);
    let attached = after.map_or(String::new(), |after| format!("&after={after}"));
    let attached = format!("/v0/search?sharedgatewayid={id}&size={ATTACHED}{attached}");
    let certificates = |same: Same| {
        let words = ["get", "certificates", "--order", "NotAfter", "--filter", &format!("OwnerID={id}")];
        same.and(&format!("/v0/certificates?ownerid={id}&order=NotAfter&size={CERTIFICATES}"), &words)
    };
    match record.kind {
        Kind::GatewayInstance => certificates(same),
        Kind::SharedGateway => certificates(same.and(&attached, &["search", "--shared-gateway", &record.name])),
        _ => same,
    }
}

/// Who is attached to a shared gateway is on its page, too.
fn follows(kind: Kind, id: i64) -> Follows {
    match kind {
        Kind::SharedGateway => {
            Follows::kinds(&[Kind::SharedGateway, Kind::GatewayInstance, Kind::GatewayGrant, Kind::WorkloadInstance])
        }
        // Its chain also tells of what it needs.
        Kind::GatewayInstance => Follows::kinds(&[
            Kind::GatewayInstance,
            Kind::DomainNameInstance,
            Kind::SharedGateway,
            Kind::WorkloadInstance,
        ]),
        _ => Follows::record(id),
    }
}

/// What only some kinds have.
async fn own_part(
    app: &ApiState,
    visit: &Visit,
    record: &Shown,
    verbs: &Markup,
    pairs: &QueryPairs,
) -> std::result::Result<Markup, Failure> {
    let id = record.id;
    match record.kind {
        Kind::GatewayInstance => {
            let way = Way::read(app, id, None, app.store.claims_of_gateway_instance(id).await?).await?;
            let own = certificates_of(app, visit, id).await?;
            Ok(html! {
                h2 { "The way of a request" }
                (chain::chain(&way.account(visit), verbs, visit.now))
                (own)
            })
        }
        Kind::SharedGateway => {
            let after = id_of(pairs, "after")?.unwrap_or(0);
            let search = Search { shared_gateway_id: Some(id), after, limit: ATTACHED, ..Search::default() };
            let attached = app.store.search(&search).await?;
            let names = ClusterNames::read(app, attached.iter().filter_map(|record| record.runtime_id)).await?;
            let more = attached.last().filter(|_| i64::try_from(attached.len()) == Ok(ATTACHED));
            let own = certificates_of(app, visit, id).await?;
            let (who, by) = if record.fields.iter().any(|(field, _)| field.column == "listeners") {
                let by = attachments::table(&app.store.attachments(id, after, ATTACHED).await?);
                ("A gateway instance attaches to it that names it in SharedGatewayID, if its workload is let.", by)
            } else {
                ("A gateway instance with placement Shared attaches to it.", html! {})
            };
            Ok(html! {
                h2 { "Gateway instances attached to it" }
                @if attached.is_empty() { (super::parts::empty("Nobody is attached", who)) }
                @else { (table::records(visit, "Gateway instances attached to it", &attached, &names, Columns { kinds: false })) }
                (next_page(more.map(|last| format!("?after={}", last.id)), after > 0))
                (by)
                (own)
            })
        }
        _ => Ok(html! {}),
    }
}

/// The certificates of a gateway, those that end first.
async fn certificates_of(app: &ApiState, visit: &Visit, id: i64) -> Result<Markup> {
    let Some(field) = Certificate::INFO.fields.iter().find(|field| field.column == "owner_id") else {
        return Ok(html! {});
    };
    let filter = Filter { field, text: id.to_string() };
    let page = app.store.list_from::<Certificate>(&[filter], CERTIFICATES, Start::By(Order::NotAfter, None)).await?;
    let clusters =
        ClusterNames::read(app, page.records.iter().map(|certificate| certificate.spec.kubernetes_runtime_instance_id))
            .await?;
    Ok(
        html! { @if !page.records.is_empty() { h2 { "Certificates" } (certificates::table(visit, &page.records, &clusters)) } },
    )
}

/// Every step, in the order of the work.
fn steps(conditions: &Conditions, now: DateTime<Utc>) -> Markup {
    let rows = html! {
        @for condition in conditions.0.iter().filter(|condition| condition.condition_type != READY) {
            @let look = Look::of(condition.status);
            tr {
                td { span class="name" { (condition.condition_type) } span class="below" { (state(look, &condition.status.to_string())) } }
                td class="code" { (condition.reason) }
                td class="told" { (condition.message) }
                td class="number" { (ago(condition.last_transition_time, now)) }
            }
        }
    };
    html! {
        h2 { "Conditions, in the order of the work" }
        (sheet("Conditions", &[Text("Step"), Text("Reason"), Text("Message"), Number("Since")], &rows))
    }
}

fn happened(events: &[Record<Event>], now: DateTime<Utc>) -> Markup {
    let mut last: Vec<_> = events.iter().map(|event| &event.spec).collect();
    last.sort_by_key(|event| std::cmp::Reverse(event.last_observed_time));
    let rows = html! {
        @for event in last.into_iter().take(EVENTS) {
            tr {
                td { span class="name" { (event.reason) } }
                td class="told" { @if let Some(note) = &event.note { (note) } }
                td class="number" data-label="Times" { (event.count) }
                td class="number" { (ago(event.last_observed_time, now)) }
            }
        }
    };
    html! {
        h2 { "Events, the last first" }
        (sheet("Events", &[Text("Event"), Text("Note"), Number("Times"), Number("Last")], &rows))
    }
}
