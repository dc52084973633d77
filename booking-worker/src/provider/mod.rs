//! The payment provider, as we see it: what we ask, what it answers, and how asking can fail.

mod breaker;
mod stripe;
mod wire;

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;

pub use self::breaker::Guarded;
pub use self::stripe::Stripe;
pub(crate) use self::wire::is_id;

/// What every call answers.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, Fault>>;

/// A provider of card payments whose money is first held ready and then taken.
///
/// Calls that change something carry an idempotency key: repeated with the same key, they give the same answer and have
/// their effect once.
pub trait Provider: Send + Sync + fmt::Debug {
    /// Makes an intent, waiting at most `patience`.
    fn create<'a>(&'a self, new: &'a NewIntent, key: &'a str, patience: Duration) -> Answer<'a, Intent>;
    /// Reads an intent as it is now.
    fn retrieve<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent>;
    /// Takes the money that is held ready.
    fn capture<'a>(&'a self, intent: &'a str, amount_minor: i64, key: &'a str) -> Answer<'a, Intent>;
    /// Ends an intent unpaid; money held ready is let go.
    fn cancel<'a>(&'a self, intent: &'a str, key: &'a str) -> Answer<'a, Intent>;
    /// Gives taken money back.
    fn refund<'a>(&'a self, intent: &'a str, amount_minor: i64, key: &'a str) -> Answer<'a, Refund>;
    /// Reads a refund as it is now.
    fn retrieve_refund<'a>(&'a self, refund: &'a str) -> Answer<'a, Refund>;
}

/// An intent to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewIntent {
    /// In minor units; at least 1.
    pub amount_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// Our booking, for people who look into the provider's records.
    pub booking: String,
    /// Our payment.
    pub payment: String,
}

/// Where an intent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Waits for a card, or for another one.
    NeedsCard,
    /// The fan has something to do, or the provider has: nobody knows yet.
    UnderWay,
    /// The money is held ready.
    Authorised,
    /// The money is taken.
    Captured,
    /// Ended unpaid.
    Cancelled,
}

/// An intent as the provider tells it.
#[derive(Clone, PartialEq, Eq)]
pub struct Intent {
    /// The provider's identifier.
    pub id: String,
    /// What lets the fan's page confirm it. A secret.
    pub client_secret: Option<String>,
    /// Where it is.
    pub status: Status,
    /// Whether the provider is at it, so that cancelling may be refused.
    pub processing: bool,
    /// What it is for, in minor units.
    pub amount_minor: i64,
    /// What was taken, in minor units.
    pub received_minor: i64,
    /// ISO 4217, lower case.
    pub currency: String,
    /// Why the last card was declined.
    pub decline: Option<String>,
}

impl fmt::Debug for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intent").field("id", &self.id).field("status", &self.status).finish_non_exhaustive()
    }
}

/// Where a refund is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundStatus {
    /// On its way.
    Pending,
    /// Done.
    Succeeded,
    /// It came back: somebody must look.
    Failed,
}

/// A refund as the provider tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// The provider's identifier.
    pub id: String,
    /// Where it is.
    pub status: RefundStatus,
}

/// Why a call did not answer with what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The card's issuer says no: for good, as far as this card goes.
    #[error("declined ({code}): {message}")]
    Declined {
        /// The provider's stable code.
        code: String,
        /// A sentence for people.
        message: String,
    },
    /// The provider refuses the call as it stands.
    #[error("refused ({code}): {message}")]
    Refused {
        /// The provider's stable code.
        code: String,
        /// A sentence for people.
        message: String,
    },
    /// The provider knows no such thing.
    #[error("the provider knows nothing of it")]
    NotFound,
    /// A call with the same key is still running.
    #[error("the same call is still running")]
    InProgress,
    /// Too much at once.
    #[error("the provider asks for patience")]
    RateLimited {
        /// What it asks for, if it says.
        retry_after: Option<Duration>,
    },
    /// No answer that could be trusted: what was asked may have been done or not.
    #[error("the provider is away: {why}")]
    Away {
        /// For the log.
        why: String,
        /// Whether an answer came, as a 500: it is kept under the key, so that asking again needs another one.
        answered: bool,
    },
}

impl Fault {
    /// Whether the provider should be left in peace for a while.
    #[must_use]
    pub const fn is_away(&self) -> bool {
        matches!(self, Self::Away { .. })
    }

    /// Whether the same key would only bring the same failure again.
    #[must_use]
    pub const fn spends_key(&self) -> bool {
        matches!(self, Self::Declined { .. } | Self::Refused { .. } | Self::Away { answered: true, .. })
    }

    /// The fault as metrics name it.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Declined { .. } => "declined",
            Self::Refused { .. } => "refused",
            Self::NotFound => "not_found",
            Self::InProgress => "in_progress",
            Self::RateLimited { .. } => "rate_limited",
            Self::Away { .. } => "away",
        }
    }
}
