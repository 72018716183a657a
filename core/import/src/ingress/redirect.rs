//! `permanent-redirect` and `temporal-redirect`: the filter RequestRedirect.

use super::settings::{nginx, path};
use crate::source::Source;
use serde_json::{Value, json};

/// Codes that Gateway API knows.
const CODES: [i64; 5] = [301, 302, 303, 307, 308];

/// The filter; None: there is no redirect that a record could say.
pub(super) fn filter(source: &mut Source) -> Option<Value> {
    let permanent = redirect(source, "permanent-redirect", "permanent-redirect-code", 301);
    let temporal = redirect(source, "temporal-redirect", "temporal-redirect-code", 302);
    if permanent.is_some() && temporal.is_some() {
        for key in ["permanent-redirect", "permanent-redirect-code"] {
            if !source.seen(&path(key)).is_null() {
                source.unsupported(&path(key), "stands beside temporal-redirect, which counts");
            }
        }
    }
    temporal.or(permanent)
}

fn redirect(source: &mut Source, key: &str, code: &str, usual: i64) -> Option<Value> {
    let target = source.seen(&path(key)).as_str()?.to_owned();
    let Some(mut redirect) = parts(&target) else {
        source.unsupported(
            &path(key),
            "is no address that a filter RequestRedirect can say: a scheme, a hostname and a path without variables",
        );
        return None;
    };
    let number = source.seen(&path(code)).as_str().map(|text| text.parse::<i64>());
    let number = match number {
        None => usual,
        Some(Ok(number)) if CODES.contains(&number) => {
            nginx(source, code);
            number
        }
        Some(_) => {
            source.unsupported(
                &path(code),
                &format!("is no code of a redirect that Gateway API knows; {usual} is taken"),
            );
            usual
        }
    };
    nginx(source, key);
    redirect["statusCode"] = json!(number);
    Some(json!({"type": "RequestRedirect", "requestRedirect": redirect}))
}

/// An address as the filter has it. `$host` and `$request_uri` stand for what the client has sent, which the filter keeps.
fn parts(target: &str) -> Option<Value> {
    let mut redirect = json!({});
    let rest = match target.split_once("://") {
        Some((scheme @ ("http" | "https"), rest)) => {
            redirect["scheme"] = json!(scheme);
            rest
        }
        Some(_) => return None,
        None if target.starts_with('/') => target,
        None => return None,
    };
    let (host, after) = match rest.strip_prefix("$host") {
        Some(after) => ("", after),
        None => rest.split_at(rest.find(['/', '$']).unwrap_or(rest.len())),
    };
    // A scheme without anything behind it.
    if rest.is_empty() {
        return None;
    }
    if let Some((name, port)) = host.rsplit_once(':') {
        redirect["port"] = json!(port.parse::<u16>().ok().filter(|port| *port > 0)?);
        redirect["hostname"] = json!(name);
    } else if !host.is_empty() {
        redirect["hostname"] = json!(host);
    }
    match after {
        "$request_uri" => Some(redirect),
        "" => path_of(redirect, "/"),
        path if path.starts_with('/') && !path.contains(['$', '?', '#']) => path_of(redirect, path),
        _ => None,
    }
}

fn path_of(mut redirect: Value, path: &str) -> Option<Value> {
    redirect["path"] = json!({"type": "ReplaceFullPath", "replaceFullPath": path});
    Some(redirect)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_becomes_what_changes() {
        let full = |path: &str| json!({"type": "ReplaceFullPath", "replaceFullPath": path});
        assert_eq!(
            parts("https://a.test/b"),
            Some(json!({"scheme": "https", "hostname": "a.test", "path": full("/b")}))
        );
        assert_eq!(parts("https://a.test"), Some(json!({"scheme": "https", "hostname": "a.test", "path": full("/")})));
        assert_eq!(
            parts("http://a.test:81$request_uri"),
            Some(json!({"scheme": "http", "hostname": "a.test", "port": 81}))
        );
        assert_eq!(parts("https://$host$request_uri"), Some(json!({"scheme": "https"})));
        assert_eq!(parts("/b"), Some(json!({"path": full("/b")})));
        for other in [
            "",
            "https://",
            "a",
            "ftp://a",
            "https://a.test/$1",
            "https://a.test/b?c",
            "https://a.test:x/",
            "https://$server_name/",
        ] {
            assert_eq!(parts(other), None, "{other}");
        }
    }
}
