//! Seats that the promoter keeps back, and gives free again: all or none, never one that somebody has.
//!
//! A blocked seat is a live row beside those of holds, so the unique index over live seats judges whoever is first.

use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::feed::{Change, Record};
use crate::gifts::KEPT;
use crate::holds::record_seats;
use crate::{Result, Store};

/// Seats named in an answer, at most.
const TOLD: i64 = 100;

/// What keeps a seat from being blocked.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct InTheWay {
    /// What people read.
    pub label: String,
    /// `held`, `sold` or `blocked`.
    pub state: String,
}

/// What came of blocking seats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocked {
    /// All are blocked.
    Done,
    /// Somebody has some of them: none is blocked. The first hundred of those, in the hall's order.
    Taken(Vec<InTheWay>),
    /// The event has no such seats, or there is no such event.
    NoSeats,
}

/// What came of giving seats free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unblocked {
    /// So many are free.
    Done(usize),
    /// The event has no such block, or not all of these seats are in it any more, or somebody has tickets for some: none is
    /// given free.
    NotBlocked,
}

/// A block with the seats that are still in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockRow {
    /// Its identifier.
    pub id: Uuid,
    /// What the promoter calls it.
    pub label: String,
    /// What else they noted.
    pub note: String,
    /// When it was made, in milliseconds since 1970.
    pub made_at_ms: i64,
    /// Who made it, by their e-mail address.
    pub by: String,
    /// When what is still in it is given free by itself, in milliseconds since 1970.
    pub frees_at_ms: Option<i64>,
    /// Its seats in the hall's order, with what people read, and whether somebody has a ticket for it.
    pub seats: Vec<(u32, String, bool)>,
}

/// Seats to keep back.
#[derive(Debug, Clone, Copy)]
pub struct NewBlock<'a> {
    /// Its identifier.
    pub id: Uuid,
    /// The seats' event.
    pub event: Uuid,
    /// What the promoter calls it.
    pub label: &'a str,
    /// What else they note.
    pub note: &'a str,
    /// When what is still in it is given free by itself, in milliseconds since 1970.
    pub frees_at_ms: Option<i64>,
    /// The seats.
    pub seats: &'a [u32],
}

impl Store {
    /// Keeps these seats of an event back, all or none, whether a sale runs or not. They are not in any sale's allotment. The audit
    /// log's line comes first, in the same transaction. The same identifier twice makes one block.
    ///
    /// # Errors
    /// When Postgres is away; nothing is blocked then.
    pub async fn block_seats(&self, new: &NewBlock<'_>, account: Uuid) -> Result<Blocked> {
        let NewBlock { id: block, event, label, note, frees_at_ms, seats } = *new;
        let seats = ascending(seats);
        let mut tx = self.pool.begin().await?;
        // The hall stays what it is until the commit.
        let found: Option<i64> = sqlx::query_scalar(
            "select (select count(*) from seat where event = e.id and seat = any($2)) from event e where e.id = $1 for share of e",
        )
        .bind(event)
        .bind(&seats)
        .fetch_optional(&mut *tx)
        .await?;
        if seats.is_empty() || found != Some(seats.len() as i64) {
            return Ok(Blocked::NoSeats);
        }
        let change = json!({"block": block, "label": label, "seats": seats, "frees_at_ms": frees_at_ms});
        audit(&mut tx, event, account, ("seats.block", note), &change).await?;
        let new = sqlx::query(
            "insert into block (id, event, label, note, account, frees_at) values ($1, $2, $3, $4, $5, from_ms($6))
             on conflict (id) do nothing",
        )
        .bind(block)
        .bind(event)
        .bind(label)
        .bind(note)
        .bind(account)
        .bind(frees_at_ms)
        .execute(&mut *tx)
        .await?;
        if new.rows_affected() == 0 {
            return Ok(Blocked::Done);
        }
        // In ascending order, as everybody takes seats, so that nobody waits in a circle.
        let taken = sqlx::query(
            "insert into hold_seat (block, seat, event, tier, price_minor, fee_minor)
             select $2, s.seat, s.event, s.tier, 0, 0 from seat s where s.event = $1 and s.seat = any($3) order by s.seat
             on conflict do nothing",
        )
        .bind(event)
        .bind(block)
        .bind(&seats)
        .execute(&mut *tx)
        .await?;
        if taken.rows_affected() != seats.len() as u64 {
            tx.rollback().await?;
            return Ok(Blocked::Taken(self.in_the_way(event, &seats).await?));
        }
        let seats = seats.into_iter().map(i32::cast_unsigned).collect();
        let records = record_seats(&mut tx, event, vec![Change::Blocked { block, seats }]).await?;
        tx.commit().await?;
        self.publish(event, &records).await;
        Ok(Blocked::Done)
    }

