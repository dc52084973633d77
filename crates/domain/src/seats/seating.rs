//! Seating a line of parties, in order.

use std::collections::BTreeMap;

use super::choose::{choose_released, releases_accessible};
use super::{Choice, Free, Hall, Wish};

/// A party that has been let in and has no seats yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The caller's name for it.
    pub key: u64,
    /// What it asks for.
    pub wish: Wish,
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
/// Accessible seats are released to parties that do not need them only when nothing else is left that is free *or held*,
/// since a held seat may yet come free; a party is not sold out while they may still be released to it because all else
/// that is left is held.
pub fn seat_in_order(hall: &Hall, free: &Free, held: &Free, standing: &[Standing], limit: usize) -> SeatingPlan {
    let mut left = free.bits_of(hall).clone();
    let mut in_play = left.clone();
    in_play.add(held.bits_of(hall));
    let mut barred = 0;
    let mut plan = SeatingPlan::default();
    // Whether a wish fits what is in play: in a long line without free seats, wishes repeat.
    let mut fits = BTreeMap::new();
    for &Standing { key, wish } in standing {
        if plan.offers.len() + plan.sold_out.len() >= limit {
            break;
        }
        let acceptable = wish.acceptable(hall);
        let choice = if acceptable & !barred == 0 {
            None
        } else {
            choose_released(hall, &left, &wish, barred, releases_accessible(hall, &in_play, &wish))
        };
        if let Some(choice) = choice {
            // Offered is not sold: these seats stay in play for those behind, as held ones.
            for &seat in &choice.seats {
                left.remove(seat);
            }
            // What is released depends on what is left.
            fits.clear();
            plan.offers.push(Offer { key, choice });
        } else if *fits.entry(wish).or_insert_with(|| {
            choose_released(hall, &in_play, &wish, 0, releases_accessible(hall, &left, &wish)).is_some()
        }) {
            barred |= acceptable;
            plan.standing += 1;
        } else {
            plan.sold_out.push(key);
        }
    }
    plan
}
