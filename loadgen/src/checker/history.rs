//! All that is known of a sale from outside.

use std::collections::HashMap;

use contracts::ids::EventId;
use contracts::log::ToldHead;

use crate::api::provider::Intent;
use crate::crowd::Story;

/// All that is known of a sale from outside.
#[derive(Debug, Clone)]
pub struct History {
    /// What was set up.
    pub facts: Facts,
    /// What fans saw.
    pub stories: Vec<Story>,
    /// What was broken on purpose, and when.
    pub faults: Vec<Fault>,
    /// What the payment provider says, by intent.
    pub intents: HashMap<String, Intent>,
    /// The key that verifies ticket codes.
    pub ticket_key: Vec<u8>,
}

/// What was set up.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The event.
    pub event: EventId,
    /// Seats and standing places.
    pub capacity: u32,
    /// Whether fans pick their seats.
    pub picks: bool,
    /// The paces, in order; the first from the beginning.
    pub paces: Vec<Pace>,
    /// The numbers that the draw gave, by entry, as it was published. Who came later has their entry as number.
    pub numbers: HashMap<i64, i64>,
    /// The heads of the sale's log, by their numbers, as they were published when all was over.
    pub heads: HashMap<i64, ToldHead>,
}

/// A pace that an operator set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// When it was asked for.
    pub asked_ms: i64,
    /// When the server said that it is in force; both by the server's clock.
    pub by_ms: i64,
    /// Admissions in any 60 seconds; 0 while paused.
    pub per_minute: u32,
}

/// A change of the pace must be felt within this.
pub const EFFECT_MS: i64 = 1_000;

impl Facts {
    /// The most that may have been in force at this moment.
    #[must_use]
    pub fn most_per_minute(&self, at_ms: i64) -> u32 {
        let ends = self.paces.iter().skip(1).map(|next| next.by_ms + EFFECT_MS).chain([i64::MAX]);
        let in_force = self.paces.iter().zip(ends).filter(|(pace, end)| (pace.asked_ms..=*end).contains(&at_ms));
        in_force.map(|(pace, _)| pace.per_minute).max().unwrap_or(0)
    }

    /// The number of an entry: smaller goes first.
    #[must_use]
    pub fn number(&self, entry: i64) -> i64 {
        self.numbers.get(&entry).copied().unwrap_or(entry)
    }
}

/// Something broken on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What.
    pub what: String,
    /// When it broke.
    pub from_ms: i64,
    /// When it was whole again.
    pub back_ms: i64,
}

/// How long after a fault's end everything must be as if it had not been.
pub const RECOVERY_MS: i64 = 10_000;

impl History {
    /// Whether a fault, or the recovery from it, touches this span.
    #[must_use]
    pub fn disturbed(&self, from_ms: i64, to_ms: i64) -> bool {
        self.faults.iter().any(|fault| fault.from_ms - 500 <= to_ms && from_ms <= fault.back_ms + RECOVERY_MS)
    }
}
