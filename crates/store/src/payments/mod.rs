//! Money: attempts are committed before the provider is called, and its answer is recorded in the transaction that acts on it.
//!
//! Every operation here may be repeated: each looks at what is recorded, under the booking's lock, and does only what is
//! still to be done. Nothing the provider says later overwrites a recorded capture.
//!
//! ```text
//! created ──▶ open ⇄ declined ──▶ authorised ──▶ captured ──▶ refunded
//!    └─────────┴─────────┴──▶ cancelled  └──▶ failed
//! ```
//!
//! What a worker still has to look at is in `payment.due_at` alone, so that any worker can go on after any crash.

mod claims;
mod hold;
mod opening;
mod outcomes;
mod refunds;

use serde_json::json;
use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;

pub use self::claims::DuePayment;
pub use self::opening::Begun;
pub use self::outcomes::Verdict;
pub use self::refunds::DueRefund;
use crate::feed::{Change, Record};
use crate::holds::{outbox, record_seats};
use crate::{Result, Store, StoreError};

/// For how long a worker that claimed a payment or a refund keeps it to itself, in milliseconds. What it does must take
/// less; what a dead worker had claimed is taken up again after this.
pub const CLAIM_MS: i64 = 6_000;
/// How long after its cancellation an attempt is looked at again, in milliseconds: a provider may have cancelled too late.
const CHECK_CANCELLED_MS: i64 = 60_000;

/// A payment attempt as recorded.
#[derive(Clone, PartialEq, Eq)]
pub struct PaymentRow {
    /// Its identifier, which with the attempt and the step makes the provider's idempotency keys.
    pub id: Uuid,
    /// The booking it is for.
    pub booking: Uuid,
    /// 1 for the first.
    pub attempt: u16,
    /// The provider's identifier, once it answered.
    pub intent: Option<String>,
    /// What lets the fan's page confirm it. A secret.
    pub client_secret: Option<String>,
    /// The whole amount in minor units.
    pub amount_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// `created`, `open`, `declined`, `authorised`, `captured`, `cancelled`, `failed`, `refunded`.
    pub state: String,
    /// Why the last card was declined.
    pub decline_reason: Option<String>,
    /// How often a worker has looked at it.
    pub tries: i32,
    /// How many idempotency keys were used up by failures.
    pub key_no: i32,
}

impl std::fmt::Debug for PaymentRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { id, booking, attempt, intent, state, tries, .. } = self;
        f.debug_struct("PaymentRow")
            .field("id", id)
            .field("booking", booking)
            .field("attempt", attempt)
            .field("intent", intent)
            .field("state", state)
            .field("tries", tries)
            .finish_non_exhaustive()
    }
}

impl PaymentRow {
    /// Whether it can still become a payment without a surprise: no end of it is recorded.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.state.as_str(), "created" | "open" | "declined" | "authorised")
    }

    /// Whether its money was taken, by our records.
    #[must_use]
    pub fn is_captured(&self) -> bool {
        matches!(self.state.as_str(), "captured" | "refunded")
    }
}

/// The columns of a [`PaymentTuple`], of `payment p`.
macro_rules! payments {
    ($rest:literal) => {
        concat!(
            "select p.id, p.booking, p.attempt, p.intent, p.client_secret, p.amount_minor, p.currency, p.state, p.decline_reason,
                    p.tries, p.key_no ",
            $rest
        )
    };
}
pub(crate) use payments;

pub(crate) type PaymentTuple =
    (Uuid, Uuid, i16, Option<String>, Option<String>, i64, String, String, Option<String>, i32, i32);

pub(crate) fn payment_row(row: PaymentTuple) -> PaymentRow {
    let (id, booking, attempt, intent, client_secret, amount_minor, currency, state, decline_reason, tries, key_no) =
        row;
    let attempt = attempt as u16;
    PaymentRow {
        id,
        booking,
        attempt,
        intent,
        client_secret,
        amount_minor,
        currency,
        state,
        decline_reason,
        tries,
        key_no,
    }
}

async fn payment_of(tx: &mut PgConnection, id: Uuid) -> Result<PaymentRow> {
    let row: Option<PaymentTuple> =
        sqlx::query_as(payments!("from payment p where p.id = $1")).bind(id).fetch_optional(tx).await?;
    row.map(payment_row).ok_or_else(|| StoreError::Corrupt(format!("there is no payment {id}")))
}

