//! Records of all nouns against a real Postgres.

use crate::fixture::{Fixture, patch, record};
use causeway_records::{
    Record,
    field::Table,
    inputs::{Elsewhere, Protocol},
    nouns::*,
};
use causeway_store::{
    Filter, MAX_PAGE_BYTES, Start, StoreError,
    queue::{Key, Outcome},
};
use sqlx::PgPool;

fn key(kind: &str, id: i64) -> Key {
    Key { kind: kind.parse().unwrap(), id }
}

const HTTPS: &str =
    r#""HttpPorts":[{"Port":80,"HTTPSRedirect":true},{"Port":443,"TLSEnabled":true}],"TcpPorts":[{"Port":5432}]"#;

#[sqlx::test(migrations = false)]
async fn values_keep(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let id = fixture.definition("web", HTTPS).await;
    assert!(id > 1 << 53);
    let got: Record<GatewayDefinition> = fixture.store.get(id).await.unwrap();
    assert_eq!(got.spec.placement, Some(Placement::Shared));
    let ports = fixture.store.list::<GatewayHttpPort>(&[], 10, 0).await.unwrap();
    assert_eq!((ports.1, ports.0[0].spec.path.as_ref().unwrap().as_str()), (2, "/"));
    assert_eq!(ports.0[0].spec.gateway_definition_id, id);
    let changed = fixture.writer.change(id, patch::<GatewayDefinition>(r#"{"ServiceName":"web"}"#)).await.unwrap();
    assert_eq!((changed.status.generation, changed.status.reconciled), (Some(2), Some(false)));
    assert!(changed.common.updated_at > got.common.updated_at);
    let same = fixture.writer.change(id, patch::<GatewayDefinition>(r#"{"ServiceName":"web"}"#)).await.unwrap();
    assert_eq!(same.status.generation, Some(2), "a change of nothing is no new generation");
}

#[sqlx::test(migrations = false)]
async fn names_are_unique_among_the_live(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let tries = (0..16)
        .map(|_| fixture.writer.create(record::<AwsAccount>(r#"{"Name":"a","AccountID":"1","DefaultRegion":"x"}"#)));
    let done = futures::future::join_all(tries).await;
    assert_eq!(done.iter().filter(|made| made.is_ok()).count(), 1);
    let refused =
        done.iter().filter_map(|made| made.as_ref().err()).all(|error| matches!(error, StoreError::Conflict(_)));
    assert!(refused);
    let id = done.into_iter().find_map(Result::ok).unwrap().id();
    assert!(fixture.writer.delete::<AwsAccount>(id).await.unwrap().common.deleted_at.is_some());
    assert!(matches!(fixture.store.get::<AwsAccount>(id).await, Err(StoreError::NotFound)));
    fixture.writer.create(record::<AwsAccount>(r#"{"Name":"a","AccountID":"1","DefaultRegion":"x"}"#)).await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn lists_filter_and_page(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    for n in 0..5 {
        fixture.definition(&format!("g{n}"), r#""HttpPorts":[]"#).await;
    }
    let field = |json: &str| GatewayDefinition::FIELDS.iter().find(|f| f.json == json).unwrap();
    let (page, total) = fixture.store.list::<GatewayDefinition>(&[], 2, 2).await.unwrap();
    assert_eq!((page.len(), total, page[0].spec.name.as_str()), (2, 5, "g2"));
    let filter = Filter { field: field("Name"), text: "g4".into() };
    let (page, total) = fixture.store.list::<GatewayDefinition>(&[filter], 50, 0).await.unwrap();
    assert_eq!((page.len(), total), (1, 1));
    let filter = Filter { field: field("DomainNameDefinitionID"), text: "x".into() };
    assert!(matches!(fixture.store.list::<GatewayDefinition>(&[filter], 50, 0).await, Err(StoreError::Invalid(_))));
}

#[sqlx::test(migrations = false)]
async fn a_gateway_without_a_domain_has_instances(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let json = r#"{"Name":"plain","HttpPorts":[{"Port":80}]}"#;
    let definition = fixture.writer.create(record::<GatewayDefinition>(json)).await.unwrap().id();
    fixture.instance("plain", definition).await.unwrap();
    let change = patch::<GatewayDefinition>(r#"{"Hostnames":["plain.example.test"]}"#);
    assert!(fixture.writer.change::<GatewayDefinition>(definition, change).await.is_ok());
}

#[sqlx::test(migrations = false)]
async fn an_instance_brings_its_support_services_and_shared_gateway(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let definition = fixture.definition("web", HTTPS).await;
    let instance = fixture.instance("web", definition).await.unwrap();
    let services = fixture.store.services_of(fixture.runtime).await.unwrap();
    let names: Vec<_> = services.iter().map(|service| service.spec.service).collect();
    assert_eq!(names, [Service::CertManager, Service::GatewayApi, Service::EnvoyGateway]);
    let inputs = fixture.store.gateway_inputs(instance.id()).await.unwrap().0;
    assert_eq!(inputs.hostnames, ["www.example.test"]);
    let shared = inputs.shared_gateway.unwrap();
    let slots: Vec<_> = shared.listener_sets.iter().map(|(key, slot)| (key.port, *slot)).collect();
    assert_eq!(slots, [(80, Some(0)), (443, Some(0)), (5432, None)]);
    let gateway = fixture.store.shared_gateway_inputs(shared.gateway.record.id()).await.unwrap();
    assert_eq!(gateway.listeners.len(), 3);
    assert_eq!(gateway.listeners[0].users[0].namespace, inputs.workload.instance.object_name);
    let (references, _) = fixture.store.list::<AttachedObjectReference>(&[], 10, 0).await.unwrap();
    assert_eq!(references[0].spec.attached_object_type, "v0.GatewayInstance");
}

#[sqlx::test(migrations = false)]
async fn a_taken_route_is_refused_and_names_its_holder(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let first = fixture.definition("first", HTTPS).await;
    fixture.instance("holder", first).await.unwrap();
    let refusal = async |name: &'static str, ports: &str| {
        let definition = fixture.definition(name, ports).await;
        match fixture.instance(name, definition).await {
            Err(StoreError::Conflict(refusal)) => refusal.sentence,
            other => panic!("{name}: {other:?}"),
        }
    };
    let sentence = refusal("same", r#""HttpPorts":[{"Port":443,"TLSEnabled":true}]"#).await;
    assert!(
        sentence.starts_with("www.example.test/ on HTTPS port 443 is already held by gateway instance holder"),
        "{sentence}"
    );
    let sentence = refusal("tcp", r#""TcpPorts":[{"Port":443}]"#).await;
    assert!(
        sentence.contains("TCP port 443 can't stand beside HTTPS port 443 of gateway instance holder"),
        "{sentence}"
    );
    let sentence = refusal("moved", r#""HttpPorts":[{"Port":10080}]"#).await;
    assert!(sentence.contains("the proxy binds both to 10080"), "{sentence}");
    let sentence = refusal("postgres", r#""TcpPorts":[{"Port":5432}]"#).await;
    assert!(
        sentence.starts_with("all traffic on TCP port 5432 is already held by gateway instance holder"),
        "{sentence}"
    );
    // UDP has ports of its own, each with one holder.
    let udp = fixture.definition("udp", r#""UdpPorts":[{"Port":5432},{"Port":80}]"#).await;
    let udp = fixture.instance("udp", udp).await.unwrap();
    let inputs = fixture.store.gateway_inputs(udp.id()).await.unwrap().0;
    let slots = inputs.shared_gateway.unwrap().listener_sets;
    let slots: Vec<_> = slots.iter().map(|(key, slot)| (key.port, key.protocol, *slot)).collect();
    assert_eq!(slots, [(80, Protocol::Udp, None), (5432, Protocol::Udp, None)]);
    let sentence = refusal("udp-2", r#""UdpPorts":[{"Port":5432}]"#).await;
    assert!(sentence.starts_with("all traffic on UDP port 5432 is already held by gateway instance udp"), "{sentence}");
    let sentence = refusal("udp-3", r#""UdpPorts":[{"Port":10080}]"#).await;
    assert!(sentence.contains("UDP port 10080 can't stand beside UDP port 80 of gateway instance udp"), "{sentence}");
    // Another path of the same hostname is fine, and so is a second redirect.
    let api = r#""HttpPorts":[{"Port":80,"HTTPSRedirect":true},{"Port":443,"TLSEnabled":true,"Path":"/api"}]"#;
    let definition = fixture.definition("api", api).await;
    fixture.instance("api", definition).await.unwrap();
    // A later change of the definition is refused in the same way, and changes nothing.
    let (ports, _) = fixture.store.list::<GatewayHttpPort>(&[], 50, 0).await.unwrap();
    let port = ports.iter().find(|port| port.spec.path.as_ref().is_some_and(|path| path.as_str() == "/api")).unwrap();
    let change = fixture.writer.change(port.id(), patch::<GatewayHttpPort>(r#"{"Path":"/"}"#)).await;
    assert!(matches!(change, Err(StoreError::Conflict(_))));
    assert_eq!(fixture.store.get::<GatewayHttpPort>(port.id()).await.unwrap().spec.path.unwrap().as_str(), "/api");
}

#[sqlx::test(migrations = false)]
async fn eight_listeners_fill_a_listener_set(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let hosts: Vec<_> = (0..10).map(|n| format!(r#""h{n}.example.test""#)).collect();
    let body =
        format!(r#""Hostnames":[{}],"HttpPorts":[{{"Port":80}},{{"Port":443,"TLSEnabled":true}}]"#, hosts.join(","));
    let definition = fixture.definition("many", &body).await;
    let slots = async |instance: i64| {
        fixture.store.gateway_inputs(instance).await.unwrap().0.shared_gateway.unwrap().listener_sets
    };
    let made = slots(fixture.instance("many", definition).await.unwrap().id()).await;
    let count = |slot: i32| made.values().filter(|found| **found == Some(slot)).count();
    assert_eq!((made.len(), count(0), count(1), count(2)), (20, 8, 8, 4));

    // A set that an earlier release has filled stays as it is, and takes no further ones.
    sqlx::query("UPDATE gateway_listeners SET listener_set_id = (SELECT id FROM listener_sets WHERE ordinal = 0)")
        .execute(&pool)
        .await
        .unwrap();
    let definition = fixture.definition("one", r#""Hostnames":["one.example.test"],"HttpPorts":[{"Port":80}]"#).await;
    let more = slots(fixture.instance("one", definition).await.unwrap().id()).await;
    assert_eq!(more.values().collect::<Vec<_>>(), [&Some(1)]);

    // Once the last one is full, room that others have left is used before a new one is begun: 8, 5 and 8 are there.
    let spread = "UPDATE gateway_listeners l SET listener_set_id = s.id
        FROM (SELECT ctid, row_number() OVER () - 1 AS n FROM gateway_listeners) o
            JOIN listener_sets s ON s.ordinal = CASE WHEN n < 8 THEN 0 WHEN n < 13 THEN 1 ELSE 2 END
        WHERE l.ctid = o.ctid";
    assert_eq!(sqlx::query(spread).execute(&pool).await.unwrap().rows_affected(), 21);
    let definition = fixture.definition("two", r#""Hostnames":["two.example.test"],"HttpPorts":[{"Port":80}]"#).await;
    let more = slots(fixture.instance("two", definition).await.unwrap().id()).await;
    assert_eq!(more.values().collect::<Vec<_>>(), [&Some(1)]);
}

#[sqlx::test(migrations = false)]
async fn a_change_wakes_everything_that_depends_on_it(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let definition = fixture.definition("web", HTTPS).await;
    let instance = fixture.instance("web", definition).await.unwrap();
    let json = format!(
        r#"{{"Name":"n","DomainNameDefinitionID":{},"WorkloadInstanceID":{},"KubernetesRuntimeInstanceID":{}}}"#,
        fixture.domain, fixture.workload, fixture.runtime
    );
    let name = fixture.writer.create(record::<DomainNameInstance>(&json)).await.unwrap();
    let shared =
        fixture.store.gateway_inputs(instance.id()).await.unwrap().0.shared_gateway.unwrap().gateway.record.id();
    let watched =
        [key("GatewayInstance", instance.id()), key("DomainNameInstance", name.id()), key("SharedGateway", shared)];
    let generations = async || fixture.generations(&watched).await;
    let before = generations().await;
    fixture.writer.change(fixture.domain, patch::<DomainNameDefinition>(r#"{"TTL":60}"#)).await.unwrap();
    let after = generations().await;
    assert!(before.iter().zip(&after).all(|(before, after)| after > before), "{before:?} {after:?}");
    let (ports, _) = fixture.store.list::<GatewayHttpPort>(&[], 1, 0).await.unwrap();
    fixture.writer.change(ports[0].id(), patch::<GatewayHttpPort>(r#"{"Path":"/x"}"#)).await.unwrap();
    let last = generations().await;
    assert!(last[0] > after[0], "{after:?} {last:?}");
    assert_eq!(last[2], after[2], "another path is nothing to a listener");
    fixture.writer.change(ports[0].id(), patch::<GatewayHttpPort>(r#"{"Port":8080}"#)).await.unwrap();
    assert!(generations().await[2] > last[2], "another port is");
}

#[sqlx::test(migrations = false)]
async fn credentials_reach_all_who_use_them(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let account = r#"{"Name":"dns","AccountID":"1","DefaultRegion":"eu-west-1","AllRuntimes":true}"#;
    let account = fixture.writer.create(record::<AwsAccount>(account)).await.unwrap().id();
    let named = move |domain: &mut Record<DomainNameDefinition>| {
        domain.spec.aws_account_id = Some(account);
        Ok(false)
    };
    fixture.writer.change(fixture.domain, named).await.unwrap();
    let shared = fixture.instance("shared", fixture.definition("shared", HTTPS).await).await.unwrap().id();
    let own = format!(r#""Placement":"Dedicated",{HTTPS}"#);
    let own = fixture.instance("own", fixture.definition("own", &own).await).await.unwrap().id();
    let inputs = fixture.store.gateway_inputs(shared).await.unwrap().0;
    let gateway = inputs.shared_gateway.unwrap().gateway.record.id();
    let watched = [key("GatewayInstance", shared), key("GatewayInstance", own), key("SharedGateway", gateway)];
    let generations = async || fixture.generations(&watched).await;
    let before = generations().await;
    fixture.writer.change(account, patch::<AwsAccount>(r#"{"DefaultRegion":"eu-north-1"}"#)).await.unwrap();
    let after = generations().await;
    assert!(before.iter().zip(&after).all(|(before, after)| after > before), "{before:?} {after:?}");
}

#[sqlx::test(migrations = false)]
async fn deletion_takes_two_steps_and_waits_for_dependants(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let definition = fixture.definition("web", HTTPS).await;
    let instance = fixture.instance("web", definition).await.unwrap().id();
    let blocked = fixture.writer.delete::<GatewayDefinition>(definition).await.unwrap_err();
    assert_eq!(blocked.to_string(), "gateway definition has related gateway instances - cannot be deleted");
    let blocked = fixture.writer.delete::<WorkloadInstance>(fixture.workload).await.unwrap_err();
    assert_eq!(blocked.to_string(), "workload instance has related gateway instances - cannot be deleted: web");
    let scheduled = fixture.writer.delete::<GatewayInstance>(instance).await.unwrap();
    assert!(scheduled.is_being_deleted() && scheduled.common.deleted_at.is_none());
    assert_eq!(
        fixture.writer.delete::<GatewayInstance>(instance).await.unwrap_err().to_string(),
        format!("object with ID {instance} already being deleted")
    );
    // A definition whose instances are all going may be deleted, and waits for them.
    fixture.writer.delete::<GatewayDefinition>(definition).await.unwrap();
    let refused = fixture.instance("late", definition).await.unwrap_err();
    assert!(refused.to_string().contains("is being deleted"), "{refused}");
    let waits = fixture.store.confirm_deleted(causeway_records::Kind::GatewayDefinition, definition).await.unwrap();
    assert_eq!(format!("{waits:?}"), r#"Waits(["gateway instance web"])"#);
    fixture.store.confirm_deleted(causeway_records::Kind::GatewayInstance, instance).await.unwrap();
    fixture.store.confirm_deleted(causeway_records::Kind::GatewayDefinition, definition).await.unwrap();
    assert!(matches!(fixture.store.get::<GatewayDefinition>(definition).await, Err(StoreError::NotFound)));
    assert_eq!(fixture.store.list::<GatewayTcpPort>(&[], 1, 0).await.unwrap().1, 0);
    // Its routes are free again.
    let again = fixture.definition("again", HTTPS).await;
    fixture.instance("again", again).await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn a_wake_during_a_reconcile_is_not_lost(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let definition = fixture.definition("web", HTTPS).await;
    let key = key("GatewayInstance", fixture.instance("web", definition).await.unwrap().id());
    let outcome = Outcome { applied: true, ..Outcome::default() };
    let work = fixture.store.begin(&key, fixture.lease()).await.unwrap().unwrap();
    fixture.store.complete(&work, &outcome, 1).await.unwrap();
    let due = async || {
        let items = fixture.store.due(fixture.runtime, 100).await.unwrap();
        items.oldest.iter().chain(&items.rest).any(|due| due.key == key)
    };
    assert!(!due().await);
    let work = fixture.store.begin(&key, fixture.lease()).await.unwrap().unwrap();
    fixture.store.wake(std::slice::from_ref(&key)).await.unwrap();
    fixture.store.complete(&work, &outcome, 1).await.unwrap();
    assert!(due().await);
}

#[sqlx::test(migrations = false)]
async fn the_same_event_counts_up(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let key = key("WorkloadInstance", fixture.workload);
    for _ in 0..3 {
        fixture.store.record_event(&key, "FailedCreate", "no", true).await.unwrap();
    }
    let (events, total) = fixture.store.list::<Event>(&[], 10, 0).await.unwrap();
    assert_eq!((total, events[0].spec.count, events[0].spec.r#type.as_str()), (1, 3, "Warning"));
}

#[sqlx::test(migrations = false)]
async fn a_list_of_ports_takes_the_place_of_the_stored_one(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let definition = fixture.definition("web", HTTPS).await;
    let instance = fixture.instance("web", definition).await.unwrap().id();
    let ports = patch::<GatewayDefinition>(r#"{"HttpPorts":[{"Port":8080,"Path":"/new"}]}"#);
    fixture.writer.change(definition, ports).await.unwrap();
    let inputs = fixture.store.gateway_inputs(instance).await.unwrap().0;
    let definition = &inputs.definition.spec;
    assert_eq!(definition.http_ports.iter().map(|port| port.port.get()).collect::<Vec<_>>(), [8080]);
    assert_eq!(definition.tcp_ports.len(), 1, "the other list stays");
    let listeners = inputs.shared_gateway.unwrap().listener_sets;
    assert_eq!(listeners.keys().map(|key| key.port).collect::<Vec<_>>(), [5432, 8080], "claimed anew");
}

#[sqlx::test(migrations = false)]
async fn the_objects_of_a_workload_are_kept_up_to_date(pool: PgPool) {
    use causeway_store::resources::Resource;
    let fixture = Fixture::new(&pool).await;
    let resource = |name: &str, reconciled: bool| Resource {
        key: name.into(),
        definition: serde_json::json!({"kind": name}),
        state: reconciled.then(|| serde_json::json!({"ready": true})),
        reconciled,
        last_operation: "Created".into(),
    };
    let save = async |resources: &[Resource]| fixture.store.save_resources(fixture.workload, resources).await.unwrap();
    save(&[resource("a", false), resource("b", false)]).await;
    save(&[resource("b", true), resource("c", true)]).await;
    let (rows, total) = fixture.store.list::<WorkloadResourceInstance>(&[], 10, 0).await.unwrap();
    let states: Vec<_> =
        rows.iter().map(|row| (row.spec.json_definition["kind"].clone(), row.spec.reconciled)).collect();
    assert_eq!((total, states), (2, vec![("b".into(), Some(true)), ("c".into(), Some(true))]));
}

#[sqlx::test(migrations = false)]
async fn a_hostname_of_two_workloads_belongs_to_both(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let other = fixture.add_workload("api").await;
    let root = fixture.definition("root", r#""HttpPorts":[{"Port":80}]"#).await;
    let api = fixture.definition("api", r#""HttpPorts":[{"Port":80,"Path":"/api"}]"#).await;
    let name = async |name: &str, workload: i64| {
        let json = format!(
            r#"{{"Name":"{name}","DomainNameDefinitionID":{},"WorkloadInstanceID":{workload},"KubernetesRuntimeInstanceID":{}}}"#,
            fixture.domain, fixture.runtime
        );
        fixture.writer.create(record::<DomainNameInstance>(&json)).await.unwrap().id()
    };
    let (first, other_name) = (name("root", fixture.workload).await, name("api", other).await);
    fixture.instance("root", root).await.unwrap();
    let second = fixture.writer.create(fixture.instance_of("api", api, other)).await.unwrap().id();
    let asked = Elsewhere::Asked { by: vec![other_name] };
    let elsewhere = async || fixture.store.domain_name_inputs(first).await.unwrap().wanted_elsewhere;
    assert_eq!(elsewhere().await, [("www.example.test".to_owned(), asked.clone())].into());
    let work = fixture.store.begin(&key("DomainNameInstance", other_name), fixture.lease()).await.unwrap().unwrap();
    let noted = serde_json::json!({"hosts": {"www.example.test": {"present": false, "ttl": 60}}});
    assert!(fixture.store.save_published_state(&work, &noted).await.unwrap());
    let holder = Elsewhere::Noted { id: other_name, name: "api".to_owned() };
    assert_eq!(elsewhere().await, [("www.example.test".to_owned(), holder)].into());
    for (more, value) in [("elsewhere", serde_json::json!(true)), ("goneSince", "2026-01-31T12:00:00Z".into())] {
        let noted = serde_json::json!({"hosts": {"www.example.test": {"present": true, "ttl": 60, more: value}}});
        assert!(fixture.store.save_published_state(&work, &noted).await.unwrap());
        assert_eq!(elsewhere().await, [("www.example.test".to_owned(), asked.clone())].into(), "{more}");
    }
    fixture.writer.delete::<GatewayInstance>(second).await.unwrap();
    assert!(elsewhere().await.is_empty(), "what is on its way out publishes nothing");
}

#[sqlx::test(migrations = false)]
async fn a_hostname_that_is_too_long_for_its_ownership_record_is_refused(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let label = "a".repeat(63);
    let instance = async |name: &str, rest: usize| {
        let sub_domain = format!("{label}.{label}.{label}.{}", "a".repeat(rest));
        let json = format!(
            r#"{{"Name":"{name}","DomainNameDefinitionID":{},"SubDomain":"{sub_domain}","HttpPorts":[{{"Port":80}}]}}"#,
            fixture.domain
        );
        let definition = fixture.writer.create(record::<GatewayDefinition>(&json)).await.unwrap().id();
        fixture.instance(name, definition).await
    };
    // Three labels with their dots, and `.example.test`.
    instance("fits", 241 - 192 - 13).await.unwrap();
    let refused = instance("long", 242 - 192 - 13).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::Invalid(_)) && refused.to_string().contains("241 can be published"),
        "{refused}"
    );
}

/// Those of all domains, whether or not they name their zone; none that is left, and none of another account.
#[sqlx::test(migrations = false)]
async fn external_dns_is_told_of_the_zones_that_are_written_to(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let named = r#"{"Name":"b","Domain":"b.test","Zone":"Public","HostedZoneID":"Z2","AdminEmail":"a@b.test"}"#;
    let named = fixture.writer.create(record::<DomainNameDefinition>(named)).await.unwrap().id();
    let zone =
        |id: &str, account: Option<i64>| serde_json::json!({"id": id, "name": "example.test", "account": account});
    let of = async |name: &str, domain: i64, hosts: serde_json::Value| {
        let json = format!(
            r#"{{"Name":"{name}","DomainNameDefinitionID":{domain},"WorkloadInstanceID":{},"KubernetesRuntimeInstanceID":{}}}"#,
            fixture.workload, fixture.runtime
        );
        let id = fixture.writer.create(record::<DomainNameInstance>(&json)).await.unwrap().id();
        let work = fixture.store.begin(&key("DomainNameInstance", id), fixture.lease()).await.unwrap().unwrap();
        let state = serde_json::json!({"hosts": hosts, "unreadable": ["Z6"]});
        assert!(fixture.store.save_published_state(&work, &state).await.unwrap());
    };
    let host = |zone: serde_json::Value| serde_json::json!({"present": true, "ttl": 60, "zone": zone});
    let mut gone = host(zone("Z3", None));
    gone["goneSince"] = "2026-01-31T12:00:00Z".into();
    let moved = serde_json::json!({"present": true, "ttl": 60, "zone": zone("Z1", None),
        "former": [{"zone": zone("Z4", None), "ttl": 60}]});
    of("a", fixture.domain, serde_json::json!({"x": moved, "y": gone, "z": host(zone("Z5", Some(7)))})).await;
    of("b", named, serde_json::json!({"x": host(zone("Z2", None)), "y": host(zone("Z6", None))})).await;
    let (services, _) = fixture.store.list::<SupportServiceInstance>(&[], 10, 0).await.unwrap();
    let service = services.iter().find(|service| service.spec.service == Service::ExternalDns).unwrap().id();
    let inputs = fixture.store.support_service_inputs(service).await.unwrap();
    assert_eq!(inputs.domains, ["b.test", "example.test"]);
    assert_eq!(inputs.zones.iter().map(|zone| zone.id.as_str()).collect::<Vec<_>>(), ["Z1", "Z2"]);
}

/// Nor is one put on record for it. A domain that changes its driver brings it.
#[sqlx::test(migrations = false)]
async fn external_dns_is_told_nothing_of_a_domain_that_workers_write(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let own = r#"{"Name":"own","Domain":"own.test","Zone":"Public","DnsDriver":"route53","AdminEmail":"a@own.test"}"#;
    let own = fixture.writer.create(record::<DomainNameDefinition>(own)).await.unwrap().id();
    let json = format!(
        r#"{{"Name":"own","DomainNameDefinitionID":{own},"WorkloadInstanceID":{},"KubernetesRuntimeInstanceID":{}}}"#,
        fixture.workload, fixture.runtime
    );
    let instance = fixture.writer.create(record::<DomainNameInstance>(&json)).await.unwrap().id();
    let external_dns = async || {
        let (services, _) = fixture.store.list::<SupportServiceInstance>(&[], 10, 0).await.unwrap();
        services.iter().find(|service| service.spec.service == Service::ExternalDns).map(|service| service.id())
    };
    assert_eq!(external_dns().await, None);
    let (back, forth) = (r#"{"DnsDriver":"external-dns"}"#, r#"{"DnsDriver":"route53"}"#);
    fixture.writer.change(own, patch::<DomainNameDefinition>(back)).await.unwrap();
    let service = external_dns().await.unwrap();
    assert_eq!(fixture.store.support_service_inputs(service).await.unwrap().domains, ["own.test"]);
    assert_eq!(fixture.store.domain_name_inputs(instance).await.unwrap().external_dns.unwrap().id, service);
    fixture.writer.change(own, patch::<DomainNameDefinition>(forth)).await.unwrap();
    assert_eq!(fixture.store.support_service_inputs(service).await.unwrap().domains, [""; 0]);
    assert_eq!(fixture.store.domain_name_inputs(instance).await.unwrap().external_dns, None);
}

/// Whether they come with the definition or one by one.
#[sqlx::test(migrations = false)]
async fn a_definition_has_so_many_ports(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let ports: Vec<_> = (1..MAX_PORTS).map(|port| format!(r#"{{"Port":{port}}}"#)).collect();
    let id = fixture.definition("many", &format!(r#""TcpPorts":[{}]"#, ports.join(","))).await;
    let port = |port: i32| record::<GatewayTcpPort>(&format!(r#"{{"GatewayDefinitionID":{id},"Port":{port}}}"#));
    let last = fixture.writer.create(port(1001)).await.unwrap().id();
    let refused = fixture.writer.create(port(1002)).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Invalid(_)) && refused.to_string().contains("64 are allowed"), "{refused}");
    fixture.writer.change(last, patch::<GatewayTcpPort>(r#"{"Port":1003}"#)).await.unwrap();
    let http = format!(r#"{{"GatewayDefinitionID":{id},"Port":80}}"#);
    fixture.writer.create(record::<GatewayHttpPort>(&http)).await.unwrap();
    fixture.writer.delete::<GatewayTcpPort>(last).await.unwrap();
    fixture.writer.create(port(1002)).await.unwrap();
}

/// However many are asked for; the list goes on after the last one.
#[sqlx::test(migrations = false)]
async fn a_page_ends_where_it_gets_too_large(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let before = fixture.store.list::<WorkloadDefinition>(&[], i64::MAX, 0).await.unwrap().1;
    for n in 1..=12 {
        let mut definition = record::<WorkloadDefinition>(&format!(r#"{{"Name":"large-{n}"}}"#));
        definition.spec.yaml_document = "x".repeat(1_920_000);
        fixture.writer.create(definition).await.unwrap();
    }
    let (mut seen, mut start, mut pages) = (vec![], Start::Offset(0), 0);
    loop {
        let page = fixture.store.list_from::<WorkloadDefinition>(&[], i64::MAX, start).await.unwrap();
        let bytes: usize = page.records.iter().map(|record| record.spec.yaml_document.len()).sum();
        assert!(bytes <= MAX_PAGE_BYTES && page.total == before + 12, "{bytes} {}", page.total);
        seen.extend(page.records.iter().map(Record::id));
        pages += 1;
        if !page.is_cut {
            break;
        }
        start = Start::After(*seen.last().unwrap());
    }
    assert!(pages == 2 && seen.is_sorted() && i64::try_from(seen.len()).unwrap() == before + 12, "{pages}");
}

/// Where the account of a domain may be used is said by its owner; every way to bring its keys into a cluster is refused elsewhere.
#[sqlx::test(migrations = false)]
async fn an_account_is_used_only_where_its_owner_said(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let account = record::<AwsAccount>(r#"{"Name":"a","AccountID":"1","DefaultRegion":"x"}"#);
    let account = fixture.writer.create(account).await.unwrap().id();
    let allow = async |ids: Vec<i64>| {
        let change = move |account: &mut Record<AwsAccount>| {
            account.spec.kubernetes_runtime_instance_ids = Some(Ids(ids.clone()));
            Ok(false)
        };
        fixture.writer.change(account, change).await.unwrap();
    };
    let name_account = async |id: Option<i64>| {
        let change = move |domain: &mut Record<DomainNameDefinition>| {
            domain.spec.aws_account_id = id;
            Ok(false)
        };
        fixture.writer.change(fixture.domain, change).await
    };
    let refused = |error: StoreError| {
        let StoreError::Invalid(refusal) = error else { panic!("{error:?}") };
        assert!(
            refusal.details[0].field == "AwsAccountID" && refusal.sentence.contains("may not be used"),
            "{refusal}"
        );
    };
    let published = || {
        record::<DomainNameInstance>(&format!(
            r#"{{"Name":"dns","DomainNameDefinitionID":{},"WorkloadInstanceID":{},"KubernetesRuntimeInstanceID":{}}}"#,
            fixture.domain, fixture.workload, fixture.runtime
        ))
    };
    let service = |account: i64| {
        record::<SupportServiceInstance>(&format!(
            r#"{{"Name":"own","Service":"external-dns","KubernetesRuntimeInstanceID":{},"AwsAccountID":{account}}}"#,
            fixture.runtime
        ))
    };
    // The domain alone brings nothing anywhere.
    name_account(Some(account)).await.unwrap();
    refused(fixture.writer.create(published()).await.unwrap_err());
    refused(fixture.writer.create(service(account)).await.unwrap_err());
    let https = fixture.definition("web", HTTPS).await;
    refused(fixture.instance("web", https).await.unwrap_err());
    let plain = fixture.definition("plain", r#""HttpPorts":[{"Port":8080}]"#).await;
    let plain_instance = fixture.instance("plain", plain).await.unwrap();
    let tls = format!(r#"{{"GatewayDefinitionID":{plain},"Port":8443,"TLSEnabled":true}}"#);
    refused(fixture.writer.create(record::<GatewayHttpPort>(&tls)).await.unwrap_err());
    // Another runtime is not this one.
    allow(vec![fixture.runtime + 1]).await;
    refused(fixture.writer.create(published()).await.unwrap_err());
    allow(vec![fixture.runtime]).await;
    fixture.writer.create(published()).await.unwrap();
    fixture.instance("web", https).await.unwrap();
    // Taken away: what is there stays, and doesn't become more.
    allow(vec![]).await;
    refused(fixture.instance("more", https).await.unwrap_err());
    // Nor does another account come to those who are there.
    name_account(None).await.unwrap();
    refused(name_account(Some(account)).await.unwrap_err());
    fixture.writer.delete::<GatewayInstance>(plain_instance.id()).await.unwrap();
}
