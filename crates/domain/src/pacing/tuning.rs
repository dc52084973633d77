//! The operators' knobs together, and what they amount to at a time.

use super::{BrakeRules, Flow, Knobs, Ramp, SHOW_UP_LEAST, Window, allowance};

/// What the operators have set for a sale.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuning {
    /// Fans per rolling 60 seconds: the hard cap, whatever the ramp says.
    pub rate_per_minute: u32,
    /// Admitted, holding or paying at once.
    pub max_active: u32,
    /// Fans who should really come to shop per minute; the rate stays the cap. Nothing: as many as the rate lets in.
    pub target_per_minute: Option<u32>,
    /// Scheduled rates below the cap.
    pub ramp: Ramp,
    /// What the automatic brake goes by; nothing: there is none.
    pub brake: Option<BrakeRules>,
    /// Hold everybody: nobody is let in until told otherwise.
    pub held: bool,
    /// Emergency stop: nobody is let in either, and other roles stop more than this.
    pub stopped: bool,
}

/// What holds at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InForce {
    /// The hard caps: what [`allowance`] judges and the record names.
    pub knobs: Knobs,
    /// The pace aimed at, in fans per minute; never above the rate.
    pub per_minute: f64,
}

impl InForce {
    /// The smaller of both.
    #[must_use]
    pub fn at_most(self, other: Self) -> Self {
        let knobs = Knobs {
            rate_per_minute: self.knobs.rate_per_minute.min(other.knobs.rate_per_minute),
            max_active: self.knobs.max_active.min(other.knobs.max_active),
        };
        Self { knobs, per_minute: self.per_minute.min(other.per_minute) }
    }
}

impl Tuning {
    /// These knobs alone.
    #[must_use]
    pub fn new(knobs: Knobs) -> Self {
        Self {
            rate_per_minute: knobs.rate_per_minute,
            max_active: knobs.max_active,
            target_per_minute: None,
            ramp: Ramp::default(),
            brake: None,
            held: false,
            stopped: false,
        }
    }

    /// The highest pace that rate, ramp and target bring into force at any time from `from_ms` to `to_ms`, both included, in
    /// fans per minute; not asking whether the line is held, who comes, or what the brake does.
    #[must_use]
    pub fn highest_pace(&self, from_ms: i64, to_ms: i64) -> u32 {
        self.ramp.highest(self.rate_per_minute, from_ms, to_ms).min(self.target_per_minute.unwrap_or(u32::MAX))
    }

    /// What holds at `now_ms`, where `show_up` is [`super::ShowUp::share`] and `brake` is [`super::Brake::factor`]. Either
    /// outside its range counts as the nearest end; a held or stopped line has the rate 0.
    #[must_use]
    pub fn in_force(&self, now_ms: i64, show_up: f64, brake: f64) -> InForce {
        let rate_per_minute =
            if self.held || self.stopped { 0 } else { self.ramp.rate_at(self.rate_per_minute, now_ms) };
        let rate = f64::from(rate_per_minute);
        let share = if show_up.is_nan() { 1.0 } else { show_up.clamp(SHOW_UP_LEAST, 1.0) };
        let brake = if brake.is_nan() { 1.0 } else { brake.clamp(0.0, 1.0) };
        let aim = self.target_per_minute.map_or(rate, |target| rate.min(f64::from(target) / share));
        InForce { knobs: Knobs { rate_per_minute, max_active: self.max_active }, per_minute: aim * brake }
    }
}

