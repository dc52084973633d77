//! Seating a line of parties, in order.

use std::collections::BTreeMap;

use super::choose::choose_keeping;
use super::{Choice, Free, Hall, Wish};

/// A party that has been let in and has no seats yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The caller's name for it.
    pub key: u64,
    /// What it asks for.
    pub wish: Wish,
    /// The index of its sale's [`Share`]. Where there is none, all the seats are its.
    pub sale: usize,
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
    /// How many were left standing, because what is held may still come free for them.
    pub standing: usize,
}

/// Decides for each party of the line, in order, until `limit` offers and refusals are decided.
///
/// A party is offered the best of what is free; or it stands, if something would fit were everything in `held` (seats in
/// unpaid holds) free too, and everything just offered to those before it, which is then held as well; or it is sold out. No
/// tier which a standing party accepts is offered to anyone behind it, so no seat that it could take goes past it. With
/// nothing held, the head of the line never stands: it is either offered seats or sold out, and so the next one is the head.
/// It makes no difference whether a line is decided in one go or in several.
///
/// Kept seats are released to parties that do not need them by what is left that is free *or held*, since a held seat may yet
/// come free; a party is not sold out while they may still be released to it because all else that is left is held.
///
/// Nobody gets more than is left of their sale's share. Who waits for the share alone keeps what is left of it from those
/// behind in the same sale, and no seat from other sales' parties.
pub fn seat_in_order(
    hall: &Hall,
    free: &Free,
    held: &Free,
    standing: &[Standing],
    shares: &[Share],
    limit: usize,
) -> SeatingPlan {
    let mut rooms: Vec<u32> = shares.iter().map(|share| share.free).collect();
    let mut left = free.bits_of(hall).clone();
    let mut in_play = left.clone();
    in_play.add(held.bits_of(hall));
    // What is offered stays in play, so this holds for the whole line.
    let kept = hall.kept(&in_play);
    let mut barred = 0;
    let mut plan = SeatingPlan::default();
    // Whether a wish fits what is in play: in a long line without free seats, wishes repeat.
    let mut fits = BTreeMap::new();
    for &Standing { key, wish, sale } in standing {
        if plan.offers.len() + plan.sold_out.len() >= limit {
            break;
        }
        let acceptable = wish.acceptable(hall);
        let now = rooms.get(sale).map_or(Some(wish), |room| within(wish, *room));
        let ever = shares.get(sale).map_or(Some(wish), |share| within(wish, share.free.saturating_add(share.held)));
        let choice = now
            .filter(|_| acceptable & !barred != 0)
            .and_then(|wish| choose_keeping(hall, &left, &wish, barred, &kept));
        if let Some(choice) = choice {
            if let Some(room) = rooms.get_mut(sale) {
                *room -= choice.seats.len() as u32;
            }
            // Offered is not sold: these seats stay in play for those behind, as held ones.
            for &seat in &choice.seats {
                left.remove(seat);
            }
            // What is released depends on what is left.
            fits.clear();
            plan.offers.push(Offer { key, choice });
        } else if ever.is_some_and(|wish| {
            *fits.entry(wish).or_insert_with(|| choose_keeping(hall, &in_play, &wish, 0, &hall.kept(&left)).is_some())
        }) {
            // Whom the share alone keeps waiting could not take the seats now.
            if now.is_some() {
                barred |= acceptable;
            }
            if let Some(room) = rooms.get_mut(sale) {
                *room = room.saturating_sub(wish.party.into());
            }
            plan.standing += 1;
        } else {
            plan.sold_out.push(key);
        }
    }
    plan
}

/// The wish as far as so many seats can serve it.
fn within(wish: Wish, room: u32) -> Option<Wish> {
    if u32::from(wish.party) <= room {
        Some(wish)
    } else {
        (wish.fewer && room > 0).then_some(Wish { party: room as u8, ..wish })
    }
}
