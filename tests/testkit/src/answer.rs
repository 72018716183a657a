//! An answer of the API, and what tests assert about it.

use anyhow::{Context, Result};
use http::HeaderMap;
use rustls::pki_types::CertificateDer;
use serde_json::Value;

/// An answer as it came, whatever it says.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status code.
    pub code: u16,
    /// The HTTP headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
    /// The body as JSON; null when it is none.
    pub body: Value,
    /// The certificate that the server presented; None over plain HTTP.
    pub certificate: Option<CertificateDer<'static>>,
}

impl Answer {
    /// An answer over plain HTTP.
    #[must_use]
    pub fn new(code: u16, headers: HeaderMap, text: String) -> Self {
        let body = serde_json::from_str(&text).unwrap_or_default();
        Self { code, headers, text, body, certificate: None }
    }

    /// The sentence of a refusal; empty if it is none.
    #[must_use]
    pub fn error(&self) -> &str {
        self.body["Status"]["error"].as_str().unwrap_or_default()
    }

    /// The first record.
    #[must_use]
    pub fn record(&self) -> &Value {
        &self.body["Data"][0]
    }

    /// A header's value; empty without that header.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The ids of all records, in their order.
    ///
    /// # Panics
    /// When it holds no records.
    #[must_use]
    #[track_caller]
    pub fn ids(&self) -> Vec<i64> {
        let records = self.body["Data"].as_array();
        let id = |record: &Value| record["ID"].as_i64().expect("a record has an id");
        records.unwrap_or_else(|| panic!("no records: {}", self.text)).iter().map(id).collect()
    }

    /// Asserts the status code.
    ///
    /// # Panics
    /// When it is another one.
    #[track_caller]
    pub fn answered(self, code: u16) -> Self {
        assert_eq!(self.code, code, "{}", self.text);
        self
    }

    /// Asserts the status code and an envelope with exactly one record.
    ///
    /// # Panics
    /// When it is anything else.
    #[track_caller]
    pub fn done(self, code: u16) -> Self {
        assert_eq!(self.code, code, "{}", self.text);
        assert_eq!(self.body["Data"].as_array().map(Vec::len), Some(1), "{}", self.text);
        self
    }

    /// Asserts an envelope that refuses with a sentence which contains `says`.
    ///
    /// # Panics
    /// When it is anything else.
    #[track_caller]
    pub fn refused(self, code: u16, says: &str) -> Self {
        assert_eq!(self.code, code, "{}", self.text);
        assert_eq!(self.body["Status"]["code"], code, "the envelope says the same: {}", self.text);
        assert!(self.body["Data"].is_null() && self.body["Meta"]["TotalCount"] == 0, "{}", self.text);
        assert!(self.error().contains(says), "`{}` does not say `{says}`", self.error());
        self
    }

    /// Asserts the refusal's reason for programs, and exactly these fields at fault, each with a sentence of its own.
    ///
    /// # Panics
    /// When it is anything else.
    #[track_caller]
    pub fn because(self, reason: &str, fields: &[&str]) -> Self {
        let status = &self.body["Status"];
        assert_eq!(status["reason"], reason, "{}", self.text);
        let details = status["details"].as_array().expect("details are an array");
        let blamed: Vec<_> = details.iter().map(|detail| detail["field"].as_str().unwrap_or_default()).collect();
        assert_eq!(blamed, fields, "{}", self.text);
        assert!(details.iter().all(|detail| detail["problem"].as_str().is_some_and(|text| !text.is_empty())));
        self
    }
}

/// A condition of a record; None if it has none of that type.
#[must_use]
pub fn condition<'a>(record: &'a Value, kind: &str) -> Option<&'a Value> {
    record["Conditions"].as_array()?.iter().find(|condition| condition["Type"] == kind)
}

/// Whether a record has this condition, and it is True.
#[must_use]
pub fn is_true(record: &Value, kind: &str) -> bool {
    condition(record, kind).is_some_and(|condition| condition["Status"] == "True")
}

/// A record's id.
///
/// # Errors
/// When the value is no record.
pub fn id_of(record: &Value) -> Result<i64> {
    record["ID"].as_i64().with_context(|| format!("no id in {record}"))
}
