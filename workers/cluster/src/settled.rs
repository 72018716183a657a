//! Objects of a plan about which nothing is to be written now.

use causeway_records::inventory::InventoryEntry;
use causeway_render::plan::Object;

use super::{CachedObject, Cluster, ClusterError, ObjectCache, ObjectChange, replace::with_end};

impl Cluster {
    /// The object as it stays, if nothing is to be written: it is as it was left, it is a Job that has run, or somebody contests it.
    ///
    /// # Errors
    /// That of the last attempt, while the object rests from it; those of a look at a Job.
    pub(super) async fn settled(
        &self,
        cache: &ObjectCache,
        object: &Object,
        entry: Option<&InventoryEntry>,
        desired_hash: &str,
    ) -> Result<Option<(InventoryEntry, ObjectChange)>, ClusterError> {
        let at = &object.at;
        let seen = cache.get(at);
        if let (Some(entry), Some(seen)) = (entry, &seen)
            && is_up_to_date(entry, desired_hash, Some(seen))
        {
            let change = self.corrections.unsettled(at, desired_hash).unwrap_or(ObjectChange::Skipped);
            return Ok(Some((with_end(entry, seen), change)));
        }
        if let Some(error) = self.backoff.resting(at, desired_hash) {
            return Err(error);
        }
        let Some(entry) = entry else { return Ok(None) };
        if let Some(end) = self.end_of_job(cache, object, entry).await? {
            return Ok(Some((InventoryEntry { ended: Some(end), ..entry.clone() }, ObjectChange::Skipped)));
        }
        Ok(self.corrections.resting(at, desired_hash).map(|change| (entry.clone(), change)))
    }
}

/// Whether the object is as we left it, so that nothing needs to be read or sent.
fn is_up_to_date(entry: &InventoryEntry, desired_hash: &str, seen: Option<&CachedObject>) -> bool {
    seen.is_some_and(|seen| entry.desired_hash.as_deref() == Some(desired_hash) && seen.is_as_left(entry))
}

#[cfg(test)]
mod tests {
    use causeway_records::inventory::ObjectRef;

    use super::*;

    #[test]
    fn only_an_object_that_is_as_we_left_it_is_skipped() {
        let object = ObjectRef {
            group: String::new(),
            version: "v1".into(),
            kind: "ConfigMap".into(),
            namespace: Some("shop".into()),
            name: "x".into(),
        };
        let entry = InventoryEntry {
            uid: Some("u1".into()),
            desired_hash: Some("want".into()),
            live_hash: Some("live".into()),
            ..InventoryEntry::intended(object.clone())
        };
        let seen = CachedObject::for_tests(object, "u1", "live");
        assert!(is_up_to_date(&entry, "want", Some(&seen)));
        assert!(!is_up_to_date(&entry, "want more", Some(&seen)));
        assert!(!is_up_to_date(&entry, "want", None));
        assert!(!is_up_to_date(&InventoryEntry { uid: None, ..entry.clone() }, "want", Some(&seen)));
        assert!(!is_up_to_date(&InventoryEntry { uid: Some("u2".into()), ..entry.clone() }, "want", Some(&seen)));
        assert!(!is_up_to_date(
            &InventoryEntry { live_hash: Some("other".into()), ..entry.clone() },
            "want",
            Some(&seen)
        ));
        let mut dying = seen;
        dying.deleting = true;
        assert!(!is_up_to_date(&entry, "want", Some(&dying)));
    }
}
