//! Calls of the API: what is asked, and what the envelope answers.

mod lists;

use causeway_records::Kind;
use http::{Method, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};
use std::time::Duration;

use crate::{
    context::Connection,
    envelope::{Envelope, foreign, read},
    exit::Exit,
    failure::{Failure, Outcome},
    http::{HttpClient, Lines, Reply},
    kinds,
};

/// How often a read is repeated that the server had no time for.
const REPEATED: u32 = 3;
/// The longest pause that a server may ask for between two of them.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A record as the API answers it.
pub(crate) type Fields = Map<String, Value>;

/// Calls the API of one control plane.
pub(crate) struct Api {
    http: HttpClient,
}

/// A record and the tag of the state that it was read in.
pub(crate) struct Tagged {
    pub(crate) record: Fields,
    pub(crate) tag: Option<String>,
}

impl Api {
    pub(crate) fn new(connection: Connection) -> Outcome<Self> {
        Ok(Self { http: HttpClient::new(connection)? })
    }

    /// Whom it calls.
    pub(crate) fn server(&self) -> &str {
        &self.http.connection().server
    }

    /// The record of an id.
    pub(crate) async fn by_id(&self, kind: Kind, id: i64) -> Outcome<Tagged> {
        self.one(Method::GET, &format!("/v0/{}/{id}", kind.info().plural), None, vec![]).await
    }

    /// The record of a name; None when there is none.
    pub(crate) async fn by_name(&self, kind: Kind, name: &str) -> Outcome<Option<Fields>> {
        Ok(self.page(kind, &[("name", name)], 1).await?.records.into_iter().next())
    }

    /// The record of a name or, where the kind has no names, of an id.
    pub(crate) async fn find(&self, kind: Kind, word: &str) -> Outcome<Fields> {
        if kind.info().named()
            && let Some(record) = self.by_name(kind, word).await?
        {
            return Ok(record);
        }
        let absent = || {
            let sentence = format!("there is no {} {}", kinds::spoken(kind), word.escape_debug());
            Failure::not_found(sentence).next(format!("causeway get {}", kind.info().plural))
        };
        let id: i64 = word.parse().map_err(|_| absent())?;
        match self.by_id(kind, id).await {
            Err(failure) if failure.exit == Exit::NotFound => Err(absent()),
            found => Ok(found?.record),
        }
    }

    /// What the API sees on the way of a request to a record, by hostname.
    pub(crate) async fn diagnoses(&self, kind: Kind, id: i64, hostname: Option<&str>) -> Outcome<Vec<Fields>> {
        let path = format!("/v0/{}/{id}/diagnosis", kind.info().plural);
        let hostname: Vec<_> = hostname.map(|hostname| ("hostname", hostname)).into_iter().collect();
        Ok(self.listed(&path, &hostname, &[]).await?.records)
    }

    /// The events about a record.
    pub(crate) async fn events_of(&self, id: i64) -> Outcome<Vec<Fields>> {
        let id = id.to_string();
        Ok(self.listed("/v0/events-join-attached-object-references", &[("objectid", &id)], &[]).await?.records)
    }

    /// What a path answers beside records: the objects of one, who is attached to one.
    pub(crate) async fn answer(&self, path: &str) -> Outcome<Vec<Fields>> {
        Ok(self.call(Method::GET, path, None, vec![]).await?.0.data.unwrap_or_default())
    }

    /// What is answered as a text of this media type.
    pub(crate) async fn text(&self, path: &str, media: &str) -> Outcome<String> {
        let reply = self.http.read_as(path, media).await?;
        if Exit::of_status(reply.code) != Exit::Done {
            return Err(read(&reply, self.server()).err().unwrap_or_else(|| foreign(self.server(), "it is no text")));
        }
        String::from_utf8(reply.body.into()).map_err(|_| foreign(self.server(), "it is no text"))
    }

    /// Events from a position on, as lines of JSON.
    pub(crate) async fn watch(&self, filters: &[(&str, &str)]) -> Outcome<Lines> {
        match self.http.lines(&format!("/v0/watch?{}", query(filters.iter().copied()))).await? {
            Ok(lines) => Ok(lines),
            Err(reply) => {
                Err(read(&reply, self.server()).err().unwrap_or_else(|| foreign(self.server(), "it is no stream")))
            }
        }
    }

    pub(crate) async fn create(&self, kind: Kind, body: &Fields) -> Outcome<Fields> {
        let path = format!("/v0/{}", kind.info().plural);
        Ok(self.one(Method::POST, &path, None, bytes(body)).await?.record)
    }

