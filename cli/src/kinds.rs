//! The words by which people call kinds of records. All derive from the nouns.

use causeway_records::{
    Kind,
    field::{Field, Parent},
    noun::Info,
    nouns,
    slot::Shape,
};

use crate::failure::{Failure, Outcome};

/// The kind of a word: `gateway-instance`, its plural, `GatewayInstance`, in any case. `gateways` stands for gateway instances, and so does every noun
/// that has instances.
pub(crate) fn kind(word: &str) -> Outcome<Kind> {
    let plain = |text: &str| text.chars().filter(|c| *c != '-' && *c != '_').collect::<String>().to_ascii_lowercase();
    let wanted = plain(word);
    let all = || nouns::ALL.iter().chain(nouns::OWN).map(|info| info.kind);
    let is = |kind: &Kind, text: &str| [plain(kind.label()), plain(kind.info().plural)].contains(&plain(text));
    if let Some(kind) = all().find(|kind| is(kind, &wanted)) {
        return Ok(kind);
    }
    let instance = format!("{}instance", wanted.strip_suffix('s').unwrap_or(&wanted));
    all().find(|kind| is(kind, &instance)).ok_or_else(|| {
        let sentence = format!("there is no kind `{}`; one of {} is", word.escape_debug(), names().join(", "));
        Failure::usage(sentence).next("causeway explain")
    })
}

/// The plurals of all kinds that a caller may name.
pub(crate) fn names() -> Vec<&'static str> {
    nouns::ALL.iter().chain(nouns::OWN).map(|info| info.plural).collect()
}

/// The kinds that a document can bring: those whose records have names of their own, parents before those that name them. A set of documents is none.
pub(crate) fn of_documents() -> Vec<Kind> {
    let is_one = |info: &&&Info| info.named() && info.kind != Kind::ApplySet;
    let mut kinds: Vec<Kind> = nouns::ALL.iter().filter(is_one).map(|info| info.kind).collect();
    kinds.sort_by_key(|kind| rank(*kind));
    kinds
}

/// How many records must stand before one of this kind can: 0 for a kind that names no other. A grant may be what lets a gateway instance attach.
pub(crate) fn rank(kind: Kind) -> usize {
    let listed = kind.info().fields.iter().filter_map(list_of);
    let lets = (kind == Kind::GatewayInstance).then_some(Kind::GatewayGrant);
    let named = parents(kind.info()).map(|(_, parent)| parent.kind).chain(listed).chain(lets);
    named.filter(|parent| *parent != kind).map(|parent| rank(parent) + 1).max().unwrap_or(0)
}

/// The fields of a noun that name another record.
pub(crate) fn parents(info: &'static Info) -> impl Iterator<Item = (&'static Field, Parent)> {
    info.fields.iter().filter_map(|field| Some((field, field.parent?)))
}

/// The lists of a noun that hold rows of another one, with the field of the rows that names the whole.
pub(crate) fn children(info: &'static Info) -> impl Iterator<Item = (&'static Field, &'static Info, &'static Field)> {
    info.fields.iter().filter_map(|field| {
        let Shape::Children { kind } = field.shape else { return None };
        Some((field, kind.info(), kind.info().part_of(info.kind)?))
    })
}

/// What people say for a field that names a record: `GatewayDefinition` for `GatewayDefinitionID`.
pub(crate) fn reference(field: &Field) -> &'static str {
    field.json.strip_suffix("ID").unwrap_or(field.json)
}

/// A field that lists the ids of records, with their kind: `KubernetesRuntimeInstanceIDs`.
pub(crate) fn list_of(field: &Field) -> Option<Kind> {
    field.json.strip_suffix("IDs")?.parse().ok()
}

/// `gateway instance`: the kind in a sentence.
pub(crate) fn spoken(kind: Kind) -> String {
    kind.label().replace('-', " ")
}

/// `gateway-instance/shop`: the record as `-o name` prints it, and as the next command takes it.
pub(crate) fn named(kind: Kind, name: &str) -> String {
    format!("{} {}", kind.label(), quoted(name))
}

/// A word as a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_words() {
        for info in nouns::ALL.iter().chain(nouns::OWN) {
            for word in [info.plural, info.kind.label(), info.kind.as_str(), &info.plural.to_uppercase()] {
                assert_eq!(kind(word).unwrap(), info.kind, "{word}");
            }
        }
        assert_eq!(kind("gateways").unwrap(), Kind::GatewayInstance);
        assert_eq!(kind("domain-name").unwrap(), Kind::DomainNameInstance);
        assert_eq!(kind("support-services").unwrap(), Kind::SupportServiceInstance);
        let failure = kind("listener-sets").unwrap_err();
        assert!(failure.sentence.starts_with("there is no kind `listener-sets`; one of"), "{}", failure.sentence);
    }

    #[test]
    fn parents_come_before_what_names_them() {
        let kinds = of_documents();
        let at = |kind| kinds.iter().position(|one| *one == kind).unwrap();
        for kind in &kinds {
            for (_, parent) in parents(kind.info()) {
                assert!(at(parent.kind) < at(*kind), "{} after {kind}", parent.kind);
            }
            for listed in kind.info().fields.iter().filter_map(list_of) {
                assert!(at(listed) < at(*kind), "{listed} after {kind}");
            }
        }
        assert!(at(Kind::GatewayGrant) < at(Kind::GatewayInstance), "it may attach by that grant");
        assert!(!kinds.contains(&Kind::GatewayHttpPort) && kinds.contains(&Kind::SharedGateway));
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!((quoted("shop"), quoted("it's"), quoted("")), ("shop".into(), r"'it'\''s'".into(), "''".into()));
    }
}
