//! One event on this node: its board, its sockets, and who waits for news of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use contracts::places::Seq;
use store::feed::{Change, Record};
use store::mirror::EventMirror;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::board::Board;
use crate::estimates::Estimates;
use crate::heads::Heads;
use crate::odds::Outlook;
use crate::seats::LiveSeats;
use crate::slot::Slot;
use crate::slots::Slots;

/// One event on this node. Where both locks are taken, the board's comes first.
#[derive(Debug)]
pub struct Room {
    /// The event.
    pub event: Uuid,
    /// Nothing until the first snapshot.
    board: RwLock<Option<Board>>,
    slots: Mutex<Slots>,
    /// Moves with every change of the board.
    news: watch::Sender<()>,
    /// Rung when many sockets are due at once.
    pub sweep: Notify,
    /// Cancelled when the event is followed no longer.
    pub over: CancellationToken,
    /// Whether following was tried once and did not fail for want of a store.
    settled: AtomicBool,
    estimates: Arc<Estimates>,
    /// What remains of the event at a fan's turn.
    pub outlook: Outlook,
    /// The newest heads of its sales' logs.
    pub heads: Heads,
    /// Which seats can be had, where fans pick them.
    pub seats: LiveSeats,
}

/// What a node must have seen before it answers about a place.
#[derive(Debug, Clone, Copy)]
pub struct Need {
    /// The place's sale.
    pub sale: Uuid,
    /// The place's entry.
    pub entry: i64,
    /// What the asker has seen.
    pub seq: Seq,
}

impl Room {
    /// A room for an event that is followed until `over`.
    pub fn new(event: Uuid, estimates: Arc<Estimates>, over: CancellationToken) -> Self {
        Self {
            event,
            board: RwLock::new(None),
            slots: Mutex::default(),
            news: watch::Sender::new(()),
            sweep: Notify::new(),
            over,
            settled: AtomicBool::new(false),
            estimates,
            outlook: Outlook::default(),
            heads: Heads::default(),
            seats: LiveSeats::default(),
        }
    }

    /// Reads the board, if there is one yet.
    pub fn read<R>(&self, read: impl FnOnce(&Board) -> R) -> Option<R> {
        self.board.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(read)
    }

    /// The sockets, locked: for moments only.
    pub fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this event is known here, or known not to be readable.
    pub fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Acquire)
    }

    /// Following failed for a reason that waiting will not mend.
    pub fn settle(&self) {
        self.settled.store(true, Ordering::Release);
    }

    /// Takes a snapshot.
    pub fn load(&self, mirror: EventMirror, now_ms: i64) {
        {
            let mut board = self.board.write().unwrap_or_else(PoisonError::into_inner);
            match &mut *board {
                Some(board) => board.reload(mirror, now_ms),
                none => *none = Some(Board::new(mirror, now_ms)),
            }
        }
        self.settle();
        self.news.send_replace(());
        self.sweep.notify_one();
    }

    /// Takes what the follower applied, and rings at the sockets that it concerns. Answers when the next sale opens or closes
    /// by itself.
    pub fn keep_up(&self, original: &EventMirror, records: &[Record], now_ms: i64) -> Option<i64> {
        let mut rung: Vec<Arc<Slot>> = Vec::new();
        let (turned, next) = {
            let mut guard = self.board.write().unwrap_or_else(PoisonError::into_inner);
            let board = guard.as_mut()?;
            let clocks = clocks(&board.mirror);
            board.keep_up(original, records);
            let moved = self::clocks(&board.mirror);
            let moved = |sale: Uuid| clocks.get(&sale) != moved.get(&sale);
            // Marked before anybody can read the change, so that no frame tells it as if nothing had been decided.
            let slots = self.slots();
            for record in records {
                for change in &record.changes {
                    if let Change::Admitted { entries, .. } = change {
                        // Of several pages of a place one is asked.
                        for slot in entries.iter().filter_map(|entry| slots.at(record.lane.scope, *entry).first()) {
                            self.estimates.note(slot.sale, slot.telling().let_in(now_ms));
                        }
                    }
                    if let Change::Wished { entry } = change {
                        self.outlook.unlearn(record.lane.scope, *entry);
                    }
                    each_place(record, change, &board.mirror, moved, |sale, entry| {
                        for slot in slots.at(sale, entry) {
                            slot.mark_own(record.at_ms);
                            rung.push(slot.clone());
                        }
                    });
                }
            }
            (board.beat(now_ms), board.next_boundary_ms(now_ms))
        };
        for slot in rung {
            slot.bell.notify_one();
        }
        if turned {
            self.sweep.notify_one();
        }
        // Also without records: a sale may have come.
        self.news.send_replace(());
        next
    }

    /// Waits until the board has seen what is needed.
    pub async fn covers(&self, need: &Need) {
        let mut news = self.news.subscribe();
        while !self.read(|board| need.is_met(board)).unwrap_or(false) {
            // The sender lives as long as the room.
            let _moved = news.changed().await;
        }
    }
}

