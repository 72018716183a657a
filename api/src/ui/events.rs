//! What happened, the last first, from the log that `/v0/watch` follows.

use super::{
    layout::{Answer, Page, Visit, next_page},
    live::Follows,
    names::ClusterNames,
    parts::{
        Heading::{Number, Text},
        Look, ago, empty, escaped, icon, link, sheet, words,
    },
    same::Same,
};
use crate::{
    state::ApiState,
    wire::query::{QueryPairs, event_filter, invalid, value},
};
use axum::{
    extract::{Query, State},
    http::StatusCode,
};
use causeway_records::{
    Kind, nouns,
    status::ConditionStatus,
    watch::{Cursor, EventFilter, EventType, RecordEvent},
};
use causeway_store::{EventPage, EventSearch, Result};
use maud::{Markup, html};

/// Events of a page.
const SIZE: i64 = 50;
/// The filters of a page, each with its field of `/v0/watch`.
const FILTERS: [&str; 5] = ["kinds", "types", "name", "runtime", "id"];

pub(super) async fn page(State(app): State<ApiState>, visit: Visit, Query(pairs): Query<QueryPairs>) -> Answer {
    // An empty field of the form is none.
    let pairs: QueryPairs = pairs.into_iter().filter(|(_, text)| !text.is_empty()).collect();
    let before =
        value(&pairs, "before").map(str::parse::<Cursor>).transpose().map_err(|problem| invalid("before", problem))?;
    let search = EventSearch { filter: filter(&pairs)?, before: before.map(|at| at.position), limit: SIZE };
    let found = app.store.event_page(&search).await?;
    let runtimes = found.events.iter().filter_map(|event| event.runtime).chain(search.filter.runtime);
    let names = ClusterNames::read(&app, runtimes).await?;
    let kept = query(&pairs);
    let body = html! {
        div class="line" { h1 { "Events" } span class="note" { "The last first" } }
        (form(&search.filter, &pairs, &names))
        @if found.events.is_empty() { (nothing(&found)) } @else { (table(&visit, &found.events, &names)) }
        (next_page(found.next.map(|next| format!("?{kept}before={next}")), before.is_some()))
    };
    let words = command(&pairs, &found, &names);
    let same = Same::read(&watched(&pairs, &found), &words.iter().map(String::as_str).collect::<Vec<_>>());
    let page = Page::new(&visit, "/ui/events", "Events", body, same);
    // What is older doesn't change.
    let page = if before.is_none() { page.following(Follows::query(&kept)) } else { page };
    Ok(page.response(StatusCode::OK))
}

fn filter(pairs: &QueryPairs) -> Result<EventFilter> {
    let filter = event_filter(pairs)?;
    // Postgres takes no NUL.
    Ok(EventFilter { name: filter.name.map(|name| name.replace('\0', "")), ..filter })
}

/// The filters as a query, with `&` after each.
fn query(pairs: &QueryPairs) -> String {
    let given = FILTERS.iter().filter_map(|key| Some((key, value(pairs, key)?)));
    given.map(|(key, text)| format!("{key}={}&", escaped(text))).collect()
}

/// The position before everything on a page.
fn since(found: &EventPage) -> Option<String> {
    let oldest = found.events.last()?.cursor;
    Some(Cursor { position: oldest.position.saturating_sub(1), ..oldest }.to_string())
}

/// What the API is asked for the same: everything since the oldest event of the page, and then the end.
fn watched(pairs: &QueryPairs, found: &EventPage) -> String {
    let since = since(found).map_or(String::new(), |since| format!("since={since}&"));
    format!("/v0/watch?{}{since}wait=0", query(pairs))
}

fn command(pairs: &QueryPairs, found: &EventPage, names: &ClusterNames) -> Vec<String> {
    let given = |key| value(pairs, key).map(str::to_owned);
    let runtime = value(pairs, "runtime").and_then(|id| Some(names.get(id.parse().ok()?)));
    let flags = [
        ("--types", given("types")),
        ("--name", given("name")),
        ("--id", given("id")),
        ("--runtime", runtime),
        ("--since", since(found)),
    ];
    let flags = flags.into_iter().filter_map(|(flag, text)| Some([flag.to_owned(), text?])).flatten();
    let kinds = value(pairs, "kinds").unwrap_or_default().split(',').filter(|kind| !kind.is_empty()).map(str::to_owned);
    ["watch".to_owned()].into_iter().chain(kinds).chain(flags).chain(["--for".into(), "0s".into()]).collect()
}

