//! Scheduled changes of the rate, below the hard cap.

use std::ops::RangeInclusive;

/// Rates that a schedule may name, in fans per minute.
pub const RATES: RangeInclusive<u32> = 1..=600_000;

/// A schedule has at most so many steps.
pub const STEPS_MAX: usize = 32;

/// A rate from a time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// From when, in milliseconds since 1970.
    pub at_ms: i64,
    /// Fans per rolling 60 seconds, within [`RATES`].
    pub rate_per_minute: u32,
}

/// What holds between two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Between {
    /// The earlier step's rate.
    #[default]
    Steps,
    /// The straight line from the earlier to the later, rounded down.
    Linear,
}

/// Why a schedule is none. Steps are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RampFault {
    /// More than [`STEPS_MAX`].
    #[error("a ramp has at most {STEPS_MAX} steps, not {given}")]
    TooMany {
        /// How many were given.
        given: usize,
    },
    /// Not later than the step before.
    #[error("step {step} of the ramp is not later than the one before it")]
    Order {
        /// Which one.
        step: usize,
    },
    /// Outside [`RATES`].
    #[error("step {step} of the ramp: {given} fans per minute are not within {} to {}", RATES.start(), RATES.end())]
    Rate {
        /// Which one.
        step: usize,
        /// The rate given.
        given: u32,
    },
}

/// A schedule of rates below the hard cap, which is in force before the first step: each step holds from its time until the
/// next one, the last for good, and what it says above the cap counts as the cap.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ramp {
    steps: Vec<Step>,
    between: Between,
}

impl Ramp {
    /// A schedule; an empty one changes nothing.
    ///
    /// # Errors
    /// [`RampFault`], which names the first faulty step.
    pub fn new(steps: Vec<Step>, between: Between) -> Result<Self, RampFault> {
        if steps.len() > STEPS_MAX {
            return Err(RampFault::TooMany { given: steps.len() });
        }
        for (nth, step) in steps.iter().enumerate() {
            if nth > 0 && steps[nth - 1].at_ms >= step.at_ms {
                return Err(RampFault::Order { step: nth + 1 });
            }
            if !RATES.contains(&step.rate_per_minute) {
                return Err(RampFault::Rate { step: nth + 1, given: step.rate_per_minute });
            }
        }
        Ok(Self { steps, between })
    }

    /// The steps in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What holds between them.
    #[must_use]
    pub const fn between(&self) -> Between {
        self.between
    }

    /// The rate in force at `now_ms`, in fans per minute: never above `cap`.
    #[must_use]
    pub fn rate_at(&self, cap: u32, now_ms: i64) -> u32 {
        self.scheduled(now_ms).map_or(cap, |rate| rate.min(cap))
    }

    /// What the steps alone say; nothing before the first.
    fn scheduled(&self, now_ms: i64) -> Option<u32> {
        let begun = self.steps.partition_point(|step| step.at_ms <= now_ms);
        let from = self.steps[begun.checked_sub(1)?];
        Some(match (self.between, self.steps.get(begun)) {
            (Between::Linear, Some(to)) => {
                let gone = i128::from(now_ms) - i128::from(from.at_ms);
                let whole = i128::from(to.at_ms) - i128::from(from.at_ms);
                let rise = i128::from(to.rate_per_minute) - i128::from(from.rate_per_minute);
                (i128::from(from.rate_per_minute) + (rise * gone).div_euclid(whole)) as u32
            }
            _ => from.rate_per_minute,
        })
    }

