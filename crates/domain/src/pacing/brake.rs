//! The automatic brake: slows admissions while the booking path is in trouble.

/// Fewer slow answers than this, or fewer errors, in a reading are no breach: one hiccup does not brake.
pub const BREACH_LEAST: u32 = 3;

/// What the brake goes by. All times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BrakeRules {
    /// A 99th percentile of the booking path above this is a breach; see [`Reading::p99_ms`].
    pub p99_ms: u32,
    /// More errors per thousand answers than this are a breach, if they are [`BREACH_LEAST`] or more.
    pub errors_per_mille: u32,
    /// Fewer answers than this in a reading say nothing.
    pub least_samples: u32,
    /// So long after a change the factor is not halved.
    pub hold_off_ms: i64,
    /// At most so many halvings below 1.
    pub halvings_max: u8,
    /// A step back towards 1 comes so long after the last change and the last breach; not before `hold_off_ms`.
    pub recover_every_ms: i64,
    /// A step back multiplies by this; above 1.
    pub recover_by: f64,
}

impl Default for BrakeRules {
    fn default() -> Self {
        Self {
            p99_ms: 1_000,
            errors_per_mille: 20,
            least_samples: 20,
            hold_off_ms: 5_000,
            halvings_max: 4,
            recover_every_ms: 10_000,
            recover_by: 1.25,
        }
    }
}

/// Why rules of the brake are none.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum BrakeFault {
    /// It would come back sooner than it brakes again.
    #[error("the brake's recover_every_ms ({recover_every_ms}) is below its hold_off_ms ({hold_off_ms})")]
    TooSoon {
        /// As given.
        recover_every_ms: i64,
        /// As given.
        hold_off_ms: i64,
    },
    /// Nothing would hold it off.
    #[error("the brake's hold_off_ms must be at least 1000, not {0}")]
    HoldOff(i64),
    /// It would never come back.
    #[error("the brake's recover_by must be above 1 and at most 4, not {0}")]
    NoRecovery(f64),
    /// It would stop the sale.
    #[error("the brake's halvings_max must be 1 to 10, not {0}")]
    Halvings(u8),
    /// Chance would brake.
    #[error("the brake's least_samples must be at least 1")]
    Samples,
}

impl BrakeRules {
    /// Whether these rules can brake and come back.
    ///
    /// # Errors
    /// [`BrakeFault`] names the setting.
    pub fn check(&self) -> Result<(), BrakeFault> {
        if self.hold_off_ms < 1_000 {
            return Err(BrakeFault::HoldOff(self.hold_off_ms));
        }
        if self.recover_every_ms < self.hold_off_ms {
            let Self { recover_every_ms, hold_off_ms, .. } = *self;
            return Err(BrakeFault::TooSoon { recover_every_ms, hold_off_ms });
        }
        if !(self.recover_by > 1.0 && self.recover_by <= 4.0) {
            return Err(BrakeFault::NoRecovery(self.recover_by));
        }
        if !(1..=10).contains(&self.halvings_max) {
            return Err(BrakeFault::Halvings(self.halvings_max));
        }
        if self.least_samples == 0 {
            return Err(BrakeFault::Samples);
        }
        Ok(())
    }
}

/// What was measured of the booking path, about once a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// When, on a clock that does not go back.
    pub at_ms: i64,
    /// The 99th percentile of the answers' times, in milliseconds, but no more than the [`BREACH_LEAST`]th longest: of a few
    /// answers the percentile alone would be the longest.
    pub p99_ms: u32,
    /// How many answers were errors of ours.
    pub errors: u32,
    /// How many answers there were.
    pub samples: u32,
}

/// Why the factor changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrakeWhy {
    /// The booking path is slow.
    Slow {
        /// Its 99th percentile, in milliseconds.
        p99_ms: u32,
        /// The bound, in milliseconds.
        bound_ms: u32,
    },
    /// The booking path fails.
    Failing {
        /// Errors among the answers.
        errors: u32,
        /// Answers.
        samples: u32,
    },
    /// No breach for a while: one step back.
    Recovering,
    /// No breach for a while: the full pace again.
    Recovered,
}

