//! All that is known of a sale from outside.

use std::collections::HashMap;

use contracts::ids::EventId;

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
    /// The pace.
    pub rate_per_minute: u32,
    /// When the sale opened.
    pub opens_at_ms: i64,
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
