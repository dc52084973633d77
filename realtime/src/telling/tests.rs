//! What a page is told over time, as the line really moves.

use std::collections::VecDeque;

use contracts::places::{PlaceState, View};
use contracts::sales::SaleState;
use domain::estimate::{Forecast, Outlook};
use domain::pacing::{Knobs, Tuning};

use super::*;
use crate::tempo::Tempo;

/// A line at a set rate, seen once a second by its last fan.
struct Line {
    rate: u32,
    rate_version: i64,
    turn: u64,
    now_ms: i64,
    ahead: u64,
    admissions: VecDeque<(i64, u32)>,
    tempo: Tempo,
    telling: Telling,
}

impl Line {
    fn of(ahead: u64, rate: u32) -> Self {
        Self {
            rate,
            rate_version: 1,
            turn: 1,
            now_ms: 1_000_000,
            ahead,
            admissions: VecDeque::new(),
            tempo: Tempo::new(&VecDeque::new(), None, 1_000_000),
            telling: Telling::default(),
        }
    }

    fn sight(&self, fresh: Option<Range>) -> Sight {
        let view = View {
            state: PlaceState::Waiting,
            ahead: self.ahead,
            waiting: self.ahead + 1,
            estimate: None,
            chances: Vec::new(),
            sold_out_for_you: false,
            announcement: None,
            log_head: None,
            sale: SaleState::Open,
            pause_reason: None,
            stopped: false,
            opens_at_ms: None,
            hold: None,
            shops_until_ms: None,
            shops_frozen: None,
            kept_until_ms: None,
            question: None,
            booking_id: None,
            changed_at_ms: 0,
            server_now_ms: self.now_ms,
        };
        Sight {
            epoch: 1,
            seq: contracts::places::Seq::default(),
            view,
            fresh,
            rate_version: self.rate_version,
            turn: self.turn,
            turned_at_ms: 0,
        }
    }

    /// A second in which so many go in; what the fan is told then.
    fn second(&mut self, admitted: u32) -> Option<Estimate> {
        self.now_ms += 1_000;
        self.ahead = self.ahead.saturating_sub(admitted.into());
        self.admissions.push_back((self.now_ms, admitted));
        self.tempo.pass(&self.admissions, Some(self.rate.into()), self.now_ms);
        let forecast = Forecast::new(&Outlook {
            now_ms: self.now_ms,
            opens_at_ms: 0,
            resumes_at_ms: None,
            minutes: &self.tempo.minutes(),
            tuning: &Tuning::new(Knobs { rate_per_minute: self.rate, max_active: 100_000 }),
            show_up: 1.0,
            brake: 1.0,
        });
        let sight = self.sight(forecast.of(self.ahead).ok());
        self.telling.tell(&sight, self.now_ms)
    }
}

fn ends(estimate: Option<Estimate>) -> (u32, u32) {
    estimate.map(|estimate| (estimate.low_s, estimate.high_s)).expect("a range is told")
}

#[test]
fn at_a_constant_pace_what_is_shown_never_rises_and_is_kept() {
    for (rate, per_second) in [(600, [10, 10]), (600, [6, 8]), (600, [3, 2]), (1_200, [0, 30])] {
        let mut line = Line::of(3_000, rate);
        let mut before = (u32::MAX, u32::MAX);
        for second in 0.. {
            if line.ahead == 0 {
                break;
            }
            let told = line.second(per_second[second % 2]);
            let now = ends(told);
            assert!(now.0 <= before.0 && now.1 <= before.1, "{rate} {per_second:?} at {second}: {before:?} to {now:?}");
            let changed = told.and_then(|told| told.changed);
            assert_eq!(changed, (now != before && second > 0).then_some(EstimateChange::Sooner));
            before = now;
        }
        let kept: Vec<Kept> = line.telling.let_in(line.now_ms).collect();
        assert_eq!(kept.len(), 2, "the first told, and the one at half way");
        for (ahead, range, waited_s) in kept {
            assert!(range.low_s <= waited_s && waited_s <= range.high_s, "{ahead} ahead: {range:?}, waited {waited_s}");
        }
        assert_eq!(line.telling.let_in(line.now_ms).count(), 0);
    }
}

#[test]
fn a_real_slowdown_rises_with_its_reason() {
    let mut line = Line::of(6_000, 600);
    let mut told = ends(line.second(10));
    for _ in 0..180 {
        told = ends(line.second(10));
    }
    let mut rises = 0;
    for _ in 0..400 {
        let next = line.second(2);
        let now = ends(next);
        if now.0 > told.0 || now.1 > told.1 {
            rises += 1;
            assert_eq!(next.and_then(|next| next.changed), Some(EstimateChange::Slower));
        }
        told = now;
    }
    assert!((1..=6).contains(&rises), "it rose {rises} times");
    let really_s = u32::try_from(line.ahead / 2).unwrap();
    assert!(told.1 >= really_s / 2, "{told:?} for {really_s} s");
}

#[test]
fn a_new_rate_a_turn_and_those_put_before_are_told_as_such_and_leave_no_mark() {
    let mut line = Line::of(6_000, 600);
    line.second(10);
    line.rate = 60;
    line.rate_version = 2;
    assert_eq!(line.second(1).and_then(|told| told.changed), Some(EstimateChange::NewRate));
    line.second(1);
    line.ahead += 2_000;
    assert_eq!(line.second(1).and_then(|told| told.changed), Some(EstimateChange::PutBefore));
    (line.turn, line.rate) = (2, 600);
    assert_eq!(line.second(1).and_then(|told| told.changed), Some(EstimateChange::NewState));
    // Only what was told after the last of these is compared.
    let kept: Vec<Kept> = line.telling.let_in(line.now_ms + 60_000).collect();
    assert_eq!(kept.iter().map(|(_, _, waited_s)| *waited_s).collect::<Vec<_>>(), [60]);
}

#[test]
fn nothing_is_told_without_an_honest_range_and_an_absent_fan_says_nothing_of_it() {
    let mut line = Line::of(6_000, 600);
    line.second(10);
    let paused = line.sight(None);
    assert_eq!(line.telling.tell(&paused, 0), None);
    let mut skipped = line.sight(Some(Range { low_s: 0, high_s: 10 }));
    skipped.view.state = PlaceState::Skipped;
    line.telling.tell(&skipped, 0);
    assert_eq!(line.telling.let_in(60_000).count(), 0);
}

#[test]
fn what_a_page_shows_is_gone_on_from() {
    let seen = Estimate { low_s: 100, high_s: 300, changed: None };
    let noise = Some(Range { low_s: 110, high_s: 320 });
    assert_eq!(answer(Some(seen), noise), Some(seen));
    let later = answer(Some(seen), Some(Range { low_s: 400, high_s: 900 })).unwrap();
    assert_eq!((later.low_s, later.changed), (390, Some(EstimateChange::Slower)));
    let none = Estimate { low_s: 9, high_s: 3, changed: None };
    assert_eq!(answer(Some(none), noise), answer(None, noise));
    let mut resumed = Telling::resumed(Some(seen));
    let sight = Line::of(7, 1).sight(noise);
    assert_eq!(resumed.tell(&sight, 0), Some(seen));
}
