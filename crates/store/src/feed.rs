//! The feed: what changed, in lanes with contiguous versions. Postgres gives the versions and keeps the records; the
//! event's Redis stream carries copies to everyone who follows.

use domain::sale::Course;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

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

/// How a hold goes on while it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldState {
    /// Until the deadline.
    Held,
    /// A payment is open.
    Paying,
    /// The deadline passed with a payment unresolved.
    Pinned,
    /// Authorised; being captured.
    Capturing,
}

/// How a place ended, or how its hold did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// With tickets.
    Booked,
    /// The hold ran out.
    Lapsed,
    /// Given back.
    Released,
    /// The payment could not be completed.
    Failed,
    /// Left the line.
    Left,
    /// Taken out of the line by an operator.
    Removed,
    /// Nothing that fits can still come free.
    SoldOut,
    /// The money went back.
    Refunded,
}

/// One change within a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "k", rename_all = "snake_case")]
pub enum Change {
    /// joins: entries up to `last` have come.
    Joined {
        /// The last entry given.
        last: i64,
        /// Those of them that are not of the general class, with their classes.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        classes: Vec<(i64, u8)>,
    },
    /// pace: the lobby's entries, 1 to `size`, have the numbers of this seed from now on.
    Drawn {
        /// How many entries the lobby had.
        size: i64,
        /// What the numbers follow from, as hexadecimal digits.
        #[serde(with = "hex_seed")]
        seed: [u8; 32],
    },
    /// pace: an operator put the place into the line, again or elsewhere.
    Put {
        /// The entry.
        entry: i64,
        /// The class from now on.
        class: u8,
    },
    /// pace: let in.
    Admitted {
        /// The entries, in order.
        entries: Vec<i64>,
        /// Their parties, in the same order.
        parties: Vec<u8>,
    },
    /// pace: passed over for longer than the grace.
    Skipped {
        /// The entries.
        entries: Vec<i64>,
    },
    /// pace: the fan left, or was taken out by an operator.
    Left {
        /// The entry.
        entry: i64,
        /// Whether an operator did it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        removed: bool,
    },
    /// pace: the place went over to another fan.
    TakenOver {
        /// The entry.
        entry: i64,
        /// Whose it is from now on, by [`hand`].
        hand: u32,
    },
    /// pace: the party wants something else from now on; the place's row says what.
    Wished {
        /// The entry.
        entry: i64,
    },
    /// pace: the sale's settings or state are these from now on.
    Sale(SaleNow),
    /// seats: seats held for an admitted place, or taken again for a late payment.
    Held(HoldNow),
    /// seats: a hold goes on, changed.
    Moved {
        /// The booking.
        booking: Uuid,
        /// Its state now.
        state: HoldState,
        /// Its deadline now, by its sale's clock.
        deadline_ms: i64,
        /// Whether the last card was declined.
        declined: bool,
        /// Whether the one extension was used.
        extended: bool,
    },
    /// seats: a hold ended; the seats are free, unless it ended booked.
    Ended {
        /// The booking.
        booking: Uuid,
        /// The place's sale.
        sale: Uuid,
        /// The place's entry.
        entry: i64,
        /// How.
        how: Ending,
        /// The seats.
        seats: Vec<u32>,
    },
    /// seats: free seats are kept for a standing party while others may come free too.
    Gathers {
        /// The place's sale.
        sale: Uuid,
        /// The place's entry.
        entry: i64,
        /// Until when.
        until_ms: i64,
    },
    /// seats: a standing party is asked what else it would take, since nothing fits it any more.
    Asked {
        /// The place's sale.
        sale: Uuid,
        /// The place's entry.
        entry: i64,
        /// What, and until when.
        question: Question,
    },
    /// seats: the promoter keeps these back.
    Blocked {
        /// What keeps them.
        block: Uuid,
        /// The seats, ascending.
        seats: Vec<u32>,
    },
    /// seats: the promoter keeps these back no more; they are free.
    Unblocked {
        /// What kept them.
        block: Uuid,
        /// The seats, ascending.
        seats: Vec<u32>,
    },
    /// seats: an admitted place that nothing can serve any more.
    Unserved {
        /// The place's sale.
        sale: Uuid,
        /// The place's entry.
        entry: i64,
    },
}

/// What a standing party is asked to take, since nothing that it wished for can come free any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// How many seats.
    pub seats: u8,
    /// The codes of their tiers.
    pub tiers: Vec<String>,
    /// Whether they are not side by side.
    pub apart: bool,
    /// Until when it may answer.
    pub until_ms: i64,
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
    /// How many of the event's seats it may have held or sold at once, if not all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allotment: Option<u32>,
    /// How far its clock is behind, in milliseconds, because operators stopped it or put it back; while it stands, as of since.
    #[serde(default, skip_serializing_if = "is_zero")]
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(ms: &i64) -> bool {
    *ms == 0
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

/// A hold as followers know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldNow {
    /// The booking.
    pub booking: Uuid,
    /// The place's sale.
    pub sale: Uuid,
    /// The place's entry.
    pub entry: i64,
    /// The seats, ascending.
    pub seats: Vec<u32>,
    /// How it goes on.
    pub state: HoldState,
    /// When it ends unless paid, by its sale's clock.
    pub deadline_ms: i64,
    /// Whether the last card was declined.
    pub declined: bool,
    /// Whether the one extension was used.
    pub extended: bool,
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

#[derive(Serialize, Deserialize)]
struct Wire {
    s: Uuid,
    l: LaneKind,
    v: i64,
    t: i64,
    c: Vec<Change>,
}

impl Record {
    pub(crate) fn encode(&self) -> String {
        let wire =
            Wire { s: self.lane.scope, l: self.lane.kind, v: self.version, t: self.at_ms, c: self.changes.clone() };
        serde_json::to_string(&wire).expect("plain fields encode")
    }

    pub(crate) fn decode(text: &str) -> Option<Self> {
        let wire: Wire = serde_json::from_str(text).ok()?;
        Some(Self { lane: Lane { scope: wire.s, kind: wire.l }, version: wire.v, at_ms: wire.t, changes: wire.c })
    }
}

mod hex_seed {
    //! 32 bytes as hexadecimal digits.

    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(seed: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(seed))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let mut seed = [0; 32];
        hex::decode_to_slice(String::deserialize(deserializer)?, &mut seed).map_err(D::Error::custom)?;
        Ok(seed)
    }
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
