//! Seats kept for parties that need an accessible one, and when they are released to others.

use super::bits::Bits;
use super::hall::Hall;
use super::plan::Release;
use super::{MAX_TIERS, Seat};

/// Kept seats that are released together.
#[derive(Debug)]
pub(super) struct Reserve {
    pub(super) seats: Vec<Seat>,
    /// As runs of ordinals: while any of these is left, the seats are kept.
    rest: Vec<(Seat, u32)>,
    forever: bool,
}

impl Reserve {
    /// Whether the seats are kept while these are all that is left.
    pub(super) fn is_kept(&self, left: &Bits) -> bool {
        self.forever || self.rest.iter().any(|&(first, len)| left.meets_within(first, len))
    }
}

/// The hall's kept seats, as the rule releases them.
pub(super) fn reserves(hall: &Hall, release: Release) -> Vec<Reserve> {
    let kept: Vec<Seat> = (0..hall.capacity()).filter(|&seat| hall.reserves(seat)).collect();
    if kept.is_empty() {
        return Vec::new();
    }
    let section = |seat: Seat| hall.block_of(seat).row.map(|(section, _)| section);
    let reserve = |seats: Vec<Seat>, of: &dyn Fn(Seat) -> bool| Reserve { rest: runs(hall, of), seats, forever: false };
    match release {
        Release::Never => vec![Reserve { seats: kept, rest: Vec::new(), forever: true }],
        Release::House => vec![reserve(kept, &|_| true)],
        Release::Section => {
            let mut sections: Vec<_> = kept.iter().map(|&seat| section(seat)).collect();
            sections.sort_unstable();
            sections.dedup();
            // One pass over the hall for all of them: there may be as many as ten thousand.
            let mut parts: Vec<Reserve> =
                sections.iter().map(|_| Reserve { seats: Vec::new(), rest: Vec::new(), forever: false }).collect();
            for block in hall.blocks() {
                let Ok(part) = sections.binary_search(&block.row.map(|(section, _)| section)) else { continue };
                for seat in block.first..block.first + block.len {
                    if hall.reserves(seat) {
                        parts[part].seats.push(seat);
                    } else {
                        extend(&mut parts[part].rest, seat);
                    }
                }
            }
            parts
        }
        Release::Tier => {
            // The tiers of the accessible seats of a section, which its companion seats follow too.
            let mut accessible: Vec<_> = kept
                .iter()
                .filter(|&&seat| hall.accessible().contains(seat))
                .map(|&seat| (section(seat), hall.tier_of(seat)))
                .collect();
            accessible.sort_unstable();
            accessible.dedup();
            let follows = |seat: Seat, tier: u8| {
                hall.tier_of(seat) == tier
                    || !hall.accessible().contains(seat) && accessible.binary_search(&(section(seat), tier)).is_ok()
            };
            (0..MAX_TIERS)
                .filter(|tier| hall.tiers() >> tier & 1 == 1)
                .map(|tier| {
                    let seats = kept.iter().copied().filter(|&seat| follows(seat, tier)).collect();
                    reserve(seats, &|seat| hall.tier_of(seat) == tier)
                })
                .collect()
        }
    }
}

/// The units of which this is so and that are not kept themselves, as runs.
fn runs(hall: &Hall, of: &dyn Fn(Seat) -> bool) -> Vec<(Seat, u32)> {
    let mut runs = Vec::new();
    for seat in (0..hall.capacity()).filter(|&seat| !hall.reserves(seat) && of(seat)) {
        extend(&mut runs, seat);
    }
    runs
}

/// Adds a seat behind all that are in.
fn extend(runs: &mut Vec<(Seat, u32)>, seat: Seat) {
    match runs.last_mut().filter(|(first, len)| first + *len == seat) {
        Some((_, len)) => *len += 1,
        None => runs.push((seat, 1)),
    }
}
