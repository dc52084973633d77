//! Seating: for every running event, one holder of its lease gives seats to the admitted places, in order.

mod floor;
mod office;
mod queue;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chassis::clock::Clock;
use chassis::tasks::{TaskKind, Tasks};
use store::leases::Office as Kind;
use store::{Store, StoreError};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::office::Office;
use crate::metrics::{SEATING_LOST_TOTAL, SEATING_OFFICES};

/// How often running events are looked for.
const LOOK: Duration = Duration::from_millis(500);

/// Looks after the seating of all running events.
#[derive(Debug, Clone)]
pub struct Seating {
    store: Store,
    clock: Clock,
    /// Whom leases name: this process.
    holder: Uuid,
    lease_ttl_ms: i64,
}

/// The events that have a task, each with what ends it.
type Attended = Arc<Mutex<HashMap<Uuid, CancellationToken>>>;

/// Makes the event free to be attended anew, however its task ended.
struct Attending {
    attended: Attended,
    event: Uuid,
}

impl Drop for Attending {
    fn drop(&mut self) {
        self.attended.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.event);
    }
}

impl Seating {
    pub(crate) fn new(store: Store, clock: Clock, lease_ttl_ms: i64) -> Self {
        let holder = chassis::ids::new(&clock);
        Self { store, clock, holder, lease_ttl_ms }
    }

    /// Gives every running event a task, until told to stop.
    pub(crate) async fn supervise(self, tasks: Tasks) -> anyhow::Result<()> {
        let (stop, attended) = (tasks.soft(), Attended::default());
        loop {
            match self.store.running_events().await {
                Ok(events) => self.attend(&tasks, &attended, &events),
                Err(fault) => tracing::debug!(%fault, "running events cannot be read"),
            }
            if stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_none() {
                return Ok(());
            }
        }
    }

    fn attend(&self, tasks: &Tasks, attended: &Attended, events: &[Uuid]) {
        let mut map = attended.lock().unwrap_or_else(PoisonError::into_inner);
        for (event, stop) in map.iter() {
            if !events.contains(event) {
                stop.cancel();
            }
        }
        for &event in events {
            if map.contains_key(&event) {
                continue;
            }
            let stop = tasks.soft().child_token();
            map.insert(event, stop.clone());
            let (seating, attending) = (self.clone(), Attending { attended: attended.clone(), event });
            // A job and not a critical task: it ends with its event, and after a panic the next look starts it anew.
            tasks.spawn(TaskKind::Job, "seating of an event", async move {
                seating.look_after(event, &stop).await;
                drop(attending);
                Ok(())
            });
        }
    }

    /// Takes the event's office whenever it is vacant, and holds it until it is lost or the stop comes.
    async fn look_after(&self, event: Uuid, stop: &CancellationToken) {
        let wait = Duration::from_millis(self.lease_ttl_ms.unsigned_abs() / 6);
        while !stop.is_cancelled() {
            match self.store.take_lease(Kind::Seating, event, self.holder, self.lease_ttl_ms).await {
                Ok(Some(lease)) => {
                    tracing::info!(%event, term = lease.term, "seating taken");
                    metrics::gauge!(SEATING_OFFICES).increment(1.0);
                    let held = Office::hold(&self.store, &self.clock, lease, stop).await;
                    metrics::gauge!(SEATING_OFFICES).decrement(1.0);
                    match held {
                        Ok(()) => {
                            tracing::info!(%event, term = lease.term, "seating given up");
                            if let Err(fault) = self.store.give_up_lease(&lease).await {
                                tracing::warn!(%event, %fault, "the lease ends by its time");
                            }
                        }
                        Err(StoreError::Moved(what)) => {
                            metrics::counter!(SEATING_LOST_TOTAL).increment(1);
                            tracing::warn!(%event, term = lease.term, what, "seating lost");
                        }
                        Err(fault) => {
                            metrics::counter!(SEATING_LOST_TOTAL).increment(1);
                            tracing::error!(%event, term = lease.term, %fault, "seating failed; starting over");
                        }
                    }
                }
                Ok(None) => {}
                Err(fault) => tracing::debug!(%event, %fault, "no lease to be had"),
            }
            stop.run_until_cancelled(tokio::time::sleep(wait)).await;
        }
    }
}
