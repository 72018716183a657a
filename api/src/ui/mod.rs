//! The dashboard: pages of plain HTML that the API's own process renders, one file for each, with maud: a page is a function, checked by the compiler.
//!
//! A page answers one question, and shows what the API answers: the same ids, the same conditions in the same words. Whatever is chosen on a page
//! is in its address. Every page reads without scripts; with them it follows what happens ([`live`]). Handlers read the store as the handlers of the API do and hold no rules of their own.

mod assets;
mod attachments;
mod audit;
mod certificates;
mod chain;
mod deliveries;
mod events;
mod facts;
mod fleet;
mod hostname;
mod layout;
mod list;
mod live;
mod look;
mod names;
mod parts;
mod press;
mod question;
mod record;
mod same;
mod services;
mod session;
mod shown;
mod table;
mod verbs;
mod verdict;
mod webhook_verbs;
mod webhooks;

use crate::{layers::PageRefusals, route::Routes, state::ApiState};
use axum::{
    extract::DefaultBodyLimit,
    http::{Method, StatusCode, Uri},
    response::{IntoResponse, Redirect, Response},
};
use causeway_records::nouns::Role;

/// Forms hold a token at most.
const MAX_BODY: usize = 4096;

/// The pages. They are no part of the API, and not in its document.
pub(crate) fn routes() -> Routes<ApiState> {
    Routes::default()
        .get("/ui", Role::Viewer, fleet::page)
        .get("/ui/watch", Role::Viewer, live::watch)
        .get("/ui/search", Role::Viewer, list::search)
        .get("/ui/hostnames/{hostname}", Role::Viewer, hostname::page)
        .get("/ui/events", Role::Viewer, events::page)
        .get("/ui/certificates", Role::Viewer, certificates::page)
        .get("/ui/support-services", Role::Viewer, services::page)
        .get("/ui/webhooks", Role::Viewer, webhooks::list)
        .get("/ui/webhooks/{id}", Role::Viewer, webhooks::page)
        .get("/ui/webhooks/{id}/{verb}", Role::Editor, webhook_verbs::ask)
        .post("/ui/webhooks/{id}/{verb}", Role::Editor, webhook_verbs::carry_out)
        .get("/ui/webhook-deliveries/{id}", Role::Viewer, deliveries::page)
        .get("/ui/webhook-deliveries/{id}/redeliver", Role::Editor, webhook_verbs::ask_one)
        .post("/ui/webhook-deliveries/{id}/redeliver", Role::Editor, webhook_verbs::carry_out_one)
        .get("/ui/gateway-instances/{id}/diagnosis", Role::Viewer, look::page)
        .get("/ui/audit", Role::Admin, audit::page)
        .get("/ui/{plural}", Role::Viewer, list::page)
        .get("/ui/{plural}/{id}", Role::Viewer, record::page)
        .get("/ui/{plural}/{id}/{verb}", Role::Editor, verbs::ask)
        .post("/ui/{plural}/{id}/{verb}", Role::Editor, verbs::carry_out)
        .merge(session::routes())
        .merge(assets::routes())
        .with(|router| router.layer(DefaultBodyLimit::max(MAX_BODY)))
}

/// How the dashboard refuses requests.
pub const REFUSALS: PageRefusals = PageRefusals { refused: layout::refusal, sign_in };

/// The answer to a request for a page by somebody who hasn't said who they are.
fn sign_in(method: &Method, uri: &Uri, sentence: &str, had_token: bool) -> Response {
    if *method != Method::GET {
        return layout::refusal(StatusCode::UNAUTHORIZED, sentence);
    }
    let next = parts::escaped(uri.path_and_query().map_or("/ui", |path| path.as_str()));
    let refused = if had_token { "&refused=true" } else { "" };
    Redirect::to(&format!("/ui/login?next={next}{refused}")).into_response()
}
