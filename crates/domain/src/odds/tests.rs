//! Odds against the same line played out many times, and what is said to be certain against everything that may happen.

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;

use super::*;

const ONE: Wish = Wish { party: 1, tiers: 0, other_tiers: false, apart: false, fewer: false, accessible: false };

fn tier(free: u32, held: BySize, held_pays: f64) -> Tier {
    Tier { free, held, held_pays, accessible: 0, kept: 0, releases: true }
}

fn of(size: usize, count: u32) -> BySize {
    let mut by_size = [0; 8];
    by_size[size - 1] = count;
    by_size
}

fn demand(parties: BySize, wants: TierMask, other_tiers: bool, pays: f64) -> Demand {
    Demand { parties, wants, other_tiers, pays }
}

/// The line played out once: what each tier has left.
fn play(tiers: &[Tier], ahead: &[Demand], chance: &mut StdRng) -> Vec<u64> {
    let mut left: Vec<u64> = tiers
        .iter()
        .map(|tier| {
            let paid =
                tier.held.iter().zip(1u64..).map(|(count, size)| {
                    size * (0..*count).filter(|_| chance.random_bool(tier.held_pays)).count() as u64
                });
            tier.in_play() - paid.sum::<u64>()
        })
        .collect();
    let all = mask_of(tiers.len());
    let mut parties = Vec::new();
    for demand in ahead {
        let wants = if demand.wants == 0 { all } else { demand.wants };
        let rest = if demand.other_tiers { all & !wants } else { 0 };
        for (count, size) in demand.parties.iter().zip(1u64..) {
            parties.extend((0..*count).filter(|_| chance.random_bool(demand.pays)).map(|_| (size, wants, rest)));
        }
    }
    parties.shuffle(chance);
    for (size, wants, rest) in parties {
        let fits = |mask: TierMask| (0..left.len()).find(|nth| mask & (1 << nth) != 0 && left[*nth] >= size);
        if let Some(nth) = fits(wants).or_else(|| fits(rest)) {
            left[nth] -= size;
        }
    }
    left
}

/// The share of played-out lines in which the wish is met.
fn played(tiers: &[Tier], ahead: &[Demand], wish: &Wish) -> f64 {
    let mut chance = StdRng::seed_from_u64(7);
    let accepted = accepted(tiers, wish);
    let need = u64::from(need(wish));
    let met = |left: &[u64]| accepted.iter().any(|nth| left[*nth] >= need);
    (0..3_000).filter(|_| met(&play(tiers, ahead, &mut chance))).count() as f64 / 3_000.0
}

#[test]
fn one_tier_agrees_with_the_line_played_out() {
    let cases = [
        (tier(20, [0; 8], 0.0), demand(of(1, 24), 0, false, 0.8)),
        (tier(0, of(2, 30), 0.7), demand(of(1, 16), 0, false, 0.9)),
        (tier(50, of(2, 10), 0.9), demand([10, 20, 4, 5, 0, 0, 0, 0], 0, false, 0.75)),
        (tier(3_000, of(2, 500), 0.8), demand([500, 1_200, 100, 200, 0, 0, 0, 0], 0, false, 0.7)),
        (tier(1, [0; 8], 0.0), demand(of(4, 30), 0, false, 1.0)),
    ];
    for (tier, demand) in cases {
        for wish in [ONE, Wish { party: 2, ..ONE }, Wish { party: 4, ..ONE }, Wish { party: 4, fewer: true, ..ONE }] {
            let (said, came) = (Odds::new(&[tier], &[demand]).of(&wish), played(&[tier], &[demand], &wish));
            assert!((said - came).abs() < 0.06, "{tier:?} {demand:?} {}: said {said}, came {came}", wish.party);
        }
    }
}

#[test]
fn several_tiers_agree_about_as_well() {
    let tiers = [tier(30, of(2, 10), 0.8), tier(60, of(2, 20), 0.8), tier(200, [0; 8], 0.0)];
    let crowds = [
        vec![demand(of(2, 40), 0b001, true, 0.7), demand(of(1, 60), 0b110, false, 0.6)],
        vec![demand(of(2, 30), 0b001, false, 0.7), demand(of(2, 80), 0b010, true, 0.8)],
        vec![demand(of(2, 190), 0, false, 0.75)],
        vec![demand(of(1, 55), 0b001, false, 0.65), demand(of(1, 110), 0b010, false, 0.65)],
        vec![demand(of(1, 50), 0b001, true, 0.7), demand(of(2, 46), 0b010, false, 0.7)],
        vec![demand([40, 100, 10, 20, 0, 0, 0, 0], 0b011, true, 0.8)],
    ];
    for ahead in crowds {
        let odds = Odds::new(&tiers, &ahead);
        for tiers_wanted in [0, 0b001, 0b010, 0b100, 0b011] {
            for party in [1, 2, 4] {
                let wish = Wish { party, tiers: tiers_wanted, ..ONE };
                let (said, came) = (odds.of(&wish), played(&tiers, &ahead, &wish));
                assert!((said - came).abs() < 0.08, "{ahead:?} {wish:?}: said {said}, came {came}");
            }
        }
    }
}

