//! Events and who is told of them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Where webhooks go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// `we_…`
    pub id: String,
    /// The merchant's address.
    pub url: String,
    /// What signs the webhooks.
    pub secret: String,
    /// Event types, or `*`.
    pub enabled: Vec<String>,
    /// When it was made.
    pub created_ms: i64,
}

impl Endpoint {
    /// Whether it is told of this type.
    pub fn wants(&self, kind: &str) -> bool {
        self.enabled.iter().any(|enabled| enabled == "*" || enabled == kind)
    }

    /// As Stripe shows it; the secret only in the answer that made it.
    pub fn view(&self, with_secret: bool) -> Value {
        let mut view = json!({
            "id": self.id,
            "object": "webhook_endpoint",
            "created": self.created_ms / 1000,
            "enabled_events": self.enabled,
            "livemode": false,
            "status": "enabled",
            "url": self.url,
        });
        if with_secret {
            view["secret"] = Value::from(self.secret.as_str());
        }
        view
    }
}

/// An event to be saved.
#[derive(Debug)]
pub struct EventRow {
    /// `evt_…`
    pub id: String,
    /// Its type.
    pub kind: &'static str,
    /// The exact bytes that are sent and signed.
    pub body: String,
}

/// A delivery to be saved.
#[derive(Debug)]
pub struct NewDelivery {
    /// The event.
    pub event: String,
    /// The endpoint.
    pub endpoint: String,
    /// When to send it.
    pub due_ms: i64,
}

#[derive(Serialize)]
struct Body<'a, T> {
    id: &'a str,
    object: &'static str,
    api_version: &'static str,
    created: i64,
    data: Data<'a, T>,
    livemode: bool,
    pending_webhooks: usize,
    request: Request<'a>,
    #[serde(rename = "type")]
    kind: &'a str,
}

#[derive(Serialize)]
struct Data<'a, T> {
    object: &'a T,
}

#[derive(Serialize)]
struct Request<'a> {
    id: Option<&'a str>,
    idempotency_key: Option<&'a str>,
}

/// The version of Stripe's API whose shapes these are.
const API_VERSION: &str = "2025-03-31.basil";

pub(super) fn body(
    id: &str,
    kind: &str,
    object: &impl Serialize,
    now_ms: i64,
    listening: usize,
    key: Option<&str>,
) -> String {
    let body = Body {
        id,
        object: "event",
        api_version: API_VERSION,
        created: now_ms / 1000,
        data: Data { object },
        livemode: false,
        pending_webhooks: listening,
        request: Request { id: None, idempotency_key: key },
        kind,
    };
    serde_json::to_string(&body).expect("an event is plain data")
}

/// The body of an event that never happened, for tests of the receiver.
pub fn forged_body(id: &str, kind: &str, object: &impl Serialize, now_ms: i64) -> String {
    body(id, kind, object, now_ms, 1, None)
}
