//! Lists of records of one kind, and the search over all of them.

use super::{
    layout::{Answer, Failure, Page, Visit, next_page},
    live::Follows,
    names::ClusterNames,
    parts::{empty, escaped, words},
    same::Same,
    table::{self, Columns},
};
use crate::{
    state::ApiState,
    wire::query::{QueryPairs, after, invalid, parse_id, value},
};
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect},
};
use causeway_records::{
    Kind, nouns,
    patterns::is_for,
    status::ConditionStatus,
    summary::{RecordCount, RecordSummary},
};
use causeway_store::{Search, StoreError};
use maud::{Markup, html};

/// Records of a page.
const SIZE: i64 = 50;
/// The column that names a record's cluster.
const RUNTIME: &str = "kubernetes_runtime_instance_id";

/// The kind of a path.
pub(super) fn kind_of(plural: &str) -> Result<Kind, Failure> {
    let found = nouns::ALL.iter().find(|info| info.plural == plural);
    found.map(|info| info.kind).ok_or(Failure(StoreError::NotFound))
}

/// The id in the path of a page; a text that is none belongs to no record.
pub(super) fn record_id(text: &str) -> Result<i64, Failure> {
    parse_id(text).map_err(|_| Failure(StoreError::NotFound))
}

/// The chapter that a kind belongs to.
pub(super) fn chapter(kind: Kind) -> String {
    match kind {
        Kind::GatewayDefinition => "/ui/gateway-instances".into(),
        Kind::DomainNameDefinition => "/ui/domain-name-instances".into(),
        Kind::SupportServiceInstance => "/ui/support-services".into(),
        Kind::KubernetesRuntimeInstance | Kind::KubernetesRuntimeDefinition => "/ui".into(),
        kind => format!("/ui/{}", kind.info().plural),
    }
}

fn read(pairs: &QueryPairs, kind: Option<Kind>) -> Result<Search, Failure> {
    let ready = value(pairs, "ready").filter(|text| !text.is_empty()).map(str::parse::<ConditionStatus>).transpose();
    let ready = ready.map_err(|problem| invalid("ready", problem))?;
    let cluster = value(pairs, "kubernetesruntimeinstanceid").filter(|text| !text.is_empty());
    let text: String = value(pairs, "q").unwrap_or_default().chars().filter(|c| *c != '\0').take(253).collect();
    Ok(Search {
        text,
        kind,
        ready,
        runtime_id: cluster.map(parse_id).transpose()?,
        shared_gateway_id: None,
        after: after(pairs)?.unwrap_or(0),
        limit: SIZE,
    })
}

/// The query of a search, as the address of a page and as the API takes it.
fn query(search: &Search, after: Option<i64>) -> String {
    let mut parts = vec![];
    if !search.text.is_empty() {
        parts.push(format!("q={}", escaped(&search.text)));
    }
    parts.extend(search.ready.map(|ready| format!("ready={ready}")));
    parts.extend(search.runtime_id.map(|id| format!("kubernetesruntimeinstanceid={id}")));
    parts.extend(after.map(|id| format!("after={id}")));
    parts.join("&")
}

fn more(search: &Search, found: &[RecordSummary]) -> Option<String> {
    let last = found.last().filter(|_| i64::try_from(found.len()) == Ok(SIZE))?;
    Some(format!("?{}", query(search, Some(last.id))))
}

/// Records of one kind.
pub(super) async fn page(
    State(app): State<ApiState>,
    visit: Visit,
    Path(plural): Path<String>,
    Query(pairs): Query<QueryPairs>,
) -> Answer {
    let kind = kind_of(&plural)?;
    if !kind.info().named() {
        return Err(Failure(StoreError::NotFound));
    }
    let search = read(&pairs, Some(kind))?;
    let found = app.store.search(&search).await?;
    // What is looked for by a text is counted nowhere.
    let count = match kind.info().reconciled && search.text.is_empty() {
        true => Some(passing(&app.store.record_counts().await?, &search)),
        false => None,
    };
    let clusters = found.iter().filter_map(|record| record.runtime_id).chain(search.runtime_id);
    let names = ClusterNames::read(&app, clusters).await?;
    let title = format!("{}s", capital(&words(kind)));
    let body = html! {
        div class="line" { h1 { (title) } @if let Some(count) = count { span class="note" { (count) " in all" } } }
        (filters(kind, &search, &names))
        @if found.is_empty() { (empty(&format!("No {} here", words(kind)), "None passes these filters.")) }
        @else { (table::records(&visit, &title, &found, &names, Columns { kinds: false })) }
        (next_page(more(&search, &found), search.after > 0))
    };
    let chapter = chapter(kind);
    let page = Page::new(&visit, &chapter, &title, body, same(&search, &names)).following(Follows::kinds(&[kind]));
    Ok(page.response(StatusCode::OK))
}

