//! Other seats for parties that have some, behind everybody who has none.

use super::choose::choose_keeping;
use super::hall::Block;
use super::{Choice, Free, Hall, Seat, SeatingPlan, Wish};

/// A party that has seats and would rather have others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchanging {
    /// The caller's name for it.
    pub key: u64,
    /// What it asks for; how many is what it has.
    pub wish: Wish,
    /// The seats that it has, ascending.
    pub has: Vec<Seat>,
    /// Whether it wants none of the sections, and none of the standing areas, in which it has any.
    pub elsewhere: bool,
}

/// Finds as many other seats for each of these parties as it has, in their order; none for whom nothing fits.
///
/// They come behind the whole line, for which `plan` was made of the same `free` and `held`: a party gets nothing of what the plan
/// offers or asks about, and nothing of a tier that anybody accepts who goes on standing. So whoever stands finds everything free
/// that they would find without the exchanges, and what these give back on top. All that is in play stays in play, so no kept
/// seat is released by an exchange, and no party becomes sold out.
pub fn exchange_in_order(
    hall: &Hall,
    free: &Free,
    held: &Free,
    plan: &SeatingPlan,
    exchanging: &[Exchanging],
) -> Vec<(u64, Option<Choice>)> {
    let mut left = free.bits_of(hall).clone();
    let mut in_play = left.clone();
    in_play.add(held.bits_of(hall));
    let kept = hall.kept(&in_play);
    for &seat in plan.offers.iter().chain(&plan.asked).flat_map(|offer| &offer.choice.seats) {
        left.remove(seat);
    }
    let exchange = |party: &Exchanging| {
        let mut open = left.clone();
        for &seat in &party.has {
            open.remove(seat);
        }
        if party.elsewhere {
            for block in hall.blocks().iter().filter(|block| is_near(hall, block, &party.has)) {
                for seat in block.first..block.first + block.len {
                    open.remove(seat);
                }
            }
        }
        let wish = Wish { party: party.has.len() as u8, fewer: false, ..party.wish };
        let choice = choose_keeping(hall, &open, &wish, plan.wanted, &kept);
        for &seat in choice.iter().flat_map(|choice| &choice.seats) {
            left.remove(seat);
        }
        (party.key, choice)
    };
    exchanging.iter().map(exchange).collect()
}

/// Whether any of these seats is in the block, or in another one of its section.
fn is_near(hall: &Hall, block: &Block, seats: &[Seat]) -> bool {
    let section = |block: &Block| block.row.map(|(section, _)| section);
    seats
        .iter()
        .map(|&seat| hall.block_of(seat))
        .any(|own| own.first == block.first || section(own).is_some() && section(own) == section(block))
}
