//! What records say: one change each of a line, of a pace or of seats.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{SaleNow, wire};
use crate::exchanges::ExchangeNow;

/// How a hold goes on while it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldState {
    /// Until the deadline.
    Held,
    /// A payment is open.
    Paying,
    /// The deadline passed with a payment unresolved.
    Pinned,
    /// Authorised; being captured.
    Capturing,
}

/// How a place ended, or how its hold did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// With tickets.
    Booked,
    /// The hold ran out.
    Lapsed,
    /// Given back.
    Released,
    /// The payment could not be completed.
    Failed,
    /// Left the line.
    Left,
    /// Taken out of the line by an operator.
    Removed,
    /// Nothing that fits can still come free.
    SoldOut,
    /// Picked nothing while there was time to.
    Idle,
    /// The money went back.
    Refunded,
}

/// One change within a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "k", rename_all = "snake_case")]
pub enum Change {
    /// joins: entries up to `last` have come.
    Joined {
        /// The last entry given.
        last: i64,
        /// Those of them that are not of the general class, with their classes.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        classes: Vec<(i64, u8)>,
    },
    /// pace: the lobby's entries, 1 to `size`, have the numbers of this seed from now on.
    Drawn {
        /// How many entries the lobby had.
        size: i64,
        /// What the numbers follow from, as hexadecimal digits.
        #[serde(with = "wire::hex_seed")]
        seed: [u8; 32],
    },
    /// pace: an operator put the place into the line, again or elsewhere.
    Put {
        /// The entry.
        entry: i64,
        /// The class from now on.
        class: u8,
    },
    /// pace: let in.
    Admitted {
        /// The entries, in order.
        entries: Vec<i64>,
        /// Their parties, in the same order.
        parties: Vec<u8>,
        /// Where fans pick: until when they look for seats, by the sale's clock.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shops_until_ms: Option<i64>,
    },
    /// pace: passed over for longer than the grace.
    Skipped {
        /// The entries.
        entries: Vec<i64>,
    },
    /// pace: the fan left, or was taken out by an operator.
    Left {
        /// The entry.
        entry: i64,
        /// Whether an operator did it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        removed: bool,
    },
    /// pace: the place went over to another fan.
    TakenOver {
        /// The entry.
        entry: i64,
        /// Whose it is from now on, by [`hand`].
        hand: u32,
    },
    /// pace: the party wants something else from now on; the place's row says what.
    Wished {
        /// The entry.
        entry: i64,
    },
    /// pace: the sale's settings or state are these from now on.
    Sale(SaleNow),
    /// seats: seats held for an admitted place, or taken again for a late payment.
    Held(HoldNow),
    /// seats: a hold goes on, changed.
    Moved {
        /// The booking.
        booking: Uuid,
        /// Its state now.
        state: HoldState,
        /// Its deadline now, by its sale's clock.
        deadline_ms: i64,
        /// Whether the last card was declined.
        declined: bool,
        /// Whether the one extension was used.
        extended: bool,
    },
    /// seats: a hold ended; the seats are free, unless it ended booked.
    Ended {
        /// The booking.
        booking: Uuid,
        /// The place's sale.
        sale: Uuid,
        /// The place's entry.
        entry: i64,
        /// How.
        how: Ending,
        /// The seats.
        seats: Vec<u32>,
    },
    /// seats: a hold goes on with other seats.
    Exchanged {
        /// The booking.
        booking: Uuid,
        /// The place's sale.
        sale: Uuid,
        /// The place's entry.
        entry: i64,
        /// The seats that it did not have before, ascending.
        taken: Vec<u32>,
        /// Those that it has no more, ascending: they are free.
        freed: Vec<u32>,
    },
    /// seats: a hold's fan asks for other seats; the booking's row says which.
    ExchangeAsked {
        /// The booking.
        booking: Uuid,
        /// The place's sale.
        sale: Uuid,
        /// The place's entry.
        entry: i64,
    },
    /// seats: a hold whose fan asked for other seats goes on with those it has, since no others were to be had.
    NotExchanged {
        /// The booking.
        booking: Uuid,
        /// The place's sale.
        sale: Uuid,
        /// The place's entry.
        entry: i64,
    },
    /// seats: free seats are kept for a standing party while others may come free too.
    Gathers {
        /// The place's sale.
        sale: Uuid,
        /// The place's entry.
        entry: i64,
        /// Until when.
        until_ms: i64,
    },
    /// seats: a standing party is asked what else it would take, since nothing fits it any more.
    Asked {
        /// The place's sale.
        sale: Uuid,
        /// The place's entry.
        entry: i64,
        /// What, and until when.
        question: Question,
    },
    /// seats: the promoter keeps these back.
    Blocked {
        /// What keeps them.
        block: Uuid,
        /// The seats, ascending.
        seats: Vec<u32>,
    },
    /// seats: the promoter keeps these back no more; they are free.
    Unblocked {
        /// What kept them.
        block: Uuid,
        /// The seats, ascending.
        seats: Vec<u32>,
    },
    /// seats: a fan who picks held nothing until the time for it was over.
    Idle {
        /// The place's sale.
        sale: Uuid,
        /// The place's entry.
        entry: i64,
    },
    /// seats: an admitted place that nothing can serve any more.
    Unserved {
        /// The place's sale.
        sale: Uuid,
        /// The place's entry.
        entry: i64,
    },
}