/// How many pass the filters of a list.
fn passing(counts: &[RecordCount], search: &Search) -> i64 {
    let passes = |count: &&RecordCount| {
        Some(count.kind) == search.kind
            && search.ready.is_none_or(|ready| ready == count.ready)
            && search.runtime_id.is_none_or(|id| Some(id) == count.runtime_id)
    };
    counts.iter().filter(passes).map(|count| count.count).sum()
}

/// What is shown is in the address, so the form is a plain GET.
fn filters(kind: Kind, search: &Search, names: &ClusterNames) -> Markup {
    let states = [("", "any state"), ("False", "not ready"), ("Unknown", "not reconciled yet"), ("True", "ready")];
    html! {
        form class="filters" {
            input name="q" type="search" value=(search.text) maxlength="253" aria-label="Part of a name or hostname" placeholder="Part of a name or hostname";
            @if kind.info().reconciled {
                select name="ready" aria-label="State" {
                    @for (status, words) in states {
                        option value=(status) selected[search.ready.map_or("", ConditionStatus::as_str) == status] { (words) }
                    }
                }
            }
            @if let Some(id) = search.runtime_id {
                label { input type="checkbox" name="kubernetesruntimeinstanceid" value=(id) checked; "only in " (names.get(id)) }
            }
            button class="button" { "Show" }
        }
    }
}

/// The search. A hostname that is served, be it by a wildcard, and an id, lead to their page at once.
pub(super) async fn search(State(app): State<ApiState>, visit: Visit, Query(pairs): Query<QueryPairs>) -> Answer {
    let search = read(&pairs, None)?;
    if search.text.trim().is_empty() {
        return Ok(Redirect::to("/ui").into_response());
    }
    let found = app.store.search(&search).await?;
    let wanted = search.text.trim().to_lowercase();
    if search.after == 0 {
        let hostname = wanted.trim_end_matches('.');
        let is_served = |record: &RecordSummary| record.hostnames.iter().any(|own| is_for(own, hostname));
        if found.iter().any(is_served) {
            return Ok(Redirect::to(&format!("/ui/hostnames/{}", escaped(hostname))).into_response());
        }
        if let [only] = found.as_slice()
            && (only.id.to_string() == wanted || only.name.to_lowercase() == wanted)
        {
            return Ok(Redirect::to(&super::parts::link(only.kind, only.id)).into_response());
        }
    }
    let names = ClusterNames::read(&app, found.iter().filter_map(|record| record.runtime_id)).await?;
    let body = html! {
        h1 { "Search" }
        p class="note" { "Names, hostnames, domains, ids and addresses of load balancers that hold “" (search.text) "”, in all clusters" }
        @if found.is_empty() { (empty("Nothing found", "Give a part of a name or hostname, a whole id, or a whole address.")) }
        @else { (table::records(&visit, "What was found", &found, &names, Columns { kinds: true })) }
        (next_page(more(&search, &found), false))
    };
    let page = Page::new(&visit, "/ui/search", "Search", body, same(&search, &names));
    Ok(Page { search: &search.text, ..page }.response(StatusCode::OK))
}

