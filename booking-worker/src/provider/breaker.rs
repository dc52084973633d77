//! A provider that is away is left in peace: after some failures in a row it is asked once a second, by whoever comes first.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chassis::clock::Clock;

use super::{Answer, Fault, Intent, NewIntent, Provider, Refund};
use crate::metrics::{PROVIDER_CALL_SECONDS, PROVIDER_CALLS_TOTAL, PROVIDER_CIRCUIT_OPEN};

/// Failures in a row after which the provider counts as away.
const FAILURES: u32 = 5;
/// How often it is asked then.
const PROBE_MS: u64 = 1_000;

/// A provider behind a circuit breaker, its calls counted and timed.
#[derive(Debug)]
pub struct Guarded {
    inner: Arc<dyn Provider>,
    clock: Clock,
    circuit: Mutex<Circuit>,
}

#[derive(Debug, Default)]
struct Circuit {
    failures: u32,
    probe_at_ms: u64,
}

impl Guarded {
    /// Guards a provider.
    pub fn new(inner: Arc<dyn Provider>, clock: Clock) -> Self {
        Self { inner, clock, circuit: Mutex::default() }
    }

    /// Lets a call through, or not.
    fn enter(&self) -> Result<(), Fault> {
        let now_ms = self.clock.monotonic_ms();
        let mut circuit = self.circuit.lock().unwrap_or_else(PoisonError::into_inner);
        if circuit.failures >= FAILURES {
            if now_ms < circuit.probe_at_ms {
                return Err(Fault::Away { why: "not asked: it was away a moment ago".to_owned(), answered: false });
            }
            circuit.probe_at_ms = now_ms + PROBE_MS;
        }
        Ok(())
    }

    fn leave(&self, is_away: bool) {
        let mut circuit = self.circuit.lock().unwrap_or_else(PoisonError::into_inner);
        let was_open = circuit.failures >= FAILURES;
        circuit.failures = if is_away { circuit.failures.saturating_add(1) } else { 0 };
        let open = circuit.failures >= FAILURES;
        if open && !was_open {
            circuit.probe_at_ms = self.clock.monotonic_ms() + PROBE_MS;
        }
        drop(circuit);
        match (was_open, open) {
            (false, true) => tracing::warn!("the payment provider is away; asking once a second"),
            (true, false) => tracing::info!("the payment provider is back"),
            _ => return,
        }
        metrics::gauge!(PROVIDER_CIRCUIT_OPEN).set(if open { 1.0 } else { 0.0 });
    }

    fn through<'a, T: 'a>(&'a self, step: &'static str, call: Answer<'a, T>) -> Answer<'a, T> {
        Box::pin(async move {
            if let Err(fault) = self.enter() {
                metrics::counter!(PROVIDER_CALLS_TOTAL, "step" => step, "outcome" => "spared").increment(1);
                return Err(fault);
            }
            let begun = Instant::now();
            let answer = call.await;
            metrics::histogram!(PROVIDER_CALL_SECONDS, "step" => step).record(begun.elapsed().as_secs_f64());
            let outcome = answer.as_ref().map_or_else(Fault::name, |_| "ok");
            metrics::counter!(PROVIDER_CALLS_TOTAL, "step" => step, "outcome" => outcome).increment(1);
            self.leave(answer.as_ref().is_err_and(Fault::is_away));
            answer
        })
    }
}

impl Provider for Guarded {
    fn create<'a>(&'a self, new: &'a NewIntent, key: &'a str, patience: Duration) -> Answer<'a, Intent> {
        self.through("create", self.inner.create(new, key, patience))
    }

    fn retrieve<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent> {
        self.through("retrieve", self.inner.retrieve(intent))
    }

    fn capture<'a>(&'a self, intent: &'a str, amount_minor: i64, key: &'a str) -> Answer<'a, Intent> {
        self.through("capture", self.inner.capture(intent, amount_minor, key))
    }

    fn cancel<'a>(&'a self, intent: &'a str, key: &'a str) -> Answer<'a, Intent> {
        self.through("cancel", self.inner.cancel(intent, key))
    }

    fn refund<'a>(&'a self, intent: &'a str, amount_minor: i64, key: &'a str) -> Answer<'a, Refund> {
        self.through("refund", self.inner.refund(intent, amount_minor, key))
    }

    fn retrieve_refund<'a>(&'a self, refund: &'a str) -> Answer<'a, Refund> {
        self.through("retrieve_refund", self.inner.retrieve_refund(refund))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Away, and counts who asks.
    #[derive(Debug, Default)]
    struct Away(AtomicU32);

    impl Away {
        fn answer<T: Send + 'static>(&self) -> Answer<'_, T> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Box::pin(std::future::ready(Err(Fault::Away { why: String::new(), answered: false })))
        }
    }

    impl Provider for Away {
        fn create<'a>(&'a self, _: &'a NewIntent, _: &'a str, _: Duration) -> Answer<'a, Intent> {
            self.answer()
        }
        fn retrieve<'a>(&'a self, _: &'a str) -> Answer<'a, Intent> {
            // A provider is asked when the future is polled, not when it is made.
            Box::pin(async { self.answer().await })
        }
        fn capture<'a>(&'a self, _: &'a str, _: i64, _: &'a str) -> Answer<'a, Intent> {
            self.answer()
        }
        fn cancel<'a>(&'a self, _: &'a str, _: &'a str) -> Answer<'a, Intent> {
            self.answer()
        }
        fn refund<'a>(&'a self, _: &'a str, _: i64, _: &'a str) -> Answer<'a, Refund> {
            self.answer()
        }
        fn retrieve_refund<'a>(&'a self, _: &'a str) -> Answer<'a, Refund> {
            self.answer()
        }
    }

    #[tokio::test]
    async fn after_five_failures_one_call_a_second_goes_through() {
        let (away, clock) = (Arc::new(Away::default()), Clock::fixed(1_000_000));
        let guarded = Guarded::new(away.clone(), clock.clone());
        for _ in 0..20 {
            assert!(guarded.retrieve("pi_1").await.is_err_and(|fault| fault.is_away()));
        }
        assert_eq!(away.0.load(Ordering::Relaxed), 5);
        clock.advance(1_000);
        for _ in 0..20 {
            assert!(guarded.retrieve("pi_1").await.is_err());
        }
        assert_eq!(away.0.load(Ordering::Relaxed), 6);
    }
}
