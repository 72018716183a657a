//! Deliveries of webhooks: what was sent, what the receiver answered, and when it is tried again.

use super::{
    layout::{Answer, Page, Visit, next_page},
    list::record_id,
    live::Follows,
    parts::{
        Heading::{Number, Text},
        Look, ago, empty, exact, link, sheet, state, until,
    },
    same::Same,
    verdict,
    webhook_verbs::HookVerb,
};
use crate::{
    state::ApiState,
    wire::query::{QueryPairs, id_of, invalid, value},
};
use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use causeway_records::{
    Kind, Record,
    noun::Noun,
    nouns::{DeliveryState, Role, Webhook, WebhookDelivery},
};
use causeway_store::{Filter, Result, Start};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde_json::Value;

/// Deliveries of a page.
const SIZE: i64 = 50;

/// Some deliveries of a webhook, the last first.
pub(super) struct Deliveries {
    records: Vec<Record<WebhookDelivery>>,
    total: i64,
    state: Option<DeliveryState>,
    before: Option<i64>,
}

impl Deliveries {
    /// None is newer than those that are shown.
    pub(super) fn is_newest(&self) -> bool {
        self.before.is_none()
    }

    /// The path of the API that answers the same.
    pub(super) fn api(&self, webhook: i64) -> String {
        let state = self.state.map_or(String::new(), |state| format!("&state={state}"));
        format!("/v0/webhook-deliveries?webhookid={webhook}{state}&before={}&size={SIZE}", self.before.unwrap_or(0))
    }

    /// The words of the command line that lists them.
    pub(super) fn command(&self, webhook: &str) -> Vec<String> {
        let state = self.state.map(|state| ["--filter".to_owned(), format!("State={state}")]);
        let newest = self.is_newest().then(|| ["--last".to_owned(), SIZE.to_string()]);
        let all = ["get".to_owned(), "webhook-deliveries".into(), "--filter".into(), format!("Webhook={webhook}")];
        all.into_iter().chain(state.into_iter().chain(newest).flatten()).collect()
    }

    fn more(&self) -> Option<String> {
        let last = self.records.last().filter(|_| i64::try_from(self.records.len()) == Ok(SIZE))?;
        let state = self.state.map_or(String::new(), |state| format!("state={state}&"));
        Some(format!("?{state}before={}", last.id()))
    }
}

fn filter(column: &str, text: String) -> Option<Filter> {
    WebhookDelivery::INFO.fields.iter().find(|field| field.column == column).map(|field| Filter { field, text })
}

fn filters(webhook: i64, state: Option<DeliveryState>) -> Vec<Filter> {
    let state = state.and_then(|state| filter("state", state.to_string()));
    filter("webhook_id", webhook.to_string()).into_iter().chain(state).collect()
}

/// What a query asks for.
pub(super) async fn read(app: &ApiState, webhook: i64, pairs: &QueryPairs) -> Result<Deliveries> {
    let state = value(pairs, "state").filter(|text| !text.is_empty()).map(str::parse).transpose();
    let state = state.map_err(|problem: String| invalid("state", problem))?;
    let before = id_of(pairs, "before")?;
    let start = Start::Before(before.unwrap_or(0));
    let page = app.store.list_from::<WebhookDelivery>(&filters(webhook, state), SIZE, start).await?;
    Ok(Deliveries { records: page.records, total: page.total, state, before })
}

/// How many have failed for good.
pub(super) async fn count_failed(app: &ApiState, webhook: i64) -> Result<i64> {
    let filters = filters(webhook, Some(DeliveryState::Failed));
    Ok(app.store.list_from::<WebhookDelivery>(&filters, 0, Start::Offset(0)).await?.total)
}

/// How a delivery is: the shape, the word, and what its receiver answered.
fn state_of(delivery: &WebhookDelivery) -> (Look, &'static str, String) {
    let answered = delivery.answer_code.map(|code| format!("answered {code}"));
    let said = delivery.problem.clone().or(answered).unwrap_or_default();
    match (delivery.state, delivery.attempts) {
        (DeliveryState::Delivered, _) => (Look::Stands, "Delivered", said),
        (DeliveryState::Failed, _) => (Look::Fails, "Failed", said),
        (DeliveryState::Pending, 0) => (Look::Waits, "Pending", said),
        (DeliveryState::Pending, _) => (Look::Waits, "Tried again", said),
    }
}

