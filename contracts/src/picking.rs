//! Picking seats on the live map, in sales where fans do that themselves.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::BookingId;
use crate::problem::Problem;

/// `PUT /v1/sales/{sale}/places/mine/seats`: the seats that the fan wants to hold from now on, all or none. What they held before and do
/// not name is free at once; if one of the new ones is gone, all stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PickSeats {
    /// By their ordinals in the seat map, distinct, at most as many as the party; none gives all back while the time goes on.
    pub seats: Vec<u32>,
}

/// What the fan holds now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PickedSeats {
    /// The booking around the hold; `GET /v1/bookings/{booking}` tells prices.
    pub booking_id: BookingId,
    /// By their ordinals, ascending.
    pub seats: Vec<u32>,
    /// When the hold ends unless paid: set with the first seat, and not moved by picking others.
    pub deadline_ms: i64,
    /// The server's clock when this was answered.
    pub server_now_ms: i64,
}

/// 409 `seats-taken`: somebody else has some of the seats; nothing has changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SeatsTaken {
    /// What went wrong, as in every problem document.
    #[serde(flatten)]
    pub problem: Problem,
    /// Those of the seats asked for that cannot be had.
    pub taken: Vec<u32>,
    /// As many seats as were asked for, as near to them as there are some, that were free just now; empty if there are none.
    pub nearest: Vec<u32>,
}

/// `GET /v1/events/{event}/taken-seats?after=`: which seats cannot be had, as of a version of the event's seats lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum TakenSeats {
    /// What changed since the version asked for, where that is not long ago.
    Since(SeatsMoved),
    /// All of them.
    All(SeatsNow),
}

/// The state of every seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeatsNow {
    /// The version of the seats lane that this is as of.
    pub version: i64,
    /// How many seats there are.
    pub capacity: u32,
    /// One bit per seat, by ordinal, the lowest bit of a byte first; 1 is taken. Base64, standard alphabet, padded.
    pub bits: String,
}

impl SeatsNow {
    /// The bits; nothing if they are no base64.
    #[must_use]
    pub fn taken(&self) -> Option<Vec<u8>> {
        B64.decode(&self.bits).ok()
    }

    /// With these bits.
    #[must_use]
    pub fn new(version: i64, capacity: u32, bits: &[u8]) -> Self {
        Self { version, capacity, bits: B64.encode(bits) }
    }
}

/// The seats touched between two versions, each with its state at the later one. It may be applied to any state between the two.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct SeatsMoved {
    /// It says nothing of what came before and at this version.
    pub after: i64,
    /// The version after it.
    pub upto: i64,
    /// Cannot be had any more, ascending.
    pub taken: Vec<u32>,
    /// Can be had again, ascending.
    pub freed: Vec<u32>,
}
