//! Who gave a sign of life, written to Redis in batches. Losing some costs little: sockets are noted again every few seconds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics::counter;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::hub::Hub;
use crate::metrics::{SEEN, UNSEEN};

/// Notes that wait at most.
const WAITING_MAX: usize = 8_192;
/// Notes gather so long before they are written.
const GATHER: Duration = Duration::from_millis(20);

#[derive(Debug)]
struct Note {
    event: Uuid,
    sale: Uuid,
    entries: Vec<i64>,
}

/// Where signs of life go.
#[derive(Debug)]
pub struct Presence {
    sender: mpsc::Sender<Note>,
    /// Taken by the task that writes.
    receiver: Mutex<Option<mpsc::Receiver<Note>>>,
}

impl Presence {
    /// An empty queue.
    pub fn new() -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        Self { sender, receiver: Mutex::new(Some(receiver)) }
    }

    /// Notes these entries. Never waits; a full queue loses the note.
    pub fn note(&self, event: Uuid, sale: Uuid, entries: Vec<i64>) {
        let count = entries.len() as u64;
        if count > 0 && self.sender.try_send(Note { event, sale, entries }).is_err() {
            counter!(UNSEEN).increment(count);
        }
    }

    /// Writes what is noted until `stop`.
    pub async fn write(hub: Arc<Hub>, stop: CancellationToken) -> anyhow::Result<()> {
        let receiver = hub.presence.receiver.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut receiver = receiver.ok_or_else(|| anyhow::anyhow!("the role was started twice"))?;
        let mut notes = Vec::new();
        while let Some(count) = stop.run_until_cancelled(receiver.recv_many(&mut notes, WAITING_MAX)).await {
            if count == 0 {
                break;
            }
            let mut by_sale: HashMap<(Uuid, Uuid), Vec<i64>> = HashMap::new();
            for note in notes.drain(..) {
                by_sale.entry((note.event, note.sale)).or_default().extend(note.entries);
            }
            for ((event, sale), mut entries) in by_sale {
                entries.sort_unstable();
                entries.dedup();
                let outcome = hub.store.note_seen(event, sale, &entries, hub.clock.now_ms()).await;
                let name = if outcome.is_ok() { SEEN } else { UNSEEN };
                counter!(name).increment(entries.len() as u64);
                if let Err(fault) = outcome {
                    tracing::debug!(%fault, "signs of life were not written");
                }
            }
            tokio::time::sleep(GATHER).await;
        }
        Ok(())
    }
}