/// How many may be let in now: the hard caps' allowance, and no more than an even flow at the pace aimed at. `now_ms` is of a
/// clock that does not go back. Whoever was let in is to be told to the flow, [`Flow::let_in`].
pub fn allowed(in_force: InForce, window: Window, active: u32, flow: &mut Flow, now_ms: i64) -> u32 {
    let hard = allowance(in_force.knobs, window, active);
    hard.min(flow.up_to(in_force.per_minute, now_ms))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pacing::{Between, Recent, Step};

    fn tuning(rate_per_minute: u32) -> Tuning {
        Tuning::new(Knobs { rate_per_minute, max_active: 100 })
    }

    #[test]
    fn the_target_is_of_fans_who_come() {
        let aimed = Tuning { target_per_minute: Some(300), ..tuning(500) };
        let per_minute = |show_up, brake| aimed.in_force(0, show_up, brake).per_minute;
        assert!((per_minute(1.0, 1.0) - 300.0).abs() < 1e-9);
        assert!((per_minute(0.75, 1.0) - 400.0).abs() < 1e-9);
        assert!((per_minute(0.5, 1.0) - 500.0).abs() < 1e-9, "the rate stays the cap");
        assert!((per_minute(0.1, 0.5) - 250.0).abs() < 1e-9);
        let plain = tuning(500).in_force(0, 0.5, 1.0).per_minute;
        assert!((plain - 500.0).abs() < 1e-9, "without a target nothing is corrected");
    }

    /// Five minutes at a steady rate: by second, evenly, and as many in all as the window lets in.
    #[test]
    fn a_steady_rate_is_steady_by_the_second() {
        let in_force = tuning(600).in_force(0, 1.0, 1.0);
        let (mut flow, mut recent, mut by_second) = (Flow::default(), Recent::default(), vec![0; 300]);
        for tick in 0..1_500 {
            let n = allowed(in_force, recent.window(tick * 200), 0, &mut flow, tick * 200);
            flow.let_in(n);
            recent.let_in(tick * 200, n);
            by_second[tick as usize / 5] += n;
        }
        assert!(by_second[1..].iter().all(|n| (2..=16).contains(n)), "{by_second:?}");
        let sum: u32 = by_second.iter().sum();
        assert!(sum > 2_980, "{sum}");
    }

    #[test]
    fn nobody_goes_in_while_everybody_is_held() {
        let flags = [Tuning { held: true, ..tuning(500) }, Tuning { stopped: true, ..tuning(500) }];
        for held in flags {
            let ramp = Ramp::new(vec![Step { at_ms: 0, rate_per_minute: 900 }], Between::Steps).unwrap();
            let in_force = Tuning { ramp, ..held }.in_force(5, 1.0, 1.0);
            assert_eq!(allowed(in_force, Window::default(), 0, &mut Flow::default(), 5), 0);
        }
    }

    proptest! {
        /// With ramps, targets, measurements, the brake, pauses and lost leases: no rolling minute has more than the highest
        /// rate in force in it, and no second more than twice its share.
        #[test]
        fn the_hard_caps_hold_whatever_is_aimed_at(
            steps in prop::collection::vec((1i64..60_000, 1u32..3_000), 0..6), linear: bool,
            rate in 1u32..3_000, target in prop::option::of(1u32..4_000),
            ticks in prop::collection::vec((1i64..2_000, 0.0f64..1.5, 0.0f64..1.2, 0u8..40, 0u32..60), 1..300)) {
            let mut at_ms = 10_000;
            let steps = steps.into_iter().map(|(gap, rate_per_minute)| { at_ms += gap; Step { at_ms, rate_per_minute } }).collect();
            let ramp = Ramp::new(steps, if linear { Between::Linear } else { Between::Steps }).unwrap();
            let mut tuning = Tuning { target_per_minute: target, ramp: ramp.clone(), max_active: 50, ..tuning(rate) };
            let mut flow = Flow::default();
            let mut let_in: Vec<(i64, u32)> = Vec::new();
            let mut now = 0;
            for (gap, show_up, brake, event, active) in ticks {
                now += gap;
                match event {
                    0 => flow = Flow::default(),
                    1 => tuning.held = !tuning.held,
                    _ => {}
                }
                let sum = |let_in: &[(i64, u32)], span: i64| -> u32 {
                    let_in.iter().filter(|(at, _)| *at > now - span).map(|(_, n)| n).sum()
                };
                let window = Window { last_minute: sum(&let_in, 60_000), last_second: sum(&let_in, 1_000) };
                let in_force = tuning.in_force(now, show_up, brake);
                prop_assert!(in_force.per_minute <= f64::from(in_force.knobs.rate_per_minute));
                let n = allowed(in_force, window, active, &mut flow, now);
                prop_assert!(n + active <= 50 || n == 0);
                prop_assert!(n == 0 || !tuning.held);
                flow.let_in(n);
                let_in.push((now, n));
                prop_assert!(sum(&let_in, 60_000) <= ramp.highest(rate, now - 59_999, now));
                prop_assert!(sum(&let_in, 1_000) <= (ramp.highest(rate, now - 999, now) * 2).div_ceil(60).max(1));
            }
        }
    }
}
