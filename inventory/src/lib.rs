//! Seat maps and availability over HTTP, and the end of holds: ends overdue ones and frees their seats, whoever is away.

#[cfg(test)]
mod any_map;
mod blocks;
mod import;
mod lapse;
mod metrics;
mod openapi;
mod pretix;
mod reading;
mod routes;
mod sheet;

use chassis::clock::Clock;
use chassis::tasks::{TaskKind, Tasks};
use contracts::papers::Papers;
use serde::{Deserialize, Serialize};
use store::Store;

pub use crate::openapi::openapi;

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
}

impl Default for Config {
    fn default() -> Self {
        Self { lapse_interval_ms: 100, map_bytes_max: 32 * 1024 * 1024, idempotency_takeover_ms: once::TAKEOVER_MS }
    }
}

/// The role, ready to run.
#[derive(Debug, Clone)]
pub struct Inventory {
    config: Config,
    store: Store,
    papers: Papers,
    clock: Clock,
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
    metrics::describe();
    Ok(Inventory { config, store, papers, clock })
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
    }
}
