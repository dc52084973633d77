//! Test cards: the payment method chooses what happens.

use serde::{Deserialize, Serialize};

/// A test payment method. Stripe's own names where it has one, `pm_usher_…` for the faults that
/// Stripe cannot produce on demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    /// Authorised at once.
    #[serde(rename = "pm_card_visa")]
    Visa,
    /// Declined without a reason.
    #[serde(rename = "pm_card_chargeDeclined")]
    Declined,
    /// Declined for want of money.
    #[serde(rename = "pm_card_chargeDeclinedInsufficientFunds")]
    InsufficientFunds,
    /// Wants a challenge first.
    #[serde(rename = "pm_card_threeDSecure2Required")]
    ThreeDSecure,
    /// `processing` for some seconds, then authorised.
    #[serde(rename = "pm_usher_slow")]
    Slow,
    /// Authorised, and no webhook is ever sent.
    #[serde(rename = "pm_usher_silent")]
    Silent,
    /// Every webhook is delivered three times.
    #[serde(rename = "pm_usher_duplicate")]
    Duplicate,
    /// Webhooks come late, the last one first.
    #[serde(rename = "pm_usher_out_of_order")]
    OutOfOrder,
    /// `processing`; a cancel is answered `canceled`, and seconds later it is authorised.
    #[serde(rename = "pm_usher_success_after_cancel")]
    SuccessAfterCancel,
    /// Authorised, but the answer comes after any client has given up.
    #[serde(rename = "pm_usher_timeout_after_success")]
    TimeoutAfterSuccess,
    /// Authorised; the capture is refused.
    #[serde(rename = "pm_usher_capture_refused")]
    CaptureRefused,
}

/// How the webhooks of an intent are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callbacks {
    /// Once, at once.
    Normal,
    /// Never.
    Never,
    /// Three times.
    Thrice,
    /// The later ones first.
    Reversed,
}

impl Method {
    /// Every method there is.
    pub const ALL: [Self; 11] = [
        Self::Visa,
        Self::Declined,
        Self::InsufficientFunds,
        Self::ThreeDSecure,
        Self::Slow,
        Self::Silent,
        Self::Duplicate,
        Self::OutOfOrder,
        Self::SuccessAfterCancel,
        Self::TimeoutAfterSuccess,
        Self::CaptureRefused,
    ];

    /// The method with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Visa => "pm_card_visa",
            Self::Declined => "pm_card_chargeDeclined",
            Self::InsufficientFunds => "pm_card_chargeDeclinedInsufficientFunds",
            Self::ThreeDSecure => "pm_card_threeDSecure2Required",
            Self::Slow => "pm_usher_slow",
            Self::Silent => "pm_usher_silent",
            Self::Duplicate => "pm_usher_duplicate",
            Self::OutOfOrder => "pm_usher_out_of_order",
            Self::SuccessAfterCancel => "pm_usher_success_after_cancel",
            Self::TimeoutAfterSuccess => "pm_usher_timeout_after_success",
            Self::CaptureRefused => "pm_usher_capture_refused",
        }
    }

    /// How webhooks are delivered for an intent that uses this method.
    pub const fn callbacks(self) -> Callbacks {
        match self {
            Self::Silent => Callbacks::Never,
            Self::Duplicate => Callbacks::Thrice,
            Self::OutOfOrder => Callbacks::Reversed,
            _ => Callbacks::Normal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_on_the_wire_and_in_the_store_are_the_same() {
        for method in Method::ALL {
            assert_eq!(serde_json::to_value(method).unwrap(), method.name());
            assert_eq!(Method::named(method.name()), Some(method));
        }
    }
}
