//! Scripted faults: what tests ask to go wrong, and how often.
//!
//! They live in memory: a fault belongs to this process, and a restart ends it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::call::{Call, Refused};
use super::{App, reply};
use crate::error::ApiError;

/// Scripts at once.
const SCRIPTS: usize = 1_000;

/// What a caller is doing, as scripts name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Making an intent.
    Create,
    /// Trying a card.
    Confirm,
    /// Taking the money.
    Capture,
    /// Ending an intent.
    Cancel,
    /// Giving money back.
    Refund,
    /// Reading.
    Retrieve,
    /// In a script only: any of them.
    Any,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 500: nothing was done, and the answer is kept under the idempotency key, as Stripe keeps it.
    Error500,
    /// The operation waits this long before it is carried out, even if the caller hangs up.
    Slow(Duration),
    /// Carried out, and the connection breaks without an answer.
    DropAfterSuccess,
    /// 429: nothing was done, nothing is kept.
    RateLimit,
    /// 503: nothing was done, nothing is kept.
    Outage,
}

impl Fault {
    fn read(text: &str) -> Option<Self> {
        Some(match text {
            "error_500" => Self::Error500,
            "drop_after_success" => Self::DropAfterSuccess,
            "rate_limit_429" => Self::RateLimit,
            "outage" => Self::Outage,
            slow => Self::Slow(Duration::from_millis(slow.strip_prefix("slow_ms:")?.parse().ok()?)),
        })
    }
}

/// A script as it is asked for and told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// How many times still.
    pub next: u32,
    /// On what.
    #[serde(default = "any")]
    pub on: Verb,
    /// `error_500`, `slow_ms:…`, `drop_after_success`, `rate_limit_429` or `outage`.
    pub kind: String,
}

const fn any() -> Verb {
    Verb::Any
}

/// The scripts in force, oldest first.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<(Script, Fault)>>);

impl Faults {
    /// What goes wrong now, if anything: the oldest script that fits, once.
    pub fn take(&self, verb: Verb) -> Option<Fault> {
        let mut scripts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = scripts.iter().position(|(script, _)| script.on == Verb::Any || script.on == verb)?;
        let (script, fault) = &mut scripts[at];
        script.next -= 1;
        let (spent, fault) = (script.next == 0, *fault);
        if spent {
            scripts.remove(at);
        }
        Some(fault)
    }

    fn told(&self) -> Response {
        let scripts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let scripts: Vec<&Script> = scripts.iter().map(|(script, _)| script).collect();
        reply::object(&serde_json::json!({ "object": "list", "data": scripts }))
    }
}

/// `POST /mock/faults`
pub async fn add(
    State(app): State<App>,
    headers: axum::http::HeaderMap,
    script: Result<Json<Script>, JsonRejection>,
) -> Result<Response, Refused> {
    app.merchant_only(&headers)?;
    let Json(script) = script.map_err(|error| ApiError::invalid(None, "body", error.body_text()))?;
    let fault = Fault::read(&script.kind).ok_or_else(|| {
        let message = "kind: error_500, slow_ms:N, drop_after_success, rate_limit_429 or outage";
        ApiError::invalid(None, "kind", message)
    })?;
    {
        let mut scripts = app.faults().0.lock().unwrap_or_else(PoisonError::into_inner);
        if script.next == 0 || scripts.len() >= SCRIPTS {
            return Err(ApiError::invalid(None, "next", "next: at least 1, and not too many scripts at once").into());
        }
        scripts.push((script, fault));
    }
    Ok(app.faults().told())
}

/// `GET /mock/faults`
pub async fn show(State(app): State<App>, call: Call) -> Result<Response, Refused> {
    call.merchant(&app)?;
    Ok(app.faults().told())
}

/// `DELETE /mock/faults`
pub async fn clear(State(app): State<App>, call: Call) -> Result<Response, Refused> {
    call.merchant(&app)?;
    app.faults().0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    Ok(app.faults().told())
}
