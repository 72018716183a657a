//! What paths and queries say: ids, and for lists page, size and filters.

use causeway_records::{
    Kind,
    field::{Field, Table},
    noun::Noun,
    problem::{Problem, Reason, Refusal},
    status::Status,
};
use causeway_store::{Filter, Result, Start, StoreError};

/// Which page of which records.
#[derive(Debug)]
pub(crate) struct ListQuery {
    /// From 1.
    pub(crate) page: i64,
    /// Records on a page; -1: all.
    pub(crate) size: i64,
    /// Instead of a page: only records with a larger id.
    after: Option<i64>,
    pub(crate) filters: Vec<Filter>,
}

/// Decoded pairs of a query string, in their order.
pub(crate) type QueryPairs = Vec<(String, String)>;

impl ListQuery {
    /// Reads a query. Unknown keys are ignored, as Threeport does; of a key that is repeated the first counts.
    pub(crate) fn read<T: Noun>(pairs: &QueryPairs) -> Result<Self> {
        let mut filters: Vec<Filter> = vec![];
        for (key, text) in pairs {
            let Some(field) = field::<T>(key) else { continue };
            if !filters.iter().any(|filter| filter.field.column == field.column) {
                filters.push(Filter { field, text: text.clone() });
            }
        }
        let after = after(pairs)?;
        Ok(Self { page: number(pairs, "page", 1)?, size: number(pairs, "size", 50)?, after, filters })
    }

    /// Rows to take.
    pub(crate) fn limit(&self) -> i64 {
        if self.size < 0 { i64::MAX } else { self.size }
    }

    pub(crate) fn start(&self) -> Start {
        match self.after {
            Some(id) => Start::After(id),
            None if self.page > 1 => Start::Offset((self.page - 1).saturating_mul(self.size.max(0))),
            None => Start::Offset(0),
        }
    }
}

fn field<T: Noun>(key: &str) -> Option<&'static Field> {
    // Threeport spells the filter for the workload instance of these two in this way.
    let alias = matches!(T::KIND, Kind::GatewayInstance | Kind::DomainNameInstance)
        && key.eq_ignore_ascii_case("workloadresourceinstanceid");
    let key = if alias { "workloadinstanceid" } else { key };
    let status: &[Field] = if T::INFO.reconciled { Status::FIELDS } else { &[] };
    T::FIELDS.iter().chain(status).find(|field| field.filterable && field.json.eq_ignore_ascii_case(key))
}

/// The first value of a key.
fn value<'a>(pairs: &'a QueryPairs, key: &str) -> Option<&'a str> {
    pairs.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, text)| text.as_str())
}

fn after(pairs: &QueryPairs) -> Result<Option<i64>> {
    let Some(text) = value(pairs, "after") else { return Ok(None) };
    if value(pairs, "page").is_some() {
        let problem = "can't stand beside after: say the one or the other";
        return Err(StoreError::invalid_field(Reason::InvalidQuery, "page", problem));
    }
    let id = text.parse::<i64>().ok().filter(|id| *id >= 0).ok_or_else(|| {
        let problem = "must be the ID of the last record that was seen, or 0 to begin";
        StoreError::invalid_field(Reason::InvalidQuery, "after", problem)
    })?;
    Ok(Some(id))
}

fn number(pairs: &QueryPairs, key: &str, default: i64) -> Result<i64> {
    let Some(text) = value(pairs, key) else { return Ok(default) };
    text.parse::<i64>().ok().filter(|number| *number >= -1).ok_or_else(|| {
        StoreError::Invalid(Refusal {
            reason: Reason::InvalidQuery,
            sentence: format!("Query parameter is not a valid integer value: {key}"),
            details: vec![Problem::new(key, "must be a whole number, -1 or more")],
        })
    })
}

/// Reads an id in a path or a query.
pub(crate) fn parse_id(text: &str) -> Result<i64> {
    text.parse().map_err(|_| {
        let sentence = format!("`{}` is no id; give a whole number", text.escape_default());
        StoreError::invalid(Reason::InvalidID, sentence)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::nouns::{GatewayDefinition, GatewayInstance};

    fn pairs(text: &[(&str, &str)]) -> QueryPairs {
        text.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn filters_come_from_the_table() {
        let query = ListQuery::read::<GatewayDefinition>(&pairs(&[
            ("domainnamedefinitionid", "1"),
            ("RECONCILED", "true"),
            ("HttpPorts", "x"),
            ("nonsense", "x"),
            ("name", "a"),
            ("Name", "b"),
        ]));
        let query = query.unwrap();
        let columns: Vec<_> = query.filters.iter().map(|filter| filter.field.column).collect();
        assert_eq!(columns, ["domain_name_definition_id", "reconciled", "name"]);
        assert_eq!(query.filters[2].text, "a");
    }

    #[test]
    fn threeports_spelling_of_the_workload_filter_works() {
        let query = ListQuery::read::<GatewayInstance>(&pairs(&[("workloadresourceinstanceid", "7")])).unwrap();
        assert_eq!(query.filters[0].field.column, "workload_instance_id");
    }

    #[test]
    fn pages_and_sizes() {
        let read = |text: &[(&str, &str)]| ListQuery::read::<GatewayInstance>(&pairs(text));
        let query = read(&[("page", "3"), ("size", "20")]).unwrap();
        assert_eq!((query.limit(), query.start()), (20, Start::Offset(40)));
        assert_eq!(read(&[("size", "-1")]).unwrap().limit(), i64::MAX);
        assert_eq!(read(&[("page", "0")]).unwrap().start(), Start::Offset(0));
        assert_eq!(read(&[("page", "9223372036854775807")]).unwrap().start(), Start::Offset(i64::MAX));
        assert_eq!(read(&[("after", "7"), ("size", "20")]).unwrap().start(), Start::After(7));
        assert!(read(&[("after", "7"), ("page", "1")]).is_err() && read(&[("after", "-1")]).is_err());
        assert!(read(&[("page", "-2")]).is_err() && read(&[("size", "many")]).is_err());
    }
}
