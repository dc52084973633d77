//! Checks of the line: one place each, never backwards, in order, at the pace, and moving.

use std::collections::{BTreeMap, HashMap};

use contracts::places::PlaceState;
use contracts::sales::SaleState;

use super::history::RECOVERY_MS;
use super::tales::{PlaceTale, Seen, is_end};
use super::{History, Tales};
use crate::crowd::diary::Via;

/// A fan has one live place; the same join always answers the same place; no two share an entry.
#[must_use]
pub fn one_place(_: &History, tales: &Tales<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let mut of_entry = HashMap::new();
    let mut of_fan: BTreeMap<u32, Vec<_>> = BTreeMap::new();
    for (id, tale) in &tales.places {
        if tale.fans.len() > 1 {
            found.push(format!("fans {:?} were given the same place {id}", tale.fans));
        }
        if tale.entries.len() > 1 {
            found.push(format!("{id} was told as entries {:?}", tale.entries));
        }
        for entry in &tale.entries {
            if let Some(other) = of_entry.insert(*entry, id) {
                found.push(format!("{other} and {id} share entry {entry}"));
            }
        }
        for fan in &tale.fans {
            of_fan.entry(*fan).or_default().push((tale.joined_at_ms, id, tale));
        }
    }
    for (fan, mut places) in of_fan {
        places.sort_by_key(|(joined_at_ms, id, _)| (*joined_at_ms, **id));
        for pair in places.windows(2) {
            let ((_, old, tale), (next_ms, new, _)) = (&pair[0], &pair[1]);
            let alive = |seen: &Seen<'_>| !is_end(seen.sight.state) && seen.sight.server_now_ms > next_ms + 1_000;
            let late_end = tale.ended_ms().is_some_and(|end_ms| end_ms > *next_ms);
            if late_end || tale.sights.iter().any(alive) || tale.sights.is_empty() {
                found.push(format!("fan {fan} was given {new} while {old} was live"));
            }
        }
    }
    found
}

/// `ahead` never grows while a place waits, unless the sale's copy was rebuilt. In a lobby nobody has one.
#[must_use]
pub fn ahead_never_grows(_: &History, tales: &Tales<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (id, tale) in &tales.places {
        let mut before: BTreeMap<u8, &Seen<'_>> = BTreeMap::new();
        let waiting = tale.sights.iter().filter(|seen| seen.sight.state == PlaceState::Waiting);
        for seen in waiting.filter(|seen| !matches!(seen.sight.sale, SaleState::Lobby | SaleState::Drawing)) {
            if let Some(old) = before.insert(seen.eye, seen)
                && old.epoch == seen.epoch
                && seen.sight.ahead > old.sight.ahead
            {
                found.push(format!("{id} saw {} ahead, then {}", old.sight.ahead, seen.sight.ahead));
            }
        }
    }
    found
}

/// When a place waited in full view: connected without a break, seen for two seconds, and neither skipped nor leaving. Decisions may
/// go by what is up to a second old, and a time seen may be that of the hold that followed the admission.
fn waited_in_view(tale: &PlaceTale<'_>) -> Vec<(i64, i64)> {
    const SEEN_FOR_MS: i64 = 2_000;
    const TOLERANCE_MS: i64 = 1_500;
    if tale.sights.iter().any(|seen| seen.sight.state == PlaceState::Skipped) {
        return Vec::new();
    }
    let waiting = tale.sights.iter().filter(|seen| seen.sight.state == PlaceState::Waiting);
    let last_waiting_ms = waiting.map(|seen| seen.sight.server_now_ms).max().unwrap_or(0);
    let until_ms = tale
        .admitted()
        .map_or(last_waiting_ms, |(ms, _)| ms)
        // Who comes back after the admission is shown the hold at once, without when it came.
        .min(tale.found_inside_ms().unwrap_or(i64::MAX))
        .min(tale.ended_ms().unwrap_or(i64::MAX))
        .min(tale.gave_up_ms.unwrap_or(i64::MAX))
        - TOLERANCE_MS;
    let from_ms = tale.joined_at_ms + SEEN_FOR_MS;
    let spans = tale.windows.iter().map(|(open, gone)| ((open + SEEN_FOR_MS).max(from_ms), (*gone).min(until_ms)));
    spans.filter(|(from, to)| from < to).collect()
}

