//! The rules of money, without I/O: what a payment intent is and how it moves.
//!
//! ```text
//! requires_payment_method ⇄ requires_confirmation ──confirm──▶ requires_action | processing
//!          ▲                                                        │
//!          └──────────── declined, denied ◀────────────────────────┤
//!                                                                   ▼
//!                canceled ◀──cancel, expiry── requires_capture ──capture──▶ succeeded
//! ```
//!
//! Every function takes the time and answers with what changed; nothing here reads a clock.

mod methods;
mod moves;
mod refund;
mod view;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use methods::{Callbacks, Method};
pub use moves::{Moved, Timing};
pub use refund::{NewRefund, Refund};
pub use view::{CardError, IntentView};

/// Where an intent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// No card yet, or the last one was refused.
    RequiresPaymentMethod,
    /// A card is attached and not yet tried.
    RequiresConfirmation,
    /// The fan must pass a challenge.
    RequiresAction,
    /// The provider is at it; nobody knows yet.
    Processing,
    /// Authorised: the money is reserved, not moved.
    RequiresCapture,
    /// Paid.
    Succeeded,
    /// Ended unpaid.
    Canceled,
}

impl Status {
    /// The word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::Processing => "processing",
            Self::RequiresCapture => "requires_capture",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

/// When the money moves: on confirmation, or when the merchant says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureMethod {
    /// At once.
    #[default]
    Automatic,
    /// By a capture call.
    Manual,
}

/// What an intent will do by itself, unless something else happens first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Later {
    /// The slow issuer answers yes.
    Authorise,
    /// It was answered `canceled`, and turns out authorised all the same.
    AuthoriseAfterCancel,
    /// The authorisation was never captured and ends.
    Expire,
}

/// A payment intent: one attempt of one buyer to pay one amount.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Intent {
    /// `pi_…`
    pub id: String,
    /// `pi_…_secret_…`: what lets a browser act on this intent and no other.
    pub client_secret: String,
    /// In minor units.
    pub amount: i64,
    /// ISO 4217, lower case.
    pub currency: String,
    /// When money moves.
    pub capture_method: CaptureMethod,
    /// Where it stands.
    pub status: Status,
    /// The card being used, by its test method.
    pub method: Option<Method>,
    /// Where the fan returns after a challenge.
    pub return_url: Option<String>,
    /// What could still be captured.
    pub amount_capturable: i64,
    /// What was captured.
    pub amount_received: i64,
    /// What was given back.
    pub amount_refunded: i64,
    /// How many charges were tried; each has an identifier.
    pub attempts: u32,
    /// The last charge tried.
    pub latest_charge: Option<String>,
    /// Why the last card was refused.
    pub last_payment_error: Option<CardError>,
    /// Why it was cancelled, in the caller's words.
    pub cancellation_reason: Option<String>,
    /// When it was cancelled.
    pub canceled_at_ms: Option<i64>,
    /// When it was made.
    pub created_ms: i64,
    /// The merchant's own notes.
    pub metadata: BTreeMap<String, String>,
    /// The merchant's description.
    pub description: Option<String>,
    /// The buyer's address.
    pub receipt_email: Option<String>,
    /// What it does next by itself, and when.
    pub later: Option<(i64, Later)>,
    /// How many webhooks it has caused: the out-of-order method counts them.
    pub told: u32,
}

/// What a merchant asks for when making an intent.
#[derive(Debug, Clone, Default)]
pub struct NewIntent {
    /// In minor units.
    pub amount: i64,
    /// ISO 4217, lower case.
    pub currency: String,
    /// When money moves.
    pub capture_method: CaptureMethod,
    /// The merchant's own notes.
    pub metadata: BTreeMap<String, String>,
    /// The merchant's description.
    pub description: Option<String>,
    /// The buyer's address.
    pub receipt_email: Option<String>,
    /// A card to attach at once.
    pub method: Option<Method>,
}

impl Intent {
    /// A new intent under the identifier given.
    pub fn new(id: String, secret: &str, new: NewIntent, now_ms: i64) -> Self {
        Self {
            client_secret: format!("{id}_secret_{secret}"),
            id,
            amount: new.amount,
            currency: new.currency,
            capture_method: new.capture_method,
            status: if new.method.is_some() { Status::RequiresConfirmation } else { Status::RequiresPaymentMethod },
            method: new.method,
            return_url: None,
            amount_capturable: 0,
            amount_received: 0,
            amount_refunded: 0,
            attempts: 0,
            latest_charge: None,
            last_payment_error: None,
            cancellation_reason: None,
            canceled_at_ms: None,
            created_ms: now_ms,
            metadata: new.metadata,
            description: new.description,
            receipt_email: new.receipt_email,
            later: None,
            told: 0,
        }
    }

    /// Whether this client secret is its own, compared in constant time.
    pub fn opens_to(&self, secret: &str) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(self.client_secret.as_bytes(), secret.as_bytes()).is_ok()
    }

    /// The intent that a charge belongs to: a charge's identifier is its intent's with the attempt
    /// at the end, so no table has to remember it.
    pub fn of_charge(charge: &str) -> Option<String> {
        let (body, attempt) = charge.strip_prefix("ch_")?.rsplit_once('_')?;
        attempt.parse::<u32>().ok()?;
        Some(format!("pi_{body}"))
    }
}
