//! Secrets move from key to key, whatever else goes on.

use crate::fixture::{Fixture, record};
use causeway_records::{Record, nouns::*, secret::Keyring};
use causeway_store::{
    StoreError,
    keys::{KeyUse, ReEncrypted},
    queue::Key,
};
use sqlx::PgPool;
use std::collections::BTreeMap;

/// The key of the fixture, under which its workload definition is.
const OLD: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const NEW: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

fn keys(texts: &[&str]) -> Keyring {
    Keyring::from_base64(&texts.join(",")).unwrap()
}

/// An account whose secrets are under the first of these keys; `known`: it is on record, as it wasn't in the first releases.
async fn account(fixture: &Fixture, name: &str, keys: &Keyring, known: bool) -> i64 {
    let mut account: Record<AwsAccount> =
        record(&format!(r#"{{"Name":"{name}","AccountID":"1","DefaultRegion":"eu-central-1","AllRuntimes":true}}"#));
    account.spec.access_key_id = Some(keys.encrypt("id").unwrap());
    account.spec.secret_access_key = Some(keys.encrypt("secret").unwrap());
    if known {
        let id = || keys.id().to_owned();
        account.key_ids.0 = [("access_key_id".to_owned(), id()), ("secret_access_key".to_owned(), id())].into();
    }
    fixture.writer.create(account).await.unwrap().id()
}

fn use_of(readable: &[(&Keyring, u64)], unreadable: &[(Option<&Keyring>, u64)]) -> KeyUse {
    KeyUse {
        readable: readable.iter().map(|(keys, count)| (keys.id().to_owned(), *count)).collect(),
        unreadable: unreadable.iter().map(|(keys, count)| (keys.map(|keys| keys.id().to_owned()), *count)).collect(),
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn every_table_with_secrets_says_their_keys(pool: PgPool) {
    for info in causeway_records::nouns::ALL {
        let text = "SELECT count(*) FROM information_schema.columns WHERE table_name = $1 AND column_name = 'key_ids'";
        let count: i64 = sqlx::query_scalar(text).bind(info.table).fetch_one(&pool).await.unwrap();
        assert_eq!(count == 1, info.has_secrets(), "{}", info.table);
        let is_child = causeway_records::nouns::ALL
            .iter()
            .flat_map(|parent| parent.fields)
            .any(|field| matches!(field.shape, causeway_records::slot::Shape::Children { kind } if kind == info.kind));
        assert!(!(is_child && info.has_secrets()), "{}: ports and the like are written without keys", info.table);
    }
}

#[sqlx::test(migrations = false)]
async fn secrets_move_to_the_first_key_and_nothing_else_changes(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (old, new, both) = (keys(&[OLD]), keys(&[NEW]), keys(&[NEW, OLD]));
    let ids = [
        account(&fixture, "known", &old, true).await,
        account(&fixture, "unknown", &old, false).await,
        account(&fixture, "moved", &new, true).await,
    ];
    let gone = account(&fixture, "gone", &old, true).await;
    fixture.writer.delete::<AwsAccount>(gone).await.unwrap();
    let json = format!(
        r#"{{"Name":"d2","Domain":"b.test","Zone":"Public","AdminEmail":"a@b.test","AwsAccountID":{}}}"#,
        ids[0]
    );
    fixture.writer.create(record::<DomainNameDefinition>(&json)).await.unwrap();
    assert_eq!(fixture.store.key_use(&both).await.unwrap(), use_of(&[(&old, 7), (&new, 2)], &[]));
    assert_eq!(fixture.store.key_use(&new).await.unwrap(), use_of(&[(&new, 2)], &[(Some(&old), 5), (None, 2)]));
    let before = everything(&pool).await;
    let stored = fixture.store.get::<AwsAccount>(ids[0]).await.unwrap();

    let done = fixture.store.re_encrypt(&both).await.unwrap();
    assert_eq!(done, ReEncrypted { moved: 7, kept: 2, unreadable: 0, contended: 0 });
    assert_eq!(fixture.store.key_use(&new).await.unwrap(), use_of(&[(&new, 9)], &[]));
    for id in ids {
        let mut account = fixture.store.get::<AwsAccount>(id).await.unwrap();
        account.spec.decrypt(&new).unwrap();
        assert_eq!(account.spec.secret_access_key.as_deref(), Some("secret"));
    }
    let after = fixture.store.get::<AwsAccount>(ids[0]).await.unwrap();
    assert_eq!(after.common, stored.common, "UpdatedAt stays");
    assert_ne!(after.spec, stored.spec);
    assert_eq!(everything(&pool).await, before, "nobody is woken, nothing is audited");

    let again = fixture.store.re_encrypt(&both).await.unwrap();
    assert_eq!(again, ReEncrypted { moved: 0, kept: 9, unreadable: 0, contended: 0 });
    assert_eq!(fixture.store.get::<AwsAccount>(ids[0]).await.unwrap(), after);
    // Keys that are missing leave everything as it is.
    let lost = fixture.store.re_encrypt(&old).await.unwrap();
    assert_eq!(lost, ReEncrypted { moved: 0, kept: 0, unreadable: 9, contended: 0 });
    assert_eq!(fixture.store.get::<AwsAccount>(ids[0]).await.unwrap(), after);
}

/// The work to do and what was audited.
async fn everything(pool: &PgPool) -> BTreeMap<String, i64> {
    let text = "SELECT kind || id, wake_seq + 1000 * generation FROM reconciliations
        UNION ALL SELECT 'events', count(*) FROM audit_events";
    sqlx::query_as::<_, (String, i64)>(text).fetch_all(pool).await.unwrap().into_iter().collect()
}

/// Clients go on while secrets are encrypted anew, forth and back: no change of theirs is lost, and every secret can be read at the end.
#[sqlx::test(migrations = false)]
async fn changes_go_on_meanwhile(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (old, new) = (keys(&[OLD, NEW]), keys(&[NEW, OLD]));
    let mut ids = vec![];
    for n in 0..8 {
        ids.push(account(&fixture, &format!("a{n}"), &old, true).await);
    }
    let change = |id: i64, n: usize| {
        let (writer, old) = (fixture.writer.clone(), old.clone());
        let lay = move |record: &mut Record<AwsAccount>| {
            record.spec.default_region = format!("region-{n}");
            // Every third change brings a new secret, of an API that still has the old key first.
            if n.is_multiple_of(3) {
                record.spec.secret_access_key = old.encrypt(&format!("secret-{n}")).ok();
                record.key_ids.sealed("secret_access_key", old.id());
            }
            Ok(false)
        };
        async move {
            loop {
                match writer.change(id, lay.clone()).await {
                    Err(StoreError::Conflict(_)) => {}
                    done => return done.unwrap(),
                }
            }
        }
    };
    let changes = futures::future::join_all(ids.iter().map(|id| {
        let change = &change;
        async move {
            for n in 0..40 {
                change(*id, n).await;
            }
        }
    }));
    let rotate = async {
        for _ in 0..20 {
            fixture.store.re_encrypt(&new).await.unwrap();
            fixture.store.re_encrypt(&old).await.unwrap();
        }
    };
    tokio::join!(changes, rotate);
    let last = fixture.store.re_encrypt(&new).await.unwrap();
    assert_eq!((last.moved + last.kept, last.unreadable, last.contended), (17, 0, 0));
    for id in ids {
        let mut account = fixture.store.get::<AwsAccount>(id).await.unwrap();
        assert!(["access_key_id", "secret_access_key"].iter().all(|column| account.key_ids.0[*column] == new.id()));
        account.spec.decrypt(&keys(&[NEW])).unwrap();
        assert_eq!(account.spec.default_region, "region-39");
        assert_eq!(account.spec.secret_access_key.as_deref(), Some("secret-39"));
        assert_eq!(account.spec.access_key_id.as_deref(), Some("id"));
    }
}

/// A worker reads secrets of both keys, in what a reconcile begins with.
#[sqlx::test(migrations = false)]
async fn reconciles_read_old_and_new_ciphertext(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (old, both) = (keys(&[OLD]), keys(&[NEW, OLD]));
    let id = account(&fixture, "a", &old, false).await;
    let json =
        format!(r#"{{"Name":"d2","Domain":"b.test","Zone":"Public","AdminEmail":"a@b.test","AwsAccountID":{id}}}"#);
    let domain = fixture.writer.create(record::<DomainNameDefinition>(&json)).await.unwrap().id();
    let name = fixture.writer.create(fixture.domain_name_of("n", domain, fixture.workload)).await.unwrap().id();
    let key = Key { kind: causeway_records::Kind::DomainNameInstance, id: name };
    let before = fixture.store.begin(&key, fixture.lease()).await.unwrap().unwrap().wake_seq;
    let read = async || {
        let mut account = fixture.store.domain_name_inputs(name).await.unwrap().accounts.remove(0);
        account.spec.decrypt(&both).unwrap();
        account.spec.secret_access_key.unwrap()
    };
    assert_eq!(read().await, "secret");
    fixture.store.re_encrypt(&both).await.unwrap();
    assert_eq!(read().await, "secret");
    assert_eq!(fixture.store.begin(&key, fixture.lease()).await.unwrap().unwrap().wake_seq, before);
}