/// A change to tell the operators.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BrakeChange {
    /// The factor before.
    pub from: f64,
    /// The factor from now on.
    pub to: f64,
    /// Why.
    pub why: BrakeWhy,
}

/// The factor on the pace, in (0, 1].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Brake {
    factor: f64,
    changed_ms: Option<i64>,
    breached_ms: Option<i64>,
}

impl Default for Brake {
    fn default() -> Self {
        Self { factor: 1.0, changed_ms: None, breached_ms: None }
    }
}

impl Brake {
    /// A brake as it was told to the operators: this factor, in (0, 1], since `changed_ms`.
    #[must_use]
    pub fn told(factor: f64, changed_ms: Option<i64>) -> Self {
        Self { factor: factor.clamp(f64::MIN_POSITIVE, 1.0), changed_ms, breached_ms: None }
    }

    /// The factor in force.
    #[must_use]
    pub const fn factor(&self) -> f64 {
        self.factor
    }

    /// Takes a reading and answers what changed. To be called also while nothing happens, with no samples: that is no breach,
    /// so that a brake which stopped the traffic it judges by is let go step by step.
    pub fn read(&mut self, rules: &BrakeRules, reading: Reading) -> Option<BrakeChange> {
        let since = |past: Option<i64>| past.map_or(i64::MAX, |past| reading.at_ms.saturating_sub(past));
        if let Some(why) = breach(rules, reading) {
            self.breached_ms = Some(reading.at_ms);
            let floor = (-f64::from(rules.halvings_max)).exp2();
            if self.factor <= floor || since(self.changed_ms) < rules.hold_off_ms {
                return None;
            }
            return Some(self.change((self.factor / 2.0).max(floor), why, reading.at_ms));
        }
        let calm_ms = since(self.changed_ms).min(since(self.breached_ms));
        if self.factor >= 1.0 || calm_ms < rules.recover_every_ms {
            return None;
        }
        let to = (self.factor * rules.recover_by).min(1.0);
        Some(self.change(to, if to < 1.0 { BrakeWhy::Recovering } else { BrakeWhy::Recovered }, reading.at_ms))
    }

    fn change(&mut self, to: f64, why: BrakeWhy, at_ms: i64) -> BrakeChange {
        let from = std::mem::replace(&mut self.factor, to);
        self.changed_ms = Some(at_ms);
        BrakeChange { from, to, why }
    }
}

