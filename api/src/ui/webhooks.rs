//! Webhooks: where events are sent, and how their receivers do. Nothing here judges a delivery; the sender does.

use super::{
    deliveries, facts,
    layout::{Answer, Page, Visit, next_page},
    list::record_id,
    live::Follows,
    names::ClusterNames,
    parts::{
        self,
        Heading::{Number, Text},
        Look, ago, empty, link, sheet,
    },
    same::Same,
    shown::read,
    verdict,
    webhook_verbs::HookVerb,
};
use crate::{
    state::ApiState,
    wire::query::{QueryPairs, after},
};
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
};
use causeway_records::{
    Kind, Record,
    nouns::{Role, Webhook},
};
use causeway_store::{
    Start,
    webhooks::{JUDGED_BY, ReceiverState},
};
use maud::{Markup, html};

/// Webhooks of a page.
const SIZE: i64 = 50;

/// How a webhook is, in a word and a sentence.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HookState {
    look: Look,
    word: &'static str,
    sentence: String,
}

/// Pure: what is on record, as people ask for it.
pub(super) fn state_of(webhook: &Webhook, receiver: &ReceiverState) -> HookState {
    let state = |look, word, sentence: &str| HookState { look, word, sentence: sentence.to_owned() };
    let kept = "nothing is sent; what happens meanwhile is kept for some days, and sent once it is enabled";
    if webhook.disabled == Some(true) {
        return match &webhook.disabled_reason {
            Some(reason) => state(Look::Fails, "Disabled", reason),
            None => state(Look::Rests, "Disabled", kept),
        };
    }
    if receiver.failures > 0 {
        let why = receiver.problem.as_deref().unwrap_or("the last attempt failed");
        return state(Look::Fails, "Not taken", why);
    }
    match (receiver.pending, receiver.last_attempt_at) {
        (1.., _) => state(Look::Waits, "Sending", &waiting(receiver.pending)),
        (_, None) => state(
            Look::Plain,
            "Nothing sent yet",
            "nothing has happened that its filters pass; a test event shows whether its receiver answers",
        ),
        _ => state(Look::Stands, "Delivering", "the receiver has taken all that was sent, or what failed was given up"),
    }
}

fn waiting(pending: i64) -> String {
    match pending {
        1 => "1 delivery waits".to_owned(),
        all if all >= JUDGED_BY => format!("{all} deliveries wait, and more may follow them"),
        some => format!("{some} deliveries wait"),
    }
}

/// Which events it gets, in words.
fn filters(webhook: &Webhook, names: &ClusterNames) -> Markup {
    let words = |texts: &Option<causeway_records::nouns::Texts>, all: &str| {
        texts.as_ref().filter(|texts| !texts.0.is_empty()).map_or_else(|| all.to_owned(), |texts| texts.0.join(", "))
    };
    html! {
        (words(&webhook.kinds, "every kind"))
        span class="below" {
            (words(&webhook.types, "all that happens"))
            @if let Some(name) = &webhook.record_name { ", named " (name) }
            @if let Some(id) = webhook.record_id { ", of record " (id) }
            @if let Some(id) = webhook.runtime_id { ", in " (names.get(id)) }
        }
    }
}

/// Who gets what, and how that goes.
pub(super) async fn list(State(app): State<ApiState>, visit: Visit, Query(pairs): Query<QueryPairs>) -> Answer {
    let after = after(&pairs)?.unwrap_or(0);
    let mark = app.store.delivery_mark(None).await?;
    let page = app.store.list_from::<Webhook>(&[], SIZE, Start::After(after)).await?;
    let ids: Vec<i64> = page.records.iter().map(Record::id).collect();
    let receivers = app.store.webhook_receivers(&ids).await?;
    let names = ClusterNames::read(&app, page.records.iter().filter_map(|webhook| webhook.spec.runtime_id)).await?;
    let more = page.records.last().filter(|_| i64::try_from(page.records.len()) == Ok(SIZE));
    let none = ReceiverState::default();
    let headings =
        [Text("Webhook"), Text("Events"), Text("State"), Text("What it says"), Number("Waiting"), Number("Last sent")];
    let rows = html! {
        @for webhook in &page.records { (row(&visit, webhook, receivers.get(&webhook.id()).unwrap_or(&none), &names)) }
    };
    let body = html! {
        div class="line" { h1 { "Webhooks" } span class="note" { "Where events are sent" } }
        @if page.records.is_empty() {
            (empty("No webhook yet", "A webhook has events of records sent to a URL, signed and tried again for three days. Make one with a document of the kind Webhook, or POST /v0/webhooks."))
        } @else {
            (sheet("Webhooks", &headings, &rows))
        }
        (next_page(more.map(|last| format!("?after={}", last.id())), after > 0))
    };
    let follows = Follows::kinds(&[Kind::Webhook]).and_deliveries(None, &mark);
    let same = Same::read(&format!("/v0/webhooks?after={after}&size={SIZE}"), &["get", "webhooks"]);
    let page = Page::new(&visit, "/ui/webhooks", "Webhooks", body, same).following(follows);
    Ok(page.response(StatusCode::OK))
}