/// What a change does to seats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SeatMoves<'a> {
    /// The sale that has or had them; nothing where the promoter keeps them back.
    pub sale: Option<Uuid>,
    /// Somebody's from now on.
    pub taken: &'a [u32],
    /// Nobody's from now on.
    pub freed: &'a [u32],
    /// Paid for from now on.
    pub paid: &'a [u32],
}

impl Change {
    /// What it does to seats.
    #[must_use]
    pub fn seats(&self) -> SeatMoves<'_> {
        match self {
            Self::Held(hold) => SeatMoves { sale: Some(hold.sale), taken: &hold.seats, ..SeatMoves::default() },
            Self::Exchanged { sale, taken, freed, .. } => {
                SeatMoves { sale: Some(*sale), taken, freed, ..SeatMoves::default() }
            }
            Self::Ended { sale, how: Ending::Booked, seats, .. } => {
                SeatMoves { sale: Some(*sale), paid: seats, ..SeatMoves::default() }
            }
            Self::Ended { sale, seats, .. } => SeatMoves { sale: Some(*sale), freed: seats, ..SeatMoves::default() },
            Self::Blocked { seats, .. } => SeatMoves { taken: seats, ..SeatMoves::default() },
            Self::Unblocked { seats, .. } => SeatMoves { freed: seats, ..SeatMoves::default() },
            _ => SeatMoves::default(),
        }
    }
}

/// What a standing party is asked to take, since nothing that it wished for can come free any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// How many seats.
    pub seats: u8,
    /// The codes of their tiers.
    pub tiers: Vec<String>,
    /// Whether they are not side by side.
    pub apart: bool,
    /// Until when it may answer.
    pub until_ms: i64,
}

/// A hold as followers know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldNow {
    /// The booking.
    pub booking: Uuid,
    /// The place's sale.
    pub sale: Uuid,
    /// The place's entry.
    pub entry: i64,
    /// The seats, ascending.
    pub seats: Vec<u32>,
    /// How it goes on.
    pub state: HoldState,
    /// When it ends unless paid, by its sale's clock.
    pub deadline_ms: i64,
    /// Whether the last card was declined.
    pub declined: bool,
    /// Whether the one extension was used.
    pub extended: bool,
    /// Whether its fan asked for other seats, and what came of it.
    #[serde(default, skip_serializing_if = "wire::is_default")]
    pub exchange: ExchangeNow,
}

impl HoldNow {
    /// Its seats are others from now on. Who did not ask for that has picked them.
    pub fn exchange(&mut self, taken: &[u32], freed: &[u32]) {
        self.seats.retain(|seat| !freed.contains(seat));
        self.seats.extend(taken);
        self.seats.sort_unstable();
        if self.exchange == ExchangeNow::Asked {
            self.exchange = ExchangeNow::Done;
        }
    }
}
