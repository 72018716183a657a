//! Whether two matches are about the same requests, or one of them about all that the other is about. Regular expressions are not evaluated.

use crate::requests::{Demand, PathDemand, Requests};
use std::collections::BTreeMap;

/// Whether there are requests that two matches are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Meet {
    /// There are none.
    Never,
    /// There may be.
    Perhaps,
    /// There are.
    Sometimes,
}

/// Whether there are requests that both are about.
pub(super) fn meet(one: &Requests, other: &Requests) -> Meet {
    let method = match (&one.method, &other.method) {
        (Some(one), Some(other)) if one != other => Meet::Never,
        _ => Meet::Sometimes,
    };
    let lists = [(&one.headers, &other.headers), (&one.query, &other.query)];
    let demands = lists.into_iter().flat_map(|(one, other)| both(one, other));
    demands.chain([method, paths_meet(&one.path, &other.path)]).min().unwrap_or(method)
}

/// The demands on what both name.
fn both<'d>(
    one: &'d BTreeMap<String, Demand>,
    other: &'d BTreeMap<String, Demand>,
) -> impl Iterator<Item = Meet> + use<'d> {
    let meet = |one: &Demand, other: &Demand| match (one == other, one.regular || other.regular) {
        (true, _) => Meet::Sometimes,
        (false, true) => Meet::Perhaps,
        (false, false) => Meet::Never,
    };
    one.iter().filter_map(move |(name, demand)| Some(meet(demand, other.get(name)?)))
}

fn paths_meet(one: &PathDemand, other: &PathDemand) -> Meet {
    use PathDemand::{Call, Exact, Prefix, Regular};
    let if_so = |is: bool| if is { Meet::Sometimes } else { Meet::Never };
    match (one, other) {
        _ if one == other => Meet::Sometimes,
        (Regular(all), Prefix(_) | Exact(_)) | (Prefix(_) | Exact(_), Regular(all)) if is_everything(all) => {
            Meet::Sometimes
        }
        (Regular(expression), path) | (path, Regular(expression)) => may_match(expression, path),
        (Exact(one), Exact(other)) => if_so(one == other),
        (Prefix(prefix), Exact(path)) | (Exact(path), Prefix(prefix)) => if_so(is_under(path, prefix)),
        (Prefix(one), Prefix(other)) => if_so(is_under(one, other) || is_under(other, one)),
        (
            Call { service, method, regular },
            Call { service: theirs, method: their_method, regular: theirs_regular },
        ) => {
            let part = |one: &Option<String>, other: &Option<String>| one.is_none() || other.is_none() || one == other;
            match part(service, theirs) && part(method, their_method) {
                _ if *regular || *theirs_regular => Meet::Perhaps,
                same => if_so(same),
            }
        }
        // One listener has routes of one kind.
        (Call { .. }, _) | (_, Call { .. }) => Meet::Never,
    }
}

/// Whether a path is the prefix, or goes on with a slash.
fn is_under(path: &str, prefix: &str) -> bool {
    prefix == "/" || path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Expressions that describe every path.
fn is_everything(expression: &str) -> bool {
    let inner = expression.strip_prefix('^').unwrap_or(expression);
    let inner = inner.strip_suffix('$').unwrap_or(inner);
    matches!(inner, ".*" | "/.*")
}

/// What the expression describes begins as it does, up to its first sign.
fn may_match(expression: &str, path: &PathDemand) -> Meet {
    let start = literal_start(expression);
    let path = match path {
        PathDemand::Exact(path) | PathDemand::Prefix(path) => path.as_str(),
        PathDemand::Regular(other) => literal_start(other),
        PathDemand::Call { .. } => return Meet::Never,
    };
    if start.starts_with(path) || path.starts_with(start) { Meet::Perhaps } else { Meet::Never }
}

fn literal_start(expression: &str) -> &str {
    if expression.contains('|') {
        return "";
    }
    let is_sign = |letter: char| !(letter.is_ascii_alphanumeric() || "/_-~!&=:@%,;'".contains(letter));
    let end = expression.find(is_sign).unwrap_or(expression.len());
    // The last letter before a sign may be what the sign repeats, or makes optional.
    let end = if end < expression.len() { end.saturating_sub(1) } else { end };
    &expression[..end]
}

/// Whether every request that `inner` is about is one that `outer` is about, too. False where that can't be told.
pub(super) fn covers(outer: &Requests, inner: &Requests) -> bool {
    let has_method = outer.method.is_none() || outer.method == inner.method;
    has_method
        && path_covers(&outer.path, &inner.path)
        && demands_less(&outer.headers, &inner.headers)
        && demands_less(&outer.query, &inner.query)
}

/// Each demand is one of the others.
fn demands_less(fewer: &BTreeMap<String, Demand>, more: &BTreeMap<String, Demand>) -> bool {
    fewer.iter().all(|(name, demand)| more.get(name) == Some(demand))
}

fn path_covers(outer: &PathDemand, inner: &PathDemand) -> bool {
    use PathDemand::{Call, Exact, Prefix, Regular};
    match (outer, inner) {
        _ if outer == inner => true,
        (Regular(all), Exact(_) | Prefix(_) | Regular(_)) => is_everything(all),
        (Prefix(prefix), Exact(path) | Prefix(path)) => is_under(path, prefix),
        (Call { service, method, regular: false }, Call { service: theirs, method: their_method, .. }) => {
            let part = |outer: &Option<String>, inner: &Option<String>| outer.is_none() || outer == inner;
            part(service, theirs) && part(method, their_method)
        }
        _ => false,
    }
}
