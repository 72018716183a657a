//! Lists, filtered and in pages.

use crate::{
    Store,
    error::{Result, StoreError},
    record::add,
    row::{self, bind, column_type},
    sql,
};
use causeway_records::{
    Record,
    field::{Field, Noun, Shape},
    problem::Reason,
    value::Type,
};
use sqlx::{AssertSqlSafe, Row, postgres::PgArguments};
use std::fmt::Write;

/// A field that must equal a value.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Which.
    pub field: &'static Field,
    /// As in the query.
    pub text: String,
}

impl Store {
    /// One page of the live records that pass every filter, by ascending id, and how many there are in all.
    pub async fn list<T: Noun>(&self, filters: &[Filter], limit: i64, offset: i64) -> Result<(Vec<Record<T>>, i64)> {
        self.list_where(filters, None, limit, offset).await
    }

    /// The same with one more condition, in which `{}` stands for a bound number.
    pub(crate) async fn list_where<T: Noun>(
        &self,
        filters: &[Filter],
        also: Option<(&'static str, i64)>,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<Record<T>>, i64)> {
        let (statements, mut condition) = (sql::of(&T::INFO), String::new());
        let (mut arguments, mut counted) = (PgArguments::default(), PgArguments::default());
        for (n, filter) in filters.iter().enumerate() {
            let (Shape::Column { parse, .. }, Some(ty)) = (filter.field.shape, column_type(filter.field)) else {
                continue;
            };
            let value = match parse(&filter.text) {
                Ok(value) => value,
                // A filter like any other, though no record can hold an empty text here: nothing passes.
                Err(_) if ty == Type::Text && filter.text.is_empty() => return Ok((vec![], 0)),
                Err(error) => return Err(StoreError::invalid_field(Reason::InvalidQuery, filter.field.json, error)),
            };
            bind(&mut arguments, ty, Some(value.clone()))?;
            bind(&mut counted, ty, Some(value))?;
            let alias = if is_status::<T>(filter.field) { "r" } else { "t" };
            // Writing to a String can't fail. The words are the nouns' own; values are bound.
            let _ = write!(condition, " AND {alias}.{} = ${}", filter.field.column, n + 1);
        }
        let mut n = filters.len();
        if let Some((text, number)) = also {
            n += 1;
            let _ = write!(condition, " AND {}", text.replace("{}", &format!("${n}")));
            add(&mut arguments, number)?;
            add(&mut counted, number)?;
        }
        add(&mut arguments, limit)?;
        add(&mut arguments, offset)?;
        let text = format!(
            "SELECT {} {}{condition} ORDER BY t.id LIMIT ${} OFFSET ${}",
            statements.select,
            statements.from,
            n + 1,
            n + 2
        );
        let rows = sqlx::query_with(AssertSqlSafe(text), arguments).fetch_all(&self.pool).await?;
        let page = rows.iter().map(row::record).collect::<Result<Vec<_>>>()?;
        let got = i64::try_from(page.len()).unwrap_or(i64::MAX);
        // A page that isn't full is the last one and tells the total by itself.
        if got > 0 && got < limit {
            return Ok((page, offset + got));
        }
        let from =
            if filters.iter().any(|filter| is_status::<T>(filter.field)) { &statements.from } else { &statements.own };
        let text = format!("SELECT count(*) {from}{condition}");
        let total = sqlx::query_with(AssertSqlSafe(text), counted).fetch_one(&self.pool).await?;
        Ok((page, total.try_get(0)?))
    }
}

/// Told by the name: a constant table has no one address.
fn is_status<T: Noun>(field: &Field) -> bool {
    !T::FIELDS.iter().any(|own| own.column == field.column)
}
