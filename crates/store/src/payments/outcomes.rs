//! What the provider decided, and what becomes of the seats.

use serde_json::json;
use uuid::Uuid;

use super::opening::too_many_for;
use super::{CHECK_CANCELLED_MS, CLAIM_MS, Step};
use crate::allotments::rooms_of_fans;
use crate::exchanges::ExchangeNow;
use crate::feed::{Change, Ending, HoldNow, HoldState};
use crate::holds::{PIN_CAP_MS, end_holds, moved, outbox};
use crate::{Result, Store, StoreError};

/// What to do with an authorised payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The seats are ours to sell: capture.
    Capture,
    /// They are not: give the authorisation back.
    Void,
    /// The money was taken before.
    Captured,
}

impl Store {
    /// The provider holds the money ready. The booking's seats are converted: while they are its own it goes to `capturing`;
    /// a hold that has lapsed takes its seats again if all are free. Otherwise the money must not be taken.
    ///
    /// # Errors
    /// When Postgres is away; repeating is safe.
    pub async fn payment_authorised(&self, payment: Uuid) -> Result<Verdict> {
        let mut step = self.step(payment).await?;
        // A cancelled attempt that succeeds after all is as good as an open one, unless another attempt took its turn, or the
        // seats were exchanged since for others of another price.
        let wanted = step.payment.is_open()
            || step.payment.state == "cancelled" && step.is_of_these_seats() && !step.has_rival().await?;
        let changes = match (step.payment.state.as_str(), step.booking.state.as_str()) {
            ("captured" | "refunded", _) => return Ok(Verdict::Captured),
            ("authorised", "capturing") => return Ok(Verdict::Capture),
            (_, "paying" | "held") if wanted => {
                sqlx::query(
                    "update booking set state = 'capturing', declined = false, exchange = nullif(exchange, 'asked') where id = $1",
                )
                    .bind(step.booking.id)
                    .execute(&mut *step.tx)
                    .await?;
                moved(&mut step.tx, &[step.booking.id]).await?
            }
            (_, "lapsed") if wanted => match step.retake().await? {
                Some(changes) => changes,
                None => return Ok(Verdict::Void),
            },
            _ => return Ok(Verdict::Void),
        };
        sqlx::query(
            "update payment set state = 'authorised', settled_at = null, due_at = clock_timestamp() + $2 * interval '1 ms' where id = $1",
        )
        .bind(payment)
        .bind(CLAIM_MS as f64)
        .execute(&mut *step.tx)
        .await?;
        step.finish(changes).await?;
        Ok(Verdict::Capture)
    }

    /// The money is taken: tickets are issued in the same transaction, or the whole amount goes back. `new_id` makes the
    /// identifiers. Answers whether the booking has its tickets.
    ///
    /// # Errors
    /// When Postgres is away; repeating is safe.
    pub async fn payment_captured(
        &self,
        payment: Uuid,
        amount_minor: i64,
        currency: &str,
        mut new_id: impl FnMut() -> Uuid + Send,
    ) -> Result<bool> {
        let mut step = self.step(payment).await?;
        if step.payment.is_captured() {
            return Ok(step.payment.state == "captured" && step.booking.state == "paid");
        }
        // Money is always recorded first.
        step.settle("captured", None, None).await?;
        let booking = step.booking.id;
        step.outbox(
            "payment.captured",
            &json!({"booking": booking, "amount_minor": amount_minor, "currency": currency}),
        )
        .await?;
        let as_agreed =
            amount_minor == step.booking.amount_minor && currency.eq_ignore_ascii_case(&step.booking.currency);
        let (own, mut changes) = match step.booking.state.as_str() {
            // One for other seats, exchanged since, is none of this hold's.
            "held" | "paying" | "capturing" if step.is_of_these_seats() => (true, Vec::new()),
            "lapsed" if as_agreed => step.retake().await?.map_or((false, Vec::new()), |changes| (true, changes)),
            _ => (false, Vec::new()),
        };
        if own {
            // Of two attempts that both brought money, or still may, one is enough: the other is cancelled, or goes back.
            sqlx::query(
                "update payment set due_at = clock_timestamp()
                 where booking = $1 and id <> $2 and state in ('created', 'open', 'declined', 'authorised')",
            )
            .bind(booking)
            .bind(payment)
            .execute(&mut *step.tx)
            .await?;
        }
        if !(own && as_agreed) {
            let reason = match (as_agreed, step.booking.state.as_str()) {
                (false, _) => "the amount or the currency was not the booking's",
                (true, "paid") => "the booking was paid before",
                (true, _) => "the seats were not to be had any more",
            };
            step.request_refund(new_id(), amount_minor, reason).await?;
            if own {
                changes.extend(end_holds(&mut step.tx, &[booking], "failed", Ending::Failed).await?);
            }
            step.finish(changes).await?;
            return Ok(false);
        }
        changes.push(step.issue(amount_minor, &mut new_id).await?);
        step.finish(changes).await?;
        Ok(true)
    }

