//! Loops that do what is due by the clock of Postgres, and nothing else. Several may run; each thing is done once.

use std::time::Duration;

use chassis::retry::Backoff;
use metrics::counter;
use store::Result;
use tokio_util::sync::CancellationToken;

/// What becomes due a moment after it was looked for is noticed within this.
const LONGEST: Duration = Duration::from_secs(1);
/// What is due but in somebody else's hands is looked at again after this.
const SHORTEST: Duration = Duration::from_millis(10);

/// The metrics of such a loop.
#[derive(Debug, Clone, Copy)]
pub struct Counters {
    pub done: &'static str,
    pub failures: &'static str,
}

/// Runs until told to stop: does what is due, and sleeps until the next is. `work` answers how much it did, and in how many
/// milliseconds there is more to do, if that is known.
pub async fn run<F: Future<Output = Result<(u64, Option<i64>)>>>(
    counters: Counters,
    stop: CancellationToken,
    work: impl Fn() -> F,
) -> anyhow::Result<()> {
    let mut backoff = Backoff::new(50, 1_000);
    while !stop.is_cancelled() {
        let wait = match work().await {
            Ok((done, next)) => {
                backoff.reset();
                counter!(counters.done).increment(done);
                next.map_or(LONGEST, |ms| Duration::from_millis(ms.max(0).unsigned_abs()).clamp(SHORTEST, LONGEST))
            }
            Err(fault) => {
                counter!(counters.failures).increment(1);
                tracing::warn!(%fault, failures = counters.failures, "what is due cannot be done for the moment");
                backoff.delay()
            }
        };
        let _stopped = stop.run_until_cancelled(tokio::time::sleep(wait)).await;
    }
    Ok(())
}
