//! A sale's clock, by which its deadlines are: operators stop it, or put it back, when fans cannot pay.
//!
//! A hold's deadline never moves by this, and nobody's one extension is used up. However many hold seats, one row is written, so
//! there is nothing to go on with after a crash; what everybody has left follows from the row.

use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::feed::SaleNow;
use crate::pace::record_sale;
use crate::{Result, Store};

/// By how much the clock is put back when it goes on, in milliseconds. Pages that hear of it late have shown time as standing still
/// for a moment longer; nobody gets less than they were shown.
pub const THAW_EXTRA_MS: i32 = 2_000;

/// Why a sale's clock stands still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenNow {
    /// Since when, in milliseconds since 1970.
    pub since_ms: i64,
    /// In the operator's words, as fans read them.
    pub reason: String,
}

impl SaleNow {
    /// The moment of Postgres's clock at which the sale's reaches this one, if it goes on now: what fans are told of a deadline.
    #[must_use]
    pub fn told_deadline_ms(&self, deadline_ms: i64, now_ms: i64) -> i64 {
        let stood_ms = self.frozen.as_ref().map_or(0, |frozen| (now_ms - frozen.since_ms).max(0));
        deadline_ms + self.clock_lag_ms + stood_ms
    }
}

/// What operators do to a sale's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockChange {
    /// Puts it back by so many milliseconds, 1 to 3,600,000: everybody who holds seats has as much more time.
    Extend {
        /// In milliseconds.
        by_ms: i32,
    },
    /// Stops it: nobody's time runs out, nor does that of a pin, before it goes on.
    Freeze,
    /// Lets it go on: everybody has what they had left, and a little more.
    Thaw,
}

impl ClockChange {
    /// Its name in the audit log.
    #[must_use]
    pub const fn action(self) -> &'static str {
        match self {
            Self::Extend { .. } => "deadlines.extend",
            Self::Freeze => "deadlines.freeze",
            Self::Thaw => "deadlines.thaw",
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockChanged {
    /// It is so, and told.
    Done,
    /// The sale is not published: nobody holds seats.
    Draft,
    /// The clock was changed since the operator looked, or stands still already, or goes.
    Moved,
}

/// A sale's clock as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClockNow {
    /// How often it was stopped or put back.
    pub acts: i32,
    /// Whether it stands still.
    pub frozen: Option<FrozenNow>,
    /// Who stopped it, by their e-mail address.
    pub frozen_by: Option<String>,
    /// How many hold seats, paying or not.
    pub holds: i64,
}

impl ClockNow {
    /// Changes whenever it is stopped, goes on, or is put back.
    #[must_use]
    pub const fn version(&self) -> (i32, bool) {
        (self.acts, self.frozen.is_some())
    }
}

/// What was done to a sale's clock.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ClockActRow {
    /// `extend` or `freeze`.
    pub kind: String,
    /// When, in milliseconds since 1970.
    pub began_at_ms: i64,
    /// When a freeze ended; nothing while it lasts.
    pub ended_at_ms: Option<i64>,
    /// By how much the clock was put back besides, in milliseconds.
    pub extra_ms: i32,
    /// Why, in the operator's words. Of a freeze, fans read it.
    pub reason: String,
}

/// Acts told, at most.
const TOLD: i64 = 1_000;

