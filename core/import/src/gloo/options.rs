//! Options of virtual hosts and routes: filters and time limits.

use super::{
    flag, is_there, reference, text, texts,
    upstreams::{Target, Upstreams},
};
use crate::source::Source;
use serde_json::{Value, json};

/// What options ask for.
#[derive(Clone, Default)]
pub(super) struct Options {
    /// What stands in the place of the path's beginning.
    pub(super) prefix: Option<String>,
    host: Option<String>,
    request: Headers,
    response: Headers,
    /// None within: no CORS, whatever the virtual host says.
    cors: Option<Option<Value>>,
    timeout: Option<String>,
    mirror: Option<(Target, Value)>,
}

#[derive(Clone, Default)]
struct Headers {
    set: Vec<(String, String)>,
    add: Vec<(String, String)>,
    remove: Vec<String>,
}

/// Reads options. What is above a route that another one delegates to counts for it, too, unless it says the same itself.
pub(super) fn read(source: &mut Source, at: &str, above: &Options, upstreams: &mut Upstreams) -> Options {
    let mut options = above.clone();
    let mut or = |key: &str, old: Option<String>| text(source, &format!("{at}/{key}")).or(old);
    options.prefix = or("prefixRewrite", options.prefix);
    options.host = or("hostRewrite", options.host);
    if let Some(timeout) = timeout(source, &format!("{at}/timeout")) {
        options.timeout = Some(timeout);
    }
    let headers = format!("{at}/headerManipulation");
    if is_there(source, &headers) {
        options.request = self::headers(source, &headers, "request");
        options.response = self::headers(source, &headers, "response");
    }
    let cors = format!("{at}/cors");
    if is_there(source, &cors) {
        options.cors = Some(self::cors(source, &cors));
    }
    let shadowing = format!("{at}/shadowing");
    if is_there(source, &shadowing) {
        options.mirror = mirror(source, &shadowing, upstreams);
    }
    upgrades(source, &format!("{at}/upgrades"));
    options
}

/// Seconds and their parts, as Gloo writes durations, in the units of Gateway API.
fn timeout(source: &mut Source, at: &str) -> Option<String> {
    let seconds = source.seen(at).as_str()?.strip_suffix('s')?.parse::<f64>().ok()?;
    let millis = (seconds * 1000.0).round();
    if !(0.0..=86_400_000.0).contains(&millis) {
        return None;
    }
    text(source, at);
    Some(if millis % 1000.0 == 0.0 { format!("{}s", millis / 1000.0) } else { format!("{millis}ms") })
}

fn headers(source: &mut Source, at: &str, of: &str) -> Headers {
    let mut headers = Headers { remove: texts(source, &format!("{at}/{of}HeadersToRemove")), ..Headers::default() };
    let list = format!("{at}/{of}HeadersToAdd");
    for index in 0..source.entries(&list, super::MOST) {
        let entry = format!("{list}/{index}");
        let named = text(source, &format!("{entry}/header/key")).zip(text(source, &format!("{entry}/header/value")));
        let Some(named) = named else {
            source.unsupported(&entry, "has no name and value of its own, as a filter of Gateway API needs");
            continue;
        };
        let is_added = flag(source, &format!("{entry}/append")).unwrap_or(true);
        if is_added { headers.add.push(named) } else { headers.set.push(named) }
    }
    headers
}

fn cors(source: &mut Source, at: &str) -> Option<Value> {
    if flag(source, &format!("{at}/disableForRoute")) == Some(true) {
        return None;
    }
    let mut cors = json!({});
    let lists = [
        ("allowOrigin", "allowOrigins"),
        ("allowMethods", "allowMethods"),
        ("allowHeaders", "allowHeaders"),
        ("exposeHeaders", "exposeHeaders"),
    ];
    for (key, ours) in lists {
        let found = texts(source, &format!("{at}/{key}"));
        if !found.is_empty() {
            cors[ours] = json!(found);
        }
    }
    if let Some(credentials) = flag(source, &format!("{at}/allowCredentials")) {
        cors["allowCredentials"] = json!(credentials);
    }
    let age = format!("{at}/maxAge");
    let seconds = source.seen(&age).as_str().and_then(|age| age.trim_end_matches('s').parse::<i64>().ok());
    if let Some(seconds) = seconds.filter(|seconds| (1..=i64::from(i32::MAX)).contains(seconds)) {
        text(source, &age);
        cors["maxAge"] = json!(seconds);
    }
    Some(cors)
}

