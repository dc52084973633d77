//! Joining a line and what a fan is told about their place, over HTTP and over the socket alike.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::{ChangeWishes, SecretCode};
use crate::announcements::Announcement;
use crate::bookings::ExchangeState;
use crate::draws::Acknowledgement;
use crate::ids::{BookingId, EventId, PlaceId, SaleId};
use crate::log::ToldHead;
use crate::problem::Problem;
use crate::sales::SaleState;

/// What a party wants, and what it would take instead.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wishes {
    /// Tier ids in question; empty means any.
    #[serde(default)]
    pub tiers: Vec<String>,
    /// Would take another tier when the wished ones cannot serve.
    #[serde(default)]
    pub other_tiers: bool,
    /// Would sit apart when there is nothing together.
    #[serde(default = "yes")]
    pub apart: bool,
    /// Would take fewer tickets when the party does not fit any more.
    #[serde(default)]
    pub fewer: bool,
    /// Needs a wheelchair place.
    #[serde(default)]
    pub accessible: bool,
}

const fn yes() -> bool {
    true
}

impl Wishes {
    /// The tiers in question as bits, by their index among an event's; 0 for any.
    ///
    /// # Errors
    /// When the event has no such tier.
    pub fn tier_bits(&self, tiers: &[String]) -> Result<u32, Problem> {
        let mut bits = 0;
        for wished in &self.tiers {
            let tier = tiers.iter().position(|tier| tier == wished);
            let bit = tier.and_then(|tier| 1_u32.checked_shl(tier as u32));
            bits |= bit.ok_or_else(|| {
                let wished: String = wished.chars().take(64).collect();
                Problem::invalid(format!("wishes.tiers: this event has no tier {wished:?}"))
            })?;
        }
        Ok(bits)
    }
}

/// `POST /v1/sales/{sale}/places`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// How many tickets: 1 to the sale's `party_max`.
    pub party: u8,
    /// What the party wants.
    #[serde(default)]
    pub wishes: Wishes,
    /// An access code, where the sale asks for one or gives those who have one a better class. Who has a place needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<SecretCode>,
}

/// The answer to a join: 201 for a new place, 200 for the one the fan already has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Joined {
    /// The place.
    pub place: Place,
    /// Our sealed note of it: enough, alone, to wait, be admitted and pay.
    pub receipt: String,
    /// Where to listen.
    pub listen: Listen,
    /// What the answering node had seen; sent with `hello` and polls so that no node answers with less.
    pub seq: Seq,
    /// In the answer to a join in an open lobby whose places are drawn: keep it, it proves that the entry must be in the roster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledgement: Option<Box<Acknowledgement>>,
}

/// Where a place's news come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Listen {
    /// The WebSocket's address; send `hello` with the receipt as the first message.
    pub socket: String,
    /// The same answers by polling, with `Authorization: Bearer {receipt}`.
    pub poll: String,
}

/// A place as the store has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Place {
    /// Its identifier.
    pub place_id: PlaceId,
    /// The sale it stands in.
    pub sale_id: SaleId,
    /// The sale's event.
    pub event_id: EventId,
    /// The count at which it came.
    pub entry: i64,
    /// How many tickets it wants.
    pub party: u8,
    /// What the party wants.
    #[serde(default)]
    pub wishes: Wishes,
    /// Where it is on its way.
    pub state: PlaceState,
    /// When it joined.
    pub joined_at_ms: i64,
    /// Its booking, once seats were held for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booking_id: Option<BookingId>,
}

/// Where a place is on its way. *Live* are `waiting`, `skipped`, `standing` and `holding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlaceState {
    /// In the line.
    Waiting,
    /// Passed over because the fan was absent; coming back makes it the next.
    Skipped,
    /// Admitted; fitting seats are being found.
    Standing,
    /// Seats are held for it, or being paid.
    Holding,
    /// Ended with tickets.
    Booked,
    /// Ended: the hold ran out unpaid.
    Lapsed,
    /// Ended: the fan gave the seats back.
    Released,
    /// Ended: the payment could not be completed; no money was kept.
    Failed,
    /// Ended: the fan left the line.
    Left,
    /// Ended: an operator took the place out of the line; its history says why.
    Removed,
    /// Ended: nothing that fits can still come free.
    SoldOut,
    /// Ended: the fan picked no seats while there was time to.
    Idle,
    /// Ended: the money went back.
    Refunded,
    /// Not this fan's any more: it went over to another one.
    Transferred,
}

/// The lanes' versions behind an answer. A later answer never has a smaller one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Seq {
    /// Of the sale's joins.
    pub joins: i64,
    /// Of the sale's pace: admissions, skips, departures, changes of rate and state.
    pub pace: i64,
    /// Of the event's seats: holds, ends, sales.
    pub seats: i64,
}

impl Seq {
    /// Whether a node at `self` has seen all that `other` had seen.
    #[must_use]
    pub const fn covers(&self, other: &Seq) -> bool {
        self.joins >= other.joins && self.pace >= other.pace && self.seats >= other.seats
    }
}

