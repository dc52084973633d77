//! `POST /mock/webhooks/forge`: sends an event that never happened, to test who receives it.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::Refused;
use super::{App, reply};
use crate::desk::forged_body;
use crate::error::ApiError;
use crate::ids;
use crate::webhooks;

/// What to forge. Everything has a default.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Forgery {
    /// The event's type.
    #[serde(rename = "type")]
    kind: String,
    /// An intent whose present state the event tells; without it, `object` is told.
    payment_intent: Option<String>,
    /// The object that the event tells.
    object: Value,
    /// The event's identifier, to forge a known one.
    id: Option<String>,
    how: How,
}

/// What is wrong with it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum How {
    /// Signed with another secret.
    #[default]
    WrongSecret,
    /// Rightly signed, an hour ago.
    Stale,
    /// Rightly signed, then changed.
    Tampered,
    /// No signature at all.
    Unsigned,
    /// Nothing: a rightly signed event that says what never happened, for receivers that trust it.
    RightlySigned,
}

impl Default for Forgery {
    fn default() -> Self {
        Self {
            kind: "payment_intent.succeeded".to_owned(),
            payment_intent: None,
            object: json!({ "id": "pi_forged", "object": "payment_intent", "status": "succeeded" }),
            id: None,
            how: How::default(),
        }
    }
}

/// The handler. Its answer is `{event, status}` with the receiver's status, once per endpoint.
pub async fn forge(
    State(app): State<App>,
    headers: HeaderMap,
    forgery: Result<Json<Forgery>, JsonRejection>,
) -> Result<Response, Refused> {
    app.merchant_only(&headers)?;
    let Json(forgery) = forgery.map_err(|error| ApiError::invalid(None, "body", error.body_text()))?;
    let object = match &forgery.payment_intent {
        Some(id) => {
            let intent = app.reads.intent(id).await?;
            let intent = intent.ok_or_else(|| ApiError::missing("payment_intent", "payment_intent", id))?;
            serde_json::to_value(intent.view(&app.rules.pay_url)).map_err(anyhow::Error::from)?
        }
        None => forgery.object,
    };
    let now_ms = app.clock.now_ms();
    let id = forgery.id.unwrap_or_else(|| format!("evt_forged_{}", ids::secret()));
    let body = forged_body(&id, &forgery.kind, &object, now_ms);
    let endpoints = app.endpoints.read().expect("nobody panics while holding it").clone();
    let mut sent = Vec::with_capacity(endpoints.len());
    for endpoint in endpoints {
        let at_s = now_ms / 1000;
        let signature = match forgery.how {
            How::WrongSecret => Some(webhooks::signature("whsec_of_somebody_else", at_s, &body)),
            How::Stale => Some(webhooks::signature(&endpoint.secret, at_s - 3_600, &body)),
            How::Tampered | How::RightlySigned => Some(webhooks::signature(&endpoint.secret, at_s, &body)),
            How::Unsigned => None,
        };
        let body = if forgery.how == How::Tampered { format!("{body} ") } else { body.clone() };
        let status = webhooks::post(&app.client, &endpoint.url, signature, body).await.ok();
        sent.push(json!({ "event": id, "endpoint": endpoint.id, "status": status }));
    }
    Ok(reply::object(&json!({ "object": "list", "data": sent })))
}
