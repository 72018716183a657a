//! Lists that are read when they are needed, because no watch of ours shows their objects. They end, whatever the cluster sends.

use super::{
    Cluster, ClusterError, UnreachableCause,
    bounds::{LIST_WITHIN, PAGE},
};
use causeway_render::k8s::ObjectKind;
use kube::{
    Api,
    api::{ApiResource, DynamicObject, ListParams},
};
use tokio::time::timeout;

/// What is listed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listed<'a> {
    pub(crate) kind: ObjectKind,
    /// As in the path: `gatewayclasses`.
    pub(crate) plural: &'a str,
    /// None: all of the cluster.
    pub(crate) namespace: Option<&'a str>,
    /// So many are kept. Those that come in one page with the last of them are, too.
    pub(crate) most: usize,
}

impl Cluster {
    /// What is kept of objects, page by page: what `read` says of each. None: it is left out, and not counted.
    ///
    /// # Errors
    /// As for every list; where reading is forbidden, or nobody serves the kind, too.
    pub(crate) async fn list_some<T>(
        &self,
        listed: Listed<'_>,
        read: impl Fn(DynamicObject) -> Option<T>,
    ) -> Result<Vec<T>, ClusterError> {
        timeout(LIST_WITHIN, self.pages(listed, read)).await.map_err(|_| {
            let what = format!("its list of {} does not end within {} s", listed.plural, LIST_WITHIN.as_secs());
            ClusterError::unreachable(UnreachableCause::Timeout, what)
        })?
    }

    async fn pages<T>(
        &self,
        Listed { kind, plural, namespace, most }: Listed<'_>,
        read: impl Fn(DynamicObject) -> Option<T>,
    ) -> Result<Vec<T>, ClusterError> {
        let resource = ApiResource {
            group: kind.group.to_owned(),
            version: kind.version.to_owned(),
            api_version: format!("{}/{}", kind.group, kind.version),
            kind: kind.kind.to_owned(),
            plural: plural.to_owned(),
        };
        let client = self.client().clone();
        let objects: Api<DynamicObject> = match namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, &resource),
            None => Api::all_with(client, &resource),
        };
        let (mut found, mut page) = (vec![], ListParams::default().limit(PAGE));
        loop {
            let list = objects.list(&page).await.map_err(|error| ClusterError::from_client(&error))?;
            found.extend(list.items.into_iter().filter_map(&read));
            let next = list.metadata.continue_.filter(|token| !token.is_empty() && found.len() < most);
            let Some(token) = next else { return Ok(found) };
            page = page.continue_token(&token);
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{Json, Router, http::Uri, routing::get};
    use causeway_render::k8s::gateway_api::GATEWAY_CLASS;
    use kube::ResourceExt;
    use serde_json::{Value, json};
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;
    use crate::fake;

    const PATH: &str = "/apis/gateway.networking.k8s.io/v1/gatewayclasses";

    fn page(names: &[&str], next: &str) -> Json<Value> {
        let items: Vec<Value> = names.iter().map(|name| json!({"metadata": {"name": name}})).collect();
        let kind = "GatewayClassList";
        Json(json!({
            "kind": kind, "apiVersion": "gateway.networking.k8s.io/v1", "metadata": {"continue": next}, "items": items,
        }))
    }

    fn listed(most: usize) -> Listed<'static> {
        Listed { kind: GATEWAY_CLASS, plural: "gatewayclasses", namespace: None, most }
    }

    #[tokio::test]
    async fn pages_are_followed_and_only_what_is_kept_counts() {
        let answer = async |uri: Uri| match uri.query().unwrap_or_default() {
            query if query.contains("continue=third") => page(&["d"], ""),
            query if query.contains("continue=second") => page(&["x", "c"], "third"),
            _ => page(&["a", "x", "b"], "second"),
        };
        let cluster = fake::cluster(Router::new().route(PATH, get(answer))).await;
        let names = async |most| {
            let read = |object: DynamicObject| Some(object.name_any()).filter(|name| name != "x");
            cluster.list_some(listed(most), read).await.unwrap()
        };
        assert_eq!(names(10).await, ["a", "b", "c", "d"]);
        assert_eq!(names(3).await, ["a", "b", "c"]);
        assert_eq!(names(2).await, ["a", "b"]);
    }

    #[tokio::test]
    async fn pages_of_nothing_come_to_an_end() {
        let asked = Arc::new(AtomicUsize::new(0));
        let answer = async move || {
            // With the third one the time is over.
            if asked.fetch_add(1, Ordering::Relaxed) == 2 {
                tokio::time::pause();
                tokio::time::advance(LIST_WITHIN).await;
                tokio::time::resume();
            }
            page(&[], "next")
        };
        let cluster = fake::cluster(Router::new().route(PATH, get(answer))).await;
        let error = cluster.list_some(listed(1), Some).await.unwrap_err();
        assert!(matches!(error, ClusterError::Unreachable { cause: UnreachableCause::Timeout, .. }), "{error}");
        assert!(error.to_string().contains("its list of gatewayclasses does not end"), "{error}");
    }
}
