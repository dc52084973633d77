//! Epochs: when an event's copy in Redis is missing, or belongs to another Redis than the one we speak to, it is made anew.
//!
//! The copy is small on purpose: the feed's tail and who was seen when. Followers hold the line in memory and repair their
//! lanes from Postgres, so a rebuild is: raise the epoch in Postgres, then publish it in an empty feed. For `presence_ms`
//! after that, "never seen" means present.

use std::time::Duration;

use redis::{AsyncCommands as _, ExistenceCheck, SetExpiry, SetOptions};
use uuid::Uuid;

use crate::redis_door::Keys;
use crate::{Result, Store, StoreError};

/// For how long whoever rebuilds an event's copy keeps the others waiting, in milliseconds.
const REBUILD_TURN_MS: u64 = 2_000;
/// How long the others wait before they look again, and how often they do.
const REBUILD_WAIT: Duration = Duration::from_millis(20);
const REBUILD_WAITS: u32 = 150;

/// An event's copy in Redis as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch {
    /// Counts rebuilds.
    pub number: i64,
    /// When this one was published, by Postgres's clock.
    pub since_ms: i64,
}

impl Store {
    /// The epoch that writers name; asked from Redis once and remembered until it proves wrong.
    pub(crate) async fn epoch_in_redis(&self, event: Uuid) -> Result<i64> {
        let known = self.epochs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(&event).copied();
        match known {
            Some(epoch) => Ok(epoch),
            None => Ok(self.tend_epoch(event).await?.number),
        }
    }

    pub(crate) fn forget_epoch(&self, event: Uuid) {
        self.epochs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&event);
    }

    /// Sees to it that the event's copy is there and belongs to this Redis and to Postgres's epoch; rebuilds it if not.
    ///
    /// # Errors
    /// When either store is away.
    pub async fn tend_epoch(&self, event: Uuid) -> Result<Epoch> {
        let mut connection = self.redis.connection();
        let keys = Keys(event);
        let mut turn = false;
        for _ in 0..REBUILD_WAITS {
            let row: Option<i64> = sqlx::query_scalar("select epoch from event where id = $1")
                .bind(event)
                .fetch_optional(&self.pool)
                .await?;
            let recorded = row.ok_or_else(|| StoreError::Corrupt(format!("there is no event {event}")))?;
            let replid = replid(&mut connection).await?;
            let (number, owner, since_ms): (Option<i64>, Option<String>, Option<i64>) =
                connection.hmget(keys.epoch(), &["epoch", "replid", "since_ms"]).await?;
            let current = match (number, since_ms) {
                (Some(number), Some(since_ms)) if number >= recorded && owner.as_deref() == Some(&replid) => {
                    Some(Epoch { number, since_ms })
                }
                // It was missing before our turn, and still is.
                _ if turn => Some(self.rebuild_from(event, recorded, &replid).await?),
                _ => None,
            };
            if let Some(current) = current {
                if turn {
                    let _: i64 = connection.del(keys.rebuild()).await?;
                }
                self.epochs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(event, current.number);
                return Ok(current);
            }
            // Of several that notice, one rebuilds, so that the epoch rises once; should it die, the next one's turn comes.
            let options = SetOptions::default()
                .conditional_set(ExistenceCheck::NX)
                .with_expiration(SetExpiry::PX(REBUILD_TURN_MS));
            let taken: Option<String> = connection.set_options(keys.rebuild(), &replid, options).await?;
            turn = taken.is_some();
            if !turn {
                tokio::time::sleep(REBUILD_WAIT).await;
            }
        }
        Err(StoreError::Away("redis: somebody is rebuilding the event's copy".to_owned()))
    }

    /// Rebuilds the event's copy in Redis whatever its state.
    ///
    /// # Errors
    /// When either store is away.
    pub async fn rebuild(&self, event: Uuid) -> Result<Epoch> {
        let replid = replid(&mut self.redis.connection()).await?;
        let recorded: i64 =
            sqlx::query_scalar("select epoch from event where id = $1").bind(event).fetch_one(&self.pool).await?;
        self.rebuild_from(event, recorded, &replid).await
    }

    async fn rebuild_from(&self, event: Uuid, seen: i64, replid: &str) -> Result<Epoch> {
        // Of several that notice, one raises; the others publish what it raised to.
        let raised: Option<(i64, i64)> = sqlx::query_as(
            "update event set epoch = epoch + 1 where id = $1 and epoch = $2 returning epoch, to_ms(clock_timestamp())",
        )
        .bind(event)
        .bind(seen)
        .fetch_optional(&self.pool)
        .await?;
        let (number, since_ms): (i64, i64) = match raised {
            Some(raised) => raised,
            None => {
                sqlx::query_as("select epoch, to_ms(clock_timestamp()) from event where id = $1")
                    .bind(event)
                    .fetch_one(&self.pool)
                    .await?
            }
        };
        let keys = Keys(event);
        let mut call = self.redis.publish_epoch.prepare_invoke();
        call.key(keys.feed()).key(keys.epoch()).arg(number).arg(replid).arg(since_ms).arg(keys.bell());
        let number: i64 = call.invoke_async(&mut self.redis.connection()).await?;
        metrics::counter!("usher_rebuilds_total").increment(1);
        tracing::info!(%event, epoch = number, "the event's copy in Redis was rebuilt");
        Ok(Epoch { number, since_ms })
    }
}

async fn replid(connection: &mut redis::aio::ConnectionManager) -> Result<String> {
    let info: String = redis::cmd("INFO").arg("replication").query_async(connection).await?;
    info.lines()
        .find_map(|line| line.strip_prefix("master_replid:"))
        .map(|id| id.trim().to_owned())
        .ok_or_else(|| StoreError::Corrupt("INFO replication without master_replid".to_owned()))
}
