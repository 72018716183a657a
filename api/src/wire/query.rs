//! What paths and queries say: ids, and for lists page, size and filters.

use causeway_records::{
    Kind,
    field::{Field, Table},
    noun::{Info, Noun},
    problem::{Problem, Reason, Refusal},
    status::Status,
    watch::EventFilter,
};
use causeway_store::{Filter, Order, Position, Result, Start, StoreError};
use chrono::{DateTime, Utc};

/// Which page of which records.
#[derive(Debug)]
pub(crate) struct ListQuery {
    /// From 1.
    pub(crate) page: i64,
    /// Records on a page; -1: all.
    pub(crate) size: i64,
    start: Start,
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
        let (page, size) = (number(pairs, "page", 1)?, number(pairs, "size", 50)?);
        // Also where no order asks for it.
        time(pairs, "aftertime")?;
        let start = match order::<T>(pairs)? {
            Some(_) if page > 1 => return Err(not_beside("page", "order")),
            Some(order) => Start::By(order, position(pairs)?),
            None => start(pairs, page, size)?,
        };
        Ok(Self { page, size, start, filters })
    }

    /// Rows to take.
    pub(crate) fn limit(&self) -> i64 {
        if self.size < 0 { i64::MAX } else { self.size }
    }

    pub(crate) fn start(&self) -> Start {
        self.start
    }
}

/// Without an order of another kind.
fn start(pairs: &QueryPairs, page: i64, size: i64) -> Result<Start> {
    let before = id_beside_page(pairs, "before")?;
    if before.is_some() && value(pairs, "after").is_some() {
        return Err(not_beside("after", "before"));
    }
    Ok(match (before, id_beside_page(pairs, "after")?) {
        (Some(id), _) => Start::Before(id),
        (None, Some(id)) => Start::After(id),
        (None, None) if page > 1 => Start::Offset((page - 1).saturating_mul(size.max(0))),
        (None, None) => Start::Offset(0),
    })
}

/// The orders that lists of a noun have beside that by id.
pub(crate) fn orders(info: &Info) -> Option<(&'static str, Order)> {
    match info.kind {
        Kind::Certificate => Some(("NotAfter", Order::NotAfter)),
        _ if info.reconciled => Some(("BlockingSince", Order::BlockingSince)),
        _ => None,
    }
}

fn order<T: Noun>(pairs: &QueryPairs) -> Result<Option<Order>> {
    let Some(text) = value(pairs, "order").filter(|text| !text.eq_ignore_ascii_case("id")) else { return Ok(None) };
    match orders(&T::INFO) {
        Some((name, order)) if text.eq_ignore_ascii_case(name) => Ok(Some(order)),
        known => {
            let problem = format!("must be ID{}", known.map_or(String::new(), |(name, _)| format!(" or {name}")));
            Err(invalid("order", problem))
        }
    }
}

/// A place in an order by time. The id alone stands for the beginning of 1970, which is where certificates are that have no time.
pub(crate) fn position(pairs: &QueryPairs) -> Result<Option<Position>> {
    let (time, id) = (time(pairs, "aftertime")?, id_beside_page(pairs, "after")?);
    let place = |id| Position { time: time.unwrap_or(DateTime::UNIX_EPOCH), id };
    match (time, id) {
        (Some(_), None) => {
            let problem = "goes with aftertime; send both, of the last record that was seen";
            Err(invalid("after", problem))
        }
        (_, id) => Ok(id.map(place)),
    }
}

/// A time of a query.
pub(crate) fn time(pairs: &QueryPairs, key: &str) -> Result<Option<DateTime<Utc>>> {
    let Some(text) = value(pairs, key) else { return Ok(None) };
    let problem = |_| invalid(key, "must be a time of RFC 3339, such as 2026-01-31T12:00:00Z");
    DateTime::parse_from_rfc3339(text).map(|time| Some(time.to_utc())).map_err(problem)
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
pub(crate) fn value<'a>(pairs: &'a QueryPairs, key: &str) -> Option<&'a str> {
    pairs.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, text)| text.as_str())
}

/// The refusal of a query parameter: what is wrong with it, and what would be right.
pub(crate) fn invalid(key: &str, problem: impl Into<String>) -> StoreError {
    StoreError::invalid_field(Reason::InvalidQuery, key, problem)
}

fn not_beside(one: &str, other: &str) -> StoreError {
    invalid(one, format!("can't stand beside {other}: say the one or the other"))
}

/// The id to go on after.
pub(crate) fn after(pairs: &QueryPairs) -> Result<Option<i64>> {
    id_beside_page(pairs, "after")
}

/// An id of another parameter.
pub(crate) fn id_of(pairs: &QueryPairs, key: &str) -> Result<Option<i64>> {
    value(pairs, key).map(parse_id).transpose()
}

/// Which events a query asks for.
pub(crate) fn event_filter(pairs: &QueryPairs) -> Result<EventFilter> {
    let list = |key| value(pairs, key).unwrap_or_default();
    Ok(EventFilter {
        kinds: EventFilter::read_kinds(list("kinds")).map_err(|problem| invalid("kinds", problem))?,
        types: EventFilter::read_types(list("types")).map_err(|problem| invalid("types", problem))?,
        runtime: id_of(pairs, "runtime")?,
        name: value(pairs, "name").map(str::to_owned),
        id: id_of(pairs, "id")?,
    })
}

fn id_beside_page(pairs: &QueryPairs, key: &str) -> Result<Option<i64>> {
    let Some(text) = value(pairs, key) else { return Ok(None) };
    if value(pairs, "page").is_some() {
        return Err(not_beside("page", key));
    }
    let problem = || invalid(key, "must be the ID of the last record that was seen, or 0 to begin");
    text.parse::<i64>().ok().filter(|id| *id >= 0).map(Some).ok_or_else(problem)
}

pub(crate) fn number(pairs: &QueryPairs, key: &str, default: i64) -> Result<i64> {
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
        assert_eq!(read(&[("before", "0")]).unwrap().start(), Start::Before(0));
        assert!(read(&[("after", "7"), ("before", "9")]).is_err() && read(&[("before", "7"), ("page", "1")]).is_err());
        assert!(read(&[("page", "-2")]).is_err() && read(&[("size", "many")]).is_err());
    }

    #[test]
    fn orders_by_time() {
        let read = |text: &[(&str, &str)]| ListQuery::read::<GatewayInstance>(&pairs(text)).map(|query| query.start());
        assert_eq!(read(&[("order", "ID")]).unwrap(), Start::Offset(0));
        assert_eq!(read(&[("order", "BlockingSince")]).unwrap(), Start::By(Order::BlockingSince, None));
        let time = DateTime::from_timestamp(7, 0).unwrap();
        let behind = [("order", "blockingsince"), ("aftertime", "1970-01-01T01:00:07+01:00"), ("after", "9")];
        assert_eq!(read(&behind).unwrap(), Start::By(Order::BlockingSince, Some(Position { time, id: 9 })));
        for wrong in [&[("order", "NotAfter")][..], &behind[..2], &[("order", "BlockingSince"), ("aftertime", "soon")]]
        {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
        let ports = ListQuery::read::<GatewayDefinition>(&pairs(&[("order", "BlockingSince")]));
        assert!(ports.is_ok(), "definitions are reconciled too");
        let events = ListQuery::read::<causeway_records::nouns::Event>(&pairs(&[("order", "BlockingSince")]));
        assert!(events.unwrap_err().to_string().contains("must be ID"));
    }
}
