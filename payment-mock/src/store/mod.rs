//! The store: one SQLite file, one writer that groups operations into transactions, and a few
//! readers beside it.
//!
//! WAL with `synchronous = NORMAL`: a commit is written to the log before it is acknowledged, but
//! not flushed to the disk. What was written is the kernel's, so a charge once acknowledged
//! survives `kill -9` of this process; only a crash of the whole machine could take the last
//! moments, and such a crash is not among the things a payment provider for tests must survive.
//! Flushing every commit (`FULL`) would cost most of the throughput to guard against nothing else.

mod batch;
mod reads;
mod writer;

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, SqliteConnection};

pub use reads::{DueDelivery, Page, Reads};
pub use writer::{Cell, Key, Ledger, Nudges, Writer};

const SCHEMA: &str = include_str!("schema.sql");

/// Readers at once; each is a thread.
const READERS: u32 = 2;

/// An opened store, before its writer runs.
#[derive(Debug)]
pub struct Opened {
    /// The connection that writes.
    pub conn: SqliteConnection,
    /// The connections that read.
    pub reads: Reads,
    /// Held as long as the process lives: two providers on one store would tell everything twice.
    pub lock: File,
}

/// Opens the store in a folder, making both if they are not there.
pub async fn open(data: &Path) -> anyhow::Result<Opened> {
    std::fs::create_dir_all(data).with_context(|| format!("make the data folder {}", data.display()))?;
    let lock = File::create(data.join("lock")).context("make the lock file")?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => bail!("another payment-mock uses {}", data.display()),
        Err(TryLockError::Error(error)) => return Err(error).context("lock the data folder"),
    }
    let options = SqliteConnectOptions::new()
        .filename(data.join("payments.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        // A checkpoint per 16 MiB of log instead of per 4: fewer flushes under load.
        .pragma("wal_autocheckpoint", "4096")
        .pragma("cache_size", "-32768")
        .busy_timeout(Duration::from_secs(5));
    let mut conn = SqliteConnection::connect_with(&options).await.context("open the store")?;
    sqlx::raw_sql(SCHEMA).execute(&mut conn).await.context("make the tables")?;
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .connect_with(options.pragma("query_only", "on"))
        .await
        .context("open the readers")?;
    Ok(Opened { conn, reads: Reads::new(readers), lock })
}
