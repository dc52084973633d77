//! The loop that ends overdue holds. It has no input but the clock of Postgres; several may run, each hold ends once.

use std::time::Duration;

use chassis::retry::Backoff;
use metrics::counter;
use store::Store;
use tokio_util::sync::CancellationToken;

use crate::metrics::{FAILURES, LAPSED, PINNED};

/// Runs until told to stop: ends what is due, then sleeps until the next deadline, at most `interval_ms`.
pub async fn run(store: Store, interval_ms: u64, stop: CancellationToken) -> anyhow::Result<()> {
    let mut backoff = Backoff::new(50, 1_000);
    while !stop.is_cancelled() {
        let wait = match store.lapse_due().await {
            Ok((lapsed, pinned, next)) => {
                backoff.reset();
                counter!(LAPSED).increment(lapsed);
                counter!(PINNED).increment(pinned);
                let next = next.map_or(interval_ms, |ms| ms.max(1).unsigned_abs()).min(interval_ms);
                Duration::from_millis(if lapsed + pinned > 0 { 1 } else { next })
            }
            Err(fault) => {
                counter!(FAILURES).increment(1);
                tracing::warn!(%fault, "overdue holds cannot be ended for the moment");
                backoff.delay()
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => {}
        }
    }
    Ok(())
}