    /// The intent is cancelled for good. Before the deadline the booking is held again; after it, it lapses; given back, it is
    /// released. An attempt that had ended before changes nothing: the booking may be on its next one.
    ///
    /// # Errors
    /// When Postgres is away; repeating is safe.
    pub async fn payment_cancelled(&self, payment: Uuid, given_back: bool) -> Result<()> {
        let mut step = self.step(payment).await?;
        if !step.payment.is_open() {
            return Ok(());
        }
        step.settle("cancelled", None, Some(CHECK_CANCELLED_MS)).await?;
        let booking = step.booking.id;
        let changes = match (step.booking.state.as_str(), given_back) {
            ("paying" | "capturing", true) => end_holds(&mut step.tx, &[booking], "released", Ending::Released).await?,
            ("paying" | "capturing", false) => step.back_or_over("lapsed", Ending::Lapsed).await?,
            _ => Vec::new(),
        };
        step.finish(changes).await
    }

    /// The capture was refused for good. Before the deadline the hold gets its time back; after it, the seats are freed.
    /// The authorisation is then to be voided, so the attempt stays due.
    ///
    /// # Errors
    /// When Postgres is away; repeating is safe.
    pub async fn capture_refused(&self, payment: Uuid, reason: &str) -> Result<()> {
        let mut step = self.step(payment).await?;
        if step.payment.state != "authorised" {
            return Ok(());
        }
        step.settle("failed", Some(reason), Some(0)).await?;
        let changes = if step.booking.state == "capturing" {
            sqlx::query("update booking set declined = true where id = $1")
                .bind(step.booking.id)
                .execute(&mut *step.tx)
                .await?;
            step.back_or_over("failed", Ending::Failed).await?
        } else {
            Vec::new()
        };
        step.finish(changes).await
    }

    /// The seats were kept long enough for an unresolved payment: they are freed, unless Postgres's clock says otherwise.
    /// The attempt stays open, so that whatever becomes of it is still acted upon. Answers whether they were freed now.
    ///
    /// # Errors
    /// When Postgres is away; repeating is safe.
    pub async fn pin_over(&self, payment: Uuid) -> Result<bool> {
        let mut step = self.step(payment).await?;
        self.clock_runs(&mut step.tx, step.booking.event).await?;
        let over: bool = sqlx::query_scalar(
            "select coalesce(pinned_until, deadline + $2 * interval '1 ms') <= sale_clock(sale) from booking where id = $1",
        )
        .bind(step.booking.id)
        .bind(PIN_CAP_MS as f64)
        .fetch_one(&mut *step.tx)
        .await?;
        if !over || !matches!(step.booking.state.as_str(), "paying" | "capturing") {
            return Ok(false);
        }
        let changes = end_holds(&mut step.tx, &[step.booking.id], "lapsed", Ending::Lapsed).await?;
        step.finish(changes).await?;
        Ok(true)
    }
}