fn form(filter: &EventFilter, pairs: &QueryPairs, names: &ClusterNames) -> Markup {
    let text = |key| value(pairs, key).unwrap_or_default();
    html! {
        form class="filters" {
            select name="kinds" aria-label="Kind of record" {
                option value="" { "every kind" }
                @for kind in kinds(filter) { option value=(kind.info().plural) selected[filter.kinds == [kind]] { (words(kind)) } }
                @if filter.kinds.len() > 1 { option value=(text("kinds")) selected { (text("kinds")) } }
            }
            select name="types" aria-label="What happened" {
                option value="" { "all that happened" }
                @for one in EventType::ALL { option value=(one) selected[filter.types == [*one]] { (one) } }
                @if filter.types.len() > 1 { option value=(text("types")) selected { (text("types")) } }
            }
            input name="name" value=(text("name")) maxlength="253" aria-label="Name of the record" placeholder="Name of the record";
            @if let Some(id) = filter.id { label { input type="checkbox" name="id" value=(id) checked; "only record " (id) } }
            @if let Some(id) = filter.runtime { label { input type="checkbox" name="runtime" value=(id) checked; "only in " (names.get(id)) } }
            button class="button" { "Show" }
        }
    }
}

/// The kinds that a person looks for, and the one that was asked for.
fn kinds(filter: &EventFilter) -> impl Iterator<Item = Kind> {
    let asked = filter.kinds.first().copied();
    nouns::ALL.iter().filter(move |info| info.reconciled || Some(info.kind) == asked).map(|info| info.kind)
}

fn nothing(found: &EventPage) -> Markup {
    match found.next {
        None => empty("No event here", "None passes these filters. Events are kept for some days."),
        Some(next) => {
            html! { div class="sheet empty" { b { "No event among the last that were looked at" } "What passes these filters may be older: "
            a href={"?before=" (next)} { "look further back" } } }
        }
    }
}

fn table(visit: &Visit, events: &[RecordEvent], names: &ClusterNames) -> Markup {
    let headings = [Text("Record"), Text("Cluster"), Text("What happened"), Text("Reason"), Number("When")];
    sheet("Events, the last first", &headings, &html! { @for event in events { (row(visit, event, names)) } })
}

fn row(visit: &Visit, event: &RecordEvent, names: &ClusterNames) -> Markup {
    let name = event.name.clone().unwrap_or_else(|| event.id.to_string());
    html! {
        tr id={"event-" (event.cursor.position)} {
            td {
                @if event.event_type == EventType::Deleted { span class="name" { (name) } } @else { a href=(link(event.kind, event.id)) { (name) } }
                a class="below" href={"?id=" (event.id)} { (words(event.kind)) }
            }
            td class="cluster" { (names.link(event.runtime.filter(|id| *id != event.id))) }
            td class="steady" { (happened(event)) }
            td class="code" { @if let Some(flip) = &event.condition { (flip.reason) } }
            td class="number" { (ago(event.time, visit.now)) span class="below" { (event.time.format("%H:%M:%S")) } }
        }
    }
}

/// A condition as its state, anything else as a word.
fn happened(event: &RecordEvent) -> Markup {
    let look = match (&event.condition, event.event_type) {
        (Some(flip), _) => Look::of(flip.status),
        (None, EventType::Reconciled) => Look::Stands,
        (None, EventType::Deleting | EventType::Deleted) => Look::Rests,
        _ => Look::Plain,
    };
    html! {
        span class={"state " (look.name())} {
            (icon(look.name()))
            @match &event.condition {
                Some(flip) => { (flip.condition_type) " " (told(flip.status)) }
                None => (event.event_type),
            }
        }
    }
}

fn told(status: ConditionStatus) -> &'static str {
    status.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(all: &[(&str, &str)]) -> QueryPairs {
        all.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn the_same_is_asked_of_the_api() {
        let pairs = pairs(&[("kinds", "gateway-instances"), ("name", "a b"), ("other", "x")]);
        let event = RecordEvent::example();
        let found = EventPage { next: None, events: vec![event] };
        assert_eq!(watched(&pairs, &found), "/v0/watch?kinds=gateway-instances&name=a%20b&since=9f04c1d2-1041&wait=0");
        let words = command(&pairs, &found, &ClusterNames::default());
        assert_eq!(words.join("|"), "watch|gateway-instances|--name|a b|--since|9f04c1d2-1041|--for|0s");
        let one = command(&[("id".to_owned(), "7".to_owned())].into(), &found, &ClusterNames::default());
        assert_eq!(one.join("|"), "watch|--id|7|--since|9f04c1d2-1041|--for|0s");
        assert_eq!(filter(&pairs).unwrap().kinds, [Kind::GatewayInstance]);
    }

    #[test]
    fn a_filter_that_says_nothing_is_refused() {
        for (key, text) in [("kinds", "x"), ("types", "x"), ("id", "x"), ("runtime", "-")] {
            assert!(filter(&pairs(&[(key, text)])).is_err(), "{key}");
        }
    }
}
