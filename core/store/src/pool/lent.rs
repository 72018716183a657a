//! One connection for many statements that all belong to one transaction, whoever sends them: a write and the reads after it see what it has done, and
//! nobody else does. It is never used for anything else again.

use super::{Connection, Opener};
use deadpool::managed::Object;
use sqlx::PgConnection;
use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Whose connection it is that somebody has in hands.
#[derive(Debug)]
pub(super) enum Held {
    /// One of the pool, to which it goes back.
    Own(Object<Opener>),
    /// One that others use, too, one after the other.
    Lent(OwnedMutexGuard<Closed>),
}

impl Deref for Held {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        match self {
            Self::Own(object) => object,
            Self::Lent(connection) => connection,
        }
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match self {
            Self::Own(object) => object,
            Self::Lent(connection) => connection,
        }
    }
}

/// A connection that its users have one after the other.
#[derive(Clone, Debug)]
pub(super) struct Lent(Arc<Mutex<Closed>>);

impl Lent {
    pub(super) fn new(connection: Connection) -> Self {
        Self(Arc::new(Mutex::new(Closed(Some(connection)))))
    }

    pub(super) async fn take(&self) -> OwnedMutexGuard<Closed> {
        Arc::clone(&self.0).lock_owned().await
    }
}

/// A connection that is closed in the end, in whatever transaction it is: Postgres undoes what wasn't committed.
#[derive(Debug)]
pub(super) struct Closed(Option<Connection>);

impl Deref for Closed {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.0.as_deref().unwrap_or_else(|| unreachable!("it is taken only when it is dropped"))
    }
}

impl DerefMut for Closed {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.0.as_deref_mut().unwrap_or_else(|| unreachable!("it is taken only when it is dropped"))
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            connection.close();
        }
    }
}
