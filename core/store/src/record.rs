//! Reading, making and changing a record of any noun.

use crate::{
    Store,
    audit::{self, Writer},
    created::Created,
    error::{Result, StoreError},
    row::{self, bind, bind_columns, column_type},
    sql::{self, CLIENT_STATUS},
};
use causeway_records::{
    Record,
    field::{Children, Fields, Noun, Shape, entries},
    nouns::Rules,
    problem::Reason,
    status::Status,
    value::Value,
};
use sqlx::{
    Arguments, AssertSqlSafe, Connection as _, PgConnection, Row,
    postgres::{PgArguments, PgRow},
    types::Json,
};

/// How often a write is tried again when two writers met.
pub(crate) const TRIES: usize = 8;

/// Lays a change over a record and says whether another pass is asked for; fails with what is wrong with the change.
pub trait Lay<T>: Fn(&mut Record<T>) -> Result<bool> + Send + Sync {}
impl<T, F: Fn(&mut Record<T>) -> Result<bool> + Send + Sync> Lay<T> for F {}

impl Store {
    /// A live record.
    pub async fn get<T: Noun>(&self, id: i64) -> Result<Record<T>> {
        let row = sqlx::query(sql::of(&T::INFO).get).bind(id).fetch_optional(&self.pool).await?;
        row::record(&row.ok_or(StoreError::NotFound)?)
    }

    async fn parents_missing<T: Noun>(&self, spec: &T) -> StoreError {
        match self.missing_parent(spec).await {
            Ok(Some(error)) | Err(error) => error,
            Ok(None) => {
                StoreError::conflict(Reason::Contention, "a record that this one names went away just now; try again")
            }
        }
    }

    /// Asked only when a write found nothing to do.
    async fn missing_parent<T: Noun>(&self, spec: &T) -> Result<Option<StoreError>> {
        for (field, slot) in entries(spec).filter(|(_, slot)| !slot.is_null()) {
            let (Some(parent), Some(ty)) = (field.parent, column_type(field)) else { continue };
            let mut arguments = PgArguments::default();
            bind(&mut arguments, ty, slot.to_value())?;
            let text = format!("SELECT EXISTS (SELECT FROM {} WHERE id = $1 AND deleted_at IS NULL)", parent.table);
            let found = sqlx::query_with(AssertSqlSafe(text), arguments).fetch_one(&self.pool).await?;
            if !found.try_get::<bool, _>(0)? {
                let problem = format!("there is no {} with this id", parent.kind);
                return Ok(Some(StoreError::invalid_field(Reason::ParentNotFound, field.json, problem)));
            }
        }
        Ok(None)
    }
}

impl Writer {
    /// Makes a record, its children, and the work to do. The answer is the record alone; children are records of their own.
    pub async fn create<T: Noun>(&self, record: Record<T>) -> Result<Record<T>> {
        Ok(self.create_with_children(record).await?.record)
    }

    /// The same, and the answer has the children.
    pub async fn create_with_children<T: Noun>(&self, record: Record<T>) -> Result<Created<T>> {
        let writer = self.clone();
        whole(async move { writer.create_now(record).await }).await
    }

    /// Makes several records, all or none.
    pub async fn create_all<T: Noun>(&self, records: Vec<Record<T>>) -> Result<Vec<Record<T>>> {
        let writer = self.clone();
        whole(async move {
            let mut connection = writer.store.pool.acquire().await?;
            let mut transaction = connection.begin().await?;
            let mut made = vec![];
            for record in &records {
                let row = sqlx::query_with(sql::of(&T::INFO).create, writer.create_arguments(record, &[])?)
                    .fetch_optional(&mut *transaction)
                    .await?;
                let Some(row) = row else { return Err(writer.store.parents_missing(&record.spec).await) };
                made.push(row::record(&row)?);
            }
            transaction.commit().await?;
            connection.give_back();
            Ok(made)
        })
        .await
    }

