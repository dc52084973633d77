//! One look at a payment attempt: ask the provider how it is, and do what follows.

use contracts::ids::BookingId;
use store::Result;
use store::payments::{DuePayment, PaymentRow, Verdict};

use super::{Worker, waits};
use crate::metrics::{PINS_OVER_TOTAL, TICKETED_TOTAL, UNUSABLE_TOTAL};
use crate::provider::{Fault, Intent, NewIntent, Status};

/// The intent moved before the call came.
const MOVED_ON: &str = "payment_intent_unexpected_state";

/// When the payment wants looking at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The step that was recorded says when.
    Settled,
    /// After some milliseconds.
    In(i64),
    /// Only if the provider has news.
    Never,
}

impl From<Option<i64>> for Next {
    fn from(wait_ms: Option<i64>) -> Self {
        wait_ms.map_or(Self::Never, Self::In)
    }
}

/// The idempotency key of a step of an attempt.
pub fn key(payment: &PaymentRow, step: &str) -> String {
    let plain = format!("{}:{}:{step}", payment.id.simple(), payment.attempt);
    if payment.key_no == 0 { plain } else { format!("{plain}:{}", payment.key_no) }
}

/// The intent to make for an attempt.
pub fn new_intent(payment: &PaymentRow) -> NewIntent {
    NewIntent {
        amount_minor: payment.amount_minor,
        currency: payment.currency.clone(),
        booking: BookingId(payment.booking).to_string(),
        payment: payment.id.simple().to_string(),
    }
}

impl Worker {
    /// Does what can be done for a payment now. It may be called at any time, by several at once: every step is judged
    /// under the booking's lock, and at the provider under its key.
    pub(crate) async fn attend(&self, due: &DuePayment) -> Result<Next> {
        let payment = &due.payment;
        if payment.is_captured() {
            return Ok(Next::Never);
        }
        if payment.amount_minor == 0 {
            // Nothing to pay, so nobody to ask.
            return if payment.is_open() {
                self.captured(payment, 0, &payment.currency).await
            } else {
                Ok(Next::Never)
            };
        }
        let Some(intent) = &payment.intent else { return self.open(due).await };
        match self.provider.retrieve(intent).await {
            Ok(intent) => self.act(due, &intent).await,
            Err(fault) => self.unresolved(due, Some(&fault)).await,
        }
    }

    /// An attempt whose intent was never heard of: whoever asked for it died or gave up waiting.
    async fn open(&self, due: &DuePayment) -> Result<Next> {
        let payment = &due.payment;
        if !payment.is_open() {
            return Ok(Next::Never);
        }
        if due.overdue_ms >= 0 || due.booking_state != "paying" {
            // Its secret is told only after the intent is recorded: nobody can have paid it.
            self.store.payment_cancelled(payment.id, false).await?;
            return Ok(Next::Settled);
        }
        match self.provider.create(&new_intent(payment), &key(payment, "create"), self.call_timeout).await {
            Ok(intent) => {
                let secret = intent.client_secret.as_deref().unwrap_or_default();
                self.store.payment_opened(payment.id, &intent.id, secret, self.look_ms).await?;
                Ok(Next::Settled)
            }
            Err(fault @ (Fault::Refused { .. } | Fault::Declined { .. } | Fault::NotFound)) => {
                tracing::error!(payment = %payment.id, %fault, "the provider makes no intent");
                self.store.payment_cancelled(payment.id, false).await?;
                Ok(Next::Settled)
            }
            Err(fault) => self.unresolved(due, Some(&fault)).await,
        }
    }

    /// Acts on what the intent is now.
    async fn act(&self, due: &DuePayment, intent: &Intent) -> Result<Next> {
        let payment = &due.payment;
        match intent.status {
            Status::Captured => self.captured(payment, intent.received_minor, &intent.currency).await,
            Status::Cancelled if payment.is_open() => {
                self.store.payment_cancelled(payment.id, false).await?;
                Ok(Next::Settled)
            }
            Status::Cancelled => Ok(waits::cancelled(due).into()),
            Status::Authorised => {
                let as_agreed = intent.amount_minor == payment.amount_minor
                    && intent.currency.eq_ignore_ascii_case(&payment.currency);
                if !as_agreed {
                    tracing::error!(payment = %payment.id, intent = intent.id, "the intent is for another amount; voiding it");
                    return self.cancel(due, intent).await;
                }
                match self.store.payment_authorised(payment.id).await? {
                    Verdict::Capture => self.capture(due, intent).await,
                    Verdict::Void => self.cancel(due, intent).await,
                    Verdict::Captured => Ok(Next::Never),
                }
            }
            Status::NeedsCard | Status::UnderWay => {
                if !payment.is_open() || due.overdue_ms >= 0 || due.booking_state != "paying" {
                    return self.cancel(due, intent).await;
                }
                if intent.status == Status::NeedsCard
                    && let Some(reason) = &intent.decline
                {
                    self.store.payment_declined(payment.id, reason).await?;
                }
                Ok(Next::In(waits::quiet(due, self.look_ms, self.look_max_ms)))
            }
        }
    }

