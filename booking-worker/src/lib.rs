//! Seats admitted places in order, and turns holds into bookings: payments, tickets, refunds.
//!
//! ```text
//! seating ── one task per running event, under its lease ──▶ store.offer
//! payments ── a bounded pool, fed by what is due ──▶ the provider ──▶ store
//! http ── fans, promoters, the provider's webhooks ──▶ store, and a nudge for the pool
//! ```
//!
//! The three share nothing but the store: any of them may die and go on elsewhere.

pub mod config;
mod http;
pub mod metrics;
mod payments;
pub mod provider;
mod seating;

use std::sync::Arc;
use std::time::Duration;

use chassis::clock::Clock;
use chassis::tasks::{TaskKind, Tasks};
use contracts::papers::Papers;
use contracts::ticket_code::TicketSigner;
use store::Store;
use tokio::sync::Notify;

pub use self::config::Config;
pub use self::http::openapi;
use self::payments::Worker;
use self::provider::{Guarded, Provider, Stripe};
use self::seating::Seating;

/// How often addresses that have not asked for a while are forgotten.
const FORGET_EVERY: Duration = Duration::from_mins(1);

/// The role, ready to run. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BookingWorker {
    app: http::App,
    worker: Worker,
    seating: Seating,
}

/// Checks the settings and makes the provider's client.
///
/// `secret` is the installation's: it signs tickets.
///
/// # Errors
/// When the settings contradict each other.
#[expect(clippy::unused_async, reason = "every role is prepared alike, and others connect here")]
pub async fn prepare(
    config: Config,
    secret: &str,
    store: Store,
    papers: Papers,
    clock: Clock,
) -> anyhow::Result<BookingWorker> {
    let provider = Stripe::new(&config)?;
    assemble(config, secret, store, papers, clock, Arc::new(provider))
}

/// [`prepare`] with another provider.
///
/// # Errors
/// When the settings contradict each other.
pub fn assemble(
    config: Config,
    secret: &str,
    store: Store,
    papers: Papers,
    clock: Clock,
    provider: Arc<dyn Provider>,
) -> anyhow::Result<BookingWorker> {
    config.check()?;
    if config.secret_key.expose().is_empty() || config.webhook_secret.expose().is_empty() {
        tracing::warn!("payments are not set up: `payment.secret_key` and `payment.webhook_secret` are needed");
    }
    metrics::describe();
    let provider: Arc<dyn Provider> = Arc::new(Guarded::new(provider, clock.clone()));
    let nudge = Arc::new(Notify::new());
    let worker = Worker::new(store.clone(), provider.clone(), clock.clone(), nudge.clone(), &config);
    let seating = Seating::new(store.clone(), clock.clone(), config.lease_ttl_ms);
    let app = http::App::new(http::Parts {
        config,
        store,
        papers,
        clock,
        signer: TicketSigner::new(secret),
        provider,
        nudge,
    });
    Ok(BookingWorker { app, worker, seating })
}

impl BookingWorker {
    /// The role's routes.
    pub fn router(&self) -> axum::Router {
        http::router(self.app.clone())
    }

    /// Starts the role's work.
    pub fn run(&self, tasks: &Tasks) {
        tasks.spawn(TaskKind::Critical, "seating", self.seating.clone().supervise(tasks.clone()));
        tasks.spawn(TaskKind::Critical, "payments", self.worker.clone().run(tasks.soft()));
        tasks.spawn(TaskKind::Service, "parked webhooks", self.worker.clone().sweep(tasks.soft()));
        let (app, stop) = (self.app.clone(), tasks.soft());
        tasks.spawn(TaskKind::Service, "limits", async move {
            while stop.run_until_cancelled(tokio::time::sleep(FORGET_EVERY)).await.is_some() {
                app.forget_old_limits();
            }
            Ok(())
        });
    }
}
