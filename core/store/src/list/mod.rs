//! Lists, filtered and in pages.

mod start;

pub(crate) use start::time_parameter;
pub use start::{Order, Position, Start};

use self::start::Beginning;
use crate::{
    Store, documents,
    error::{Result, StoreError},
    row,
    selects::{self, Selects},
    statement::Statement,
    statement::{add, bind},
};
use causeway_records::{
    Record,
    field::Field,
    noun::Noun,
    problem::Reason,
    slot::Shape,
    value::{Type, Value},
};
use futures::StreamExt;
use sqlx::{
    AssertSqlSafe, Row,
    postgres::{PgArguments, PgRow},
};
use std::fmt::Write;

/// A field that must equal a value.
#[derive(Clone, Debug)]
pub struct Filter {
    pub field: &'static Field,
    /// The value as a query writes it. It is read by the field's type.
    pub text: String,
}

impl Filter {
    /// The type of the column and the value that it must equal.
    fn value(&self) -> Result<(Type, Value)> {
        let (Shape::Column { parse, .. }, Some(ty)) = (self.field.shape, self.field.column_type()) else {
            let problem = "can't be asked for";
            return Err(StoreError::invalid_field(Reason::InvalidQuery, self.field.json, problem));
        };
        let value = parse(&self.text);
        Ok((ty, value.map_err(|error| StoreError::invalid_field(Reason::InvalidQuery, self.field.json, error))?))
    }

    /// Appends the value to a statement.
    pub(crate) fn push(&self, statement: &mut Statement) -> Result<()> {
        let (ty, value) = self.value()?;
        statement.value(ty, Some(value)).map(|_| ())
    }
}

/// Bytes after which a page ends, whatever its size: so much of the database's answer one list holds in memory.
pub const MAX_PAGE_BYTES: usize = 16 << 20;
/// What a record costs beside its columns.
const ROW_BYTES: usize = 256;

/// A page of a list of records.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// In the order that was asked for.
    pub records: Vec<Record<T>>,
    /// How many there are in all.
    pub total: i64,
    /// The page would have become larger than [`MAX_PAGE_BYTES`]: those that follow the last record were left out.
    pub is_cut: bool,
}

impl Store {
    /// One page of the live records that pass every filter, by ascending id, and how many there are in all.
    pub async fn list<T: Noun>(&self, filters: &[Filter], limit: i64, offset: i64) -> Result<(Vec<Record<T>>, i64)> {
        let page = self.list_from(filters, limit, Start::Offset(offset)).await?;
        Ok((page.records, page.total))
    }

    /// The same, for either kind of beginning, and whether it had to end early.
    pub async fn list_from<T: Noun>(&self, filters: &[Filter], limit: i64, start: Start) -> Result<Page<T>> {
        self.list_where(filters, &[], limit, start).await
    }

