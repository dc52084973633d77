//! The chance that seats remain at a fan's turn, by tier, from what stands before them.
//!
//! Only who pays takes seats for good: whatever is held or wanted by others comes free again. So a tier's seats at one's turn
//! are those free or held now, less what the holders and those ahead will have paid for. That sum is a Poisson binomial
//! over parties: computed exactly (each party in turn takes its seats if they are still there and it pays) where that is quick, and by the normal distribution with the continuity correction beyond.
//!
//! Which tier somebody ahead takes is an approximation: the best of those wanted with room, by turns of expected overflow, then
//! of those accepted. Where seats lie is not looked at, and a party is taken to sit in one tier. For a single tier the odds are
//! within a few hundredths of the line played out, for several within fifteen, both worst near an even chance.

mod sold;

#[cfg(test)]
mod tests;

use crate::seats::{MAX_PARTY, TierMask, Wish};
use sold::Sold;

/// How many parties there are of 1, 2, … [`MAX_PARTY`] seats.
pub type BySize = [u32; MAX_PARTY as usize];

/// A price tier now. Tiers come in their order of preference, at most [`crate::seats::MAX_TIERS`]; the first is bit 0 of a mask.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tier {
    /// Seats that nobody has.
    pub free: u32,
    /// Holds that are not paid yet, pinned ones and those being captured included.
    pub held: BySize,
    /// The share of them that will be paid, 0 to 1.
    pub held_pays: f64,
    /// Accessible seats among those free or held.
    pub accessible: u32,
    /// Free seats that may be kept for parties that need an accessible one: nothing is certain by them for others.
    pub kept: u32,
    /// Whether others may have those at last. If not, odds are of what is left beside them.
    pub releases: bool,
}

impl Tier {
    /// Seats that may still be somebody else's.
    fn in_play(&self) -> u64 {
        u64::from(self.free) + seats(&self.held)
    }

    /// Of those, seats that a party without an accessible one may get. What is held may be a kept seat, too: then this is too many.
    fn for_others(&self) -> u64 {
        self.in_play() - if self.releases { 0 } else { u64::from(self.kept.min(self.free)) }
    }
}

/// Parties before the fan, waiting or admitted without seats, who ask for the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Demand {
    /// How many.
    pub parties: BySize,
    /// The tiers they want; 0 is any.
    pub wants: TierMask,
    /// Whether they accept another tier than those.
    pub other_tiers: bool,
    /// The share of them that will come and pay, 0 to 1.
    pub pays: f64,
}

/// A chance in steps honest enough to be shown: 0 and 100 are certain; otherwise from 5 ("at most") to 95 ("at least") by fives,
/// rounded down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chance(u8);

impl Chance {
    /// In percent.
    #[must_use]
    pub const fn percent(self) -> u8 {
        self.0
    }

    fn rounded(chance: f64) -> Self {
        // A hair more, so that an exact step is not lost to the last digit.
        Self(((chance * 20.0 + 1e-9) as u8 * 5).clamp(5, 95))
    }
}

/// What stands between a fan and their seats.
#[derive(Debug, Clone, PartialEq)]
pub struct Odds {
    tiers: Vec<Tier>,
    ahead: Vec<Demand>,
    sold: Vec<Sold>,
}

impl Odds {
    /// From the tiers and everybody ahead. Costs some hundred microseconds: to be made for a few points of the line, not for
    /// each fan. Shares outside 0 to 1 count as the nearest end.
    #[must_use]
    pub fn new(tiers: &[Tier], ahead: &[Demand]) -> Self {
        let all = mask_of(tiers.len());
        let mut left = vec![1.0; ahead.len()];
        let mut sold: Vec<_> =
            tiers.iter().map(|tier| Sold::new(tier.for_others(), &tier.held, share(tier.held_pays))).collect();
        for wanted in [true, false] {
            for (nth, sold) in sold.iter_mut().enumerate() {
                let here = |demand: &Demand| {
                    let wants = if demand.wants & all == 0 { all } else { demand.wants };
                    let wants_here = wants & (1 << nth) != 0;
                    if wanted { wants_here } else { demand.other_tiers && !wants_here }
                };
                let before = sold.turned_away();
                let mut came = 0.0;
                for (demand, left) in ahead.iter().zip(&left).filter(|(demand, left)| here(demand) && **left > 0.0) {
                    let pays = share(demand.pays) * left;
                    came += sold.add(&demand.parties, pays);
                }
                sold.settle();
                let overflow = if came > 0.0 { ((sold.turned_away() - before) / came).clamp(0.0, 1.0) } else { 1.0 };
                for (_, left) in ahead.iter().zip(&mut left).filter(|(demand, _)| here(demand)) {
                    *left *= overflow;
                }
            }
        }
        Self { tiers: tiers.to_vec(), ahead: ahead.to_vec(), sold }
    }