impl Step<'_> {
    /// Whether the attempt is for what the booking costs: the seats may have been exchanged since it was cancelled.
    const fn is_of_these_seats(&self) -> bool {
        self.payment.amount_minor == self.booking.amount_minor
    }

    /// Back to a plain hold while there is time, else over.
    async fn back_or_over(&mut self, state: &'static str, how: Ending) -> Result<Vec<Change>> {
        let booking = self.booking.id;
        if self.is_overdue().await? {
            return end_holds(&mut self.tx, &[booking], state, how).await;
        }
        sqlx::query("update booking set state = 'held', pinned_until = null where id = $1")
            .bind(booking)
            .execute(&mut *self.tx)
            .await?;
        moved(&mut self.tx, &[booking]).await
    }

    /// Whether the hold's time is over, and nobody is about to stop its clock.
    async fn is_overdue(&mut self) -> Result<bool> {
        if !self.booking.overdue {
            return Ok(false);
        }
        self.store.clock_runs(&mut self.tx, self.booking.event).await?;
        Ok(sqlx::query_scalar("select deadline <= sale_clock(sale) from booking where id = $1")
            .bind(self.booking.id)
            .fetch_one(&mut *self.tx)
            .await?)
    }

    /// A payment succeeded after its hold lapsed: takes the same seats again if every one is free and the sale's allotment has
    /// room. Nothing is changed otherwise.
    async fn retake(&mut self) -> Result<Option<Vec<Change>>> {
        let booking = self.booking.id;
        let seats: Vec<i32> = sqlx::query_scalar("select seat from hold_seat where booking = $1 order by seat")
            .bind(booking)
            .fetch_all(&mut *self.tx)
            .await?;
        // All of them may have been given up before it was cancelled.
        if seats.is_empty() {
            return Ok(None);
        }
        let rooms = self.store.rooms(&mut self.tx, &[self.booking.sale]).await?;
        if rooms.get(&self.booking.sale).is_some_and(|room| (*room as usize) < seats.len()) {
            return Ok(None);
        }
        // Its fan may have got others since.
        let person_check = self.store.guards().person_check;
        let persons = rooms_of_fans(&mut self.tx, self.booking.event, &[self.booking.fan]).await?;
        if persons.is_some_and(|rooms| person_check && (rooms.left(self.booking.fan) as usize) < seats.len()) {
            return Ok(None);
        }
        let mut savepoint = sqlx::Connection::begin(&mut *self.tx).await?;
        let mut taken = 0;
        // One after the other in ascending order, as everybody takes seats, so that nobody waits in a circle.
        for seat in &seats {
            let took = sqlx::query("update hold_seat set live = true where booking = $1 and seat = $2 and not live")
                .bind(booking)
                .bind(seat)
                .execute(&mut *savepoint)
                .await
                .map_err(StoreError::from);
            match took {
                Ok(done) => taken += done.rows_affected(),
                Err(fault) if fault.is_conflict("seat_live_unique") => break,
                Err(fault) => return Err(fault),
            }
        }
        let email = self.booking.email.as_deref().filter(|_| person_check);
        if taken != seats.len() as u64
            || too_many_for(&mut savepoint, self.booking.event, booking, email).await?.is_some()
        {
            savepoint.rollback().await?;
            return Ok(None);
        }
        savepoint.commit().await?;
        let (deadline_ms, exchange): (i64, Option<String>) = sqlx::query_as(
            "update booking set state = 'capturing', declined = false, extended = true, ended_at = null,
                    pinned_until = sale_clock(sale) + $2 * interval '1 ms', exchange = nullif(exchange, 'asked')
             where id = $1 returning to_ms(deadline), exchange",
        )
        .bind(booking)
        .bind(PIN_CAP_MS as f64)
        .fetch_one(&mut *self.tx)
        .await?;
        // The place holds seats again, but stays ended: its fan may be in the line anew.
        sqlx::query("update place set state = 'holding' where id = $1")
            .bind(self.booking.place)
            .execute(&mut *self.tx)
            .await?;
        Ok(Some(vec![Change::Held(HoldNow {
            booking,
            sale: self.booking.sale,
            entry: self.booking.entry,
            seats: seats.into_iter().map(|seat| seat as u32).collect(),
            state: HoldState::Capturing,
            deadline_ms,
            declined: false,
            extended: true,
            exchange: ExchangeNow::of(exchange.as_deref()),
        })]))
    }

    /// Issues a ticket for each seat and makes the booking paid.
    async fn issue(&mut self, amount_minor: i64, new_id: &mut impl FnMut() -> Uuid) -> Result<Change> {
        let (booking, event) = (self.booking.id, self.booking.event);
        let seats: Vec<i32> =
            sqlx::query_scalar("select seat from hold_seat where booking = $1 and live order by seat")
                .bind(booking)
                .fetch_all(&mut *self.tx)
                .await?;
        if seats.is_empty() {
            return Err(StoreError::Corrupt(format!("booking {booking} has no seats to sell")));
        }
        let ids: Vec<Uuid> = seats.iter().map(|_| new_id()).collect();
        sqlx::query(
            "insert into ticket (id, booking, event, seat, issued_at)
             select u.id, $1, $2, u.seat, clock_timestamp() from unnest($3::uuid[], $4::integer[]) as u(id, seat)",
        )
        .bind(booking)
        .bind(event)
        .bind(&ids)
        .bind(&seats)
        .execute(&mut *self.tx)
        .await?;
        sqlx::query("update booking set state = 'paid', declined = false, ended_at = clock_timestamp() where id = $1")
            .bind(booking)
            .execute(&mut *self.tx)
            .await?;
        sqlx::query(
            "update place set state = 'booked', ended_at = coalesce(ended_at, clock_timestamp()) where id = $1",
        )
        .bind(self.booking.place)
        .execute(&mut *self.tx)
        .await?;
        outbox(&mut self.tx, "booking.paid", booking, &json!({"seats": seats, "amount_minor": amount_minor})).await?;
        let seats = seats.into_iter().map(|seat| seat as u32).collect();
        Ok(Change::Ended { booking, sale: self.booking.sale, entry: self.booking.entry, how: Ending::Booked, seats })
    }
}
