//! Redis: the fast copy says what Postgres says, and no more than it may hold (invariants 4 and 9).

use std::collections::HashMap;

use redis::AsyncCommands as _;
use redis::streams::StreamRangeReply;
use uuid::Uuid;

use super::history::History;
use super::{Check, Look};
use crate::feed::{FEED_KEEP, Record};
use crate::redis_door::Keys;
use crate::{Result, Store};

const EPOCH: Check = Check { name: "epoch-not-ahead", invariant: 4 };
const FEED: Check = Check { name: "feed-equals-records", invariant: 4 };
const BOUNDED: Check = Check { name: "feed-is-bounded", invariant: 9 };

/// Entries read at once.
const PAGE: usize = 1_000;
/// How far a stream may exceed its bound, since whole nodes of it are trimmed.
const TRIM_SLACK: usize = 1_000;

/// An event's copy in Redis.
pub(super) struct Copy {
    epoch: Option<i64>,
    /// What could not be read is none.
    records: Vec<Option<Record>>,
}

/// Reads an event's copy; nothing while Redis is away.
pub(super) async fn read(store: &Store, event: Uuid) -> Option<Copy> {
    let mut connection = store.redis().connection();
    let keys = Keys(event);
    let epoch = connection.hget(keys.epoch(), "epoch").await.ok()?;
    let mut records = Vec::new();
    let mut from = "-".to_owned();
    loop {
        let page: StreamRangeReply = connection.xrange_count(keys.feed(), &from, "+", PAGE).await.ok()?;
        records.extend(page.ids.iter().map(|entry| entry.get::<String>("r").as_deref().and_then(Record::decode)));
        match page.ids.last() {
            Some(last) if page.ids.len() == PAGE => from = format!("({}", last.id),
            _ => return Some(Copy { epoch, records }),
        }
    }
}

pub(super) async fn check(look: &mut Look<'_>, history: &History, copy: &Copy) -> Result<()> {
    let recorded: i64 =
        sqlx::query_scalar("select epoch from event where id = $1").bind(look.event).fetch_one(&mut *look.tx).await?;
    let ahead = copy.epoch.filter(|epoch| *epoch > recorded);
    look.found(EPOCH, ahead.map(|epoch| format!("Redis is at epoch {epoch}, Postgres at {recorded}")));
    let known: HashMap<_, &Record> =
        history.lanes.values().flatten().map(|record| ((record.lane, record.version), record)).collect();
    let strange = copy.records.iter().filter_map(|copied| match copied {
        None => Some("an entry of the feed cannot be read".to_owned()),
        Some(copied) => {
            let recorded = known.get(&(copied.lane, copied.version)).copied();
            (recorded != Some(copied)).then(|| format!("the feed says {copied:?}, recorded is {recorded:?}"))
        }
    });
    look.found(FEED, strange);
    let length = copy.records.len();
    let long =
        (length > FEED_KEEP + TRIM_SLACK).then(|| format!("the feed has {length} entries, and {FEED_KEEP} are kept"));
    look.found(BOUNDED, long);
    Ok(())
}