    /// Changes a record: `lay` is laid over the stored one, and again if somebody else was faster. Children that it adds take the place of all
    /// stored ones of their noun.
    pub async fn change<T: Noun + Rules>(&self, id: i64, lay: impl Lay<T> + 'static) -> Result<Record<T>> {
        let writer = self.clone();
        whole(async move {
            for _ in 0..TRIES {
                match writer.change_once(id, &lay).await {
                    Ok(Some(record)) => return Ok(record),
                    Ok(None) => {}
                    Err(error) if error.is_transient() => {}
                    Err(error) => return Err(error),
                }
            }
            Err(StoreError::conflict(Reason::Contention, "others change the same record all the time; try again"))
        })
        .await
    }

    async fn create_now<T: Noun>(&self, record: Record<T>) -> Result<Created<T>> {
        let mut tries = 0;
        let row = loop {
            match self.insert(&record).await {
                Err(error) if error.is_transient() && tries < TRIES => tries += 1,
                Err(error) => return Err(error),
                Ok(Some(row)) => break row,
                Ok(None) => return Err(self.store.parents_missing(&record.spec).await),
            }
        };
        Created::read(&row, &record)
    }

    async fn insert<T: Noun>(&self, record: &Record<T>) -> Result<Option<PgRow>> {
        let children = record.spec.children();
        let arguments = self.create_arguments(record, &children)?;
        let statements = sql::of(&T::INFO);
        Ok(if children.iter().all(|child| child.rows.is_empty()) {
            sqlx::query_with(statements.create, arguments).fetch_optional(&self.store.pool).await?
        } else {
            // One text for each number of children; built of nothing but the nouns' own words.
            let text = sql::create(&T::INFO, &statements.select, &children);
            sqlx::query_with(AssertSqlSafe(text), arguments).fetch_optional(&self.store.pool).await?
        })
    }

    async fn change_once<T: Noun + Rules>(&self, id: i64, lay: &impl Lay<T>) -> Result<Option<Record<T>>> {
        // One connection for both statements: with many clients each wait for one is long.
        let mut connection = self.store.pool.acquire().await?;
        let row = sqlx::query(sql::of(&T::INFO).get).bind(id).fetch_optional(&mut *connection).await?;
        let stored: Record<T> = row::record(&row.ok_or(StoreError::NotFound)?)?;
        let mut changed = stored.clone();
        let again = lay(&mut changed)?;
        leave_same_children(&mut connection, id, &mut changed.spec).await?;
        // Pausing and resuming a runtime concerns all that is in its cluster.
        let paused_or_resumed = changed.status.interrupt_reconciliation != stored.status.interrupt_reconciliation;
        let intent = changed.spec != stored.spec || again || paused_or_resumed;
        let mut arguments = PgArguments::default();
        add(&mut arguments, id)?;
        add(&mut arguments, stored.common.updated_at)?;
        bind_columns(&mut arguments, &changed.spec, None)?;
        if T::INFO.has_secrets() {
            add(&mut arguments, Json(&changed.key_ids))?;
            add(&mut arguments, Json(&stored.key_ids))?;
        }
        add(&mut arguments, intent)?;
        if T::INFO.reconciled {
            add(&mut arguments, again)?;
            bind_status(&mut arguments, &changed.status)?;
        }
        let children = changed.spec.children();
        bind_children(&mut arguments, &children)?;
        self.bind(&mut arguments, &audit::changed(&stored, &changed, again))?;
        let row = if children.iter().all(|child| child.rows.is_empty()) {
            sqlx::query_with(sql::of(&T::INFO).update, arguments).fetch_optional(&mut *connection).await?
        } else {
            let text = sql::update(&T::INFO, &sql::of(&T::INFO).select, &children);
            sqlx::query_with(AssertSqlSafe(text), arguments).fetch_optional(&mut *connection).await?
        };
        // Nobody waits for a second connection while he holds one.
        connection.give_back();
        if let Some(row) = row {
            return Ok(Some(row::record(&row)?));
        }
        match self.store.missing_parent(&changed.spec).await? {
            Some(error) => Err(error),
            None => Ok(None),
        }
    }

