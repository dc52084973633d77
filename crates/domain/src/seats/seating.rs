//! Seating a line of parties, in order.

use std::collections::BTreeMap;

use super::bits::Bits;
use super::choose::choose_keeping;
use super::{Choice, Free, Hall, TierMask, Wish};

/// A party that has been let in and has no seats yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The caller's name for it.
    pub key: u64,
    /// What it asks for.
    pub wish: Wish,
    /// The index of its sale's [`Share`]. Where there is none, all the seats are its.
    pub sale: usize,
    /// How many seats it may get at most, whatever it asks for.
    pub most: u32,
    /// Whether free seats that alone do not fit it are kept for it while held ones may come free too.
    pub gathers: bool,
    /// Whether it may be asked what else it would take, or has not answered yet.
    pub may_be_asked: bool,
}

/// What one of several sales over the same seats may take of them, by its allotment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// How many more seats it may hold now.
    pub free: u32,
    /// How many of its own are held unpaid, and may come back to it.
    pub held: u32,
}

impl Share {
    /// Of a sale without an allotment.
    pub const ALL: Self = Self { free: u32::MAX, held: 0 };

    /// Of an allotment, when the sale has `taken` seats and `unpaid` of them are not paid for. Less than nothing is nothing.
    pub const fn of(allotment: u32, taken: u32, unpaid: u32) -> Self {
        let free = allotment.saturating_sub(taken);
        Self { free, held: allotment.saturating_sub(taken.saturating_sub(unpaid)) - free }
    }
}

/// Seats to hold for a party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Whose.
    pub key: u64,
    /// Which.
    pub choice: Choice,
}

/// What becomes of a line, as far as it was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeatingPlan {
    /// Disjoint, in the line's order.
    pub offers: Vec<Offer>,
    /// Those for whom nothing fits, even if everything held came free.
    pub sold_out: Vec<u64>,
    /// Those who stand while free seats are kept for them.
    pub gathering: Vec<u64>,
    /// Those whom nothing fits any more that is free or held, each with the nearest to it that may be left for it.
    pub asked: Vec<Offer>,
    /// How many were left standing: what is held may still come free for them, or they are asked.
    pub standing: usize,
    /// The tiers that those accept; of those who are or may yet be asked, all.
    pub wanted: TierMask,
}

impl SeatingPlan {
    /// Drops the offers behind the first refused party whose time to answer is over, and says whether there is one: it may have
    /// answered a moment ago, and what it was asked about is nobody's before its refusal is recorded. Keys ascend along the line.
    pub fn wait_for_answers(&mut self, mut unanswered: impl FnMut(u64) -> bool) -> bool {
        let first = self.sold_out.iter().copied().find(|key| unanswered(*key));
        self.offers.retain(|offer| first.is_none_or(|first| offer.key < first));
        first.is_some()
    }
}