fn row(visit: &Visit, webhook: &Record<Webhook>, receiver: &ReceiverState, names: &ClusterNames) -> Markup {
    let (id, spec) = (webhook.id(), &webhook.spec);
    let state = state_of(spec, receiver);
    html! {
        tr id={"record-" (id)} {
            td { a href=(link(Kind::Webhook, id)) { (spec.name) } span class="below" { (spec.url) } }
            td class="cluster" { (filters(spec, names)) }
            td class="steady" { (parts::state(state.look, state.word)) }
            td class="told" { @if matches!(state.look, Look::Fails) { (state.sentence) } }
            td class="number" data-label="Waiting" { (receiver.pending) @if receiver.pending >= JUDGED_BY { "+" } }
            td class="number" data-label="Last sent" { @if let Some(time) = receiver.last_attempt_at { (ago(time, visit.now)) } }
        }
    }
}

/// One webhook with its deliveries.
pub(super) async fn page(
    State(app): State<ApiState>,
    visit: Visit,
    Path(id): Path<String>,
    Query(pairs): Query<QueryPairs>,
) -> Answer {
    let id = record_id(&id)?;
    let mark = app.store.delivery_mark(Some(id)).await?;
    let webhook = app.store.get::<Webhook>(id).await?;
    let own = [id];
    let (record, receivers, sent) = tokio::try_join!(
        read(&app, &visit.caller, Kind::Webhook, id),
        app.store.webhook_receivers(&own),
        deliveries::read(&app, id, &pairs),
    )?;
    let receiver = receivers.get(&id).cloned().unwrap_or_default();
    let failed = deliveries::count_failed(&app, id).await?;
    let state = state_of(&webhook.spec, &receiver);
    let asked = facts::asked(&app, &record).await?;
    let body = html! {
        div class="trail" { a href="/ui/webhooks" { "Webhooks" } }
        div class="line" {
            h1 { (record.name) }
            @if visit.caller.role >= Role::Editor {
                div class="verbs" {
                    @for verb in HookVerb::of(&webhook.spec, failed) { a class="button" href={(link(Kind::Webhook, id)) "/" (verb.path())} { (verb.words()) } }
                }
            }
        }
        (verdict::of_sentence(state.look, state.word, &state.sentence, receiver.failing_since.map(|since| ago(since, visit.now)), None))
        (deliveries::listed(&visit, &webhook, &sent))
        div class="columns" {
            section { h2 { "What is asked for" } (asked) }
            section { h2 { "Record" } (facts::about(&record, &visit)) }
        }
    };
    let follows = Follows::record(id).and_deliveries(Some(id), &mark);
    let words = sent.command(&record.name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let same = Same::read(&format!("/v0/webhooks/{id}"), &["describe", "webhook", &record.name]);
    let page = Page::new(&visit, "/ui/webhooks", &record.name, body, same.and(&sent.api(id), &words));
    // What is older changes seldom, and is looked for by hand.
    let page = if sent.is_newest() { page.following(follows) } else { page };
    Ok(page.response(StatusCode::OK))
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::nouns::Texts;
    use chrono::Utc;

    fn webhook() -> Webhook {
        Webhook { url: "https://a.example/x".parse().unwrap(), ..Webhook::default() }
    }

    #[test]
    fn the_state_is_the_worst_that_is_known() {
        let told = |webhook: &Webhook, receiver: &ReceiverState| {
            let state = state_of(webhook, receiver);
            (state.word, state.sentence)
        };
        let fails = ReceiverState {
            failures: 3,
            pending: 4,
            last_attempt_at: Some(Utc::now()),
            problem: Some("the receiver answered 500; its own log says why".into()),
            ..ReceiverState::default()
        };
        assert_eq!(told(&webhook(), &ReceiverState::default()).0, "Nothing sent yet");
        assert_eq!(
            told(&webhook(), &fails),
            ("Not taken", "the receiver answered 500; its own log says why".to_owned())
        );
        let sends = ReceiverState { failures: 0, problem: None, ..fails.clone() };
        assert_eq!(told(&webhook(), &sends), ("Sending", "4 deliveries wait".to_owned()));
        assert_eq!(told(&webhook(), &ReceiverState { pending: 0, ..sends }).0, "Delivering");
        let off = Webhook { disabled: Some(true), ..webhook() };
        assert_eq!(state_of(&off, &fails).look, Look::Rests, "a person wanted it so");
        let given_up = Webhook { disabled_reason: Some("the receiver answered 410".into()), ..off };
        assert_eq!(told(&given_up, &fails), ("Disabled", "the receiver answered 410".to_owned()));
    }

    #[test]
    fn filters_are_words() {
        let names = ClusterNames::default();
        let all = filters(&webhook(), &names).into_string();
        assert!(all.contains("every kind") && all.contains("all that happens"), "{all}");
        let some = Webhook {
            kinds: Some(Texts(vec!["gateway-instances".into(), "Certificate".into()])),
            record_name: Some("<shop>".into()),
            runtime_id: Some(7),
            ..webhook()
        };
        let some = filters(&some, &names).into_string();
        assert!(
            some.contains("gateway-instances, Certificate") && some.contains(", named &lt;shop&gt;, in 7"),
            "{some}"
        );
    }
}