impl Need {
    fn is_met(&self, board: &Board) -> bool {
        board.mirror.sales.get(&self.sale).is_some_and(|sale| {
            let seen = Seq { joins: sale.joins, pace: sale.pace, seats: board.mirror.seats };
            sale.order.last() >= self.entry && seen.covers(&self.seq)
        })
    }
}

/// How far behind each sale's clock is, and whether it stands.
fn clocks(mirror: &EventMirror) -> HashMap<Uuid, (i64, bool)> {
    mirror.sales.iter().map(|(id, sale)| (*id, (sale.now.clock_lag_ms, sale.now.frozen.is_some()))).collect()
}

/// Calls `tell` for each place that a change concerns; `moved` says of which sales the clock is another one now.
fn each_place(
    record: &Record,
    change: &Change,
    mirror: &EventMirror,
    moved: impl Fn(Uuid) -> bool,
    mut tell: impl FnMut(Uuid, i64),
) {
    match change {
        // Newcomers have no socket yet, and sales are told by their turn.
        Change::Joined { .. } | Change::Drawn { .. } | Change::Blocked { .. } | Change::Unblocked { .. } => {}
        Change::Sale(_) if !moved(record.lane.scope) => {}
        // Whose time runs is told at once: who holds seats, and who looks for some.
        Change::Sale(_) => {
            for hold in mirror.holds.values().filter(|hold| hold.sale == record.lane.scope) {
                tell(hold.sale, hold.entry);
            }
            let told = mirror.sales.get(&record.lane.scope).into_iter().flat_map(|sale| &sale.told);
            for (entry, _) in told.filter(|(_, told)| told.shops_until_ms.is_some()) {
                tell(record.lane.scope, *entry);
            }
        }
        Change::Admitted { entries, .. } | Change::Skipped { entries } => {
            for entry in entries {
                tell(record.lane.scope, *entry);
            }
        }
        Change::Left { entry, .. }
        | Change::Put { entry, .. }
        | Change::TakenOver { entry, .. }
        | Change::Wished { entry } => {
            tell(record.lane.scope, *entry);
        }
        Change::Held(hold) => tell(hold.sale, hold.entry),
        Change::Moved { booking, .. } => {
            // A hold that ended in the same batch is told by its end.
            if let Some(hold) = mirror.holds.get(booking) {
                tell(hold.sale, hold.entry);
            }
        }
        Change::Ended { sale, entry, .. }
        | Change::ExchangeAsked { sale, entry, .. }
        | Change::NotExchanged { sale, entry, .. }
        | Change::Exchanged { sale, entry, .. }
        | Change::Gathers { sale, entry, .. }
        | Change::Asked { sale, entry, .. }
        | Change::Idle { sale, entry }
        | Change::Unserved { sale, entry } => tell(*sale, *entry),
    }
}
