//! POSTs that create, made once per idempotency key: the first answer is kept for 24 hours and given again.
//!
//! The same for every role that has such routes.

use aws_lc_rs::digest::{Context, SHA256};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chassis::clock::Clock;
use chassis::ids;
use contracts::problem::Problem;
use contracts::server::{IdempotencyKey, Json};
use metrics::{counter, describe_counter};
use serde::Serialize;
use serde_json::Value;
use store::idempotency::Begun;
use store::{Store, StoreError};
use uuid::Uuid;

/// Answers to POSTs that create, given again.
pub const REPLAYS: &str = "usher_idempotent_replays_total";
/// After how long a POST that never answered is taken over by one with the same key, in milliseconds, where nothing else is set.
pub const TAKEOVER_MS: i64 = 5_000;

/// Tells a client that it reads the first answer again.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// What identifies a request that creates.
#[derive(Debug)]
pub struct Asked<'a, B> {
    /// Who asks.
    pub account: Uuid,
    /// The key, if one was sent.
    pub key: IdempotencyKey,
    /// The path.
    pub path: String,
    /// The body.
    pub body: &'a B,
}

/// Where a role keeps what its keys stand for.
#[derive(Debug, Clone, Copy)]
pub struct Keys<'a> {
    /// The store.
    pub store: &'a Store,
    /// Identifiers are made by it.
    pub clock: &'a Clock,
    /// After how long a POST that never answered is taken over by one with the same key, in milliseconds.
    pub takeover_ms: i64,
    /// What a store's fault is to a client.
    pub problem: fn(&StoreError) -> Problem,
}

impl Keys<'_> {
    /// Makes a thing with `make`, which is given its identifier, unless it was made before: then the first answer is given
    /// again. `make` must be repeatable with the same identifier.
    ///
    /// # Errors
    /// What `make` refuses; 409 while the first request with the key is at work, 422 where the key was used for another one.
    pub async fn once<B, T, F>(&self, asked: Asked<'_, B>, make: impl FnOnce(Uuid) -> F) -> Result<Response, Problem>
    where
        B: Serialize + Sync,
        T: Serialize,
        F: Future<Output = Result<T, Problem>>,
    {
        let fresh = ids::new(self.clock);
        let Some(key) = asked.key.0 else {
            let made = make(fresh).await?;
            return Ok(answer(&serde_json::to_value(made).map_err(|_| Problem::internal())?));
        };
        let request = request_hash(&asked.path, asked.body)?;
        let begun = self.store.begin_once(asked.account, &key, &request, fresh, self.takeover_ms).await;
        match begun.map_err(|fault| (self.problem)(&fault))? {
            Begun::Make(id) => match make(id).await {
                Ok(made) => {
                    let body = serde_json::to_value(made).map_err(|_| Problem::internal())?;
                    // If it cannot be kept, the claim is taken over later and makes the same thing under the same identifier.
                    let kept = self.store.answer_once(asked.account, &key, StatusCode::CREATED.as_u16(), &body).await;
                    if let Err(fault) = kept {
                        tracing::warn!(%fault, "the answer to an idempotency key was not kept");
                    }
                    Ok(answer(&body))
                }
                Err(refusal) => {
                    // After a fault of ours nobody knows whether it was made: the claim stays, so that the next try cannot make another.
                    if refusal.status < 500 {
                        drop(self.store.give_up_once(asked.account, &key).await);
                    }
                    Err(refusal)
                }
            },
            Begun::Answered { body, .. } => {
                counter!(REPLAYS).increment(1);
                let mut response = answer(&body);
                response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
                Ok(response)
            }
            Begun::UnderWay => {
                let title = "The first request with this key is still at work";
                Err(Problem::conflict("idempotency-key-in-use", title, "ask again in a moment").retry_after(1))
            }
            Begun::Another => Err(Problem::new(
                422,
                "idempotency-key-reused",
                "This idempotency key was used for another request",
                "take a new key for a new request",
            )),
        }
    }
}

/// Describes the metric and makes it visible before it first happens.
pub fn describe() {
    describe_counter!(REPLAYS, "Answers to POSTs that create, given again");
    counter!(REPLAYS).absolute(0);
}

/// 201 with the body, and its version as `ETag` where it has one.
fn answer(body: &Value) -> Response {
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    if let Some(version) = body.get("version").and_then(Value::as_i64)
        && let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\""))
    {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

fn request_hash(path: &str, body: &impl Serialize) -> Result<[u8; 32], Problem> {
    let mut context = Context::new(&SHA256);
    context.update(path.as_bytes());
    context.update(&[0]);
    context.update(&serde_json::to_vec(body).map_err(|_| Problem::internal())?);
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    Ok(hash)
}
