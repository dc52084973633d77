//! What outsiders see of an intent and a charge: Stripe's objects.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CaptureMethod, Intent, Status};

/// Why a card was refused, as `last_payment_error` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardError {
    /// Always `card_error` or, for a failed challenge, `invalid_request_error`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Stripe's stable code.
    pub code: String,
    /// Why the issuer said no.
    pub decline_code: Option<String>,
    /// A sentence for people.
    pub message: String,
    /// The charge that was refused.
    pub charge: Option<String>,
}

/// What the fan must do next.
#[derive(Debug, Clone, Serialize)]
pub struct NextAction {
    /// Always `redirect_to_url`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Where to.
    pub redirect_to_url: RedirectToUrl,
}

/// Where the fan goes, and returns to.
#[derive(Debug, Clone, Serialize)]
pub struct RedirectToUrl {
    /// The hosted page.
    pub url: String,
    /// The merchant's page.
    pub return_url: Option<String>,
}

/// A payment intent on the wire; the fields are Stripe's, documented there and in [`Intent`].
#[derive(Debug, Clone, Serialize)]
pub struct IntentView {
    pub id: String,
    pub object: &'static str,
    pub amount: i64,
    pub amount_capturable: i64,
    pub amount_received: i64,
    pub canceled_at: Option<i64>,
    pub cancellation_reason: Option<String>,
    pub capture_method: CaptureMethod,
    pub client_secret: String,
    pub confirmation_method: &'static str,
    pub created: i64,
    pub currency: String,
    pub description: Option<String>,
    pub last_payment_error: Option<CardError>,
    pub latest_charge: Option<String>,
    pub livemode: bool,
    pub metadata: BTreeMap<String, String>,
    pub next_action: Option<NextAction>,
    pub payment_method: Option<&'static str>,
    pub payment_method_types: [&'static str; 1],
    pub receipt_email: Option<String>,
    pub status: Status,
}

/// A charge on the wire; the fields are Stripe's, documented there and in [`Intent`].
#[derive(Debug, Clone, Serialize)]
pub struct ChargeView {
    pub id: String,
    pub object: &'static str,
    pub amount: i64,
    pub amount_captured: i64,
    pub amount_refunded: i64,
    pub captured: bool,
    pub created: i64,
    pub currency: String,
    pub livemode: bool,
    pub metadata: BTreeMap<String, String>,
    pub paid: bool,
    pub payment_intent: String,
    pub refunded: bool,
    pub status: &'static str,
}

impl Intent {
    /// The intent as the merchant sees it. `pay_url` is where hosted pages are.
    pub fn view(&self, pay_url: &str) -> IntentView {
        IntentView {
            id: self.id.clone(),
            object: "payment_intent",
            amount: self.amount,
            amount_capturable: self.amount_capturable,
            amount_received: self.amount_received,
            canceled_at: self.canceled_at_ms.map(|ms| ms / 1000),
            cancellation_reason: self.cancellation_reason.clone(),
            capture_method: self.capture_method,
            client_secret: self.client_secret.clone(),
            confirmation_method: "automatic",
            created: self.created_ms / 1000,
            currency: self.currency.clone(),
            description: self.description.clone(),
            last_payment_error: self.last_payment_error.clone(),
            latest_charge: self.latest_charge.clone(),
            livemode: false,
            metadata: self.metadata.clone(),
            next_action: (self.status == Status::RequiresAction).then(|| NextAction {
                kind: "redirect_to_url",
                redirect_to_url: RedirectToUrl {
                    // The secret is in the fragment, which browsers never send to a server.
                    url: format!("{pay_url}/{}#secret={}", self.id, self.client_secret),
                    return_url: self.return_url.clone(),
                },
            }),
            payment_method: self.method.map(super::Method::name),
            payment_method_types: ["card"],
            receipt_email: self.receipt_email.clone(),
            status: self.status,
        }
    }

    /// The intent as a browser with its client secret sees it: not the merchant's notes.
    pub fn public_view(&self, pay_url: &str) -> IntentView {
        IntentView { metadata: BTreeMap::new(), receipt_email: None, ..self.view(pay_url) }
    }

    /// The last charge, as `charge.refunded` tells it.
    pub fn charge_view(&self) -> Option<ChargeView> {
        Some(ChargeView {
            id: self.latest_charge.clone()?,
            object: "charge",
            amount: self.amount,
            amount_captured: self.amount_received,
            amount_refunded: self.amount_refunded,
            captured: self.amount_received > 0,
            created: self.created_ms / 1000,
            currency: self.currency.clone(),
            livemode: false,
            metadata: self.metadata.clone(),
            paid: matches!(self.status, Status::RequiresCapture | Status::Succeeded),
            payment_intent: self.id.clone(),
            refunded: self.amount_refunded > 0 && self.amount_refunded == self.amount_received,
            status: match self.status {
                Status::RequiresCapture | Status::Succeeded | Status::Canceled => "succeeded",
                Status::Processing | Status::RequiresAction => "pending",
                Status::RequiresPaymentMethod | Status::RequiresConfirmation => "failed",
            },
        })
    }
}
