//! All of this node: its rooms, how many sockets each fan has, and what every part needs.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use chassis::clock::Clock;
use chassis::sockets::Sockets;
use contracts::papers::{Papers, Receipt};
use contracts::places::Seq;
use metrics::gauge;
use store::Store;
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use crate::board::Board;
use crate::config::Config;
use crate::estimates::Estimates;
use crate::metrics::{LISTENING, Meters};
use crate::presence::Presence;
use crate::room::{Need, Room};
use crate::slot::{Farewell, Slot};

/// All of this node.
#[derive(Debug)]
pub struct Hub {
    /// The role's settings.
    pub config: Config,
    /// The doors to the stores.
    pub store: Store,
    /// Opens receipts.
    pub papers: Papers,
    /// The time.
    pub clock: Clock,
    /// Counts sockets, and says when they must close.
    pub sockets: Sockets,
    /// Handles of metrics.
    pub meters: Meters,
    /// Where signs of life go.
    pub presence: Presence,
    /// How well the waits told were kept.
    pub estimates: Arc<Estimates>,
    rooms: RwLock<HashMap<Uuid, Arc<Room>>>,
    /// Counts finished looks for events to follow.
    pub looks: watch::Sender<u64>,
    fans: Mutex<HashMap<Uuid, Vec<Arc<Slot>>>>,
}

/// What came of asking for a place's event.
#[derive(Debug)]
pub enum Found {
    /// Here, and it has seen what was asked for.
    Room(Arc<Room>),
    /// The event is not followed: it is long over.
    NotFollowed,
    /// This node is behind, or the store is away.
    Behind,
}

impl Hub {
    /// A node without rooms.
    pub fn new(config: Config, store: Store, papers: Papers, clock: Clock, sockets: Sockets) -> Self {
        let node = chassis::ids::new(&clock);
        Self {
            config,
            store,
            papers,
            clock,
            sockets,
            meters: Meters::install(),
            presence: Presence::new(),
            estimates: Arc::new(Estimates::new(node)),
            rooms: RwLock::default(),
            looks: watch::Sender::new(0),
            fans: Mutex::default(),
        }
    }

    /// Monotonic milliseconds, never 0, which means "never" in slots.
    pub fn monotonic_ms(&self) -> u64 {
        self.clock.monotonic_ms().max(1)
    }

    /// An event's room.
    pub fn room(&self, event: Uuid) -> Option<Arc<Room>> {
        self.rooms.read().unwrap_or_else(PoisonError::into_inner).get(&event).cloned()
    }

    /// All rooms.
    pub fn rooms(&self) -> Vec<Arc<Room>> {
        self.rooms.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Changes which rooms there are.
    pub fn with_rooms<R>(&self, change: impl FnOnce(&mut HashMap<Uuid, Arc<Room>>) -> R) -> R {
        change(&mut self.rooms.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// The fan of this receipt gave a sign of life.
    pub fn heard(&self, Receipt { event, sale, entry, fan, .. }: &Receipt) {
        self.note(self.room(*event).as_ref(), *event, (*sale, *entry), *fan);
    }

    /// A sign of life of a fan says nothing of a place that went over to another one.
    fn note(&self, room: Option<&Arc<Room>>, event: Uuid, (sale, entry): (Uuid, i64), fan: Uuid) {
        let is_theirs = |board: &Board| board.mirror.sales.get(&sale).is_none_or(|sale| sale.is_with(entry, fan));
        if room.is_none_or(|room| room.read(is_theirs).unwrap_or(true)) {
            self.presence.note(event, sale, vec![entry]);
        }
    }

    /// Whether every event that should be followed is known here.
    pub fn caught_up(&self) -> bool {
        *self.looks.borrow() > 0 && self.rooms().iter().all(|room| room.is_settled())
    }

    /// The room of a receipt's event, once it has seen all that the asker and the receipt have. Versions survive the rebuilds
    /// that epochs count, so they alone decide.
    pub async fn find(&self, receipt: &Receipt, seen: Option<Seq>) -> Found {
        let until = Instant::now() + Duration::from_millis(self.config.cover_wait_ms);
        let seen = seen.unwrap_or_default();
        let seq = Seq { joins: seen.joins.max(receipt.joins), ..seen };
        let need = Need { sale: receipt.sale, entry: receipt.entry, seq };
        let mut looks = self.looks.subscribe();
        let at_first = *looks.borrow_and_update();
        loop {
            if let Some(room) = self.room(receipt.event) {
                let covered = tokio::time::timeout_at(until, room.covers(&need)).await.is_ok();
                return if covered { Found::Room(room) } else { Found::Behind };
            }
            // The look after the next began after we were asked, so what it does not find does not run.
            if *looks.borrow() >= at_first + 2 {
                return Found::NotFollowed;
            }
            if tokio::time::timeout_at(until, looks.changed()).await.is_err() {
                return Found::Behind;
            }
        }
    }

    /// A socket that has said hello comes in. A fan's oldest goes where there are too many.
    pub fn enter(self: &Arc<Self>, room: &Arc<Room>, slot: Slot) -> Entered {
        let slot = Arc::new(slot);
        room.slots().enter(&slot);
        gauge!(LISTENING).increment(1);
        let mut fans = self.fans.lock().unwrap_or_else(PoisonError::into_inner);
        let own = fans.entry(slot.fan).or_insert_with(|| Vec::with_capacity(1));
        own.push(slot.clone());
        if own.len() > self.config.sockets_per_fan {
            own.remove(0).dismiss(Farewell::Limited);
        }
        drop(fans);
        Entered { hub: self.clone(), room: room.clone(), slot }
    }
}

/// A socket in its room, until dropped.
#[derive(Debug)]
pub struct Entered {
    /// The node.
    pub hub: Arc<Hub>,
    /// The event.
    pub room: Arc<Room>,
    /// The socket.
    pub slot: Arc<Slot>,
}

impl Entered {
    /// The client gave a sign of life.
    pub fn heard(&self) {
        self.slot.heard_ms.store(self.hub.monotonic_ms(), Ordering::Relaxed);
        let slot = &self.slot;
        self.hub.note(Some(&self.room), self.room.event, (slot.sale, slot.entry), slot.fan);
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.room.slots().leave(&self.slot);
        gauge!(LISTENING).decrement(1);
        let mut fans = self.hub.fans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = fans.get_mut(&self.slot.fan) {
            own.retain(|other| !Arc::ptr_eq(other, &self.slot));
            if own.is_empty() {
                fans.remove(&self.slot.fan);
            }
        }
    }
}
