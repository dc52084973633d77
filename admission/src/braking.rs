//! The automatic brake of one sale in the hands of this process: read once a second, told to the operators when it changes.

use domain::pacing::{Brake, BrakeChange, BrakeRules, BrakeWhy};
use metrics::{counter, gauge};
use store::leases::Lease;
use store::{Store, StoreError};

use crate::measure::SaleMeasure;
use crate::metrics::{BRAKE_CHANGES, BRAKED};

/// How often the booking path is read, in milliseconds.
const READ_EVERY_MS: i64 = 1_000;

/// The brake of one turn of office; the next begins without.
#[derive(Default)]
pub struct Braking {
    brake: Brake,
    why: String,
    read_ms: Option<i64>,
    /// When the factor last changed.
    changed_ms: Option<i64>,
    /// The factor that the operators were told, once they were.
    told: Option<f64>,
    counted: Option<Counted>,
}

/// A sale that this process slows, counted for as long as it does.
struct Counted;

impl Counted {
    fn new() -> Self {
        gauge!(BRAKED).increment(1.0);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        gauge!(BRAKED).decrement(1.0);
    }
}

impl Braking {
    /// The factor in force.
    pub const fn factor(&self) -> f64 {
        self.brake.factor()
    }

    /// Reads the booking path if it is time; without rules there is no brake.
    pub fn read(&mut self, rules: Option<BrakeRules>, measure: &mut SaleMeasure, free: u32, now_ms: i64) {
        let Some(rules) = rules else {
            if self.factor() < 1.0 {
                (self.brake, self.changed_ms) = (Brake::default(), Some(now_ms));
                "the brake was taken away".clone_into(&mut self.why);
                self.counted = None;
            }
            return;
        };
        if self.read_ms.is_some_and(|read_ms| now_ms - read_ms < READ_EVERY_MS) {
            return;
        }
        self.read_ms = Some(now_ms);
        let reading = measure.reading(&rules, free, self.changed_ms, now_ms);
        let Some(BrakeChange { from, to, why }) = self.brake.read(&rules, reading) else {
            return;
        };
        self.changed_ms = Some(now_ms);
        let (kind, words) = match why {
            BrakeWhy::Slow { p99_ms, bound_ms } => {
                ("slow", format!("the booking path takes {p99_ms} ms at the 99th percentile, more than {bound_ms}"))
            }
            BrakeWhy::Failing { errors, samples } => {
                ("failing", format!("the booking path fails: {errors} of {samples}"))
            }
            BrakeWhy::Recovering => ("recovering", "the booking path is well again; coming back by steps".to_owned()),
            BrakeWhy::Recovered => ("recovered", "the booking path is well again".to_owned()),
        };
        tracing::warn!(from, to, why = words, "the automatic brake changes the pace");
        counter!(BRAKE_CHANGES, "why" => kind).increment(1);
        self.why = words;
        if to < 1.0 {
            self.counted.get_or_insert_with(Counted::new);
        } else {
            self.counted = None;
        }
    }

    /// Tells the operators what they do not know yet.
    pub async fn tell(&mut self, store: &Store, lease: &Lease) -> Result<(), StoreError> {
        let factor = self.factor();
        if self.told.is_none_or(|told| told.to_bits() != factor.to_bits()) {
            let why = if self.why.is_empty() { "a new holder of the lease measures anew" } else { &self.why };
            store.tell_brake(lease, factor, why).await?;
            self.told = Some(factor);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lowest factor within a minute of five quick decisions a second, of which these are slow.
    fn lowest(slow: &[i64]) -> f64 {
        let (mut braking, mut measure, mut lowest) = (Braking::default(), SaleMeasure::default(), 1.0f64);
        for at_ms in (0..60_000).step_by(200) {
            measure.ticked(at_ms, if slow.contains(&at_ms) { 3_000 } else { 10 }, false);
            braking.read(Some(BrakeRules::default()), &mut measure, 100, at_ms);
            lowest = lowest.min(braking.factor());
        }
        lowest
    }

    #[test]
    fn a_hiccup_does_not_brake_and_nothing_brakes_twice() {
        let factors = [&[][..], &[20_000], &[20_000, 20_200], &[20_000, 20_200, 20_400]].map(lowest);
        assert_eq!(factors.map(f64::to_bits), [1.0f64, 1.0, 1.0, 0.5].map(f64::to_bits), "{factors:?}");
        let slow: Vec<i64> = (20_000..31_000).step_by(200).collect();
        assert_eq!(lowest(&slow).to_bits(), 0.125f64.to_bits(), "what stays slow brakes on");
    }
}
