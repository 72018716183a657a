//! What a cluster of EKS asks of a token: that it is a request to STS for `GetCallerIdentity`, signed for this cluster a short while ago by a key that AWS knows.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Duration, NaiveDateTime, Utc};

use crate::{
    Key,
    sigv4::{ALGORITHM, Canonical, Scope, pairs},
};

/// Characters of the longest token.
const LONGEST: usize = 1024 * 4;
/// How long after it was signed a token is taken, and how far clocks may differ.
const MINUTES: i64 = 15;
const SKEW_MINUTES: i64 = 5;
/// What the request itself may say of its age: EKS takes more, and `aws eks get-token` says this.
const MOST_SECONDS: i64 = 60;
/// All parameters that a token may have.
const PARAMETERS: [&str; 9] = [
    "Action",
    "Version",
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
];

/// The ARN of who signed a token that is shown to this cluster.
///
/// # Errors
/// Why it isn't taken.
pub fn signer(token: &str, cluster: &str, keys: &BTreeMap<String, Key>, now: DateTime<Utc>) -> Result<String, String> {
    if token.len() > LONGEST {
        return Err("the token is too long".into());
    }
    let encoded = token.strip_prefix("k8s-aws-v1.").ok_or("the token doesn't begin with k8s-aws-v1.")?;
    let url = BASE64_URL_SAFE_NO_PAD.decode(encoded).map_err(|error| format!("the token is no base64: {error}"))?;
    let url = String::from_utf8(url).map_err(|_| "the token is no text")?;
    let rest = url.strip_prefix("https://").ok_or("the token is no URL of HTTPS")?;
    let (host, rest) = rest.split_once('/').ok_or("the URL has no path")?;
    let query = rest.strip_prefix('?').ok_or("the path isn't /")?;
    let query = pairs(query)?;
    if let Some((unknown, _)) = query.iter().find(|(name, _)| !PARAMETERS.contains(&name.as_str())) {
        return Err(format!("{unknown} is no parameter of such a request"));
    }
    let get = |name: &str| {
        let found = query.iter().find(|(one, _)| one == name);
        found.map(|(_, value)| value.as_str()).ok_or(format!("{name} is missing"))
    };
    // 1. What is asked, and of whom.
    let expected = [("Action", "GetCallerIdentity"), ("Version", "2011-06-15"), ("X-Amz-Algorithm", ALGORITHM)];
    for (name, value) in expected {
        if get(name)? != value {
            return Err(format!("{name} is {}, not {value}", get(name)?));
        }
    }
    let scope = Scope::parse(get("X-Amz-Credential")?)?;
    if scope.service != "sts" || host != format!("sts.{}.amazonaws.com", scope.region) {
        return Err(format!("{host} isn't STS of {}", scope.region));
    }
    // 2. When.
    let time = get("X-Amz-Date")?;
    let signed = NaiveDateTime::parse_from_str(time, "%Y%m%dT%H%M%SZ").map_err(|error| format!("{time}: {error}"))?;
    let age = now - signed.and_utc();
    if !time.starts_with(&scope.day) || age > Duration::minutes(MINUTES) || age < -Duration::minutes(SKEW_MINUTES) {
        return Err(format!("the token was signed at {time}"));
    }
    let expires: i64 = get("X-Amz-Expires")?.parse().map_err(|_| "X-Amz-Expires is no number")?;
    if !(1..=MOST_SECONDS).contains(&expires) {
        return Err(format!("X-Amz-Expires is {expires}"));
    }
    // 3. By whom, and for which cluster: the name that is signed is this one's.
    if get("X-Amz-SignedHeaders")? != "host;x-k8s-aws-id" {
        return Err("other headers are signed than host and x-k8s-aws-id".into());
    }
    let key = keys.get(&scope.key).ok_or(format!("there is no key {}", scope.key))?;
    match (&key.session, get("X-Amz-Security-Token").ok()) {
        (None, None) => {}
        (Some((session, end)), Some(shown)) if session == shown && now < *end => {}
        _ => return Err("the session is another one, or has ended".into()),
    }
    let request = Canonical {
        method: "GET",
        path: "/",
        query: query.iter().filter(|(name, _)| name != "X-Amz-Signature").cloned().collect(),
        headers: vec![("host".into(), host.into()), ("x-k8s-aws-id".into(), cluster.into())],
        body: b"",
    };
    if get("X-Amz-Signature")? != request.signature(&key.secret, &scope, time) {
        return Err(format!("the signature isn't one of {} for cluster {cluster}", scope.key));
    }
    Ok(key.arn.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A token whose signature was computed by other means: HMAC and SHA-256 of Python's standard library.
    const URL: &str = "https://sts.eu-central-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15\
        &X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260105%2Feu-central-1%2Fsts%2Faws4_request\
        &X-Amz-Date=20260105T101112Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
        &X-Amz-Signature=2a515bd2f1b0139cb99bf9734d8b5a0d268b5483e0f0e9e922475a931509e934";

    fn shown(url: &str, cluster: &str, minutes: i64) -> Result<String, String> {
        let key = Key {
            secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            arn: "arn:aws:iam::1:user/ann".into(),
            session: None,
        };
        let token = format!("k8s-aws-v1.{}", BASE64_URL_SAFE_NO_PAD.encode(url));
        let signed = "2026-01-05T10:11:12Z".parse::<DateTime<Utc>>().expect("a time");
        signer(&token, cluster, &BTreeMap::from([("AKIDEXAMPLE".into(), key)]), signed + Duration::minutes(minutes))
    }

    #[test]
    fn a_token_is_taken_by_its_cluster_for_a_quarter_of_an_hour() {
        for minutes in [-5, 0, 15] {
            assert_eq!(shown(URL, "shop", minutes).as_deref(), Ok("arn:aws:iam::1:user/ann"));
        }
        for minutes in [-6, 16] {
            assert!(shown(URL, "shop", minutes).unwrap_err().contains("was signed at"));
        }
        assert!(shown(URL, "other", 0).unwrap_err().contains("signature"));
    }

    #[test]
    fn what_is_changed_is_refused() {
        let changes = [
            ("GetCallerIdentity", "GetSessionToken", "Action"),
            ("sts.eu-central-1.amazonaws.com", "sts.example.org", "isn't STS"),
            ("Expires=60", "Expires=61", "X-Amz-Expires"),
            ("Expires=60", "Expires=59", "signature"),
            ("host%3Bx-k8s-aws-id", "host", "other headers"),
            ("AKIDEXAMPLE", "AKIDOTHER", "no key"),
            ("&X-Amz-Expires", "&X-Amz-Security-Token=a&X-Amz-Expires", "session"),
            ("&X-Amz-Expires", "&Other=a&X-Amz-Expires", "no parameter"),
            ("&X-Amz-Expires", "&Action=a&X-Amz-Expires", "twice"),
            ("https://", "http://", "HTTPS"),
        ];
        for (from, to, why) in changes {
            let refused = shown(&URL.replace(from, to), "shop", 0).unwrap_err();
            assert!(refused.contains(why), "{to}: {refused}");
        }
    }
}
