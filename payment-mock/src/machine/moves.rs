//! How an intent moves. `Err` means that nothing changed; a move that changed something *and* is
//! answered by an error (a decline) carries that error inside.

use super::{CaptureMethod, CardError, Intent, Later, Method, Status};
use crate::error::ApiError;

/// How long the slow things take.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "names carry the unit")]
pub struct Timing {
    /// How long `pm_usher_slow` stays `processing`.
    pub slow_ms: i64,
    /// How long after its cancel `pm_usher_success_after_cancel` succeeds.
    pub late_success_ms: i64,
    /// How long the answer to `pm_usher_timeout_after_success` is held back.
    pub timeout_ms: i64,
    /// How late `pm_usher_out_of_order` delivers its first webhook; each later one waits half.
    pub out_of_order_ms: i64,
    /// How long an authorisation can be captured: a week, as card networks have it.
    pub authorisation_ms: i64,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            slow_ms: 3_000,
            late_success_ms: 2_000,
            timeout_ms: 60_000,
            out_of_order_ms: 4_000,
            authorisation_ms: 7 * 24 * 3_600_000,
        }
    }
}

/// `pm_usher_success_after_cancel` waits this long for a cancel before it just succeeds.
const UNCANCELLED_MS: i64 = 600_000;

/// What the merchant is told by webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Authorised.
    Capturable,
    /// Refused.
    Failed,
    /// Paid.
    Succeeded,
    /// Ended unpaid.
    Canceled,
    /// Nobody knows yet.
    Processing,
    /// The fan has something to do.
    RequiresAction,
}

impl Told {
    /// The event's type on the wire.
    pub const fn event(self) -> &'static str {
        match self {
            Self::Capturable => "payment_intent.amount_capturable_updated",
            Self::Failed => "payment_intent.payment_failed",
            Self::Succeeded => "payment_intent.succeeded",
            Self::Canceled => "payment_intent.canceled",
            Self::Processing => "payment_intent.processing",
            Self::RequiresAction => "payment_intent.requires_action",
        }
    }
}

/// A change, whom it is told to, and how the caller is answered.
#[derive(Debug)]
pub struct Moved {
    /// The webhook, if one is due.
    pub told: Option<Told>,
    /// The error that answers the caller although something changed.
    pub refused: Option<ApiError>,
    /// How long the answer is held back.
    pub reply_after_ms: i64,
}

impl From<Told> for Moved {
    fn from(told: Told) -> Self {
        Self { told: Some(told), refused: None, reply_after_ms: 0 }
    }
}

impl Intent {
    /// Tries a card; without one, the card already attached.
    pub fn confirm(
        &mut self,
        method: Option<Method>,
        return_url: Option<String>,
        timing: &Timing,
        now_ms: i64,
    ) -> Result<Moved, ApiError> {
        if !matches!(self.status, Status::RequiresPaymentMethod | Status::RequiresConfirmation | Status::RequiresAction)
        {
            return Err(self.unexpected("confirm"));
        }
        let Some(method) = method.or(self.method) else {
            let message = "You cannot confirm this PaymentIntent because it's missing a payment method.";
            return Err(ApiError::unexpected_state(message));
        };
        self.method = Some(method);
        self.return_url = return_url.or_else(|| self.return_url.take());
        self.attempts += 1;
        self.last_payment_error = None;
        let body = self.id.trim_start_matches("pi_");
        self.latest_charge = Some(format!("ch_{body}_{}", self.attempts));

        let moved = match method {
            Method::Visa | Method::Silent | Method::Duplicate | Method::OutOfOrder => {
                self.authorise(timing, now_ms).into()
            }
            Method::TimeoutAfterSuccess => {
                Moved { reply_after_ms: timing.timeout_ms, ..self.authorise(timing, now_ms).into() }
            }
            Method::CaptureRefused if self.capture_method == CaptureMethod::Manual => {
                self.authorise(timing, now_ms).into()
            }
            Method::CaptureRefused | Method::Declined => self.decline("generic_decline", "Your card was declined."),
            Method::InsufficientFunds => self.decline("insufficient_funds", "Your card has insufficient funds."),
            Method::ThreeDSecure => {
                self.status = Status::RequiresAction;
                Told::RequiresAction.into()
            }
            Method::Slow => self.process(now_ms + timing.slow_ms),
            Method::SuccessAfterCancel => self.process(now_ms + UNCANCELLED_MS),
        };
        Ok(moved)
    }