/// A booking under its lock.
#[derive(sqlx::FromRow)]
struct Locked {
    id: Uuid,
    event: Uuid,
    sale: Uuid,
    entry: i64,
    place: Uuid,
    fan: Uuid,
    email: Option<String>,
    state: String,
    amount_minor: i64,
    currency: String,
    overdue: bool,
}

macro_rules! lock_booking {
    ($where:literal) => {
        concat!(
            "select id, event, sale, entry, place, fan, email, state, amount_minor, currency, deadline <= sale_clock(sale) as overdue
             from booking where ",
            $where,
            " for no key update"
        )
    };
}

/// Locks the booking, so that everything about its money happens one after the other.
async fn lock(tx: &mut PgConnection, booking: Uuid) -> Result<Option<Locked>> {
    Ok(sqlx::query_as(lock_booking!("id = $1")).bind(booking).fetch_optional(tx).await?)
}

/// One step about a payment, under its booking's lock. Dropped without [`Step::finish`], nothing has happened.
struct Step<'s> {
    store: &'s Store,
    tx: Transaction<'static, Postgres>,
    booking: Locked,
    payment: PaymentRow,
}

impl Step<'_> {
    /// Records what changed, commits and publishes.
    async fn finish(mut self, changes: Vec<Change>) -> Result<()> {
        let records: Vec<Record> = record_seats(&mut self.tx, self.booking.event, changes).await?;
        self.tx.commit().await?;
        self.store.publish(self.booking.event, &records).await;
        Ok(())
    }

    /// Ends the attempt. It is looked at again in `check_ms`, or never; at once if news came while we were at it. What is asked
    /// of the provider from then on is asked under another key: it would only repeat how the attempt ended.
    async fn settle(&mut self, state: &'static str, reason: Option<&str>, check_ms: Option<i64>) -> Result<()> {
        sqlx::query(
            "update payment set state = $2, settled_at = clock_timestamp(), decline_reason = coalesce($3, decline_reason), key_no = key_no + 1,
                    due_at = case when due_at <= clock_timestamp() then due_at
                                  else coalesce(clock_timestamp() + $4 * interval '1 ms', 'infinity') end
             where id = $1",
        )
        .bind(self.payment.id)
        .bind(state)
        .bind(reason)
        .bind(check_ms.map(|ms| ms as f64))
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Whether another attempt of the booking is open.
    async fn has_rival(&mut self) -> Result<bool> {
        Ok(sqlx::query_scalar(
            "select exists (select from payment where booking = $1 and id <> $2 and state in ('created', 'open', 'declined', 'authorised'))",
        )
        .bind(self.booking.id)
        .bind(self.payment.id)
        .fetch_one(&mut *self.tx)
        .await?)
    }

    async fn outbox(&mut self, kind: &str, data: &serde_json::Value) -> Result<()> {
        outbox(&mut self.tx, kind, self.payment.id, data).await
    }

    /// Asks for the money back, once per payment.
    async fn request_refund(&mut self, id: Uuid, amount_minor: i64, reason: &str) -> Result<()> {
        if amount_minor <= 0 {
            return Ok(());
        }
        let new = sqlx::query(
            "insert into refund (id, payment, amount_minor, reason, state, due_at) values ($1, $2, $3, $4, 'requested', clock_timestamp())
             on conflict on constraint refund_payment_unique do nothing",
        )
        .bind(id)
        .bind(self.payment.id)
        .bind(amount_minor)
        .bind(reason)
        .execute(&mut *self.tx)
        .await?;
        if new.rows_affected() == 0 {
            return Ok(());
        }
        self.outbox("refund.requested", &json!({"amount_minor": amount_minor, "reason": reason})).await
    }
}

impl Store {
    /// Begins a step about a payment.
    async fn step(&self, payment: Uuid) -> Result<Step<'_>> {
        let mut tx = self.pool.begin().await?;
        let booking: Option<Locked> =
            sqlx::query_as(lock_booking!("id = (select booking from payment where payment.id = $1)"))
                .bind(payment)
                .fetch_optional(&mut *tx)
                .await?;
        let booking =
            booking.ok_or_else(|| StoreError::Corrupt(format!("there is no payment {payment} with a booking")))?;
        // Only now, since it may have moved while we waited for the lock.
        let payment = payment_of(&mut tx, payment).await?;
        Ok(Step { store: self, tx, booking, payment })
    }
}
