//! Who changed what, the last change first.

use super::{
    layout::{Answer, Page, Visit, next_page},
    live::Follows,
    parts::{
        Heading::{Number, Text},
        ago, empty, escaped, link, sheet, words,
    },
    same::Same,
};
use crate::{
    state::ApiState,
    wire::query::{ListQuery, QueryPairs, value},
};
use axum::{
    extract::{Query, State},
    http::StatusCode,
};
use causeway_records::{
    Kind, Record,
    nouns::{AuditEvent, Change},
};
use causeway_store::{Filter, Period, Start};
use maud::{Markup, html};
use serde_json::Value;

/// Events of a page.
const SIZE: i64 = 50;

pub(super) async fn page(State(app): State<ApiState>, visit: Visit, Query(pairs): Query<QueryPairs>) -> Answer {
    // An empty field of the form is none.
    let pairs: QueryPairs = pairs.into_iter().filter(|(_, text)| !text.is_empty()).collect();
    let query = ListQuery::read::<AuditEvent>(&pairs)?;
    let start = match query.start() {
        before @ Start::Before(_) => before,
        _ => Start::Before(0),
    };
    let page = app.store.audit_events(&query.filters, Period::default(), SIZE, start).await?;
    let filters: Vec<String> = query
        .filters
        .iter()
        .map(|filter| format!("{}={}", filter.field.json.to_lowercase(), escaped(&filter.text)))
        .collect();
    let kept = filters.join("&");
    let last = page.records.last().filter(|_| i64::try_from(page.records.len()) == Ok(SIZE));
    let more = last.map(|last| format!("?{kept}&before={}", last.id()));
    let body = html! {
        div class="line" { h1 { "Audit" } span class="note" { (page.total) " changes by callers, the last first" } }
        form class="filters" {
            @for (name, words) in [("caller", "Caller"), ("objectname", "Name of the record"), ("objectid", "ID of the record")] {
                input name=(name) value=(value(&pairs, name).unwrap_or_default()) aria-label=(words) placeholder=(words) maxlength="253";
            }
            button class="button" { "Show" }
        }
        @if page.records.is_empty() { (empty("No change here", "Every write of a caller is kept here. Those of workers are not: see a record's events.")) }
        @else { (table(&visit, &page.records)) }
        (next_page(more, !matches!(start, Start::Before(0))))
    };
    let page = Page::new(&visit, "/ui/audit", "Audit", body, same(&query.filters, start)).following(Follows::all());
    Ok(page.response(StatusCode::OK))
}

/// The commands that tell the same.
fn same(filters: &[Filter], start: Start) -> Same {
    let before = if let Start::Before(id) = start { id } else { 0 };
    let asked = filters.iter().map(|filter| format!("{}={}&", filter.field.json.to_lowercase(), escaped(&filter.text)));
    let path = format!("/v0/audit-events?{}before={before}&size={SIZE}", asked.collect::<String>());
    let filters =
        filters.iter().flat_map(|filter| ["--filter".to_owned(), format!("{}={}", filter.field.json, filter.text)]);
    let newest = (before == 0).then(|| ["--last".to_owned(), SIZE.to_string()]).into_iter().flatten();
    let words: Vec<String> =
        ["get", "audit-events"].map(str::to_owned).into_iter().chain(filters).chain(newest).collect();
    Same::read(&path, &words.iter().map(String::as_str).collect::<Vec<_>>())
}

fn table(visit: &Visit, events: &[Record<AuditEvent>]) -> Markup {
    let rows = html! {
        @for event in events {
            @let spec = &event.spec;
            tr id={"change-" (event.id())} {
                td {
                    @let name = spec.object_name.clone().unwrap_or_else(|| spec.object_id.to_string());
                    @match spec.object_kind.parse::<Kind>() {
                        Ok(kind) => { a href=(link(kind, spec.object_id)) { (name) } span class="below" { (words(kind)) } }
                        Err(_) => { (name) span class="below" { (spec.object_kind) } }
                    }
                }
                td class="told" { b { (spec.action) } @for change in &spec.changes.0 { div { (changed(change)) } } }
                td { (spec.caller) @if let Some(request) = &spec.request_id { span class="below code" { (request) } } }
                td class="number" { @if let Some(time) = event.common.created_at { (ago(time, visit.now)) } }
            }
        }
    };
    sheet("Changes", &[Text("Record"), Text("Change"), Text("Caller"), Number("When")], &rows)
}

fn changed(change: &Change) -> Markup {
    html! {
        (change.field) ": "
        @match (&change.old, &change.new) {
            (Some(old), Some(new)) => { s { (shown(old)) } " → " (shown(new)) }
            (None, Some(new)) => (shown(new)),
            (Some(old), None) => { s { (shown(old)) } " → nothing" }
            (None, None) => "nothing",
        }
    }
}

/// Characters of a value that stand in their line.
const SHORT: usize = 200;

/// A value; a long one, such as a certificate, is folded.
fn shown(value: &Value) -> Markup {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let length = text.chars().count();
    html! {
        @if length > SHORT { details { summary { (length) " characters" } (text) } } @else { (text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_is_folded_and_whole() {
        let long = "x".repeat(SHORT + 1);
        let page = shown(&Value::from(long.as_str())).into_string();
        assert!(page.starts_with("<details><summary>201 characters</summary>") && page.contains(&long));
        assert_eq!(shown(&Value::from("short")).into_string(), "short");
        assert_eq!(shown(&serde_json::json!([1])).into_string(), "[1]");
    }
}
