//! Jobs: they run once for each manifest, and may be gone afterwards.

use crate::plan::Object;
use causeway_records::inventory::{InventoryEntry, JobEnd, ObjectRef};
use serde_json::Value;

/// Whether this is a Job.
pub fn is_job(at: &ObjectRef) -> bool {
    at.group == "batch" && at.kind == "Job"
}

/// How a Job ended, as its status says; None while it has not.
pub fn end(status: &Value) -> Option<JobEnd> {
    let is_true = |condition: &Value, name: &str| condition["type"] == name && condition["status"] == "True";
    status["conditions"].as_array()?.iter().find_map(|condition| {
        if is_true(condition, "Complete") {
            Some(JobEnd::Complete)
        } else {
            is_true(condition, "Failed").then_some(JobEnd::Failed)
        }
    })
}

/// How a Job ended that was made from this manifest and is gone, or on its way out; None if it is to be made again. `seen` is the end
/// that was seen last.
///
/// A Job with a time to live is deleted when it has ended, so it has run; one without is made again unless it was seen to complete.
pub fn end_of_gone(object: &Object, entry: &InventoryEntry, seen: Option<JobEnd>) -> Option<JobEnd> {
    let made = is_job(&object.at) && entry.uid.is_some() && entry.desired_hash.as_ref() == Some(&object.desired_hash());
    let has_ttl = object.body["spec"]["ttlSecondsAfterFinished"].is_number();
    match seen.or(entry.ended) {
        _ if !made => None,
        Some(JobEnd::Complete) => Some(JobEnd::Complete),
        known if has_ttl => Some(known.unwrap_or(JobEnd::Unseen)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(ttl: Option<u32>, image: &str) -> Object {
        let at = ObjectRef {
            group: "batch".into(),
            version: "v1".into(),
            kind: "Job".into(),
            namespace: Some("shop".into()),
            name: "migrate".into(),
        };
        Object::new(at, json!({"spec": {"ttlSecondsAfterFinished": ttl, "template": image}}))
    }

    fn made(object: &Object) -> InventoryEntry {
        let intended = InventoryEntry::intended(object.at.clone());
        InventoryEntry { uid: Some("u1".into()), desired_hash: Some(object.desired_hash()), ..intended }
    }

    #[test]
    fn a_status_says_how_a_job_ended() {
        let with = |name: &str, status: &str| json!({"conditions": [{"type": "Suspended", "status": "False"}, {"type": name, "status": status}]});
        assert_eq!(end(&with("Complete", "True")), Some(JobEnd::Complete));
        assert_eq!(end(&with("Failed", "True")), Some(JobEnd::Failed));
        assert_eq!([end(&with("Complete", "False")), end(&Value::Null)], [None; 2]);
    }

    #[test]
    fn a_job_runs_once_for_each_manifest() {
        for ttl in [Some(0), Some(100)] {
            let job = object(ttl, "a");
            let ended = end_of_gone(&job, &made(&job), None);
            assert_eq!(ended, Some(JobEnd::Unseen), "nothing but its time to live takes it away");
            assert_eq!(end_of_gone(&job, &made(&job), Some(JobEnd::Failed)), Some(JobEnd::Failed));
            assert_eq!(end_of_gone(&object(ttl, "b"), &made(&job), Some(JobEnd::Complete)), None, "a changed manifest");
        }
        let job = object(Some(5), "a");
        let remembered = InventoryEntry { ended: Some(JobEnd::Complete), ..made(&job) };
        assert_eq!(end_of_gone(&job, &remembered, None), Some(JobEnd::Complete));
        assert_eq!(end_of_gone(&job, &InventoryEntry { uid: None, ..made(&job) }, None), None, "it was never made");
    }

    #[test]
    fn a_job_without_a_time_to_live_is_made_again_unless_it_completed() {
        let job = object(None, "a");
        assert_eq!(end_of_gone(&job, &made(&job), Some(JobEnd::Complete)), Some(JobEnd::Complete));
        assert_eq!(
            [end_of_gone(&job, &made(&job), Some(JobEnd::Failed)), end_of_gone(&job, &made(&job), None)],
            [None; 2]
        );
    }
}
