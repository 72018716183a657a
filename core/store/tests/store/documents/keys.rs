//! Documents are encrypted anew under another key, and those whose key is lost.

use super::{definition, instance, manifest, resource, seen, yaml};
use crate::fixture::{Fixture, keys, patch};
use causeway_records::{Record, nouns::*, secret::Keyring};
use causeway_store::{
    Origin, Store, StoreError, Unreadable,
    keys::{KeyUse, ReEncrypted},
};
use sqlx::PgPool;
use std::time::Duration;

const NEW: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const BOTH: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

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