    fn create_arguments<T: Noun>(&self, record: &Record<T>, children: &[Children<'_>]) -> Result<PgArguments> {
        let mut arguments = PgArguments::default();
        bind_columns(&mut arguments, &record.spec, None)?;
        if T::INFO.has_secrets() {
            add(&mut arguments, Json(&record.key_ids))?;
        }
        bind_children(&mut arguments, children)?;
        if T::INFO.reconciled {
            bind_status(&mut arguments, &record.status)?;
        }
        self.bind(&mut arguments, &audit::made(record))?;
        Ok(arguments)
    }
}

/// Runs a write to its end even when the client that asked for it hangs up.
pub(crate) async fn whole<T: Send + 'static>(write: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    match tokio::spawn(write).await {
        Ok(done) => done,
        Err(error) => Err(StoreError::Unavailable(sqlx::Error::Io(std::io::Error::other(error)))),
    }
}

pub(crate) fn add<'q, V>(arguments: &mut PgArguments, value: V) -> Result<()>
where
    V: sqlx::Encode<'q, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    arguments.add(value).map_err(|error| StoreError::invalid(Reason::InvalidField, error.to_string()))
}

/// Lists of children that are as they are stored change nothing: whoever sends back what he has read makes no new rows, and no new work.
async fn leave_same_children<T: Noun>(connection: &mut PgConnection, id: i64, changed: &mut T) -> Result<()> {
    let mut same = vec![];
    for child in changed.children().iter().filter(|child| !child.rows.is_empty()) {
        let mut stored = stored_children(connection, id, child).await?;
        let found = child.rows.iter().all(|row| {
            let values = own_columns(child).map(|index| row.get(index).to_value()).collect::<Vec<_>>();
            let at = stored.iter().position(|stored| *stored == values);
            at.map(|at| stored.swap_remove(at)).is_some()
        });
        same.extend((found && stored.is_empty()).then_some(child.info.kind));
    }
    for (index, field) in T::FIELDS.iter().enumerate() {
        if matches!(field.shape, Shape::Children { kind } if same.contains(&kind)) {
            changed
                .get_mut(index)
                .set(None)
                .map_err(|problem| StoreError::invalid_field(Reason::InvalidField, field.json, problem))?;
        }
    }
    Ok(())
}

/// The live children of a record, as values of their own columns.
async fn stored_children(
    connection: &mut PgConnection,
    id: i64,
    child: &Children<'_>,
) -> Result<Vec<Vec<Option<Value>>>> {
    let columns: Vec<_> = own_columns(child).map(|index| &child.info.fields[index]).collect();
    let names: Vec<_> = columns.iter().map(|field| field.column).collect();
    let text = format!(
        "SELECT {} FROM {} WHERE {} = $1 AND deleted_at IS NULL",
        names.join(", "),
        child.info.table,
        child.key
    );
    let rows = sqlx::query(AssertSqlSafe(text)).bind(id).fetch_all(connection).await?;
    let types: Vec<_> = columns.iter().filter_map(|field| column_type(field)).collect();
    let read = |row: &PgRow| types.iter().enumerate().map(|(at, ty)| row::value(row, at, *ty)).collect();
    Ok(rows.iter().map(read).collect::<sqlx::Result<_>>()?)
}

/// The places of the columns of a child, but for the one that names the parent.
fn own_columns(child: &Children<'_>) -> impl Iterator<Item = usize> {
    let (fields, key) = (child.info.fields, child.key);
    (0..fields.len()).filter(move |index| !fields[*index].is_child() && fields[*index].column != key)
}

fn bind_children(arguments: &mut PgArguments, children: &[Children<'_>]) -> Result<()> {
    for child in children {
        for row in &child.rows {
            bind_columns(arguments, *row, Some(child.key))?;
        }
    }
    Ok(())
}

fn bind_status(arguments: &mut PgArguments, status: &Status) -> Result<()> {
    for column in CLIENT_STATUS {
        let entry = entries(status as &dyn Fields).find(|(field, _)| field.column == *column);
        if let Some((field, slot)) = entry
            && let Some(ty) = column_type(field)
        {
            bind(arguments, ty, slot.to_value())?;
        }
    }
    Ok(())
}
