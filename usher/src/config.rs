//! One configuration for all roles: built-in defaults, then a TOML file, then `USHER_…` variables.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, ensure};
use chassis::config::env_var;
use chassis::http::HttpConfig;
use chassis::logs::LogConfig;
use chassis::secret::Secret;
use chassis::serve::ListenerConfig;
use serde::{Deserialize, Serialize};

/// Bytes that a secret needs at least.
const SECRET_BYTES_MIN: usize = 32;

/// Everything that can be set.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the public listener binds.
    pub listen: SocketAddr,
    /// Several processes may share the public address (realtime run apart).
    pub share_listen: bool,
    /// Where `/livez`, `/readyz` and `/metrics` bind; port 0 takes a spare one.
    pub private_listen: SocketAddr,
    /// The installation's secrets, the signing one first, each of at least 32 bytes. A new one goes before the others. The last
    /// one stays for as long as access codes, lists and transfers made while it was there are to hold.
    pub secrets: Vec<Secret>,
    /// Postgres. Also read from `DATABASE_URL`.
    pub database_url: Option<Secret>,
    /// Redis. Also read from `REDIS_URL`.
    pub redis_url: Option<Secret>,
    /// Connections to Postgres per process, at most.
    pub pool_max: u32,
    /// How long stopping may take, in milliseconds.
    pub stop_grace_ms: u64,
    /// Logs.
    pub logs: LogConfig,
    /// Requests.
    pub http: HttpConfig,
    /// The accept loop.
    pub listener: ListenerConfig,
    /// The door.
    pub gateway: queue_gateway::Config,
    /// Who is next and when.
    pub admission: admission::Config,
    /// Seat maps and lapses.
    pub inventory: inventory::Config,
    /// Seats, payments, tickets.
    pub payment: booking_worker::Config,
    /// Sockets.
    pub realtime: realtime::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            share_listen: false,
            private_listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            secrets: Vec::new(),
            database_url: None,
            redis_url: None,
            pool_max: 40,
            stop_grace_ms: 10_000,
            logs: LogConfig::default(),
            http: HttpConfig::default(),
            listener: ListenerConfig::default(),
            gateway: queue_gateway::Config::default(),
            admission: admission::Config::default(),
            inventory: inventory::Config::default(),
            payment: booking_worker::Config::default(),
            realtime: realtime::Config::default(),
        }
    }
}

impl Config {
    /// Reads it all. Unknown keys are errors that name the key.
    pub fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let mut config: Self = chassis::config::load(file, "USHER")?;
        for (name, place) in [("DATABASE_URL", &mut config.database_url), ("REDIS_URL", &mut config.redis_url)] {
            if place.is_none() {
                *place = env_var(name).filter(|url| !url.is_empty()).map(Secret::from);
            }
        }
        Ok(config)
    }

    /// The secrets, checked.
    pub fn secrets(&self) -> anyhow::Result<Vec<String>> {
        ensure!(
            !self.secrets.is_empty(),
            "USHER_SECRETS is not set: give at least one secret of {SECRET_BYTES_MIN} bytes, as [\"…\"]"
        );
        for secret in &self.secrets {
            ensure!(
                secret.expose().len() >= SECRET_BYTES_MIN,
                "a secret in USHER_SECRETS is shorter than {SECRET_BYTES_MIN} bytes"
            );
        }
        Ok(self.secrets.iter().map(|secret| secret.expose().to_owned()).collect())
    }

    /// Where the stores are, for roles that were not started by `usher up`.
    pub fn stores(&self) -> anyhow::Result<store::StoreConfig> {
        let database_url =
            self.database_url.as_ref().context("DATABASE_URL is not set: point it at Postgres, or use `usher up`")?;
        let redis_url =
            self.redis_url.as_ref().context("REDIS_URL is not set: point it at Redis, or use `usher up`")?;
        Ok(store::StoreConfig {
            database_url: database_url.expose().to_owned(),
            redis_url: redis_url.expose().to_owned(),
            pool_max: self.pool_max,
        })
    }
}
