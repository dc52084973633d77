//! Identifiers: time-ordered UUIDs (version 7), so that indexes over them stay local.

use uuid::{Builder, Uuid};

use crate::clock::Clock;

/// A new identifier of the clock's millisecond. Identifiers of different milliseconds sort by time; within one
/// millisecond their order is chance. An identifier is never a secret: 74 bits are random, but it is shown around.
pub fn new(clock: &Clock) -> Uuid {
    let now_ms = u64::try_from(clock.now_ms()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(now_ms, &rand::random()).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::new;
    use crate::clock::Clock;

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
}
