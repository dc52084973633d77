//! What an event sells, indexed for choosing.

use std::sync::Arc;

use super::bits::Bits;
use super::kept::{Reserve, reserves};
use super::plan::{Area, HallFault, Release, Stretch, capacity_of};
use super::{Free, MAX_TIERS, Seat, TierMask};

/// An event's sellable units, checked and indexed. Cheap to share, never changed.
#[derive(Debug)]
pub struct Hall {
    tier_of: Arc<[u8]>,
    tiers: TierMask,
    accessible: Bits,
    /// Accessible and companions' seats.
    reserved: Bits,
    /// Which of them become anybody's when.
    releases: Vec<Reserve>,
    /// By tier: its units; without room for any where the hall has none.
    members: Vec<Bits>,
    /// Over reserved seats: the qualities of all seats before, so that a run's sum is one subtraction.
    quality_before: Vec<u64>,
    blocks: Vec<Block>,
    /// The stretches by section, row and ordinal.
    in_rows: Vec<u32>,
    /// All blocks, best first.
    ranked: Vec<Ranked>,
    /// By tier: the blocks with units of it, best first by their best unit of that tier.
    ranked_in: Vec<Vec<Ranked>>,
}

/// A stretch or a standing area.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    pub(super) first: Seat,
    pub(super) len: u32,
    pub(super) tiers: TierMask,
    /// The best quality in it; an area's only one.
    pub(super) best: u32,
    /// Section and row; none for a standing area.
    pub(super) row: Option<(u16, u16)>,
}

/// A block's rank. Ordered by the least that a seat in it can cost, then by ordinal, so that a search can stop at the
/// first block that cannot win.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ranked {
    pub(super) best: u32,
    pub(super) first: Seat,
    pub(super) block: u32,
}

impl Hall {
    /// Checks that the stretches, then the areas, cover `0..capacity` without gap or overlap. They may come in any order.
    pub fn new(mut stretches: Vec<Stretch>, mut areas: Vec<Area>) -> Result<Self, HallFault> {
        stretches.sort_by_key(|stretch| stretch.first);
        areas.sort_by_key(|area| area.first);
        let capacity = capacity_of(&stretches, &areas)?;
        let mut tier_of = Vec::with_capacity(capacity as usize);
        let mut quality_before = vec![0];
        let mut accessible = Bits::none(capacity);
        let mut reserved = Bits::none(capacity);
        let mut blocks = Vec::with_capacity(stretches.len() + areas.len());
        let mut ranked_in = vec![Vec::new(); usize::from(MAX_TIERS)];
        for stretch in &stretches {
            let mut best_in = [u32::MAX; MAX_TIERS as usize];
            let mut tiers = 0;
            for (seat, spec) in (stretch.first..).zip(&stretch.seats) {
                tier_of.push(spec.tier);
                quality_before.push(quality_before[seat as usize] + u64::from(spec.quality));
                if spec.accessible {
                    accessible.insert(seat);
                }
                if spec.accessible || spec.companion {
                    reserved.insert(seat);
                }
                tiers |= 1 << spec.tier;
                let best = &mut best_in[usize::from(spec.tier)];
                *best = spec.quality.min(*best);
            }
            let (first, block) = (stretch.first, blocks.len() as u32);
            for tier in (0..usize::from(MAX_TIERS)).filter(|tier| tiers >> tier & 1 == 1) {
                ranked_in[tier].push(Ranked { best: best_in[tier], first, block });
            }
            blocks.push(Block {
                first,
                len: stretch.seats.len() as u32,
                tiers,
                best: best_in.into_iter().min().unwrap_or(u32::MAX),
                row: Some((stretch.section, stretch.row)),
            });
        }
        for &Area { tier, first, capacity, quality } in &areas {
            tier_of.resize(tier_of.len() + capacity as usize, tier);
            ranked_in[usize::from(tier)].push(Ranked { best: quality, first, block: blocks.len() as u32 });
            blocks.push(Block { first, len: capacity, tiers: 1 << tier, best: quality, row: None });
        }
        let tiers = blocks.iter().fold(0, |tiers, block| tiers | block.tiers);
        let room = |tier: u8| if tiers >> tier & 1 == 1 { capacity } else { 0 };
        let mut members: Vec<_> = (0..MAX_TIERS).map(|tier| Bits::none(room(tier))).collect();
        for (seat, &tier) in (0..).zip(&tier_of) {
            members[usize::from(tier)].insert(seat);
        }
        let rank = |(block, of): (u32, &Block)| Ranked { best: of.best, first: of.first, block };
        let mut ranked: Vec<_> = (0..).zip(&blocks).map(rank).collect();
        ranked.sort_unstable();
        for blocks in &mut ranked_in {
            blocks.sort_unstable();
        }
        let mut in_rows: Vec<u32> = (0..stretches.len() as u32).collect();
        in_rows.sort_by_key(|&block| (blocks[block as usize].row, block));
        let hall = Self {
            tiers,
            tier_of: tier_of.into(),
            accessible,
            reserved,
            releases: Vec::new(),
            members,
            quality_before,
            blocks,
            in_rows,
            ranked,
            ranked_in,
        };
        Ok(hall.releasing(Release::default()))
    }

