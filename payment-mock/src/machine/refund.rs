//! Giving money back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Intent;
use crate::error::ApiError;

/// A refund, stored and shown as it is; the fields are Stripe's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refund {
    pub id: String,
    pub object: String,
    pub amount: i64,
    pub charge: Option<String>,
    pub created: i64,
    pub currency: String,
    pub metadata: BTreeMap<String, String>,
    pub payment_intent: String,
    pub reason: Option<String>,
    pub status: String,
}

/// What a merchant asks for.
#[derive(Debug, Clone, Default)]
pub struct NewRefund {
    /// In minor units; without it, all that is left.
    pub amount: Option<i64>,
    /// `duplicate`, `fraudulent` or `requested_by_customer`.
    pub reason: Option<String>,
    /// The merchant's own notes.
    pub metadata: BTreeMap<String, String>,
}

impl Intent {
    /// Gives back some or all of what was captured and not yet given back.
    pub fn refund(&mut self, id: String, new: NewRefund, now_ms: i64) -> Result<Refund, ApiError> {
        if self.amount_received == 0 {
            let message = format!("This PaymentIntent ({}) does not have a successful charge to refund.", self.id);
            return Err(ApiError::unexpected_state(message));
        }
        let left = self.amount_received - self.amount_refunded;
        if left == 0 {
            let message = format!("Charge {} has already been refunded.", self.latest_charge.as_deref().unwrap_or("?"));
            return Err(ApiError { param: None, ..ApiError::amount("charge_already_refunded", message) });
        }
        let amount = new.amount.unwrap_or(left);
        if amount < 1 || amount > left {
            let message = format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({left}).");
            return Err(ApiError::amount("amount_too_large", message));
        }
        self.amount_refunded += amount;
        Ok(Refund {
            id,
            object: "refund".to_owned(),
            amount,
            charge: self.latest_charge.clone(),
            created: now_ms / 1000,
            currency: self.currency.clone(),
            metadata: new.metadata,
            payment_intent: self.id.clone(),
            reason: new.reason,
            status: "succeeded".to_owned(),
        })
    }
}
