//! Identifiers: time-ordered UUIDs (version 7), so that indexes over them stay local; and references, for people.

use uuid::{Builder, Uuid};

use crate::clock::Clock;

/// Crockford's base 32: no I, L, O or U.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 40 bits: with a million bookings, a new one meets an old one once in a million times, and is then drawn again.
const LENGTH: usize = 8;

/// A new identifier of the clock's millisecond. Identifiers of different milliseconds sort by time; within one
/// millisecond their order is chance. An identifier is never a secret: 74 bits are random, but it is shown around.
pub fn new(clock: &Clock) -> Uuid {
    let now_ms = u64::try_from(clock.now_ms()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(now_ms, &rand::random()).into_uuid()
}

/// A new reference of a booking, by chance: short, read out over the phone, hard to guess.
pub fn reference() -> String {
    let bits: u64 = rand::random();
    (0..LENGTH).map(|at| char::from(LETTERS[(bits >> (5 * at) & 31) as usize])).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn identifiers_sort_by_time_and_differ_within_a_millisecond() {
        let clock = Clock::fixed(1_700_000_000_000);
        let first = new(&clock);
        let second = new(&clock);
        clock.advance(1);
        let later = new(&clock);
        assert_ne!(first, second);
        assert!(later > first && later > second);
        assert_eq!(first.get_version_num(), 7);
    }

    #[test]
    fn references_are_eight_plain_letters_and_differ() {
        let all: HashSet<String> = (0..1_000).map(|_| reference()).collect();
        assert!(all.len() > 990);
        assert!(all.iter().all(|it| it.len() == 8 && it.bytes().all(|letter| LETTERS.contains(&letter))));
    }
}
