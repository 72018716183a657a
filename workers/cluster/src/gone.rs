//! Whether an object can still be there although nobody serves its kind. An entry that stands for nothing must not hold up what waits for it.

use causeway_records::inventory::{InventoryEntry, ObjectRef};
use kube::{
    api::{DynamicObject, ListParams},
    core::Resource as _,
};
use serde_json::Value;

use super::{Cluster, ClusterError, ObjectChange, reply::next_page};

/// Names on one page, and pages before giving up: no cluster has that many definitions.
const PAGE: u32 = 500;
const PAGES: usize = 40;

impl Cluster {
    /// What becomes of an entry whose object can't be asked for; None if it can.
    ///
    /// # Errors
    /// Whatever leaves it open whether the kind is served or defined.
    pub(crate) async fn without_kind(&self, entry: &InventoryEntry) -> Result<Option<ObjectChange>, ClusterError> {
        let at = &entry.object;
        match self.discovery().find(at).await {
            // A definition never changes its scope: that of the entry is gone, and all objects with it. No object ever had such a name.
            Ok(Some(kind)) if !kind.can_hold(at) => Ok(Some(ObjectChange::Deleted)),
            Ok(Some(_)) => Ok(None),
            // Nobody has proven that it was ever made. If it was, it is found by its label when its kind is served again.
            Ok(None) if entry.uid.is_none() => Ok(Some(ObjectChange::Deleted)),
            Ok(None) => Ok(Some(match self.definition_of(at).await? {
                None => ObjectChange::Deleted,
                Some(definition) => ObjectChange::Pending(format!(
                    "{definition} is there and does not serve it, so it may be there as well; have it served again"
                )),
            })),
            Err(_) if entry.uid.is_none() && self.discovery().is_silent(&at.group) => Ok(Some(ObjectChange::Deleted)),
            Err(error) => Err(error),
        }
    }

    /// What still defines a kind that isn't served: a custom resource definition without a served version, or an aggregated API server. With
    /// the definition the API server deletes every object of its kind, and it is asked here itself: discovery is incomplete while it starts.
    async fn definition_of(&self, at: &ObjectRef) -> Result<Option<String>, ClusterError> {
        let definitions = builtin("apiextensions.k8s.io", "CustomResourceDefinition");
        for name in self.names_in_group(&definitions, &at.group).await? {
            let definition = ObjectRef { name, ..definitions.clone() };
            let live = self.get_builtin(&definition).await?;
            let defines =
                |spec: &Value| spec["group"] == at.group.as_str() && spec["names"]["kind"] == at.kind.as_str();
            if live.is_some_and(|live| defines(&live.body()["spec"])) {
                return Ok(Some(definition.to_string()));
            }
        }
        let services = builtin("apiregistration.k8s.io", "APIService");
        for name in self.names_in_group(&services, &at.group).await? {
            let service = ObjectRef { name, ..services.clone() };
            let live = self.get_builtin(&service).await?;
            let serves = |spec: &Value| spec["group"] == at.group.as_str() && spec["service"].is_object();
            if live.is_some_and(|live| serves(&live.body()["spec"])) {
                return Ok(Some(service.to_string()));
            }
        }
        Ok(None)
    }

    /// The names of all objects of a kind that end in a group, as those of definitions and API services do.
    async fn names_in_group(&self, of: &ObjectRef, group: &str) -> Result<Vec<String>, ClusterError> {
        let Some(kind) = self.discovery().find(of).await? else { return Ok(Vec::new()) };
        let suffix = format!(".{group}");
        let mut names = Vec::new();
        let mut page = ListParams::default().limit(PAGE);
        for _ in 0..PAGES {
            let request = kube::core::Request::new(DynamicObject::url_path(&kind.resource, None))
                .list_metadata(&page)
                .map_err(|error| ClusterError::refused(of, error.to_string()))?;
            let reply = self.send(request).await?;
            if !reply.status.is_success() {
                return Err(ClusterError::refused(of, format!("it cannot be listed: {}", reply.message())));
            }
            let found = reply.items()?.iter().filter_map(|item| item["metadata"]["name"].as_str());
            names.extend(found.filter(|name| name.ends_with(&suffix)).map(str::to_owned));
            match next_page(&reply) {
                None => return Ok(names),
                Some(token) => page = page.continue_token(token),
            }
        }
        Err(ClusterError::refused(of, "there are more of them than any cluster has"))
    }
}

fn builtin(group: &str, kind: &str) -> ObjectRef {
    ObjectRef {
        group: group.to_owned(),
        version: "v1".to_owned(),
        kind: kind.to_owned(),
        namespace: None,
        name: "*".to_owned(),
    }
}
