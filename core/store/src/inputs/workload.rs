//! The inputs of the reconcile of a workload instance.

use crate::{
    Store,
    documents::Place,
    error::{Result, StoreError},
    json_row::StatedRow,
};
use causeway_records::{
    inputs::WorkloadInputs,
    noun::Noun,
    nouns::{WorkloadDefinition, WorkloadResourceDefinition},
    value::Value as Document,
};
use serde::Deserialize;
use sqlx::types::Json;

impl Store {
    /// For the reconcile of a workload instance.
    pub async fn workload_inputs(&self, id: i64) -> Result<WorkloadInputs> {
        let read = sqlx::query_as!(
            WithManifests::<WorkloadRead>,
            r#"SELECT answer AS "answer: Json<WorkloadRead>", document, resources FROM read_workload($1)"#,
            id
        );
        let (read, manifests) = self.opened(read.fetch_one(&self.pool).await?)?;
        read.inputs(self.control_plane().await?, manifests)
    }

    /// The same with the manifests decrypted.
    pub(super) fn opened<A>(&self, read: WithManifests<A>) -> Result<(A, Manifests)> {
        let WithManifests { answer: Some(Json(answer)), document: Some(document), resources: Some(sealed) } = read
        else {
            return Err(StoreError::NotFound);
        };
        let place = Place::of(&WorkloadDefinition::INFO, "yaml_document");
        let document = self.documents.open(place, document)?;
        let place = Place::of(&WorkloadResourceDefinition::INFO, "json_definition");
        let mut resources = vec![];
        for sealed in sealed {
            resources.push(self.documents.open_text(place, sealed)?.map_err(|error| place.inconsistent(error))?);
        }
        Ok((answer, Manifests { document, resources }))
    }
}

/// What a function answers that reads a workload, and maybe more, with the manifests of its definition as they are stored. None: there is no such record.
pub(super) struct WithManifests<A> {
    pub(super) answer: Option<Json<A>>,
    pub(super) document: Option<Vec<u8>>,
    pub(super) resources: Option<Vec<Vec<u8>>>,
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
