//! Checks of the whole: everything sold, no answer that a fan should not get, every story at its end.

use std::collections::{BTreeMap, BTreeSet};

use super::{History, Tales};
use crate::crowd::diary::What;

/// Every seat was sold.
#[must_use]
pub fn sold_all(history: &History, tales: &Tales<'_>) -> Vec<String> {
    let sold = sold_seats(tales);
    let capacity = history.facts.capacity as usize;
    if sold == capacity { Vec::new() } else { vec![format!("unsold: {} seats", capacity.saturating_sub(sold))] }
}

/// Seats on valid tickets.
#[must_use]
pub fn sold_seats(tales: &Tales<'_>) -> usize {
    let looks = tales.holds.values().filter_map(|hold| hold.newest());
    let seats: BTreeSet<u32> = looks.flat_map(|look| &look.tickets).filter(|t| t.valid).map(|t| t.seat).collect();
    seats.len()
}

/// No server error outside of a fault, and no refusal that nothing explains.
#[must_use]
pub fn statuses(history: &History, _: &Tales<'_>) -> Vec<String> {
    let mut kinds: BTreeMap<(u16, &str, &str), (usize, u32, i64)> = BTreeMap::new();
    for story in &history.stories {
        for record in &story.records {
            let What::Refused(refusal) = &record.what else { continue };
            let broken = history.disturbed(record.at_ms, record.at_ms);
            let right = match refusal.status {
                // Connections may fail: a server closes an idle one while a request is under way.
                0 | 429 => true,
                503 => refusal.retry_after || broken,
                500..600 => broken,
                _ => refusal.expected,
            };
            if !right {
                let kind = (refusal.status, refusal.what.as_str(), refusal.code.as_str());
                kinds.entry(kind).or_insert((0, story.fan, record.at_ms)).0 += 1;
            }
        }
    }
    let tell = |((status, what, code), (times, fan, at_ms))| {
        format!("{what} was answered {status} {code} {times} times, first to fan {fan} at {at_ms}")
    };
    kinds.into_iter().map(tell).collect()
}

/// Every fan's story came to its end.
#[must_use]
pub fn stories(history: &History, _: &Tales<'_>) -> Vec<String> {
    let unended: Vec<_> = history.stories.iter().filter(|story| !story.ended).collect();
    let Some(first) = unended.first() else { return Vec::new() };
    vec![format!(
        "{} fans were left without an end, among them fan {} ({:?})",
        unended.len(),
        first.fan,
        first.plan.twist
    )]
}

#[cfg(test)]
mod tests {
    use crate::checker::Fault;
    use crate::checker::scene::{self, told};

    #[test]
    fn unsold_seats_are_told() {
        let mut history = scene::clean();
        history.facts.capacity = 5;
        assert!(told(&history, "sold-all").contains("unsold: 2 seats"));
    }

    #[test]
    fn a_server_error_is_told_outside_of_faults_only() {
        let mut history = scene::clean();
        history.stories[2].records.push(scene::refused("pay", 500, "internal"));
        assert!(told(&history, "statuses").contains("pay was answered 500 internal 1 times, first to fan 2"));
        history.faults.push(Fault { what: "redis".to_owned(), from_ms: 4_000, back_ms: 5_000 });
        assert_eq!(told(&history, "statuses"), "");
    }

    #[test]
    fn a_refusal_without_a_reason_is_told() {
        let mut history = scene::clean();
        history.stories[2].records.push(scene::refused("booking", 404, "not-found"));
        history.stories[2].records.push(scene::refused("join", 429, "too-many-requests"));
        assert_eq!(told(&history, "statuses").lines().count(), 1);
    }

    #[test]
    fn an_unended_story_is_told() {
        let mut history = scene::clean();
        history.stories[4].ended = false;
        assert!(told(&history, "stories").contains("1 fans were left"));
    }
}
