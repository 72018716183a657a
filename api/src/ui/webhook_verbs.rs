//! What can be done to webhooks and deliveries from a page: the verbs of `crate::routes::webhooks`, and the switch `Disabled`.

use super::{
    deliveries,
    layout::{Answer, Failure, Page, Visit},
    list::record_id,
    parts::link,
    press::Press,
    question::{Question, makes_no_sense},
    same::Same,
    session::SameOrigin,
};
use crate::{routes::webhooks::MOST, state::ApiState, wire::origin::RequestWriter};
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect},
};
use causeway_records::{
    Kind, Record,
    nouns::{DeliveryState, Webhook, WebhookDelivery},
};
use causeway_store::{StoreError, webhooks::DeliveryRange};
use maud::{Markup, html};

/// Something that a person may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HookVerb {
    /// An event that tells of nothing.
    Test,
    /// What has failed, or one delivery, once more.
    Redeliver,
    /// Send nothing any more.
    Disable,
    /// Go on.
    Enable,
}

impl HookVerb {
    const ALL: [Self; 4] = [Self::Test, Self::Redeliver, Self::Enable, Self::Disable];

    /// Those that make sense for a webhook of which so many deliveries have failed.
    pub(super) fn of(webhook: &Webhook, failed: i64) -> impl Iterator<Item = Self> + use<> {
        let disabled = webhook.disabled == Some(true);
        Self::ALL.into_iter().filter(move |verb| match verb {
            Self::Test | Self::Disable => !disabled,
            Self::Redeliver => !disabled && failed > 0,
            Self::Enable => disabled,
        })
    }

    /// As in the address.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Redeliver => "redeliver",
            Self::Disable => "disable",
            Self::Enable => "enable",
        }
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Test => "Send a test event",
            Self::Redeliver => "Redeliver",
            Self::Disable => "Disable",
            Self::Enable => "Enable",
        }
    }

    /// What it will do, sentence by sentence. `failed`: so many deliveries.
    fn effects(self, failed: i64) -> Vec<String> {
        let again = match failed {
            1 => "The delivery that failed is sent once more.".to_owned(),
            _ if failed > MOST => {
                format!(
                    "Of the {failed} deliveries that failed, the {MOST} oldest are sent once more; ask again for the next."
                )
            }
            _ => format!("The {failed} deliveries that failed are sent once more, in the order of their events."),
        };
        let known = "Each has the webhook-id that it had before: a receiver that has taken it knows it.".to_owned();
        let own = |sentences: &[&str]| sentences.iter().map(|sentence| (*sentence).to_owned()).collect();
        match self {
            Self::Test => own(&[
                "An event causeway.test is sent to the URL at once. It tells of nothing, and changes nothing here.",
                "It is a delivery like every other: the answer is kept, and what isn't taken is sent again.",
            ]),
            Self::Redeliver => vec![again, known],
            Self::Disable => own(&[
                "Nothing is sent any more, from the next event on.",
                "What happens meanwhile is kept for some days, and sent once the webhook is enabled again.",
            ]),
            Self::Enable => own(&[
                "What happened meanwhile is sent now, in its order, as far as events are kept; then what happens from now on.",
                "Where events are no longer kept, the receiver gets one event causeway.reset in their place.",
            ]),
        }
    }

    /// The body of the PATCH that does it.
    const fn body(self) -> &'static str {
        if matches!(self, Self::Enable) { r#"{"Disabled":false}"# } else { r#"{"Disabled":true}"# }
    }

    /// What a terminal does for the same.
    fn same(self, id: i64, name: &str) -> Same {
        let path = format!("/v0/webhooks/{id}");
        match self {
            Self::Test => Same::post(&format!("{path}/test"), &["webhook", "test", name]),
            Self::Redeliver => {
                let words = ["webhook", "redeliver", name, "--state", "Failed"];
                Same::post(&format!("{path}/redeliver?state=Failed"), &words)
            }
            Self::Disable | Self::Enable => Same::patch(&path, self.body(), &["webhook", self.path(), name]),
        }
    }
}

/// A webhook, what is to be done to it, and how many of its deliveries have failed; or why that makes no sense.
async fn asked(app: &ApiState, id: &str, verb: &str) -> Result<(Record<Webhook>, HookVerb, i64), Failure> {
    let verb = HookVerb::ALL.into_iter().find(|known| known.path() == verb).ok_or(StoreError::NotFound)?;
    let webhook = app.store.get::<Webhook>(record_id(id)?).await?;
    let failed = deliveries::count_failed(app, webhook.id()).await?;
    let offered: Vec<_> = HookVerb::of(&webhook.spec, failed).collect();
    if !offered.contains(&verb) {
        let words: Vec<_> = offered.into_iter().map(HookVerb::words).collect();
        return Err(makes_no_sense(verb.words(), &words).into());
    }
    Ok((webhook, verb, failed))
}

