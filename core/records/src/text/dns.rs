//! Names of DNS.

pub(super) fn hostname(text: &str) -> Result<String, String> {
    let host = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    if host.is_empty() {
        return Err("is empty; give a DNS name such as shop.example.org".into());
    }
    if host.len() > 253 {
        return Err(format!("has {} characters; a DNS name has at most 253", host.len()));
    }
    host.split('.').try_for_each(label)?;
    Ok(host)
}

pub(super) fn listener_hostname(text: &str) -> Result<String, String> {
    let host = hostname(text.strip_prefix("*.").unwrap_or(text))?;
    match (text.starts_with("*."), host.len()) {
        (false, _) => Ok(host),
        (true, ..=251) => Ok(format!("*.{host}")),
        (true, length) => Err(format!("has {} characters; a DNS name has at most 253", length + 2)),
    }
}

pub(super) fn label(label: &str) -> Result<(), String> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    match label.as_bytes() {
        [] => Err("has an empty label; remove the extra dot".into()),
        bytes if bytes.len() > 63 => Err(format!("label `{label}` has {} characters; 63 are allowed", bytes.len())),
        bytes if !bytes.iter().all(|byte| inner(*byte)) => {
            Err(format!("label `{label}` may hold letters, digits and hyphens only"))
        }
        [b'-', ..] | [.., b'-'] => Err(format!("label `{label}` must not begin or end with a hyphen")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::text::{Hostname, ListenerHostname};

    #[test]
    fn hostnames_follow_the_rfc() {
        let ok = |text: &str| text.parse::<Hostname>().unwrap().to_string();
        assert_eq!(ok("Shop.Example.ORG."), "shop.example.org");
        assert_eq!(ok("a-1.b2"), "a-1.b2");
        for bad in ["", "a..b", "-a.b", "a-.b", "a_b.c", "a b", "*.a.b", &"a".repeat(64), &"abc.".repeat(75)] {
            assert!(bad.parse::<Hostname>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_listener_may_be_for_all_names_below_one() {
        let ok = |text: &str| text.parse::<ListenerHostname>().unwrap().to_string();
        assert_eq!([ok("*.Example.ORG."), ok("a.b")], ["*.example.org", "a.b"]);
        for bad in ["*", "*.", "a.*.b", "*a.b", "*.*.b", &format!("*.{}a", "abcde.".repeat(42))] {
            assert!(bad.parse::<ListenerHostname>().is_err(), "{bad}");
        }
    }
}
