//! Where a limit keeps its keys: sharded, and never more than a cap. A new key beyond the cap is refused, since a limit that
//! forgets under pressure is none.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;

const SHARDS: usize = 64;
/// An arrival time so late that nothing conforms; far from overflowing when a duration is added.
const NEVER: u64 = u64::MAX / 4;

/// Arrival times by key.
pub struct BoundedKeys<K> {
    shards: Box<[RwLock<HashMap<K, AtomicU64>>]>,
    hasher: RandomState,
    len: AtomicUsize,
    max: usize,
    full: metrics::Counter,
}

impl<K: Hash + Eq + Clone> BoundedKeys<K> {
    pub fn new(max: usize, full: metrics::Counter) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            hasher: RandomState::new(),
            len: AtomicUsize::new(0),
            max,
            full,
        }
    }

    fn shard(&self, key: &K) -> &RwLock<HashMap<K, AtomicU64>> {
        &self.shards[self.hasher.hash_one(key) as usize % SHARDS]
    }
}

impl<K: Hash + Eq + Clone> StateStore for BoundedKeys<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let shard = self.shard(key);
        if let Some(arrival) = shard.read().unwrap_or_else(PoisonError::into_inner).get(key) {
            return replace(arrival, measure);
        }
        let mut keys = shard.write().unwrap_or_else(PoisonError::into_inner);
        if !keys.contains_key(key) {
            if self.len.fetch_add(1, Ordering::Relaxed) >= self.max {
                self.len.fetch_sub(1, Ordering::Relaxed);
                self.full.increment(1);
                return measure(Some(Nanos::new(NEVER))).map(|(outcome, _)| outcome);
            }
            keys.insert(key.clone(), AtomicU64::new(0));
        }
        replace(&keys[key], measure)
    }
}

/// Replaces the time by what was measured from it, unless it was refused. 0 stands for none.
fn replace<T, E>(arrival: &AtomicU64, measure: impl Fn(Option<Nanos>) -> Result<(T, Nanos), E>) -> Result<T, E> {
    let mut before = arrival.load(Ordering::Acquire);
    loop {
        let (outcome, after) = measure((before != 0).then(|| Nanos::new(before)))?;
        match arrival.compare_exchange_weak(before, after.as_u64(), Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return Ok(outcome),
            Err(other) => before = other,
        }
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<K> for BoundedKeys<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        for shard in &self.shards {
            let mut keys = shard.write().unwrap_or_else(PoisonError::into_inner);
            let before = keys.len();
            keys.retain(|_, arrival| *arrival.get_mut() > drop_below.as_u64());
            self.len.fetch_sub(before - keys.len(), Ordering::Relaxed);
            // A crowd that has gone leaves its memory behind; the next one will take longer than a sweep to come.
            if keys.capacity() > 4 * keys.len() + 64 {
                keys.shrink_to_fit();
            }
        }
    }

    fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;
    use governor::middleware::NoOpMiddleware;
    use governor::nanos::Nanos;
    use governor::{Quota, RateLimiter};

    use super::BoundedKeys;

    #[test]
    fn new_keys_beyond_the_cap_are_refused_until_old_ones_no_longer_matter() {
        let clock = FakeRelativeClock::default();
        clock.advance(Duration::from_secs(1));
        let quota = Quota::per_second(NonZeroU32::MIN).allow_burst(NonZeroU32::new(2).unwrap());
        let limiter: RateLimiter<i32, _, _, NoOpMiddleware<Nanos>> =
            RateLimiter::new(quota, BoundedKeys::new(2, metrics::Counter::noop()), clock.clone());
        assert!(limiter.check_key(&1).is_ok() && limiter.check_key(&2).is_ok());
        assert!(limiter.check_key(&3).is_err(), "the third key has no room");
        assert!(limiter.check_key(&1).is_ok(), "known keys go on");
        assert!(limiter.check_key(&1).is_err(), "and stay limited");
        limiter.retain_recent();
        assert_eq!(limiter.len(), 2, "both still matter");
        clock.advance(Duration::from_secs(10));
        limiter.retain_recent();
        assert_eq!(limiter.len(), 0);
        assert!(limiter.check_key(&3).is_ok());
    }
}
