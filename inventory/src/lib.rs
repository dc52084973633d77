//! Seat maps and availability over HTTP, and the end of holds: ends overdue ones and frees their seats, whoever is away.

#[cfg(test)]
mod any_map;
mod blocks;
mod due;
mod history;
mod import;
mod lapse;
mod metrics;
mod openapi;
mod picking;
mod pretix;
mod reading;
mod routes;
mod sheet;

use std::sync::Arc;

use chassis::clock::Clock;
use chassis::tasks::{TaskKind, Tasks};
use contracts::papers::Papers;
use serde::{Deserialize, Serialize};
use store::Store;

use crate::history::Histories;
pub use crate::openapi::openapi;
use crate::picking::{CoolDown, Shops};

/// Settings of this role.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How long the lapse loop sleeps at most, in milliseconds: 10 to 1,000. A deadline that comes earlier wakes it.
    pub lapse_interval_ms: u64,
    /// How large a seat map may be, in bytes.
    pub map_bytes_max: usize,
    /// After how long a POST that never answered is taken over by one with the same idempotency key, in milliseconds.
    pub idempotency_takeover_ms: i64,
    /// How often a fan may change the seats that they pick, per minute in the long run.
    pub picks_per_minute: u32,
    /// How often at once.
    pub picks_burst: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            lapse_interval_ms: 100,
            map_bytes_max: 32 * 1024 * 1024,
            idempotency_takeover_ms: once::TAKEOVER_MS,
            picks_per_minute: 60,
            picks_burst: 15,
        }
    }
}

/// The role, ready to run.
#[derive(Debug, Clone)]
pub struct Inventory {
    config: Config,
    store: Store,
    papers: Papers,
    clock: Clock,
    shops: Arc<Shops>,
    cool_down: Arc<CoolDown>,
    histories: Arc<Histories>,
}

/// Checks the settings and takes the doors to the stores.
///
/// # Errors
/// When a setting is out of its range.
pub fn prepare(config: Config, store: Store, papers: Papers, clock: Clock) -> anyhow::Result<Inventory> {
    anyhow::ensure!(
        (10..=1_000).contains(&config.lapse_interval_ms),
        "inventory.lapse_interval_ms must be 10 to 1000: a hold must end within a second of its deadline"
    );
    anyhow::ensure!(config.idempotency_takeover_ms >= 1_000, "inventory.idempotency_takeover_ms must be at least 1000");
    anyhow::ensure!(
        config.picks_per_minute >= 1 && config.picks_burst >= 1,
        "inventory.picks_per_minute and inventory.picks_burst must be at least 1: nobody could pick otherwise"
    );
    metrics::describe();
    let cool_down = Arc::new(CoolDown::new(config.picks_per_minute, config.picks_burst));
    Ok(Inventory { config, store, papers, clock, shops: Arc::default(), cool_down, histories: Arc::default() })
}

impl Inventory {
    /// The role's paths.
    pub fn router(&self) -> axum::Router {
        routes::router(self)
    }

    /// Starts the role's tasks.
    pub fn run(&self, tasks: &Tasks) {
        tasks.spawn(
            TaskKind::Service,
            "lapse",
            lapse::run(self.store.clone(), self.config.lapse_interval_ms, tasks.soft()),
        );
        let store = self.store.clone();
        let open = move || {
            let store = store.clone();
            async move { store.free_due_blocks().await }
        };
        let counters = due::Counters { done: metrics::OPENED, failures: metrics::OPENING_FAILURES };
        tasks.spawn(TaskKind::Service, "opening", due::run(counters, tasks.soft(), open));
        let store = self.store.clone();
        let end_idle = move || {
            let store = store.clone();
            async move { store.end_idle().await }
        };
        let counters = due::Counters { done: metrics::IDLE, failures: metrics::IDLE_FAILURES };
        tasks.spawn(TaskKind::Service, "idle places", due::run(counters, tasks.soft(), end_idle));
        let shops = self.shops.clone().look(self.store.clone(), self.clock.clone(), tasks.clone());
        tasks.spawn(TaskKind::Service, "events in which fans pick", shops);
    }
}
