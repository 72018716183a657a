use serde_json::json;

use super::*;

fn owner() -> FieldOwner {
    FieldOwner::new("cp1", "workload-instance-7", || true)
}

fn content(kind: &str, metadata: Value) -> Content {
    Content::read(kind, &json!({"metadata": metadata}))
}

fn occupied(contents: &[Content]) -> Occupancy {
    settle(&owner(), contents, &HashMap::new()).occupancy()
}

fn alone(kind: &str, metadata: Value) -> Occupancy {
    occupied(&[content(kind, metadata)])
}

#[test]
fn what_a_platform_puts_into_every_namespace_is_nothing() {
    for (kind, name) in [
        ("ServiceAccount", "default"),
        ("ServiceAccount", "builder"),
        ("ServiceAccount", "deployer"),
        ("ConfigMap", "kube-root-ca.crt"),
        ("ConfigMap", "openshift-service-ca.crt"),
        ("ConfigMap", "istio-ca-root-cert"),
        ("RoleBinding", "system:image-builders"),
    ] {
        assert_eq!(alone(kind, json!({"name": name})), Occupancy::Empty, "{kind} {name}");
    }
    for (kind, name) in [("ServiceAccount", "other"), ("ConfigMap", "default"), ("RoleBinding", "builders")] {
        assert_eq!(alone(kind, json!({"name": name})), Occupancy::Foreign(format!("{kind} {name}")));
    }
    let token = |account: &str| json!({"name": "t", "annotations": {"kubernetes.io/service-account.name": account}});
    assert_eq!(alone("Secret", token("builder")), Occupancy::Empty);
    assert!(matches!(alone("Secret", token("mine")), Occupancy::Foreign(_)));
}

#[test]
fn what_is_this_records_or_on_its_way_out_will_go() {
    let going = [
        json!({"name": "a", "labels": {CONTROL_PLANE: "cp1", OWNER: "workload-instance-7"}}),
        json!({"name": "a", "deletionTimestamp": "2026-01-01T00:00:00Z"}),
    ];
    for metadata in going {
        assert_eq!(alone("Pod", metadata), Occupancy::Going("Pod a".into()));
    }
}

#[test]
fn another_record_is_named_and_what_was_kept_stays() {
    let labelled = |labels: Value| alone("ConfigMap", json!({"name": "a", "labels": labels}));
    let others = Occupancy::Others { owner: "workload-instance-8".into(), what: "ConfigMap a".into() };
    assert_eq!(labelled(json!({CONTROL_PLANE: "cp1", OWNER: "workload-instance-8"})), others);
    assert_eq!(labelled(json!({CONTROL_PLANE: "cp1"})), Occupancy::Foreign("ConfigMap a (kept)".into()));
    let foreign = Occupancy::Foreign("ConfigMap a".into());
    assert_eq!(labelled(json!({CONTROL_PLANE: "cp2", OWNER: "workload-instance-7"})), foreign);
}

#[test]
fn foreign_objects_outweigh_everything_and_are_named() {
    let mut contents: Vec<_> =
        (0..12).map(|n| content("Secret", json!({"name": format!("s{n}"), "namespace": "shop"}))).collect();
    contents.insert(0, content("Pod", json!({"name": "p", "deletionTimestamp": "2026-01-01T00:00:00Z"})));
    let Occupancy::Foreign(names) = occupied(&contents) else { panic!() };
    assert!(names.starts_with("Secret shop/s0, Secret shop/s1") && names.ends_with("s9 and 2 more"), "{names}");
}

fn owned(kind: &str, name: &str, by: &str) -> Content {
    let owners = json!([{"apiVersion": "example.org/v1", "kind": "Tenant", "name": "t", "uid": by}]);
    content(kind, json!({"name": name, "namespace": "shop", "uid": format!("uid-{name}"), "ownerReferences": owners}))
}

#[test]
fn an_object_follows_its_owner() {
    let mine = json!({"name": "mine", "uid": "m", "labels": {CONTROL_PLANE: "cp1", OWNER: "workload-instance-7"}});
    let deployment = content("Deployment", mine);
    let chain = [owned("Pod", "pod", "uid-set"), owned("ReplicaSet", "set", "m"), deployment];
    assert!(matches!(occupied(&chain), Occupancy::Going(_)));
    let theirs = [
        owned("Pod", "pod", "uid-set"),
        owned("ReplicaSet", "set", "d"),
        content("Deployment", json!({"name": "d", "uid": "d"})),
    ];
    assert!(matches!(occupied(&theirs), Occupancy::Foreign(_)));
    let platforms =
        [owned("Secret", "dockercfg", "sa"), content("ServiceAccount", json!({"name": "default", "uid": "sa"}))];
    assert_eq!(occupied(&platforms), Occupancy::Empty);
    let circle = [owned("Pod", "a", "uid-b"), owned("Pod", "b", "uid-a")];
    assert!(matches!(occupied(&circle), Occupancy::Going(_)), "it ends");
}

#[test]
fn an_owner_elsewhere_is_looked_up() {
    let contents = [owned("RoleBinding", "grant", "u")];
    let first = settle(&owner(), &contents, &HashMap::new());
    let unknown = first.unknown_owners(5);
    assert_eq!(unknown.len(), 1);
    let (reference, namespace) = &unknown[0];
    assert_eq!((reference.at.to_string().as_str(), namespace.as_deref()), ("Tenant t", Some("shop")));
    assert!(matches!(first.occupancy(), Occupancy::Going(_)), "until it is known");
    let with = |weight| settle(&owner(), &contents, &HashMap::from([("u".to_owned(), weight)])).occupancy();
    assert_eq!(
        with(Weight::Foreign("of Tenant t".into())),
        Occupancy::Foreign("RoleBinding shop/grant (of Tenant t)".into())
    );
    assert!(matches!(with(Weight::Going), Occupancy::Going(_)));
    assert!(matches!(with(Weight::Others("workload-instance-8".into())), Occupancy::Others { .. }));
    let stays = [owned("RoleBinding", "grant", "u"), content("Secret", json!({"name": "s"}))];
    assert!(settle(&owner(), &stays, &HashMap::new()).unknown_owners(5).is_empty(), "it stays in any case");
}
