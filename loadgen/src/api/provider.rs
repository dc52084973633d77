//! The payment provider's API, Stripe-shaped: what a fan's page may do, and what the owner of the secret key may ask.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::caller::Ears;
use super::{Answer, Ask, Caller};

/// What is read of an intent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, serde::Serialize)]
pub struct Intent {
    /// `pi_…`
    pub id: String,
    /// `requires_payment_method`, `requires_capture`, `processing`, `succeeded`, `canceled`, …
    pub status: String,
    /// In minor units.
    pub amount: i64,
    /// What was captured.
    #[serde(default)]
    pub amount_received: i64,
    /// What was given back; not on Stripe's intent, filled in from the refunds.
    #[serde(default)]
    pub amount_refunded: i64,
}

/// A page of a list.
#[derive(Deserialize)]
struct Page<T> {
    data: Vec<T>,
    has_more: bool,
}

#[derive(Deserialize)]
struct Refund {
    id: String,
    amount: i64,
    status: String,
    payment_intent: String,
}

/// Confirms an intent with a card, as the fan's page does.
pub async fn confirm(
    caller: &Caller,
    api: &str,
    intent: &str,
    secret: &str,
    card: &str,
    ears: &dyn Ears,
) -> Answer<Intent> {
    let api = api.trim_end_matches('/');
    let ask = Ask::new("confirm", reqwest::Method::POST, format!("{api}/v1/payment_intents/{intent}/confirm"))
        .form(&[("client_secret", secret), ("payment_method", card)])
        // Declines are 402; an intent that was meanwhile confirmed or cancelled answers 400, as Stripe's does.
        .expecting(&[400, 402]);
    caller.send(ask, ears).await
}

/// All intents there are, without their refunds, as the merchant sees them.
pub async fn intents(caller: &Caller, api: &str, key: &str) -> Option<Vec<Intent>> {
    all(caller, &format!("{}/v1/payment_intents", api.trim_end_matches('/')), key, |intent: &Intent| intent.id.clone())
        .await
}

/// How much was given back, by intent.
pub async fn refunds(caller: &Caller, api: &str, key: &str) -> Option<HashMap<String, i64>> {
    let url = format!("{}/v1/refunds", api.trim_end_matches('/'));
    let mut sums = HashMap::new();
    for refund in all(caller, &url, key, |refund: &Refund| refund.id.clone()).await? {
        if refund.status == "succeeded" {
            *sums.entry(refund.payment_intent).or_default() += refund.amount;
        }
    }
    Some(sums)
}

/// Every page of a list, newest first as Stripe gives them.
async fn all<T: DeserializeOwned>(caller: &Caller, url: &str, key: &str, id: impl Fn(&T) -> String) -> Option<Vec<T>> {
    let mut found: Vec<T> = Vec::new();
    loop {
        let after = found.last().map(|last| format!("&starting_after={}", id(last))).unwrap_or_default();
        let ask = Ask::new("list", reqwest::Method::GET, format!("{url}?limit=100{after}")).bearer(key);
        let page: Page<T> = caller.send(ask, &()).await.ok()?;
        let more = page.has_more && !page.data.is_empty();
        found.extend(page.data);
        if !more {
            return Some(found);
        }
    }
}
