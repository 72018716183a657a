//! Where events are sent.

use super::{checked_text, is_server};
use crate::{
    scalar::{Hints, Scalar, no_nul},
    schema::described,
    value::{Type, Value},
};
use serde::{Deserialize, Serialize};
use std::fmt;

checked_text!(
    /// An http or https address to which events are sent. It names no user, and nothing after a `#`.
    WebhookUrl, webhook_url, Hints { format: Some("uri"), max_length: Some(2048), pattern: Some(r"^https?://([A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?)*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[-A-Za-z0-9/._~!$&'()*+,;=:@%]*)?(\?[-A-Za-z0-9/._~!$&'()*+,;=:@%?]*)?$"), ..Hints::NONE }
);
fn webhook_url(text: &str) -> Result<String, String> {
    let example = "such as https://hooks.example.org/causeway";
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let rest = rest.ok_or_else(|| format!("must begin with https://, {example}"))?;
    let (server, target) = rest.find(['/', '?']).map_or((rest, ""), |end| rest.split_at(end));
    if text.len() > 2048 || !is_server(server) {
        return Err(format!("is no address of a server, {example}"));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-/._~!$&'()*+,;=:@%?".contains(c);
    if let Some(other) = target.chars().find(|c| !plain(*c)) {
        return Err(format!("must not hold `{}`; percent-encode it, or leave it out", other.escape_default()));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_a_server_and_nobody_else() {
        for good in [
            "https://hooks.example.org",
            "https://hooks.example.org:8443/a/b?c=d&e=%20",
            "http://10.0.0.1:80/x",
            "https://[2001:db8::1]/",
            "https://a.example?x",
        ] {
            assert_eq!(good.parse::<WebhookUrl>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "hooks.example.org",
            "ftp://a.example",
            "https://",
            "https://user@host/",
            "https://user:pw@host/",
            "https://host/#part",
            "https://host:0/",
            "https://host:99999/",
            "https://host/a b",
            "https://host/\u{e9}",
            "https://host\\@other/",
            "https://host/\r\nX: y",
        ] {
            assert!(bad.parse::<WebhookUrl>().is_err(), "{bad}");
        }
        assert!(format!("https://a.example/{}", "x".repeat(2048)).parse::<WebhookUrl>().is_err());
    }
}
