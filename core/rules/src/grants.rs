//! Backends of other workloads: which namespace a rule means, and whether the workload there has granted its Services.
//!
//! `namespace` of a backend names a workload, not a namespace of one cluster: a gateway definition may have instances in many, and in each the
//! workload has a namespace of its own.

use crate::names::slug;
use causeway_records::inputs::GrantedWorkload;

/// What `namespace` of a backend stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meant<'g> {
    /// The gateway instance's own workload.
    Own,
    /// A workload that has granted the Service: its namespace in the cluster.
    Granted(&'g str),
    /// No workload has granted it.
    NotGranted,
}

/// Finds the workload that a backend of a kind of route names, by the slug of its definition's name. Of several that have granted the Service the first counts.
pub fn meant<'g>(own: &str, granted: &'g [GrantedWorkload], namespace: &str, service: &str, kind: &str) -> Meant<'g> {
    if slug(own) == namespace {
        return Meant::Own;
    }
    let has_granted = |other: &&GrantedWorkload| {
        slug(&other.workload) == namespace
            && other.services.as_ref().is_none_or(|services| services.iter().any(|name| name == service))
            && other.kinds.as_ref().is_none_or(|kinds| kinds.iter().any(|granted| granted == kind))
    };
    granted.iter().find(has_granted).map_or(Meant::NotGranted, |other| Meant::Granted(&other.namespace))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn workload(name: &str, id: i64, services: Option<&[&str]>) -> GrantedWorkload {
        let services = services.map(|names| names.iter().map(ToString::to_string).collect());
        GrantedWorkload { workload: name.into(), namespace: format!("{}-{id}", slug(name)), services, kinds: None }
    }

    #[test]
    fn a_workload_is_named_by_its_slug() {
        let granted = [workload("Team Two", 2, Some(&["web"])), workload("team-three", 3, None)];
        let meant = |namespace: &str, service: &str| meant("Team One", &granted, namespace, service, "HTTPRoute");
        assert_eq!(meant("team-two", "web"), Meant::Granted("team-two-2"));
        assert_eq!(meant("team-two", "db"), Meant::NotGranted);
        assert_eq!(meant("team-three", "db"), Meant::Granted("team-three-3"));
        assert_eq!(meant("team-one", "db"), Meant::Own);
        assert_eq!(
            meant("team-two-2", "web"),
            Meant::NotGranted,
            "the namespace of one cluster is no name of a workload"
        );
        assert_eq!(meant("kube-system", "kube-dns"), Meant::NotGranted);
    }

    #[test]
    fn a_grant_is_for_the_kinds_that_it_names() {
        let only = GrantedWorkload { kinds: Some(vec!["TCPRoute".into()]), ..workload("two", 2, None) };
        let of = |kind: &str| meant("one", std::slice::from_ref(&only), "two", "db", kind);
        assert_eq!((of("TCPRoute"), of("HTTPRoute")), (Meant::Granted("two-2"), Meant::NotGranted));
    }

    #[test]
    fn several_grants_add_up() {
        let granted = [workload("two", 2, Some(&["a"])), workload("two", 2, Some(&["b"])), workload("two", 4, None)];
        let meant = |service: &str| meant("one", &granted, "two", service, "HTTPRoute");
        assert_eq!([meant("a"), meant("b")], [Meant::Granted("two-2"); 2]);
        assert_eq!(meant("c"), Meant::Granted("two-4"));
    }

    proptest! {
        #[test]
        fn nothing_is_granted_but_what_a_grant_says(
            grants in proptest::collection::vec(("[a-c]", proptest::option::of(proptest::collection::vec("[x-z]", 0..3))), 0..4),
            namespace in "[a-d]",
            service in "[x-z]",
        ) {
            let granted: Vec<_> = (2..)
                .zip(&grants)
                .map(|(id, (name, services))| GrantedWorkload {
                    workload: name.clone(),
                    namespace: format!("{name}-{id}"),
                    services: services.clone(),
                    kinds: None,
                })
                .collect();
            let says = |(name, services): &(String, Option<Vec<String>>)| {
                *name == namespace && services.as_ref().is_none_or(|all| all.contains(&service))
            };
            let found = meant("own", &granted, &namespace, &service, "HTTPRoute");
            prop_assert_eq!(grants.iter().any(says), matches!(found, Meant::Granted(_)));
            if let Meant::Granted(at) = found {
                let start = format!("{namespace}-");
                prop_assert!(at.starts_with(&start));
            }
        }
    }
}
