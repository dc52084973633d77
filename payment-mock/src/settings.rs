//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use chassis::secret::Secret;
use clap::Parser;

use crate::machine::Timing;

/// A payment provider that behaves like the real ones: slow, failing, repeating, calling back.
#[derive(Debug, Clone, Parser)]
#[command(name = "payment-mock", version)]
pub struct Settings {
    /// Where to listen; port 0 takes a spare one.
    #[arg(long, env = "PAYMENT_MOCK_LISTEN", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// The folder of the store; made if it is not there.
    #[arg(long, env = "PAYMENT_MOCK_DATA")]
    pub data: PathBuf,
    /// The merchant's key, `sk_test_…`.
    #[arg(long, env = "PAYMENT_MOCK_SECRET_KEY", hide_env_values = true)]
    pub secret_key: Secret,
    /// Where webhooks go; endpoints may be added later over the API.
    #[arg(long, env = "PAYMENT_MOCK_WEBHOOK_URL", requires = "webhook_secret")]
    pub webhook_url: Option<String>,
    /// What signs the webhooks to that address, `whsec_…`.
    #[arg(long, env = "PAYMENT_MOCK_WEBHOOK_SECRET", hide_env_values = true)]
    pub webhook_secret: Option<Secret>,
    /// Webhooks in flight at once.
    #[arg(long, env = "PAYMENT_MOCK_WEBHOOK_CONCURRENCY", default_value_t = 32,
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub webhook_concurrency: u16,
    /// Where browsers reach this process, if not at its own address: `https://pay.example.org`.
    #[arg(long, env = "PAYMENT_MOCK_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// The merchant's name on the hosted page.
    #[arg(long, env = "PAYMENT_MOCK_MERCHANT", default_value = "Usher Tickets")]
    pub merchant: String,
    /// How long `pm_usher_slow` stays `processing`, in milliseconds.
    #[arg(long, env = "PAYMENT_MOCK_SLOW_MS", default_value_t = Timing::default().slow_ms)]
    pub slow_ms: i64,
    /// How long after its cancel `pm_usher_success_after_cancel` succeeds, in milliseconds.
    #[arg(long, env = "PAYMENT_MOCK_LATE_SUCCESS_MS", default_value_t = Timing::default().late_success_ms)]
    pub late_success_ms: i64,
    /// How long `pm_usher_timeout_after_success` holds its answer back, in milliseconds.
    #[arg(long, env = "PAYMENT_MOCK_TIMEOUT_MS", default_value_t = Timing::default().timeout_ms)]
    pub timeout_ms: i64,
    /// How late `pm_usher_out_of_order` sends its first webhook, in milliseconds; each later one waits half.
    #[arg(long, env = "PAYMENT_MOCK_OUT_OF_ORDER_MS", default_value_t = Timing::default().out_of_order_ms)]
    pub out_of_order_ms: i64,
    /// How long an authorisation can be captured, in milliseconds.
    #[arg(long, env = "PAYMENT_MOCK_AUTHORISATION_MS", default_value_t = Timing::default().authorisation_ms)]
    pub authorisation_ms: i64,
    /// What is logged.
    #[arg(long, env = "PAYMENT_MOCK_LOG", default_value = "info")]
    pub log: String,
}

impl Settings {
    /// How long the slow things take.
    pub const fn timing(&self) -> Timing {
        Timing {
            slow_ms: self.slow_ms,
            late_success_ms: self.late_success_ms,
            timeout_ms: self.timeout_ms,
            out_of_order_ms: self.out_of_order_ms,
            authorisation_ms: self.authorisation_ms,
        }
    }
}
