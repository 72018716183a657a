//! The inputs of the reconcile of a workload instance.

use crate::{
    Store,
    documents::Place,
    error::{Result, StoreError},
    json_row::StatedRow,
    writes::retried,
};
use causeway_records::{
    inputs::WorkloadInputs,
    noun::Noun,
    nouns::{WorkloadDefinition, WorkloadResourceDefinition},
    value::Value as Document,
};
use serde::{Deserialize, de::DeserializeOwned};
use sqlx::{AssertSqlSafe, Row, types::Json};

impl Store {
    /// For the reconcile of a workload instance.
    pub async fn workload_inputs(&self, id: i64) -> Result<WorkloadInputs> {
        let (read, manifests) = self.read_with_manifests::<WorkloadRead>("workload", id).await?;
        read.inputs(self.control_plane().await?, manifests)
    }

    /// The answer of a function that reads a workload among other things, `read_` or `view_` and this word, and the workload's manifests.
    pub(super) async fn read_with_manifests<A>(&self, what: &'static str, id: i64) -> Result<(A, Manifests)>
    where
        A: DeserializeOwned + Send + Unpin + 'static,
    {
        let verb = if self.is_view { "view" } else { "read" };
        let read = || async {
            let text = format!("SELECT answer, document, resources FROM {verb}_{what}($1)");
            Ok::<_, StoreError>(sqlx::query(AssertSqlSafe(text)).bind(id).fetch_one(&self.pool).await?)
        };
        let row = retried(self, read).await?;
        let answer: Json<A> = row.try_get::<Option<_>, _>(0)?.ok_or(StoreError::NotFound)?;
        let place = Place::of(&WorkloadDefinition::INFO, "yaml_document");
        let document = self.documents.open(place, row.try_get(1)?)?;
        let place = Place::of(&WorkloadResourceDefinition::INFO, "json_definition");
        let mut resources = vec![];
        for sealed in row.try_get::<Vec<Vec<u8>>, _>(2)? {
            resources.push(self.documents.open_text(place, sealed)?.map_err(|error| place.inconsistent(error))?);
        }
        Ok((answer.0, Manifests { document, resources }))
    }
}

/// The manifests of a workload definition, decrypted.
pub(super) struct Manifests {
    document: Document,
    resources: Vec<String>,
}

/// The answer of `read_workload`.
#[derive(Deserialize)]
pub(super) struct WorkloadRead {
    instance: StatedRow,
    definition: StatedRow,
}

impl WorkloadRead {
    pub(super) fn inputs(mut self, control_plane: String, manifests: Manifests) -> Result<WorkloadInputs> {
        self.definition.document("yaml_document", manifests.document);
        Ok(WorkloadInputs {
            control_plane,
            instance: self.instance.named()?,
            definition: self.definition.record()?,
            resources: manifests.resources,
        })
    }
}
