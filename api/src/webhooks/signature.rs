//! Signatures of Standard Webhooks: `v1`, HMAC-SHA256.
//!
//! Why our own in place of the crate `standardwebhooks`: it is these lines around the HMAC that we have, and brings two more crates. The tests verify
//! them with the libraries for Python and for Node.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::hmac;

/// The header `webhook-signature`: a signature with each key, with blanks between them.
pub(super) fn sign(keys: &[Vec<u8>], id: &str, timestamp: i64, body: &str) -> String {
    let content = format!("{id}.{timestamp}.{body}");
    let sign = |key: &Vec<u8>| {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), content.as_bytes());
        format!("v1,{}", STANDARD.encode(tag))
    };
    keys.iter().map(sign).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::nouns::Webhook;

    #[test]
    fn a_signature_is_that_of_the_specification() {
        // The example that the specification's libraries have in their tests.
        let key = Webhook::signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed =
            sign(std::slice::from_ref(&key), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let both = sign(&[vec![1], key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert!(both.starts_with("v1,") && both.ends_with(&format!(" {signed}")), "{both}");
    }
}