/// Decides for each party of the line, in order, until `limit` offers and refusals are decided.
///
/// A party is offered the best of what is free; or it stands, if something would fit were everything in `held` (seats in
/// unpaid holds) free too, and everything just offered to those before it, which is then held as well; or it is asked, if it
/// may be, what else it would take, as long as there is anything; or it is sold out. No tier is offered to anyone behind a party
/// that gathers and accepts it, so no seat that it could take goes past it; once its time to gather is over, seats that alone
/// do not fit it go past. What a party is asked about is kept for it; `at_once` parties are asked about each seat, in the line's
/// order, and those before decide first. With nothing held and nobody to ask, the head of the
/// line never stands: it is either offered seats or sold out, and so the next one is the head. It makes no difference whether
/// a line is decided in one go or in several.
///
/// Kept seats are released to parties that do not need them by what is left that is free *or held*, since a held seat may yet
/// come free; a party is not sold out while they may still be released to it because all else that is left is held.
///
/// Nobody gets more than is left of their sale's share, or than they may have at most. Who waits for the share alone keeps what is left of it from those
/// behind in the same sale, and no seat from other sales' parties.
pub fn seat_in_order(
    hall: &Hall,
    free: &Free,
    held: &Free,
    standing: &[Standing],
    shares: &[Share],
    mut at_once: u32,
    limit: usize,
) -> SeatingPlan {
    let rooms = shares.iter().map(|share| share.free).collect();
    let mut left = Left { seats: free.bits_of(hall).clone(), rooms };
    // What may still be asked about: while nobody else is asked, whatever is left.
    let mut pool = left.clone();
    let mut asked = Left { seats: Bits::none(hall.capacity()), rooms: vec![0; shares.len()] };
    let mut in_play = left.seats.clone();
    in_play.add(held.bits_of(hall));
    // What is offered stays in play, so this holds for the whole line.
    let kept = hall.kept(&in_play);
    let mut barred: TierMask = 0;
    let mut plan = SeatingPlan::default();
    // Whether a wish fits what is in play: in a long line without free seats, wishes repeat.
    let mut fits = BTreeMap::new();
    for &Standing { key, wish, sale, most, gathers, may_be_asked } in standing {
        if plan.offers.len() + plan.sold_out.len() >= limit {
            break;
        }
        let acceptable = wish.acceptable(hall);
        let ever = |wish: Wish| {
            let share = shares.get(sale).map_or(u32::MAX, |share| share.free.saturating_add(share.held));
            within(wish, share.min(most))
        };
        let best = |wish: Wish, left: &Bits, barred: TierMask| {
            (wish.acceptable(hall) & !barred != 0).then(|| choose_keeping(hall, left, &wish, barred, &kept)).flatten()
        };
        let mut may_fit = |wish: Wish, left: &Bits| {
            ever(wish).is_some_and(|wish| {
                *fits
                    .entry(wish)
                    .or_insert_with(|| choose_keeping(hall, &in_play, &wish, 0, &hall.kept(left)).is_some())
            })
        };
        let choice = left.within(sale, wish, most).and_then(|wish| best(wish, &left.seats, barred));
        if let Some(choice) = choice {
            left.take(&choice, sale);
            pool.take(&choice, sale);
            // What is released depends on what is left.
            fits.clear();
            plan.offers.push(Offer { key, choice });
        } else if may_fit(wish, &left.seats) {
            plan.standing += 1;
            plan.wanted |= acceptable;
            if !gathers {
                continue;
            }
            // Whom the share alone keeps waiting could not take the seats now.
            if left.within(sale, wish, most).is_some() {
                let one = Wish { party: 1, accessible: false, ..wish };
                if best(one, &left.seats, barred).is_some() {
                    plan.gathering.push(key);
                }
                barred |= acceptable;
            }
            for left in [&mut left, &mut pool] {
                left.less(sale, wish.party.into());
            }
        } else if may_be_asked && may_fit(wish.anything(), &left.seats) {
            plan.standing += 1;
            plan.wanted |= hall.tiers();
            let nearest = |pool: &Left| best(pool.within(sale, wish.anything(), most)?, &pool.seats, barred);
            let choice = nearest(&pool).or_else(|| {
                let again = (at_once > 1).then(|| left.and(&asked))?;
                let choice = nearest(&again)?;
                (pool, at_once) = (again, at_once - 1);
                Some(choice)
            });
            let Some(choice) = choice else { continue };
            asked.give(&left, &choice, sale);
            left.take(&choice, sale);
            pool.take(&choice, sale);
            fits.clear();
            plan.asked.push(Offer { key, choice });
        } else {
            plan.sold_out.push(key);
        }
    }
    plan
}

/// Seats for those behind, and how many of them each sale may take by its share. What is taken of them stays in play: offered
/// is not sold.
#[derive(Clone)]
struct Left {
    seats: Bits,
    rooms: Vec<u32>,
}

impl Left {
    /// The wish as far as its sale's share, and the most that it may get, can serve it.
    fn within(&self, sale: usize, wish: Wish, most: u32) -> Option<Wish> {
        within(wish, self.rooms.get(sale).map_or(most, |room| most.min(*room)))
    }

    fn less(&mut self, sale: usize, seats: u32) {
        if let Some(room) = self.rooms.get_mut(sale) {
            *room = room.saturating_sub(seats);
        }
    }

    fn take(&mut self, choice: &Choice, sale: usize) {
        let taken = choice.seats.iter().filter(|seat| self.seats.remove(**seat)).count();
        self.less(sale, taken as u32);
    }

    /// Adds what a choice is about to take of `from`.
    fn give(&mut self, from: &Self, choice: &Choice, sale: usize) {
        for seat in choice.seats.iter().filter(|seat| from.seats.contains(**seat)) {
            self.seats.insert(*seat);
            if let Some(room) = self.rooms.get_mut(sale) {
                *room += 1;
            }
        }
    }

    /// All of both.
    fn and(&self, other: &Self) -> Self {
        let mut both = self.clone();
        both.seats.add(&other.seats);
        for (room, more) in both.rooms.iter_mut().zip(&other.rooms) {
            *room = room.saturating_add(*more);
        }
        both
    }
}

/// The wish as far as so many seats can serve it.
fn within(wish: Wish, room: u32) -> Option<Wish> {
    if u32::from(wish.party) <= room {
        Some(wish)
    } else {
        (wish.fewer && room > 0).then_some(Wish { party: room as u8, ..wish })
    }
}
