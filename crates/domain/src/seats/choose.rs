//! The ladder from what a party hopes for down to what it would accept.

use super::apart::apart;
use super::bits::Bits;
use super::score::Score;
use super::together::{Found, together};
use super::{Choice, Free, Hall, MAX_PARTY, Rung, Seat, TierMask, Wish};

/// The best seats for one party, of what is free; none if nothing that it accepts is left.
///
/// The rungs are tried in [`Rung`]'s order; those above `OtherTier` again over every acceptable tier, then all of them for
/// each smaller party. Among the choices of a rung the lowest [`Score`] wins, then the lowest ordinal; a party that sits apart is
/// first of all kept in as few neighbouring rows of one section as possible, and the score decides between places as narrow.
///
/// * **The single-seat rule.** A free seat with none free beside it is hard to sell. A placement that leaves new ones is
///   passed over for one that leaves fewer. It never makes seats unsellable: where every placement leaves one, the party gets
///   the best of those that leave the fewest. Seats that were alone before do not count, nor does it matter of which tier the
///   seats beside are.
/// * **Kept seats**, accessible ones and their companions', go to other parties only as the hall's [`Release`](super::Release)
///   says, of what is free in tiers barred or not. A party that needs an accessible seat gets at least one, and seats of any
///   kind beside it.
/// * **Barred tiers** are never used.
pub fn choose(hall: &Hall, free: &Free, wish: &Wish, barred: TierMask) -> Option<Choice> {
    let free = free.bits_of(hall);
    choose_keeping(hall, free, wish, barred, &hall.kept(free))
}

/// [`choose`], with the seats that others do not get decided by the caller.
pub(super) fn choose_keeping(hall: &Hall, free: &Bits, wish: &Wish, barred: TierMask, kept: &Bits) -> Option<Choice> {
    if !(1..=MAX_PARTY).contains(&wish.party) {
        return None;
    }
    let wanted = wish.wanted(hall) & !barred;
    let acceptable = wish.acceptable(hall) & !barred;
    let search = |tiers| Search::new(hall, free, wish, tiers, kept);
    let mut first = search(wanted);
    let mut second = if acceptable == wanted { None } else { search(acceptable) };
    let smallest = if wish.fewer { 1 } else { wish.party };
    for size in (smallest..=wish.party).rev() {
        let placed = |search: &mut Option<Search>| search.as_mut()?.ladder(u32::from(size));
        let found =
            placed(&mut first).or_else(|| placed(&mut second).map(|choice| Choice { rung: Rung::OtherTier, ..choice }));
        if let Some(choice) = found {
            let rung = if size < wish.party { Rung::Fewer } else { choice.rung };
            return Some(Choice { rung, ..choice });
        }
    }
    None
}

/// One party's search over some tiers, at any size.
pub(super) struct Search<'a> {
    pub(super) hall: &'a Hall,
    pub(super) tiers: TierMask,
    /// Everything free: what decides whether a seat is left alone.
    pub(super) free: &'a Bits,
    /// What this party may take.
    pub(super) open: Bits,
    pub(super) needs_accessible: bool,
    accepts_apart: bool,
    open_count: u32,
    /// No run of open seats is longer.
    longest: u32,
}

impl<'a> Search<'a> {
    /// None if there is nothing to search.
    fn new(hall: &'a Hall, free: &'a Bits, wish: &Wish, tiers: TierMask, kept: &Bits) -> Option<Self> {
        let mut open = free.clone();
        if tiers != hall.tiers() {
            open.keep(&hall.members(tiers));
        }
        if wish.accessible {
            if !open.meets(hall.accessible()) {
                return None;
            }
        } else {
            open.drop_all(kept);
        }
        let open_count = open.count();
        (open_count > 0).then_some(Self {
            hall,
            tiers,
            free,
            open,
            needs_accessible: wish.accessible,
            accepts_apart: wish.apart,
            open_count,
            longest: u32::MAX,
        })
    }

    /// The rungs down to `Apart`, for a party of this size.
    fn ladder(&mut self, size: u32) -> Option<Choice> {
        if size > self.open_count {
            return None;
        }
        if size <= self.longest {
            match together(self, size) {
                Found::Seats(seats, rung) => return Some(self.choice(seats, rung)),
                Found::NoRunAbove(longest) => self.longest = longest,
            }
        }
        if !self.accepts_apart {
            return None;
        }
        apart(self, size, 2)
            .map(|seats| self.choice(seats, Rung::SplitNobodyAlone))
            .or_else(|| apart(self, size, 1).map(|seats| self.choice(seats, Rung::Apart)))
    }

    fn choice(&self, seats: Vec<Seat>, rung: Rung) -> Choice {
        Choice { score: Score::within(self.hall, self.free, &seats), seats, rung }
    }
}
