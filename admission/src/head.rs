//! The head of the line: who of it is present by the signs of life in Redis, read in chunks and judged by the domain's rules.

use domain::order::Rank;
use domain::pacing::{Head, HeadRules, Memory, Now, wanted};
use store::Store;
use store::mirror::{EventMirror, SaleMirror};
use store::pace::PassedOver;
use uuid::Uuid;

/// Absent places asked about again in one tick, at most.
const RECHECK: usize = 1_000;
/// Places asked about at once, at most.
const CHUNK: usize = 1_000;

/// What orders the line, with the entry to ask about.
type Key = (Rank, i64);

/// What is remembered of a sale's head between ticks.
#[derive(Debug, Default)]
pub struct Memories {
    away: Memory<Key>,
    /// Since when the notes of signs are kept, as far as this process has heard.
    since_ms: i64,
}

impl Memories {
    /// A decision was committed that let in the places up to this one.
    pub fn note_through(&mut self, last: Rank, entry: i64) {
        self.away.note_before((last, entry));
    }
}

/// The head as the store is to be told of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// Present places in order.
    pub candidates: Vec<i64>,
    /// Places whose grace is over.
    pub skip: Vec<i64>,
    /// Absent places before the last candidate, as far as that is news to the record or they are to be skipped.
    pub passed_over: Vec<PassedOver>,
}

/// How the head of this sale is read at this rate, where at most `window` places are asked about and clocks may differ by
/// `slack_ms`.
pub fn rules(mirror: &SaleMirror, rate_per_minute: u32, window: usize, slack_ms: i64) -> HeadRules {
    HeadRules {
        presence_ms: mirror.now.presence_ms,
        slack_ms,
        grace_ms: mirror.now.grace_ms,
        wanted: wanted(rate_per_minute).min(window),
        window,
        recheck: RECHECK,
        chunk: CHUNK,
    }
}

/// Reads the head of the line. Redis being away makes everybody unknown, and unknown present.
pub async fn read(
    store: &Store,
    event: &EventMirror,
    sale: Uuid,
    mirror: &SaleMirror,
    rules: HeadRules,
    now: Now,
    memories: &mut Memories,
) -> Found {
    memories.since_ms = memories.since_ms.max(event.epoch_since_ms);
    let known_since_ms = memories.since_ms;
    let order = &mirror.order;
    let line = order.iter().map(|entry| ((order.rank(entry), entry), order.is_skipped(entry)));
    let mut look = memories.away.look(rules, now, known_since_ms, line);
    loop {
        let asked: Vec<i64> = look.ask().into_iter().map(|(_, entry)| entry).collect();
        if asked.is_empty() {
            return found(&look.finish());
        }
        let seen = store.last_seen(event.event, sale, &asked).await.ok();
        // The copy may have been lost, and even made anew, before this process heard of it: what the notes themselves say
        // counts, and younger ones say nothing of absence.
        let since_ms = seen.as_ref().and_then(|seen| seen.since_ms);
        memories.since_ms = memories.since_ms.max(since_ms.unwrap_or(0));
        let told = seen.filter(|_| since_ms.is_some_and(|since| since <= known_since_ms));
        look.heard(told.as_ref().map(|seen| seen.seen_ms.as_slice()));
    }
}

fn found(head: &Head<Key>) -> Found {
    let before = |place: Key| head.candidates.partition_point(|candidate| *candidate < place);
    let passed_over = head
        .passed_over
        .iter()
        .filter(|passed| !passed.noted || head.skip.binary_search(&passed.place).is_ok())
        .map(|passed| PassedOver { entry: passed.place.1, seen_ms: passed.last_seen_ms, before: before(passed.place) })
        .collect();
    let entries = |places: &[Key]| places.iter().map(|(_, entry)| *entry).collect();
    Found { candidates: entries(&head.candidates), skip: entries(&head.skip), passed_over }
}

#[cfg(test)]
mod tests {
    use domain::order::{Class, Rank};
    use domain::pacing::Passed;

    use super::*;

    #[test]
    fn who_is_passed_over_names_the_first_candidate_behind() {
        let key = |number: i64| (Rank { class: Class::GENERAL, number }, number + 100);
        let passed = |number, noted| Passed { place: key(number), last_seen_ms: 7, noted };
        let head = Head {
            candidates: vec![key(2), key(3), key(5)],
            skip: vec![key(1)],
            passed_over: vec![passed(1, true), passed(4, false), passed(6, true), passed(7, false)],
        };
        let found = found(&head);
        assert_eq!((found.candidates, found.skip), (vec![102, 103, 105], vec![101]));
        let before: Vec<_> = found.passed_over.iter().map(|passed| (passed.entry, passed.before)).collect();
        // What was noted before is not news; a skip says it all the same.
        assert_eq!(before, [(101, 0), (104, 2), (107, 3)]);
    }
}
