//! That a change of the pace is felt: within a second the line moves at the new one.

use super::figures::Free;
use super::history::{EFFECT_MS, Pace};
use super::line::admissions;
use super::{History, Tales};

/// So long the line is watched after a change took effect.
const SPAN_MS: i64 = 4_000;

/// Within a second after the pace was raised, or a pause ended, somebody is let in, if the minute before left room and somebody
/// waited; and from then on the line moves at the new pace and no longer at the old one.
#[must_use]
pub fn felt_at_once(history: &History, tales: &Tales<'_>) -> Vec<String> {
    let times = Times(admissions(tales));
    let free = Free::of(tales, history.facts.capacity);
    let mut found = Vec::new();
    let ends_ms = history.facts.paces.iter().skip(2).map(|next| next.asked_ms).chain([i64::MAX]);
    for (pair, end_ms) in history.facts.paces.windows(2).zip(ends_ms) {
        let (old, new) = (pair[0], pair[1]);
        let felt_by_ms = new.by_ms + EFFECT_MS;
        let room = times.between(new.by_ms - 60_500, new.by_ms) < new.per_minute as usize;
        let waited = tales.places.values().any(|tale| {
            tale.joined_at_ms < new.asked_ms && tale.admitted().is_some_and(|(at_ms, _)| at_ms > felt_by_ms)
        });
        let raised = new.per_minute > old.per_minute && room && waited && !history.disturbed(new.asked_ms, felt_by_ms);
        if raised && times.between(new.asked_ms, felt_by_ms) == 0 {
            found.push(format!(
                "the pace went from {} to {} at {}, and nobody was let in within a second",
                old.per_minute, new.per_minute, new.by_ms
            ));
        }
        let until_ms = felt_by_ms + SPAN_MS;
        // While less than a tenth of the seats is free, they and not the pace decide who is let in.
        let seats_left = free.at(felt_by_ms).min(free.at(until_ms)) > i64::from(history.facts.capacity / 10);
        if until_ms < end_ms && !history.disturbed(new.asked_ms, until_ms) {
            found.extend(times.of_the_old_pace(old, new, seats_left));
        }
    }
    found
}

/// Admissions, ascending.
struct Times(Vec<i64>);

impl Times {
    fn between(&self, from_ms: i64, to_ms: i64) -> usize {
        self.0.partition_point(|at_ms| *at_ms <= to_ms) - self.0.partition_point(|at_ms| *at_ms < from_ms)
    }

    /// Whether the line went on at the old pace once the change was to be felt. A pace is even: over any span at most its share
    /// and one second's worth, at least two; and at least its share while the line is long, the minute has room and seats are left.
    fn of_the_old_pace(&self, old: Pace, new: Pace, seats_left: bool) -> Option<String> {
        let from_ms = new.by_ms + EFFECT_MS;
        let until_ms = from_ms + SPAN_MS;
        let share = |pace: Pace| pace.per_minute as usize * SPAN_MS as usize / 60_000;
        let came = self.between(from_ms, until_ms);
        let told = |what: &str| {
            let (was, is) = (old.per_minute, new.per_minute);
            Some(format!(
                "a second after the pace went from {was} to {is} at {}, {came} were let in within {SPAN_MS} ms, {what}",
                new.by_ms
            ))
        };
        let most = share(new) + (new.per_minute as usize / 60).max(2) + 1;
        if new.per_minute < old.per_minute && came > most {
            return told(&format!("more than {most}"));
        }
        // Halfway between both, where that tells them apart.
        let least = share(old).midpoint(share(new));
        let room = self.between(new.by_ms - 60_500, until_ms) + share(new) < new.per_minute as usize;
        let long = self.between(until_ms, i64::MAX) > 4 * share(new);
        let tells = share(new) >= share(old) + 8;
        if tells && room && long && seats_left && came < least { told(&format!("fewer than {least}")) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::scene::{self, told};

    fn paced(asked_ms: i64, by_ms: i64, per_minute: u32) -> Pace {
        Pace { asked_ms, by_ms, per_minute }
    }

    #[test]
    fn a_raised_pace_that_nobody_feels_is_told() {
        let mut history = scene::clean();
        history.facts.paces.push(paced(4_990, 5_000, 90));
        assert!(told(&history, "felt-at-once").contains("from 60 to 90"), "{}", told(&history, "felt-at-once"));
        history.facts.paces[1] = paced(3_400, 3_500, 90);
        assert_eq!(told(&history, "felt-at-once"), "");
    }

    /// So many per minute, evenly, from a time on, for so long.
    fn even(per_minute: i64, from_ms: i64, ms: i64) -> impl Iterator<Item = i64> {
        (0..per_minute * ms / 60_000).map(move |nth| from_ms + nth * 60_000 / per_minute)
    }

    #[test]
    fn who_goes_on_at_the_old_pace_is_told() {
        let line = |then: i64| Times(even(300, 0, 30_000).chain(even(then, 30_000, 60_000)).collect());
        let (old, faster, slower) = (paced(0, 0, 300), paced(30_000, 30_000, 600), paced(30_000, 30_000, 150));
        assert_eq!(line(600).of_the_old_pace(old, faster, true), None);
        assert_eq!(line(150).of_the_old_pace(old, slower, true), None);
        assert!(line(300).of_the_old_pace(old, faster, true).is_some_and(|told| told.contains("fewer than 30")));
        assert!(line(300).of_the_old_pace(old, slower, true).is_some_and(|told| told.contains("more than 13")));
        // Where seats are short, the pace is not what decides.
        assert_eq!(line(300).of_the_old_pace(old, faster, false), None);
    }
}