    /// The same hall, with another rule for its kept seats.
    #[must_use]
    pub fn releasing(mut self, release: Release) -> Self {
        self.releases = reserves(&self, release);
        self
    }

    /// Whether the seat is kept for parties with an accessible seat, until it is released.
    pub fn reserves(&self, seat: Seat) -> bool {
        self.reserved.contains(seat)
    }

    /// How many of the free seats are kept while these are free and those are held.
    pub fn kept_of(&self, free: &Free, held: &Free) -> u32 {
        self.kept_among(free, held).count_common(free.bits_of(self))
    }

    /// The seats that are kept while these are free and those are held.
    pub fn kept_now(&self, free: &Free, held: &Free) -> Free {
        let mut kept = Free::none(self.capacity());
        for seat in self.kept_among(free, held).within(0, self.capacity()) {
            kept.give(seat);
        }
        kept
    }

    pub(super) fn kept_among(&self, free: &Free, held: &Free) -> Bits {
        let mut left = free.bits_of(self).clone();
        left.add(held.bits_of(self));
        self.kept(&left)
    }

    /// The seats that are still kept when these are all that is left, free or held.
    pub(super) fn kept(&self, left: &Bits) -> Bits {
        let mut kept = Bits::none(self.capacity());
        for reserve in self.releases.iter().filter(|reserve| reserve.is_kept(left)) {
            for &seat in &reserve.seats {
                kept.insert(seat);
            }
        }
        kept
    }

    /// How many units there are.
    pub fn capacity(&self) -> u32 {
        self.tier_of.len() as u32
    }

    /// The tier of a unit, which must be one of this hall's.
    pub fn tier_of(&self, seat: Seat) -> u8 {
        self.tier_of[seat as usize]
    }

    /// Whether these units, ascending, are next to one another: in one stretch without a gap, or in one standing area.
    pub fn side_by_side(&self, seats: &[Seat]) -> bool {
        let (Some(&first), Some(&last)) = (seats.first(), seats.last()) else { return true };
        let block = &self.blocks[self.blocks.partition_point(|block| block.first <= first) - 1];
        last < block.first + block.len && (block.row.is_none() || (last - first) as usize + 1 == seats.len())
    }

    /// The tiers that have units.
    pub fn tiers(&self) -> TierMask {
        self.tiers
    }

    pub(super) fn tier_table(&self) -> &Arc<[u8]> {
        &self.tier_of
    }

    pub(super) fn accessible(&self) -> &Bits {
        &self.accessible
    }

    /// The units of these tiers.
    pub(super) fn members(&self, tiers: TierMask) -> Bits {
        let mut members = Bits::none(self.capacity());
        for (_, of_tier) in self.members.iter().enumerate().filter(|(tier, _)| tiers >> tier & 1 == 1) {
            members.add(of_tier);
        }
        members
    }

    /// The summed quality of `len` reserved seats from `first` on.
    pub(super) fn cost(&self, first: Seat, len: u32) -> u64 {
        self.quality_before[(first + len) as usize] - self.quality_before[first as usize]
    }

    pub(super) fn block(&self, index: u32) -> &Block {
        &self.blocks[index as usize]
    }

    pub(super) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The stretch or area of a unit, which must be one of this hall's.
    pub(super) fn block_of(&self, seat: Seat) -> &Block {
        &self.blocks[self.blocks.partition_point(|block| block.first <= seat) - 1]
    }

    pub(super) fn stretches_in_rows(&self) -> impl Iterator<Item = &Block> {
        self.in_rows.iter().map(|&index| self.block(index))
    }

    pub(super) fn areas(&self) -> impl Iterator<Item = &Block> {
        self.blocks[self.in_rows.len()..].iter()
    }

    /// The blocks that may have units of these tiers, best first.
    pub(super) fn ranked(&self, tiers: TierMask) -> &[Ranked] {
        let tiers = tiers & self.tiers;
        if tiers.is_power_of_two() { &self.ranked_in[tiers.trailing_zeros() as usize] } else { &self.ranked }
    }
}
