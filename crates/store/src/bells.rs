//! Pub/sub as a doorbell only: it says "look", never what there is to see. A missed ring costs a poll's interval.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use fred::clients::SubscriberClient;
use fred::interfaces::{ClientLike as _, EventInterface as _, PubsubInterface as _};
use fred::types::Builder;
use fred::types::config::{Config, ReconnectPolicy};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::redis_door::Keys;
use crate::{Result, StoreError};

/// One subscriber connection for the process, which resubscribes by itself.
pub struct Bells {
    client: SubscriberClient,
    ropes: Arc<Mutex<HashMap<String, Arc<Notify>>>>,
    started: tokio::sync::OnceCell<()>,
}

impl std::fmt::Debug for Bells {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bells").finish_non_exhaustive()
    }
}

impl Bells {
    pub(crate) fn open(url: &str) -> Result<Self> {
        let away = |fault: fred::error::Error| StoreError::Away(format!("REDIS_URL: {fault}"));
        let config = Config::from_url(url).map_err(away)?;
        let client = Builder::from_config(config)
            .set_policy(ReconnectPolicy::new_constant(0, 200))
            .build_subscriber_client()
            .map_err(away)?;
        Ok(Self { client, ropes: Arc::default(), started: tokio::sync::OnceCell::new() })
    }

    /// The bell of an event. Waiting on it may also end without a ring.
    pub(crate) async fn of(&self, event: Uuid) -> Arc<Notify> {
        self.started
            .get_or_init(|| async {
                let ropes = self.ropes.clone();
                // The client runs these for as long as it lives; it lives as long as the process.
                drop(self.client.on_message(move |message| {
                    let rope =
                        ropes.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(&*message.channel).cloned();
                    if let Some(rope) = rope {
                        rope.notify_waiters();
                    }
                    std::future::ready(Ok(()))
                }));
                drop(self.client.manage_subscriptions());
                drop(self.client.connect());
            })
            .await;
        let channel = Keys(event).bell();
        let (rope, new) = {
            let mut ropes = self.ropes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let known = ropes.len();
            let rope = ropes.entry(channel.clone()).or_default().clone();
            (rope, ropes.len() > known)
        };
        if new {
            // While Redis is away this waits inside the client; the followers' polls serve meanwhile.
            let client = self.client.clone();
            drop(tokio::time::timeout(std::time::Duration::from_millis(300), client.subscribe(channel)).await);
        }
        rope
    }
}