/// The record that a message tells of, as a link.
fn subject(delivery: &WebhookDelivery) -> Option<Markup> {
    let payload: Value = serde_json::from_str(&delivery.payload).ok()?;
    let (plural, id) = payload["subject"].as_str()?.split_once('/')?;
    let kind = Kind::ALL.iter().copied().find(|kind| kind.info().plural == plural)?;
    let id = id.parse().ok()?;
    let name = payload["data"]["Name"].as_str().map_or_else(|| format!("{id}"), str::to_owned);
    Some(html! { a href=(link(kind, id)) { (name) } })
}

/// The deliveries of a webhook, with the filter that chose them.
pub(super) fn listed(visit: &Visit, webhook: &Record<Webhook>, sent: &Deliveries) -> Markup {
    let states = [("", "every state"), ("Pending", "Pending"), ("Failed", "Failed"), ("Delivered", "Delivered")];
    let headings = [
        Text("Event"),
        Text("Record"),
        Text("State"),
        Text("Answer"),
        Number("Attempts"),
        Number("Last"),
        Number("Next"),
    ];
    let rows = html! { @for delivery in &sent.records { (row(visit, delivery)) } };
    html! {
        h2 { "Deliveries, the last first" }
        form class="filters" {
            select name="state" aria-label="State" {
                @for (state, words) in states {
                    option value=(state) selected[sent.state.map_or("", DeliveryState::as_str) == state] { (words) }
                }
            }
            button class="button" { "Show" }
            span class="note" { (sent.total) " in all" }
        }
        @if sent.records.is_empty() {
            (empty("No delivery here", "Each event that passes the webhook's filters becomes one. Those that are done are kept for some days."))
        } @else {
            (sheet(&format!("Deliveries of {}", webhook.spec.name), &headings, &rows))
        }
        (next_page(sent.more(), sent.before.is_some()))
    }
}

fn row(visit: &Visit, delivery: &Record<WebhookDelivery>) -> Markup {
    let (id, spec) = (delivery.id(), &delivery.spec);
    let (look, word, said) = state_of(spec);
    html! {
        tr id={"delivery-" (id)} {
            td { a href=(link(Kind::WebhookDelivery, id)) { (short(&spec.event_type)) } span class="below code" { (spec.event_id) } }
            td class="cluster" { @if let Some(subject) = subject(spec) { (subject) } }
            td class="steady" { (state(look, word)) }
            td class="told" { (said) }
            td class="number" data-label="Attempts" { (spec.attempts) }
            td class="number" data-label="Last" { @if let Some(time) = spec.last_attempt_at { (ago(time, visit.now)) } }
            td class="number" data-label="Next" { @if let Some(time) = spec.next_attempt_at { (next(time, visit.now)) } }
        }
    }
}

/// All types begin alike.
fn short(event_type: &str) -> &str {
    event_type.strip_prefix("causeway.").unwrap_or(event_type)
}

/// When it is sent; what is due waits for its turn, or for the receiver to rest.
fn next(time: DateTime<Utc>, now: DateTime<Utc>) -> Markup {
    html! { @if time > now { (until(time, now)) } @else { "due" } }
}

/// One delivery, whole.
pub(super) async fn page(State(app): State<ApiState>, visit: Visit, Path(id): Path<String>) -> Answer {
    let id = record_id(&id)?;
    let found = app.store.get::<WebhookDelivery>(id).await?;
    let mark = app.store.delivery_mark(Some(found.spec.webhook_id)).await?;
    // What was sent between the two is news.
    let delivery = app.store.get::<WebhookDelivery>(id).await?;
    let webhook = app.store.get::<Webhook>(delivery.spec.webhook_id).await?;
    let spec = &delivery.spec;
    let (look, word, said) = state_of(spec);
    let said = if said.is_empty() { "it was not sent yet".to_owned() } else { said };
    let may = visit.caller.role >= Role::Editor && webhook.spec.disabled != Some(true);
    let body = html! {
        div class="trail" { a href="/ui/webhooks" { "Webhooks" } " / " a href=(link(Kind::Webhook, webhook.id())) { (webhook.spec.name) } }
        div class="line" {
            h1 { (spec.event_type) }
            @if may { div class="verbs" { a class="button" href={(link(Kind::WebhookDelivery, id)) "/redeliver"} { (HookVerb::Redeliver.words()) } } }
        }
        (verdict::of_sentence(look, word, &said, spec.last_attempt_at.map(|time| ago(time, visit.now)), None))
        div class="columns" {
            section { h2 { "Delivery" } (facts(&visit, &delivery)) }
            section { h2 { "What the receiver answered" } (answer(spec)) }
        }
        h2 { "What is sent" }
        pre class="sheet text" { (pretty(&spec.payload)) }
    };
    let follows = Follows::record(webhook.id()).and_deliveries(Some(webhook.id()), &mark);
    let number = id.to_string();
    let same = Same::read(&format!("/v0/webhook-deliveries/{id}"), &["describe", "webhook-delivery", &number]);
    let page = Page::new(&visit, "/ui/webhooks", &spec.event_type, body, same).following(follows);
    Ok(page.response(StatusCode::OK))
}

