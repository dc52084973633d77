//! The provider's webhooks: noted once, answered fast, acted upon by asking the provider how things are now.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use contracts::problem::Problem;
use serde::Deserialize;
use store::StoreError;

use super::{App, Refusal, signature};
use crate::metrics::WEBHOOKS_TOTAL;
use crate::provider::is_id;

#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    id: String,
    #[serde(default)]
    object: String,
    payment_intent: Option<serde_json::Value>,
}

impl Event {
    /// The intent it is about, directly or by its charge or refund.
    fn intent(&self) -> Option<&str> {
        let object = &self.data.object;
        let intent = match object.object.as_str() {
            "payment_intent" => object.id.as_str(),
            // Nothing but an identifier, unless somebody asked the provider to send more.
            _ => object.payment_intent.as_ref()?.as_str()?,
        };
        is_id(intent, "pi_").then_some(intent)
    }
}

/// Takes an event of the payment provider.
#[utoipa::path(post, path = "/v1/webhooks/payments", operation_id = "webhook", tag = "bookings",
    params(("Stripe-Signature" = String, Header, description = "`t=…,v1=…`")), request_body = serde_json::Value,
    responses((status = 200, description = "Noted")))]
pub async fn receive(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Result<StatusCode, Refusal> {
    let count = |outcome: &'static str| metrics::counter!(WEBHOOKS_TOTAL, "outcome" => outcome).increment(1);
    let header = headers.get("stripe-signature").and_then(|value| value.to_str().ok());
    if let Err(forged) = signature::check(app.config.webhook_secret.expose(), header, &body, app.clock.now_ms()) {
        count("forged");
        // Anybody can send these: the counter tells, and the log is not theirs to fill.
        tracing::debug!(%forged, "a webhook is not the provider's");
        let problem = Problem::new(400, "bad-signature", "The webhook's signature does not fit", forged.to_string());
        return Err(problem.into());
    }
    let Ok(event) = serde_json::from_slice::<Event>(&body) else {
        count("failed");
        return Err(Problem::new(
            400,
            "unreadable-event",
            "The event cannot be read",
            "no event as this API version has it",
        )
        .into());
    };
    let Some(intent) = event.intent().filter(|_| is_id(&event.id, "evt_") && event.kind.len() <= 100) else {
        // Signed, and nothing of ours: the provider need not repeat it.
        count("ignored");
        return Ok(StatusCode::OK);
    };
    match app.store.provider_event(&event.id, &event.kind, intent).await {
        Ok(found) => {
            count(if found.is_some() { "due" } else { "noted" });
            if found.is_some() {
                app.nudge.notify_one();
            }
            Ok(StatusCode::OK)
        }
        Err(fault) => {
            count("failed");
            // Whatever it is, the provider sends the event again.
            if !fault.is_away() {
                tracing::error!(%fault, "a webhook could not be noted");
            }
            Err(StoreError::Away(fault.to_string()).into())
        }
    }
}