    /// The seats are converted: takes the money.
    async fn capture(&self, due: &DuePayment, intent: &Intent) -> Result<Next> {
        let payment = &due.payment;
        match self.provider.capture(&intent.id, payment.amount_minor, &key(payment, "capture")).await {
            Ok(intent) if intent.status == Status::Captured => {
                self.captured(payment, intent.received_minor, &intent.currency).await
            }
            Ok(_) => self.unresolved(due, None).await,
            Err(Fault::Refused { code, .. }) if code == MOVED_ON => self.moved_on(due).await,
            Err(Fault::Declined { code, message } | Fault::Refused { code, message }) => {
                tracing::warn!(payment = %payment.id, code, message, "the capture was refused");
                self.store.capture_refused(payment.id, &format!("{code}: {message}")).await?;
                // The authorisation is still to be voided.
                self.nudge.notify_one();
                Ok(Next::Settled)
            }
            Err(fault) => self.unresolved(due, Some(&fault)).await,
        }
    }

    /// Ends the intent unpaid. Only the provider knows whether it can.
    async fn cancel(&self, due: &DuePayment, intent: &Intent) -> Result<Next> {
        let payment = &due.payment;
        // Cancelled once, it may have succeeded all the same: then the first answer must not be repeated to us.
        let step = if intent.status == Status::Authorised { "void" } else { "cancel" };
        match self.provider.cancel(&intent.id, &key(payment, step)).await {
            Ok(now) if now.status == Status::Cancelled => {
                if payment.is_open() {
                    self.store.payment_cancelled(payment.id, false).await?;
                    return Ok(Next::Settled);
                }
                self.store.new_payment_key(payment.id).await?;
                Ok(waits::cancelled(due).into())
            }
            Ok(_) => self.unresolved(due, None).await,
            Err(Fault::Refused { .. } | Fault::Declined { .. }) => self.moved_on(due).await,
            Err(fault) => self.unresolved(due, Some(&fault)).await,
        }
    }

    /// The intent was in another state than we had just seen: look again, and ask under another key.
    async fn moved_on(&self, due: &DuePayment) -> Result<Next> {
        self.store.new_payment_key(due.payment.id).await?;
        self.unresolved(due, None).await
    }

    /// Nothing is certain: keeps the seats for as long as that is right, and asks again.
    async fn unresolved(&self, due: &DuePayment, fault: Option<&Fault>) -> Result<Next> {
        let payment = &due.payment;
        if let Some(fault) = fault {
            tracing::debug!(payment = %payment.id, %fault, "a payment is unresolved");
            if fault.spends_key() {
                self.store.new_payment_key(payment.id).await?;
            }
        }
        let keeps_seats = payment.is_open() && matches!(due.booking_state.as_str(), "paying" | "capturing");
        if keeps_seats && due.pin_left_ms <= 0 && self.store.pin_over(payment.id).await? {
            metrics::counter!(PINS_OVER_TOTAL).increment(1);
            tracing::warn!(payment = %payment.id, booking = %payment.booking, "seats freed; their payment is still unresolved");
        }
        let wait = waits::unresolved(due, fault);
        if wait.is_none() {
            tracing::error!(payment = %payment.id, "a payment stays unresolved and is left to people");
        }
        Ok(wait.into())
    }

    /// Records that the money was taken.
    async fn captured(&self, payment: &PaymentRow, amount_minor: i64, currency: &str) -> Result<Next> {
        let ticketed = self.store.payment_captured(payment.id, amount_minor, currency, || self.new_id()).await?;
        if ticketed {
            metrics::counter!(TICKETED_TOTAL).increment(1);
        } else {
            metrics::counter!(UNUSABLE_TOTAL).increment(1);
            tracing::warn!(payment = %payment.id, booking = %payment.booking, "money without tickets; it goes back");
            self.nudge.notify_one();
        }
        Ok(Next::Settled)
    }
}
