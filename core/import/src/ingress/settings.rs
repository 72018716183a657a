//! The annotations of ingress-nginx that records can say. Those that nobody takes are reported with all others.

use super::{cors, redirect};
use crate::source::{Source, annotation};
use serde_json::{Value, json};

/// The annotations' prefix.
const NGINX: &str = "nginx.ingress.kubernetes.io/";

/// What annotations ask for, for all paths of the Ingress.
#[derive(Default)]
pub(super) struct Settings {
    /// Filters of each rule.
    pub(super) filters: Vec<Value>,
    /// `timeouts` of each rule.
    pub(super) timeouts: Option<Value>,
    /// Answers instead of the Service.
    pub(super) redirect: Option<Value>,
    /// Where `/` leads to.
    pub(super) app_root: Option<String>,
    pub(super) rewrite: Option<String>,
    pub(super) has_patterns: bool,
    pub(super) is_grpc: bool,
    /// Plain HTTP is redirected, where there is HTTPS.
    pub(super) to_https: bool,
    /// Further hostnames.
    pub(super) aliases: Vec<String>,
}

/// An annotation of ingress-nginx.
pub(super) fn nginx(source: &mut Source, key: &str) -> Option<String> {
    source.annotation(&format!("{NGINX}{key}"))
}

/// The path of one.
pub(super) fn path(key: &str) -> String {
    annotation(&format!("{NGINX}{key}"))
}

/// `"true"` or `"false"`; anything else is reported.
pub(super) fn flag(source: &mut Source, key: &str) -> Option<bool> {
    match source.seen(&path(key)).as_str()? {
        "true" => nginx(source, key).map(|_| true),
        "false" => nginx(source, key).map(|_| false),
        _ => {
            source.unsupported(&path(key), "is neither \"true\" nor \"false\"");
            None
        }
    }
}

/// Reads all of them. `has_tls`: one of the hostnames has a certificate, be it by another Ingress.
pub(super) fn settings(source: &mut Source, has_tls: bool) -> Settings {
    let mut settings = Settings { to_https: to_https(source, has_tls), ..Settings::default() };
    settings.has_patterns = flag(source, "use-regex").unwrap_or_default();
    settings.rewrite = nginx(source, "rewrite-target").filter(|target| !target.is_empty());
    settings.is_grpc = is_grpc(source);
    settings.filters.extend(cors::filter(source));
    if let Some(host) = nginx(source, "upstream-vhost") {
        settings.filters.push(json!({"type": "URLRewrite", "urlRewrite": {"hostname": host}}));
    }
    if let Some(prefix) = nginx(source, "x-forwarded-prefix") {
        let header = json!([{"name": "X-Forwarded-Prefix", "value": prefix}]);
        settings.filters.push(json!({"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": header}}));
    }
    settings.timeouts = timeouts(source);
    settings.redirect = redirect::filter(source);
    if settings.redirect.is_some() {
        unsaid(source, |_| true, "has no effect, because an annotation redirects all requests");
    }
    if settings.is_grpc {
        let of_http = |key: &str| key != "x-forwarded-prefix";
        unsaid(source, of_http, "rules of gRPC have no such part");
    }
    settings.app_root = app_root(source);
    let aliases = nginx(source, "server-alias").unwrap_or_default();
    settings.aliases = aliases.split(',').map(str::trim).filter(|alias| !alias.is_empty()).map(str::to_owned).collect();
    explain(source);
    settings
}

/// Where there is TLS, ingress-nginx redirects unless it is told not to.
fn to_https(source: &mut Source, has_tls: bool) -> bool {
    let redirect = flag(source, "ssl-redirect").unwrap_or(true);
    let forced = flag(source, "force-ssl-redirect").unwrap_or_default();
    if forced && !has_tls {
        let problem = "the Ingress has no TLS, so there is nothing to redirect to; give the gateway definition a port with TLSEnabled and set HTTPSRedirect on port 80";
        source.unsupported(&path("force-ssl-redirect"), problem);
    }
    if has_tls && (redirect || forced) {
        let key = if forced { "force-ssl-redirect" } else { "ssl-redirect" };
        source.lossy(&path(key), "plain HTTP is redirected with 301, and by ingress-nginx with 308; it is so where the annotation is left out, too");
    }
    has_tls && (redirect || forced)
}

