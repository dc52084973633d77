//! The feed: what changed, in lanes with contiguous versions. Postgres gives the versions and keeps the records; the
//! event's Redis stream carries copies to everyone who follows.

mod change;
mod wire;

use domain::sale::Course;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

pub use self::change::{Change, Ending, HoldNow, HoldState, Question, SeatMoves};
use crate::announcements::AnnouncementNow;
use crate::clock::FrozenNow;
use crate::redis_door::Keys;
use crate::tuning::{BrakeNow, RampNow};
use crate::{Result, Store};

/// Records kept in a stream. Whoever was away for longer reads Postgres.
pub(crate) const FEED_KEEP: usize = 20_000;

/// One of an event's independently versioned sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaneKind {
    /// Of a sale: who came.
    Joins,
    /// Of a sale: who was let in, passed over, left; changes of its rate and state.
    Pace,
    /// Of an event: holds, ends, sales of seats.
    Seats,
}

impl LaneKind {
    /// As in paths, in the tables and in what hashes cover.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Joins => "joins",
            Self::Pace => "pace",
            Self::Seats => "seats",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Joins, Self::Pace, Self::Seats].into_iter().find(|kind| kind.name() == name)
    }
}

/// A lane: its scope is a sale, or the event for `Seats`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane {
    /// Sale or event.
    pub scope: Uuid,
    /// Which sequence.
    pub kind: LaneKind,
}

/// The last bytes of a fan's identifier: enough to know a place's fans apart. It is public in the log and the same in every
/// sale, so it links places that went over to one fan, without saying who that is.
#[must_use]
pub const fn hand(fan: Uuid) -> u32 {
    fan.as_u128() as u32
}

/// A sale's settings that followers need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleNow {
    /// When its lobby opens, if it has one.
    #[serde(default)]
    pub lobby_opens_at_ms: Option<i64>,
    /// When it opens.
    pub opens_at_ms: i64,
    /// When it closes.
    pub closes_at_ms: i64,
    /// Until when those who wait at the close are let in, if later.
    #[serde(default)]
    pub wait_ends_at_ms: Option<i64>,
    /// Whether the lobby's places get their numbers by a draw.
    #[serde(default)]
    pub draws: bool,
    /// Fans per minute.
    pub rate_per_minute: u32,
    /// Active at once.
    pub max_active: u32,
    /// Fans who should really come, per minute; the rate stays the cap.
    #[serde(default)]
    pub target_per_minute: Option<u32>,
    /// Scheduled rates, if there are any.
    #[serde(default)]
    pub ramp: Option<RampNow>,
    /// What the automatic brake goes by, if there is one.
    #[serde(default)]
    pub brake: Option<BrakeNow>,
    /// Counts the operators' changes.
    pub rate_version: i64,
    /// How long absent fans keep the head.
    pub grace_ms: i64,
    /// How long a last sign counts.
    pub presence_ms: i64,
    /// Why nobody is let in, if so: of the emergency stop, or else of the pause.
    pub pause_reason: Option<String>,
    /// Whether that is the emergency stop, in which nobody joins either.
    #[serde(default)]
    pub stopped: bool,
    /// Whether fans pick their seats themselves.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub picks: bool,
    /// How many of the event's seats it may have held or sold at once, if not all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allotment: Option<u32>,
    /// How far its clock is behind, in milliseconds, because operators stopped it or put it back; while it stands, as of since.
    #[serde(default, skip_serializing_if = "wire::is_default")]
    pub clock_lag_ms: i64,
    /// Whether its clock stands still, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen: Option<Box<FrozenNow>>,
    /// What is announced to everybody in its line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announcement: Option<AnnouncementNow>,
    /// Whether every seat of its is sold and paid.
    pub sold_out: bool,
}

impl SaleNow {
    /// What decides what the sale is doing.
    #[must_use]
    pub const fn course(&self, drawn: bool) -> Course {
        Course {
            lobby_opens_at_ms: self.lobby_opens_at_ms,
            opens_at_ms: self.opens_at_ms,
            closes_at_ms: self.closes_at_ms,
            wait_ends_at_ms: self.wait_ends_at_ms,
            draws: self.draws,
            drawn,
            paused: self.pause_reason.is_some(),
            sold_out: self.sold_out,
        }
    }
}

