//! A place goes over to another fan: from a visitor to an account, or to another device, by a one-time code.

use serde_json::json;
use uuid::Uuid;

use crate::entry::{Entry, SecretHash, invited};
use crate::feed::{Change, Lane, LaneKind, hand, record};
use crate::holds::outbox;
use crate::{Result, Store};

/// Who wants to take a place over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taker {
    /// Who.
    pub fan: Uuid,
    /// Whether as an anonymous visitor.
    pub visitor: bool,
}

/// What came of a transfer's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// The place is the taker's now.
    Moved {
        /// The place.
        place: Uuid,
        /// Its sale.
        sale: Uuid,
    },
    /// There is no such code, or a newer one has replaced it.
    Unknown,
    /// It was used before.
    Used,
    /// Its time is over.
    Expired,
    /// The place has ended.
    NotLive,
    /// The place is the taker's own.
    Own,
    /// The taker has a live place in this sale.
    HasPlace,
    /// The taker has or had a place in this sale, which gives each fan one only.
    HadPlace,
    /// The place's seats are being paid.
    Paying,
    /// The sale is for accounts only.
    AccountNeeded,
    /// The sale is for its list only, and the taker is not on it.
    NotInvited,
}

impl Store {
    /// Makes a code good for one transfer of the fan's live place, in place of earlier ones. Answers until when it is good, in
    /// milliseconds since 1970; nothing where the place is not live or not the fan's.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn offer_transfer(&self, place: Uuid, fan: Uuid, hash: &SecretHash, ttl_ms: i64) -> Result<Option<i64>> {
        let mut tx = self.pool.begin().await?;
        let own: Option<(i64,)> =
            sqlx::query_as("select entry from place where id = $1 and fan = $2 and ended_at is null for no key update")
                .bind(place)
                .bind(fan)
                .fetch_optional(&mut *tx)
                .await?;
        if own.is_none() {
            return Ok(None);
        }
        sqlx::query("delete from place_transfer where place = $1 and used_at is null")
            .bind(place)
            .execute(&mut *tx)
            .await?;
        let expires_at_ms: i64 = sqlx::query_scalar(
            "insert into place_transfer (hash, place, fan, made_at, expires_at)
             select $1, $2, $3, now.at, now.at + $4 * interval '1 ms' from (select clock_timestamp() as at) now
             returning to_ms(expires_at)",
        )
        .bind(&hash[..])
        .bind(place)
        .bind(fan)
        .bind(ttl_ms as f64)
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Some(expires_at_ms))
    }

    /// The sale of the place that a transfer's code stands for.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn sale_of_transfer(&self, hash: &SecretHash) -> Result<Option<Uuid>> {
        Ok(sqlx::query_scalar("select p.sale from place_transfer t join place p on p.id = t.place where t.hash = $1")
            .bind(&hash[..])
            .fetch_optional(&self.pool)
            .await?)
    }

    /// Moves the place that a code stands for to the taker, with its hold if it has one and with its use of an access code.
    /// The place keeps its entry and class. A refusal does not spend the code.
    ///
    /// # Errors
    /// When Postgres is away; then nothing moved, or the code answers [`Taken::Used`].
    pub async fn take_transfer(
        &self,
        hash: &SecretHash,
        taker: Taker,
        hash_email: &(dyn Fn(&str) -> SecretHash + Sync),
    ) -> Result<Taken> {
        let mut tx = self.pool.begin().await?;
        let known: Option<(Uuid, i64, Uuid, Uuid, String, bool)> = sqlx::query_as(
            "select p.id, p.entry, p.sale, s.event, s.entry, s.rejoin from place_transfer t join place p on p.id = t.place join sale s on s.id = p.sale
             where t.hash = $1",
        )
        .bind(&hash[..])
        .fetch_optional(&mut *tx)
        .await?;
        let Some((place, number, sale, event, entry, rejoin)) = known else { return Ok(Taken::Unknown) };
        // As a join does, so that no join of the taker goes on beside this.
        sqlx::query("select from line where sale = $1 for no key update").bind(sale).execute(&mut *tx).await?;
        let code: Option<(Uuid, bool, bool)> = sqlx::query_as(
            "select fan, used_at is not null, expires_at <= clock_timestamp() from place_transfer where hash = $1 for update",
        )
        .bind(&hash[..])
        .fetch_optional(&mut *tx)
        .await?;
        let Some((from, used, expired)) = code else { return Ok(Taken::Unknown) };
        let once = self.guards().transfer_once;
        if used && once {
            return Ok(Taken::Used);
        }
        if expired {
            return Ok(Taken::Expired);
        }
        // Bookings before their place, as everything that ends holds does.
        sqlx::query("select from booking where place = $1 order by id for no key update")
            .bind(place)
            .execute(&mut *tx)
            .await?;
        let (fan, live): (Uuid, bool) =
            sqlx::query_as("select fan, ended_at is null from place where id = $1 for no key update")
                .bind(place)
                .fetch_one(&mut *tx)
                .await?;
        if fan != from && once {
            return Ok(Taken::Used);
        }
        if !live {
            return Ok(Taken::NotLive);
        }
        if fan == taker.fan {
            return Ok(Taken::Own);
        }
        let entry = Entry::parse(&entry);
        if taker.visitor && entry.needs_account() {
            return Ok(Taken::AccountNeeded);
        }
        if entry == Entry::Invited && invited(&mut tx, sale, &[taker.fan], hash_email).await?.is_empty() {
            return Ok(Taken::NotInvited);
        }
        let (has_place, had_place): (bool, bool) = sqlx::query_as(
            "select count(*) filter (where ended_at is null) > 0, count(*) > 0 from place where sale = $1 and fan = $2",
        )
        .bind(sale)
        .bind(taker.fan)
        .fetch_one(&mut *tx)
        .await?;
        if had_place && !rejoin && self.guards().rejoin_check {
            return Ok(Taken::HadPlace);
        }
        if has_place {
            return Ok(Taken::HasPlace);
        }
        // Where tickets go is the taker's to say.
        let bookings: Vec<String> =
            sqlx::query_scalar("update booking set fan = $2, email = null where place = $1 returning state")
                .bind(place)
                .bind(taker.fan)
                .fetch_all(&mut *tx)
                .await?;
        if bookings.iter().any(|state| matches!(state.as_str(), "paying" | "capturing")) {
            tx.rollback().await?;
            return Ok(Taken::Paying);
        }
        sqlx::query("update place set fan = $2 where id = $1").bind(place).bind(taker.fan).execute(&mut *tx).await?;
        sqlx::query("update code_use set fan = $2 where place = $1")
            .bind(place)
            .bind(taker.fan)
            .execute(&mut *tx)
            .await?;
        sqlx::query("update place_transfer set used_at = clock_timestamp(), used_by = $2 where hash = $1")
            .bind(&hash[..])
            .bind(taker.fan)
            .execute(&mut *tx)
            .await?;
        outbox(&mut tx, "place.transferred", place, &json!({"sale": sale, "from": fan, "to": taker.fan})).await?;
        let change = Change::TakenOver { entry: number, hand: hand(taker.fan) };
        let record = record(&mut tx, Lane { scope: sale, kind: LaneKind::Pace }, vec![change]).await?;
        tx.commit().await?;
        self.publish(event, &[record]).await;
        Ok(Taken::Moved { place, sale })
    }
}
