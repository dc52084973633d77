//! What a preview promises: the same caps as the real loop, honest consequences, the same answer twice.

use proptest::prelude::*;

use super::*;
use crate::pacing::{Between, BrakeRules, Knobs, Ramp, Step};

const NOW_MS: i64 = 1_800_000_000_000;

fn tuning(rate_per_minute: u32) -> Tuning {
    Tuning::new(Knobs { rate_per_minute, max_active: 1_000_000 })
}

fn situation(waiting: &[u8], free: u32) -> Situation<'_> {
    Situation {
        now_ms: NOW_MS,
        opens_at_ms: NOW_MS - 60_000,
        closes_at_ms: NOW_MS + 86_400_000,
        recent: &[],
        holding: &[],
        standing: &[],
        waiting,
        free,
        accessible: 0,
        gather_ms: 15_000,
        answer_ms: 0,
        brake: Brake::default(),
    }
}

/// Everybody comes, pays and asks for one seat.
const STEADY: Behaviour = Behaviour {
    show_up: 1.0,
    conversion: 1.0,
    lapse: 0.0,
    paid_after: Spread([60_000; 11]),
    released_after: Spread([60_000; 11]),
    lapsed_after: Spread([480_000; 11]),
    agree: 1.0,
    mean_party: 1.0,
    joins_per_minute: 0.0,
};

#[test]
fn a_steady_line_is_let_in_at_its_rate() {
    let waiting = [1; 6_000];
    let both = preview(&situation(&waiting, 100_000), &tuning(600), &tuning(1_200), &STEADY, 10, 1);
    let waits = both.without.waits.unwrap();
    // At twice the share each minute's worth goes in within its first half.
    assert!((270..=300).contains(&waits.p50_s) && (510..=540).contains(&waits.p90_s), "{waits:?}");
    let waits = both.with.waits.unwrap();
    assert!((120..=150).contains(&waits.p50_s), "{waits:?}");
    assert!((both.without.peak_per_minute, both.with.peak_per_minute) == (600, 1_200), "{both:?}");
    assert_eq!((both.without.peak_per_second, both.with.peak_per_second), (20, 40));
    assert!(both.without.unreached.abs() < 1e-9 && both.without.sold_out_at.is_none());
    assert!((5_000..6_000).contains(&both.moved), "{}", both.moved);
}

#[test]
fn the_seats_run_out_when_they_do() {
    let waiting = [1; 6_000];
    let both = preview(&situation(&waiting, 1_500), &tuning(600), &tuning(600), &STEADY, 10, 1);
    assert_eq!((both.moved, both.with), (0, both.without));
    assert!((both.with.unreached - 0.75).abs() < 1e-9);
    let sold_out = both.with.sold_out_at.unwrap();
    // The last of 1,500 goes in half-way through the third minute, and pays a minute later.
    assert_eq!(sold_out.low_ms, sold_out.high_ms);
    assert!((208_000..=212_000).contains(&(sold_out.low_ms - NOW_MS)), "{sold_out:?}");
}

#[test]
fn a_pause_reaches_nobody_and_a_ramp_is_followed() {
    let waiting = [2; 1_000];
    let held = Tuning { held: true, ..tuning(600) };
    let steps = [(0, 6), (600_000, 6_000)].map(|(by, rate_per_minute)| Step { at_ms: NOW_MS + by, rate_per_minute });
    let ramp = Tuning { ramp: Ramp::new(steps.to_vec(), Between::Steps).unwrap(), ..tuning(6_000) };
    let both = preview(&situation(&waiting, 10_000), &held, &ramp, &STEADY, 10, 1);
    assert_eq!((both.without.waits, both.moved), (None, 1_000));
    assert!((both.without.unreached - 1.0).abs() < 1e-9);
    let waits = both.with.waits.unwrap();
    assert!((600..=603).contains(&waits.p10_s) && waits.p90_s <= 610, "{waits:?}");
}

#[test]
fn an_engaged_brake_slows_until_it_has_come_back() {
    let waiting = [1; 6_000];
    let engaged = Situation { brake: Brake::told(0.25, Some(NOW_MS)), ..situation(&waiting, 100_000) };
    let rules = BrakeRules { recover_every_ms: 60_000, recover_by: 2.0, ..BrakeRules::default() };
    let braked = Tuning { brake: Some(rules), ..tuning(600) };
    let both = preview(&engaged, &braked, &tuning(600), &STEADY, 10, 1);
    // 150 in the first minute, 300 in the second, then 600 a minute: 3,000 are reached after 375 seconds.
    let waits = both.without.waits.unwrap();
    assert!((370..=380).contains(&waits.p50_s), "{waits:?}");
    let waits = both.with.waits.unwrap();
    assert!((270..=300).contains(&waits.p50_s), "without rules there is no brake: {waits:?}");
}

#[test]
fn few_active_bound_the_line_by_their_time() {
    let waiting = [1; 1_000];
    let few = Tuning { max_active: 50, ..tuning(6_000) };
    let both = preview(&situation(&waiting, 10_000), &few, &few, &STEADY, 10, 1);
    assert_eq!(both.with.peak_active, 50);
    let waits = both.with.waits.unwrap();
    assert!((540..=550).contains(&waits.p50_s), "fifty a minute: {waits:?}");
}