fn to(webhook: &Webhook) -> Markup {
    html! { p { "The webhook " b { (webhook.name) } ", " (webhook.url) ":" } }
}

/// The page that says what will be done to a webhook.
pub(super) async fn ask(State(app): State<ApiState>, visit: Visit, Path((id, verb)): Path<(String, String)>) -> Answer {
    let (webhook, verb, failed) = asked(&app, &id, &verb).await?;
    let (id, name) = (webhook.id(), webhook.spec.name.as_str());
    let (to, effects) = (to(&webhook.spec), verb.effects(failed));
    let body = Question { kind: Kind::Webhook, id, name, words: verb.words(), to, effects }.markup();
    let title = format!("{}: webhook {name}", verb.words());
    Ok(Page::new(&visit, "/ui/webhooks", &title, body, verb.same(id, name)).response(StatusCode::OK))
}

/// Carries the verb out, and leads back to the webhook.
pub(super) async fn carry_out(
    State(app): State<ApiState>,
    visit: Visit,
    RequestWriter(writer): RequestWriter,
    _: SameOrigin,
    Path((id, verb)): Path<(String, String)>,
) -> Answer {
    let (webhook, verb, _) = asked(&app, &id, &verb).await?;
    let id = webhook.id();
    match verb {
        HookVerb::Test => drop(writer.test_webhook(webhook).await?),
        HookVerb::Redeliver => {
            let state = Some(DeliveryState::Failed);
            let range = DeliveryRange { webhook: id, state, since: None, until: None, after: 0, limit: MOST };
            writer.redeliver_all(range).await?;
        }
        HookVerb::Disable | HookVerb::Enable => {
            let press = Press { app: &app, visit: &visit, writer: &writer, id };
            press.change::<Webhook>(verb.body(), |_| Ok(())).await?;
        }
    }
    app.due.announce();
    Ok(Redirect::to(&link(Kind::Webhook, id)).into_response())
}

/// The page that says what will be done to one delivery.
pub(super) async fn ask_one(State(app): State<ApiState>, visit: Visit, Path(id): Path<String>) -> Answer {
    let id = record_id(&id)?;
    let delivery = app.store.get::<WebhookDelivery>(id).await?;
    let webhook = app.store.get::<Webhook>(delivery.spec.webhook_id).await?;
    let words = HookVerb::Redeliver.words();
    let effects = [
        "It is sent once more at once, whatever became of it before, and tried again as if it had never been sent.",
        "It has the webhook-id that it had before: a receiver that has taken it knows it.",
    ];
    let question = Question {
        kind: Kind::WebhookDelivery,
        id,
        name: &delivery.spec.event_type,
        words,
        to: to(&webhook.spec),
        effects: effects.map(str::to_owned).to_vec(),
    };
    let number = id.to_string();
    let title = format!("{words}: {}", delivery.spec.event_type);
    let words = ["webhook", "redeliver", "--delivery", &number];
    let same = Same::post(&format!("/v0/webhook-deliveries/{id}/redeliver"), &words);
    Ok(Page::new(&visit, "/ui/webhooks", &title, question.markup(), same).response(StatusCode::OK))
}

/// Sends the delivery again, and leads to it.
pub(super) async fn carry_out_one(
    State(app): State<ApiState>,
    RequestWriter(writer): RequestWriter,
    _: SameOrigin,
    Path(id): Path<String>,
) -> Answer {
    let id = record_id(&id)?;
    writer.redeliver(id).await?;
    app.due.announce();
    Ok(Redirect::to(&link(Kind::WebhookDelivery, id)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disabled_webhook_can_only_be_enabled() {
        let verbs = |disabled, failed| -> Vec<HookVerb> {
            HookVerb::of(&Webhook { disabled: Some(disabled), ..Webhook::default() }, failed).collect()
        };
        assert_eq!(verbs(true, 3), [HookVerb::Enable]);
        assert_eq!(verbs(false, 3), [HookVerb::Test, HookVerb::Redeliver, HookVerb::Disable]);
        assert_eq!(verbs(false, 0), [HookVerb::Test, HookVerb::Disable]);
    }

    #[test]
    fn how_many_are_sent_again_is_said() {
        let first = |failed| HookVerb::Redeliver.effects(failed).remove(0);
        assert!(first(1).starts_with("The delivery that failed") && first(12).contains("The 12 deliveries"));
        assert!(first(MOST + 1).contains("the 1000 oldest"), "{}", first(MOST + 1));
    }
}
