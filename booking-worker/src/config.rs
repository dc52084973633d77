//! Settings: the section `payment`.

use std::time::Duration;

use anyhow::ensure;
use chassis::secret::Secret;
use serde::{Deserialize, Serialize};

/// Provider calls that one look at a payment may make, at most.
const CALLS_PER_LOOK: i64 = 2;
/// What a look may take besides, in Postgres.
const STORE_MS: i64 = 1_000;

/// How seats are given out and paid for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The provider's API, as we reach it.
    pub api: String,
    /// The provider's API as fans' browsers reach it; without it, `api`.
    pub public_api: Option<String>,
    /// Where the provider's hosted pages are, by intent; without it, `pay` under `public_api`.
    pub pay_page: Option<String>,
    /// Our key at the provider.
    pub secret_key: Secret,
    /// What signs the provider's webhooks.
    pub webhook_secret: Secret,
    /// How long a worker waits for the provider, in milliseconds. Two of these must fit into a claim.
    pub call_timeout_ms: u64,
    /// How long a fan who wants to pay waits for the provider, in milliseconds.
    pub pay_timeout_ms: u64,
    /// Payments and refunds in hand at once.
    pub concurrency: u16,
    /// How often open payments are looked for, in milliseconds, where no webhook rings.
    pub poll_ms: u64,
    /// How soon a quiet payment is looked at again, in milliseconds; then ever later.
    pub look_ms: i64,
    /// How late it is looked at again at most, in milliseconds.
    pub look_max_ms: i64,
    /// How long an event's seating stays with a worker that says nothing, in milliseconds.
    pub lease_ttl_ms: i64,
    /// Attempts to find a booking by e-mail and reference, per minute and address.
    pub finds_per_minute: u32,
    /// After how long a POST that never answered is taken over by one with the same idempotency key, in milliseconds.
    pub idempotency_takeover_ms: i64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            api: "https://api.stripe.com".to_owned(),
            public_api: None,
            pay_page: None,
            secret_key: Secret::from(""),
            webhook_secret: Secret::from(""),
            call_timeout_ms: 2_400,
            pay_timeout_ms: 5_000,
            concurrency: 32,
            poll_ms: 100,
            look_ms: 2_000,
            look_max_ms: 10_000,
            lease_ttl_ms: 3_000,
            finds_per_minute: 10,
            idempotency_takeover_ms: once::TAKEOVER_MS,
        }
    }
}

impl Config {
    /// Refuses settings that contradict each other.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let longest_ms = CALLS_PER_LOOK * i64::try_from(self.call_timeout_ms)? + STORE_MS;
        ensure!(
            longest_ms < store::payments::CLAIM_MS,
            "payment.call_timeout_ms: a look at a payment could take {longest_ms} ms, and another worker takes it up after {} ms",
            store::payments::CLAIM_MS
        );
        ensure!(self.pay_timeout_ms >= 100, "payment.pay_timeout_ms: at least 100");
        ensure!(self.idempotency_takeover_ms >= 1_000, "payment.idempotency_takeover_ms: at least 1000");
        ensure!((1..=1_024).contains(&self.concurrency), "payment.concurrency: 1 to 1024");
        ensure!((10..=5_000).contains(&self.poll_ms), "payment.poll_ms: 10 to 5000");
        ensure!(
            100 <= self.look_ms && self.look_ms <= self.look_max_ms && self.look_max_ms <= 60_000,
            "payment.look_ms and payment.look_max_ms: 100 to 60000, the first not above the second"
        );
        ensure!((600..=60_000).contains(&self.lease_ttl_ms), "payment.lease_ttl_ms: 600 to 60000");
        ensure!((1..=10_000).contains(&self.finds_per_minute), "payment.finds_per_minute: 1 to 10000");
        Ok(())
    }

    pub(crate) fn call_timeout(&self) -> Duration {
        Duration::from_millis(self.call_timeout_ms)
    }

    pub(crate) fn pay_timeout(&self) -> Duration {
        Duration::from_millis(self.pay_timeout_ms)
    }

    /// The provider's API for browsers.
    pub(crate) fn browsers_api(&self) -> &str {
        self.public_api.as_deref().unwrap_or(&self.api).trim_end_matches('/')
    }

    /// The hosted page of an intent.
    pub(crate) fn page_of(&self, intent: &str) -> String {
        match &self.pay_page {
            Some(base) => format!("{}/{intent}", base.trim_end_matches('/')),
            None => format!("{}/pay/{intent}", self.browsers_api()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Config;

    #[test]
    fn a_look_must_fit_into_a_claim() {
        Config::default().check().unwrap();
        let fault = Config { call_timeout_ms: 2_500, ..Config::default() }.check().unwrap_err().to_string();
        assert!(fault.contains("call_timeout_ms"), "{fault}");
    }

    #[test]
    fn the_hosted_page_is_under_the_address_that_browsers_know() {
        let config = Config { api: "http://pay:1/".to_owned(), ..Config::default() };
        assert_eq!(config.page_of("pi_1"), "http://pay:1/pay/pi_1");
        let config = Config { public_api: Some("https://p.example".to_owned()), ..config };
        assert_eq!(config.page_of("pi_1"), "https://p.example/pay/pi_1");
    }
}
