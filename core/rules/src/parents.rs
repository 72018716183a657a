//! What must hold of the records that a record names.

use causeway_records::{
    Kind,
    nouns::SharedGateway,
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

/// Nobody names the common gateway of a cluster and class: who needs it while it is being deleted gets the one that is made next.
pub fn common_gateway_being_deleted(id: i64) -> Refusal {
    let sentence = format!(
        "shared gateway {id}, which is the common one of its cluster and class, is being deleted; wait until it is gone: the next one is made when it is needed"
    );
    Refusal::new(Reason::BeingDeleted, sentence)
}

/// A gateway or domain name of a workload is in the workload's cluster.
///
/// # Errors
/// Names the workload's cluster, if `runtime` is another one.
pub fn same_cluster(workload: &str, workload_runtime: i64, runtime: i64) -> Result<(), Refusal> {
    if workload_runtime == runtime {
        return Ok(());
    }
    let problem = format!("workload instance {workload} is in another cluster ({workload_runtime}); name that one");
    Err(Refusal::field(Reason::InvalidField, "KubernetesRuntimeInstanceID", problem))
}

/// A gateway instance is in the cluster of the shared gateway that it names.
///
/// # Errors
/// Names the gateway's cluster, if `runtime` is another one.
pub fn same_cluster_as_gateway(gateway: &SharedGateway, runtime: i64) -> Result<(), Refusal> {
    let own = gateway.kubernetes_runtime_instance_id;
    if own == runtime {
        return Ok(());
    }
    let problem = format!("shared gateway {} is in another cluster ({own}); name one of this cluster", gateway.name);
    Err(Refusal::field(Reason::InvalidField, "SharedGatewayID", problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_gateway_is_in_one_cluster() {
        let gateway = SharedGateway {
            name: "main".parse().unwrap(),
            kubernetes_runtime_instance_id: 7,
            ..SharedGateway::default()
        };
        assert!(same_cluster_as_gateway(&gateway, 7).is_ok());
        assert_eq!(
            same_cluster_as_gateway(&gateway, 8).unwrap_err().to_string(),
            "SharedGatewayID: shared gateway main is in another cluster (7); name one of this cluster"
        );
    }

    #[test]
    fn a_workload_is_in_one_cluster() {
        assert!(same_cluster("shop", 7, 7).is_ok());
        let refusal = same_cluster("shop", 7, 8).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "KubernetesRuntimeInstanceID: workload instance shop is in another cluster (7); name that one"
        );
    }
}
