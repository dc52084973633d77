//! The deliverer: takes what is due from the store, sends it, and has the outcome written.
//!
//! It remembers nothing that a restart could lose. What it was sending when it died is due still,
//! and is sent again: at least once, as the receiver has to expect anyway.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chassis::clock::Clock;
use rand::RngExt as _;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{post, signature};
use crate::desk::{Endpoint, Op, Settlement};
use crate::ids::minted_ms;
use crate::store::{Cell, DueDelivery, Ledger, Reads};

/// Deliveries taken from the store at once.
const TAKEN: usize = 256;
/// The first retry comes about this late.
const RETRY_BASE_MS: i64 = 200;
/// Retries are never further apart.
const RETRY_CAP_MS: i64 = 60_000;
/// After this an event is given up, as Stripe does.
const GIVE_UP_MS: i64 = 3 * 24 * 3_600_000;
/// How long the deliverer sleeps at most, so that a lost bell costs little.
const LOOK: Duration = Duration::from_secs(1);

/// What the deliverer works with.
#[derive(Debug, Clone)]
pub struct Deliverer {
    /// Where deliveries are read.
    pub reads: Reads,
    /// Where outcomes are written.
    pub ledger: Ledger,
    /// Who is told.
    pub endpoints: Cell<Vec<Endpoint>>,
    /// The time.
    pub clock: Clock,
    /// The connections.
    pub client: reqwest::Client,
    /// Rung when there is something new.
    pub nudge: Arc<Notify>,
    /// Deliveries in flight at once.
    pub concurrency: usize,
}

impl Deliverer {
    /// Delivers until told to stop. What is then in flight is dropped and sent again after a restart.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut queue = VecDeque::new();
        // In the queue or in flight: what the store still tells and must not be taken twice.
        let mut known = HashSet::new();
        let mut sending = JoinSet::new();
        let mut wake_in = Duration::ZERO;
        loop {
            if queue.is_empty() && sending.len() < self.concurrency {
                wake_in = self.take(&mut queue, &mut known).await;
            }
            while sending.len() < self.concurrency
                && let Some(delivery) = queue.pop_front()
            {
                sending.spawn(self.clone().deliver(delivery));
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                Some(ended) = sending.join_next() => {
                    known.remove(&ended?);
                    while let Some(ended) = sending.try_join_next() {
                        known.remove(&ended?);
                    }
                }
                () = self.nudge.notified(), if queue.is_empty() => {}
                () = tokio::time::sleep(wake_in), if queue.is_empty() => {}
            }
        }
    }

    /// Takes what is due and not yet known, and says when to look again.
    async fn take(&self, queue: &mut VecDeque<DueDelivery>, known: &mut HashSet<i64>) -> Duration {
        let now_ms = self.clock.now_ms();
        let looked = async {
            let due = self.reads.due(now_ms, (known.len() + TAKEN) as i64).await?;
            queue.extend(due.into_iter().filter(|delivery| known.insert(delivery.seq)));
            self.reads.next_due_ms(now_ms).await
        };
        match looked.await {
            Ok(Some(next_ms)) => Duration::from_millis(u64::try_from(next_ms - now_ms).unwrap_or(1)).min(LOOK),
            Ok(None) => LOOK,
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "deliveries cannot be read");
                LOOK
            }
        }
    }

    /// Sends one delivery and has its outcome written. If that fails it is due still, and sent again.
    async fn deliver(self, delivery: DueDelivery) -> i64 {
        let seq = delivery.seq;
        let retry_at_ms = self.send(delivery).await;
        let settled = self.ledger.ask(Op::Settle(vec![Settlement { seq, retry_at_ms }]), None).await;
        if settled.status != 200 {
            // A store that reads but does not write must not become a storm of webhooks.
            tokio::time::sleep(LOOK).await;
        }
        seq
    }

    /// Sends one delivery; the time of the next try, if there is to be one.
    async fn send(&self, delivery: DueDelivery) -> Option<i64> {
        let DueDelivery { endpoint, attempt, event, body, .. } = delivery;
        let endpoint = {
            let endpoints = self.endpoints.read().expect("nobody panics while holding it");
            // Nobody waits for it any more.
            endpoints.iter().find(|known| known.id == endpoint).cloned()?
        };
        let signature = signature(&endpoint.secret, self.clock.now_ms() / 1000, &body);
        let outcome = post(&self.client, &endpoint.url, Some(signature), body).await;
        if matches!(outcome, Ok(200..300)) {
            return None;
        }
        let (now_ms, made_ms) = (self.clock.now_ms(), minted_ms(&event).unwrap_or(0) as i64);
        let wait_ms = retry_wait_ms(attempt);
        if now_ms + wait_ms > made_ms + GIVE_UP_MS {
            tracing::warn!(event, endpoint = endpoint.id, attempt, "webhook given up");
            return None;
        }
        match outcome {
            Ok(status) => tracing::debug!(event, attempt, status, wait_ms, "webhook refused"),
            Err(error) => {
                tracing::debug!(event, attempt, error = %error.without_url(), wait_ms, "webhook not delivered");
            }
        }
        Some(now_ms + wait_ms)
    }
}

/// Doubling from the base to the cap, between half and all of it by chance.
fn retry_wait_ms(attempt: u32) -> i64 {
    let full_ms = (RETRY_BASE_MS << attempt.min(16)).min(RETRY_CAP_MS);
    rand::rng().random_range(full_ms / 2..=full_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_double_within_bounds() {
        for (attempt, full_ms) in [(0, 200), (1, 400), (5, 6_400), (9, 60_000), (4_000_000_000, 60_000)] {
            for _ in 0..100 {
                assert!((full_ms / 2..=full_ms).contains(&retry_wait_ms(attempt)));
            }
        }
    }
}
