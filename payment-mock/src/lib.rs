//! A payment provider for tests and demonstrations: Stripe's API as far as a ticket shop uses it,
//! with a store of its own, and with every fault on demand that real providers have now and then.
//!
//! ```text
//! http ──Op──▶ store::Ledger ──batch──▶ desk (machine: the rules) ──▶ one SQLite transaction
//!   └─ reads ◀── SQLite ──▶ timers (what intents do by themselves), webhooks (what is due)
//! ```
//!
//! What was answered survives `kill -9`: state, events, pending webhooks, timers and idempotent
//! replies are committed together before the answer leaves.

mod desk;
mod error;
mod http;
mod ids;
mod machine;
mod settings;
mod store;
mod timers;
mod webhooks;

use std::fs::File;
use std::time::Duration;

use anyhow::Context as _;
use chassis::clock::Clock;
use chassis::http::HttpConfig;
use chassis::serve::{self, ListenerConfig};
use chassis::tasks::{TaskKind, Tasks};
use tokio::net::TcpListener;

pub use settings::Settings;

use crate::desk::{Op, Rules};
use crate::store::{Nudges, Opened, Writer};
use crate::timers::Timers;
use crate::webhooks::Deliverer;

/// How long a webhook may take.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// How long requests may take to finish when the process is told to stop.
const GRACE: Duration = Duration::from_secs(5);
/// Connections waiting to be accepted.
const BACKLOG: u32 = 1_024;

/// A provider that is ready to run: its port is bound, its store open.
#[derive(Debug)]
pub struct Prepared {
    listener: TcpListener,
    url: String,
    router: axum::Router,
    writer: Writer,
    deliverer: Deliverer,
    timers: Timers,
    webhook: Option<Op>,
    tasks: Tasks,
    lock: File,
}

/// Binds the port, opens the store and wires the parts.
pub async fn prepare(settings: Settings, clock: Clock, tasks: Tasks) -> anyhow::Result<Prepared> {
    let listener = serve::bind(settings.listen, false, BACKLOG)?;
    let url = format!("http://{}", listener.local_addr()?);
    let Opened { conn, reads, lock } = store::open(&settings.data).await?;
    let browsers_at = settings.public_url.clone().unwrap_or_else(|| url.clone());
    let rules = Rules { timing: settings.timing(), pay_url: format!("{}/pay", browsers_at.trim_end_matches('/')) };
    let nudges = Nudges::default();
    let (writer, ledger, endpoints) = Writer::new(conn, clock.clone(), rules.clone(), nudges.clone()).await?;
    let concurrency = usize::from(settings.webhook_concurrency);
    let client = reqwest::Client::builder()
        .user_agent("payment-mock")
        .timeout(WEBHOOK_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        // Receivers are named by address; a proxy of the environment has no business with them.
        .no_proxy()
        .pool_max_idle_per_host(concurrency)
        .build()
        .context("make the webhook client")?;
    let deliverer = Deliverer {
        reads: reads.clone(),
        ledger: ledger.clone(),
        endpoints: endpoints.clone(),
        clock: clock.clone(),
        client: client.clone(),
        nudge: nudges.deliveries,
        concurrency,
    };
    let timers = Timers { reads: reads.clone(), ledger: ledger.clone(), clock: clock.clone(), nudge: nudges.timers };
    let router = http::router(http::Shared {
        ledger,
        reads,
        endpoints,
        rules,
        clock: clock.clone(),
        tasks: tasks.clone(),
        secret_key: settings.secret_key,
        merchant: settings.merchant,
        client,
    });
    let config = HttpConfig { log_requests: false, role: "payment-mock".to_owned(), ..HttpConfig::default() };
    let router = chassis::http::layers(router, config, clock);
    let webhook = settings
        .webhook_url
        .zip(settings.webhook_secret)
        .map(|(url, secret)| Op::OwnEndpoint { url, secret: secret.expose().to_owned() });
    Ok(Prepared { listener, url, router, writer, deliverer, timers, webhook, tasks, lock })
}

impl Prepared {
    /// Where it is reached.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs until told to stop. `ready` is called when requests are answered.
    pub async fn run(self, ready: impl FnOnce(&str)) -> anyhow::Result<()> {
        let Self { listener, url, router, writer, deliverer, timers, webhook, tasks, lock } = self;
        tasks.spawn(TaskKind::Critical, "writer", writer.run());
        if let Some(webhook) = webhook {
            let reply = deliverer.ledger.ask(webhook, None).await;
            anyhow::ensure!(reply.status == 200, "the webhook address cannot be stored: {}", reply.body);
        }
        tasks.spawn(TaskKind::Service, "timers", timers.run(tasks.soft()));
        tasks.spawn(TaskKind::Service, "webhooks", deliverer.run(tasks.soft()));
        let limits = ListenerConfig { max_connections_per_address: 18_000, ..ListenerConfig::default() };
        let listening = tasks.clone();
        tasks.spawn(
            TaskKind::Service,
            "listener",
            async move { serve::serve(listener, router, limits, &listening).await },
        );
        ready(&url);
        tasks.run_until_stopped(GRACE).await?;
        drop(lock);
        Ok(())
    }
}
