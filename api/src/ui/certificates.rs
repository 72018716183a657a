//! Certificates of all gateways, those that end first.

use super::{
    layout::{Answer, Page, Visit, next_page},
    live::Follows,
    names::ClusterNames,
    parts::{
        Heading::{Number, Text},
        Look, empty, escaped, exact, link, sheet, state, until,
    },
    same::Same,
    table::hostnames,
};
use crate::{
    state::ApiState,
    wire::query::{QueryPairs, position, value},
};
use axum::{
    extract::{Query, State},
    http::StatusCode,
};
use causeway_records::{Kind, Record, noun::Noun, nouns::Certificate};
use causeway_store::{Filter, Order, Position, Start};
use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

/// Certificates of a page.
const SIZE: i64 = 50;
/// What ends so soon although it should have been renewed needs a person.
const SOON: TimeDelta = TimeDelta::days(14);

pub(super) async fn page(State(app): State<ApiState>, visit: Visit, Query(pairs): Query<QueryPairs>) -> Answer {
    let after = position(&pairs)?;
    let only_invalid = value(&pairs, "valid") == Some("false");
    let field = Certificate::INFO.fields.iter().find(|field| field.column == "valid").filter(|_| only_invalid);
    let filters: Vec<Filter> = field.map(|field| Filter { field, text: "false".into() }).into_iter().collect();
    let page = app.store.list_from::<Certificate>(&filters, SIZE, Start::By(Order::NotAfter, after)).await?;
    let certificates = &page.records;
    let names = ClusterNames::read(&app, certificates.iter().map(|c| c.spec.kubernetes_runtime_instance_id)).await?;
    let query = if only_invalid { "valid=false&" } else { "" };
    let last = certificates.last().filter(|_| i64::try_from(certificates.len()) == Ok(SIZE));
    let more = last.map(|last| format!("?{query}after={}&aftertime={}", last.id(), place(last)));
    let body = html! {
        div class="line" { h1 { "Certificates" } span class="note" { (page.total) @if page.total == 1 { " certificate" } @else { " certificates" } ", the first to end first" } }
        form class="filters" {
            select name="valid" aria-label="State" {
                option value="" selected[!only_invalid] { "all" }
                option value="false" selected[only_invalid] { "not valid" }
            }
            button class="button" { "Show" }
        }
        @if certificates.is_empty() {
            (empty("No certificates here", "A gateway with an HTTPS port and a hostname gets one; it is listed when cert-manager has taken it up."))
        } @else { (table(&visit, certificates, &names)) }
        (next_page(more, after.is_some()))
    };
    // Of certificates themselves there are no events: they are told of by the conditions of whose they are.
    let whose = Follows::kinds(&[Kind::GatewayInstance, Kind::SharedGateway]);
    let behind = after.map_or(String::new(), |Position { time, id }| format!("&after={id}&aftertime={}", text(time)));
    let invalid: &[&str] = if only_invalid { &["--filter", "Valid=false"] } else { &[] };
    let words = [&["get", "certificates", "--order", "NotAfter"][..], invalid].concat();
    let same = Same::read(&format!("/v0/certificates?{query}order=NotAfter&size={SIZE}{behind}"), &words);
    let page = Page::new(&visit, "/ui/certificates", "Certificates", body, same).following(whose);
    Ok(page.response(StatusCode::OK))
}

fn place(certificate: &Record<Certificate>) -> String {
    text(certificate.spec.not_after.unwrap_or(DateTime::UNIX_EPOCH))
}

fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339().replace("+00:00", "Z")
}

fn look(certificate: &Certificate, now: DateTime<Utc>) -> (Look, &'static str) {
    let is_late = certificate.renewal_time.is_none_or(|renewal| renewal < now);
    match certificate.not_after {
        Some(end) if end <= now => (Look::Fails, "Over"),
        _ if !certificate.valid && certificate.failed_at.is_some() => (Look::Fails, "Failed"),
        _ if !certificate.valid => (Look::Waits, "Not issued"),
        Some(end) if end - now < SOON && is_late => (Look::Fails, "Ends soon"),
        _ => (Look::Stands, "Valid"),
    }
}

pub(super) fn table(visit: &Visit, certificates: &[Record<Certificate>], names: &ClusterNames) -> Markup {
    let headings =
        [Text("Hostname"), Text("Cluster"), Text("State"), Text("Issuer"), Number("Ends"), Number("Renewed")];
    let rows = html! { @for certificate in certificates { (row(visit, certificate, names)) } };
    sheet("Certificates, the first to end first", &headings, &rows)
}

fn row(visit: &Visit, record: &Record<Certificate>, names: &ClusterNames) -> Markup {
    let (certificate, now) = (&record.spec, visit.now);
    let (shape, word) = look(certificate, now);
    html! {
        tr id={"certificate-" (record.id())} {
            td {
                @if let Some((first, others)) = certificate.hostnames.0.split_first() {
                    a href={"/ui/hostnames/" (escaped(first))} { (first) }
                    (hostnames(others))
                }
                @if let Ok(kind) = certificate.owner_kind.parse() { a class="below" href=(link(kind, certificate.owner_id)) { "used by " (super::parts::words(kind)) } }
            }
            td class="cluster" { (names.link(Some(certificate.kubernetes_runtime_instance_id))) }
            td class="told" {
                (state(shape, word))
                @if let Some(message) = &certificate.message { span class="below" { (message) } }
                @if let Some(failed) = certificate.failed_at { span class="below" { "last attempt failed " (until(failed, now)) } }
            }
            td data-label="Issuer" { (certificate.issuer) }
            td class="number" data-label="Ends" { @if let Some(end) = certificate.not_after { (until(end, now)) span class="below" { (exact(end)) } } }
            td class="number" data-label="Renewed" { @if let Some(renewal) = certificate.renewal_time { (until(renewal, now)) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn red_is_for_what_a_person_has_to_act_on() {
        let now = Utc::now();
        let days = |days| Some(now + TimeDelta::days(days));
        let base = Certificate { valid: true, not_after: days(60), renewal_time: days(30), ..Certificate::default() };
        assert_eq!(look(&base, now).0, Look::Stands);
        let late = Certificate { not_after: days(10), renewal_time: days(-20), ..base.clone() };
        assert_eq!(look(&late, now), (Look::Fails, "Ends soon"), "its renewal is overdue");
        let short = Certificate { not_after: days(5), renewal_time: days(2), ..base.clone() };
        assert_eq!(look(&short, now).0, Look::Stands, "it lives for days only and will be renewed");
        assert_eq!(look(&Certificate { not_after: days(-1), ..base.clone() }, now), (Look::Fails, "Over"));
        let new = Certificate { valid: false, not_after: None, ..base };
        assert_eq!(look(&new, now).0, Look::Waits);
        assert_eq!(look(&Certificate { failed_at: days(-1), ..new }, now), (Look::Fails, "Failed"));
    }
}
