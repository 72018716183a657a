//! Documents that may hold secrets stand nowhere in the database as they are.

mod keys;

use crate::fixture::{Fixture, patch, record};
use causeway_records::{Record, noun::Noun, nouns::*, slot::Shape};
use causeway_store::{StoreError, queue::Key, resources::Resource};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};

/// In every secret of these tests.
const MARK: &str = "hunter2";

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