fn is_grpc(source: &mut Source) -> bool {
    const KEY: &str = "backend-protocol";
    match source.seen(&path(KEY)).as_str().map(str::to_ascii_uppercase).as_deref() {
        Some("HTTP") => {
            nginx(source, KEY);
            false
        }
        Some("GRPC") => {
            nginx(source, KEY);
            true
        }
        Some(other) => {
            let problem = match other {
                "HTTPS" | "GRPCS" => {
                    "no record says that the Service ends TLS itself; requests reach it unencrypted. With TLSMode Passthrough the workload ends TLS of its clients"
                }
                _ => "no record says this protocol; the Service gets HTTP",
            };
            source.unsupported(&path(KEY), problem);
            other == "GRPCS"
        }
        None => false,
    }
}

fn timeouts(source: &mut Source) -> Option<Value> {
    const KEY: &str = "proxy-read-timeout";
    let seconds = source.seen(&path(KEY)).as_str()?.trim_end_matches('s').parse::<u32>();
    match seconds {
        Ok(seconds) if (1..=86_400).contains(&seconds) => {
            source.lossy(
                &path(KEY),
                "is the time for the whole request here, and that between two reads in ingress-nginx",
            );
            Some(json!({"request": format!("{seconds}s")}))
        }
        _ => {
            source.unsupported(&path(KEY), "is no number of seconds from 1 to 86400");
            None
        }
    }
}

fn app_root(source: &mut Source) -> Option<String> {
    let root = nginx(source, "app-root")?;
    if root.starts_with('/') {
        return Some(root);
    }
    source.unsupported(&path("app-root"), "is no path that begins with `/`");
    None
}

/// Annotations that become parts of rules.
const OF_RULES: [&str; 12] = [
    "rewrite-target",
    "use-regex",
    "enable-cors",
    "cors-allow-origin",
    "cors-allow-methods",
    "cors-allow-headers",
    "cors-expose-headers",
    "cors-allow-credentials",
    "cors-max-age",
    "upstream-vhost",
    "x-forwarded-prefix",
    "proxy-read-timeout",
];

/// Reports annotations that become parts of rules where there are no such rules. `only`: these, and all that go with CORS.
pub(super) fn unsaid(source: &mut Source, only: impl Fn(&str) -> bool, problem: &str) {
    for key in OF_RULES.into_iter().filter(|key| only(key)) {
        if !source.seen(&path(key)).is_null() {
            source.lossy(&path(key), problem);
        }
    }
}

/// Says of well-known annotations why they have no counterpart, and what to do.
fn explain(source: &mut Source) {
    const EXTERNAL_DNS: &str = "external-dns.alpha.kubernetes.io/";
    let keys: Vec<String> =
        source.seen("/metadata/annotations").as_object().into_iter().flat_map(|all| all.keys().cloned()).collect();
    for key in keys {
        let at = annotation(&key);
        if source.is_taken(&at) {
            continue;
        }
        if key.starts_with(EXTERNAL_DNS) {
            source.unsupported(&at, "publishing a hostname moves it, so no document does; a DomainNameInstance publishes what gateways of its workload answer to");
            continue;
        }
        let Some(own) = key.strip_prefix(NGINX) else { continue };
        let known = WHY.iter().find(|(begin, _)| own.starts_with(begin));
        if let Some((_, why)) = known {
            source.unsupported(&at, why);
        }
    }
}

const WHY: &[(&str, &str)] = &[
    (
        "auth-",
        "Gateway API's standard channel has no authentication of requests; the workload has to do it, or a policy of the gateway controller",
    ),
    (
        "limit-",
        "Gateway API's standard channel has no limits of rates and connections; a policy of the gateway controller has",
    ),
    ("affinity", "Gateway API's standard channel has no session affinity; a policy of the gateway controller has"),
    (
        "session-cookie",
        "Gateway API's standard channel has no session affinity; a policy of the gateway controller has",
    ),
    (
        "whitelist-source-range",
        "Gateway API's standard channel has no filter by address: everybody may ask. A policy of the gateway controller has one",
    ),
    (
        "denylist-source-range",
        "Gateway API's standard channel has no filter by address: everybody may ask. A policy of the gateway controller has one",
    ),
    ("configuration-snippet", "is configuration of nginx itself; say with filters of the rules what it does"),
    ("server-snippet", "is configuration of nginx itself; say with filters of the rules what it does"),
    ("custom-headers", "names a ConfigMap; write its headers as filter ResponseHeaderModifier of the rules"),
    ("canary-by-cookie", "no match of Gateway API is about a cookie"),
    ("proxy-ssl", "no record says that the Service ends TLS itself; requests reach it unencrypted"),
];