/// Everything a fan's page needs to draw itself, in one piece: pushed when it changes, polled alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct View {
    /// Where the place is on its way.
    pub state: PlaceState,
    /// How many live places stand before this one; 0 once admitted.
    pub ahead: u64,
    /// How many wait in all.
    pub waiting: u64,
    /// The expected wait as a range, or nothing where no honest one can be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// The chance that seats remain at the fan's turn, for each tier they wished for, or for all if they wished for none;
    /// empty where that is not known, and once admitted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chances: Vec<TierChance>,
    /// Whether nothing that this fan would take can come free any more, except by a refund.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sold_out_for_you: bool,
    /// What the sale is doing.
    pub sale: SaleState,
    /// Why it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_reason: Option<String>,
    /// What the organiser announces to everybody in the line. A socket is told each text once; a poll that names its `at_ms` as
    /// `announced` is not told it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announcement: Option<Announcement>,
    /// The newest signed head of the sale's log, to be compared with the published ones: a log that says otherwise was rewritten, or
    /// is shown differently to others. A socket is told it once, within the time in which any page hears something; a poll
    /// always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_head: Option<Box<ToldHead>>,
    /// Whether it is not paused but stopped: nobody joins either, until an operator starts it again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
    /// When the sale opens, while it has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens_at_ms: Option<i64>,
    /// The hold, while there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<HoldView>,
    /// Where fans pick their seats: until when a standing party may look for some. While the clock stands still it is as far ahead as
    /// there is time left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shops_until_ms: Option<i64>,
    /// Why that clock stands still, in the operator's words, while it does: the time to pick does not run out then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shops_frozen: Option<String>,
    /// Until when free seats are kept for a standing party that they alone do not fit, while held ones may come free too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_until_ms: Option<i64>,
    /// What a standing party is asked to take, when nothing that it wishes for can come free any more. Who agrees changes the
    /// wishes so that they allow it; who does not leaves, or lets the time pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<Box<Question>>,
    /// The booking that came of the place, also after it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booking_id: Option<BookingId>,
    /// When the change behind this view was committed; 0 where none is meant. For measuring the push.
    #[serde(default)]
    pub changed_at_ms: i64,
    /// The server's clock when this was sent. Pages count deadlines from here with a monotonic clock.
    pub server_now_ms: i64,
}

/// A range for the wait still ahead, in seconds: with about eight chances in ten it is in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Estimate {
    /// Hardly sooner.
    pub low_s: u32,
    /// Hardly later.
    pub high_s: u32,
    /// Why it is not what this page was told before, where it is not. Without this, nothing moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<EstimateChange>,
}

/// Why a range moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EstimateChange {
    /// An end came nearer, as the wait goes by.
    Sooner,
    /// It moved away: the line moves more slowly than was expected.
    Slower,
    /// The organiser set another pace.
    NewRate,
    /// The sale went on to another state.
    NewState,
    /// Somebody was put before this place.
    PutBefore,
}

/// The chance that a tier alone still has seats for this party at their turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TierChance {
    /// The tier's id.
    pub tier: String,
    /// 0 and 100 are certain; otherwise 5 ("at most") to 95 ("at least") in steps of five, rounded down.
    pub percent: u8,
}

/// `GET /v1/live/estimates?sale=`: how well the waits told in a sale were kept. Compared are the first range that an open page
/// was told and the one told once half of those ahead were gone, with the wait that followed; waits in which the sale's state
/// or pace was changed by hand, or the fan was away, are left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EstimateRecord {
    /// The sale.
    pub sale_id: SaleId,
    /// All of them.
    #[serde(flatten)]
    pub all: EstimateCounts,
    /// By how many were ahead when it was told, fewest first.
    pub by_ahead: Vec<EstimateBucket>,
}

/// Those with about as many ahead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EstimateBucket {
    /// Fewer than this were ahead, and not fewer than the bucket before says; nothing for the last, which is open.
    pub ahead_below: Option<u64>,
    /// How well they were told.
    #[serde(flatten)]
    pub counts: EstimateCounts,
}

/// How well waits were told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EstimateCounts {
    /// How many were compared.
    pub count: u64,
    /// Ended within the range told.
    pub within: u64,
    /// Ended before it.
    pub sooner: u64,
    /// Ended after it.
    pub later: u64,
    /// `within` over `count`; nothing without any.
    pub share_within: Option<f64>,
    /// Half of them have at most this error: of the middle of the range told, relative to the wait. At most 3.
    pub median_error: Option<f64>,
    /// Nine tenths have at most this error.
    pub p90_error: Option<f64>,
}

/// Seats that a party may still get, if nobody before it takes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Question {
    /// How many.
    pub seats: u8,
    /// The ids of their tiers.
    pub tiers: Vec<String>,
    /// Whether they are not side by side.
    pub apart: bool,
    /// Until when it may answer. Without an answer, the place ends then.
    pub until_ms: i64,
}

impl Question {
    /// What the party asks for to agree: so many, and its wishes, widened as far as what is offered needs.
    #[must_use]
    pub fn agreed(&self, wishes: &Wishes) -> ChangeWishes {
        let other = !wishes.tiers.is_empty() && self.tiers.iter().any(|tier| !wishes.tiers.contains(tier));
        let wishes =
            Wishes { other_tiers: wishes.other_tiers || other, apart: wishes.apart || self.apart, ..wishes.clone() };
        ChangeWishes { party: Some(self.seats), wishes: Some(wishes) }
    }
}

/// Seats held for a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HoldView {
    /// The booking around the hold; `GET /v1/bookings/{booking}` tells seats and prices.
    pub booking_id: BookingId,
    /// When the hold ends unless paid. While the clock stands still it is as far ahead as there is time left.
    pub deadline_ms: i64,
    /// Why the clock stands still, in the operator's words, while it does: nobody's time runs out then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen: Option<String>,
    /// How many seats.
    pub seats: u32,
    /// Whether a payment is on its way; the seats are kept until it is resolved.
    pub paying: bool,
    /// Whether the last card was declined; the hold goes on.
    #[serde(default)]
    pub declined: bool,
    /// Whether the one extension is still to be had.
    #[serde(default)]
    pub can_extend: bool,
    /// Whether the seats may be exchanged for others, while they are not being paid for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<ExchangeState>,
}
