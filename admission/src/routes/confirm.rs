//! Which changes are dangerous, and the code that confirms one: an HMAC over exactly this change by this operator to the
//! knobs of this version, valid for a minute. Nothing is stored.

use contracts::papers::Papers;
use contracts::problem::Problem;
use store::tuning::{Knobs, Tune, Tuned};
use uuid::Uuid;

/// What is dangerous about a change, one line each, in words that say what it will do; `highest_minute` is the most that were
/// ever let in within a minute.
pub fn dangers(from: &Tuned, tune: &Tune, highest_minute: u32) -> Vec<String> {
    let rate = from.knobs.rate_per_minute;
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
        Tune::Knobs(change) | Tune::Undo(change) => of_knobs(&from.knobs, &change.of(&from.knobs), highest_minute),
    }
}

fn of_knobs(from: &Knobs, to: &Knobs, highest_minute: u32) -> Vec<String> {
    let mut found = Vec::new();
    let (before, after) = (from.highest_rate(), to.highest_rate());
    if after > before.saturating_mul(2) {
        found.push(format!("the rate goes from {before} to {after} fans per minute, more than twice as fast"));
    }
    if after > before && after > highest_minute {
        found.push(format!(
            "{after} fans per minute is more than was ever measured here: {highest_minute} in the busiest minute so far"
        ));
    }
    if to.max_active > from.max_active.saturating_mul(2) {
        found.push(format!(
            "max_active goes from {} to {}, more than twice as many at once",
            from.max_active, to.max_active
        ));
    }
    found
}

/// Whether the highest minute matters to the judgement.
pub fn raises_rate(from: &Tuned, tune: &Tune) -> bool {
    match tune {
        Tune::Knobs(change) | Tune::Undo(change) => change.of(&from.knobs).highest_rate() > from.knobs.highest_rate(),
        _ => false,
    }
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
    let to = match tune {
        Tune::Knobs(change) | Tune::Undo(change) => Some(change.of(&from.knobs)),
        _ => None,
    };
    papers.ask_again(&(sale, account, tune.action(), from.version, to), dangers, code, "ask again with this code")
}

#[cfg(test)]
mod tests {
    use store::tuning::{KnobChange, RampNow, RampStep};

    use super::*;

    fn tuned() -> Tuned {
        let knobs = Knobs {
            rate_per_minute: 600,
            max_active: 100,
            target_per_minute: None,
            grace_ms: 0,
            presence_ms: 5_000,
            ramp: None,
            brake: None,
        };
        Tuned { event: Uuid::nil(), knobs, pause_reason: None, stop_reason: None, version: 7 }
    }

    fn how_many(change: KnobChange, highest_minute: u32) -> usize {
        dangers(&tuned(), &Tune::Knobs(change), highest_minute).len()
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
        let steps = vec![RampStep { at_ms: 5, rate_per_minute: 2_000 }];
        let ramp = KnobChange { ramp: Some(Some(RampNow { steps, linear: false })), ..KnobChange::default() };
        assert_eq!(how_many(ramp, 9_000), 1, "a ramp counts by its highest step");
        for tune in [Tune::Stop, Tune::Start, Tune::Resume] {
            assert_eq!(dangers(&tuned(), &tune, 0).len(), 1);
        }
        assert_eq!(dangers(&tuned(), &Tune::Pause, 0).len(), 0, "holding everybody must be quick");
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
