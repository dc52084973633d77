//! What estimates promise: honest ranges, no jumping, a reason when they move away.

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;
use crate::pacing::{Between, Knobs, Ramp, Step};

fn tuning(rate_per_minute: u32) -> Tuning {
    Tuning::new(Knobs { rate_per_minute, max_active: 1_000 })
}

fn outlook<'a>(tuning: &'a Tuning, minutes: &'a [Minute]) -> Outlook<'a> {
    Outlook { now_ms: 1_000_000, opens_at_ms: 0, resumes_at_ms: None, minutes, tuning, show_up: 1.0, brake: 1.0 }
}

fn minutes(admitted: &[u32], allowed: f64) -> Vec<Minute> {
    admitted.iter().map(|admitted| Minute { admitted: *admitted, allowed }).collect()
}

#[test]
fn a_steady_pace_gives_a_narrow_range_and_a_restless_one_a_wide_one() {
    let tuning = tuning(600);
    let of = |admitted: &[u32]| Forecast::new(&outlook(&tuning, &minutes(admitted, 600.0))).of(6_000).unwrap();
    let steady = of(&[600; 10]);
    assert_eq!(steady, Range { low_s: 570, high_s: 713 });
    let slower = of(&[300; 10]);
    assert!((900..1_100).contains(&slower.low_s) && (1_300..1_500).contains(&slower.high_s), "{slower:?}");
    let restless = of(&[600, 0, 600, 0, 600, 0, 600, 0]);
    assert!(restless.low_s < slower.low_s && restless.high_s > slower.high_s, "{restless:?}");
    let slowing = of(&[100, 100, 600, 600, 600, 600, 600, 600]);
    assert!(slowing.low_s < 600 && slowing.high_s > 3_600, "one end sees it first: {slowing:?}");
}

#[test]
fn nothing_is_said_where_nothing_honest_can_be() {
    let set = tuning(600);
    let held = Tuning { held: true, ..set.clone() };
    assert_eq!(Forecast::new(&outlook(&held, &[])).of(5), Err(Unknown::Paused));
    let until = Outlook { resumes_at_ms: Some(1_600_000), ..outlook(&held, &[]) };
    assert_eq!(Forecast::new(&until).of(600), Ok(Range { low_s: 630, high_s: 835 }));
    assert_eq!(Forecast::new(&outlook(&set, &minutes(&[0, 0, 0], 600.0))).of(5), Err(Unknown::Stalled));
    let unmeasured = Forecast::new(&outlook(&set, &minutes(&[0], 600.0))).of(600).unwrap();
    assert!(unmeasured.low_s <= 30 && unmeasured.high_s >= 180, "{unmeasured:?}");
    assert_eq!(Forecast::new(&outlook(&set, &[])).of(u64::MAX), Err(Unknown::TooLong));
    let early = Outlook { opens_at_ms: 1_100_000, ..outlook(&set, &[]) };
    assert_eq!(Forecast::new(&early).of(0).unwrap().low_s, 100);
    assert_eq!(Forecast::new(&outlook(&tuning(0), &[])).of(0), Err(Unknown::Stalled));
}

#[test]
fn a_ramp_is_waited_for() {
    let steps = [(1_000_000, 60), (1_600_000, 6_000)].map(|(at_ms, rate_per_minute)| Step { at_ms, rate_per_minute });
    for (between, low, high) in [(Between::Steps, 640, 760), (Between::Linear, 277, 340)] {
        let ramp = Ramp::new(steps.to_vec(), between).unwrap();
        let range =
            Forecast::new(&outlook(&Tuning { ramp, ..tuning(6_000) }, &minutes(&[60; 5], 60.0))).of(6_600).unwrap();
        assert!((low - 60..low).contains(&range.low_s) && range.high_s < high, "{between:?} {range:?}");
    }
}

/// A fan's way through a line: each second so many go in. Answers what was shown each second, and the wait.
struct Way {
    shown: Vec<(Shown, Change)>,
    told: Range,
    waited_s: u32,
}