fn breach(rules: &BrakeRules, reading: Reading) -> Option<BrakeWhy> {
    let Reading { p99_ms, errors, samples, .. } = reading;
    if samples < rules.least_samples {
        None
    } else if errors >= BREACH_LEAST
        && u64::from(errors) * 1_000 > u64::from(rules.errors_per_mille) * u64::from(samples)
    {
        Some(BrakeWhy::Failing { errors, samples })
    } else if p99_ms > rules.p99_ms {
        Some(BrakeWhy::Slow { p99_ms, bound_ms: rules.p99_ms })
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reading(second: i64, p99_ms: u32, errors: u32, samples: u32) -> Reading {
        Reading { at_ms: second * 1_000, p99_ms, errors, samples }
    }

    fn run(readings: impl IntoIterator<Item = Reading>) -> Vec<(i64, f64, BrakeWhy)> {
        let (mut brake, rules) = (Brake::default(), BrakeRules::default());
        let change = |r: Reading| brake.read(&rules, r).map(|change| (r.at_ms / 1_000, change.to, change.why));
        readings.into_iter().filter_map(change).collect()
    }

    #[test]
    fn a_slow_booking_path_halves_the_pace_until_it_recovers() {
        let slow = BrakeWhy::Slow { p99_ms: 1_500, bound_ms: 1_000 };
        let changes = run((0..60).map(|second| reading(second, if second < 8 { 1_500 } else { 200 }, 0, 100)));
        let expected = [
            (0, 0.5, slow),
            (5, 0.25, slow),
            (17, 0.3125, BrakeWhy::Recovering),
            (27, 0.390_625, BrakeWhy::Recovering),
            (37, 0.488_281_25, BrakeWhy::Recovering),
            (47, 0.610_351_562_5, BrakeWhy::Recovering),
            (57, 0.762_939_453_125, BrakeWhy::Recovering),
        ];
        assert_eq!(changes, expected);
    }

    #[test]
    fn errors_brake_and_a_floor_is_kept() {
        let changes = run((0..100).map(|second| reading(second, 10, 3, 100)));
        assert_eq!(
            changes.iter().map(|(at, to, _)| (*at, *to)).collect::<Vec<_>>(),
            [(0, 0.5), (5, 0.25), (10, 0.125), (15, 0.0625)]
        );
        assert_eq!(changes[0].2, BrakeWhy::Failing { errors: 3, samples: 100 });
    }

    #[test]
    fn a_few_answers_say_nothing() {
        assert_eq!(run((0..100).map(|second| reading(second, 60_000, 19, 19))), []);
        assert_eq!(run((0..100).map(|second| reading(second, 10, 2, 20))), [], "two errors are chance");
        let silent = run((0..200).map(|second| reading(second, 5_000, 0, if second == 0 { 50 } else { 0 })));
        assert_eq!(silent.last(), Some(&(40, 1.0, BrakeWhy::Recovered)));
    }

    #[test]
    fn rules_that_cannot_come_back_are_refused() {
        let rules = BrakeRules::default();
        assert_eq!(rules.check(), Ok(()));
        assert!(matches!(BrakeRules { recover_every_ms: 4_000, ..rules }.check(), Err(BrakeFault::TooSoon { .. })));
        assert!(matches!(BrakeRules { recover_by: 1.0, ..rules }.check(), Err(BrakeFault::NoRecovery(_))));
        assert!(matches!(BrakeRules { halvings_max: 0, ..rules }.check(), Err(BrakeFault::Halvings(0))));
        assert!(matches!(BrakeRules { hold_off_ms: 0, ..rules }.check(), Err(BrakeFault::HoldOff(0))));
    }

    proptest! {
        #[test]
        fn the_factor_stays_in_bounds_changes_slowly_and_comes_back(
            readings in prop::collection::vec((1i64..4_000, 0u32..3_000, 0u32..50, 0u32..100), 1..300),
            hold_off_ms in 1_000i64..20_000, halvings_max in 1u8..6, by in 1.05f64..3.0) {
            let rules = BrakeRules { hold_off_ms, halvings_max, recover_every_ms: hold_off_ms * 2, recover_by: by, ..BrakeRules::default() };
            prop_assert_eq!(rules.check(), Ok(()));
            let mut brake = Brake::default();
            let (mut at_ms, mut changed_ms) = (0, None);
            for (gap, p99_ms, errors, samples) in readings {
                at_ms += gap;
                let before = brake;
                if let Some(change) = brake.read(&rules, Reading { at_ms, p99_ms, errors, samples }) {
                    prop_assert!(changed_ms.is_none_or(|past| at_ms - past >= hold_off_ms));
                    prop_assert_eq!((change.from, change.to), (before.factor(), brake.factor()));
                    changed_ms = Some(at_ms);
                } else {
                    prop_assert!((before.factor() - brake.factor()).abs() < f64::EPSILON);
                }
                prop_assert!(brake.factor() >= 0.5f64.powi(i32::from(halvings_max)) && brake.factor() <= 1.0);
            }
            let steps = (f64::from(halvings_max) * 2f64.ln() / by.ln()).ceil() as i64 + 1;
            for _ in 0..=steps * (rules.recover_every_ms / 1_000 + 1) {
                at_ms += 1_000;
                brake.read(&rules, Reading { at_ms, p99_ms: 1, errors: 0, samples: 100 });
            }
            prop_assert!((brake.factor() - 1.0).abs() < f64::EPSILON);
        }
    }
}
