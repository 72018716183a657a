//! The hashes of Secrets in an inventory. Whoever reads the database could test guesses of a Secret by them, so they are encrypted.
//! One that can't be read any more, because its key is gone, counts as unknown: the Secret is then applied once more.

use crate::documents::Documents;
use base64::{Engine, engine::general_purpose::STANDARD};
use causeway_records::inventory::{Inventory, InventoryEntry};
use std::borrow::Cow;

/// What the hashes are bound to.
const PLACE: &str = "reconciliations.inventory";

/// An inventory as it is stored.
pub(super) fn hidden<'i>(inventory: &'i Inventory, documents: &Documents) -> Cow<'i, Inventory> {
    if !inventory.iter().any(is_secret) {
        return Cow::Borrowed(inventory);
    }
    let mut hidden = inventory.clone();
    let hide = |hash: &str| Some(STANDARD.encode(documents.keyring()?.seal_document(PLACE, hash).ok()?));
    each_hash(&mut hidden, hide);
    Cow::Owned(hidden)
}

/// An inventory as it was before it was stored.
pub(super) fn shown(mut inventory: Inventory, documents: &Documents) -> Inventory {
    each_hash(&mut inventory, |hidden| documents.keyring()?.open_document(PLACE, STANDARD.decode(hidden).ok()?).ok());
    inventory
}

fn each_hash(inventory: &mut Inventory, change: impl Fn(&str) -> Option<String>) {
    for entry in inventory.iter_mut().filter(|entry| is_secret(entry)) {
        for hash in [&mut entry.desired_hash, &mut entry.live_hash] {
            *hash = hash.as_deref().and_then(&change);
        }
    }
}

fn is_secret(entry: &InventoryEntry) -> bool {
    entry.object.group.is_empty() && entry.object.kind == "Secret"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::Unreadable;
    use causeway_records::{inventory::ObjectRef, secret::Keyring};

    fn documents(byte: u8) -> Documents {
        Documents::new(Keyring::from_base64(&STANDARD.encode([byte; 32])).unwrap(), Unreadable::Fails)
    }

    fn entry(kind: &str) -> InventoryEntry {
        let object = ObjectRef {
            group: String::new(),
            version: "v1".into(),
            kind: kind.into(),
            namespace: Some("shop".into()),
            name: "a".into(),
        };
        let (desired_hash, live_hash) = (Some("wanted-0123".into()), Some("live-0123".into()));
        InventoryEntry { desired_hash, live_hash, ..InventoryEntry::intended(object) }
    }

    #[test]
    fn hashes_of_secrets_are_hidden_and_come_back() {
        let inventory =
            vec![entry("ConfigMap"), entry("Secret"), InventoryEntry { live_hash: None, ..entry("Secret") }];
        let stored = hidden(&inventory, &documents(1)).into_owned();
        assert_eq!(stored[0], inventory[0]);
        let text = format!("{:?}", &stored[1..]);
        assert!(!text.contains("wanted") && !text.contains("live-0123"), "{text}");
        assert_eq!(shown(stored.clone(), &documents(1)), inventory);
        let lost = shown(stored, &documents(2));
        assert_eq!((&lost[0], &lost[1].live_hash, &lost[1].desired_hash), (&inventory[0], &None, &None));
        // As an earlier version has left it.
        assert_eq!(shown(inventory, &documents(1))[1].desired_hash, None);
    }

    #[test]
    fn what_has_no_secrets_is_not_copied() {
        let inventory = vec![entry("ConfigMap")];
        assert!(matches!(hidden(&inventory, &documents(1)), Cow::Borrowed(_)));
    }
}