    /// Gives seats of a block free, or all that are still in it and nobody has a ticket for: they go to the head of the line at
    /// once. All or none.
    ///
    /// # Errors
    /// When Postgres is away; nothing was given free then.
    pub async fn unblock_seats(
        &self,
        event: Uuid,
        block: Uuid,
        account: Uuid,
        reason: &str,
        seats: Option<&[u32]>,
    ) -> Result<Unblocked> {
        let wanted = seats.map(ascending);
        let mut tx = self.pool.begin().await?;
        // Whoever gives the same free waits here, and looks again.
        let label: Option<String> =
            sqlx::query_scalar("select label from block where id = $1 and event = $2 for no key update")
                .bind(block)
                .bind(event)
                .fetch_optional(&mut *tx)
                .await?;
        let Some(label) = label else { return Ok(Unblocked::NotBlocked) };
        let live: Vec<i32> = sqlx::query_scalar(KEPT).bind(block).bind(&wanted).fetch_all(&mut *tx).await?;
        if live.is_empty() || wanted.as_ref().is_some_and(|wanted| *wanted != live) {
            return Ok(Unblocked::NotBlocked);
        }
        let (count, by) = (live.len(), (account, reason));
        let records = give_free(&mut tx, event, (block, &label), by, live).await?;
        tx.commit().await?;
        self.publish(event, &records).await;
        Ok(Unblocked::Done(count))
    }

    /// Sets when what is still in a block is given free by itself, or that it is not. The audit log's line comes first. Answers
    /// whether the event has such a block.
    ///
    /// # Errors
    /// When Postgres is away; nothing was changed then.
    pub async fn free_block_at(
        &self,
        event: Uuid,
        block: Uuid,
        account: Uuid,
        frees_at_ms: Option<i64>,
    ) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let known: Option<(String, Option<i64>)> =
            sqlx::query_as("select label, to_ms(frees_at) from block where id = $1 and event = $2 for no key update")
                .bind(block)
                .bind(event)
                .fetch_optional(&mut *tx)
                .await?;
        let Some((label, before)) = known else { return Ok(false) };
        if before != frees_at_ms {
            let change = json!({"block": block, "label": label, "from_ms": before, "to_ms": frees_at_ms});
            audit(&mut tx, event, account, ("seats.schedule", ""), &change).await?;
            sqlx::query("update block set frees_at = from_ms($2) where id = $1")
                .bind(block)
                .bind(frees_at_ms)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Gives free what is still in the blocks whose time has come by Postgres's clock: to the head of the line at once, on account of
    /// who made them. Answers of how many, and when the next one's time comes, in milliseconds from now.
    ///
    /// # Errors
    /// When Postgres is away; repeating is safe.
    pub async fn free_due_blocks(&self) -> Result<(u64, Option<i64>)> {
        let mut freed = 0;
        loop {
            let mut tx = self.pool.begin().await?;
            let due: Option<(Uuid, Uuid, String, Uuid)> = sqlx::query_as(
                "update block set frees_at = null
                 where id = (select id from block where frees_at <= clock_timestamp() order by frees_at, id limit 1 for no key update skip locked)
                 returning id, event, label, account",
            )
            .fetch_optional(&mut *tx)
            .await?;
            let Some((block, event, label, account)) = due else { break };
            let live: Vec<i32> =
                sqlx::query_scalar(KEPT).bind(block).bind(None::<Vec<i32>>).fetch_all(&mut *tx).await?;
            let records = if live.is_empty() {
                Vec::new()
            } else {
                give_free(&mut tx, event, (block, &label), (account, "its time came"), live).await?
            };
            tx.commit().await?;
            self.publish(event, &records).await;
            freed += 1;
        }
        let next: Option<i64> = sqlx::query_scalar(
            "select to_ms(min(frees_at)) - to_ms(clock_timestamp()) from block where frees_at is not null",
        )
        .fetch_one(&self.pool)
        .await?;
        Ok((freed, next))
    }

    /// An event's blocks that have seats still, newest first, at most `limit`; of those made before `after`.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn blocks(&self, event: Uuid, after: Option<Uuid>, limit: i64) -> Result<Vec<BlockRow>> {
        self.block_rows(None, Some(event), after, limit).await
    }

