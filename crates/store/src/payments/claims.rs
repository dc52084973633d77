//! Who looks at which payment when, and news from the provider.

use uuid::Uuid;

use super::{CLAIM_MS, PaymentRow, payment_row, payments};
use crate::holds::PIN_CAP_MS;
use crate::{Result, Store};

/// Provider's events that nobody knows after this long belong to somebody else; providers repeat theirs for three days.
const PARKED_DAYS: i32 = 4;

/// A payment that wants looking at, with what its booking is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuePayment {
    /// The attempt.
    pub payment: PaymentRow,
    /// The booking's state.
    pub booking_state: String,
    /// For how long the hold's deadline has passed, in milliseconds; negative while there is time.
    pub overdue_ms: i64,
    /// How long the seats may still be kept for it, in milliseconds; not positive when no longer.
    pub pin_left_ms: i64,
    /// Whether the sale's clock stands still: neither time passes.
    pub frozen: bool,
    /// How long ago the attempt ended, in milliseconds, if it did.
    pub settled_ms: Option<i64>,
}

/// A payment's and its booking's columns together: more than a tuple can have.
#[derive(sqlx::FromRow)]
struct DueRow {
    id: Uuid,
    booking: Uuid,
    attempt: i16,
    intent: Option<String>,
    client_secret: Option<String>,
    amount_minor: i64,
    currency: String,
    state: String,
    decline_reason: Option<String>,
    tries: i32,
    key_no: i32,
    booking_state: String,
    overdue_ms: i64,
    pin_left_ms: i64,
    frozen: bool,
    settled_ms: Option<i64>,
}

impl From<DueRow> for DuePayment {
    fn from(row: DueRow) -> Self {
        Self {
            payment: payment_row((
                row.id,
                row.booking,
                row.attempt,
                row.intent,
                row.client_secret,
                row.amount_minor,
                row.currency,
                row.state,
                row.decline_reason,
                row.tries,
                row.key_no,
            )),
            booking_state: row.booking_state,
            overdue_ms: row.overdue_ms,
            pin_left_ms: row.pin_left_ms,
            frozen: row.frozen,
            settled_ms: row.settled_ms,
        }
    }
}

impl Store {
    /// Claims payments that want looking at, the longest waiting first.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn due_payments(&self, limit: i64) -> Result<Vec<DuePayment>> {
        // `now()` and not the clock, which the index could not be asked for.
        let rows: Vec<DueRow> = sqlx::query_as(concat!(
            "with due as (select id from payment where due_at < 'infinity' and due_at <= now()
                          order by due_at limit $1 for no key update skip locked),
                  p as (update payment set due_at = clock_timestamp() + $2 * interval '1 ms', tries = tries + 1
                        from due where payment.id = due.id returning payment.*) ",
            payments!(
                ", b.state as booking_state, to_ms(sale_clock(b.sale)) - to_ms(b.deadline) as overdue_ms,
                   to_ms(coalesce(b.pinned_until, b.deadline + $3 * interval '1 ms')) - to_ms(sale_clock(b.sale)) as pin_left_ms,
                   exists(select from clock_act where sale = b.sale and ended_at is null) as frozen,
                   to_ms(clock_timestamp()) - to_ms(p.settled_at) as settled_ms
                 from p join booking b on b.id = p.booking"
            )
        ))
        .bind(limit)
        .bind(CLAIM_MS as f64)
        .bind(PIN_CAP_MS as f64)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(DuePayment::from).collect())
    }

    /// When to look at the payment again, or never unless there is news. News that came since it was claimed count more.
    ///
    /// # Errors
    /// When Postgres is away; it is then due when the claim ends.
    pub async fn look_again(&self, payment: Uuid, in_ms: Option<i64>) -> Result<()> {
        sqlx::query(
            "update payment set due_at = coalesce(clock_timestamp() + $2 * interval '1 ms', 'infinity')
             where id = $1 and due_at > clock_timestamp()",
        )
        .bind(payment)
        .bind(in_ms.map(|ms| ms as f64))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The provider has answered this attempt's idempotency keys with failures, and would only repeat them: the next step
    /// takes a new one.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn new_payment_key(&self, payment: Uuid) -> Result<()> {
        sqlx::query("update payment set key_no = key_no + 1 where id = $1").bind(payment).execute(&self.pool).await?;
        Ok(())
    }

    /// Notes a provider's event once, and makes its payment due now. An event for an intent that nobody knows yet is parked.
    /// Answers the payment to look at.
    ///
    /// # Errors
    /// When Postgres is away; the provider then sends it again.
    pub async fn provider_event(&self, id: &str, kind: &str, intent: &str) -> Result<Option<Uuid>> {
        // A settled attempt is looked at too, since money may have moved after all; what is captured stays captured. A
        // payment that learns its intent at this very moment is found by the sweep.
        Ok(sqlx::query_scalar(
            "with known as (select id from payment where intent = $3),
                  noted as (insert into provider_event (provider, id, kind, intent, handled_at)
                            values ('stripe', $1, $2, $3, case when exists (select from known) then clock_timestamp() end)
                            on conflict do nothing returning id)
             update payment set due_at = clock_timestamp()
             where id in (select id from known) and exists (select from noted) and state not in ('captured', 'refunded')
             returning id",
        )
        .bind(id)
        .bind(kind)
        .bind(intent)
        .fetch_optional(&self.pool)
        .await?)
    }

    /// Gives parked events to the payments that meanwhile know their intent. Answers those payments.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn sweep_parked(&self) -> Result<Vec<Uuid>> {
        Ok(sqlx::query_scalar(
            "with known as (update provider_event e set handled_at = clock_timestamp() from payment p
                            where e.handled_at is null and p.intent = e.intent returning p.id),
                  strange as (update provider_event set handled_at = clock_timestamp()
                              where handled_at is null and received_at < now() - $1 * interval '1 day'
                                and not exists (select from payment p where p.intent = provider_event.intent))
             update payment set due_at = clock_timestamp()
             where id in (select id from known) and state not in ('captured', 'refunded') returning id",
        )
        .bind(PARKED_DAYS)
        .fetch_all(&self.pool)
        .await?)
    }
}
