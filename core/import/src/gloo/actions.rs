//! What a route does with its requests: it sends them somewhere, or answers with a redirect.

use super::{
    MOST, flag, is_there, number, reference, text,
    upstreams::{Target, Upstreams},
};
use crate::source::Source;
use serde_json::{Value, json};

/// What a route does.
pub(super) enum Action {
    /// It sends to Services, by weight.
    Send(Vec<(Target, Option<i64>)>),
    /// `requestRedirect` of a filter. The beginning of the path that it replaces, if it does, is said by the match.
    Redirect { redirect: Value, prefix: Option<String> },
    /// Nothing that a record could say: the requests are answered with an error.
    Nothing,
}

const ERROR: &str = "requests are answered with an error until the rule is written anew";

/// Reads the action of a route.
pub(super) fn action(source: &mut Source, route: &str, upstreams: &mut Upstreams) -> Action {
    let (send, redirect) = (format!("{route}/routeAction"), format!("{route}/redirectAction"));
    if is_there(source, &redirect) {
        return self::redirect(source, &redirect);
    }
    if is_there(source, &send) {
        let targets = destinations(source, &send, upstreams);
        return if targets.is_empty() { Action::Nothing } else { Action::Send(targets) };
    }
    let answer = format!("{route}/directResponseAction");
    let place = if is_there(source, &answer) { answer } else { route.to_owned() };
    source.unsupported(&place, &format!("no rule of Gateway API answers by itself: {ERROR}"));
    Action::Nothing
}

/// The Services of an action: `single`, or `multi` with weights.
pub(super) fn destinations(source: &mut Source, action: &str, upstreams: &mut Upstreams) -> Vec<(Target, Option<i64>)> {
    let single = format!("{action}/single");
    if is_there(source, &single) {
        return destination(source, &single, upstreams).into_iter().map(|target| (target, None)).collect();
    }
    let list = format!("{action}/multi/destinations");
    let count = source.entries(&list, MOST);
    if count == 0 {
        source.unsupported(action, &format!("leads to what is no Service: {ERROR}"));
    }
    let mut all = vec![];
    for index in 0..count {
        let at = format!("{list}/{index}");
        let weight = number(source, &format!("{at}/weight"));
        let target = destination(source, &format!("{at}/destination"), upstreams);
        all.extend(target.map(|target| (target, weight)));
    }
    all
}

fn destination(source: &mut Source, at: &str, upstreams: &mut Upstreams) -> Option<Target> {
    let own = source.object.namespace.clone();
    let (kube, upstream) = (format!("{at}/kube"), format!("{at}/upstream"));
    let target = if is_there(source, &kube) {
        let named = reference(source, &format!("{kube}/ref"), &own);
        named.zip(number(source, &format!("{kube}/port"))).map(|((namespace, service), port)| Target {
            namespace,
            service,
            port,
        })
    } else if let Some(named) = reference(source, &upstream, &own) {
        match upstreams.find(&named) {
            Ok(target) => Some(target),
            Err((loss, problem)) => {
                source.report(
                    &upstream,
                    loss,
                    &format!("{problem}; until then requests for it are answered with an error"),
                );
                None
            }
        }
    } else {
        None
    };
    let subset = format!("{at}/subset");
    if is_there(source, &subset) {
        source.unsupported(
            &subset,
            "chooses among the pods of a Service, and a backend is a whole Service: bring one for these pods",
        );
    }
    if target.is_none() && !source.is_taken(&upstream) {
        source.unsupported(at, &format!("leads to what is no Service: {ERROR}"));
    }
    target
}

fn redirect(source: &mut Source, at: &str) -> Action {
    let mut redirect = json!({"statusCode": code(source, &format!("{at}/responseCode"))});
    if flag(source, &format!("{at}/httpsRedirect")) == Some(true) {
        redirect["scheme"] = json!("https");
    }
    if let Some(host) = text(source, &format!("{at}/hostRedirect")) {
        redirect["hostname"] = json!(host);
    }
    if let Some(port) = number(source, &format!("{at}/portRedirect")) {
        redirect["port"] = json!(port);
    }
    if let Some(path) = text(source, &format!("{at}/pathRedirect")) {
        redirect["path"] = json!({"type": "ReplaceFullPath", "replaceFullPath": path});
    }
    let strip = format!("{at}/stripQuery");
    match source.seen(&strip).as_bool() {
        Some(false) => drop(flag(source, &strip)),
        Some(true) => source.unsupported(&strip, "a redirect of Gateway API keeps the query"),
        None => {}
    }
    Action::Redirect { redirect, prefix: text(source, &format!("{at}/prefixRewrite")) }
}

fn code(source: &mut Source, at: &str) -> i64 {
    let known = match source.seen(at).as_str() {
        Some("MOVED_PERMANENTLY") => 301,
        Some("FOUND") => 302,
        Some("SEE_OTHER") => 303,
        Some("TEMPORARY_REDIRECT") => 307,
        Some("PERMANENT_REDIRECT") => 308,
        // What is written otherwise stays, and is reported.
        _ => return 301,
    };
    text(source, at);
    known
}