/// Nobody is let in before somebody ahead who waited in full view.
#[must_use]
pub fn order(history: &History, tales: &Tales<'_>) -> Vec<String> {
    let number = |tale: &PlaceTale<'_>| tale.entries.first().map(|entry| history.facts.number(*entry));
    let mut admitted: Vec<(i64, i64)> = tales
        .places
        .values()
        .filter_map(|tale| match tale.admitted() {
            Some((at_ms, true)) => Some((at_ms, number(tale)?)),
            _ => None,
        })
        .collect();
    admitted.sort_unstable();
    let mut found = Vec::new();
    for (id, tale) in &tales.places {
        let Some(own) = number(tale) else { continue };
        let passed = waited_in_view(tale).into_iter().find_map(|(from_ms, to_ms)| {
            let begin = admitted.partition_point(|(at_ms, _)| *at_ms < from_ms);
            let end = admitted.partition_point(|(at_ms, _)| *at_ms < to_ms);
            admitted[begin..end].iter().find(|(_, other)| *other > own)
        });
        if let Some((at_ms, other)) = passed {
            found.push(format!(
                "number {other} was let in at {at_ms} while number {own} ({id}) stood before it in full view"
            ));
        }
    }
    found
}

/// When fans were let in who were told at that moment, ascending.
#[must_use]
pub fn admissions(tales: &Tales<'_>) -> Vec<i64> {
    let told = tales.places.values().filter_map(|tale| tale.admitted().filter(|(_, pushed)| *pushed));
    let mut times: Vec<i64> = told.map(|(at_ms, _)| at_ms).collect();
    times.sort_unstable();
    times
}

/// A minute, half a second short: a time seen may be some milliseconds after the admission's own.
const MINUTE_MS: i64 = 59_500;

/// When somebody is let in, no more than the rate in force were in the minute that ends there; none while it is paused.
#[must_use]
pub fn pace(history: &History, tales: &Tales<'_>) -> Vec<String> {
    let times = admissions(tales);
    let mut oldest = 0;
    for (newest, at_ms) in times.iter().enumerate() {
        while times[oldest] <= at_ms - MINUTE_MS {
            oldest += 1;
        }
        let most = history.facts.most_per_minute(*at_ms) as usize;
        if newest - oldest + 1 > most {
            return vec![format!(
                "{} were let in within the minute before {at_ms}; the rate is {most}",
                newest - oldest + 1
            )];
        }
    }
    Vec::new()
}

/// Every time at which the line moved: an admission, a hold or an end, as committed.
#[must_use]
pub fn movements(tales: &Tales<'_>) -> Vec<i64> {
    let sights = tales.places.values().flat_map(|tale| &tale.sights);
    let mut times: Vec<i64> = sights
        .filter(|seen| !matches!(seen.sight.state, PlaceState::Waiting | PlaceState::Skipped | PlaceState::Left))
        .filter(|seen| seen.via == Via::Push || is_end(seen.sight.state))
        .map(|seen| seen.sight.changed_at_ms)
        .filter(|at_ms| *at_ms > 0)
        .collect();
    times.sort_unstable();
    times.dedup();
    times
}