    /// The same with further conditions, in each of which `{}` stands for a bound number.
    pub(crate) async fn list_where<T: Noun>(
        &self,
        filters: &[Filter],
        also: &[(&'static str, i64)],
        limit: i64,
        start: Start,
    ) -> Result<Page<T>> {
        let (selects, mut condition) = (selects::for_noun(&T::INFO), String::new());
        let [mut arguments, mut counted, mut sized] = [(); 3].map(|()| PgArguments::default());
        for (n, filter) in filters.iter().enumerate() {
            let is_text = filter.field.column_type() == Some(Type::Text);
            let (ty, value) = match filter.value() {
                // A filter like any other, though no record can hold an empty text here: nothing passes.
                Err(_) if is_text && filter.text.is_empty() => {
                    return Ok(Page { records: vec![], total: 0, is_cut: false });
                }
                read => read?,
            };
            bind(&mut arguments, ty, Some(value.clone()))?;
            bind(&mut sized, ty, Some(value.clone()))?;
            bind(&mut counted, ty, Some(value))?;
            let alias = if is_status::<T>(filter.field) { "r" } else { "t" };
            // Writing to a String can't fail. The words are the nouns' own; values are bound.
            let _ = write!(condition, " AND {alias}.{} = ${}", filter.field.column, n + 1);
        }
        let mut n = filters.len();
        for (text, number) in also {
            n += 1;
            let _ = write!(condition, " AND {}", text.replace("{}", &format!("${n}")));
            add(&mut arguments, *number)?;
            add(&mut sized, *number)?;
            add(&mut counted, *number)?;
        }
        let mut by_status = filters.iter().any(|filter| is_status::<T>(filter.field));
        if let Start::By(order, _) = start {
            condition.push_str(order.only());
            by_status |= order == Order::BlockingSince;
        }
        let count = format!("SELECT count(*) {}{condition}", if by_status { &selects.from } else { &selects.own });
        if limit > 0 {
            for arguments in [&mut arguments, &mut sized] {
                match start {
                    Start::Offset(from @ 1..) | Start::After(from) | Start::Before(from @ 1..) => add(arguments, from)?,
                    Start::By(_, Some(Position { time, id })) => {
                        add(arguments, time.timestamp_micros())?;
                        add(arguments, id)?;
                    }
                    Start::Offset(_) | Start::Before(_) | Start::By(_, None) => {}
                }
            }
            let lengths = documents::lengths(&T::INFO);
            let fitting = match &lengths {
                Some(lengths) if limit > 1 => {
                    let text = sizes(selects, lengths, &condition, limit, start, n + 1);
                    let sizes = sqlx::query_with(AssertSqlSafe(text), sized).fetch_one(&self.pool).await?;
                    (sizes.try_get::<i64, _>(0)? < sizes.try_get::<i64, _>(1)?).then_some(sizes.try_get::<i64, _>(0)?)
                }
                _ => None,
            };
            let text = page(selects, &condition, &count, fitting.map_or(limit, |fitting| fitting.max(1)), start, n + 1);
            let Rows { rows, is_cut } = self.rows(text, arguments).await?;
            let is_cut = is_cut || fitting.is_some();
            let read = |row| row::record_with(row, &self.documents);
            let records = rows.iter().map(read).collect::<Result<Vec<_>>>()?;
            if is_cut {
                return Ok(Page { records, total: self.count(count, counted).await?, is_cut });
            }
            if let Some(last) = rows.last() {
                let total: Option<i64> = last.try_get(TOTAL)?;
                let before = if let Start::Offset(offset) = start { offset.max(0) } else { 0 };
                let got = i64::try_from(records.len()).unwrap_or(i64::MAX);
                return Ok(Page { records, total: total.unwrap_or(before.saturating_add(got)), is_cut });
            }
            if let Start::Offset(..=0) = start {
                return Ok(Page { records, total: 0, is_cut });
            }
        }
        Ok(Page { records: vec![], total: self.count(count, counted).await?, is_cut: false })
    }

    async fn count(&self, text: String, arguments: PgArguments) -> Result<i64> {
        let counted = sqlx::query_with(AssertSqlSafe(text), arguments).fetch_one(&self.pool).await?;
        Ok(counted.try_get(0)?)
    }

    /// Rows, until they are too large together. Postgres sends the others all the same, so the connection goes with them unread.
    async fn rows(&self, text: String, arguments: PgArguments) -> Result<Rows> {
        let mut connection = self.pool.acquire().await?;
        let (mut rows, mut bytes) = (vec![], 0);
        let mut answer = sqlx::query_with(AssertSqlSafe(text), arguments).fetch(&mut *connection);
        while let Some(row) = answer.next().await.transpose()? {
            bytes += size(&row)?;
            if bytes > MAX_PAGE_BYTES && !rows.is_empty() {
                drop(answer);
                connection.close();
                return Ok(Rows { rows, is_cut: true });
            }
            rows.push(row);
        }
        drop(answer);
        connection.give_back();
        Ok(Rows { rows, is_cut: false })
    }
}

struct Rows {
    rows: Vec<PgRow>,
    is_cut: bool,
}

/// How large a row is as Postgres sent it, with what is made of it.
fn size(row: &PgRow) -> Result<usize> {
    let mut bytes = ROW_BYTES;
    for index in 0..row.len() {
        let value = row.try_get_raw(index)?;
        bytes += value.as_bytes().map_or(0, <[u8]>::len);
    }
    Ok(bytes)
}

/// The column of a page's last row that says how many records there are in all.
const TOTAL: &str = "total";

/// The statement for how many records of a page fit into an answer, and how many the page has. Asked first where records have documents: an answer
/// that turns out too large while it comes in costs a connection.
fn sizes(selects: &Selects, lengths: &str, condition: &str, limit: i64, start: Start, n: usize) -> String {
    let Beginning { behind, offset, sorted, order, outer } = Beginning::of(start, n);
    format!(
        "SELECT count(*) FILTER (WHERE upto <= {MAX_PAGE_BYTES}), count(*) FROM (SELECT sum(size + {ROW_BYTES}) OVER (ORDER BY {outer}) AS upto
            FROM (SELECT t.id, {lengths} AS size{sorted} {}{condition}{behind} ORDER BY {order} LIMIT {limit}{offset}) s) f",
        selects.from
    )
}

/// The statement for a page, and in one with it how many records there are: `$n` where it begins, unless that is the beginning. How many it may
/// hold stands in the text, so that Postgres plans for so many.
fn page(selects: &Selects, condition: &str, count: &str, limit: i64, start: Start, n: usize) -> String {
    let (columns, from) = (&selects.columns, &selects.from);
    let Beginning { behind, offset, sorted, order, outer } = Beginning::of(start, n);
    // A page that isn't full is the last one and tells the total by itself: then nobody counts.
    let total = match start {
        Start::Offset(_) => format!("CASE WHEN row_number() OVER () = {limit} THEN ({count}) END"),
        Start::After(_) | Start::Before(_) | Start::By(..) => format!("({count})"),
    };
    format!(
        "SELECT p.*, {total} AS {TOTAL} FROM (SELECT {columns}{sorted} {from}{condition}{behind} ORDER BY {order} LIMIT {limit}{offset}) p ORDER BY {outer}"
    )
}

/// Told by the name: a constant table has no one address.
fn is_status<T: Noun>(field: &Field) -> bool {
    !T::FIELDS.iter().any(|own| own.column == field.column)
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::nouns::{GatewayDefinition, GatewayTcpPort};
    use chrono::DateTime;
    use sqlx::PgPool;

    /// Postgres's plan for a page in the middle of a large table, without that of the count.
    async fn plan<T: Noun>(pool: &PgPool, condition: &str, start: Start) -> String {
        let text = page(selects::for_noun(&T::INFO), condition, "SELECT 0", 50, start, 1);
        let (from, id) = match start {
            Start::Offset(from) | Start::After(from) | Start::Before(from) => (from, 0),
            Start::By(_, after) => after.map_or((0, 0), |at| (at.time.timestamp_micros(), at.id)),
        };
        let text = text.replace("$1", &from.to_string()).replace("$2", &id.to_string());
        let lines: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(format!("EXPLAIN {text}"))).fetch_all(pool).await.unwrap();
        lines.join("\n")
    }

