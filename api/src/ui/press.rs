//! What a button does: the same write as a PATCH of the API.

use super::layout::Visit;
use crate::{
    routes::records::hint,
    state::ApiState,
    wire::{
        body::{Author, MergeBase, merge},
        documents::Body,
    },
};
use causeway_records::{Record, noun::Noun, nouns::Rules};
use causeway_store::{Result, Writer};

/// Who presses a button, and which record is meant.
pub(super) struct Press<'p> {
    pub(super) app: &'p ApiState,
    pub(super) visit: &'p Visit,
    pub(super) writer: &'p Writer,
    pub(super) id: i64,
}

impl Press<'_> {
    /// Merges the body of a PATCH into the record, as the API does. `refuse`: why it can't be done to the record as it is by then.
    pub(super) async fn change<T: Noun + Rules>(
        &self,
        body: &'static str,
        refuse: impl Fn(&Record<T>) -> Result<()> + Send + Sync + 'static,
    ) -> Result<()> {
        let Self { app, visit, id, .. } = *self;
        let author = Author { role: visit.caller.role, keys: app.keys.clone() };
        let body = Body::plain(body.as_bytes());
        let (services, writer) = (app.clone(), self.writer.clone());
        let changed = async move {
            let apply = move |record: &mut Record<T>| {
                refuse(record)?;
                merge(record, &body, MergeBase::Stored, &author)
            };
            hint(&services, &writer.change::<T>(id, apply).await?);
            Ok(())
        };
        app.aside(app.store.document_bytes::<T>(id).await?, changed).await
    }
}