fn way(ahead: u32, rate: u32, mut per_second: impl FnMut(usize) -> u32) -> Way {
    let tuning = tuning(rate);
    let mut admitted: Vec<u32> = (0..600).map(&mut per_second).collect();
    let (mut left, mut shown, mut told) = (ahead, Vec::<(Shown, Change)>::new(), None);
    let begun = admitted.len();
    loop {
        let minutes: Vec<_> = admitted
            .rchunks(60)
            .take(10)
            .map(|minute| Minute { admitted: minute.iter().sum(), allowed: f64::from(rate) })
            .collect();
        if let Ok(fresh) = Forecast::new(&outlook(&tuning, &minutes)).of(left.into()) {
            told.get_or_insert(fresh);
            shown.push(Shown::next(shown.last().map(|(shown, _)| *shown), fresh));
        }
        let now = per_second(admitted.len());
        admitted.push(now);
        if left < now || admitted.len() > begun + 100_000 {
            let waited_s = (admitted.len() - begun) as u32;
            return Way { shown, told: told.expect("somebody was let in"), waited_s };
        }
        left -= now;
    }
}

fn count(way: &Way, what: Change) -> usize {
    way.shown.iter().filter(|(_, change)| *change == what).count()
}

#[test]
fn at_a_constant_pace_the_shown_range_never_moves_away() {
    for (ahead, per_second) in [(10, 1), (3_000, 1), (5_000, 7), (100_000, 20)] {
        let way = way(ahead, per_second * 60, |_| per_second);
        assert_eq!(count(&way, Change::Later), 0, "{ahead} at {per_second}");
        assert!((way.told.low_s..=way.told.high_s).contains(&way.waited_s));
        assert!(count(&way, Change::Sooner) <= 160);
    }
    // All in the first half of each minute, as the caps have it.
    let bursts = way(9_000, 600, |second| if second % 60 < 30 { 20 } else { 0 });
    assert_eq!(count(&bursts, Change::Later), 0);
}

#[test]
fn noise_moves_what_is_shown_seldom_and_most_waits_are_in_range() {
    let (mut within, mut later, mut changes, mut seconds) = (0, 0, 0, 0);
    for seed in 0..60 {
        let mut chance = StdRng::seed_from_u64(seed);
        // Half of the pace on average, as seats come free in waves of ten seconds.
        let mut wave = 0;
        let way = way(3_000, 1_200, |second| {
            if second % 10 == 0 {
                wave = chance.random_range(0..=20);
            }
            (wave + chance.random_range(0..=1)).min(20)
        });
        within += usize::from((way.told.low_s..=way.told.high_s).contains(&way.waited_s));
        later += count(&way, Change::Later);
        changes += count(&way, Change::Sooner) + count(&way, Change::Later);
        seconds += way.shown.len();
    }
    assert!(within >= 48, "{within} of 60 in range");
    assert!(later <= 1, "{later} moved away");
    assert!(changes * 8 <= seconds, "{changes} changes in {seconds} s");
}

#[test]
fn a_real_slowdown_is_told_with_its_reason() {
    let way = way(6_000, 600, |second| if second < 700 { 10 } else { 2 });
    assert!((1..=8).contains(&count(&way, Change::Later)), "{}", count(&way, Change::Later));
    let first = way.shown.iter().position(|(_, change)| *change == Change::Later).unwrap();
    assert!((100..400).contains(&first), "told {} s after it began", first.saturating_sub(100));
}

proptest! {
    #[test]
    fn a_range_is_ordered_and_grows_with_those_ahead(
        admitted in prop::collection::vec((0u32..2_000, 0.0f64..2_000.0), 0..12), rate in 1u32..5_000, ahead in 0u64..3_000_000, more in 0u64..10_000) {
        let minutes: Vec<_> = admitted.into_iter().map(|(admitted, allowed)| Minute { admitted, allowed }).collect();
        let tuning = tuning(rate);
        let forecast = Forecast::new(&outlook(&tuning, &minutes));
        if let (Ok(near), Ok(far)) = (forecast.of(ahead), forecast.of(ahead + more)) {
            prop_assert!(near.low_s <= near.high_s && far.high_s <= LONGEST_S);
            prop_assert!(near.low_s <= far.low_s.saturating_add(1) , "{:?} {:?}", near, far);
        }
    }
}
