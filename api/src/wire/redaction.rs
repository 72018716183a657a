//! What a caller gets of a record: ciphertext, and secrets inside of manifests, are for admins.

use super::{manifests, secrets::encrypted_fields};
use crate::auth::Caller;
use causeway_records::{Record, noun::Noun};

/// Takes out of a record what the caller may not read.
pub(crate) fn redact<T: Noun>(mut record: Record<T>, caller: &Caller) -> Record<T> {
    if !caller.may_read_ciphertext() {
        for index in encrypted_fields::<T>() {
            // Every encrypted field can be absent; a test says so.
            let _ = record.spec.get_mut(index).set(None);
        }
        manifests::mask(&mut record.spec);
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::nouns::{self, KubernetesRuntimeInstance, Role};

    macro_rules! hidden {
        ($($noun:ident),* $(,)?) => {
            fn all_can_be_hidden() -> bool {
                true $(&& encrypted_fields::<nouns::$noun>().all(|index| {
                    use causeway_records::field::Fields;
                    nouns::$noun::default().get_mut(index).set(None).is_ok()
                }))*
            }
        };
    }
    causeway_records::with_nouns!(hidden);

    #[test]
    fn only_admins_get_ciphertext() {
        assert!(all_can_be_hidden());
        let mut record = Record::<KubernetesRuntimeInstance>::default();
        record.spec.connection_token = Some("ciphertext".into());
        record.spec.certificate = Some("public".into());
        let seen = |role| redact(record.clone(), &Caller { name: "ann".into(), role }).spec;
        for role in [Role::Viewer, Role::Editor] {
            assert_eq!((seen(role).connection_token, seen(role).certificate), (None, Some("public".into())));
        }
        assert_eq!(seen(Role::Admin).connection_token, Some("ciphertext".into()));
    }
}