    /// The chance that this tier alone still has as many seats, 0 to 1; 0 for a tier that is none.
    #[must_use]
    pub fn of_tier(&self, tier: usize, seats: u8) -> f64 {
        self.sold.get(tier).map_or(0.0, |sold| sold.left_at_least(seats.into()))
    }

    /// The chance that some tier this fan accepts still has seats for them, 0 to 1.
    ///
    /// Where everybody ahead moves on to the next tier when one is full, the last tier to fill decides: the best single chance.
    /// Where nobody does, the tiers are independent. In between, the two are mixed by how much of what stands ahead moves on.
    #[must_use]
    pub fn of(&self, wish: &Wish) -> f64 {
        if certain_sold_out(&self.tiers, wish) {
            return 0.0;
        }
        let accepted = accepted(&self.tiers, wish);
        let chances = accepted.iter().map(|nth| self.of_tier(*nth, need(wish)));
        let best = chances.clone().fold(0.0, f64::max);
        let any = 1.0 - chances.fold(1.0, |none, chance| none * (1.0 - chance));
        let mask = accepted.iter().fold(0, |mask, nth| mask | 1 << nth);
        let held = accepted.iter().map(|nth| &self.tiers[*nth]);
        let held: f64 = held.map(|tier| seats(&tier.held) as f64 * share(tier.held_pays)).sum();
        let load = |demand: &Demand| seats(&demand.parties) as f64 * share(demand.pays);
        let touches = self.ahead.iter().filter(|demand| takes(demand, self.tiers.len()) & mask != 0);
        let all: f64 = held + touches.clone().map(load).sum::<f64>();
        let moves_on: f64 = touches.filter(|demand| takes(demand, self.tiers.len()) & mask == mask).map(load).sum();
        if all > 0.0 { any + (best - any) * (moves_on / all) } else { any }
    }

    /// The same in honest steps: 0 only if it is certain that nothing can come free for them, 100 only if enough is left even
    /// if everybody ahead pays.
    #[must_use]
    pub fn chance(&self, wish: &Wish) -> Chance {
        if certain_sold_out(&self.tiers, wish) {
            return Chance(0);
        }
        let wanted: u64 = self.ahead.iter().map(|demand| seats(&demand.parties)).sum();
        let enough = |free: u64, need: u64| free >= wanted + need;
        let need = u64::from(need(wish));
        // Any one tier whose free seats outnumber all that is wanted ahead.
        let safe = accepted(&self.tiers, wish)
            .iter()
            .any(|nth| enough(self.tiers[*nth].free.saturating_sub(self.tiers[*nth].kept).into(), need));
        if safe && !wish.accessible { Chance(100) } else { Chance::rounded(self.of(wish)) }
    }
}

/// Whether it is certain that nothing this fan accepts can come free for them any more, so that they are told at once: fewer
/// seats that they may get are free or held than they need, or no accessible one, whatever those ahead do. Seats that come back by
/// refunds are not counted; where a sale sells those again, nothing is certain before it closes.
#[must_use]
pub fn certain_sold_out(tiers: &[Tier], wish: &Wish) -> bool {
    let accepted = accepted(tiers, wish);
    let of = |tier: &Tier| if wish.accessible { tier.in_play() } else { tier.for_others() };
    // Also of a party sitting together: a row may be of several tiers.
    let in_play: u64 = accepted.iter().map(|nth| of(&tiers[*nth])).sum();
    in_play < u64::from(need(wish)) || wish.accessible && accepted.iter().all(|nth| tiers[*nth].accessible == 0)
}

/// Every tier that these parties would sit in.
const fn takes(demand: &Demand, tiers: usize) -> TierMask {
    let all = mask_of(tiers);
    if demand.other_tiers || demand.wants & all == 0 { all } else { demand.wants & all }
}

fn need(wish: &Wish) -> u8 {
    if wish.fewer { 1 } else { wish.party.max(1) }
}

fn accepted(tiers: &[Tier], wish: &Wish) -> Vec<usize> {
    let all = mask_of(tiers.len());
    let mask = if wish.tiers == 0 || wish.other_tiers { all } else { wish.tiers & all };
    (0..tiers.len()).filter(|nth| mask & (1 << nth) != 0).collect()
}

const fn mask_of(tiers: usize) -> TierMask {
    if tiers >= TierMask::BITS as usize { TierMask::MAX } else { (1 << tiers) - 1 }
}

fn share(share: f64) -> f64 {
    if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
}

fn seats(parties: &BySize) -> u64 {
    parties.iter().zip(1..).map(|(count, size)| u64::from(*count) * size).sum()
}
