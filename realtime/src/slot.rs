//! One socket as the event's tasks see it: flags that say what is due, and a bell. Nothing is queued for a socket; whoever
//! rings sets a flag, and the socket itself reads the newest state when it can write.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use contracts::push::close;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::telling::Telling;

/// The place itself changed.
pub const OWN: u8 = 1;
/// The sale's state changed.
pub const SALE: u8 = 2;
/// The number of those ahead changed.
pub const AHEAD: u8 = 4;
/// Nothing was sent for a while.
pub const ALIVE: u8 = 8;
/// Nothing was heard for a while: ask the client's network stack, which answers even where pages sleep.
pub const PING: u8 = 16;

/// Seats moved in an event in which this fan picks some.
pub const SEATS: u8 = 32;

/// Why a socket closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Farewell {
    /// The client closed it or vanished.
    Gone = 1,
    /// The process stops.
    Away = 2,
    /// The place ended a while ago.
    Ended = 3,
    /// Too many sockets of one fan, or too many messages.
    Limited = 4,
    /// It could not take a frame for too long.
    Slow = 5,
    /// Nothing was heard for too long.
    Silent = 6,
    /// The process was told to drop everything.
    Dropped = 7,
}

impl Farewell {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Gone, Self::Away, Self::Ended, Self::Limited, Self::Slow, Self::Silent, Self::Dropped];

    /// As metrics name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Away => "away",
            Self::Ended => "ended",
            Self::Limited => "limited",
            Self::Slow => "slow",
            Self::Silent => "silent",
            Self::Dropped => "dropped",
        }
    }

    /// The close code, where one is sent.
    pub const fn code(self) -> Option<u16> {
        match self {
            Self::Gone | Self::Dropped => None,
            Self::Away => Some(close::GOING_AWAY),
            Self::Ended => Some(close::ENDED),
            Self::Limited => Some(close::LIMITED),
            // A client taken for dead that is not comes back at once, as a slow one does.
            Self::Slow | Self::Silent => Some(close::SLOW),
        }
    }
}

/// One socket that has said hello.
#[derive(Debug)]
pub struct Slot {
    /// The place's sale.
    pub sale: Uuid,
    /// The place's entry.
    pub entry: i64,
    /// The place's fan.
    pub fan: Uuid,
    /// Rung when something is due or the socket must close.
    pub bell: Notify,
    /// Where it is in the room's list, kept under the list's lock.
    pub index: AtomicUsize,
    /// Spreads sockets that were last told at the same moment: 0 to 255.
    pub phase: u8,
    due: AtomicU8,
    farewell: AtomicU8,
    changed_at_ms: AtomicI64,
    /// What it showed last. The times are monotonic, 0 for never.
    pub shown: Shown,
    telling: Mutex<Telling>,
    /// When the client was last heard.
    pub heard_ms: AtomicU64,
    /// When the client's network stack was last asked for a sign.
    pub asked_ms: AtomicU64,
    /// Since when a frame has been waiting to be taken.
    pub stuck_ms: AtomicU64,
}

/// What a socket showed last.
#[derive(Debug, Default)]
pub struct Shown {
    /// The number of those ahead; `u64::MAX` for none shown, as for places that left the line.
    pub ahead: AtomicU64,
    /// The sale's turn.
    pub turn: AtomicU64,
    /// When a frame was last handed over.
    pub sent_ms: AtomicU64,
    /// Since when it has shown a place that ended.
    pub over_ms: AtomicU64,
    /// Whether it said that nothing is left for this fan.
    pub sold_out: AtomicBool,
    /// The time of the announcement it showed; 0 for none.
    pub announced_ms: AtomicI64,
    /// The version of the seats lane up to which it was told which seats moved.
    pub seats: AtomicI64,
    /// The number of the newest head of the log that it was told; 0 for none.
    pub head_seq: AtomicI64,
}

impl Shown {
    /// Whether it said that nothing is left for this fan.
    pub fn sold_out(&self) -> bool {
        self.sold_out.load(Ordering::Relaxed)
    }
}

impl Slot {
    /// A socket at this place that was heard just now.
    pub fn new(sale: Uuid, entry: i64, fan: Uuid, telling: Telling, now_ms: u64) -> Self {
        Self {
            sale,
            entry,
            fan,
            bell: Notify::new(),
            index: AtomicUsize::new(0),
            phase: rand::random(),
            due: AtomicU8::new(0),
            farewell: AtomicU8::new(0),
            changed_at_ms: AtomicI64::new(0),
            shown: Shown::default(),
            telling: Mutex::new(telling),
            heard_ms: AtomicU64::new(now_ms),
            asked_ms: AtomicU64::new(0),
            stuck_ms: AtomicU64::new(0),
        }
    }

    /// What it was told of its wait, locked: for moments only.
    pub fn telling(&self) -> MutexGuard<'_, Telling> {
        self.telling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something is due. Ring afterwards.
    pub fn mark(&self, flag: u8) {
        self.due.fetch_or(flag, Ordering::AcqRel);
    }

    /// The place changed, by a decision of this moment. Ring afterwards.
    pub fn mark_own(&self, at_ms: i64) {
        self.changed_at_ms.fetch_max(at_ms, Ordering::AcqRel);
        self.mark(OWN);
    }

    /// Takes what is due.
    pub fn take_due(&self) -> u8 {
        self.due.swap(0, Ordering::AcqRel)
    }

    /// Takes the moment of the newest change of the place that was not told yet; 0 for none.
    pub fn take_changed_at(&self) -> i64 {
        self.changed_at_ms.swap(0, Ordering::AcqRel)
    }

    /// Closes the socket. Only the first reason counts.
    pub fn dismiss(&self, why: Farewell) {
        let _first = self.farewell.compare_exchange(0, why as u8, Ordering::AcqRel, Ordering::Acquire);
        self.bell.notify_one();
    }

    /// Drops the socket without a word, whatever was said before.
    pub fn drop_now(&self) {
        self.farewell.store(Farewell::Dropped as u8, Ordering::Release);
        self.bell.notify_one();
    }

    /// Why the socket must close, if it must.
    pub fn farewell(&self) -> Option<Farewell> {
        let why = self.farewell.load(Ordering::Acquire);
        Farewell::ALL.into_iter().find(|farewell| *farewell as u8 == why)
    }
}
