//! What must hold of the records that a record names.

use causeway_records::{
    Kind, Record,
    nouns::WorkloadInstance,
    problem::{Reason, Refusal},
};

/// A record that a write names doesn't exist, or isn't live.
pub fn missing(field: &str, parent: Kind) -> Refusal {
    Refusal::field(Reason::ParentNotFound, field, format!("there is no {parent} with this id"))
}

/// A record that is being deleted takes no new dependants.
pub fn being_deleted(parent: Kind, id: i64) -> Refusal {
    let sentence = format!("{parent} {id} is being deleted; wait until it is gone and name another one");
    Refusal::new(Reason::BeingDeleted, sentence)
}

/// A gateway or domain name of a workload is in the workload's cluster.
///
/// # Errors
/// Names the workload's cluster, if `runtime` is another one.
pub fn same_cluster(workload: &Record<WorkloadInstance>, runtime: i64) -> Result<(), Refusal> {
    let own = workload.spec.kubernetes_runtime_instance_id;
    if own == runtime {
        return Ok(());
    }
    let problem = format!("workload instance {} is in another cluster ({own}); name that one", workload.spec.name);
    Err(Refusal::field(Reason::InvalidField, "KubernetesRuntimeInstanceID", problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_is_in_one_cluster() {
        let mut workload = Record::<WorkloadInstance>::default();
        (workload.spec.name, workload.spec.kubernetes_runtime_instance_id) = ("shop".parse().unwrap(), 7);
        assert!(same_cluster(&workload, 7).is_ok());
        let refusal = same_cluster(&workload, 8).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "KubernetesRuntimeInstanceID: workload instance shop is in another cluster (7); name that one"
        );
    }
}
