//! The log that anybody may check: the lanes' records as they were hashed, and the signed heads that pin them down.

use uuid::Uuid;

use crate::feed::{Lane, LaneKind};
use crate::{Result, Store};

/// How far a lane has come, and the hash of its last record; empty before the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneEnd {
    /// The last version.
    pub version: i64,
    /// Its hash.
    pub hash: Vec<u8>,
}

/// What a head says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadFacts {
    /// The sale.
    pub sale: Uuid,
    /// Its event, whose seats lane is meant.
    pub event: Uuid,
    /// Contiguous within the sale, from 1.
    pub seq: i64,
    /// When it was written, by Postgres's clock, in milliseconds since 1970.
    pub at_ms: i64,
    /// The sale's joins lane.
    pub joins: LaneEnd,
    /// The sale's pace lane.
    pub pace: LaneEnd,
    /// The event's seats lane.
    pub seats: LaneEnd,
    /// The hash of the head before; empty for the first.
    pub previous: Vec<u8>,
}

/// What makes facts a head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// Names the key.
    pub key_id: String,
    /// Of the signed text.
    pub hash: Vec<u8>,
    /// Of the signed text.
    pub signature: Vec<u8>,
}

/// The newest head of a sale's log, in short.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct NewestHead {
    /// The sale's event.
    pub event: Uuid,
    /// The sale.
    pub sale: Uuid,
    /// The head's number.
    pub seq: i64,
    /// When it was written, in milliseconds since 1970.
    pub at_ms: i64,
    /// Names the key.
    pub key_id: String,
    /// Of the signed text.
    pub hash: Vec<u8>,
}

/// A record as it was hashed.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct LogLine {
    /// Contiguous within the lane, from 1.
    pub version: i64,
    /// When the deciding transaction wrote it, in milliseconds since 1970.
    pub at_ms: i64,
    /// What changed: the JSON text that the hash covers.
    pub changes: String,
    /// Covers the record and the hash of the one before.
    pub hash: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct HeadRow {
    sale: Uuid,
    event: Uuid,
    seq: i64,
    at_ms: i64,
    joins_version: i64,
    joins_hash: Vec<u8>,
    pace_version: i64,
    pace_hash: Vec<u8>,
    seats_version: i64,
    seats_hash: Vec<u8>,
    previous: Vec<u8>,
    key_id: String,
    hash: Vec<u8>,
    signature: Vec<u8>,
}

impl HeadRow {
    fn facts(&self) -> HeadFacts {
        let end = |version, hash: &Vec<u8>| LaneEnd { version, hash: hash.clone() };
        HeadFacts {
            sale: self.sale,
            event: self.event,
            seq: self.seq,
            at_ms: self.at_ms,
            joins: end(self.joins_version, &self.joins_hash),
            pace: end(self.pace_version, &self.pace_hash),
            seats: end(self.seats_version, &self.seats_hash),
            previous: self.previous.clone(),
        }
    }
}

