//! Documents that may hold secrets stand nowhere in the database as they are.

use crate::fixture::{Fixture, keys, patch, record};
use causeway_records::{Record, noun::Noun, nouns::*, secret::Keyring, slot::Shape};
use causeway_store::{
    Origin, Store, StoreError, Unreadable,
    keys::{KeyUse, ReEncrypted},
    queue::Key,
    resources::Resource,
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use std::time::Duration;

/// In every secret of these tests.
const MARK: &str = "hunter2";
const NEW: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const BOTH: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

fn yaml(colour: &str) -> String {
    format!("kind: ConfigMap\ndata: {{colour: {colour}}}\n---\nkind: Secret\nstringData: {{password: {MARK}-yaml}}\n")
}

fn manifest(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"password": format!("{MARK}-json")}})
}

async fn definition(fixture: &Fixture, name: &str) -> i64 {
    let mut definition = record::<WorkloadDefinition>(&format!(r#"{{"Name":"{name}"}}"#));
    definition.spec.yaml_document = yaml("blue");
    fixture.writer.create(definition).await.unwrap().id()
}

async fn resource(fixture: &Fixture, of: i64, name: &str) -> i64 {
    let mut resource = record::<WorkloadResourceDefinition>(&format!(r#"{{"WorkloadDefinitionID":{of}}}"#));
    resource.spec.json_definition = manifest(name);
    fixture.writer.create(resource).await.unwrap().id()
}

async fn instance(fixture: &Fixture, of: i64, name: &str) -> i64 {
    let json = json!({"Name": name, "KubernetesRuntimeInstanceID": fixture.runtime, "WorkloadDefinitionID": of});
    fixture.writer.create(record::<WorkloadInstance>(&json.to_string())).await.unwrap().id()
}

fn seen(name: &str) -> Resource {
    Resource {
        key: format!("/Secret/shop/{name}"),
        definition: manifest(name),
        state: Some(json!({"status": format!("{MARK}-state")})),
        reconciled: true,
        last_operation: "Created".into(),
    }
}

/// Every row of every table, by table; bytes as the text that they may be.
async fn dump(pool: &PgPool) -> String {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert!(tables.len() > 20, "{tables:?}");
    let mut all = String::new();
    for table in tables {
        let text = format!("SELECT t::text FROM {table} t");
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(text)).fetch_all(pool).await.unwrap();
        all += &format!("{table}: {}\n", rows.join("\n"));
    }
    all
}

/// The text in the forms in which Postgres prints it.
fn assert_nowhere(dump: &str, text: &str) {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    for form in [text, &hex] {
        let at = dump.find(form).map(|at| dump[..at].rfind('\n').map_or("", |line| &dump[line..at]));
        assert_eq!(at, None, "{text} stands in the database");
    }
}

#[sqlx::test(migrations = false)]
async fn no_manifest_stands_in_the_database_as_it_is(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (writer, store) = (&fixture.writer, &fixture.store);
    let of = definition(&fixture, "secrets").await;
    let (first, second) = (resource(&fixture, of, "first").await, resource(&fixture, of, "second").await);
    let instance = instance(&fixture, of, "secrets").await;
    store.save_resources(instance, &[seen("first"), seen("second")]).await.unwrap();
    assert_nowhere(&dump(&pool).await, MARK);
    // Changed, then seen again as another state, then deleted: what was before is on record, too.
    let change = |record: &mut Record<WorkloadDefinition>| {
        record.spec.yaml_document = yaml("red");
        Ok(false)
    };
    writer.change(of, change).await.unwrap();
    let change = |record: &mut Record<WorkloadResourceDefinition>| {
        record.spec.json_definition["stringData"]["more"] = MARK.into();
        Ok(false)
    };
    writer.change(first, change).await.unwrap();
    let other = Resource { reconciled: false, state: None, ..seen("first") };
    store.save_resources(instance, &[other]).await.unwrap();
    writer.delete::<WorkloadResourceDefinition>(second).await.unwrap();
    writer.delete::<WorkloadInstance>(instance).await.unwrap();
    store.confirm_deleted(WorkloadInstance::KIND, instance).await.unwrap();
    writer.delete::<WorkloadDefinition>(of).await.unwrap();
    store.confirm_deleted(WorkloadDefinition::KIND, of).await.unwrap();
    let dump = dump(&pool).await;
    assert_nowhere(&dump, MARK);
    for other in ["ConfigMap", "colour", "apiVersion"] {
        assert_nowhere(&dump, other);
    }
    // The search finds what is there: the audit has the fields, and says of each only that it changed.
    for found in ["YAMLDocument", "JSONDefinition", "\"***\"", "/Secret/shop/first"] {
        assert!(dump.contains(found) || dump.contains(&found.replace('"', "\"\"")), "{found}");
    }
}

#[sqlx::test(migrations = false)]
async fn what_is_stored_is_read_back_by_everyone(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let of = definition(&fixture, "secrets").await;
    let manifests = [resource(&fixture, of, "first").await, resource(&fixture, of, "second").await];
    let workload = instance(&fixture, of, "secrets").await;
    let read = fixture.store.get::<WorkloadDefinition>(of).await.unwrap();
    assert_eq!(read.spec.yaml_document, yaml("blue"));
    let listed = fixture.store.list::<WorkloadResourceDefinition>(&[], 10, 0).await.unwrap().0;
    assert_eq!(listed.iter().map(Record::id).collect::<Vec<_>>(), manifests);
    assert_eq!(listed[1].spec.json_definition, manifest("second"));
    let inputs = fixture.store.workload_inputs(workload).await.unwrap();
    assert_eq!(inputs.definition.spec, read.spec);
    assert_eq!(inputs.resources, [manifest("first").to_string(), manifest("second").to_string()]);
    let gateway = fixture.definition("web", r#""HttpPorts":[{"Port":80}]"#).await;
    let gateway = fixture.writer.create(fixture.instance_of("web", gateway, workload)).await.unwrap().id();
    let inputs = fixture.store.gateway_inputs(gateway).await.unwrap().0;
    assert_eq!((&inputs.workload.definition.spec, inputs.workload.resources.len()), (&read.spec, 2));
    assert!(!format!("{inputs:?}").contains(MARK));
}

/// The ciphertext is another one each time, so that it says nothing about whether something changed.
#[sqlx::test(migrations = false)]
async fn the_same_manifest_is_no_change_and_is_not_written_again(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let of = definition(&fixture, "secrets").await;
    let instance = instance(&fixture, of, "secrets").await;
    let key = [Key { kind: WorkloadDefinition::KIND, id: of }];
    let stored = async |text: &'static str| sqlx::query_scalar::<_, Vec<u8>>(text).fetch_all(&pool).await.unwrap();
    let documents = "SELECT yaml_document FROM workload_definitions ORDER BY id";
    let (generations, before) = (fixture.generations(&key).await, stored(documents).await);
    let same = |record: &mut Record<WorkloadDefinition>| {
        record.spec.yaml_document = yaml("blue");
        Ok(false)
    };
    fixture.writer.change(of, same).await.unwrap();
    assert_eq!((fixture.generations(&key).await, stored(documents).await), (generations.clone(), before.clone()));
    fixture.writer.change(of, patch::<WorkloadDefinition>(r#"{"Name":"renamed"}"#)).await.unwrap();
    assert_ne!(fixture.generations(&key).await, generations);
    assert_eq!(stored(documents).await, before, "only the name was changed");

    fixture.store.save_resources(instance, &[seen("a"), seen("b")]).await.unwrap();
    let rows = "SELECT (ctid::text || updated_at::text)::bytea FROM workload_resource_instances ORDER BY object_key";
    let written = stored(rows).await;
    fixture.store.save_resources(instance, &[seen("b"), seen("a")]).await.unwrap();
    assert_eq!(stored(rows).await, written, "as they were");
    fixture.store.save_resources(instance, &[seen("a"), Resource { state: None, ..seen("b") }]).await.unwrap();
    let after = stored(rows).await;
    assert!(after[0] == written[0] && after[1] != written[1], "only what changed");
}

#[sqlx::test(migrations = false)]
async fn documents_move_to_the_first_key_with_the_secrets(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let of = definition(&fixture, "secrets").await;
    let gone = resource(&fixture, of, "gone").await;
    fixture.writer.delete::<WorkloadResourceDefinition>(gone).await.unwrap();
    let instance = instance(&fixture, of, "secrets").await;
    fixture.store.save_resources(instance, &[seen("a")]).await.unwrap();
    let (old, new, both) = (keys(), Keyring::from_base64(NEW).unwrap(), Keyring::from_base64(BOTH).unwrap());
    // That of the fixture's own workload too.
    let on = |keys: &Keyring, count| [(keys.id().to_owned(), count)].into();
    let known = KeyUse { readable: on(&old, 5), ..KeyUse::default() };
    assert_eq!(fixture.store.key_use(&both).await.unwrap(), known);
    let unknown = KeyUse { unreadable: [(Some(old.id().to_owned()), 5)].into(), ..KeyUse::default() };
    assert_eq!(fixture.store.key_use(&new).await.unwrap(), unknown);
    let before = fixture.store.get::<WorkloadDefinition>(of).await.unwrap();
    let none = ReEncrypted::default();
    assert_eq!(fixture.store.re_encrypt(&new).await.unwrap(), ReEncrypted { unreadable: 5, ..none });
    assert_eq!(fixture.store.re_encrypt(&both).await.unwrap(), ReEncrypted { moved: 5, ..none });
    assert_eq!(fixture.store.re_encrypt(&both).await.unwrap(), ReEncrypted { kept: 5, ..none });
    assert_eq!(fixture.store.key_use(&new).await.unwrap(), KeyUse { readable: on(&new, 5), ..KeyUse::default() });
    let store = fixture.store.clone().with_documents(new, Unreadable::Fails);
    assert_eq!(store.get::<WorkloadDefinition>(of).await.unwrap(), before, "with the same times");
    assert_eq!(store.workload_inputs(instance).await.unwrap().definition.spec, before.spec);
    let resources = store.list::<WorkloadResourceInstance>(&[], 10, 0).await.unwrap().0;
    assert_eq!(resources[0].spec.json_definition, manifest("a"));
}

/// Clients change manifests while they are encrypted anew, forth and back: no change is lost.
#[sqlx::test(migrations = false)]
async fn manifests_are_changed_meanwhile(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let of = definition(&fixture, "secrets").await;
    let (old, new) = (keys(), Keyring::from_base64(BOTH).unwrap());
    let back = Keyring::from_base64(&BOTH.split(',').rev().collect::<Vec<_>>().join(",")).unwrap();
    let store = fixture.store.clone().with_documents(new.clone(), Unreadable::Fails);
    let writer = store.on_behalf_of(Origin { caller: "tester".into(), request_id: None });
    let changes = async {
        for n in 0..60 {
            let change = move |record: &mut Record<WorkloadDefinition>| {
                record.spec.yaml_document = yaml(&format!("colour-{n}"));
                Ok(false)
            };
            writer.change(of, change).await.unwrap();
        }
    };
    let rotate = async {
        for _ in 0..30 {
            fixture.store.re_encrypt(&new).await.unwrap();
            fixture.store.re_encrypt(&back).await.unwrap();
        }
    };
    tokio::join!(changes, rotate);
    let done = fixture.store.re_encrypt(&back).await.unwrap();
    assert_eq!((done.moved + done.kept, done.unreadable, done.contended), (2, 0, 0));
    let store = store.with_documents(old, Unreadable::Fails);
    assert_eq!(store.get::<WorkloadDefinition>(of).await.unwrap().spec.yaml_document, yaml("colour-59"));
}

/// People see the record, may change the rest of it, mend it or delete it; a worker does nothing.
#[sqlx::test(migrations = false)]
async fn a_document_whose_key_is_lost_stops_workers_and_nobody_else(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let of = definition(&fixture, "secrets").await;
    let manifest_id = resource(&fixture, of, "a").await;
    let workload = instance(&fixture, of, "secrets").await;
    let lost = Keyring::from_base64(NEW).unwrap();
    let worker = fixture.store.clone().with_documents(lost.clone(), Unreadable::Fails);
    for refused in [
        worker.workload_inputs(workload).await.err(),
        worker.get::<WorkloadDefinition>(of).await.err(),
        worker.list::<WorkloadResourceDefinition>(&[], 10, 0).await.err(),
    ] {
        let Some(StoreError::Inconsistent { reason, .. }) = refused else { panic!("{refused:?}") };
        assert!(reason.contains(keys().id()) && reason.contains("add that key"), "{reason}");
    }
    let api = fixture.store.clone().with_documents(lost, Unreadable::IsTold);
    let writer = api.on_behalf_of(Origin { caller: "tester".into(), request_id: None });
    let told = api.get::<WorkloadDefinition>(of).await.unwrap().spec.yaml_document;
    assert!(told.starts_with("# this document can't be read") && told.contains(keys().id()), "{told}");
    let told = api.get::<WorkloadResourceDefinition>(manifest_id).await.unwrap().spec.json_definition;
    assert!(told.as_str().unwrap().contains("can't be read"), "{told}");
    // What was not sent is not lost, and can be read again with its key.
    writer.change(of, patch::<WorkloadDefinition>(r#"{"Name":"renamed"}"#)).await.unwrap();
    let read = fixture.store.get::<WorkloadDefinition>(of).await.unwrap().spec;
    assert_eq!((read.name.to_string(), read.yaml_document), ("renamed".into(), yaml("blue")));
    // Sent again, under the key that there is.
    let mend = |record: &mut Record<WorkloadDefinition>| {
        record.spec.yaml_document = yaml("red");
        Ok(false)
    };
    writer.change(of, mend).await.unwrap();
    writer.delete::<WorkloadResourceDefinition>(manifest_id).await.unwrap();
    assert_eq!(worker.workload_inputs(workload).await.unwrap().definition.spec.yaml_document, yaml("red"));
}

/// A document is bound to its column, and a program without keys neither reads nor writes any.
#[sqlx::test(migrations = false)]
async fn a_document_from_elsewhere_is_refused(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let of = definition(&fixture, "secrets").await;
    resource(&fixture, of, "a").await;
    let moved = "UPDATE workload_resource_definitions r SET json_definition = d.yaml_document FROM workload_definitions d WHERE d.id = $1";
    sqlx::query(moved).bind(of).execute(&pool).await.unwrap();
    let refused = fixture.store.list::<WorkloadResourceDefinition>(&[], 10, 0).await.unwrap_err().to_string();
    assert!(refused.contains("damaged, or belongs elsewhere"), "{refused}");

    let options = pool.connect_options();
    let (user, host, port) = (options.get_username(), options.get_host(), options.get_port());
    let url = format!("postgres://{user}@{host}:{port}/{}", options.get_database().unwrap());
    let without = Store::connect(&url, 1, Duration::from_secs(30)).unwrap();
    let refused = without.get::<WorkloadDefinition>(of).await.unwrap_err().to_string();
    assert!(refused.contains("without ENCRYPTION_KEY"), "{refused}");
    without.close();
}

/// Rows of child nouns are written as JSON and compared in it: none of them may be a document.
#[test]
fn every_document_is_a_column_of_its_own_noun() {
    let mut documents = vec![];
    for info in ALL {
        let is_child = ALL
            .iter()
            .flat_map(|parent| parent.fields)
            .any(|field| matches!(field.shape, Shape::Children { kind } if kind == info.kind));
        for field in info.fields.iter().filter(|field| field.sensitive) {
            assert!(!is_child && !field.filterable && !field.encrypted, "{}.{}", info.table, field.column);
            documents.push(format!("{}.{}", info.table, field.column));
        }
    }
    assert_eq!(
        documents,
        [
            "workload_definitions.yaml_document",
            "workload_resource_definitions.json_definition",
            "workload_resource_instances.json_definition",
            "workload_resource_instances.runtime_definition",
        ]
    );
}

/// Workers hold all manifests of a definition at once.
#[sqlx::test(migrations = false)]
async fn all_manifests_of_a_definition_have_a_limit_together(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let of = definition(&fixture, "large").await;
    let large = |mib: usize| {
        let mut resource = record::<WorkloadResourceDefinition>(&format!(r#"{{"WorkloadDefinitionID":{of}}}"#));
        resource.spec.json_definition = json!({"data": {"a": "x".repeat(mib << 20)}});
        resource
    };
    let refused = |error: StoreError, field: &str| {
        let StoreError::Invalid(refusal) = error else { panic!("{error}") };
        assert_eq!(refusal.details[0].field, field);
        assert!(
            refusal.sentence.contains("workload definition large would have 1")
                && refusal.sentence.contains("16 MiB are allowed; put some"),
            "{}",
            refusal.sentence
        );
    };
    let first = fixture.writer.create_all(vec![large(7), large(7)]).await.unwrap()[0].id();
    refused(fixture.writer.create_all(vec![large(1), large(1)]).await.unwrap_err(), "JSONDefinition");
    refused(fixture.writer.create(large(3)).await.unwrap_err(), "JSONDefinition");
    let becomes = |mib: usize| {
        move |record: &mut Record<WorkloadResourceDefinition>| {
            record.spec.json_definition = json!({"data": {"a": "y".repeat(mib << 20)}});
            Ok(false)
        }
    };
    refused(fixture.writer.change(first, becomes(9)).await.unwrap_err(), "JSONDefinition");
    let document = |mib: usize| {
        move |record: &mut Record<WorkloadDefinition>| {
            record.spec.yaml_document = "#".repeat(mib << 20);
            Ok(false)
        }
    };
    refused(fixture.writer.change(of, document(3)).await.unwrap_err(), "YAMLDocument");
    assert_eq!(
        fixture.store.list::<WorkloadResourceDefinition>(&[], 10, 0).await.unwrap().1,
        2,
        "nothing of it is there"
    );
    // What becomes less is taken, and leaves room.
    fixture.writer.change(first, becomes(1)).await.unwrap();
    fixture.writer.change(of, document(3)).await.unwrap();
    fixture.writer.create(large(3)).await.unwrap();
}
