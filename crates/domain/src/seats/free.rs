//! Which units can be taken.

use std::sync::Arc;

use super::bits::Bits;
use super::{Hall, MAX_TIERS, Seat, TierMask};

/// A set of an event's units: those free, or those held.
#[derive(Debug, Clone)]
pub struct Free {
    bits: Bits,
    count: u32,
    /// Absent in a set that was made without its hall.
    by_tier: Option<ByTier>,
}

/// How many members each tier has, kept with every change.
#[derive(Debug, Clone)]
struct ByTier {
    tier_of: Arc<[u8]>,
    counts: [u32; MAX_TIERS as usize],
}

impl Free {
    /// Every unit of the hall.
    pub fn all(hall: &Hall) -> Self {
        let mut all = Self::none_of(hall);
        for seat in 0..hall.capacity() {
            all.give(seat);
        }
        all
    }

    /// No unit, yet, of this hall. Unlike [`Free::none`] it keeps count by tier from the start.
    pub fn none_of(hall: &Hall) -> Self {
        let by_tier = ByTier { tier_of: hall.tier_table().clone(), counts: [0; MAX_TIERS as usize] };
        Self { by_tier: Some(by_tier), ..Self::none(hall.capacity()) }
    }

    /// No unit, yet, of `capacity`. Its [`Free::count_in`] counts bits.
    pub fn none(capacity: u32) -> Self {
        Self { bits: Bits::none(capacity), count: 0, by_tier: None }
    }

    /// Takes a unit out; false, and nothing changes, if it was not in.
    pub fn take(&mut self, seat: Seat) -> bool {
        let took = self.bits.remove(seat);
        if took {
            self.count -= 1;
            if let Some(by_tier) = &mut self.by_tier {
                *by_tier.count_mut(seat) -= 1;
            }
        }
        took
    }

    /// Puts a unit in; false, and nothing changes, if it was in already or is none of the event's.
    pub fn give(&mut self, seat: Seat) -> bool {
        let gave = self.bits.insert(seat);
        if gave {
            self.count += 1;
            if let Some(by_tier) = &mut self.by_tier {
                *by_tier.count_mut(seat) += 1;
            }
        }
        gave
    }

    /// Whether a unit is in.
    pub fn contains(&self, seat: Seat) -> bool {
        self.bits.contains(seat)
    }

    /// How many units are in.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// How many units of these tiers are in; `hall` is the event's.
    pub fn count_in(&self, hall: &Hall, tiers: TierMask) -> u32 {
        match &self.by_tier {
            Some(by_tier) => (0..).zip(by_tier.counts).filter(|(tier, _)| tiers >> tier & 1 == 1).map(|(_, n)| n).sum(),
            None => self.bits.count_common(&hall.members(tiers)),
        }
    }

    /// The units that are in, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Seat> + '_ {
        self.bits.within(0, self.bits.len())
    }

    /// What is in this set or in the other, of the same event.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        assert_eq!(self.bits.len(), other.bits.len(), "sets of different events");
        let (mut both, more) = if self.by_tier.is_some() { (self.clone(), other) } else { (other.clone(), self) };
        for seat in more.iter() {
            both.give(seat);
        }
        both
    }

    /// The bare set, which must be of this hall: one of another event would sell the wrong seats.
    pub(super) fn bits_of(&self, hall: &Hall) -> &Bits {
        assert_eq!(self.bits.len(), hall.capacity(), "a set of another event");
        &self.bits
    }
}

impl ByTier {
    fn count_mut(&mut self, seat: Seat) -> &mut u32 {
        &mut self.counts[usize::from(self.tier_of[seat as usize])]
    }
}
