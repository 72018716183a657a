//! What a cluster remembers of the database: a ConfigMap beside the system's own, which outlives every backup.

use causeway_records::{database_epoch::DatabaseEpoch, inventory::ObjectRef};
use serde_json::{Value, json};

use super::{Cluster, ClusterError, Writer};

impl Cluster {
    /// What is noted down here for this control plane; None if nothing is, or nothing readable.
    pub async fn read_mark(&self, control_plane: &str) -> Result<Option<DatabaseEpoch>, ClusterError> {
        let mark = self.get_builtin(&at(control_plane)).await?;
        Ok(mark.and_then(|live| read(&live.body()["data"])))
    }

    /// Notes an epoch down.
    pub async fn write_mark(&self, writer: &Writer, epoch: &DatabaseEpoch) -> Result<(), ClusterError> {
        let at = at(writer.control_plane());
        // Without our labels: it belongs to no record, and no watch need know it.
        let body = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": at.name, "namespace": at.namespace, "labels": {"app.kubernetes.io/managed-by": "causeway"}},
            "data": {
                "runtime": epoch.runtime.to_string(), "epoch": epoch.epoch.to_string(), "lastId": epoch.last_id.to_string(),
            },
        });
        self.server_side_apply(writer, &at, &body).await.map(|_| ())
    }

    /// Takes the note away: no record of this cluster is left.
    pub async fn remove_mark(&self, writer: &Writer) -> Result<(), ClusterError> {
        let at = at(writer.control_plane());
        match self.get_builtin(&at).await? {
            Some(live) if !self.delete(writer, &at, &live).await? => {
                Err(ClusterError::refused(&at, "it changed between reading and deleting; delete it by hand"))
            }
            _ => Ok(()),
        }
    }
}

fn at(control_plane: &str) -> ObjectRef {
    ObjectRef {
        group: String::new(),
        version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        namespace: Some("kube-system".to_owned()),
        name: format!("causeway-{control_plane}"),
    }
}

fn read(data: &Value) -> Option<DatabaseEpoch> {
    let number = |name: &str| data[name].as_str()?.parse().ok();
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
        for data in [json!({}), json!(null), json!({"runtime": "1", "epoch": "x", "lastId": "3"})] {
            assert_eq!(read(&data), None);
        }
    }
}
