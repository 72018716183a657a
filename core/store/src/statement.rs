//! A statement that is put together from parts: each value stands where its parameter does.
//!
//! A statement whose text is fixed is none of these: `sqlx::query!` checks it against the schema when the crate is compiled. It can't check a text that holds
//! a noun's columns or table or a condition that several statements share, nor rows that a common function reads.

use crate::{
    documents::{Documents, Place},
    error::{Result, StoreError},
};
use causeway_records::{
    problem::Reason,
    value::{Type, Value},
};
use chrono::{DateTime, Utc};
use sqlx::{
    Arguments, AssertSqlSafe, Encode, Postgres,
    postgres::{PgArguments, PgRow},
    query::Query,
};

/// Text and parameters. The text holds nothing but words of this crate and of the nouns; whatever a client sent is a parameter.
pub(crate) struct Statement {
    text: Text,
    arguments: PgArguments,
}

enum Text {
    /// It grows with each part.
    Built(String),
    /// The same parts were put together before: only parameters are added.
    Known(&'static str),
}

impl Statement {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: Text::Built(text.into()), arguments: PgArguments::default() }
    }

    /// A statement whose text is this one, once all its parts are appended.
    pub(crate) fn known(text: &'static str) -> Self {
        Self { text: Text::Known(text), arguments: PgArguments::default() }
    }

    /// Appends text.
    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        if let Text::Built(all) = &mut self.text {
            *all += text;
        }
        self
    }

    /// Appends text that is made only where it isn't known.
    pub(crate) fn push_with(&mut self, text: impl FnOnce() -> String) -> &mut Self {
        if let Text::Built(all) = &mut self.text {
            *all += &text();
        }
        self
    }

    /// Appends a parameter.
    pub(crate) fn bind<'v, V>(&mut self, value: V) -> Result<&mut Self>
    where
        V: Encode<'v, Postgres> + sqlx::Type<Postgres>,
    {
        let number = self.bound(value)?;
        Ok(self.push_with(|| format!("${number}")))
    }

    /// Adds a parameter without naming it; the number by which the text that follows does.
    pub(crate) fn bound<'v, V>(&mut self, value: V) -> Result<usize>
    where
        V: Encode<'v, Postgres> + sqlx::Type<Postgres>,
    {
        add(&mut self.arguments, value)?;
        Ok(self.arguments.len())
    }

    /// Appends a parameter of a column's type, which may be NULL.
    pub(crate) fn value(&mut self, ty: Type, value: Option<Value>) -> Result<&mut Self> {
        bind(&mut self.arguments, ty, value)?;
        let number = self.arguments.len();
        Ok(self.push_with(|| format!("${number}::{}", ty.name())))
    }

    /// Appends a parameter for a field of a noun: a document is encrypted.
    pub(crate) fn field(&mut self, place: Place, value: Option<Value>, documents: &Documents) -> Result<&mut Self> {
        match place.field.column_type() {
            Some(_) if place.field.sensitive => {
                let sealed = value.map(|value| documents.seal(place, value)).transpose()?;
                Ok(self.bind(sealed)?.push("::bytea"))
            }
            Some(ty) => self.value(ty, value),
            None => Ok(self),
        }
    }

    pub(crate) fn text(&self) -> &str {
        match &self.text {
            Text::Built(text) => text,
            Text::Known(text) => text,
        }
    }

    pub(crate) fn query(self) -> Query<'static, Postgres, PgArguments> {
        match self.text {
            Text::Built(text) => sqlx::query_with(AssertSqlSafe(text), self.arguments),
            Text::Known(text) => sqlx::query_with(text, self.arguments),
        }
    }

    /// Runs it; the first row.
    pub(crate) async fn fetch_optional(
        self,
        on: impl sqlx::Executor<'_, Database = Postgres>,
    ) -> Result<Option<PgRow>> {
        Ok(self.query().fetch_optional(on).await?)
    }
}

/// Binds a value, or a NULL of the column's type.
pub(crate) fn bind(arguments: &mut PgArguments, ty: Type, value: Option<Value>) -> Result<()> {
    let added = match (value, ty) {
        (Some(Value::Bool(value)), _) => arguments.add(value),
        (Some(Value::Int4(value)), _) => arguments.add(value),
        (Some(Value::Int8(value)), _) => arguments.add(value),
        (Some(Value::Text(value)), _) => arguments.add(value),
        (Some(Value::Time(value)), _) => arguments.add(value),
        (Some(Value::Json(value)), _) => arguments.add(value),
        (None, Type::Bool) => arguments.add(None::<bool>),
        (None, Type::Int4) => arguments.add(None::<i32>),
        (None, Type::Int8) => arguments.add(None::<i64>),
        (None, Type::Text) => arguments.add(None::<String>),
        (None, Type::Time) => arguments.add(None::<DateTime<Utc>>),
        (None, Type::Json) => arguments.add(None::<serde_json::Value>),
    };
    added.map_err(refused)
}

/// Adds a parameter to a statement whose text numbers it.
pub(crate) fn add<'q, V>(arguments: &mut PgArguments, value: V) -> Result<()>
where
    V: Encode<'q, Postgres> + sqlx::Type<Postgres>,
{
    arguments.add(value).map_err(refused)
}

fn refused(error: sqlx::error::BoxDynError) -> StoreError {
    StoreError::invalid(Reason::InvalidField, error.to_string())
}
