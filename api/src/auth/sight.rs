//! What a caller sees of a record: ciphertext is for admins.

use super::{Caller, Role};
use causeway_records::{Record, field::Noun};

impl Caller {
    /// Whether he gets the fields that are stored encrypted.
    #[must_use]
    pub fn sees_ciphertext(&self) -> bool {
        self.role >= Role::Admin
    }

    /// A record without what he may not see.
    #[must_use]
    pub fn sees<T: Noun>(&self, mut record: Record<T>) -> Record<T> {
        if !self.sees_ciphertext() {
            for index in encrypted::<T>() {
                // Every encrypted field can be absent; a test says so.
                let _ = record.spec.get_mut(index).set(None);
            }
        }
        record
    }
}

/// The places of a noun's encrypted fields in its table.
pub(crate) fn encrypted<T: Noun>() -> impl Iterator<Item = usize> {
    T::FIELDS.iter().enumerate().filter(|(_, field)| field.encrypted).map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::nouns::{self, KubernetesRuntimeInstance};

    macro_rules! hidden {
        ($($noun:ident),* $(,)?) => {
            fn all_can_be_hidden() -> bool {
                true $(&& encrypted::<nouns::$noun>().all(|index| {
                    use causeway_records::field::Fields;
                    nouns::$noun::default().get_mut(index).set(None).is_ok()
                }))*
            }
        };
    }
    causeway_records::nouns!(hidden);

    #[test]
    fn only_admins_see_ciphertext() {
        assert!(all_can_be_hidden());
        let mut record = Record::<KubernetesRuntimeInstance>::default();
        record.spec.connection_token = Some("ciphertext".into());
        record.spec.certificate = Some("public".into());
        let seen = |role| Caller { name: "ann".into(), role }.sees(record.clone()).spec;
        for role in [Role::Viewer, Role::Editor] {
            assert_eq!((seen(role).connection_token, seen(role).certificate), (None, Some("public".into())));
        }
        assert_eq!(seen(Role::Admin).connection_token, Some("ciphertext".into()));
    }
}
