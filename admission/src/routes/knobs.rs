//! The knobs between the contract and the store, checked.

use std::ops::RangeInclusive;

use contracts::consoles::{Between, Brake, ChangeTuning, Ramp, RampStep, Tuning};
use contracts::problem::Problem;
use domain::pacing::{BrakeRules, RATES};
use store::tuning::{BrakeNow, KnobChange, Knobs, RampNow};

/// The knobs as they are told.
pub fn shown(knobs: Knobs) -> Tuning {
    let Knobs { rate_per_minute, max_active, target_per_minute, grace_ms, presence_ms, ramp, brake } = knobs;
    let ramp = ramp.map(|ramp| Ramp {
        steps: ramp.steps.iter().map(|s| RampStep { at_ms: s.at_ms, rate_per_minute: s.rate_per_minute }).collect(),
        between: if ramp.linear { Between::Linear } else { Between::Steps },
    });
    let brake = brake.map(|kept| Brake {
        p99_ms: kept.p99_ms,
        errors_per_mille: kept.errors_per_mille,
        least_samples: kept.least_samples,
        hold_off_ms: kept.hold_off_ms,
        halvings_max: kept.halvings_max,
        recover_every_ms: kept.recover_every_ms,
        recover_percent: kept.recover_percent,
    });
    Tuning { rate_per_minute, max_active, target_per_minute, grace_ms, presence_ms, ramp, brake }
}

/// The change that is asked for, if every knob it names can be set so.
pub fn change(asked: &ChangeTuning) -> Result<KnobChange, Problem> {
    let rates = i64::from(*RATES.start())..=i64::from(*RATES.end());
    within("rate_per_minute", asked.rate_per_minute, &rates, "; to let nobody in, pause")?;
    within("max_active", asked.max_active, &(1..=1_000_000), "; to let nobody in, pause")?;
    within("target_per_minute", asked.target_per_minute.flatten(), &rates, "; null takes it away")?;
    within("grace_ms", asked.grace_ms, &(0..=3_600_000), "")?;
    within("presence_ms", asked.presence_ms, &(5_000..=600_000), "")?;
    let change = KnobChange {
        rate_per_minute: asked.rate_per_minute,
        max_active: asked.max_active,
        target_per_minute: asked.target_per_minute,
        grace_ms: asked.grace_ms,
        presence_ms: asked.presence_ms,
        ramp: asked.ramp.as_ref().map(|ramp| ramp.as_ref().map(ramp_of).transpose()).transpose()?,
        brake: asked.brake.map(|brake| brake.map(brake_of).transpose()).transpose()?,
    };
    if change.is_empty() {
        return Err(Problem::invalid(
            "name at least one of rate_per_minute, max_active, target_per_minute, grace_ms, presence_ms, ramp and brake",
        ));
    }
    Ok(change)
}

/// Refuses a new ramp with a step above the rate that will be set, which is the hard cap and would win. A rate that is lowered
/// below the ramp as it stands is taken: that must be quick.
pub fn below_cap(change: &KnobChange, knobs: &Knobs) -> Result<(), Problem> {
    let cap = change.rate_per_minute.unwrap_or(knobs.rate_per_minute);
    let steps = change.ramp.iter().flatten().flat_map(|ramp| &ramp.steps);
    match (1..).zip(steps).find(|(_, step)| step.rate_per_minute > cap) {
        Some((nth, step)) => Err(Problem::invalid(format!(
            "ramp: step {nth} says {} fans per minute, above rate_per_minute, {cap}, which is the hard cap: raise that too, or lower the step",
            step.rate_per_minute
        ))),
        None => Ok(()),
    }
}

fn within(name: &str, given: Option<impl Into<i64>>, range: &RangeInclusive<i64>, hint: &str) -> Result<(), Problem> {
    match given.map(Into::into) {
        Some(given) if !range.contains(&given) => {
            Err(Problem::invalid(format!("{name}: {} to {}, not {given}{hint}", range.start(), range.end())))
        }
        _ => Ok(()),
    }
}

fn ramp_of(ramp: &Ramp) -> Result<RampNow, Problem> {
    if ramp.steps.is_empty() {
        return Err(Problem::invalid("ramp: at least one step; null takes it away"));
    }
    let step = |step: &RampStep| store::tuning::RampStep { at_ms: step.at_ms, rate_per_minute: step.rate_per_minute };
    let kept = RampNow { steps: ramp.steps.iter().map(step).collect(), linear: ramp.between == Between::Linear };
    kept.rules().map_err(|fault| Problem::invalid(format!("ramp: {fault}")))?;
    Ok(kept)
}

fn brake_of(brake: Brake) -> Result<BrakeNow, Problem> {
    within("brake.p99_ms", Some(brake.p99_ms), &(1..=600_000), "")?;
    within("brake.errors_per_mille", Some(brake.errors_per_mille), &(0..=1_000), "")?;
    within("brake.recover_every_ms", Some(brake.recover_every_ms), &(1_000..=3_600_000), "")?;
    let kept = BrakeNow {
        p99_ms: brake.p99_ms,
        errors_per_mille: brake.errors_per_mille,
        least_samples: brake.least_samples,
        hold_off_ms: brake.hold_off_ms,
        halvings_max: brake.halvings_max,
        recover_every_ms: brake.recover_every_ms,
        recover_percent: brake.recover_percent,
    };
    BrakeRules::from(kept).check().map_err(|fault| Problem::invalid(fault.to_string()))?;
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn fault(change: Value) -> String {
        super::change(&serde_json::from_value(change).unwrap()).unwrap_err().detail
    }

    #[test]
    fn a_knob_out_of_its_range_is_named_with_the_range() {
        for (given, words) in [
            (json!({"rate_per_minute": 0}), "rate_per_minute: 1 to 600000, not 0; to let nobody in, pause"),
            (json!({"rate_per_minute": 600_001}), "rate_per_minute: 1 to 600000, not 600001"),
            (json!({"max_active": 0}), "max_active: 1 to 1000000"),
            (json!({"target_per_minute": 0}), "target_per_minute: 1 to 600000, not 0; null"),
            (json!({"presence_ms": 4_999}), "presence_ms: 5000"),
            (json!({"ramp": {"steps": []}}), "ramp: at least one step"),
            (json!({"ramp": {"steps": [{"at_ms": 1, "rate_per_minute": 0}]}}), "ramp: step 1 of the ramp: 0 fans"),
            (json!({"brake": {"recover_percent": 100}}), "recover_by"),
            (json!({"brake": {"recover_every_ms": 4_000}}), "recover_every_ms (4000)"),
            (json!({}), "name at least one"),
        ] {
            let detail = fault(given);
            assert!(detail.contains(words), "{words}: {detail}");
        }
    }

    #[test]
    fn null_takes_a_knob_away_and_silence_leaves_it() {
        let asked: ChangeTuning = serde_json::from_value(json!({"ramp": null, "brake": {}})).unwrap();
        let changed = change(&asked).unwrap();
        assert_eq!((changed.ramp, changed.target_per_minute), (Some(None), None));
        assert_eq!(BrakeRules::from(changed.brake.flatten().unwrap()), BrakeRules::default());
    }
}
