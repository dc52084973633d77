//! Which heads of their sales' logs pages are told: the newest that was written, each once per socket, on a frame that is due
//! anyway.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use contracts::log::ToldHead;
use store::log::NewestHead;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::hub::Hub;

/// The newest heads of an event's logs, by sale.
#[derive(Debug, Default)]
pub struct Heads(RwLock<HashMap<Uuid, ToldHead>>);

impl Heads {
    /// The newest head of a sale's log, unless it is this one that was told.
    pub fn newer(&self, sale: Uuid, told_seq: i64) -> Option<Box<ToldHead>> {
        let heads = self.0.read().unwrap_or_else(PoisonError::into_inner);
        heads.get(&sale).filter(|head| head.seq > told_seq).cloned().map(Box::new)
    }

    fn learn(&self, newest: NewestHead) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(newest.sale, told(newest));
    }
}

/// As pages are told it.
pub fn told(NewestHead { seq, at_ms, key_id, hash, .. }: NewestHead) -> ToldHead {
    ToldHead { seq, at_ms, key_id, hash: hex::encode(hash) }
}

/// Learns every so often, in one query for all events here, of heads that were written, until `stop`. While Postgres is away
/// the last that were known stay.
pub async fn learn(hub: Arc<Hub>, stop: CancellationToken) -> anyhow::Result<()> {
    let every = Duration::from_millis(hub.config.heads_every_ms);
    loop {
        let events: Vec<Uuid> = hub.rooms().iter().map(|room| room.event).collect();
        match hub.store.newest_heads(&events).await {
            Ok(heads) => {
                for head in heads {
                    if let Some(room) = hub.room(head.event) {
                        room.heads.learn(head);
                    }
                }
            }
            Err(fault) => tracing::debug!(%fault, "heads of logs cannot be read for the moment"),
        }
        if stop.run_until_cancelled(tokio::time::sleep(every)).await.is_none() {
            return Ok(());
        }
    }
}
