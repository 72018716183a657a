//! The envelope of the API's responses: records, or a refusal.

use serde::Deserialize;
use serde_json::Value;

use crate::{
    api::Fields,
    exit::Exit,
    failure::{Failure, Outcome},
    http::Reply,
};

/// A response.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Envelope {
    pub(crate) meta: Meta,
    pub(crate) data: Option<Vec<Fields>>,
    status: Status,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Meta {
    pub(crate) total_count: u64,
    pub(crate) next_after: Option<i64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Status {
    error: String,
    reason: String,
    details: Value,
}

/// The envelope of a response, or the refusal in it.
pub(crate) fn read(reply: &Reply, server: &str) -> Outcome<Envelope> {
    let parsed: Result<Envelope, _> = serde_json::from_slice(&reply.body);
    let exit = Exit::of_status(reply.code);
    match parsed {
        Ok(envelope) if exit == Exit::Done => Ok(envelope),
        Ok(Envelope { status, .. }) => {
            let failure = Failure { details: status.details, ..Failure::new(exit, &status.reason, status.error) };
            Err(match next(exit) {
                Some(command) => failure.next(command),
                None => failure,
            })
        }
        Err(_) if reply.code == 404 => Err(foreign(server, "it has no such path; is it an older release?")),
        Err(error) => Err(foreign(server, &format!("HTTP {}: {error}", reply.code))),
    }
}

/// What to run after a refusal whose sentence doesn't know this program.
fn next(exit: Exit) -> Option<&'static str> {
    match exit {
        Exit::NotAllowed => Some("causeway context list"),
        Exit::Unreachable => Some("run the same command again in a moment"),
        _ => None,
    }
}

/// What answers is no API of ours.
pub(crate) fn foreign(server: &str, why: &str) -> Failure {
    let sentence = format!("what answers at {server} doesn't answer as Causeway's API does: {why}");
    Failure::new(Exit::Unreachable, "Unreachable", sentence).next("causeway context list")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16, body: &str) -> Reply {
        Reply { code, headers: http::HeaderMap::new(), body: body.to_owned().into() }
    }

    #[test]
    fn a_refusal_keeps_the_words_of_the_api() {
        let body = r#"{"Meta":{"TotalCount":0},"Type":"X","Data":null,"Status":{"code":409,"message":"Conflict","error":"another one has it","reason":"NameTaken","details":[]}}"#;
        let Err(failure) = read(&reply(409, body), "http://x") else { panic!("a refusal was taken") };
        assert_eq!((failure.exit, failure.sentence.as_str()), (Exit::Refused, "another one has it"));
        assert_eq!((failure.reason.as_str(), failure.next), ("NameTaken", None));
    }

    #[test]
    fn what_is_no_api_is_told_so() {
        for (code, body) in [(200, "<html>"), (404, r#"{"message":"Not Found"}"#), (502, "")] {
            let Err(failure) = read(&reply(code, body), "http://x") else { panic!("{body} was taken") };
            assert_eq!(failure.exit, Exit::Unreachable);
            assert!(failure.sentence.starts_with("what answers at http://x doesn't answer as"), "{}", failure.sentence);
        }
    }
}