/// The commands that find the same. What is looked for by a text is found by a search, everything else is in a list.
fn same(search: &Search, names: &ClusterNames) -> Same {
    let after = Some(search.after).filter(|after| *after > 0);
    let kind = search.kind.map_or(String::new(), |kind| format!("kind={kind}&"));
    let query = query(search, after);
    let path = format!("/v0/search?{kind}{}size={SIZE}", if query.is_empty() { query } else { query + "&" });
    let runtime = search.runtime_id.map(|id| names.get(id));
    let words = match search.kind.filter(|kind| is_listed(*kind, search)) {
        Some(kind) => {
            let ready = search.ready.map(|ready| format!("Ready={ready}"));
            let runtime = runtime.map(|name| format!("KubernetesRuntimeInstance={name}"));
            let filters = ready.into_iter().chain(runtime).flat_map(|filter| ["--filter".to_owned(), filter]);
            ["get", kind.info().plural].map(str::to_owned).into_iter().chain(filters).collect()
        }
        None => searched(search, runtime),
    };
    Same::read(&path, &words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Whether the list of a kind can be asked for all that a page is.
fn is_listed(kind: Kind, search: &Search) -> bool {
    let has_cluster = || kind.info().columns().any(|field| field.column == RUNTIME);
    search.text.trim().is_empty() && (search.runtime_id.is_none() || has_cluster())
}

fn searched(search: &Search, runtime: Option<String>) -> Vec<String> {
    let flags = [
        ("--kind", search.kind.map(|kind| kind.info().plural.to_owned())),
        ("--ready", search.ready.map(|ready| ready.to_string())),
        ("--runtime", runtime),
    ];
    let flags = flags.into_iter().filter_map(|(flag, word)| Some([flag.to_owned(), word?])).flatten();
    // A text that looks like a flag is none.
    let text = Some(search.text.trim()).filter(|text| !text.is_empty());
    let begun = text.filter(|text| text.starts_with('-')).map(|_| "--");
    ["search".to_owned()].into_iter().chain(flags).chain(begun.into_iter().chain(text).map(str::to_owned)).collect()
}

pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_pass_the_filters_are_counted() {
        let of = |kind, runtime_id, ready, count| RecordCount { kind, runtime_id, ready, blocking_step: None, count };
        let counts = [
            of(Kind::GatewayInstance, Some(1), ConditionStatus::True, 9000),
            of(Kind::GatewayInstance, Some(2), ConditionStatus::True, 900),
            of(Kind::GatewayInstance, Some(2), ConditionStatus::False, 100),
            of(Kind::WorkloadInstance, Some(2), ConditionStatus::True, 7),
        ];
        let kind = Some(Kind::GatewayInstance);
        let search = Search { kind, limit: 50, ..Search::default() };
        assert_eq!(passing(&counts, &search), 10_000);
        assert_eq!(passing(&counts, &Search { runtime_id: Some(2), ..search.clone() }), 1000);
        assert_eq!(passing(&counts, &Search { ready: Some(ConditionStatus::False), ..search }), 100);
    }

    #[test]
    fn a_terminal_is_told_what_a_page_is_asked_for() {
        let lines =
            |search: &Search| same(search, &ClusterNames::default()).lines().map(str::to_owned).collect::<Vec<_>>();
        let gateways = Search { kind: Some(Kind::GatewayInstance), ..Search::default() };
        let all = ["causeway get gateway-instances", "curl -s \"$API/v0/search?kind=GatewayInstance&size=50\""];
        assert_eq!(lines(&gateways), all);
        let chosen = Search { ready: Some(ConditionStatus::False), runtime_id: Some(7), after: 9, ..gateways.clone() };
        let filtered = [
            "causeway get gateway-instances --filter Ready=False --filter KubernetesRuntimeInstance=7",
            "curl -s \"$API/v0/search?kind=GatewayInstance&ready=False&kubernetesruntimeinstanceid=7&after=9&size=50\"",
        ];
        assert_eq!(lines(&chosen), filtered);
        let words = |search: &Search| lines(search).remove(0);
        let named = Search { text: "a b".into(), ..chosen };
        assert_eq!(words(&named), "causeway search --kind gateway-instances --ready False --runtime 7 'a b'");
        assert_eq!(words(&Search { text: " -x".into(), ..Search::default() }), "causeway search -- -x");
        let clusters = Search { kind: Some(Kind::KubernetesRuntimeInstance), runtime_id: Some(7), ..Search::default() };
        assert_eq!(words(&clusters), "causeway search --kind kubernetes-runtime-instances --runtime 7");
    }
}