    #[sqlx::test(migrations = "../../migrations")]
    async fn a_page_after_an_id_reads_nothing_but_itself(pool: PgPool) {
        let fill = "WITH d AS (INSERT INTO gateway_definitions (id, name) SELECT n, n::text FROM generate_series(1, 20000) n RETURNING id),
                p AS (INSERT INTO gateway_tcp_ports (gateway_definition_id, port) SELECT n / 100 + 1, 80 FROM generate_series(1, 19000) n)
            INSERT INTO reconciliations (kind, id, object_name) SELECT 'GatewayDefinition', n, n::text FROM generate_series(1, 20000) n";
        sqlx::raw_sql(fill).execute(&pool).await.unwrap();
        sqlx::raw_sql("ANALYZE gateway_definitions, gateway_tcp_ports, reconciliations").execute(&pool).await.unwrap();
        for plan in [
            plan::<GatewayDefinition>(&pool, "", Start::Offset(0)).await,
            plan::<GatewayDefinition>(&pool, "", Start::After(10_000)).await,
            plan::<GatewayTcpPort>(&pool, "", Start::After(10_000)).await,
        ] {
            assert!(plan.contains("pkey") && !plan.contains("Seq Scan") && !plan.contains("Sort"), "{plan}");
        }
        // What blocks, the longest first, and the newest first.
        let half = "UPDATE reconciliations SET blocking_since = CASE WHEN id % 50 = 0 THEN timestamptz 'epoch' + id * interval '1 hour' END; ANALYZE reconciliations";
        sqlx::raw_sql(half).execute(&pool).await.unwrap();
        let time = DateTime::UNIX_EPOCH + chrono::TimeDelta::hours(10_000);
        for after in [None, Some(Position { time, id: 10_000 })] {
            let by =
                plan::<GatewayDefinition>(&pool, Order::BlockingSince.only(), Start::By(Order::BlockingSince, after))
                    .await;
            assert!(by.contains("reconciliations_blocked") && !by.contains("Seq Scan"), "{by}");
        }
        let newest = plan::<GatewayDefinition>(&pool, "", Start::Before(0)).await;
        assert!(newest.contains("Backward") && !newest.contains("Seq Scan"), "{newest}");
        // A filter has an index of its own to go by.
        let filtered = plan::<GatewayTcpPort>(&pool, " AND t.gateway_definition_id = 7", Start::After(0)).await;
        assert!(filtered.contains("gateway_definition_id_idx") && !filtered.contains("Seq Scan"), "{filtered}");
        let statement = page(selects::for_noun(&GatewayDefinition::INFO), "", "SELECT 0", 50, Start::After(0), 1);
        assert!(!statement.contains("OFFSET"), "{statement}");
    }
}
