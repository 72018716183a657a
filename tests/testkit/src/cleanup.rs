//! What runs for a test alone ends with the test, also when it fails.

use std::{
    sync::{Mutex, PoisonError},
    thread,
};

use tokio::runtime::Builder;

use crate::client::ApiClient;

/// Records whose deletion is requested when this is dropped: the last one first, one request each, and nobody waits for what comes of it.
///
/// It is for what processes run for: a gateway instance with a Gateway of its own has an Envoy, and with the last one of a class the shared gateway of that
/// class goes. All else stays, because each deletion is work for the workers, too.
#[derive(Debug)]
pub struct Cleanup {
    client: ApiClient,
    records: Mutex<Vec<(String, i64)>>,
}

impl Cleanup {
    /// For these records, in the order in which they were made: plural and id.
    #[must_use]
    pub fn new(client: &ApiClient, records: &[(&str, i64)]) -> Self {
        let records = records.iter().map(|(plural, id)| ((*plural).to_owned(), *id)).collect();
        Self { client: client.clone(), records: Mutex::new(records) }
    }

    /// One more, that was made after the others.
    pub fn add(&self, plural: &str, id: i64) {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).push((plural.to_owned(), id));
    }
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        let records = std::mem::take(self.records.get_mut().unwrap_or_else(PoisonError::into_inner));
        if records.is_empty() {
            return;
        }
        let client = self.client.clone();
        let delete = move || {
            let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return };
            for (plural, id) in records.iter().rev() {
                // A refusal is no failure: the test may have deleted the record itself, or made others that need it.
                let _ = runtime.block_on(client.try_delete(plural, *id));
            }
        };
        // The test's runtime ends with the test. Without a thread the records stay, as they do when the process ends first.
        let _ = thread::Builder::new().spawn(delete);
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, extract::Request, routing::any};
    use tokio::{net::TcpListener, sync::mpsc, time::timeout};

    use super::*;
    use crate::wait::SOON;

    #[tokio::test]
    async fn what_a_failed_test_has_made_is_deleted_the_last_record_first() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = ApiClient::new(&format!("http://{}", listener.local_addr().unwrap()));
        let (asked, mut requests) = mpsc::unbounded_channel();
        let api = async move |request: Request| {
            asked.send(format!("{} {}", request.method(), request.uri())).unwrap();
            "{}"
        };
        tokio::spawn(axum::serve(listener, Router::new().fallback(any(api))).into_future());

        let test = tokio::spawn(async move {
            let cleanup = Cleanup::new(&client, &[("workload-instances", 1), ("gateway-instances", 2)]);
            cleanup.add("domain-name-instances", 3);
            panic!("it fails");
        });
        assert!(test.await.unwrap_err().is_panic());
        for path in ["domain-name-instances/3", "gateway-instances/2", "workload-instances/1"] {
            let request = timeout(SOON, requests.recv()).await.unwrap().unwrap();
            assert_eq!(request, format!("DELETE /v0/{path}"));
        }
    }
}