#[test]
fn steps_are_honest() {
    let of = |free, ahead: u32, pays| {
        Odds::new(&[tier(free, [0; 8], 0.0)], &[demand(of(1, ahead), 0, false, pays)]).chance(&ONE).percent()
    };
    assert_eq!(of(0, 0, 0.5), 0, "nothing is left");
    assert_eq!(of(11, 10, 1.0), 100, "enough for all");
    assert_eq!(of(10, 10, 0.1), 95, "all ahead may pay");
    assert_eq!(of(10, 5_000, 0.9), 5, "none ahead may");
    assert_eq!(of(1, 1, 0.52), 45, "rounded down");
    assert_eq!(of(1, 1, 0.5), 50);
}

#[test]
fn sold_out_is_certain_only_when_nothing_can_come_free() {
    let held = tier(0, of(2, 1), 1.0);
    let tiers = [tier(0, [0; 8], 0.0), held];
    let sold_out = |wish: Wish| certain_sold_out(&tiers, &wish);
    assert!(sold_out(Wish { tiers: 0b01, ..ONE }));
    assert!(!sold_out(Wish { tiers: 0b01, other_tiers: true, ..ONE }));
    assert!(!sold_out(Wish { party: 2, ..ONE }), "a hold may still end unpaid");
    assert!(sold_out(Wish { party: 3, ..ONE }));
    assert!(!sold_out(Wish { party: 3, fewer: true, ..ONE }));
    assert!(sold_out(Wish { accessible: true, ..ONE }));
    assert!(certain_sold_out(&[], &ONE));
}

#[test]
fn seats_that_are_never_released_are_nothing_to_others() {
    let kept = |free, held| Tier { accessible: 1, kept: 2, releases: false, ..tier(free, held, 1.0) };
    let needs_one = Wish { accessible: true, ..ONE };
    assert!(certain_sold_out(&[kept(2, [0; 8])], &ONE));
    assert!(!certain_sold_out(&[kept(2, [0; 8])], &needs_one));
    assert!(!certain_sold_out(&[kept(2, [0; 8])], &Wish { party: 2, ..needs_one }), "with who comes along");
    assert!(certain_sold_out(&[kept(2, [0; 8])], &Wish { party: 3, ..needs_one }));
    assert!(!certain_sold_out(&[Tier { releases: true, ..kept(2, [0; 8]) }], &ONE));
    assert!(!certain_sold_out(&[kept(2, of(1, 1))], &ONE), "what is held may come back");
    assert!(!certain_sold_out(&[kept(3, [0; 8])], &ONE));
    // Three are left to them, not five.
    let chance = |ahead| Odds::new(&[kept(5, [0; 8])], &[demand(of(1, ahead), 0, false, 1.0)]).chance(&ONE).percent();
    assert_eq!((chance(2), chance(3)), (100, 5));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn odds_are_ordered_and_certainty_is_kept(
        tiers in prop::collection::vec((0u32..40, prop::array::uniform8(0u32..3), 0.0f64..=1.0), 1..4),
        ahead in prop::collection::vec((prop::array::uniform8(0u32..6), 0u32..8, any::<bool>(), 0.0f64..=1.0), 0..4),
        party in 1u8..9, wanted in 0u32..8, flags in (any::<bool>(), any::<bool>(), any::<bool>())) {
        let tiers: Vec<_> = tiers.into_iter().map(|(free, held, pays)| tier(free, held, pays)).collect();
        let all = mask_of(tiers.len());
        let ahead: Vec<_> = ahead.into_iter().map(|(parties, wants, other, pays)| demand(parties, wants & all, other, pays)).collect();
        let wish = Wish { party, tiers: wanted & all, other_tiers: flags.0, apart: flags.1, fewer: flags.2, accessible: false };
        let odds = Odds::new(&tiers, &ahead);
        let said = odds.of(&wish);
        prop_assert!((0.0..=1.0).contains(&said));
        let larger = odds.of(&Wish { party: 8, ..wish });
        prop_assert!(said >= larger - 1e-9, "a larger party has no better odds");
        let fewer = odds.of(&Wish { fewer: true, ..wish });
        prop_assert!(said <= fewer + 1e-9, "content with fewer has no worse ones");
        let came = played(&tiers, &ahead, &wish);
        match odds.chance(&wish).percent() {
            0 => prop_assert!(came < 0.0001 && certain_sold_out(&tiers, &wish)),
            100 => prop_assert!(came > 0.9999),
            percent => prop_assert!((5..=95).contains(&percent) && percent % 5 == 0),
        }
        // Nobody pays ahead: then everything in play is there.
        let nobody: Vec<_> = ahead.iter().map(|demand| Demand { pays: 0.0, ..*demand }).collect();
        let free: Vec<_> = tiers.iter().map(|tier| Tier { held_pays: 0.0, ..*tier }).collect();
        let best = free.iter().map(Tier::in_play).max().unwrap_or(0);
        if accepted(&free, &wish).len() == free.len() && best >= u64::from(party) {
            prop_assert!(Odds::new(&free, &nobody).of(&wish) > 0.999);
        }
    }
}

#[test]
fn kept_seats_make_nothing_certain() {
    let chance = |kept| {
        let tier = Tier { kept, ..tier(10, [0; 8], 1.0) };
        Odds::new(&[tier], &[]).chance(&Wish { party: 8, ..ONE }).percent()
    };
    assert_eq!([0, 2, 3].map(chance), [100, 100, 95]);
}
