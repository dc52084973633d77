//! When the process stops: every socket is told when to come back, not all in the same moment.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::hub::Hub;
use crate::slot::Farewell;

/// Sockets told at once.
const CHUNK: usize = 128;
/// Sockets told per millisecond, where the spread allows it.
const PER_MS: usize = 10;

/// Waits for the soft stop, then dismisses the sockets over the spread. Dropped before it has ended, as by the hard stop, it
/// drops them all: they do not run as tasks, so nobody else would.
pub async fn stop(hub: Arc<Hub>, soft: CancellationToken) -> anyhow::Result<()> {
    let mut rest = Rest { hub: hub.clone(), done: false };
    soft.cancelled().await;
    let count = hub.sockets.count();
    let spread_ms = (count / PER_MS).min(hub.config.stop_spread_ms as usize);
    let pause = Duration::from_micros((spread_ms * 1_000 * CHUNK / count.max(CHUNK)) as u64);
    tracing::info!(sockets = count, spread_ms, "telling sockets to come back elsewhere");
    for room in hub.rooms() {
        let mut to = room.slots().len();
        while to > 0 {
            let from = to.saturating_sub(CHUNK);
            for slot in room.slots().range(from, to) {
                slot.dismiss(Farewell::Away);
            }
            to = from;
            tokio::time::sleep(pause).await;
        }
    }
    // Those whose hello was under way meanwhile.
    while !hub.sockets.drained(Duration::from_millis(100)).await {
        for room in hub.rooms() {
            for slot in room.slots().range(0, usize::MAX) {
                slot.dismiss(Farewell::Away);
            }
        }
    }
    rest.done = true;
    Ok(())
}

struct Rest {
    hub: Arc<Hub>,
    done: bool,
}

impl Drop for Rest {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        for room in self.hub.rooms() {
            for slot in room.slots().range(0, usize::MAX) {
                slot.drop_now();
            }
        }
    }
}
