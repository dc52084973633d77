//! Which seats a party gets, and who is seated before whom.
//!
//! A [`Hall`] is what an event sells, in the promoter's order of preference; a [`Free`] is the part of it that can be
//! taken now. [`choose`] finds the best seats for one [`Wish`]; [`seat_in_order`] does so for a line of parties such that
//! no seat goes past a party that could take it. Both are pure: the same inputs give the same seats, on every node and in
//! every replay.

mod apart;
mod bits;
mod choose;
mod exchange;
mod free;
mod groups;
mod hall;
mod kept;
mod nearest;
mod plan;
mod score;
mod seating;
mod stage;
mod together;

#[cfg(test)]
mod tests;

pub use choose::choose;
pub use exchange::{Exchanging, exchange_in_order};
pub use free::Free;
pub use hall::Hall;
pub use nearest::nearest;
pub use plan::{Area, HallFault, LONGEST_STRETCH, Release, SeatSpec, Stretch};
pub use score::{Score, lone_seats};
pub use seating::{Offer, SeatingPlan, Share, Standing, seat_in_order};
pub use stage::{Stage, WORST, qualities};

/// The ordinal of a sellable unit within an event, `0..capacity`: reserved seats first, in map order, then the units of
/// the standing areas.
pub type Seat = u32;

/// A set of price tiers: bit `i` is tier `i`.
pub type TierMask = u32;

/// How many tiers a mask has room for.
pub const MAX_TIERS: u8 = 32;

/// The largest party that is seated as one.
pub const MAX_PARTY: u8 = 8;

/// What a party asks for, and what it would accept instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wish {
    /// How many seats, from 1 to [`MAX_PARTY`]. A party outside these bounds fits nowhere.
    pub party: u8,
    /// The tiers wanted; 0 is any.
    pub tiers: TierMask,
    /// Accepts another tier than those wanted.
    pub other_tiers: bool,
    /// Accepts not sitting together.
    pub apart: bool,
    /// Accepts fewer seats than asked for, at least one.
    pub fewer: bool,
    /// Needs at least one accessible seat. Other parties get those, and companions' seats, only as [`Release`] says.
    pub accessible: bool,
}

impl Wish {
    /// The tiers asked for first, of those the hall has.
    pub fn wanted(&self, hall: &Hall) -> TierMask {
        if self.tiers == 0 { hall.tiers() } else { self.tiers & hall.tiers() }
    }

    /// The same party, taking whatever there is: what it is asked about once nothing else can come free.
    #[must_use]
    pub const fn anything(self) -> Self {
        Self { other_tiers: true, apart: true, fewer: true, ..self }
    }

    /// Every tier the party would sit in, of those the hall has.
    pub fn acceptable(&self, hall: &Hall) -> TierMask {
        if self.other_tiers { hall.tiers() } else { self.wanted(hall) }
    }
}

/// The seats chosen for a party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Ascending, distinct; as many as the party, or fewer if it accepts that.
    pub seats: Vec<Seat>,
    /// How far the choice had to come down from what was asked.
    pub rung: Rung,
    /// How good the seats are among those of the rung, of what was free then.
    pub score: Score,
}

/// The steps from what a party hoped for down to what it would still accept, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rung {
    /// Side by side in one stretch, or in one standing area, and no free seat is newly left alone.
    TogetherNoSingle,
    /// Side by side, though it leaves a seat alone: as few as can be.
    Together,
    /// In several groups, none smaller than two.
    SplitNobodyAlone,
    /// Wherever there is room, as near to one another as possible.
    Apart,
    /// In a tier not wanted; somewhere on the steps above.
    OtherTier,
    /// With fewer seats than asked for; somewhere on the steps above.
    Fewer,
}

impl Rung {
    /// All, the highest first.
    pub const ALL: [Self; 6] =
        [Self::TogetherNoSingle, Self::Together, Self::SplitNobodyAlone, Self::Apart, Self::OtherTier, Self::Fewer];
}
