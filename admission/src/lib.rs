//! Decides who is next and when: holds the pacing lease of each sale, and takes the operators' changes of its knobs.

mod braking;
mod drawing;
mod head;
mod heads;
mod measure;
mod mending;
mod metrics;
mod openapi;
mod pacing;
mod routes;

use std::sync::Arc;

use chassis::clock::Clock;
use chassis::tasks::{TaskKind, Tasks};
use contracts::papers::Papers;
use domain::pacing::CLOCK_SLACK_MS;
use serde::{Deserialize, Serialize};
use store::Store;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::drawing::Drawer;
pub use crate::drawing::{Beacon, DrawConfig};

pub use crate::heads::seal as seal_head;
pub use crate::openapi::openapi;

/// Settings of this role.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How long a pacing lease lasts without a decision, in milliseconds: 1,000 to 4,000. A dead holder is replaced after it,
    /// and a change of rate must take effect within five seconds of its death.
    pub lease_ttl_ms: i64,
    /// How often the pace is looked at without news, in milliseconds: 50 to 500.
    pub tick_ms: u64,
    /// How soon after a tick the next may come when there is news, in milliseconds: 5 to 500.
    pub tick_min_ms: u64,
    /// How many of the line's head are looked at per tick: 10 to 100,000.
    pub window: usize,
    /// By how much two machines' clocks may differ before a fan who is present could be taken for absent, in milliseconds:
    /// 1,000 to 60,000. So much later, too, an absence is noticed.
    pub clock_slack_ms: i64,
    /// The draw of lobbies.
    pub draw: DrawConfig,
    /// How often the log of a living sale gets a signed head, in milliseconds: 1,000 to 60,000.
    pub head_every_ms: i64,
    /// How many places may wait for a preview of a change: 1 to 5,000,000. It holds them in memory, at a byte each.
    pub preview_places: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            lease_ttl_ms: 3_000,
            tick_ms: 200,
            tick_min_ms: 25,
            window: 5_000,
            clock_slack_ms: CLOCK_SLACK_MS,
            draw: DrawConfig::default(),
            head_every_ms: 60_000,
            preview_places: 5_000_000,
        }
    }
}

/// The role, ready to run.
#[derive(Debug, Clone)]
pub struct Admission {
    config: Config,
    store: Store,
    papers: Papers,
    clock: Clock,
    holder: Uuid,
    drawer: Arc<Drawer>,
    /// One preview at a time: it takes a core for seconds.
    previews: Arc<Semaphore>,
}

/// Checks the settings and takes the doors to the stores. `secret` is the installation's: it signs draws.
///
/// # Errors
/// When a setting is out of its range.
pub fn prepare(config: Config, secret: &str, store: Store, papers: Papers, clock: Clock) -> anyhow::Result<Admission> {
    anyhow::ensure!((1_000..=4_000).contains(&config.lease_ttl_ms), "admission.lease_ttl_ms must be 1000 to 4000");
    anyhow::ensure!((50..=500).contains(&config.tick_ms), "admission.tick_ms must be 50 to 500");
    anyhow::ensure!((5..=500).contains(&config.tick_min_ms), "admission.tick_min_ms must be 5 to 500");
    anyhow::ensure!((10..=100_000).contains(&config.window), "admission.window must be 10 to 100000");
    anyhow::ensure!((1_000..=60_000).contains(&config.head_every_ms), "admission.head_every_ms must be 1000 to 60000");
    anyhow::ensure!(
        (1_000..=60_000).contains(&config.clock_slack_ms),
        "admission.clock_slack_ms must be 1000 to 60000"
    );
    anyhow::ensure!((1..=5_000_000).contains(&config.preview_places), "admission.preview_places must be 1 to 5000000");
    metrics::describe();
    let holder = chassis::ids::new(&clock);
    let drawer = Arc::new(Drawer::new(config.draw.clone(), secret, store.clone(), clock.clone())?);
    let previews = Arc::new(Semaphore::new(1));
    Ok(Admission { config, store, papers, clock, holder, drawer, previews })
}

impl Admission {
    /// The role's paths.
    pub fn router(&self) -> axum::Router {
        routes::router(self)
    }

    /// Starts the role's tasks.
    pub fn run(&self, tasks: &Tasks) {
        tasks.spawn(TaskKind::Service, "pacing", pacing::run(self.clone(), tasks.clone()));
        tasks.spawn(TaskKind::Service, "heads", heads::run(self.clone(), tasks.clone()));
    }
}
