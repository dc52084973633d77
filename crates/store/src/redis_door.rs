//! The door to Redis for commands, scripts and streams. It opens by itself again after Redis was away.

use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use uuid::Uuid;

use crate::Result;

/// Names of an event's keys. All share the event's hash tag, so that they live in one slot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keys(pub Uuid);

impl Keys {
    pub fn feed(self) -> String {
        format!("u:{{{}}}:feed:v1", self.0.simple())
    }
    pub fn epoch(self) -> String {
        format!("u:{{{}}}:epoch:v1", self.0.simple())
    }
    /// Whose turn it is to rebuild the event's copy.
    pub fn rebuild(self) -> String {
        format!("u:{{{}}}:rebuild:v1", self.0.simple())
    }
    pub fn bell(self) -> String {
        format!("u:{{{}}}:bell:v1", self.0.simple())
    }
    /// When each entry of a sale was last seen: unsigned 32-bit seconds since 1970, at the entry's index.
    pub fn seen(self, sale: Uuid) -> String {
        format!("u:{{{}}}:seen:{}:v1", self.0.simple(), sale.simple())
    }
}

/// Commands and scripts. Cheap to clone; one multiplexed connection, so nothing here may block.
#[derive(Clone)]
pub struct RedisDoor {
    manager: ConnectionManager,
    pub(crate) append: std::sync::Arc<redis::Script>,
    pub(crate) publish_epoch: std::sync::Arc<redis::Script>,
}

impl std::fmt::Debug for RedisDoor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisDoor").finish_non_exhaustive()
    }
}

impl RedisDoor {
    /// A door that connects on first use.
    ///
    /// # Errors
    /// When the address cannot be understood.
    pub fn open(url: &str) -> Result<Self> {
        let client = redis::Client::open(url)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(Duration::from_millis(500)))
            .set_response_timeout(Some(Duration::from_millis(500)))
            .set_number_of_retries(1)
            .set_max_delay(Duration::from_millis(200));
        Ok(Self {
            manager: ConnectionManager::new_lazy_with_config(client, config)?,
            append: redis::Script::new(include_str!("../lua/feed_append.lua")).into(),
            publish_epoch: redis::Script::new(include_str!("../lua/epoch_publish.lua")).into(),
        })
    }

    /// A handle for commands.
    #[must_use]
    pub fn connection(&self) -> ConnectionManager {
        self.manager.clone()
    }
}