impl Store {
    /// Sales that `holder` should write a head for now: every `every_ms` while it paces them, and as soon as they are over.
    /// After that, and before anybody paces them, anybody does, but only when there is something new to say. Sales that are
    /// over for longer than `over_ms` are not looked at; they change seldom, and looking at all that ever were costs with each
    /// of them. `None` looks at all.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn heads_due(&self, holder: Uuid, every_ms: i64, over_ms: Option<i64>) -> Result<Vec<Uuid>> {
        Ok(sqlx::query_scalar(include_str!("log/due.sql"))
            .bind(holder)
            .bind(every_ms as f64)
            .bind(over_ms.map(|ms| ms as f64))
            .fetch_all(&self.pool)
            .await?)
    }

    /// Writes the next head of a published sale's log: all three lanes as of one statement, sealed by `seal`. Nothing when
    /// the sale has no log, or somebody else was writing a head meanwhile.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn write_head(&self, sale: Uuid, seal: impl FnOnce(&HeadFacts) -> Seal) -> Result<Option<HeadFacts>> {
        let row: Option<HeadRow> = sqlx::query_as(
            "select s.id as sale, s.event, coalesce(h.seq, 0) + 1 as seq,
                    greatest(to_ms(clock_timestamp()), coalesce(to_ms(h.at), 0)) as at_ms,
                    j.version as joins_version, j.head as joins_hash, p.version as pace_version, p.head as pace_hash,
                    t.version as seats_version, t.head as seats_hash, coalesce(h.hash, '') as previous,
                    '' as key_id, ''::bytea as hash, ''::bytea as signature
             from sale s join lane j on j.scope = s.id and j.kind = 'joins' join lane p on p.scope = s.id and p.kind = 'pace'
                  join lane t on t.scope = s.event and t.kind = 'seats'
                  left join lateral (select seq, at, hash from log_head where sale = s.id order by seq desc limit 1) h on true
             where s.id = $1 and s.published",
        )
        .bind(sale)
        .fetch_optional(&self.pool)
        .await?;
        let Some(facts) = row.map(|row| row.facts()) else { return Ok(None) };
        let seal = seal(&facts);
        let written = sqlx::query(
            "insert into log_head (sale, event, seq, at, joins_version, joins_hash, pace_version, pace_hash, seats_version,
                                   seats_hash, previous, key_id, hash, signature)
             values ($1, $2, $3, from_ms($4), $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) on conflict (sale, seq) do nothing",
        )
        .bind(facts.sale)
        .bind(facts.event)
        .bind(facts.seq)
        .bind(facts.at_ms)
        .bind(facts.joins.version)
        .bind(&facts.joins.hash)
        .bind(facts.pace.version)
        .bind(&facts.pace.hash)
        .bind(facts.seats.version)
        .bind(&facts.seats.hash)
        .bind(&facts.previous)
        .bind(&seal.key_id)
        .bind(&seal.hash)
        .bind(&seal.signature)
        .execute(&self.pool)
        .await?;
        Ok((written.rows_affected() == 1).then_some(facts))
    }

    /// The heads of a sale's log after `after`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn log_heads(&self, sale: Uuid, after: i64, limit: i64) -> Result<Vec<(HeadFacts, Seal)>> {
        let rows: Vec<HeadRow> = sqlx::query_as(
            "select sale, event, seq, to_ms(at) as at_ms, joins_version, joins_hash, pace_version, pace_hash, seats_version,
                    seats_hash, previous, key_id, hash, signature
             from log_head where sale = $1 and seq > $2 order by seq limit $3",
        )
        .bind(sale)
        .bind(after)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        let seal = |row: &HeadRow| Seal {
            key_id: row.key_id.clone(),
            hash: row.hash.clone(),
            signature: row.signature.clone(),
        };
        Ok(rows.iter().map(|row| (row.facts(), seal(row))).collect())
    }

    /// The newest heads of these events' sales, of those that have any.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn newest_heads(&self, events: &[Uuid]) -> Result<Vec<NewestHead>> {
        Ok(sqlx::query_as(
            "select s.event, s.id as sale, h.seq, to_ms(h.at) as at_ms, h.key_id, h.hash
             from sale s cross join lateral
                  (select seq, at, key_id, hash from log_head where sale = s.id order by seq desc limit 1) h
             where s.event = any ($1)",
        )
        .bind(events)
        .fetch_all(&self.pool)
        .await?)
    }

    /// The records of one lane of a sale's log after `after`, oldest first, at most `limit`; the seats lane is its event's.
    /// Nothing when there is no such published sale.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn log_lines(&self, sale: Uuid, kind: LaneKind, after: i64, limit: i64) -> Result<Option<Vec<LogLine>>> {
        let event: Option<Uuid> = sqlx::query_scalar("select event from sale where id = $1 and published")
            .bind(sale)
            .fetch_optional(&self.pool)
            .await?;
        let Some(event) = event else { return Ok(None) };
        let lane = Lane { scope: if kind == LaneKind::Seats { event } else { sale }, kind };
        let lines = sqlx::query_as(
            "select version, to_ms(at) as at_ms, changes::text as changes, hash from feed_record
             where scope = $1 and kind = $2 and version > $3 order by version limit $4",
        )
        .bind(lane.scope)
        .bind(lane.kind.name())
        .bind(after)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        Ok(Some(lines))
    }
}
