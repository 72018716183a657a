//! Reaching a cluster, and saying why not.

use causeway_cluster::{Cluster, ClusterAccess, ClusterAuth, ClusterError, Lookup, UnreachableCause};
use causeway_records::inventory::ObjectRef;
use causeway_rig::{Endpoints, SELF_SIGNED_NAME};

use crate::support::{Fixture, access, config_map_ref, namespace_ref};

async fn cause(access: &ClusterAccess) -> UnreachableCause {
    match Cluster::connect(access).unwrap().identity().await {
        Err(ClusterError::Unreachable { cause, .. }) => cause,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_cluster_is_told_by_the_uid_of_kube_system() {
    let fixture = Fixture::new().await;
    let identity = fixture.cluster.identity().await.unwrap();
    let system = fixture.read(&namespace_ref("kube-system")).await.unwrap();
    assert_eq!(Some(identity.uid), system.metadata.uid);
    assert!(identity.version.starts_with("v1."), "{}", identity.version);
}

#[tokio::test]
async fn nobody_listens() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let access = ClusterAccess { endpoint: format!("https://127.0.0.1:{port}"), ..access() };
    assert_eq!(cause(&access).await, UnreachableCause::ConnectionFailed);
}

#[tokio::test]
async fn the_certificate_is_for_another_name() {
    let access = ClusterAccess { server_name: Some("elsewhere.example.test".into()), ..access() };
    assert_eq!(cause(&access).await, UnreachableCause::TlsFailed);
}

/// An authority that is a server's certificate at the same time is trusted as the server that it is.
#[tokio::test]
async fn a_certificate_that_has_signed_itself_is_trusted_where_it_is_given() {
    let fixture = Fixture::new().await;
    let own = Endpoints::from_env().unwrap().cluster().self_signed.clone();
    let by_name = ClusterAccess { server_name: Some(SELF_SIGNED_NAME.into()), ..access() };
    assert_eq!(cause(&by_name).await, UnreachableCause::TlsFailed, "the authority of the cluster has not signed it");
    let given = ClusterAccess { ca_pem: Some(own), ..by_name };
    let (found, usual) = (Cluster::connect(&given).unwrap().identity().await, fixture.cluster.identity().await);
    assert_eq!(found.unwrap().uid, usual.unwrap().uid);
}

#[tokio::test]
async fn the_credentials_are_not_accepted() {
    let access = ClusterAccess { auth: ClusterAuth::Token("not-a-token".into()), ..access() };
    assert_eq!(cause(&access).await, UnreachableCause::Unauthorized);
}

#[tokio::test]
async fn absent_is_not_the_same_as_not_served() {
    let fixture = Fixture::new().await;
    let absent = config_map_ref(&fixture.namespace, "none");
    assert!(matches!(fixture.cluster.get(&absent).await, Ok(Lookup::Absent)));
    let unknown = ObjectRef { group: "unknown.test".into(), kind: "Widget".into(), ..absent };
    assert!(matches!(fixture.cluster.get(&unknown).await, Ok(Lookup::NotServed)));
    assert!(!fixture.cluster.discovery().serves("unknown.test", "Widget").await.unwrap());
    assert!(fixture.cluster.discovery().serves("", "ConfigMap").await.unwrap());
}