impl Store {
    /// A sale's clock; nothing without such a sale.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn clock_now(&self, sale: Uuid) -> Result<Option<ClockNow>> {
        type Row = (i32, i64, Option<i64>, Option<String>, Option<String>);
        let row: Option<Row> = sqlx::query_as(
            "select coalesce((select max(nth) from clock_act where sale = s.id), 0),
                    (select count(*) from booking b where b.event = s.event and b.sale = s.id and b.state in ('held', 'paying', 'capturing')),
                    to_ms(f.began_at), a.reason, w.email
             from sale s left join clock_act f on f.sale = s.id and f.ended_at is null left join audit a on a.id = f.audit
                  left join account w on w.id = a.account
             where s.id = $1",
        )
        .bind(sale)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|(acts, holds, since_ms, reason, frozen_by)| {
            let frozen = since_ms.zip(reason).map(|(since_ms, reason)| FrozenNow { since_ms, reason });
            ClockNow { acts, frozen, frozen_by, holds }
        }))
    }

    /// Stops a sale's clock, lets it go on or puts it back, for all who hold seats. The audit log's line comes first, in the same
    /// transaction. `seen` is the [`ClockNow::version`] that the operator saw.
    ///
    /// # Errors
    /// When Postgres is away; nothing was changed then.
    pub async fn change_clock(
        &self,
        sale: Uuid,
        account: Uuid,
        change: ClockChange,
        reason: &str,
        seen: (i32, bool),
    ) -> Result<ClockChanged> {
        let mut tx = self.pool.begin().await?;
        if self.guards().freeze_lock {
            // Whoever ends holds by the clock has committed, or looks only when this has.
            sqlx::query("select pg_advisory_xact_lock(hashtextextended(event::text, 1)) from sale where id = $1")
                .bind(sale)
                .execute(&mut *tx)
                .await?;
        }
        // Whoever holds seats for the sale comes through this lock, too: each hold is of before or of after.
        let event: Option<Uuid> =
            sqlx::query_scalar("select event from sale where id = $1 and published for no key update")
                .bind(sale)
                .fetch_optional(&mut *tx)
                .await?;
        let Some(event) = event else { return Ok(ClockChanged::Draft) };
        let (acts, frozen): (i32, bool) = sqlx::query_as(
            "select coalesce(max(nth), 0), coalesce(bool_or(ended_at is null), false) from clock_act where sale = $1",
        )
        .bind(sale)
        .fetch_one(&mut *tx)
        .await?;
        let fits = match change {
            ClockChange::Extend { .. } => true,
            ClockChange::Freeze => !frozen,
            ClockChange::Thaw => frozen,
        };
        if (acts, frozen) != seen || !fits {
            return Ok(ClockChanged::Moved);
        }
        let told = match change {
            ClockChange::Extend { by_ms } => json!({"act": acts + 1, "by_ms": by_ms}),
            ClockChange::Freeze => json!({"act": acts + 1}),
            ClockChange::Thaw => json!({"extra_ms": THAW_EXTRA_MS}),
        };
        let audit: i64 = sqlx::query_scalar(
            "insert into audit (sale, account, action, reason, change) values ($1, $2, $3, $4, $5) returning id",
        )
        .bind(sale)
        .bind(account)
        .bind(change.action())
        .bind(reason)
        .bind(told)
        .fetch_one(&mut *tx)
        .await?;
        match change {
            ClockChange::Thaw => {
                sqlx::query(
                    "update clock_act set ended_at = greatest(began_at, clock_timestamp()), extra_ms = $2, end_audit = $3
                     where sale = $1 and ended_at is null",
                )
                .bind(sale)
                .bind(THAW_EXTRA_MS)
                .bind(audit)
                .execute(&mut *tx)
                .await?;
            }
            ClockChange::Freeze | ClockChange::Extend { .. } => {
                let by_ms = if let ClockChange::Extend { by_ms } = change { Some(by_ms) } else { None };
                sqlx::query(
                    "insert into clock_act (sale, nth, kind, began_at, ended_at, extra_ms, audit)
                     select $1, $2, case when $3 is null then 'freeze' else 'extend' end, now.at, case when $3 is not null then now.at end,
                            coalesce($3, 0), $4
                     from (select clock_timestamp() as at) now",
                )
                .bind(sale)
                .bind(acts + 1)
                .bind(by_ms)
                .bind(audit)
                .execute(&mut *tx)
                .await?;
            }
        }
        let record = record_sale(&mut tx, sale).await?;
        tx.commit().await?;
        self.publish(event, &[record]).await;
        Ok(ClockChanged::Done)
    }

    /// What was done to a sale's clock, oldest first, at most 1,000.
    pub(crate) async fn clock_acts(tx: &mut PgConnection, sale: Uuid) -> Result<Vec<ClockActRow>> {
        Ok(sqlx::query_as(
            "select c.kind, to_ms(c.began_at) as began_at_ms, to_ms(c.ended_at) as ended_at_ms, c.extra_ms, a.reason
             from clock_act c join audit a on a.id = c.audit where c.sale = $1 order by c.nth limit $2",
        )
        .bind(sale)
        .bind(TOLD)
        .fetch_all(tx)
        .await?)
    }

    /// Until the transaction ends nobody stops a clock of the event's sales or puts it back. Whoever ends holds by the clock says so
    /// before looking at it.
    pub(crate) async fn clock_runs(&self, tx: &mut PgConnection, event: Uuid) -> Result<()> {
        if self.guards().freeze_lock {
            sqlx::query("select pg_advisory_xact_lock_shared(hashtextextended($1::text, 1))")
                .bind(event)
                .execute(tx)
                .await?;
        }
        Ok(())
    }
}
