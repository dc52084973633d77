//! What intents do by themselves: a slow issuer answers, an authorisation ends.

use std::sync::Arc;
use std::time::Duration;

use chassis::clock::Clock;
use futures_util::future::join_all;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::desk::Op;
use crate::store::{Ledger, Reads};

/// Intents woken at once.
const WOKEN: i64 = 256;
/// How long the timers sleep at most; what falls due sooner rings the bell.
const LOOK: Duration = Duration::from_secs(1);
/// The pause after an error.
const PAUSE: Duration = Duration::from_millis(200);

/// The timers of all intents; they are in the store, so a restart continues them.
#[derive(Debug)]
pub struct Timers {
    /// Where they are read.
    pub reads: Reads,
    /// Where intents are woken.
    pub ledger: Ledger,
    /// The time.
    pub clock: Clock,
    /// Rung when an intent wakes soon.
    pub nudge: Arc<Notify>,
}

impl Timers {
    /// Wakes intents until told to stop.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        loop {
            let wait = self.step().await;
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.nudge.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Wakes what is due, and says when to look again.
    async fn step(&self) -> Duration {
        let now_ms = self.clock.now_ms();
        match self.reads.waking(now_ms, WOKEN).await {
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "timers cannot be read");
                PAUSE
            }
            Ok((due, next_ms)) if due.is_empty() => {
                next_ms.map_or(LOOK, |next_ms| Duration::from_millis((next_ms - now_ms).max(1) as u64).min(LOOK))
            }
            Ok((due, _)) => {
                let woken = due.into_iter().map(|intent| self.ledger.ask(Op::Wake { intent }, None));
                let failed = join_all(woken).await.iter().any(|reply| reply.status >= 500);
                if failed { PAUSE } else { Duration::ZERO }
            }
        }
    }
}
