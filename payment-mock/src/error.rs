//! Errors as Stripe words them: a type, a code, a sentence, and the intent they are about.

use serde::Serialize;

use crate::machine::IntentView;

/// What a caller is told when something is refused.
#[derive(Debug, Clone, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// The HTTP status; not part of the body.
    #[serde(skip)]
    pub status: u16,
    /// Whether execution had begun, so that the answer is kept under its idempotency key.
    #[serde(skip)]
    pub begun: bool,
    /// Stripe's error type.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Stripe's stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// Why a card was declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decline_code: Option<&'static str>,
    /// A sentence for people.
    pub message: Box<str>,
    /// The parameter at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub param: Option<Box<str>>,
    /// The charge that was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge: Option<String>,
    /// The intent as it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_intent: Option<Box<IntentView>>,
}

/// The body around an error.
#[derive(Debug, Serialize)]
pub struct ErrorBody<'a> {
    /// The error.
    pub error: &'a ApiError,
}

impl ApiError {
    fn new(status: u16, kind: &'static str, code: Option<&'static str>, message: impl Into<String>) -> Self {
        Self {
            status,
            begun: false,
            kind,
            code,
            decline_code: None,
            message: message.into().into_boxed_str(),
            param: None,
            charge: None,
            payment_intent: None,
        }
    }

    /// A request that cannot be understood or is not allowed as it stands (400).
    pub fn invalid(code: Option<&'static str>, param: &str, message: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..Self::new(400, "invalid_request_error", code, message) }
    }

    /// The object does not exist, or not for this caller (404).
    pub fn missing(what: &str, param: &str, id: &str) -> Self {
        let message = format!("No such {what}: '{id}'");
        Self { param: Some(param.into()), ..Self::new(404, "invalid_request_error", Some("resource_missing"), message) }
    }

    /// No path of this API (404).
    pub fn no_route(method: &str, path: &str) -> Self {
        Self::new(404, "invalid_request_error", None, format!("Unrecognized request URL ({method}: {path})."))
    }

    /// The intent is in a state that does not allow the call (400, kept).
    pub fn unexpected_state(message: impl Into<String>) -> Self {
        Self {
            begun: true,
            ..Self::new(400, "invalid_request_error", Some("payment_intent_unexpected_state"), message)
        }
    }

    /// A rule about money was broken (400, kept).
    pub fn amount(code: &'static str, message: impl Into<String>) -> Self {
        Self { begun: true, ..Self::invalid(Some(code), "amount", message) }
    }

    /// The issuer said no (402, kept).
    pub fn card(code: &'static str, decline_code: Option<&'static str>, message: &str) -> Self {
        Self { begun: true, decline_code, ..Self::new(402, "card_error", Some(code), message) }
    }

    /// No key, or a wrong one (401).
    pub fn unauthorised(message: &str) -> Self {
        Self::new(401, "invalid_request_error", None, message)
    }

    /// The key was used with other parameters (400).
    pub fn key_reused() -> Self {
        let message =
            "Keys for idempotent requests can only be used with the same parameters they were first used with.";
        Self::new(400, "idempotency_error", None, message)
    }

    /// A request with this key is still running (409).
    pub fn key_in_use() -> Self {
        let message = "There is currently another in-progress request using this Idempotency-Key.";
        Self::new(409, "idempotency_error", Some("idempotency_key_in_use"), message)
    }

    /// Too much at once (429).
    pub fn rate_limited() -> Self {
        Self::new(429, "invalid_request_error", Some("rate_limit"), "Too many requests. Try again shortly.")
    }

    /// Our fault (500). Kept only where it was scripted: a real failure has stored nothing.
    pub fn internal() -> Self {
        Self::new(500, "api_error", None, "An unknown error occurred.")
    }

    /// Away (503).
    pub fn outage() -> Self {
        Self::new(503, "api_error", None, "The service is temporarily unavailable.")
    }

    /// The same error, telling the intent as it stands.
    #[must_use]
    pub fn about(mut self, intent: IntentView) -> Self {
        self.payment_intent = Some(Box::new(intent));
        self
    }

    /// The same error, kept under the idempotency key.
    #[must_use]
    pub const fn kept(mut self) -> Self {
        self.begun = true;
        self
    }

    /// The body as JSON text.
    pub fn body(&self) -> String {
        serde_json::to_string(&ErrorBody { error: self }).expect("an error is plain data")
    }
}