    /// One block, with or without seats still.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn block(&self, block: Uuid) -> Result<Option<BlockRow>> {
        Ok(self.block_rows(Some(block), None, None, 1).await?.pop())
    }

    async fn block_rows(
        &self,
        block: Option<Uuid>,
        event: Option<Uuid>,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<BlockRow>> {
        type Row = (Uuid, String, String, i64, String, Option<i64>, Vec<i32>, Vec<String>, Vec<bool>);
        let rows: Vec<Row> = sqlx::query_as(
            "select b.id, b.label, b.note, to_ms(b.made_at), a.email, to_ms(b.frees_at), h.seats, h.labels, h.given
             from block b join account a on a.id = b.account
                  cross join lateral (select coalesce(array_agg(h.seat order by h.seat), '{}') as seats,
                                             coalesce(array_agg(s.label order by h.seat), '{}') as labels,
                                             coalesce(array_agg(t.id is not null order by h.seat), '{}') as given
                                      from hold_seat h join seat s on s.event = h.event and s.seat = h.seat
                                           left join ticket t on t.event = h.event and t.seat = h.seat and t.void_at is null
                                      where h.block = b.id and h.live) h
             where b.id = $1 or b.event = $2 and h.seats <> '{}' and ($3::uuid is null or b.id < $3) order by b.id desc limit $4",
        )
        .bind(block)
        .bind(event)
        .bind(after)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        let row = |(id, label, note, made_at_ms, by, frees_at_ms, seats, labels, given): Row| BlockRow {
            id,
            label,
            note,
            made_at_ms,
            by,
            frees_at_ms,
            seats: seats
                .into_iter()
                .zip(labels)
                .zip(given)
                .map(|((seat, label), given)| (seat.cast_unsigned(), label, given))
                .collect(),
        };
        Ok(rows.into_iter().map(row).collect())
    }

    async fn in_the_way(&self, event: Uuid, seats: &[i32]) -> Result<Vec<InTheWay>> {
        Ok(sqlx::query_as(
            "select s.label, case when h.block is not null then 'blocked' when b.state = 'paid' then 'sold' else 'held' end as state
             from hold_seat h join seat s on s.event = h.event and s.seat = h.seat left join booking b on b.id = h.booking
             where h.event = $1 and h.live and h.seat = any($2) order by h.seat limit $3",
        )
        .bind(event)
        .bind(seats)
        .bind(TOLD)
        .fetch_all(&self.pool)
        .await?)
    }
}

/// Gives these seats of a block free, with a line of the audit log before.
async fn give_free(
    tx: &mut PgConnection,
    event: Uuid,
    (block, label): (Uuid, &str),
    (account, reason): (Uuid, &str),
    live: Vec<i32>,
) -> Result<Vec<Record>> {
    let change = json!({"block": block, "label": label, "seats": live});
    audit(tx, event, account, ("seats.unblock", reason), &change).await?;
    sqlx::query("update hold_seat set live = false where block = $1 and seat = any($2) and live")
        .bind(block)
        .bind(&live)
        .execute(&mut *tx)
        .await?;
    let seats = live.into_iter().map(i32::cast_unsigned).collect();
    record_seats(tx, event, vec![Change::Unblocked { block, seats }]).await
}

pub(crate) fn ascending(seats: &[u32]) -> Vec<i32> {
    let mut seats: Vec<i32> = seats.iter().map(|seat| i32::try_from(*seat).unwrap_or(i32::MAX)).collect();
    seats.sort_unstable();
    seats.dedup();
    seats
}

/// A line of the audit log about an event: its sales all show it. Answers which.
pub(crate) async fn audit(
    tx: &mut PgConnection,
    event: Uuid,
    account: Uuid,
    (action, reason): (&str, &str),
    change: &serde_json::Value,
) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "insert into audit (event, account, action, reason, change) values ($1, $2, $3, $4, $5) returning id",
    )
    .bind(event)
    .bind(account)
    .bind(action)
    .bind(reason)
    .bind(change)
    .fetch_one(tx)
    .await?)
}
