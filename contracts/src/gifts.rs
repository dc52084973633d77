//! Complimentary tickets: blocked seats that the promoter gives to somebody by name.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::bookings::Ticket;
use crate::ids::{BlockId, EventId, GiftId};

/// `POST /v1/events/{event}/gifts`: makes tickets of blocked seats, without payment, all or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GiveTickets {
    /// The block that keeps the seats.
    pub block_id: BlockId,
    /// Which, by the numbers that `GET …/blocks` tells: 1 to 100.
    pub seats: Vec<u32>,
    /// Whose they are, 1 to 200 characters.
    pub name: String,
    /// Where they go: with it and the reference they are found.
    pub email: String,
    /// Why, for the audit log; at most 500 characters.
    #[serde(default)]
    pub reason: String,
}

/// `POST /v1/gifts/{gift}/revoke`: its tickets are not valid any more, and told so wherever they are shown; the seats stay blocked. The
/// codes stay genuine: who checks only signatures at the gate must be told of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeGift {
    /// Why, for the audit log; 1 to 500 characters.
    pub reason: String,
}

/// Tickets without payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Gift {
    /// Its identifier.
    pub gift_id: GiftId,
    /// The event.
    pub event_id: EventId,
    /// The short code to find it again, with the e-mail address.
    pub reference: String,
    /// Whose it is.
    pub name: String,
    /// Where the tickets go.
    pub email: String,
    /// When it was made, in milliseconds since 1970.
    pub made_at_ms: i64,
    /// Who made it, by their e-mail address; for the event's promoters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When it was revoked, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at_ms: Option<i64>,
    /// What people read of its seats, in order.
    pub seats: Vec<String>,
    /// The tickets, for whom they were given to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tickets: Vec<Ticket>,
}

/// `GET /v1/events/{event}/gifts`: a page of them, newest first, without the tickets; ask again after its last one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Gifts {
    /// The gifts.
    pub gifts: Vec<Gift>,
}
