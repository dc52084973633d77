//! Which changes are dangerous, and the code that confirms one: an HMAC over exactly this change by this operator to the
//! knobs of this version, valid for a minute. Nothing is stored.

use contracts::papers::Papers;
use contracts::problem::Problem;
use store::tuning::{Knobs, Tune, Tuned};
use uuid::Uuid;

/// So far ahead is soon, in milliseconds.
const SOON_MS: i64 = 3_600_000;

/// The highest pace that these knobs bring into force in a stretch of time. Kept ramps were checked.
fn pace(knobs: &Knobs, from_ms: i64, to_ms: i64) -> u32 {
    knobs.tuning().map_or(knobs.rate_per_minute, |tuning| tuning.highest_pace(from_ms, to_ms))
}

/// Now, soon and ever: when, and the highest pace before a change and after it.
fn paces(from: &Tuned, to: &Knobs) -> [(&'static str, u32, u32); 3] {
    let soon_ms = from.now_ms.saturating_add(SOON_MS);
    [("at once", from.now_ms), ("within an hour", soon_ms), ("later", i64::MAX)]
        .map(|(when, to_ms)| (when, pace(&from.knobs, from.now_ms, to_ms), pace(to, from.now_ms, to_ms)))
}

/// What is dangerous about a change, one line each, in words that say what it will do; `highest_minute` is the most that were
/// ever let in within a minute.
pub fn dangers(from: &Tuned, tune: &Tune, highest_minute: u32) -> Vec<String> {
    let rate = pace(&from.knobs, from.now_ms, from.now_ms);
    match tune {
        Tune::Pause => Vec::new(),
        Tune::Stop => vec![
            "from then on nobody can join and nobody is let in, until it is started again; places, holds and payments are kept".to_owned(),
        ],
        Tune::Start if from.pause_reason.is_some() => {
            vec!["from then on fans can join again; nobody is let in, since it is paused too".to_owned()]
        }
        Tune::Start => vec![format!("from then on fans can join again and are let in at {rate} per minute")],
        Tune::Resume if from.stop_reason.is_some() => {
            vec!["the pause ends; nobody is let in yet, since it is stopped too".to_owned()]
        }
        Tune::Resume => vec![format!("from then on fans are let in again at {rate} per minute")],
        Tune::Knobs(_) | Tune::Undo => {
            from.knobs_after(tune).map(|to| of_knobs(from, &to, highest_minute)).unwrap_or_default()
        }
    }
}

fn of_knobs(from: &Tuned, to: &Knobs, highest_minute: u32) -> Vec<String> {
    let mut found = Vec::new();
    let paces = paces(from, to);
    if let Some((when, before, after)) = paces.iter().find(|(_, before, after)| *after > before.saturating_mul(2)) {
        found.push(format!("the pace goes from {before} to {after} fans per minute {when}, more than twice as fast"));
    }
    let raised = paces.iter().filter(|(_, before, after)| after > before).map(|(.., after)| *after).max();
    if let Some(after) = raised.filter(|after| *after > highest_minute) {
        found.push(format!(
            "{after} fans per minute is more than was ever measured here: {highest_minute} in the busiest minute so far"
        ));
    }
    if to.brake.is_none() && from.brake_factor < 0.5 {
        let percent = from.brake_factor * 100.0;
        found.push(format!("the automatic brake, which slows the pace to {percent:.0} percent, is taken away"));
    }
    let knobs = &from.knobs;
    if to.max_active > knobs.max_active.saturating_mul(2) {
        found.push(format!(
            "max_active goes from {} to {}, more than twice as many at once",
            knobs.max_active, to.max_active
        ));
    }
    if to.presence_ms < knobs.presence_ms / 2 {
        found.push(format!(
            "a fan counts as absent after {} ms without a sign instead of {}: whose page polls less often is passed over",
            to.presence_ms, knobs.presence_ms
        ));
    }
    if to.grace_ms < knobs.grace_ms / 2 {
        found.push(format!(
            "an absent fan keeps the head of the line for {} ms instead of {}, and is then skipped",
            to.grace_ms, knobs.grace_ms
        ));
    }
    found
}

/// Whether the highest minute matters to the judgement.
pub fn raises_pace(from: &Tuned, tune: &Tune) -> bool {
    from.knobs_after(tune).is_some_and(|to| paces(from, &to).iter().any(|(_, before, after)| after > before))
}

/// Refuses a dangerous change that the code does not confirm, with a new code for it.
pub fn check(
    papers: &Papers,
    sale: Uuid,
    account: Uuid,
    from: &Tuned,
    tune: &Tune,
    dangers: &[String],
    code: Option<&str>,
) -> Result<(), Problem> {
    let to = from.knobs_after(tune);
    papers.ask_again(&(sale, account, tune.action(), from.version, to), dangers, code, "ask again with this code")
}

#[cfg(test)]
mod tests {
    use store::tuning::{KnobChange, RampNow, RampStep};

    use super::*;

    const NOW_MS: i64 = 1_800_000_000_000;

    fn tuned() -> Tuned {
        let knobs = Knobs {
            rate_per_minute: 600,
            max_active: 100,
            target_per_minute: None,
            grace_ms: 60_000,
            presence_ms: 120_000,
            ramp: None,
            brake: None,
        };
        Tuned {
            event: Uuid::nil(),
            knobs,
            pause_reason: None,
            stop_reason: None,
            version: 7,
            before: None,
            brake_factor: 1.0,
            now_ms: NOW_MS,
        }
    }

    fn of(from: &Tuned, change: KnobChange) -> Vec<String> {
        dangers(from, &Tune::Knobs(change), u32::MAX)
    }

    fn how_many(change: KnobChange, highest_minute: u32) -> usize {
        dangers(&tuned(), &Tune::Knobs(change), highest_minute).len()
    }

    /// So many fans per minute, each from so many milliseconds after now.
    fn ramp(steps: &[(i64, u32)]) -> RampNow {
        let step = |(after, rate_per_minute): &(i64, u32)| RampStep {
            at_ms: NOW_MS + after,
            rate_per_minute: *rate_per_minute,
        };
        RampNow { steps: steps.iter().map(step).collect(), linear: false }
    }

    fn ramped(steps: &[(i64, u32)]) -> KnobChange {
        KnobChange { ramp: Some(Some(ramp(steps))), ..KnobChange::default() }
    }

    #[test]
    fn what_could_flood_is_dangerous_and_what_slows_is_not() {
        assert_eq!(how_many(KnobChange::rate(1), 0), 0);
        assert_eq!(how_many(KnobChange::rate(1_200), 1_200), 0);
        assert_eq!(how_many(KnobChange::rate(1_200), 1_199), 1);
        assert_eq!(how_many(KnobChange::rate(1_201), 5_000), 1);
        assert_eq!(how_many(KnobChange::rate(1_201), 700), 2);
        let cap = |max_active| KnobChange { max_active: Some(max_active), ..KnobChange::default() };
        assert_eq!([200, 201].map(|most| how_many(cap(most), 0)), [0, 1]);
        for tune in [Tune::Stop, Tune::Start, Tune::Resume] {
            assert_eq!(dangers(&tuned(), &tune, 0).len(), 1);
        }
        assert_eq!(dangers(&tuned(), &Tune::Pause, 0).len(), 0, "holding everybody must be quick");
    }

    /// What is compared is the pace in force, not the knobs.
    #[test]
    fn a_pace_that_leaps_is_dangerous_whichever_knob_lets_it() {
        let mut slow = tuned();
        slow.knobs.rate_per_minute = 6_000;
        slow.knobs.ramp = Some(ramp(&[(-1, 100), (86_400_000, 6_000)]));
        let told = of(&slow, KnobChange { ramp: Some(None), ..KnobChange::default() });
        assert!(told.len() == 1 && told[0].contains("from 100 to 6000 fans per minute at once"), "{told:?}");
        assert_eq!(of(&slow, ramped(&[(-1, 100), (0, 6_000)])).len(), 1, "tomorrow's step is now");
        let told = of(&slow, ramped(&[(-1, 100), (600_000, 6_000)]));
        assert!(told[0].contains("from 100 to 6000 fans per minute within an hour"), "{told:?}");
        assert_eq!(of(&slow, ramped(&[(-1, 200), (80_000_000, 6_000)])), [""; 0], "as fast as before, a little sooner");
        assert!(dangers(&slow, &Tune::Resume, 0)[0].contains("at 100 per minute"));
        let mut aimed = tuned();
        aimed.knobs.target_per_minute = Some(60);
        let freed = KnobChange { target_per_minute: Some(None), ..KnobChange::default() };
        assert!(of(&aimed, freed.clone())[0].contains("from 60 to 600"));
        assert_eq!(dangers(&aimed, &Tune::Knobs(freed.clone()), 100).len(), 2, "nor was it ever measured");
        let undone = Tuned { before: Some(freed), ..aimed };
        assert_eq!(dangers(&undone, &Tune::Undo, u32::MAX).len(), 1);
        let mut flat = tuned();
        flat.knobs.ramp = Some(ramp(&[(-1, 100)]));
        assert!(
            of(&flat, ramped(&[(-1, 100), (86_400_000, 600)]))[0].contains("from 100 to 600 fans per minute later")
        );
        let braked = Tuned { brake_factor: 0.25, ..tuned() };
        let unbraked = of(&braked, KnobChange { brake: Some(None), ..KnobChange::default() });
        assert!(unbraked.len() == 1 && unbraked[0].contains("25 percent"), "{unbraked:?}");
    }

    #[test]
    fn who_would_be_passed_over_or_skipped_is_thought_of() {
        let presence = |ms| KnobChange { presence_ms: Some(ms), ..KnobChange::default() };
        let grace = |ms| KnobChange { grace_ms: Some(ms), ..KnobChange::default() };
        assert_eq!([5_000, 59_999, 60_000, 600_000].map(|ms| how_many(presence(ms), 0)), [1, 1, 0, 0]);
        assert_eq!([0, 29_999, 30_000, 90_000].map(|ms| how_many(grace(ms), 0)), [1, 1, 0, 0]);
    }

    #[test]
    fn a_code_confirms_one_change_of_one_version_by_one_operator() {
        let papers = Papers::new(&["a secret of the tests that is long enough"], || 1_000);
        let (sale, account) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let dangers = vec!["it floods".to_owned()];
        let knobs = |rate| Tune::Knobs(KnobChange::rate(rate));
        let ask = |account, from: &Tuned, tune: &Tune, code: Option<&str>| {
            check(&papers, sale, account, from, tune, &dangers, code)
        };
        let problem = ask(account, &tuned(), &knobs(9_000), None).unwrap_err();
        assert!(problem.detail.contains("it floods"), "{problem:?}");
        let code = problem.confirm.as_deref();
        assert!(ask(account, &tuned(), &knobs(9_000), code).is_ok());
        assert!(ask(account, &tuned(), &knobs(9_001), code).is_err());
        assert!(ask(account, &tuned(), &Tune::Stop, code).is_err());
        assert!(ask(Uuid::from_u128(3), &tuned(), &knobs(9_000), code).is_err());
        assert!(ask(account, &Tuned { version: 8, ..tuned() }, &knobs(9_000), code).is_err());
    }
}