    /// The highest rate in force at any time from `from_ms` to `to_ms`, both included, in fans per minute: what no rolling
    /// minute that begins and ends there may exceed. Never above `cap`.
    #[must_use]
    pub fn highest(&self, cap: u32, from_ms: i64, to_ms: i64) -> u32 {
        let inside = self.steps.iter().filter(|step| (from_ms..=to_ms).contains(&step.at_ms));
        inside
            .map(|step| step.rate_per_minute.min(cap))
            .chain([self.rate_at(cap, from_ms), self.rate_at(cap, to_ms)])
            .max()
            .unwrap_or(cap)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn step(at_ms: i64, rate_per_minute: u32) -> Step {
        Step { at_ms, rate_per_minute }
    }

    #[test]
    fn each_step_holds_from_its_time() {
        let steps = vec![step(1_000, 60), step(2_000, 600), step(4_000, 200)];
        let stepwise = Ramp::new(steps.clone(), Between::Steps).unwrap();
        let linear = Ramp::new(steps, Between::Linear).unwrap();
        let by_time = [0, 999, 1_000, 1_500, 2_000, 3_000, 4_000, 9_000];
        assert_eq!(by_time.map(|at| stepwise.rate_at(700, at)), [700, 700, 60, 60, 600, 600, 200, 200]);
        assert_eq!(by_time.map(|at| linear.rate_at(700, at)), [700, 700, 60, 330, 600, 400, 200, 200]);
        assert_eq!(stepwise.highest(700, 0, 999), 700);
        assert_eq!(linear.highest(700, 1_500, 3_000), 600);
        assert_eq!(stepwise.highest(700, 3_000, i64::MAX), 600);
        assert_eq!(Ramp::default().rate_at(7, 5), 7);
    }

    #[test]
    fn a_step_above_the_cap_counts_as_the_cap() {
        let steps = vec![step(1_000, 100), step(2_000, 3_000), step(4_000, 200)];
        let ramp = |between| Ramp::new(steps.clone(), between).unwrap();
        let by_time = [999, 1_000, 1_050, 1_500, 2_000, 3_999, 4_000];
        let rates = |ramp: Ramp| by_time.map(|at| ramp.rate_at(300, at));
        assert_eq!(rates(ramp(Between::Steps)), [300, 100, 100, 100, 300, 300, 200]);
        assert_eq!(rates(ramp(Between::Linear)), [300, 100, 245, 300, 300, 201, 200]);
        assert_eq!(ramp(Between::Linear).highest(300, 1_000, 9_000), 300);
        assert_eq!(ramp(Between::Steps).highest(300, 1_000, 1_999), 100);
    }

    #[test]
    fn a_faulty_schedule_names_the_step() {
        let fault = |steps| Ramp::new(steps, Between::Steps).unwrap_err();
        assert_eq!(fault(vec![step(5, 1), step(5, 1)]), RampFault::Order { step: 2 });
        assert_eq!(fault(vec![step(5, 1), step(6, 0)]), RampFault::Rate { step: 2, given: 0 });
        assert_eq!(
            fault(vec![step(5, 600_001)]).to_string(),
            "step 1 of the ramp: 600001 fans per minute are not within 1 to 600000"
        );
        assert_eq!(fault((0..33).map(|at| step(at, 1)).collect()), RampFault::TooMany { given: 33 });
        assert!(Ramp::new((0..32).map(|at| step(at, 600_000)).collect(), Between::Linear).is_ok());
        let far = Ramp::new(vec![step(i64::MIN, 1), step(i64::MAX, 600_000)], Between::Linear).unwrap();
        assert_eq!(far.rate_at(600_000, 0), 300_000);
    }

    proptest! {
        /// A line lies between its ends, and a stretch's highest is no less than any rate in it.
        #[test]
        fn no_rate_is_above_the_highest(
            gaps in prop::collection::vec((1i64..90_000, 1u32..5_000), 0..8),
            linear: bool, cap in 1u32..6_000, from in 0i64..300_000, span in 0i64..120_000, part in 0i64..1_000) {
            let mut at_ms = 0;
            let steps = gaps.into_iter().map(|(gap, rate)| { at_ms += gap; step(at_ms, rate) }).collect();
            let ramp = Ramp::new(steps, if linear { Between::Linear } else { Between::Steps }).unwrap();
            let rate = ramp.rate_at(cap, from + span * part / 1_000);
            prop_assert!(rate <= ramp.highest(cap, from, from + span) && ramp.highest(cap, from, from + span) <= cap);
            prop_assert!(rate == cap || (1..5_000).contains(&rate));
        }
    }
}
