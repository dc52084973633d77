//! The one writer: takes what has queued up while the last transaction ran, and commits it as one.
//!
//! A single writer needs no locks, makes identifiers grow, and amortises the cost of a commit. An
//! operation that finds it idle is committed alone and at once; under load the batch grows by
//! itself. Waiting for more company was measured, and made every number worse.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use anyhow::Context as _;
use chassis::clock::Clock;
use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::{Notify, mpsc, oneshot};

use super::batch::{self, Kept, StoreError};
use crate::desk::{Desk, Endpoint, Op, Reply, Rules};
use crate::error::ApiError;
use crate::ids::{Minter, minted_ms};

/// Operations in one transaction.
const BATCH: usize = 512;
/// Operations waiting; beyond it callers are told 429.
const WAITING: usize = 8_192;
/// Intents that wake within this time are announced; the timer finds the rest by itself.
const ANNOUNCE_MS: i64 = 1_500;

/// An idempotency key with its owner, and what it was first used for.
#[derive(Debug, Clone)]
pub struct Key {
    /// Who ‖ the caller's key.
    pub scoped: String,
    /// The key as the caller wrote it, for events to tell.
    pub plain: String,
    /// Of path and parameters.
    pub hash: String,
}

/// An operation on its way to the writer.
#[derive(Debug)]
pub struct Job {
    op: Op,
    key: Option<Key>,
    answer: oneshot::Sender<Reply>,
}

/// A value that one task writes and others read.
pub type Cell<T> = Arc<RwLock<T>>;

/// Bells that the writer rings after a commit.
#[derive(Debug, Clone, Default)]
pub struct Nudges {
    /// There are new deliveries.
    pub deliveries: Arc<Notify>,
    /// An intent wakes soon.
    pub timers: Arc<Notify>,
}

/// The way to the writer.
#[derive(Debug, Clone)]
pub struct Ledger(mpsc::Sender<Job>);

impl Ledger {
    /// Has an operation carried out, and answers when it is committed.
    pub async fn ask(&self, op: Op, key: Option<Key>) -> Reply {
        let (answer, answered) = oneshot::channel();
        match self.0.try_send(Job { op, key, answer }) {
            Ok(()) => answered.await.unwrap_or_else(|_| Reply::from(&ApiError::internal())),
            Err(mpsc::error::TrySendError::Full(_)) => Reply::from(&ApiError::rate_limited()),
            Err(mpsc::error::TrySendError::Closed(_)) => Reply::from(&ApiError::outage()),
        }
    }
}

/// The writer, before it runs.
#[derive(Debug)]
pub struct Writer {
    conn: SqliteConnection,
    jobs: mpsc::Receiver<Job>,
    clock: Clock,
    rules: Rules,
    minter: Minter,
    endpoints: Cell<Vec<Endpoint>>,
    nudges: Nudges,
}

impl Writer {
    /// A writer on this connection, and the way to it.
    pub async fn new(
        mut conn: SqliteConnection,
        clock: Clock,
        rules: Rules,
        nudges: Nudges,
    ) -> anyhow::Result<(Self, Ledger, Cell<Vec<Endpoint>>)> {
        let newest = batch::newest_ids(&mut conn).await?;
        let floor_ms = newest.iter().filter_map(|id| minted_ms(id)).max().unwrap_or(0);
        let endpoints = Arc::new(RwLock::new(batch::endpoints(&mut conn).await?));
        let (sender, jobs) = mpsc::channel(WAITING);
        let minter = Minter::above(floor_ms);
        let writer = Self { conn, jobs, clock, rules, minter, endpoints: Arc::clone(&endpoints), nudges };
        Ok((writer, Ledger(sender), endpoints))
    }

    /// Commits until every [`Ledger`] is gone, then closes the store. So it outlives, by itself,
    /// whoever could still ask.
    pub async fn run(mut self) -> anyhow::Result<()> {
        let mut jobs = Vec::with_capacity(BATCH);
        while self.jobs.recv_many(&mut jobs, BATCH).await > 0 {
            self.commit(&mut jobs).await;
        }
        self.conn.close().await.context("close the store")
    }

    /// Commits a batch and only then answers it.
    async fn commit(&mut self, jobs: &mut Vec<Job>) {
        let batch = std::mem::take(jobs);
        let mut answers = Vec::with_capacity(batch.len());
        let replies = match self.transact(batch, &mut answers).await {
            Ok(replies) => replies,
            Err(error) => {
                tracing::error!(%error, operations = answers.len(), "a batch was not committed");
                return; // Dropping the senders answers 500: nothing happened, nothing is kept.
            }
        };
        for (answer, reply) in answers.into_iter().zip(replies) {
            // A caller that has hung up finds the outcome under its key.
            let _ = answer.send(reply);
        }
        jobs.reserve(BATCH);
    }

    async fn transact(
        &mut self,
        batch: Vec<Job>,
        answers: &mut Vec<oneshot::Sender<Reply>>,
    ) -> Result<Vec<Reply>, StoreError> {
        let mut tx = self.conn.begin_with("BEGIN IMMEDIATE").await?;
        let keys: Vec<&str> = batch.iter().filter_map(|job| Some(job.key.as_ref()?.scoped.as_str())).collect();
        let mut kept = batch::kept(&mut tx, &keys).await?;
        let ids: Vec<&str> = batch.iter().filter_map(|job| job.op.intent()).collect();
        let loaded = batch::intents(&mut tx, &ids).await?;

        let endpoints = self.endpoints.read().expect("nobody panics while holding it").clone();
        let mut desk = Desk::new(&self.rules, self.clock.now_ms(), &mut self.minter, endpoints, loaded);
        let mut fresh: HashMap<String, Kept> = HashMap::new();
        let mut replies = Vec::with_capacity(batch.len());
        for Job { op, key, answer } in batch {
            answers.push(answer);
            let Some(key) = key else {
                replies.push(desk.carry_out(op, None));
                continue;
            };
            if let Some(earlier) = kept.get(&key.scoped) {
                replies.push(replay(earlier, &key));
                continue;
            }
            let reply = desk.carry_out(op, Some(&key.plain));
            if reply.begun {
                let answer = Kept { hash: key.hash, status: reply.status, body: reply.body.clone() };
                kept.insert(key.scoped.clone(), answer.clone());
                fresh.insert(key.scoped, answer);
            }
            replies.push(reply);
        }
        batch::save(&mut tx, &desk, &fresh).await?;
        tx.commit().await?;

        if !desk.deliveries.is_empty() || desk.settled.iter().any(|settled| settled.retry_at_ms.is_some()) {
            self.nudges.deliveries.notify_one();
        }
        if desk.earliest_due_ms().is_some_and(|due_ms| due_ms < desk.now_ms + ANNOUNCE_MS) {
            self.nudges.timers.notify_one();
        }
        if desk.endpoints_changed {
            *self.endpoints.write().expect("nobody panics while holding it") = desk.endpoints;
        }
        Ok(replies)
    }
}

/// The earlier answer, if the same was asked.
fn replay(earlier: &Kept, key: &Key) -> Reply {
    if earlier.hash != key.hash {
        return Reply::from(&ApiError::key_reused());
    }
    Reply { status: earlier.status, body: earlier.body.clone(), begun: true, replayed: true, after_ms: 0 }
}
