//! How a hall is described: stretches of adjacent seats, and standing areas.

use super::{MAX_TIERS, Seat};

/// The most seats in one stretch. A longer bench is entered as several.
pub const LONGEST_STRETCH: usize = 128;

/// Seats adjacent to one another, between two aisles, with consecutive ordinals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Which section of the hall.
    pub section: u16,
    /// Which row of the section. Neighbouring rows have neighbouring numbers: their difference is how far apart they are.
    pub row: u16,
    /// The ordinal of the first seat.
    pub first: Seat,
    /// The seats, from the first on.
    pub seats: Vec<SeatSpec>,
}

/// One reserved seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeatSpec {
    /// Its price tier, below [`MAX_TIERS`].
    pub tier: u8,
    /// The promoter's order, lower is better. Choices minimise the sum over a party's seats.
    pub quality: u32,
    /// A wheelchair place: kept for parties that need one, as the hall's [`Release`] says.
    pub accessible: bool,
    /// Meant for who comes with the fan on an accessible seat of the same section, and kept with it.
    pub companion: bool,
}

/// When kept seats, accessible ones and their companions', are anybody's: once nothing else of the same … is free or held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Release {
    /// Hall, standing areas included.
    #[default]
    House,
    /// Section.
    Section,
    /// Price tier; for a companion seat also of the tiers of the accessible seats of its section.
    Tier,
    /// They are never anybody's.
    Never,
}

/// A standing area: units without a place of their own, all alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    /// Its price tier, below [`MAX_TIERS`].
    pub tier: u8,
    /// The ordinal of the first unit.
    pub first: Seat,
    /// How many units.
    pub capacity: u32,
    /// The quality of each unit, on the same scale as the seats'.
    pub quality: u32,
}

/// Why a description is not a hall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HallFault {
    /// A stretch or area without a unit.
    #[error("the stretch or area at unit {first} is empty")]
    Empty {
        /// Where it would start.
        first: Seat,
    },
    /// A stretch longer than [`LONGEST_STRETCH`].
    #[error("the stretch at seat {first} has {seats} seats, more than {LONGEST_STRETCH}")]
    LongStretch {
        /// Its first seat.
        first: Seat,
        /// Its seats.
        seats: usize,
    },
    /// A tier that no [`TierMask`](super::TierMask) can name.
    #[error("tier {tier} at unit {first} is not below {MAX_TIERS}")]
    Tier {
        /// The stretch's or area's first unit.
        first: Seat,
        /// The tier.
        tier: u8,
    },
    /// The ordinals overlap, leave a gap, or an area comes before a seat.
    #[error("unit {expected} should come next, but unit {found} does")]
    Order {
        /// The ordinal not yet covered.
        expected: Seat,
        /// The ordinal met instead.
        found: Seat,
    },
    /// More units than ordinals.
    #[error("the hall has more units than can be numbered")]
    TooLarge,
}

/// How many units there are, if everything is as a [`Hall`](super::Hall) must be; both lists are sorted.
pub(super) fn capacity_of(stretches: &[Stretch], areas: &[Area]) -> Result<u32, HallFault> {
    let mut expected: Seat = 0;
    let mut cover = |first: Seat, units: u32| {
        if units == 0 {
            return Err(HallFault::Empty { first });
        }
        if first != expected {
            return Err(HallFault::Order { expected, found: first });
        }
        expected = expected.checked_add(units).ok_or(HallFault::TooLarge)?;
        Ok(())
    };
    let tier_fits = |first, tier| {
        if tier < MAX_TIERS { Ok(()) } else { Err(HallFault::Tier { first, tier }) }
    };
    for Stretch { first, seats, .. } in stretches {
        if seats.len() > LONGEST_STRETCH {
            return Err(HallFault::LongStretch { first: *first, seats: seats.len() });
        }
        cover(*first, seats.len() as u32)?;
        seats.iter().try_for_each(|spec| tier_fits(*first, spec.tier))?;
    }
    for area in areas {
        cover(area.first, area.capacity)?;
        tier_fits(area.first, area.tier)?;
    }
    Ok(expected)
}
