//! Opening an attempt, and what can be said of it while it is open.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{CLAIM_MS, PaymentRow, PaymentTuple, lock, payment_row, payments};
use crate::holds::{moved, record_seats};
use crate::{Result, Store, StoreError};

/// What came of asking to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// The open attempt, new or found.
    Attempt(PaymentRow),
    /// It was paid before.
    Paid,
    /// The hold is over.
    Over,
    /// Somebody must say where the tickets go.
    EmailNeeded,
    /// Too many tickets of the event would go to that e-mail address.
    TooMany {
        /// So many one person may have.
        most: u32,
    },
    /// It has no seats: the fan who picks has given back all.
    NoSeats,
    /// There is no such booking of this fan.
    NotFound,
}

impl Store {
    /// Opens a payment attempt for a held booking, or finds the open one. Starting to pay uses up the hold's one extension.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn begin_payment(&self, booking: Uuid, fan: Uuid, email: Option<&str>, payment: Uuid) -> Result<Begun> {
        let mut tx = self.pool.begin().await?;
        let Some(locked) = lock(&mut tx, booking).await?.filter(|locked| locked.fan == fan) else {
            return Ok(Begun::NotFound);
        };
        match locked.state.as_str() {
            "paid" => return Ok(Begun::Paid),
            // Past the deadline the provider is being asked to cancel it.
            "paying" if locked.overdue => return Ok(Begun::Over),
            "paying" | "capturing" => {
                let open: Option<PaymentTuple> = sqlx::query_as(payments!(
                    "from payment p where p.booking = $1 and p.state in ('created', 'open', 'declined', 'authorised')"
                ))
                .bind(booking)
                .fetch_optional(&mut *tx)
                .await?;
                return Ok(open.map_or(Begun::Over, |open| Begun::Attempt(payment_row(open))));
            }
            "held" if !locked.overdue => {}
            _ => return Ok(Begun::Over),
        }
        let has_seats: bool = sqlx::query_scalar("select exists (select from hold_seat where booking = $1 and live)")
            .bind(booking)
            .fetch_one(&mut *tx)
            .await?;
        if !has_seats {
            return Ok(Begun::NoSeats);
        }
        if email.is_none() && locked.email.is_none() {
            return Ok(Begun::EmailNeeded);
        }
        let to = email.or(locked.email.as_deref()).filter(|_| self.guards().person_check);
        if let Some(most) = too_many_for(&mut tx, locked.event, booking, to).await? {
            return Ok(Begun::TooMany { most });
        }
        // Whoever asked has it in hand; a worker takes it up only if they die.
        let attempt: PaymentTuple = sqlx::query_as(concat!(
            "with p as (insert into payment (id, booking, attempt, amount_minor, currency, state, due_at)
                        select $1, $2, 1 + count(*), $3, $4, 'created', clock_timestamp() + $5 * interval '1 ms'
                        from payment where booking = $2 returning *) ",
            payments!("from p")
        ))
        .bind(payment)
        .bind(booking)
        .bind(locked.amount_minor)
        .bind(&locked.currency)
        .bind(CLAIM_MS as f64)
        .fetch_one(&mut *tx)
        .await?;
        sqlx::query(
            "update booking b set state = 'paying', declined = false, email = coalesce($2, email), extended = true,
                    -- Whoever pays takes the seats that there are.
                    exchange = nullif(exchange, 'asked'),
                    deadline = case when extended then deadline else deadline + s.extension_ms * interval '1 ms' end
             from sale s where b.id = $1 and s.id = b.sale",
        )
        .bind(booking)
        .bind(email)
        .execute(&mut *tx)
        .await?;
        let changes = moved(&mut tx, &[booking]).await?;
        let records = record_seats(&mut tx, locked.event, changes).await?;
        tx.commit().await?;
        self.publish(locked.event, &records).await;
        Ok(Begun::Attempt(payment_row(attempt)))
    }

    /// The provider has made the intent; the fan may be told its secret only after this, and only if the attempt is open
    /// still. One that ended meanwhile is looked at, so that the intent is cancelled.
    ///
    /// # Errors
    /// When Postgres is away; repeating is safe.
    pub async fn payment_opened(
        &self,
        payment: Uuid,
        intent: &str,
        client_secret: &str,
        look_in_ms: i64,
    ) -> Result<PaymentRow> {
        // Webhooks that came before this row knew its intent were parked: then it is due at once.
        let row: Option<PaymentTuple> = sqlx::query_as(concat!(
            "with p as (update payment set intent = coalesce(intent, $2), client_secret = coalesce(client_secret, $3),
                    state = case state when 'created' then 'open' else state end,
                    due_at = case when state in ('cancelled', 'failed')
                                    or exists (select from provider_event e where e.intent = $2 and e.handled_at is null)
                                  then clock_timestamp() else clock_timestamp() + $4 * interval '1 ms' end
             where id = $1 returning *) ",
            payments!("from p")
        ))
        .bind(payment)
        .bind(intent)
        .bind(client_secret)
        .bind(look_in_ms as f64)
        .fetch_optional(&self.pool)
        .await?;
        row.map(payment_row).ok_or_else(|| StoreError::Corrupt(format!("there is no payment {payment}")))
    }

    /// A card was declined; the hold and the attempt go on.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn payment_declined(&self, payment: Uuid, reason: &str) -> Result<()> {
        let mut step = self.step(payment).await?;
        let told_before = step.payment.state == "declined" && step.payment.decline_reason.as_deref() == Some(reason);
        let fits =
            matches!(step.payment.state.as_str(), "created" | "open" | "declined") && step.booking.state == "paying";
        if told_before || !fits {
            return Ok(());
        }
        sqlx::query("update payment set state = 'declined', decline_reason = $2 where id = $1")
            .bind(payment)
            .bind(reason)
            .execute(&mut *step.tx)
            .await?;
        sqlx::query("update booking set declined = true where id = $1")
            .bind(step.booking.id)
            .execute(&mut *step.tx)
            .await?;
        let changes = moved(&mut step.tx, &[step.booking.id]).await?;
        step.finish(changes).await
    }
}

/// Whether this booking's tickets would be more than one e-mail address may have of the event, with those that it has or pays for: then
/// how many it may. Until the end of the transaction nobody else asks this of the address.
pub(super) async fn too_many_for(
    tx: &mut PgConnection,
    event: Uuid,
    booking: Uuid,
    email: Option<&str>,
) -> Result<Option<u32>> {
    let Some(email) = email else { return Ok(None) };
    let most: Option<i32> = sqlx::query_scalar("select tickets_per_person from event where id = $1")
        .bind(event)
        .fetch_one(&mut *tx)
        .await?;
    let Some(most) = most else { return Ok(None) };
    sqlx::query("select pg_advisory_xact_lock(hashtextextended($1::text || lower($2), 1))")
        .bind(event)
        .bind(email)
        .execute(&mut *tx)
        .await?;
    let seats: i64 = sqlx::query_scalar(
        "select count(*) from booking b join hold_seat h on h.booking = b.id and h.live
         where b.event = $1 and (b.id = $2 or lower(b.email) = lower($3) and b.state in ('paying', 'capturing', 'paid'))",
    )
    .bind(event)
    .bind(booking)
    .bind(email)
    .fetch_one(tx)
    .await?;
    Ok((seats > i64::from(most)).then_some(most.cast_unsigned()))
}
