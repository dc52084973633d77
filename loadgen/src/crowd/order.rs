//! What a crowd is told: where, how many, how they behave. It travels to the crowd's processes as JSON.

use contracts::ids::{EventId, SaleId};
use serde::{Deserialize, Serialize};

use super::plan::Twist;

/// What a crowd is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CrowdOrder {
    /// The API: `http://127.0.0.1:8080`.
    pub base: String,
    /// The sale they come for.
    pub sale: SaleId,
    /// Its event.
    pub event: EventId,
    /// Whether they pick their seats themselves.
    #[serde(default)]
    pub picks: bool,
    /// The tiers they may wish for.
    pub tiers: Vec<String>,
    /// Decides every character.
    pub seed: u64,
    /// The first fan's number; numbers are unique across the crowd's processes.
    pub first: u32,
    /// How many fans.
    pub count: u32,
    /// When the sale opens.
    pub opens_at_ms: i64,
    /// When everybody goes home, whatever happened.
    pub until_ms: i64,
    /// The sale's hold time.
    pub hold_ttl_ms: i64,
    /// The sale's presence window.
    pub presence_ms: i64,
    /// The sale's grace for absent fans.
    pub grace_ms: i64,
    /// How people come and how long they think.
    pub manner: Manner,
}

/// How people come and how long they think.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manner {
    /// The share, in percent, who come for the opening.
    pub at_opening_percent: u32,
    /// From when to when they come, in milliseconds from the opening; before it, they come into the lobby.
    pub opening_ms: (i64, i64),
    /// How the others spread over the time after the opening, in milliseconds.
    pub later_spread_ms: u64,
    /// How long a fan looks at the seats before paying, in milliseconds.
    pub think_ms: (u64, u64),
    /// Whether those whose place ended without tickets may come again.
    pub rejoin: bool,
    /// Everybody comes alone, wants any seat, and does this: for benches.
    #[serde(default)]
    pub alike: Option<Twist>,
    /// Whether everybody looks up their place and booking at the end, for the checker.
    pub look_back: bool,
}
