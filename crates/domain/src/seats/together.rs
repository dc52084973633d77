//! Placing a party side by side.

use super::bits::{Bits, Ones};
use super::choose::Search;
use super::hall::{Block, Ranked};
use super::{Rung, Seat};

/// What a search for seats side by side came to.
pub(super) enum Found {
    /// The best placement, and whether it leaves a seat alone.
    Seats(Vec<Seat>, Rung),
    /// No placement; and no run of open seats is longer than this.
    NoRunAbove(u32),
}

/// A placement. Ordered by which is the better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Spot {
    singles: u32,
    cost: u64,
    first: Seat,
    block: u32,
}

/// The best placement of `size` units in one stretch or area: with the fewest new single seats, then of the best quality.
pub(super) fn together(search: &Search<'_>, size: u32) -> Found {
    let mut best: Option<Spot> = None;
    let mut longest = 0;
    for ranked in search.hall.ranked(search.tiers) {
        if best.is_some_and(|spot| cannot_beat(ranked, size, spot)) {
            break;
        }
        let block = search.hall.block(ranked.block);
        if block.tiers & search.tiers == 0 {
            continue;
        }
        let found = if block.row.is_some() { in_stretch(search, block, size) } else { in_area(search, block, size) };
        longest = longest.max(found.run);
        if let Some((singles, cost, first)) = found.spot {
            let spot = Spot { singles, cost, first, block: ranked.block };
            best = Some(best.map_or(spot, |best| best.min(spot)));
        }
    }
    let Some(spot) = best else {
        return Found::NoRunAbove(longest);
    };
    let rung = if spot.singles == 0 { Rung::TogetherNoSingle } else { Rung::Together };
    Found::Seats(units(&search.open, search.hall.block(spot.block), spot.first, size), rung)
}

/// The units of a placement: a stretch's seats from `first` on, or an area's lowest ones.
pub(super) fn units(open: &Bits, block: &Block, first: Seat, size: u32) -> Vec<Seat> {
    if block.row.is_some() {
        (first..first + size).collect()
    } else {
        open.within(block.first, block.len).take(size as usize).collect()
    }
}

/// Whether neither this block nor any ranked after it has a better placement.
fn cannot_beat(ranked: &Ranked, size: u32, spot: Spot) -> bool {
    spot.singles == 0 && (u64::from(ranked.best) * u64::from(size), ranked.first) > (spot.cost, spot.first)
}

struct InBlock {
    /// The longest run of open units, as far as `size`.
    run: u32,
    /// New single seats, cost, first unit.
    spot: Option<(u32, u64, Seat)>,
}

fn in_area(search: &Search<'_>, area: &Block, size: u32) -> InBlock {
    let mut lowest = search.open.within(area.first, area.len).take(size as usize);
    let Some(first) = lowest.next() else {
        return InBlock { run: 0, spot: None };
    };
    let run = 1 + lowest.count() as u32;
    // Nothing in an area is accessible or has a neighbour.
    let fits = run == size && !search.needs_accessible;
    InBlock { run, spot: fits.then(|| (0, u64::from(area.best) * u64::from(size), first)) }
}

fn in_stretch(search: &Search<'_>, stretch: &Block, size: u32) -> InBlock {
    let open = search.open.window(stretch.first, stretch.len);
    let (mut starts, run) = run_starts(open, size);
    if search.needs_accessible && starts != 0 {
        starts &= covering(search.hall.accessible().window(stretch.first, stretch.len), size);
    }
    if starts == 0 {
        return InBlock { run, spot: None };
    }
    let (left, right) = leaves_single(search.free.window(stretch.first, stretch.len), size);
    let fewest = [starts & !(left | right), starts & (left ^ right), starts & left & right];
    let spot = (0..).zip(fewest).find(|(_, mask)| *mask != 0).and_then(|(singles, mask)| {
        let first = Ones(mask).map(|bit| stretch.first + bit);
        first.map(|first| (singles, search.hall.cost(first, size), first)).min()
    });
    InBlock { run, spot }
}

/// Where `size` seats taken out of a stretch's free ones leave a single seat on their left, and where on their right.
pub(super) fn leaves_single(free: u128, size: u32) -> (u128, u128) {
    // The seat on the left is left alone if it is the first of its free run, and the one on the right likewise if it is the last
    // of its run; those two were not single before, being next to the placement's.
    ((free & !(free << 1)) << 1, (free & !(free >> 1)) >> size)
}

/// Where runs of `size` set bits start, and the longest run as far as `size`.
fn run_starts(bits: u128, size: u32) -> (u128, u32) {
    let mut starts = bits;
    let mut run = 0;
    while starts != 0 && run < size {
        run += 1;
        if run < size {
            starts &= bits >> run;
        }
    }
    (starts, run)
}

/// Where `size` bits would include one of these.
fn covering(bits: u128, size: u32) -> u128 {
    (0..size).fold(0, |starts, offset| starts | bits >> offset)
}
