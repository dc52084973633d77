//! First answers to POSTs that create, kept for 24 hours per principal.
//!
//! The identifier of what is to be made is chosen with the key and kept beside it. Whoever takes over a request that was
//! never answered makes the same thing again under the same identifier, which makes it once.

use serde_json::Value;
use uuid::Uuid;

use crate::{Result, Store};

/// What a key already stands for.
#[derive(Debug, Clone, PartialEq)]
pub enum Begun {
    /// Nothing was answered yet: make the thing under this identifier.
    Make(Uuid),
    /// This was the answer.
    Answered {
        /// Its status.
        status: u16,
        /// Its body.
        body: Value,
    },
    /// The first request is still at work.
    UnderWay,
    /// The key was used for another request.
    Another,
}

impl Store {
    /// Claims a key for a request. A claim without an answer is taken over after `takeover_ms`.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn begin_once(
        &self,
        principal: Uuid,
        key: &str,
        request: &[u8; 32],
        made: Uuid,
        takeover_ms: i64,
    ) -> Result<Begun> {
        let claimed: Option<bool> = sqlx::query_scalar(
            "insert into idempotency as i (principal, key, request_hash, body)
             values ($1, $2, $3, jsonb_build_object('made', $4::text))
             on conflict (principal, key) do update
                set request_hash = excluded.request_hash, status = null, body = excluded.body, created_at = now()
                where i.created_at < now() - interval '24 hours'
             returning true",
        )
        .bind(principal)
        .bind(key)
        .bind(&request[..])
        .bind(made)
        .fetch_optional(&self.pool)
        .await?;
        if claimed.is_some() {
            return Ok(Begun::Make(made));
        }
        let row: Option<(Vec<u8>, Option<i16>, Value)> =
            sqlx::query_as("select request_hash, status, body from idempotency where principal = $1 and key = $2")
                .bind(principal)
                .bind(key)
                .fetch_optional(&self.pool)
                .await?;
        match row {
            // Given up between the two statements: the next try finds it free.
            None => Ok(Begun::UnderWay),
            Some((hash, ..)) if hash != request => Ok(Begun::Another),
            Some((_, Some(status), body)) => Ok(Begun::Answered { status: status as u16, body }),
            Some((_, None, _)) => {
                let taken: Option<Uuid> = sqlx::query_scalar(
                    "update idempotency set created_at = now()
                     where principal = $1 and key = $2 and status is null and created_at < now() - $3 * interval '1 ms'
                     returning (body->>'made')::uuid",
                )
                .bind(principal)
                .bind(key)
                .bind(takeover_ms as f64)
                .fetch_optional(&self.pool)
                .await?;
                Ok(taken.map_or(Begun::UnderWay, Begun::Make))
            }
        }
    }

    /// Keeps the answer to a claimed key.
    ///
    /// # Errors
    /// When Postgres is away; the claim is then taken over later.
    pub async fn answer_once(&self, principal: Uuid, key: &str, status: u16, body: &Value) -> Result<()> {
        sqlx::query("update idempotency set status = $3, body = $4 where principal = $1 and key = $2")
            .bind(principal)
            .bind(key)
            .bind(status.cast_signed())
            .bind(body)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Gives up a claim for which nothing was made.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn give_up_once(&self, principal: Uuid, key: &str) -> Result<()> {
        sqlx::query("delete from idempotency where principal = $1 and key = $2 and status is null")
            .bind(principal)
            .bind(key)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Removes answers older than 24 hours, at most `limit`. Answers how many.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn sweep_answers(&self, limit: i64) -> Result<u64> {
        let swept = sqlx::query(
            "delete from idempotency where (principal, key) in
                (select principal, key from idempotency where created_at < now() - interval '24 hours' limit $1)",
        )
        .bind(limit)
        .execute(&self.pool)
        .await?;
        Ok(swept.rows_affected())
    }
}
