//! How good seats are for a party, and how many seats are left alone.

use super::bits::Bits;
use super::{Free, Hall, Seat};

/// Compares placements of one party, the lower the better: in the order of the fields. [`choose`](super::choose) finds no higher
/// one than the lowest on its rung; of a party that sits apart, than the lowest in as few neighbouring rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Score {
    /// In how many groups the party sits: 1 is together.
    pub groups: u32,
    /// Free seats newly left without a free one beside them.
    pub singles: u32,
    /// The sum of the seats' qualities; lower is better.
    pub quality: u64,
}

impl Score {
    /// Of these seats, ascending, all of them in `free`, which must be of this hall.
    pub fn of(hall: &Hall, free: &Free, seats: &[Seat]) -> Self {
        Self::within(hall, free.bits_of(hall), seats)
    }

    pub(super) fn within(hall: &Hall, free: &Bits, seats: &[Seat]) -> Self {
        let mut score = Self::default();
        let mut before: Option<Seat> = None;
        let mut last_single = None;
        for &seat in seats {
            let block = hall.block_of(seat);
            let left = before.replace(seat).filter(|&left| left >= block.first);
            if block.row.is_none() {
                score.groups += u32::from(left.is_none());
                score.quality += u64::from(block.best);
                continue;
            }
            score.groups += u32::from(left.is_none_or(|left| left + 1 < seat));
            score.quality += hall.cost(seat, 1);
            let is_left = |at: Seat| free.contains(at) && seats.binary_search(&at).is_err();
            let end = block.first + block.len;
            let below = (seat > block.first).then(|| seat - 1);
            let above = (seat + 1 < end).then_some(seat + 1);
            for beside in below.into_iter().chain(above).filter(|&beside| is_left(beside)) {
                // The seat in hand was its neighbour, so it was not alone before. Between two groups it is met twice.
                let further = if beside < seat {
                    beside.checked_sub(1).filter(|at| *at >= block.first)
                } else {
                    Some(beside + 1).filter(|at| *at < end)
                };
                if !further.is_some_and(is_left) && last_single != Some(beside) {
                    last_single = Some(beside);
                    score.singles += 1;
                }
            }
        }
        score
    }
}

/// How many reserved seats are free with no free one beside them: hard to sell.
pub fn lone_seats(hall: &Hall, free: &Free) -> u32 {
    let free = free.bits_of(hall);
    let lone = |(first, len)| {
        let free = free.window(first, len);
        (free & !(free << 1) & !(free >> 1)).count_ones()
    };
    hall.blocks().iter().filter(|block| block.row.is_some()).map(|block| lone((block.first, block.len))).sum()
}
