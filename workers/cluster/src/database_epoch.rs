//! The epoch of our database as a cluster has seen it: a ConfigMap in kube-system, which outlives every backup of ours.

use causeway_records::{database_epoch::DatabaseEpoch, inventory::ObjectRef};
use serde_json::{Value, json};

use super::{Cluster, ClusterError, FieldOwner};

impl Cluster {
    /// The epoch that was last written here for this control plane; None if there is none, or no readable one.
    pub async fn read_database_epoch(&self, control_plane: &str) -> Result<Option<DatabaseEpoch>, ClusterError> {
        let stored = self.get_builtin(&config_map_ref(control_plane)).await?;
        Ok(stored.and_then(|live| read(&live.body()["data"])))
    }

    pub async fn write_database_epoch(&self, owner: &FieldOwner, epoch: &DatabaseEpoch) -> Result<(), ClusterError> {
        let at = config_map_ref(owner.control_plane());
        // Without our labels: it belongs to no record, and needs no place in the cache.
        let body = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": at.name, "namespace": at.namespace, "labels": {"app.kubernetes.io/managed-by": "causeway"}},
            "data": {
                "runtime": epoch.runtime.to_string(), "epoch": epoch.epoch.to_string(), "lastId": epoch.last_id.to_string(),
            },
        });
        self.server_side_apply(owner, &at, &body).await.map(|_| ())
    }

    /// For a cluster of which no record is left.
    pub async fn remove_database_epoch(&self, owner: &FieldOwner) -> Result<(), ClusterError> {
        let at = config_map_ref(owner.control_plane());
        match self.get_builtin(&at).await? {
            Some(live) if !self.delete(owner, &at, &live).await? => {
                Err(ClusterError::refused(&at, "it changed between reading and deleting; delete it by hand"))
            }
            _ => Ok(()),
        }
    }
}

fn config_map_ref(control_plane: &str) -> ObjectRef {
    ObjectRef {
        group: String::new(),
        version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        namespace: Some("kube-system".to_owned()),
        name: format!("causeway-{control_plane}"),
    }
}

/// Leaves room to count on from every number that is read.
const HIGHEST: i64 = i64::MAX - (1 << 32);

fn read(data: &Value) -> Option<DatabaseEpoch> {
    // Whoever owns the cluster can write anything here. Numbers that no database of ours can reach say nothing; whether the
    // others can be true is for the caller to say, who knows the database: see `DatabaseEpoch::can_reach`.
    let number = |name: &str| data[name].as_str()?.parse().ok().filter(|number| (0..=HIGHEST).contains(number));
    Some(DatabaseEpoch { runtime: number("runtime")?, epoch: number("epoch")?, last_id: number("lastId")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unreadable_says_nothing() {
        assert_eq!(
            read(&json!({"runtime": "1", "epoch": "2", "lastId": "3"})),
            Some(DatabaseEpoch { runtime: 1, epoch: 2, last_id: 3 })
        );
        let with = |epoch: &str, last_id: &str| json!({"runtime": "1", "epoch": epoch, "lastId": last_id});
        let highest = i64::MAX.to_string();
        for data in [json!({}), json!(null), with("x", "3"), with("-1", "3"), with(&highest, "3"), with("2", &highest)]
        {
            assert_eq!(read(&data), None);
        }
    }
}
