//! A statement that is put together from parts: each value stands where its parameter does.

use crate::{
    error::{Result, StoreError},
    row,
};
use causeway_records::{
    problem::Reason,
    value::{Type, Value},
};
use sqlx::{
    Arguments, AssertSqlSafe, Encode, Postgres,
    postgres::{PgArguments, PgRow},
    query::Query,
};

/// Text and parameters. The text holds nothing but words of this crate and of the nouns; whatever a client sent is a parameter.
pub(crate) struct Statement {
    text: String,
    arguments: PgArguments,
}

impl Statement {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), arguments: PgArguments::default() }
    }

    /// Appends text.
    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.text += text;
        self
    }

    /// Appends a parameter.
    pub(crate) fn bind<'v, V>(&mut self, value: V) -> Result<&mut Self>
    where
        V: Encode<'v, Postgres> + sqlx::Type<Postgres>,
    {
        let added = self.arguments.add(value);
        added.map_err(|error| StoreError::invalid(Reason::InvalidField, error.to_string()))?;
        self.text += &format!("${}", self.arguments.len());
        Ok(self)
    }

    /// Appends a parameter of a column's type, which may be NULL.
    pub(crate) fn value(&mut self, ty: Type, value: Option<Value>) -> Result<&mut Self> {
        row::bind(&mut self.arguments, ty, value)?;
        self.text += &format!("${}::{}", self.arguments.len(), ty.name());
        Ok(self)
    }

    #[cfg(test)]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn query(self) -> Query<'static, Postgres, PgArguments> {
        sqlx::query_with(AssertSqlSafe(self.text), self.arguments)
    }

    /// Runs it; the first row.
    pub(crate) async fn fetch_optional(
        self,
        on: impl sqlx::Executor<'_, Database = Postgres>,
    ) -> Result<Option<PgRow>> {
        Ok(self.query().fetch_optional(on).await?)
    }
}
