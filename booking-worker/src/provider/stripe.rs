//! Stripe's API, as far as tickets need it: intents with manual capture, and refunds.

use std::time::Duration;

use anyhow::Context as _;
use chassis::secret::Secret;
use reqwest::{RequestBuilder, StatusCode, Url};

use super::{Answer, Fault, Intent, NewIntent, Provider, Refund, wire};
use crate::config::Config;

/// The version of the API whose shapes are read here.
const VERSION: &str = "2025-03-31.basil";
/// Longer answers are none of Stripe's.
const ANSWER_MAX: usize = 256 * 1024;
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(2);

/// The client.
#[derive(Debug)]
pub struct Stripe {
    client: reqwest::Client,
    api: String,
    key: Secret,
    patience: Duration,
}

impl Stripe {
    /// A client of the provider in the settings. Nothing is sent yet.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        let api = config.api.trim_end_matches('/').to_owned();
        let url = Url::parse(&api).with_context(|| format!("payment.api: {api:?} is no address"))?;
        anyhow::ensure!(matches!(url.scheme(), "http" | "https"), "payment.api: only http and https are spoken");
        let mut client = reqwest::Client::builder()
            .user_agent("usher")
            .connect_timeout(CONNECT)
            .tcp_keepalive(Duration::from_secs(15))
            .pool_max_idle_per_host(usize::from(config.concurrency))
            // A redirected payment is not ours any more.
            .redirect(reqwest::redirect::Policy::none());
        if matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
            client = client.no_proxy();
        }
        let client = client.build().context("make the payment provider's client")?;
        Ok(Self { client, api, key: config.secret_key.clone(), patience: config.call_timeout() })
    }

    fn post(&self, path: &str, key: &str, form: &[(&str, String)]) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.api)).header("idempotency-key", key).form(form)
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.api))
    }

    async fn send(&self, request: RequestBuilder, patience: Duration) -> Result<Vec<u8>, Fault> {
        if self.key.expose().is_empty() {
            return Err(Fault::Away { why: "no key is configured".to_owned(), answered: false });
        }
        let away = |error: reqwest::Error| Fault::Away { why: error.without_url().to_string(), answered: false };
        let request = request.bearer_auth(self.key.expose()).header("stripe-version", VERSION).timeout(patience);
        let mut response = request.send().await.map_err(away)?;
        let status = response.status();
        let retry_after_s = response
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.parse().ok());
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(away)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > ANSWER_MAX {
                return Err(Fault::Away { why: "its answer does not end".to_owned(), answered: false });
            }
        }
        if status == StatusCode::OK { Ok(bytes) } else { Err(wire::fault(status.as_u16(), retry_after_s, &bytes)) }
    }

    async fn intent(
        &self,
        request: RequestBuilder,
        patience: Duration,
        expected: Option<&str>,
    ) -> Result<Intent, Fault> {
        let intent = wire::intent(&self.send(request, patience).await?)?;
        if expected.is_some_and(|id| id != intent.id) {
            return Err(Fault::Away { why: "it answered with another intent".to_owned(), answered: false });
        }
        Ok(intent)
    }
}

impl Provider for Stripe {
    fn create<'a>(&'a self, new: &'a NewIntent, key: &'a str, patience: Duration) -> Answer<'a, Intent> {
        let form = [
            ("amount", new.amount_minor.to_string()),
            ("currency", new.currency.to_ascii_lowercase()),
            ("capture_method", "manual".to_owned()),
            // Methods whose outcome takes days are longer on their way than seats can be kept.
            ("payment_method_types[]", "card".to_owned()),
            ("metadata[booking]", new.booking.clone()),
            ("metadata[payment]", new.payment.clone()),
        ];
        let request = self.post("/v1/payment_intents", key, &form);
        Box::pin(self.intent(request, patience, None))
    }

    fn retrieve<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent> {
        let request = self.get(&format!("/v1/payment_intents/{intent}"));
        Box::pin(self.intent(request, self.patience, Some(intent)))
    }

    fn capture<'a>(&'a self, intent: &'a str, amount_minor: i64, key: &'a str) -> Answer<'a, Intent> {
        let form = [("amount_to_capture", amount_minor.to_string())];
        let request = self.post(&format!("/v1/payment_intents/{intent}/capture"), key, &form);
        Box::pin(self.intent(request, self.patience, Some(intent)))
    }

    fn cancel<'a>(&'a self, intent: &'a str, key: &'a str) -> Answer<'a, Intent> {
        let form = [("cancellation_reason", "abandoned".to_owned())];
        let request = self.post(&format!("/v1/payment_intents/{intent}/cancel"), key, &form);
        Box::pin(self.intent(request, self.patience, Some(intent)))
    }

    fn refund<'a>(&'a self, intent: &'a str, amount_minor: i64, key: &'a str) -> Answer<'a, Refund> {
        let form = [("payment_intent", intent.to_owned()), ("amount", amount_minor.to_string())];
        let request = self.post("/v1/refunds", key, &form);
        Box::pin(async move { wire::refund(&self.send(request, self.patience).await?) })
    }

    fn retrieve_refund<'a>(&'a self, refund: &'a str) -> Answer<'a, Refund> {
        let request = self.get(&format!("/v1/refunds/{refund}"));
        Box::pin(async move { wire::refund(&self.send(request, self.patience).await?) })
    }
}
