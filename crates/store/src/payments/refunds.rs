//! Money on its way back.

use serde_json::json;
use uuid::Uuid;

use super::CLAIM_MS;
use crate::feed::Ending;
use crate::holds::{end_holds, outbox};
use crate::{Result, Store};

/// A refund to carry out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueRefund {
    /// Its identifier, which makes the provider's idempotency key.
    pub id: Uuid,
    /// The payment to give back.
    pub intent: Option<String>,
    /// The provider's identifier, once it has taken it on.
    pub provider_id: Option<String>,
    /// How much, in minor units.
    pub amount_minor: i64,
    /// How often it was tried.
    pub tries: i32,
    /// How many idempotency keys were used up by failures.
    pub key_no: i32,
}

impl Store {
    /// Gives a paid booking back whole: tickets void and seats free first, then the money goes back; the audit log has it
    /// before. Answers whether it was paid.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn refund_booking(&self, booking: Uuid, refund: Uuid, account: Uuid, reason: &str) -> Result<bool> {
        // Of several captured attempts, all but the one that bought the tickets have their refund.
        let payment: Option<Uuid> = sqlx::query_scalar(
            "select id from payment p where booking = $1 and state = 'captured' and not exists (select from refund where payment = p.id)
             order by attempt desc limit 1",
        )
        .bind(booking)
        .fetch_optional(&self.pool)
        .await?;
        let Some(payment) = payment else { return Ok(false) };
        let mut step = self.step(payment).await?;
        if step.booking.state != "paid" {
            return Ok(false);
        }
        let amount_minor = step.payment.amount_minor;
        sqlx::query(
            "insert into audit (sale, account, action, reason, change) values ($1, $2, 'booking.refund', $3, $4)",
        )
        .bind(step.booking.sale)
        .bind(account)
        .bind(reason)
        .bind(json!({"booking": booking, "amount_minor": amount_minor}))
        .execute(&mut *step.tx)
        .await?;
        sqlx::query("update ticket set void_at = clock_timestamp() where booking = $1 and void_at is null")
            .bind(booking)
            .execute(&mut *step.tx)
            .await?;
        step.request_refund(refund, amount_minor, reason).await?;
        let changes = end_holds(&mut step.tx, &[booking], "refunded", Ending::Refunded).await?;
        step.finish(changes).await?;
        Ok(true)
    }

    /// Claims refunds to carry out.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn due_refunds(&self, limit: i64) -> Result<Vec<DueRefund>> {
        type Row = (Uuid, Option<String>, Option<String>, i64, i32, i32);
        let rows: Vec<Row> = sqlx::query_as(
            "with due as (select id from refund where state = 'requested' and due_at <= now()
                          order by due_at limit $1 for no key update skip locked)
             update refund r set due_at = clock_timestamp() + $2 * interval '1 ms', tries = r.tries + 1
             from due, payment p where r.id = due.id and p.id = r.payment
             returning r.id, p.intent, r.provider_id, r.amount_minor, r.tries, r.key_no",
        )
        .bind(limit)
        .bind(CLAIM_MS as f64)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|(id, intent, provider_id, amount_minor, tries, key_no)| DueRefund {
                id,
                intent,
                provider_id,
                amount_minor,
                tries,
                key_no,
            })
            .collect())
    }

    /// The provider has taken the refund on, or not yet; when to look again. A new idempotency key is taken if the old one's
    /// answer is of no use.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn refund_later(&self, refund: Uuid, provider_id: Option<&str>, new_key: bool, in_ms: i64) -> Result<()> {
        sqlx::query(
            "update refund set provider_id = coalesce($2, provider_id), key_no = key_no + $3::integer,
                    due_at = clock_timestamp() + $4 * interval '1 ms'
             where id = $1 and state = 'requested'",
        )
        .bind(refund)
        .bind(provider_id)
        .bind(i32::from(new_key))
        .bind(in_ms as f64)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The provider has given the money back.
    ///
    /// # Errors
    /// When Postgres is away; repeating is safe.
    pub async fn refund_done(&self, refund: Uuid, provider_id: &str) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        let payment: Option<Uuid> = sqlx::query_scalar(
            "update refund set state = 'succeeded', provider_id = $2 where id = $1 and state = 'requested' returning payment",
        )
        .bind(refund)
        .bind(provider_id)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(payment) = payment else { return Ok(()) };
        sqlx::query("update payment set state = 'refunded' where id = $1").bind(payment).execute(&mut *tx).await?;
        outbox(&mut tx, "payment.refunded", refund, &json!({"payment": payment, "provider_id": provider_id})).await?;
        tx.commit().await?;
        Ok(())
    }
}