/// A version of a lane and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The lane.
    pub lane: Lane,
    /// Contiguous within the lane, from 1.
    pub version: i64,
    /// When the deciding transaction wrote it, by Postgres's clock.
    pub at_ms: i64,
    /// What changed.
    pub changes: Vec<Change>,
}

/// Takes the lane's next version and records what it says. Call it last: the lane's row stays locked until the commit.
pub(crate) async fn record(tx: &mut PgConnection, lane: Lane, changes: Vec<Change>) -> Result<Record> {
    let text = serde_json::to_string(&changes).expect("plain fields encode");
    // The hash covers the hash before, the lane, version, time and words, so that nothing can be changed unnoticed.
    let (version, at_ms): (i64, i64) = sqlx::query_as(
        "with moved as (update lane set (version, at, head) =
                            (select version + 1, t.at, sha256(convert_to(
                                 concat_ws(E'\\n', encode(head, 'hex'), scope, kind, version + 1, to_ms(t.at), $3), 'UTF8'))
                             from (select greatest(clock_timestamp(), lane.at) as at) t)
                        where scope = $1 and kind = $2 returning version, at, head),
              kept as (insert into feed_record (scope, kind, version, at, changes, hash)
                       select $1, $2, version, at, $3::json, head from moved returning version, at)
         select version, to_ms(at) from kept",
    )
    .bind(lane.scope)
    .bind(lane.kind.name())
    .bind(text)
    .fetch_one(tx)
    .await?;
    Ok(Record { lane, version, at_ms, changes })
}

impl Store {
    /// Copies committed records to the event's stream and rings its bell. Redis being away costs nothing but time: followers
    /// find the gap and read Postgres. Never waits longer than 50 ms.
    pub async fn publish(&self, event: Uuid, records: &[Record]) {
        if records.is_empty() {
            return;
        }
        let attempt = async {
            for _ in 0..2 {
                let epoch = self.epoch_in_redis(event).await?;
                let keys = Keys(event);
                let mut call = self.redis.append.prepare_invoke();
                call.key(keys.feed()).key(keys.epoch()).arg(epoch).arg(keys.bell()).arg(FEED_KEEP);
                for record in records {
                    call.arg(record.encode());
                }
                let written: i64 = call.invoke_async(&mut self.redis.connection()).await?;
                if written == 1 {
                    return Ok::<bool, crate::StoreError>(true);
                }
                self.forget_epoch(event);
            }
            Ok(false)
        };
        match tokio::time::timeout(std::time::Duration::from_millis(50), attempt).await {
            Ok(Ok(true)) => {}
            outcome => {
                metrics::counter!("usher_feed_publish_failures_total").increment(1);
                tracing::debug!(%event, ?outcome, "the feed got no copy; followers read Postgres");
            }
        }
    }

    /// Records of a lane after `after`, oldest first, at most `limit`.
    pub async fn records_after(&self, lane: Lane, after: i64, limit: i64) -> Result<Vec<Record>> {
        let rows: Vec<(i64, i64, sqlx::types::Json<Vec<Change>>)> = sqlx::query_as(
            "select version, to_ms(at), changes from feed_record
             where scope = $1 and kind = $2 and version > $3 order by version limit $4",
        )
        .bind(lane.scope)
        .bind(lane.kind.name())
        .bind(after)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|(version, at_ms, changes)| Record { lane, version, at_ms, changes: changes.0 })
            .collect())
    }

    /// The newest version of every lane of an event.
    pub async fn lane_ends(&self, event: Uuid) -> Result<Vec<(Lane, i64)>> {
        let rows: Vec<(Uuid, String, i64)> = sqlx::query_as("select scope, kind, version from lane where event = $1")
            .bind(event)
            .fetch_all(&self.pool)
            .await?;
        Ok(rows
            .into_iter()
            .filter_map(|(scope, kind, version)| Some((Lane { scope, kind: LaneKind::parse(&kind)? }, version)))
            .collect())
    }
}
