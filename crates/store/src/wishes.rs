//! A fan who has no seats yet changes what the party wants, and keeps the place.

use uuid::Uuid;

use crate::feed::{Change, Lane, LaneKind, record};
use crate::joins::Accepts;
use crate::{Result, Store};

/// What a party wants from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewWishes {
    /// How many tickets.
    pub party: u8,
    /// Bit i wishes tier i; 0 wishes any.
    pub tiers: u32,
    /// What the party would take instead.
    pub accepts: Accepts,
}

/// A fan changes the wishes at most so often.
const CHANGES_MAX: i16 = 500;

/// What came of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewished {
    /// The place wants that now.
    Done,
    /// Seats are held for what it wanted.
    TooLate,
    /// They were changed as often as they may be.
    TooOften,
    /// There is no such live place of this fan.
    NotLive,
}

impl Store {
    /// Changes what a fan's place without seats wants, and tells so. The row is locked by whoever lets it in or seats it, and
    /// whoever seats it names the count of changes that was known, so the change is seen or comes too late.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn change_wishes(&self, place: Uuid, fan: Uuid, wishes: NewWishes) -> Result<Rewished> {
        let mut tx = self.pool.begin().await?;
        let changed: Option<(Uuid, Uuid, i64)> = sqlx::query_as(
            "update place p set party = $3, tiers = $4, accepts = $5, wished = wished + 1,
                    -- A question is answered by it. It was asked once: its time is over.
                    asked_until = case when asked_until is not null then least(asked_until, clock_timestamp()) end, asked_seats = null, asked_tiers = null, asked_apart = null
             from sale s
             where p.id = $1 and p.fan = $2 and p.state in ('waiting', 'skipped', 'standing') and p.wished < $6 and s.id = p.sale
             returning s.event, p.sale, p.entry",
        )
        .bind(place)
        .bind(fan)
        .bind(i16::from(wishes.party))
        .bind(wishes.tiers.cast_signed())
        .bind(wishes.accepts.bits())
        .bind(CHANGES_MAX)
        .fetch_optional(&mut *tx)
        .await?;
        if let Some((event, sale, entry)) = changed {
            let lane = Lane { scope: sale, kind: LaneKind::Pace };
            let record = record(&mut tx, lane, vec![Change::Wished { entry }]).await?;
            tx.commit().await?;
            self.publish(event, &[record]).await;
            return Ok(Rewished::Done);
        }
        let often: Option<bool> =
            sqlx::query_scalar("select wished >= $3 from place where id = $1 and fan = $2 and ended_at is null")
                .bind(place)
                .bind(fan)
                .bind(CHANGES_MAX)
                .fetch_optional(&mut *tx)
                .await?;
        Ok(match often {
            Some(true) => Rewished::TooOften,
            Some(false) => Rewished::TooLate,
            None => Rewished::NotLive,
        })
    }
}