#[test]
fn who_holds_and_stands_now_counts() {
    let holding = [Holding { seats: 4, remaining_ms: 30_000 }; 10];
    let now = Situation { holding: &holding, standing: &[4, 4], recent: &[(100, 20)], ..situation(&[1, 1, 1], 0) };
    let never = Behaviour { conversion: 0.0, lapse: 1.0, ..STEADY };
    let both = preview(&now, &tuning(600), &tuning(600), &never, 10, 1);
    assert_eq!(both.with.waits.unwrap(), Waits { p10_s: 30, p50_s: 30, p90_s: 30 });
    assert_eq!(both.with.peak_active, 12);
    let all_pay = preview(&now, &tuning(600), &tuning(600), &STEADY, 10, 1);
    assert_eq!(all_pay.with.waits, None);
    assert!(all_pay.with.sold_out_at.is_some_and(|at| at.high_ms <= NOW_MS + 30_200));
}

#[test]
fn accessible_seats_are_the_last_to_go() {
    let few = Situation { free: 8, accessible: 2, ..situation(&[2; 1_000], 0) };
    let paid_at = |now: Situation<'_>| {
        let both = preview(&now, &tuning(6_000), &tuning(6_000), &STEADY, 10, 1);
        both.with.sold_out_at.unwrap().low_ms - NOW_MS
    };
    // Only when the four who took the others have paid, after a minute, does the fifth get its two.
    assert!((120_000..=121_000).contains(&paid_at(few)), "{}", paid_at(few));
    assert!((60_000..=61_000).contains(&paid_at(Situation { free: 10, accessible: 0, ..few })));
}

#[test]
fn seats_are_kept_for_the_head_only_for_a_while() {
    // Four want four, of whom two are held for a minute; behind them two want two.
    let holding = [Holding { seats: 2, remaining_ms: 60_000 }];
    let now = Situation { free: 2, holding: &holding, standing: &[4], ..situation(&[2], 0) };
    let let_in_after = |gather_ms: u32| {
        let tuned = tuning(600);
        let refuse = Behaviour { agree: 0.0, ..STEADY };
        preview(&Situation { gather_ms, ..now }, &tuned, &tuned, &refuse, 10, 1).with.waits.map(|waits| waits.p50_s)
    };
    assert_eq!((let_in_after(0), let_in_after(20_000)), (Some(0), Some(20)));
    // What is held is paid for before: then four can not be served any more, and two can.
    assert!(let_in_after(120_000).is_some_and(|s| (1..=60).contains(&s)));
}

#[test]
fn nobody_pays_or_gives_back_after_the_last_lapse() {
    let fans = Behaviour { lapsed_after: Spread([7_000; 11]), ..Behaviour::default() };
    let both = preview(&situation(&[1; 300], 100), &tuning(60_000), &tuning(60_000), &fans, 10, 1);
    let sold_out = both.with.sold_out_at.unwrap();
    assert!(sold_out.high_ms - NOW_MS < 120_000, "a chain of holds of seven seconds: {sold_out:?}");
}

#[test]
fn whom_nothing_fits_is_asked_and_takes_its_time() {
    // One seat for a line of pairs, who have 20 s each to say that they take it.
    let now = Situation { answer_ms: 20_000, ..situation(&[2; 100], 1) };
    let sold_out_after = |agree: f64| {
        let both = preview(&now, &tuning(6_000), &tuning(6_000), &Behaviour { agree, ..STEADY }, 10, 1);
        both.with.sold_out_at.map(|at| at.median_ms - NOW_MS)
    };
    assert!(sold_out_after(1.0).is_some_and(|ms| (60_000..=80_200).contains(&ms)));
    assert!(sold_out_after(0.1) > sold_out_after(1.0));
    assert_eq!(sold_out_after(0.0), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_preview_keeps_the_caps_and_repeats_itself(
        waiting in prop::collection::vec(1u8..9, 0..2_000), standing in prop::collection::vec(1u8..9, 0..20),
        holding in prop::collection::vec((1u8..9, 0u32..400_000), 0..50), recent in prop::collection::vec((0u32..60_000, 0u32..5), 0..9),
        free in 0u32..3_000, accessible in 0u32..40, rate in 1u32..3_000, target in prop::option::of(1u32..3_000), max_active in 1u32..500,
        rates in (0.0f64..=1.0, 0.0f64..=1.0, 0.0f64..=1.0), joins_per_minute in 0.0f64..50.0, seed: u64) {
        let holding: Vec<_> = holding.into_iter().map(|(seats, remaining_ms)| Holding { seats, remaining_ms }).collect();
        let now = Situation {
            recent: &recent, holding: &holding, standing: &standing,
            closes_at_ms: NOW_MS + 3_600_000, accessible, ..situation(&waiting, free)
        };
        let (show_up, conversion, lapse) = rates;
        let behaviour = Behaviour { show_up, conversion, lapse, joins_per_minute, ..Behaviour::default() };
        let proposed = Tuning { max_active, target_per_minute: target, ..tuning(rate) };
        let both = preview(&now, &proposed, &proposed, &behaviour, 5, seed);
        prop_assert_eq!(both, preview(&now, &proposed, &proposed, &behaviour, 5, seed));
        prop_assert_eq!((both.moved, both.with), (0, both.without));
        let already = (holding.len() + standing.len()) as u32;
        prop_assert!(both.with.peak_active <= max_active.max(already));
        prop_assert!(both.with.peak_per_minute <= rate.max(recent.iter().map(|(_, n)| n).sum()));
        prop_assert!((0.0..=1.0).contains(&both.with.unreached));
    }
}