    /// PUT: a field that is left out goes back to its default. `tag` is the state that was looked at.
    pub(crate) async fn replace(&self, kind: Kind, id: i64, tag: Option<&str>, body: &Fields) -> Outcome<Fields> {
        Ok(self.one(Method::PUT, &format!("/v0/{}/{id}", kind.info().plural), tag, bytes(body)).await?.record)
    }

    /// PATCH: a field that is left out stays.
    pub(crate) async fn merge(&self, kind: Kind, id: i64, tag: Option<&str>, body: &Fields) -> Outcome<Fields> {
        Ok(self.one(Method::PATCH, &format!("/v0/{}/{id}", kind.info().plural), tag, bytes(body)).await?.record)
    }

    /// POST to a verb of a record; the record that it answers with.
    pub(crate) async fn act(&self, path: &str) -> Outcome<Fields> {
        Ok(self.one(Method::POST, path, None, vec![]).await?.record)
    }

    /// POST to a verb that takes many records, a part at a time, until all are done.
    pub(crate) async fn act_on_all(&self, path: &str, filters: &[(&str, &str)]) -> Outcome<Vec<Fields>> {
        let (mut all, mut after) = (vec![], None);
        loop {
            let place = after.map(|after: i64| ("after", after.to_string()));
            let place = place.iter().map(|(key, value)| (*key, value.as_str()));
            let path = format!("{path}?{}", query(filters.iter().copied().chain(place)));
            let (envelope, _) = self.call(Method::POST, &path, None, vec![]).await?;
            all.extend(envelope.data.unwrap_or_default());
            match envelope.meta.next_after {
                Some(next) => after = Some(next),
                None => return Ok(all),
            }
        }
    }

    /// What a write would do.
    pub(crate) async fn plan(&self, method: Method, path: &str, body: Option<&Fields>) -> Outcome<Fields> {
        let body = body.map(bytes).unwrap_or_default();
        Ok(self.one(method, &format!("{path}?plan=true"), None, body).await?.record)
    }

    /// Objects of Kubernetes as documents, with a report. `runtime`: the id of the cluster in which they are taken over.
    pub(crate) async fn import(&self, manifests: &str, runtime: Option<i64>) -> Outcome<Fields> {
        let body = serde_json::json!({"YAMLDocument": manifests}).to_string();
        let taken = runtime.map(|id| format!("?take-over=true&runtime={id}")).unwrap_or_default();
        Ok(self.one(Method::POST, &format!("/v0/import{taken}"), None, body.into_bytes()).await?.record)
    }

    /// Asks for a deletion.
    pub(crate) async fn delete(&self, kind: Kind, id: i64) -> Outcome<Fields> {
        Ok(self.one(Method::DELETE, &format!("/v0/{}/{id}", kind.info().plural), None, vec![]).await?.record)
    }

    async fn one(&self, method: Method, path: &str, tag: Option<&str>, body: Vec<u8>) -> Outcome<Tagged> {
        let (envelope, tag) = self.call(method, path, tag, body).await?;
        let record = envelope.data.and_then(|records| records.into_iter().next());
        let record = record.ok_or_else(|| foreign(self.server(), "it holds no record"))?;
        Ok(Tagged { record, tag })
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        tag: Option<&str>,
        body: Vec<u8>,
    ) -> Outcome<(Envelope, Option<String>)> {
        let mut repeated = 0;
        loop {
            let reply = self.http.send(method.clone(), path, tag, body.clone()).await?;
            // A write is not repeated: whoever gave the command decides whether it is still wanted.
            if method == Method::GET && matches!(reply.code, 429 | 503) && repeated < REPEATED {
                repeated += 1;
                tokio::time::sleep(pause(&reply)).await;
                continue;
            }
            let tag = reply.headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
            return read(&reply, self.server()).map(|envelope| (envelope, tag));
        }
    }
}

fn query<'q>(pairs: impl Iterator<Item = (&'q str, &'q str)>) -> String {
    let encoded = pairs.map(|(key, value)| format!("{key}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
    encoded.collect::<Vec<_>>().join("&")
}

/// How long the server wants to be left alone.
fn pause(reply: &Reply) -> Duration {
    let seconds = reply.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or(1)).min(LONGEST_PAUSE)
}

fn bytes(body: &Fields) -> Vec<u8> {
    serde_json::to_vec(body).unwrap_or_default()
}

/// A record's id.
pub(crate) fn id(record: &Fields) -> i64 {
    record.get("ID").and_then(Value::as_i64).unwrap_or_default()
}

/// A record's name; empty if it has none.
pub(crate) fn name(record: &Fields) -> &str {
    record.get("Name").and_then(Value::as_str).unwrap_or_default()
}
