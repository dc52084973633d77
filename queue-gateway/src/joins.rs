//! Joins in groups: one batcher per sale takes what came within a millisecond or two and places it in one transaction. The
//! replies go out after the commit, so what a fan is told is durable.

mod batcher;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use chassis::tasks::{TaskKind, Tasks};
use domain::draw::{AcknowledgedBatch, Signer};
use metrics::{Gauge, counter, gauge};
use store::Store;
use store::entry::{EntryRefusal, SecretHash};
use store::joins::{JoinAsk, PlaceRow};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::config::JoinConfig;
use crate::entry_keys::EntryKeys;
use crate::metrics::{JOINS, JOINS_WAITING};

/// What came of one join.
#[derive(Debug, Clone)]
pub enum JoinAnswer {
    /// The fan has this place.
    Placed {
        /// The place.
        place: PlaceRow,
        /// Whether it was given just now.
        new: bool,
        /// The joins lane's version behind it.
        version: i64,
        /// The signed batch that it is in, if the lobby of its sale is open and will be drawn.
        acknowledged: Option<Arc<AcknowledgedBatch>>,
    },
    /// The sale opens later.
    NotOpenYet {
        /// When.
        opens_at_ms: i64,
    },
    /// Its numbers are drawn from the lobby alone, which is closed.
    LobbyClosed,
    /// Its window is over.
    Closed,
    /// Every seat is sold.
    SoldOut,
    /// An operator has stopped the sale for now.
    Stopped {
        /// Why, for the fan.
        reason: String,
    },
    /// The fan brought no code or invitation that lets them in.
    NotEntitled(EntryRefusal),
    /// There is no such sale.
    NoSale,
    /// Too many wait already.
    Full,
    /// The store is away; nobody knows of this join, or its answer was lost.
    Away,
    /// A fault of ours.
    Broken,
}

/// One join, waiting for its group.
struct Waiting {
    ask: JoinAsk,
    code: Option<SecretHash>,
    reply: oneshot::Sender<JoinAnswer>,
    _counted: Counted,
}

/// Counts a waiting join for as long as it waits, however that ends.
struct Counted(Gauge);

impl Counted {
    fn new(gauge: Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// The batchers of all sales.
pub struct Joins {
    store: Store,
    config: JoinConfig,
    keys: Arc<EntryKeys>,
    signer: Signer,
    /// One queue per sale with joins. A batcher takes its own away when it ends, so a closed one is soon replaced.
    queues: RwLock<HashMap<Uuid, mpsc::Sender<Waiting>>>,
    /// Set when the process runs; before that nobody is placed.
    tasks: OnceLock<Tasks>,
    waiting: Gauge,
}

impl Joins {
    /// Lobbies' entries are acknowledged by `signer`.
    pub fn new(store: Store, config: JoinConfig, keys: Arc<EntryKeys>, signer: Signer) -> Self {
        let (queues, tasks, waiting) = (RwLock::default(), OnceLock::new(), gauge!(JOINS_WAITING));
        Self { store, config, keys, signer, queues, tasks, waiting }
    }

    /// From now on batchers run, as tasks of the process.
    pub fn run(&self, tasks: &Tasks) {
        // Only the first set of tasks counts: batchers belong to one process.
        drop(self.tasks.set(tasks.clone()));
    }

    /// Asks for a place and waits for the answer. Who stops waiting keeps the place, and may ask again for it.
    pub async fn join(self: &Arc<Self>, sale: Uuid, ask: JoinAsk, code: Option<SecretHash>) -> JoinAnswer {
        let (reply, answer) = oneshot::channel();
        let mut waiting = Waiting { ask, code, reply, _counted: Counted::new(self.waiting.clone()) };
        // A batcher may end between finding its queue and writing to it; a second one in a row would be bad luck.
        for _ in 0..3 {
            let Some(queue) = self.queue(sale) else { break };
            match queue.try_send(waiting) {
                Ok(()) => return answer.await.unwrap_or(JoinAnswer::Away),
                Err(TrySendError::Full(_)) => break,
                Err(TrySendError::Closed(back)) => {
                    self.forget(sale, &queue);
                    waiting = back;
                }
            }
        }
        counter!(JOINS, "outcome" => "queue_full").increment(1);
        JoinAnswer::Full
    }

    /// The sale's queue, with a batcher behind it; nothing when there are too many, or the process does not run.
    fn queue(self: &Arc<Self>, sale: Uuid) -> Option<mpsc::Sender<Waiting>> {
        if let Some(queue) = self.queues.read().unwrap_or_else(PoisonError::into_inner).get(&sale) {
            return Some(queue.clone());
        }
        let tasks = self.tasks.get()?;
        let mut queues = self.queues.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(&sale) {
            return Some(queue.clone());
        }
        if queues.len() >= self.config.sales_max {
            return None;
        }
        let (queue, waiting) = mpsc::channel(self.config.queue_max);
        queues.insert(sale, queue.clone());
        tasks.spawn(TaskKind::Job, "join-batcher", batcher::run(Arc::clone(self), sale, waiting, tasks.soft()));
        Some(queue)
    }

    fn forget(&self, sale: Uuid, ended: &mpsc::Sender<Waiting>) {
        let mut queues = self.queues.write().unwrap_or_else(PoisonError::into_inner);
        if queues.get(&sale).is_some_and(|queue| queue.same_channel(ended)) {
            queues.remove(&sale);
        }
    }

    fn forget_closed(&self, sale: Uuid) {
        let mut queues = self.queues.write().unwrap_or_else(PoisonError::into_inner);
        if queues.get(&sale).is_some_and(mpsc::Sender::is_closed) {
            queues.remove(&sale);
        }
    }
}