    /// The fan passed or failed the challenge.
    pub fn challenged(&mut self, passed: bool, timing: &Timing, now_ms: i64) -> Result<Moved, ApiError> {
        if self.status != Status::RequiresAction {
            return Err(self.unexpected("authenticate"));
        }
        if passed {
            return Ok(self.authorise(timing, now_ms).into());
        }
        let message = "We are unable to authenticate your payment method. Please choose a different payment method and try again.";
        let moved = self.decline("authentication", message);
        if let Some(error) = &mut self.last_payment_error {
            "payment_intent_authentication_failure".clone_into(&mut error.code);
            error.decline_code = None;
        }
        // The challenge itself was answered; that the card is refused is in the intent.
        Ok(Moved { refused: None, ..moved })
    }

    /// Takes the money that was authorised, or less.
    pub fn capture(&mut self, amount: Option<i64>) -> Result<Moved, ApiError> {
        if self.status != Status::RequiresCapture {
            return Err(self.unexpected("capture"));
        }
        let amount = amount.unwrap_or(self.amount_capturable);
        if amount < 1 || amount > self.amount_capturable {
            let message = format!(
                "The amount to capture ({amount}) must be between 1 and the amount capturable ({}).",
                self.amount_capturable
            );
            return Err(ApiError {
                param: Some("amount_to_capture".into()),
                ..ApiError::amount("amount_too_large", message)
            });
        }
        if self.method == Some(Method::CaptureRefused) {
            // The authorisation stays open: the merchant has to void it, as with a real issuer.
            return Err(self.card_error("generic_decline", "Your card was declined."));
        }
        Ok(self.take(amount).into())
    }

    /// Ends it unpaid. Cancelling an authorisation voids it: no money moves.
    pub fn cancel(&mut self, reason: Option<String>, timing: &Timing, now_ms: i64) -> Result<Moved, ApiError> {
        let fooled = self.status == Status::Processing && self.method == Some(Method::SuccessAfterCancel);
        let open = matches!(
            self.status,
            Status::RequiresPaymentMethod
                | Status::RequiresConfirmation
                | Status::RequiresAction
                | Status::RequiresCapture
        );
        if !open && !fooled {
            return Err(self.unexpected("cancel"));
        }
        self.status = Status::Canceled;
        self.amount_capturable = 0;
        self.cancellation_reason = reason;
        self.canceled_at_ms = Some(now_ms);
        self.later = fooled.then(|| (now_ms + timing.late_success_ms, Later::AuthoriseAfterCancel));
        Ok(Told::Canceled.into())
    }

    /// What it does by itself when its time has come.
    pub fn wake(&mut self, timing: &Timing, now_ms: i64) -> Option<Moved> {
        let (_, later) = self.later.take_if(|(at_ms, _)| *at_ms <= now_ms)?;
        match (later, self.status) {
            (Later::Authorise, Status::Processing) => Some(self.authorise(timing, now_ms).into()),
            (Later::AuthoriseAfterCancel, Status::Canceled) => {
                (self.canceled_at_ms, self.cancellation_reason) = (None, None);
                Some(self.authorise(timing, now_ms).into())
            }
            (Later::Expire, Status::RequiresCapture) => self.cancel(Some("automatic".to_owned()), timing, now_ms).ok(),
            _ => None,
        }
    }

    fn process(&mut self, until_ms: i64) -> Moved {
        self.status = Status::Processing;
        self.later = Some((until_ms, Later::Authorise));
        Told::Processing.into()
    }

    fn authorise(&mut self, timing: &Timing, now_ms: i64) -> Told {
        match self.capture_method {
            CaptureMethod::Manual => {
                self.status = Status::RequiresCapture;
                self.amount_capturable = self.amount;
                self.later = Some((now_ms + timing.authorisation_ms, Later::Expire));
                Told::Capturable
            }
            CaptureMethod::Automatic => self.take(self.amount),
        }
    }

    fn take(&mut self, amount: i64) -> Told {
        self.status = Status::Succeeded;
        self.amount_received = amount;
        self.amount_capturable = 0;
        self.later = None;
        Told::Succeeded
    }

    fn decline(&mut self, decline_code: &'static str, message: &str) -> Moved {
        let error = self.card_error(decline_code, message);
        self.status = Status::RequiresPaymentMethod;
        self.method = None;
        self.last_payment_error = Some(CardError {
            kind: error.kind.to_owned(),
            code: error.code.unwrap_or_default().to_owned(),
            decline_code: error.decline_code.map(str::to_owned),
            message: error.message.to_string(),
            charge: error.charge.clone(),
        });
        Moved { refused: Some(error), ..Told::Failed.into() }
    }

    fn card_error(&self, decline_code: &'static str, message: &str) -> ApiError {
        let error = ApiError::card("card_declined", Some(decline_code), message);
        ApiError { charge: self.latest_charge.clone(), ..error }
    }

    fn unexpected(&self, verb: &str) -> ApiError {
        let status = self.status.word();
        ApiError::unexpected_state(format!("You cannot {verb} this PaymentIntent because it has a status of {status}."))
    }
}
