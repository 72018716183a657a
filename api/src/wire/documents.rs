//! Documents in a body: refused when they are written, so that workers never meet one that can't be read.

use axum::body::Bytes;
use causeway_records::{
    Record,
    noun::Noun,
    nouns::Rules,
    overlay::overlay,
    problem::{Problem, Reason, Refusal},
};
use causeway_store::{Result, StoreError};
use tokio::sync::Semaphore;

/// Documents that are read at the same time. What a document may take of memory is bounded by its budget; this bounds all of them together.
static AT_ONCE: Semaphore = Semaphore::const_new(PLACES as usize);
const PLACES: u32 = 2;
/// A body of so many bytes takes all places.
const LARGE: usize = 256 * 1024;

/// Checks the documents that a body sets, before anything is locked. It takes time for each byte of them, so that it is done on a thread for
/// blocking work. Whatever else is wrong with the body is left to [`merge`](super::body::merge).
pub(crate) async fn check_documents<T: Noun + Rules>(body: &Bytes) -> Result<()> {
    if !T::HAS_DOCUMENTS {
        return Ok(());
    }
    // The semaphore is never closed.
    let _permit = AT_ONCE.acquire_many(if body.len() < LARGE { 1 } else { PLACES }).await.ok();
    let body = body.clone();
    let problems = match tokio::task::spawn_blocking(move || problems::<T>(&body)).await {
        Ok(problems) => problems,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    };
    if problems.is_empty() {
        return Ok(());
    }
    Err(StoreError::Invalid(Refusal::fields(Reason::InvalidField, problems)))
}

fn problems<T: Noun + Rules>(body: &[u8]) -> Vec<Problem> {
    let mut record = Record::<T>::default();
    match overlay(body, &mut record.writable()) {
        Ok(_) => record.spec.check_documents(),
        Err(_) => vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::nouns::{GatewayDefinition, WorkloadDefinition, WorkloadResourceDefinition};

    async fn refusal<T: Noun + Rules>(body: &'static str) -> Option<String> {
        check_documents::<T>(&Bytes::from_static(body.as_bytes())).await.err().map(|error| error.to_string())
    }

    #[tokio::test]
    async fn only_what_a_body_sets_is_checked() {
        for body in [r#"{"Name":"a"}"#, "nonsense", "{}", r#"{"YAMLDocument":5}"#, r#"{"YAMLDocument":"---"}"#] {
            assert_eq!(refusal::<WorkloadDefinition>(body).await, None, "{body}");
        }
        assert_eq!(refusal::<WorkloadResourceDefinition>(r#"{"WorkloadDefinitionID":1}"#).await, None);
        assert_eq!(refusal::<GatewayDefinition>(r#"{"Name":"a"}"#).await, None);
        let refused = refusal::<WorkloadDefinition>(r#"{"YAMLDocument":"a: [b"}"#).await.unwrap();
        assert!(refused.starts_with("YAMLDocument: document 1, line 1, column 4: is no YAML: "), "{refused}");
        let refused = refusal::<WorkloadResourceDefinition>(r#"{"JSONDefinition":{"kind":"Pod"}}"#).await.unwrap();
        assert!(refused.starts_with("JSONDefinition: Pod has no apiVersion"), "{refused}");
    }
}
