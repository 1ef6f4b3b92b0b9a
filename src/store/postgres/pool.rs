//! Connections to the primary, and to one server only: as soon as another one is the primary, those to the
//! last one are closed, and what was under way on them does not count any more.
//!
//! Invariant: a connection is used again only after what it was last used for has ended well.

use super::super::StoreError;
use super::PostgresSettings;
use super::connect::{Server, Servers};
use super::fault::{fault, severs, within};
use core::time::Duration;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A statement with what is bound to it.
pub(super) type Query<'q> = sqlx::query::Query<'q, Postgres, PgArguments>;

/// The connections.
#[derive(Debug)]
pub(super) struct Pool {
    servers: Servers,
    turns: Arc<Semaphore>,
    state: Mutex<State>,
    wait_max: Duration,
    statement_max: Duration,
}

#[derive(Debug)]
struct State {
    /// The server that all of `idle` lead to.
    server: Option<Server>,
    /// Counts the servers that were the primary one after the other.
    generation: u64,
    idle: Vec<PgConnection>,
}

/// A connection in use. Dropped without [`Held::keep`], it is closed, and the server undoes what was under way.
#[derive(Debug)]
pub(super) struct Held {
    pool: Arc<Pool>,
    connection: PgConnection,
    generation: u64,
    _turn: OwnedSemaphorePermit,
}

impl Pool {
    pub(super) fn new(settings: &PostgresSettings) -> Result<Arc<Self>, StoreError> {
        let connections = usize::try_from(settings.connections_max.max(2)).unwrap_or(2);
        Ok(Arc::new(Self {
            servers: Servers::of(settings)?,
            turns: Arc::new(Semaphore::new(connections)),
            state: Mutex::new(State { server: None, generation: 0, idle: Vec::new() }),
            wait_max: Duration::from_millis(settings.begin_ms_max),
            statement_max: Duration::from_millis(settings.statement_ms_max),
        }))
    }

    /// A panic elsewhere cannot have left it half changed.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn servers(&self) -> &Servers {
        &self.servers
    }

    /// A connection to the primary, for the caller alone.
    pub(super) async fn acquire(self: &Arc<Self>) -> Result<Held, StoreError> {
        let turn = tokio::time::timeout(self.wait_max, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok).ok_or_else(|| {
            StoreError::Unavailable("no connection to the database became free in time: it is overloaded".to_owned())
        })?;
        let idle = {
            let mut state = self.state();
            state.idle.pop().map(|connection| (connection, state.generation))
        };
        let (connection, generation) = match idle {
            Some(idle) => idle,
            None => self.connect().await?,
        };
        Ok(Held { pool: Arc::clone(self), connection, generation, _turn: turn })
    }

    /// A new connection to the primary, with the number of the server it leads to.
    pub(super) async fn connect(&self) -> Result<(PgConnection, u64), StoreError> {
        let known = self.state().server;
        let (connection, server) = self.servers.connect(known).await?;
        Ok((connection, self.state().led_to(server, known)?))
    }

    /// Closes the connections that nobody uses: one of them has shown that something is wrong with the server.
    fn forget(&self, generation: u64) {
        let mut state = self.state();
        if state.generation == generation {
            state.idle.clear();
        }
    }

    /// Closes the connections that nobody uses.
    pub(super) fn close(&self) {
        self.state().idle.clear();
    }
}

impl State {
    /// A new connection leads to `server`, which had nothing to prove if it was the one `known` when connecting began.
    /// Gives its number.
    fn led_to(&mut self, server: Server, known: Option<Server>) -> Result<u64, StoreError> {
        if self.server == Some(server) {
            return Ok(self.generation);
        }
        if known == Some(server) {
            // It was replaced, or shown to be no primary, while this connection was on its way: it comes back only with
            // a proof.
            return Err(another_primary());
        }
        self.server = Some(server);
        self.generation = self.generation.saturating_add(1);
        self.idle.clear();
        Ok(self.generation)
    }
}

fn another_primary() -> StoreError {
    StoreError::Unavailable("another database server has become the primary: ask again".to_owned())
}

impl Held {
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// All rows that answer a query, to the end of the answer.
    pub(super) async fn rows<O>(&mut self, mut query: QueryBuilder<Postgres>) -> Result<Vec<O>, sqlx::Error>
    where
        O: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        within(self.pool.statement_max, query.build_query_as().fetch_all(&mut self.connection)).await
    }

    /// Does one thing; gives how many rows it was done to.
    pub(super) async fn execute(&mut self, query: Query<'_>) -> Result<u64, sqlx::Error> {
        within(self.pool.statement_max, query.execute(&mut self.connection)).await.map(|done| done.rows_affected())
    }

    /// Begins, commits or rolls back.
    pub(super) async fn say(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        within(self.pool.statement_max, sqlx::raw_sql(statement).execute(&mut self.connection)).await.map(drop)
    }

    /// The store's error for one on this connection, whose neighbours are closed with it if it concerns them.
    pub(super) fn failed(&self, error: sqlx::Error) -> StoreError {
        if severs(&error) {
            self.pool.forget(self.generation);
        }
        fault(error)
    }

    /// That the server this connection leads to is still the one that all others lead to. What was read on it
    /// before that, was read from the server that a proof of the same time is about.
    pub(super) fn still_current(&self) -> Result<(), StoreError> {
        if self.pool.state().generation == self.generation {
            return Ok(());
        }
        Err(another_primary())
    }

    /// Closes the neighbours: the server is not the primary, or has not proven that it is. Whichever is reached
    /// next, also the same one, has to prove itself first.
    pub(super) fn deposed(&self) {
        let mut state = self.pool.state();
        if state.generation == self.generation {
            state.server = None;
            state.idle.clear();
        }
    }

    /// Gives the connection back, for what comes next.
    pub(super) fn keep(self) {
        let Self { pool, connection, generation, _turn } = self;
        let mut state = pool.state();
        if state.generation == generation {
            state.idle.push(connection);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection to A hangs while B proves itself; A goes on, and its connection arrives.
    #[test]
    fn a_server_that_was_replaced_comes_back_only_with_a_proof() {
        let (a, b) = (Server(1), Server(2));
        let mut state = State { server: None, generation: 0, idle: Vec::new() };
        assert_eq!(state.led_to(a, None).unwrap(), 1);
        assert_eq!(state.led_to(a, Some(a)).unwrap(), 1);
        assert_eq!(state.led_to(b, Some(a)).unwrap(), 2);
        let late = state.led_to(a, Some(a)).unwrap_err();
        assert!(late.to_string().contains("another database server"), "{late}");
        assert_eq!((state.server, state.generation), (Some(b), 2));
        // With one it does: connecting began while B was the one known.
        assert_eq!(state.led_to(a, Some(b)).unwrap(), 3);
        // Nor does one come back without that was found to be no primary.
        state.server = None;
        state.led_to(a, Some(a)).unwrap_err();
        assert_eq!(state.led_to(a, None).unwrap(), 4);
    }
}