/// When a fault is over, the line moves again within ten seconds.
#[must_use]
pub fn live(history: &History, tales: &Tales<'_>) -> Vec<String> {
    let times = movements(tales);
    let mut found = Vec::new();
    for fault in &history.faults {
        // Without any movement later the sale was over, which other checks judge.
        let Some(next_ms) = times.iter().find(|at_ms| **at_ms > fault.back_ms) else { continue };
        let still_ms = next_ms - fault.back_ms;
        if still_ms > RECOVERY_MS {
            found.push(format!("the line stood still for {still_ms} ms after {} was back", fault.what));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::checker::scene::{self, told};
    use crate::checker::{Fault, History, Pace};
    use crate::crowd::diary::What;
    use contracts::places::PlaceState;

    #[test]
    fn two_devices_with_two_places_are_told() {
        let mut history = scene::clean();
        let again = scene::joined(2_100, scene::place(77), 77);
        history.stories[4].records.insert(2, again);
        assert!(told(&history, "one-place").contains("while plc_"), "{}", told(&history, "one-place"));
    }

    #[test]
    fn a_shared_entry_is_told() {
        let mut history = scene::clean();
        scene::each(&mut history, 4, |what| {
            if let What::Joined { entry, .. } = what {
                *entry = 1;
            }
        });
        assert!(told(&history, "one-place").contains("share entry 1"));
    }

    #[test]
    fn a_growing_ahead_is_told_except_after_a_rebuild() {
        let mut history = scene::clean();
        history.stories[4].records.insert(6, scene::waiting(5_100, 4, 9));
        assert!(told(&history, "ahead-never-grows").contains("saw 1 ahead, then 9"));
        scene::each(&mut history, 4, |what| {
            if let What::Saw { epoch, sight, .. } = what
                && sight.ahead == 9
            {
                *epoch += 1;
            }
        });
        assert_eq!(told(&history, "ahead-never-grows"), "");
    }

    fn admitted_late(history: &mut History, fan: usize, to_ms: i64) {
        scene::each(history, fan, |what| {
            if let What::Saw { sight, .. } = what
                && sight.state == PlaceState::Holding
            {
                sight.changed_at_ms = to_ms;
            }
        });
    }

    #[test]
    fn being_passed_over_in_full_view_is_told() {
        let mut history = scene::clean();
        admitted_late(&mut history, 1, 18_000);
        assert!(told(&history, "order").contains("while number 2"), "{}", told(&history, "order"));
        // Whoever was away at that time was passed over by right.
        scene::each(&mut history, 1, |what| {
            if let What::Connected { eye, place } = what {
                *what = What::Gone { eye: *eye, place: *place };
            }
        });
        assert_eq!(told(&history, "order"), "");
    }

    #[test]
    fn more_than_the_rate_in_a_minute_is_told() {
        let mut history = scene::clean();
        history.facts.paces[0].per_minute = 3;
        assert!(told(&history, "pace").contains("the rate is 3"));
    }

    fn paced(asked_ms: i64, by_ms: i64, per_minute: u32) -> Pace {
        Pace { asked_ms, by_ms, per_minute }
    }

    #[test]
    fn an_admission_more_than_a_second_into_a_pause_is_told() {
        let mut history = scene::clean();
        history.facts.paces.push(paced(8_100, 8_200, 0));
        assert_eq!(told(&history, "pace"), "", "who was let in at 9 050 was let in within the second");
        history.facts.paces[1] = paced(8_000, 8_010, 0);
        assert!(told(&history, "pace").contains("the rate is 0"));
    }

    #[test]
    fn who_was_drawn_ahead_may_go_ahead() {
        let mut history = scene::clean();
        admitted_late(&mut history, 1, 18_000);
        history.facts.numbers.extend([(2, 4), (3, 2), (4, 3)]);
        assert_eq!(told(&history, "order"), "");
    }

    #[test]
    fn standing_still_after_a_fault_is_told() {
        let mut history = scene::clean();
        history.faults.push(Fault { what: "redis".to_owned(), from_ms: 4_500, back_ms: 5_000 });
        assert_eq!(told(&history, "live"), "");
        scene::each(&mut history, 1, |what| scene::shift_end(what, 9_000, 20_000));
        scene::each(&mut history, 3, |what| scene::shift_end(what, 9_000, 20_000));
        scene::each(&mut history, 4, |what| scene::shift_end(what, 9_000, 20_000));
        assert!(told(&history, "live").contains("after redis was back"), "{}", told(&history, "live"));
    }
}
