//! The gateway instances whose claims are written, locked.

use crate::error::Result;
use sqlx::PgConnection;

/// A gateway instance that is locked.
pub(in super::super) struct Instance {
    pub(in super::super) id: i64,
    pub(in super::super) name: String,
    pub(in super::super) runtime: i64,
    pub(in super::super) definition: i64,
    pub(in super::super) workload: i64,
    pub(in super::super) workload_name: String,
    /// The cluster of its workload.
    pub(in super::super) workload_runtime: i64,
    /// The namespace of its workload, in which its routes are.
    pub(in super::super) namespace: String,
    /// The shared gateway with listeners that it names.
    pub(in super::super) shared_gateway: Option<i64>,
    /// It says what its route is called, and so has one.
    pub(in super::super) names_route: bool,
}

/// A statement that answers [`Instance`]s. A macro and no text, so that each is checked when the crate is compiled.
macro_rules! instances {
    ($which:literal, $value:expr) => {
        sqlx::query_as!(
            Instance,
            "SELECT i.id, i.name, i.kubernetes_runtime_instance_id AS runtime, i.gateway_definition_id AS definition,
                w.id AS workload, w.name AS workload_name, w.kubernetes_runtime_instance_id AS workload_runtime, r.object_name AS namespace,
                i.shared_gateway_id AS shared_gateway, i.route_name IS NOT NULL AS \"names_route!\"
             FROM gateway_instances i JOIN workload_instances w ON w.id = i.workload_instance_id
                JOIN reconciliations r ON r.kind = 'WorkloadInstance' AND r.id = w.id "
                + $which,
            $value
        )
    };
}

impl Instance {
    /// One that this transaction has written.
    pub(in super::super) async fn lock(connection: &mut PgConnection, id: i64) -> Result<Self> {
        Ok(instances!("WHERE i.id = $1 FOR NO KEY UPDATE OF i", id).fetch_one(connection).await?)
    }

    /// The live instances of a definition, by id. One that goes in this moment claims nothing any more.
    pub(in super::super) async fn lock_all_of(connection: &mut PgConnection, definition: i64) -> Result<Vec<Self>> {
        let all = instances!(
            "WHERE i.gateway_definition_id = $1 AND i.deleted_at IS NULL ORDER BY i.id FOR NO KEY UPDATE OF i",
            definition
        );
        Ok(all.fetch_all(connection).await?)
    }
}
