//! What is seen of a hostname from the API's own machine: name servers, addresses, certificates and answers. The sentence and the steps are those of
//! `causeway_diagnosis`, as the API and `causeway diagnose` tell them.

use super::{
    layout::{Answer, Page, Visit},
    list::record_id,
    parts::{Look, ago, escaped, link, state},
    same::Same,
    verdict,
};
use crate::{
    routes::diagnosis::{about_gateway, find_out},
    state::ApiState,
    wire::query::{QueryPairs, value},
};
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
};
use causeway_diagnosis::{Diagnosis, Step, Verdict};
use causeway_records::{Kind, nouns::GatewayInstance};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

/// The button, with what it will do. The answer comes in its place; what a page is told of meanwhile leaves both alone.
pub(super) fn button(id: i64, hostname: &str) -> Markup {
    html! { div hx-morph-skip { (section(id, hostname, "Look from here", &html! {})) } }
}

fn section(id: i64, hostname: &str, words: &str, answer: &Markup) -> Markup {
    let (path, own) = (format!("{}/diagnosis", link(Kind::GatewayInstance, id)), format!("look-{id}"));
    html! {
        section class="look" id=(own) aria-label="What is seen from here" {
            form action=(path) hx-get=(path) hx-target={"#" (own)} hx-select={"#" (own)} hx-swap="outerMorph" hx-sync="drop" {
                input type="hidden" name="hostname" value=(hostname);
                button class="button" id={"look-button-" (id)} { (words) }
                span class="note" {
                    "The API asks name servers, connects to the gateway, and reads certificate and answer. It takes some seconds and changes nothing."
                }
                span class="busy" role="status" { "Looking" }
            }
            (answer)
        }
    }
}

/// What is seen now.
pub(super) async fn page(
    State(app): State<ApiState>,
    visit: Visit,
    Path(id): Path<String>,
    Query(pairs): Query<QueryPairs>,
) -> Answer {
    let id = record_id(&id)?;
    let instance = app.store.get::<GatewayInstance>(id).await?;
    let questions = about_gateway(&app.store, id, &pairs).await?;
    let seen = find_out(&app, &visit.caller, &questions).await;
    let hostname = value(&pairs, "hostname").unwrap_or_default();
    let answer = match &seen {
        Ok(found) => html! { @for one in found { (told(one, Utc::now())) } },
        // A page with the code of a refusal would not come in place.
        Err((_, why)) => verdict::of_sentence(Look::Waits, "Not looked", why, None, None),
    };
    let name = instance.spec.name.as_str();
    let called = if hostname.is_empty() { name } else { hostname };
    let title = format!("{called}, seen from here");
    let back = if hostname.is_empty() {
        link(Kind::GatewayInstance, id)
    } else {
        format!("/ui/hostnames/{}", escaped(hostname))
    };
    let body = html! {
        div class="trail" { a href=(back) { (called) } }
        h1 { (title) }
        (section(id, hostname, "Look again", &answer))
    };
    let (query, words) = match hostname {
        "" => (String::new(), vec!["diagnose", "gateway-instance", name]),
        hostname => (format!("?hostname={}", escaped(hostname)), vec!["diagnose", hostname]),
    };
    let same = Same::read(&format!("/v0/gateway-instances/{id}/diagnosis{query}"), &words);
    Ok(Page::new(&visit, "/ui/gateway-instances", &title, body, same).response(StatusCode::OK))
}

/// One diagnosis: its sentence, then its steps.
fn told(diagnosis: &Diagnosis, now: DateTime<Utc>) -> Markup {
    let unsure = diagnosis.steps.iter().any(|step| step.verdict == Verdict::Unknown);
    let shape = match (diagnosis.served, unsure) {
        (false, _) => Look::Fails,
        (true, true) => Look::Waits,
        (true, false) => Look::Stands,
    };
    html! {
        (verdict::of_sentence(shape, "Seen from here", &diagnosis.summary, Some(ago(now, now)), None))
        div class="sheet seen" {
            table class="rows" {
                caption { "Steps of a request to " (diagnosis.hostname) }
                thead { tr { th scope="col" { "Step" } th scope="col" { "What was seen" } th scope="col" { "Next step" } } }
                tbody { @for step in &diagnosis.steps { (row(step)) } }
            }
        }
    }
}

fn row(step: &Step) -> Markup {
    let (look, word) = match step.verdict {
        Verdict::Passed => (Look::Stands, "Passed"),
        Verdict::Failed => (Look::Fails, "Failed"),
        Verdict::Unknown => (Look::Waits, "Unknown"),
    };
    html! {
        tr {
            td { span class="name" { (format!("{:?}", step.step)) } span class="below" { (state(look, word)) } }
            td class="told" { (step.evidence) }
            td class="told" { (step.advice) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_diagnosis::StepName;

    #[test]
    fn what_is_seen_is_told_in_the_words_of_the_diagnosis() {
        let step = |step, verdict, evidence: &str, advice: &str| Step {
            step,
            verdict,
            evidence: evidence.to_owned(),
            advice: advice.to_owned(),
        };
        let mut seen = Diagnosis {
            hostname: "a.example".into(),
            served: false,
            summary: "a.example is not served: port 443/ answers <503>; see".into(),
            steps: vec![
                step(StepName::Answered, Verdict::Failed, "port 443/ answers <503>", "see"),
                step(StepName::Resolved, Verdict::Unknown, "nobody can be asked", ""),
            ],
        };
        let page = told(&seen, Utc::now()).into_string();
        assert!(
            page.contains("verdict fails")
                && page.contains("Seen from here: </b>a.example is not served: port 443/ answers &lt;503&gt;; see"),
            "{page}"
        );
        assert!(page.find("Answered").unwrap() < page.find("Resolved").unwrap(), "in the order of the diagnosis");
        seen.served = true;
        assert!(told(&seen, Utc::now()).into_string().contains("verdict waits"), "it isn't known of all");
        seen.steps.clear();
        assert!(told(&seen, Utc::now()).into_string().contains("verdict stands"));
    }
}
