//! `causeway keep-secret`: fills a Secret of the pod's namespace once. The chart runs it; people have kubectl.

use base64::{Engine, engine::general_purpose::STANDARD};
use clap::Args;
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::{Map, Value, json};
use std::{fs, path::PathBuf};

use crate::{
    context,
    exit::Exit,
    failure::{Failure, Outcome},
    kubernetes::{failure, of_pod},
    output::say,
};

/// How often it looks again when somebody else changes the Secret at the same moment.
const TRIES: u32 = 5;

/// Which Secret, and with what.
#[derive(Args, Debug)]
pub(crate) struct KeepSecret {
    /// Name of the Secret. It must be there; the chart makes it, empty.
    name: String,
    /// Files with its values, each under the file's name. Where the Secret has values already, these are written into the files instead.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// What is to be done about a Secret.
#[derive(Debug, PartialEq)]
enum Step {
    /// It is empty: it gets the values of the files.
    Fill(Value),
    /// It has them: the files get its values.
    Keep(Vec<(String, Vec<u8>)>),
}

impl KeepSecret {
    pub(crate) async fn run(self) -> Outcome<Exit> {
        let secrets: Api<Secret> = Api::default_namespaced(of_pod()?);
        let failed = |error| failure(&format!("secret {}", self.name), &error);
        let made: Vec<_> =
            self.files.iter().map(|file| Ok((key(file)?, context::read(file)?))).collect::<Outcome<_>>()?;
        for _ in 0..TRIES {
            let found = json!(secrets.get(&self.name).await.map_err(failed)?);
            match step(&found, &made).map_err(|failure| failure.at(format!("secret {}", self.name)))? {
                Step::Keep(values) => {
                    for (file, (_, value)) in self.files.iter().zip(values) {
                        let written = fs::write(file, value);
                        written.map_err(|error| Failure::usage(format!("can't write {}: {error}", file.display())))?;
                    }
                    say(&format!("secret {} is filled already\n", self.name));
                    return Ok(Exit::Done);
                }
                Step::Fill(patch) => {
                    match secrets.patch(&self.name, &PatchParams::default(), &Patch::Merge(&patch)).await {
                        Ok(_) => {
                            say(&format!("secret {} is filled\n", self.name));
                            return Ok(Exit::Done);
                        }
                        Err(kube::Error::Api(status)) if status.is_conflict() => {}
                        Err(error) => return Err(failed(error)),
                    }
                }
            }
        }
        Err(Failure::new(Exit::Refused, "Conflict", format!("secret {} is changed by others all the time", self.name)))
    }
}

/// The key under which a file's text stands in the Secret.
fn key(file: &std::path::Path) -> Outcome<String> {
    let name = file.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned).ok_or_else(|| Failure::usage(format!("{} is no file", file.display())))
}

/// Values that are there win; a Secret with some of them is nobody's first one.
fn step(secret: &Value, made: &[(String, Vec<u8>)]) -> Outcome<Step> {
    let held = |name: &str| secret["data"][name].as_str().filter(|value| !value.is_empty());
    let missing: Vec<_> = made.iter().map(|(name, _)| name.as_str()).filter(|name| held(name).is_none()).collect();
    if missing.len() == made.len() {
        let data: Map<String, Value> =
            made.iter().map(|(name, value)| (name.clone(), json!(STANDARD.encode(value)))).collect();
        // Bound to the state that was seen: another pod may fill it at the same moment.
        return Ok(Step::Fill(
            json!({"metadata": {"resourceVersion": secret["metadata"]["resourceVersion"]}, "data": data}),
        ));
    }
    if !missing.is_empty() {
        let sentence = format!("has no {}; add what is missing, or empty it to have all made anew", missing.join(", "));
        return Err(Failure::usage(sentence));
    }
    let values = made.iter().map(|(name, _)| {
        let value = STANDARD.decode(held(name).unwrap_or_default());
        value
            .map(|value| (name.clone(), value))
            .map_err(|error| Failure::usage(format!("{name} is no base64: {error}")))
    });
    values.collect::<Outcome<_>>().map(Step::Keep)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> Vec<(String, Vec<u8>)> {
        vec![("tls.crt".into(), b"new".to_vec()), ("tls.key".into(), b"key".to_vec())]
    }

    #[test]
    fn an_empty_secret_is_filled_in_the_state_that_was_seen() {
        for secret in [
            json!({"metadata": {"resourceVersion": "7"}}),
            json!({"metadata": {"resourceVersion": "7"}, "data": {"other": "eA=="}}),
        ] {
            let patch = json!({"metadata": {"resourceVersion": "7"}, "data": {"tls.crt": "bmV3", "tls.key": "a2V5"}});
            assert_eq!(step(&secret, &made()), Ok(Step::Fill(patch)));
        }
    }

    #[test]
    fn what_is_there_stays() {
        let secret = json!({"data": {"tls.crt": "b2xk", "tls.key": "b2xk"}});
        let kept = ["tls.crt", "tls.key"].map(|name| (name.to_owned(), b"old".to_vec()));
        assert_eq!(step(&secret, &made()), Ok(Step::Keep(kept.into())));
    }

    #[test]
    fn half_a_secret_is_nobodys_first_one() {
        let refused = step(&json!({"data": {"tls.crt": "b2xk"}}), &made()).unwrap_err();
        assert_eq!(refused.sentence, "has no tls.key; add what is missing, or empty it to have all made anew");
    }
}