fn facts(visit: &Visit, delivery: &Record<WebhookDelivery>) -> Markup {
    let spec = &delivery.spec;
    html! {
        div class="sheet" {
            dl class="facts" {
                dt { "ID" } dd class="code" { (delivery.id()) }
                dt { "EventID" } dd class="code" { (spec.event_id) }
                @if let Some(subject) = subject(spec) { dt { "Record" } dd { (subject) } }
                dt { "State" } dd { (spec.state) }
                dt { "Attempts" } dd { (spec.attempts) }
                @if let Some(time) = spec.last_attempt_at { dt { "LastAttemptAt" } dd { (exact(time)) } }
                @if let Some(time) = spec.next_attempt_at { dt { "NextAttemptAt" } dd { (exact(time)) " (" (next(time, visit.now)) ")" } }
                @if let Some(time) = delivery.common.created_at { dt { "CreatedAt" } dd { (exact(time)) } }
            }
        }
    }
}

fn answer(spec: &WebhookDelivery) -> Markup {
    html! {
        @match (spec.answer_code, spec.answer_body.as_deref().filter(|body| !body.is_empty())) {
            (None, None) => (empty("No answer", "Nobody has answered the last attempt, or there was none.")),
            (code, body) => {
                div class="sheet" {
                    dl class="facts" { @if let Some(code) = code { dt { "AnswerCode" } dd { (code) } } }
                    @match body { Some(body) => { pre class="text" { (body) } }, None => { p class="note" { "It had no body." } } }
                }
            }
        }
    }
}

/// JSON in lines.
fn pretty(payload: &str) -> String {
    let parsed = serde_json::from_str::<Value>(payload).and_then(|value| serde_json::to_string_pretty(&value));
    parsed.unwrap_or_else(|_| payload.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(state: DeliveryState, attempts: i32) -> WebhookDelivery {
        WebhookDelivery { state, attempts, ..WebhookDelivery::default() }
    }

    #[test]
    fn what_failed_is_told_in_its_own_words() {
        let told = |delivery: &WebhookDelivery| state_of(delivery).1;
        assert_eq!(told(&delivery(DeliveryState::Pending, 0)), "Pending");
        let again = WebhookDelivery { problem: Some("nobody answers".into()), ..delivery(DeliveryState::Pending, 2) };
        assert_eq!(state_of(&again), (Look::Waits, "Tried again", "nobody answers".to_owned()));
        let taken = WebhookDelivery { answer_code: Some(204), ..delivery(DeliveryState::Delivered, 1) };
        assert_eq!(state_of(&taken), (Look::Stands, "Delivered", "answered 204".to_owned()));
    }

    #[test]
    fn the_record_of_a_message_has_its_page() {
        let of = |payload: &str| {
            let delivery = WebhookDelivery { payload: payload.to_owned(), ..WebhookDelivery::default() };
            subject(&delivery).map(Markup::into_string)
        };
        let shop = of(r#"{"subject":"gateway-instances/912345678900001024","data":{"Name":"shop"}}"#).unwrap();
        assert_eq!(shop, "<a href=\"/ui/gateway-instances/912345678900001024\">shop</a>");
        for odd in ["{}", "nothing", r#"{"subject":"elsewhere/7"}"#, r#"{"subject":"webhooks/x"}"#] {
            assert_eq!(of(odd), None, "{odd}");
        }
    }

    #[test]
    fn ids_in_what_is_sent_are_whole() {
        assert!(pretty(r#"{"ID":912345678900001024}"#).contains("912345678900001024"));
        assert_eq!(pretty("no JSON"), "no JSON");
    }
}
