//! Which events somebody wants.

use super::{EventType, RecordEvent, is_watched};
use crate::{Kind, nouns};

/// Events pass that fit everything which is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Of these kinds; empty: of all.
    pub kinds: Vec<Kind>,
    /// Of these types; empty: of all.
    pub types: Vec<EventType>,
    /// About records in this cluster, and about the cluster's own.
    pub runtime: Option<i64>,
    /// About records of this name.
    pub name: Option<String>,
    /// About this record.
    pub id: Option<i64>,
}

impl EventFilter {
    /// Whether an event passes.
    #[must_use]
    pub fn passes(&self, event: &RecordEvent) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&event.kind))
            && (self.types.is_empty() || self.types.contains(&event.event_type))
            && self.runtime.is_none_or(|runtime| event.runtime == Some(runtime))
            && self.name.as_ref().is_none_or(|name| event.name.as_ref() == Some(name))
            && self.id.is_none_or(|id| event.id == id)
    }

    /// Kinds as a list with commas: `GatewayInstance`, or as in paths: `gateway-instances`.
    ///
    /// # Errors
    /// Names the word that is no kind, and what there is.
    pub fn read_kinds(text: &str) -> Result<Vec<Kind>, String> {
        let kind = |word: &str| {
            let is_meant = |kind: &&Kind| {
                let info = kind.info();
                word.eq_ignore_ascii_case(info.kind.as_str()) || word.eq_ignore_ascii_case(info.plural)
            };
            let found = Kind::ALL.iter().filter(|kind| is_watched(**kind)).find(is_meant).copied();
            found.ok_or_else(|| {
                let all: Vec<_> = nouns::ALL.iter().map(|info| info.plural).collect();
                format!("`{}` is none of {}", shown(word), all.join(", "))
            })
        };
        words(text).map(kind).collect()
    }

    /// Types as a list with commas.
    ///
    /// # Errors
    /// Names the word that is no type, and what there is.
    pub fn read_types(text: &str) -> Result<Vec<EventType>, String> {
        let read = |word: &str| {
            let all: Vec<_> = EventType::ALL.iter().map(|one| one.as_str()).collect();
            let found = EventType::ALL.iter().find(|one| one.as_str() == word).copied();
            found.ok_or_else(|| format!("`{}` is none of {}", shown(word), all.join(", ")))
        };
        words(text).map(read).collect()
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty())
}

/// The beginning of a word that is refused: a query may be long.
fn shown(word: &str) -> String {
    word.chars().take(60).collect::<String>().escape_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_passes_that_fits_everything() {
        let event = RecordEvent::example();
        let (all, kinds) = (EventFilter::default(), vec![Kind::GatewayInstance, Kind::WorkloadInstance]);
        assert!(all.passes(&event) && EventFilter { kinds, ..all.clone() }.passes(&event));
        let named = EventFilter { name: event.name.clone(), runtime: event.runtime, id: Some(event.id), ..all.clone() };
        assert!(named.passes(&event));
        let others = [
            EventFilter { kinds: vec![Kind::WorkloadInstance], ..named.clone() },
            EventFilter { types: vec![EventType::Deleted, EventType::Created], ..named.clone() },
            EventFilter { runtime: Some(7), ..named.clone() },
            EventFilter { name: Some("shops".into()), ..named.clone() },
            EventFilter { id: Some(7), ..named },
        ];
        assert!(others.iter().all(|filter| !filter.passes(&event)));
        let nameless = RecordEvent { name: None, runtime: None, ..event };
        assert!(!EventFilter { name: Some("shop".into()), ..all.clone() }.passes(&nameless));
        assert!(!EventFilter { runtime: Some(7), ..all }.passes(&nameless));
    }

    #[test]
    fn kinds_have_two_spellings() {
        let kinds = EventFilter::read_kinds("GatewayInstance, workload-instances,");
        assert_eq!(kinds, Ok(vec![Kind::GatewayInstance, Kind::WorkloadInstance]));
        assert!(EventFilter::read_kinds("Gateway").unwrap_err().contains("gateway-instances"));
        for hidden in ["AccessToken", "audit-events", "ListenerSet", "\u{1b}[31m"] {
            assert!(EventFilter::read_kinds(hidden).is_err(), "{hidden}");
        }
        assert_eq!(EventFilter::read_types("created,deleted"), Ok(vec![EventType::Created, EventType::Deleted]));
        assert!(EventFilter::read_types("Created").unwrap_err().contains("reconciled"));
    }
}
