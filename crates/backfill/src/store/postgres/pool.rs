//! A handful of connections, and transactions that are tried again where that is safe.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};

use super::Tx;
use super::tls::Tls;
use crate::error::{Error, ErrorKind, Result};

/// Connections of one worker.
const SIZE: usize = 6;
/// How long a server may be away before the worker stops. A restart takes seconds.
const PATIENCE: Duration = Duration::from_secs(120);
/// Tries of a transaction that lost against another one.
const TRIES: u32 = 20;

/// A handful of connections to one schema.
pub(super) struct Pool {
    config: tokio_postgres::Config,
    /// `None` where the connection is not encrypted.
    tls: Option<Tls>,
    namespace: String,
    room: Semaphore,
    idle: Mutex<Vec<Client>>,
}

/// Why a transaction ended: ours to report, or the server's to judge.
pub(super) enum Failed {
    Ours(Error),
    Theirs(tokio_postgres::Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

impl From<tokio_postgres::Error> for Failed {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Theirs(error)
    }
}

/// Held while one worker prepares what all of them need; ends with its connection.
pub(super) struct Lock {
    _client: Client,
}

impl Pool {
    /// `sslmode=require` in the URL, or an authority to trust, asks for TLS; without either the
    /// connection is plain.
    pub(super) fn new(url: &str, namespace: &str, authority: Option<&Path>) -> Result<Self> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if namespace.is_empty() || namespace.len() > 60 || !namespace.chars().all(plain) {
            let message = format!("`namespace`: `{namespace}` is not of a-z, 0-9 and _");
            return Err(Error::new(ErrorKind::Config, message));
        }
        // TLS of ours always judges the certificate and its name.
        let url = url.replace("sslmode=verify-full", "sslmode=require").replace("sslmode=verify-ca", "sslmode=require");
        // Not the parser's own words: they may repeat the password.
        let mut config: tokio_postgres::Config = url
            .parse()
            .map_err(|_| Error::new(ErrorKind::Config, "`store` is no URL such as postgres://user@host/db"))?;
        super::pgpass::complete(&mut config)?;
        config.application_name("sealpress").connect_timeout(Duration::from_secs(5));
        let tls = if authority.is_some() || config.get_ssl_mode() == SslMode::Require {
            config.ssl_mode(SslMode::Require);
            Some(Tls::new(authority)?)
        } else {
            config.ssl_mode(SslMode::Disable);
            None
        };
        let (room, idle) = (Semaphore::new(SIZE), Mutex::default());
        Ok(Self { config, tls, namespace: namespace.to_owned(), room, idle })
    }

    /// Runs `work` in a transaction of its own, again where another one was in the way or the
    /// server went away.
    pub(super) async fn run<T>(&self, work: impl AsyncFn(&Tx<'_>) -> Result<T, Failed>) -> Result<T> {
        let started = Instant::now();
        let mut tries = 0;
        loop {
            let error = match self.attempt(&work).await {
                Ok(value) => return Ok(value),
                Err(Failed::Ours(error)) => return Err(error),
                Err(Failed::Theirs(error)) => error,
            };
            tries += 1;
            let conflict = matches!(error.code(), Some(c) if *c == SqlState::T_R_DEADLOCK_DETECTED
                || *c == SqlState::T_R_SERIALIZATION_FAILURE);
            let again = (conflict && tries < TRIES) || (is_away(&error) && started.elapsed() < PATIENCE);
            if !again {
                return Err(judge(&error));
            }
            tracing::warn!(%error, tries, "the store asks for another try");
            tokio::time::sleep(Duration::from_millis(50 << tries.min(5))).await;
        }
    }

    /// Waits until no other worker prepares this schema.
    pub(super) async fn lock(&self) -> Result<Lock> {
        let client = self.connect().await.map_err(|e| judge(&e))?;
        let sql = format!("SELECT pg_advisory_lock(hashtext('sealpress {}'))", self.namespace);
        client.batch_execute(&sql).await.map_err(|e| judge(&e))?;
        Ok(Lock { _client: client })
    }

    async fn attempt<T>(&self, work: &impl AsyncFn(&Tx<'_>) -> Result<T, Failed>) -> Result<T, Failed> {
        let _room = self.room.acquire().await;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut client = match idle.filter(|client| !client.is_closed()) {
            Some(client) => client,
            None => self.connect().await?,
        };
        let value = {
            let transaction = Tx { inner: client.transaction().await? };
            let value = work(&transaction).await?;
            transaction.inner.commit().await?;
            value
        };
        // Only a connection whose transaction ended well is used again.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(client);
        Ok(value)
    }

    async fn connect(&self) -> Result<Client, tokio_postgres::Error> {
        let client = match &self.tls {
            None => {
                let (client, connection) = self.config.connect(NoTls).await?;
                attend(connection);
                client
            }
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await?;
                attend(connection);
                client
            }
        };
        let sql = format!("CREATE SCHEMA IF NOT EXISTS {0}; SET search_path TO {0}", self.namespace);
        // Two workers that make the schema at the same moment: one of them finds it made.
        if let Err(error) = client.batch_execute(&sql).await {
            if error.code().is_none() {
                return Err(error);
            }
            client.batch_execute(&format!("SET search_path TO {}", self.namespace)).await?;
        }
        Ok(client)
    }
}

/// Moves a connection's bytes until it ends.
fn attend(connection: impl Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static) {
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection of the store ended");
        }
    });
}

/// The server restarts, was stopped, or cannot be reached: not an answer about what we asked.
fn is_away(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        None => {
            let io = std::error::Error::source(error).and_then(|s| s.downcast_ref::<std::io::Error>());
            // A certificate that is not trusted will not be trusted in a minute either.
            let distrusted = io.and_then(std::io::Error::get_ref).is_some_and(|e| e.is::<rustls::Error>());
            (error.is_closed() || io.is_some()) && !distrusted
        }
        Some(code) => {
            let away = [
                SqlState::ADMIN_SHUTDOWN,
                SqlState::CRASH_SHUTDOWN,
                SqlState::CANNOT_CONNECT_NOW,
                SqlState::TOO_MANY_CONNECTIONS,
            ];
            away.contains(code) || code.code().starts_with("08")
        }
    }
}

fn judge(error: &tokio_postgres::Error) -> Error {
    let message = match error.as_db_error() {
        Some(db) => format!("the store answered {}: {}", db.code().code(), db.message()),
        None => match std::error::Error::source(error) {
            Some(cause) => format!("the store cannot be reached: {error}: {cause}"),
            None => format!("the store cannot be reached: {error}"),
        },
    };
    Error::new(ErrorKind::Journal, message)
}
