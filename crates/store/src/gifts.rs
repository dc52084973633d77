//! Tickets without payment: blocked seats that the promoter gives to somebody by name, and may take back.
//!
//! The seats stay blocked, so nothing of the sale changes: a ticket comes to them, or goes.

use serde_json::json;
use uuid::Uuid;

use crate::blocks::{ascending, audit};
use crate::bookings::TicketRow;
use crate::holds::outbox;
use crate::{Result, Store};

/// What a gift is to be.
#[derive(Debug, Clone, Copy)]
pub struct NewGift<'a> {
    /// Its identifier.
    pub id: Uuid,
    /// The event.
    pub event: Uuid,
    /// The block that has the seats.
    pub block: Uuid,
    /// The seats: tickets of this many.
    pub seats: &'a [u32],
    /// Whose they are.
    pub name: &'a str,
    /// Where they go.
    pub email: &'a str,
    /// The short code to find it again.
    pub reference: &'a str,
    /// Why, for the audit log.
    pub reason: &'a str,
}

/// A gift as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GiftRow {
    /// Its identifier.
    pub id: Uuid,
    /// Its event.
    pub event: Uuid,
    /// The block that has its seats.
    pub block: Uuid,
    /// The short code to find it again.
    pub reference: String,
    /// Whose it is.
    pub name: String,
    /// Where the tickets go.
    pub email: String,
    /// When it was made, in milliseconds since 1970.
    pub made_at_ms: i64,
    /// Who made it, by their e-mail address.
    pub by: String,
    /// When it was revoked, if it was.
    pub revoked_at_ms: Option<i64>,
    /// Its tickets in seat order.
    pub tickets: Vec<TicketRow>,
}

/// Which gifts.
#[derive(Debug, Clone, Copy)]
pub enum WhichGifts<'a> {
    /// This one.
    Id(Uuid),
    /// An event's, newest first.
    Event {
        /// The event.
        event: Uuid,
        /// Only those made before this one.
        after: Option<Uuid>,
        /// So many at most.
        limit: i64,
    },
    /// With this address and reference.
    Found {
        /// The address it was given to.
        email: &'a str,
        /// The short code.
        reference: &'a str,
    },
}

