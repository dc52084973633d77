//! How long to wait before trying again.

use std::time::Duration;

/// Exponential back-off with full jitter: each delay is drawn evenly between nothing and a ceiling that doubles, so
/// that many clients of a part that came back do not return together.
#[derive(Debug, Clone)]
pub struct Backoff {
    base_ms: u64,
    cap_ms: u64,
    attempt: u32,
}

impl Backoff {
    /// The first ceiling is `base_ms` milliseconds, the last and highest `cap_ms`. Both are at least 1.
    pub fn new(base_ms: u64, cap_ms: u64) -> Self {
        let base_ms = base_ms.max(1);
        Self { base_ms, cap_ms: cap_ms.max(base_ms), attempt: 0 }
    }

    /// The wait before the next attempt: between 0 and `min(cap_ms, base_ms × 2^attempts)` milliseconds.
    #[must_use = "a delay that nobody waits for is a busy loop"]
    pub fn delay(&mut self) -> Duration {
        Duration::from_millis(rand::random_range(0..=self.next_ceiling_ms()))
    }

    /// Forgets the failures so far: call it when an attempt succeeded.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }

    fn next_ceiling_ms(&mut self) -> u64 {
        // 2^32 times any base is above any sensible cap, and the shift must not overflow.
        let factor = 1_u64 << self.attempt.min(32);
        self.attempt = self.attempt.saturating_add(1);
        self.base_ms.saturating_mul(factor).min(self.cap_ms)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Backoff;

    #[test]
    fn ceilings_double_up_to_the_cap_and_start_again() {
        let mut backoff = Backoff::new(10, 100);
        let ceilings: Vec<u64> = (0..6).map(|_| backoff.next_ceiling_ms()).collect();
        assert_eq!(ceilings, [10, 20, 40, 80, 100, 100]);
        backoff.reset();
        assert_eq!(backoff.next_ceiling_ms(), 10);
    }

    #[test]
    fn delays_stay_under_the_cap_for_ever() {
        let mut backoff = Backoff::new(5, 50);
        assert!((0..10_000).all(|_| backoff.delay() <= Duration::from_millis(50)));
    }
}
