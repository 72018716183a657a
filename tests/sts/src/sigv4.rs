//! AWS's signatures, version 4, computed from what AWS's documentation says.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use ring::{digest, hmac};

pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// All but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where and when a key signs: `20260105/eu-central-1/sts/aws4_request`, behind the id of the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) key: String,
    pub(crate) day: String,
    pub(crate) region: String,
    pub(crate) service: String,
}

impl Scope {
    pub(crate) fn parse(credential: &str) -> Result<Self, String> {
        match credential.split('/').map(str::to_owned).collect::<Vec<_>>().as_slice() {
            [key, day, region, service, end] if end == "aws4_request" => {
                Ok(Self { key: key.clone(), day: day.clone(), region: region.clone(), service: service.clone() })
            }
            _ => Err(format!("the credential {credential} has no scope")),
        }
    }
}

/// What is signed.
#[derive(Clone, Debug)]
pub(crate) struct Canonical<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// Sorted, each encoded.
    pub(crate) query: Vec<(String, String)>,
    /// Sorted, in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: &'a [u8],
}

impl Canonical<'_> {
    /// The signature with this secret at a time such as `20260105T101112Z`.
    pub(crate) fn signature(&self, secret: &str, scope: &Scope, time: &str) -> String {
        let mut query =
            self.query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>();
        query.sort();
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        let headers: String = self.headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
        let request =
            [self.method, self.path, &query.join("&"), &headers, &names.join(";"), &sha256(self.body)].join("\n");
        let Scope { day, region, service, .. } = scope;
        let text =
            format!("{ALGORITHM}\n{time}\n{day}/{region}/{service}/aws4_request\n{}", sha256(request.as_bytes()));
        let key = [day.as_str(), region, service, "aws4_request"]
            .into_iter()
            .fold(format!("AWS4{secret}").into_bytes(), |key, part| mac(&key, part));
        hex(&mac(&key, &text))
    }
}

/// Pairs of a query or a form.
///
/// # Errors
/// When a pair is no pair, or one comes twice.
pub(crate) fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs: Vec<(String, String)> = vec![];
    for pair in text.split('&') {
        let (name, value) = pair.split_once('=').ok_or(format!("{pair} is no pair"))?;
        let plain =
            |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8().map(|text| text.into_owned());
        let (name, value) = (plain(name).map_err(|e| e.to_string())?, plain(value).map_err(|e| e.to_string())?);
        if pairs.iter().any(|(other, _)| *other == name) {
            return Err(format!("{name} comes twice"));
        }
        pairs.push((name, value));
    }
    Ok(pairs)
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

fn sha256(data: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, data).as_ref())
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