impl Store {
    /// Makes tickets of blocked seats, all or none: each must be in the block, and not given already. The audit log's line comes
    /// first, in the same transaction. `new_id` makes the tickets' identifiers. Answers whether they were given; the same
    /// identifier twice makes one gift.
    ///
    /// # Errors
    /// A conflict of `gift_reference_unique` when chance drew a reference twice; when Postgres is away. Nothing is given then.
    pub async fn give_tickets(
        &self,
        gift: &NewGift<'_>,
        account: Uuid,
        mut new_id: impl FnMut() -> Uuid + Send,
    ) -> Result<bool> {
        let seats = ascending(gift.seats);
        let mut tx = self.pool.begin().await?;
        // Whoever gives of the same block, or gives its seats free, waits here and looks again.
        let label: Option<String> =
            sqlx::query_scalar("select label from block where id = $1 and event = $2 for no key update")
                .bind(gift.block)
                .bind(gift.event)
                .fetch_optional(&mut *tx)
                .await?;
        let Some(label) = label.filter(|_| !seats.is_empty()) else { return Ok(false) };
        let made: bool = sqlx::query_scalar("select exists (select from gift where id = $1 and block = $2)")
            .bind(gift.id)
            .bind(gift.block)
            .fetch_one(&mut *tx)
            .await?;
        if made {
            return Ok(true);
        }
        let kept: Vec<i32> = sqlx::query_scalar(KEPT).bind(gift.block).bind(&seats).fetch_all(&mut *tx).await?;
        if kept != seats {
            return Ok(false);
        }
        let change = json!({"gift": gift.id, "name": gift.name, "label": label, "seats": seats});
        let line = audit(&mut tx, gift.event, account, ("tickets.give", gift.reason), &change).await?;
        sqlx::query(
            "insert into gift (id, event, block, reference, name, email, account, audit) values ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(gift.id)
        .bind(gift.event)
        .bind(gift.block)
        .bind(gift.reference)
        .bind(gift.name)
        .bind(gift.email)
        .bind(account)
        .bind(line)
        .execute(&mut *tx)
        .await?;
        let ids: Vec<Uuid> = seats.iter().map(|_| new_id()).collect();
        sqlx::query(
            "insert into ticket (id, gift, event, seat, issued_at)
             select u.id, $1, $2, u.seat, clock_timestamp() from unnest($3::uuid[], $4::integer[]) as u(id, seat)",
        )
        .bind(gift.id)
        .bind(gift.event)
        .bind(&ids)
        .bind(&seats)
        .execute(&mut *tx)
        .await?;
        let data = json!({"event": gift.event, "email": gift.email, "reference": gift.reference, "seats": seats});
        outbox(&mut tx, "gift.made", gift.id, &data).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Takes a gift back: its tickets are not valid any more, and its seats stay blocked. Answers whether it was not revoked before.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn revoke_gift(&self, gift: Uuid, account: Uuid, reason: &str) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let found: Option<(Uuid, String)> =
            sqlx::query_as("select event, name from gift where id = $1 and revoked_at is null for no key update")
                .bind(gift)
                .fetch_optional(&mut *tx)
                .await?;
        let Some((event, name)) = found else { return Ok(false) };
        let line =
            audit(&mut tx, event, account, ("tickets.revoke", reason), &json!({"gift": gift, "name": name})).await?;
        sqlx::query("update ticket set void_at = clock_timestamp() where gift = $1 and void_at is null")
            .bind(gift)
            .execute(&mut *tx)
            .await?;
        sqlx::query("update gift set revoked_at = clock_timestamp(), revoked_audit = $2 where id = $1")
            .bind(gift)
            .bind(line)
            .execute(&mut *tx)
            .await?;
        outbox(&mut tx, "gift.revoked", gift, &json!({"event": event})).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Gifts with their tickets, newest first.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn gifts(&self, which: WhichGifts<'_>) -> Result<Vec<GiftRow>> {
        type Row = (Uuid, Uuid, Uuid, String, String, String, i64, String, Option<i64>);
        let (id, event, found, after, limit) = match which {
            WhichGifts::Id(id) => (Some(id), None, None, None, 1),
            WhichGifts::Event { event, after, limit } => (None, Some(event), None, after, limit),
            WhichGifts::Found { email, reference } => (None, None, Some((email, reference)), None, 1),
        };
        let rows: Vec<Row> = sqlx::query_as(
            "select g.id, g.event, g.block, g.reference, g.name, g.email, to_ms(g.made_at), a.email, to_ms(g.revoked_at)
             from gift g join account a on a.id = g.account
             where g.id = $1 or g.event = $2 and ($5::uuid is null or g.id < $5) or g.reference = $3 and lower(g.email) = lower($4)
             order by g.id desc limit $6",
        )
        .bind(id)
        .bind(event)
        .bind(found.map(|(_, reference)| reference))
        .bind(found.map(|(email, _)| email))
        .bind(after)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        let ids: Vec<Uuid> = rows.iter().map(|row| row.0).collect();
        let tickets: Vec<(Uuid, Uuid, i32, String, bool)> = sqlx::query_as(
            "select k.gift, k.id, k.seat, s.label, k.void_at is null
             from ticket k join seat s on s.event = k.event and s.seat = k.seat where k.gift = any($1) order by k.seat",
        )
        .bind(&ids)
        .fetch_all(&self.pool)
        .await?;
        let row = |(id, event, block, reference, name, email, made_at_ms, by, revoked_at_ms): Row| GiftRow {
            id,
            event,
            block,
            reference,
            name,
            email,
            made_at_ms,
            by,
            revoked_at_ms,
            tickets: tickets
                .iter()
                .filter(|ticket| ticket.0 == id)
                .map(|(_, id, seat, label, valid)| TicketRow {
                    id: *id,
                    seat: seat.cast_unsigned(),
                    label: label.clone(),
                    valid: *valid,
                })
                .collect(),
        };
        Ok(rows.into_iter().map(row).collect())
    }
}

/// The seats still kept by a block: live, and without a ticket; of `$2`, or all where that is null.
pub(crate) const KEPT: &str = "
    select seat from hold_seat h
    where block = $1 and live and ($2::integer[] is null or seat = any($2))
      and not exists (select from ticket t where t.event = h.event and t.seat = h.seat and t.void_at is null)
    order by seat";