fn mirror(source: &mut Source, at: &str, upstreams: &mut Upstreams) -> Option<(Target, Value)> {
    let own = source.object.namespace.clone();
    let place = format!("{at}/upstream");
    let named = reference(source, &place, &own)?;
    let target = match upstreams.find(&named) {
        Ok(target) => target,
        Err((loss, problem)) => {
            source.report(at, loss, &format!("{problem}; until then no request is copied"));
            return None;
        }
    };
    let percentage = format!("{at}/percentage");
    let share = source.seen(&percentage).as_f64().unwrap_or(100.0);
    source.take(&percentage);
    // In parts of ten thousand, so that 0.01 % can be said.
    let parts = (share.clamp(0.0, 100.0) * 100.0).round();
    let whole = parts % 100.0 == 0.0;
    let share = if whole {
        json!({"percent": (parts / 100.0) as i64})
    } else {
        json!({"fraction": {"numerator": parts as i64, "denominator": 10_000}})
    };
    Some((target, share))
}

/// A gateway passes WebSocket on without being asked.
fn upgrades(source: &mut Source, at: &str) {
    for index in 0..source.entries(at, super::MOST) {
        let place = format!("{at}/{index}/websocket");
        if source.seen(&format!("{place}/enabled")).as_bool() == Some(false) {
            source.unsupported(&place, "a gateway passes WebSocket on");
        } else {
            flag(source, &format!("{place}/enabled"));
        }
    }
}

impl Options {
    /// The filters of a rule, without those that rewrite its path, and its time limits. `host`: what the virtual host asks for; where both name a header, that
    /// counts.
    pub(super) fn filters(&self, host: &Self) -> Vec<Value> {
        let mut filters = vec![];
        for (kind, own, above) in [
            ("requestHeaderModifier", &self.request, &host.request),
            ("responseHeaderModifier", &self.response, &host.response),
        ] {
            let (set, add) = (merged(&above.set, &own.set), merged(&above.add, &own.add));
            let mut remove = above.remove.clone();
            remove.extend(own.remove.iter().filter(|name| !above.remove.contains(name)).cloned());
            let mut modifier = json!({});
            let lists = [("set", json!(set)), ("add", json!(add)), ("remove", json!(remove))];
            for (key, list) in lists.into_iter().filter(|(_, list)| *list != json!([])) {
                modifier[key] = list;
            }
            if modifier != json!({}) {
                let word = format!("{}{}", kind[..1].to_uppercase(), &kind[1..]);
                filters.push(json!({"type": word, kind: modifier}));
            }
        }
        if let Some(cors) = self.cors.clone().unwrap_or_else(|| host.cors.clone().flatten()) {
            filters.push(json!({"type": "CORS", "cors": cors}));
        }
        filters
    }

    /// `hostname` of a rewrite.
    pub(super) fn host_rewrite(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// `timeouts` of a rule.
    pub(super) fn timeouts(&self) -> Option<Value> {
        self.timeout.as_ref().map(|timeout| json!({"request": timeout}))
    }

    /// Where a copy of each request, or of some of them, goes, and of how many.
    pub(super) fn mirror(&self) -> Option<&(Target, Value)> {
        self.mirror.as_ref()
    }
}

/// Headers by their names, the first of each.
fn merged(first: &[(String, String)], then: &[(String, String)]) -> Vec<Value> {
    let mut names: Vec<String> = vec![];
    let mut all = vec![];
    for (name, value) in first.iter().chain(then) {
        if !names.contains(&name.to_ascii_lowercase()) {
            names.push(name.to_ascii_lowercase());
            all.push(json!({"name": name, "value": value}));
        }
    }
    all
}
