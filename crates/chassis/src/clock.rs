//! The time, passed in: services never ask the machine for it, so that tests can set it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Where a process takes the time from. Cloning is cheap; clones of a fixed clock move together.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System { started: Instant },
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System { started: Instant::now() })
    }

    /// A clock that stands at `now_ms` (milliseconds since 1970) until it is advanced.
    pub fn fixed(now_ms: i64) -> Self {
        Self(Source::Fixed(Arc::new(AtomicI64::new(now_ms))))
    }

    /// Moves a fixed clock, and all its clones, by `ms` milliseconds; a negative number turns it back.
    ///
    /// # Panics
    /// If this is the machine's clock, which nobody may move.
    pub fn advance(&self, ms: i64) {
        match &self.0 {
            Source::Fixed(now) => {
                now.fetch_add(ms, Ordering::SeqCst);
            }
            Source::System { .. } => panic!("only a fixed clock can be advanced"),
        }
    }

    /// Milliseconds since 1970, UTC. It may step back when the machine's clock is set; deadlines that must not move
    /// are Postgres's to judge.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for the time")]
    pub fn now_ms(&self) -> i64 {
        match &self.0 {
            Source::Fixed(now) => now.load(Ordering::SeqCst),
            // A machine that believes itself before 1970 gets 0 rather than a panic.
            Source::System { .. } => {
                SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
            }
        }
    }

    /// Milliseconds since some moment in the past, never stepping back: for measuring, not for telling the time. On a
    /// fixed clock it is the time itself.
    pub fn monotonic_ms(&self) -> u64 {
        match &self.0 {
            Source::Fixed(now) => u64::try_from(now.load(Ordering::SeqCst)).unwrap_or(0),
            Source::System { started } => started.elapsed().as_millis() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;

    #[test]
    fn clones_of_a_fixed_clock_move_together() {
        let clock = Clock::fixed(1_000);
        let other = clock.clone();
        clock.advance(250);
        assert_eq!(other.now_ms(), 1_250);
        assert_eq!(other.monotonic_ms(), 1_250);
    }

    #[test]
    fn the_system_clock_is_after_2020() {
        assert!(Clock::system().now_ms() > 1_577_836_800_000);
    }
}
