//! Who a fan is: decided by the seed and the fan's number alone, whichever process plays them.

use contracts::places::Wishes;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde::{Deserialize, Serialize};

/// A fan's character.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// How many tickets they want.
    pub party: u8,
    /// Which.
    pub wishes: Wishes,
    /// What they do that a simple fan would not.
    pub twist: Twist,
    /// How they watch.
    pub watch: Watch,
    /// An account made in advance, instead of an anonymous visitor.
    pub account: bool,
    /// Joins from two devices at once.
    pub two_devices: bool,
    /// Comes again when the place ended without tickets.
    pub comes_again: bool,
}

/// What a fan does that a simple one would not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Twist {
    /// Nothing: waits, pays, goes.
    Nice,
    /// Leaves the line while waiting.
    Leaves,
    /// Is away near the head of the line, and comes back later.
    AwayThenBack,
    /// Is away near the head of the line, for good.
    AwayForGood,
    /// Lets the hold run out.
    LetsLapse,
    /// Gives the seats back.
    GivesBack,
    /// Has one card declined, then pays with another.
    Declined,
    /// Asks to pay twice and confirms twice, from two tabs.
    PaysTwice,
    /// Confirms after the deadline.
    PaysLate,
    /// Extends the hold, then pays.
    Extends,
    /// Asks for other seats, then pays for what there is.
    Exchanges,
    /// Pays with a card that makes the provider misbehave.
    OddCard(OddCard),
}

/// A card that makes the provider misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OddCard {
    /// No webhook ever comes.
    Silent,
    /// Each webhook comes three times.
    Duplicate,
    /// Webhooks come late and in the wrong order.
    OutOfOrder,
    /// Stays `processing` for some seconds.
    Slow,
    /// Says `canceled` when asked to cancel, and succeeds all the same.
    SuccessAfterCancel,
}

impl OddCard {
    /// The provider's name for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Silent => "pm_usher_silent",
            Self::Duplicate => "pm_usher_duplicate",
            Self::OutOfOrder => "pm_usher_out_of_order",
            Self::Slow => "pm_usher_slow",
            Self::SuccessAfterCancel => "pm_usher_success_after_cancel",
        }
    }
}

/// How a fan watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Watch {
    /// One socket.
    Socket,
    /// Two tabs, each with a socket.
    TwoTabs,
    /// A socket that breaks now and then and resumes.
    Reconnects,
    /// No socket at all.
    Polls,
}

/// Shares in a thousand; the rest is nice.
const TWISTS: [(u32, Twist); 15] = [
    (40, Twist::Leaves),
    (30, Twist::AwayThenBack),
    (35, Twist::AwayForGood),
    (80, Twist::LetsLapse),
    (45, Twist::GivesBack),
    (80, Twist::Declined),
    (60, Twist::PaysTwice),
    (45, Twist::PaysLate),
    (50, Twist::Extends),
    (40, Twist::OddCard(OddCard::Silent)),
    (40, Twist::OddCard(OddCard::Duplicate)),
    (40, Twist::OddCard(OddCard::OutOfOrder)),
    (40, Twist::OddCard(OddCard::Slow)),
    (30, Twist::OddCard(OddCard::SuccessAfterCancel)),
    (45, Twist::Exchanges),
];
/// Shares in a thousand; the rest has one socket.
const WATCHES: [(u32, Watch); 3] = [(80, Watch::TwoTabs), (120, Watch::Reconnects), (60, Watch::Polls)];
/// Shares in a thousand of parties of 1 to 6.
const PARTIES: [(u32, u8); 6] = [(220, 1), (340, 2), (150, 3), (170, 4), (60, 5), (60, 6)];

fn draw<T: Copy>(rng: &mut StdRng, shares: &[(u32, T)]) -> Option<T> {
    let mut roll = rng.random_range(0..1_000_u32);
    for (share, value) in shares {
        if roll < *share {
            return Some(*value);
        }
        roll -= share;
    }
    None
}

/// The random source of a fan: its moments and choices.
#[must_use]
pub fn chance(seed: u64, fan: u32) -> StdRng {
    // The golden ratio spreads neighbouring numbers over the seeds.
    StdRng::seed_from_u64(seed ^ u64::from(fan + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

impl Plan {
    /// The fan with this number in the crowd of this seed.
    pub fn new(rng: &mut StdRng, tiers: &[String]) -> Self {
        let party = draw(rng, &PARTIES).unwrap_or(2);
        let watch = draw(rng, &WATCHES).unwrap_or(Watch::Socket);
        let account = rng.random_bool(0.1);
        Self {
            party,
            wishes: wishes(rng, tiers, party),
            twist: draw(rng, &TWISTS).unwrap_or(Twist::Nice),
            watch,
            account,
            two_devices: account && rng.random_bool(0.5),
            comes_again: rng.random_bool(0.4),
        }
    }

    /// A visitor alone with one socket, who takes any seat.
    #[must_use]
    pub fn plain(twist: Twist) -> Self {
        let wishes = Wishes { other_tiers: true, apart: true, ..Wishes::default() };
        Self { party: 1, wishes, twist, watch: Watch::Socket, account: false, two_devices: false, comes_again: false }
    }
}

/// Two fifths take anything; the others have wishes of every kind. Enough are flexible for the last odd seats to be sold.
fn wishes(rng: &mut StdRng, tiers: &[String], party: u8) -> Wishes {
    let anything = Wishes { other_tiers: true, apart: true, fewer: party > 1, ..Wishes::default() };
    if tiers.is_empty() || rng.random_bool(0.4) {
        return anything;
    }
    let mut wished = vec![tiers[rng.random_range(0..tiers.len())].clone()];
    if tiers.len() > 1 && rng.random_bool(0.4) {
        let second = &tiers[rng.random_range(0..tiers.len())];
        if *second != wished[0] {
            wished.push(second.clone());
        }
    }
    Wishes {
        tiers: if rng.random_bool(0.75) { wished } else { Vec::new() },
        other_tiers: rng.random_bool(0.5),
        apart: rng.random_bool(0.7),
        fewer: party > 1 && rng.random_bool(0.5),
        accessible: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_people_and_all_kinds_occur() {
        let tiers = ["a", "b", "c"].map(str::to_owned);
        let plan = |seed, fan| format!("{:?}", Plan::new(&mut chance(seed, fan), &tiers));
        assert_eq!(plan(7, 3), plan(7, 3));
        assert_ne!(
            (0..50).map(|fan| plan(7, fan)).collect::<Vec<_>>(),
            (0..50).map(|fan| plan(8, fan)).collect::<Vec<_>>()
        );
        let people: Vec<Plan> = (0..5_000).map(|fan| Plan::new(&mut chance(1, fan), &tiers)).collect();
        for (_, twist) in TWISTS {
            assert!(people.iter().any(|plan| plan.twist == twist), "{twist:?}");
        }
        assert!(people.iter().filter(|plan| plan.twist == Twist::Nice).count() > 1_200);
        assert!((400..600).contains(&people.iter().filter(|plan| plan.account).count()));
    }
}
