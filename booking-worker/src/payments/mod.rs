//! Carrying payments through: a bounded pool that looks at whatever is due, and acts on what the provider says now.
//!
//! What has to be done is in Postgres alone (`payment.due_at`, `refund.due_at`); webhooks only make it due sooner. So a
//! worker that dies loses nothing, and any number of them may run.

mod attempt;
mod refund;
mod waits;

use std::sync::Arc;
use std::time::Duration;

use chassis::clock::Clock;
use chassis::retry::Backoff;
use store::payments::{CLAIM_MS, DuePayment, DueRefund};
use store::{Result, Store};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::attempt::Next;
pub(crate) use self::attempt::{key, new_intent};
use crate::config::Config;
use crate::metrics::{PAYMENT_LOOKS_TOTAL, PAYMENTS_IN_HAND};
use crate::provider::Provider;

/// How often refunds are looked for.
const REFUNDS_EVERY: Duration = Duration::from_millis(500);
/// How often parked webhooks are swept.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// What one look may take: less than the claim, so that nobody else begins before it ends.
const LOOK_MAX: Duration = Duration::from_millis(CLAIM_MS as u64 - 200);

/// Looks at what is due. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Worker {
    pub(crate) store: Store,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) clock: Clock,
    nudge: Arc<Notify>,
    concurrency: usize,
    poll: Duration,
    call_timeout: Duration,
    look_ms: i64,
    look_max_ms: i64,
}

impl Worker {
    pub(crate) fn new(
        store: Store,
        provider: Arc<dyn Provider>,
        clock: Clock,
        nudge: Arc<Notify>,
        config: &Config,
    ) -> Self {
        Self {
            store,
            provider,
            clock,
            nudge,
            concurrency: usize::from(config.concurrency),
            poll: Duration::from_millis(config.poll_ms),
            call_timeout: config.call_timeout(),
            look_ms: config.look_ms,
            look_max_ms: config.look_max_ms,
        }
    }

    /// Looks at what is due until told to stop, then finishes what is in hand.
    pub(crate) async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut in_hand = JoinSet::new();
        let mut backoff = Backoff::new(50, 1_000);
        let mut refunds_at = Instant::now();
        while !stop.is_cancelled() {
            let room = self.concurrency - in_hand.len();
            let wait = match self.take(&mut in_hand, room, &mut refunds_at).await {
                Ok(taken) => {
                    backoff.reset();
                    // As many as there was room for: there are probably more.
                    if taken >= room { Duration::ZERO } else { self.poll }
                }
                Err(fault) => {
                    tracing::debug!(%fault, "payments wait for Postgres");
                    backoff.delay().max(self.poll)
                }
            };
            metrics::gauge!(PAYMENTS_IN_HAND).set(in_hand.len() as f64);
            let full = in_hand.len() >= self.concurrency;
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.nudge.notified(), if !full => {}
                () = tokio::time::sleep(wait), if !full => {}
                Some(ended) = in_hand.join_next() => note(ended),
            }
            while let Some(ended) = in_hand.try_join_next() {
                note(ended);
            }
        }
        while let Some(ended) = in_hand.join_next().await {
            note(ended);
        }
        metrics::gauge!(PAYMENTS_IN_HAND).set(0.0);
        Ok(())
    }

    async fn take(&self, in_hand: &mut JoinSet<()>, room: usize, refunds_at: &mut Instant) -> Result<usize> {
        let due = self.store.due_payments(room as i64).await?;
        let mut taken = due.len();
        for due in due {
            let worker = self.clone();
            in_hand.spawn(async move { worker.look(due).await });
        }
        if taken < room && Instant::now() >= *refunds_at {
            let due = self.store.due_refunds((room - taken) as i64).await?;
            *refunds_at = Instant::now() + REFUNDS_EVERY;
            taken += due.len();
            for due in due {
                let worker = self.clone();
                in_hand.spawn(async move { worker.give_back(due).await });
            }
        }
        Ok(taken)
    }

    async fn look(self, due: DuePayment) {
        let payment = due.payment.id;
        let looked = async {
            let next = self.attend(&due).await?;
            match next {
                Next::Never => self.store.look_again(payment, None).await?,
                Next::In(ms) => self.store.look_again(payment, Some(ms)).await?,
                Next::Settled => {}
            }
            Ok::<Next, store::StoreError>(next)
        };
        let outcome = match tokio::time::timeout(LOOK_MAX, looked).await {
            Ok(Ok(Next::In(_))) => "open",
            Ok(Ok(_)) => "settled",
            Ok(Err(fault)) => {
                // It stays claimed, and is due again when the claim ends.
                if fault.is_away() {
                    tracing::debug!(%payment, %fault, "a payment waits for Postgres");
                } else {
                    tracing::error!(%payment, %fault, "a payment cannot go on");
                }
                "failed"
            }
            Err(_) => {
                tracing::warn!(%payment, "a look at a payment took too long");
                "late"
            }
        };
        metrics::counter!(PAYMENT_LOOKS_TOTAL, "outcome" => outcome).increment(1);
    }

    async fn give_back(self, due: DueRefund) {
        let refund = due.id;
        match tokio::time::timeout(LOOK_MAX, self.carry_out(&due)).await {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => tracing::warn!(%refund, %fault, "a refund waits for Postgres"),
            Err(_) => tracing::warn!(%refund, "a look at a refund took too long"),
        }
    }

    /// Gives parked webhooks to payments that meanwhile know their intent, until told to stop.
    pub(crate) async fn sweep(self, stop: CancellationToken) -> anyhow::Result<()> {
        while stop.run_until_cancelled(tokio::time::sleep(SWEEP_EVERY)).await.is_some() {
            match self.store.sweep_parked().await {
                Ok(found) if found.is_empty() => {}
                Ok(_) => self.nudge.notify_one(),
                Err(fault) => tracing::debug!(%fault, "parked webhooks cannot be swept"),
            }
        }
        Ok(())
    }

    pub(crate) fn new_id(&self) -> Uuid {
        chassis::ids::new(&self.clock)
    }
}

fn note(ended: std::result::Result<(), tokio::task::JoinError>) {
    // What a panicked look had claimed is due again when the claim ends.
    if let Err(fault) = ended
        && fault.is_panic()
    {
        tracing::error!("a look at a payment panicked");
        metrics::counter!(PAYMENT_LOOKS_TOTAL, "outcome" => "failed").increment(1);
    }
}
