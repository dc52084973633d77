//! Settings of this role.

use anyhow::ensure;
use serde::{Deserialize, Serialize};

/// Settings of this role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Pages of these origins may open sockets, as `https://tickets.example`; those of the same host always may, as may
    /// clients that are no browsers and send no `Origin`.
    pub allowed_origins: Vec<String>,
    /// How long a new socket may take to say hello, in milliseconds.
    pub hello_timeout_ms: u64,
    /// After so long without any frame from the client its socket is taken for dead, in milliseconds. Larger than a minute:
    /// hidden pages may run one timer a minute.
    pub idle_timeout_ms: u64,
    /// A frame is sent at least this often, in milliseconds, so that middleboxes keep the connection.
    pub alive_every_ms: u64,
    /// How long a hello or a poll waits for this node to have seen what its asker has seen, in milliseconds.
    pub cover_wait_ms: u64,
    /// A socket that cannot take a frame for so long is closed, in milliseconds.
    pub slow_ms: u64,
    /// How long a socket stays open after its place ended, in milliseconds.
    pub ended_linger_ms: u64,
    /// Sockets of one fan on this node; a newer one closes the oldest.
    pub sockets_per_fan: usize,
    /// Sockets on this node. Keep it under the process's limit of open files.
    pub max_sockets: usize,
    /// Messages a client may send at once.
    pub messages_burst: u32,
    /// Messages a client may send per minute in the long run.
    pub messages_per_minute: u32,
    /// How often the fans behind open sockets are noted as present, in milliseconds.
    pub presence_write_ms: u64,
    /// Over how long the closing of all sockets is spread when the process stops, in milliseconds. Less than the stop's grace.
    pub stop_spread_ms: u64,
    /// How often this node looks for events to follow, in milliseconds.
    pub look_every_ms: u64,
    /// How often it is written how well estimates were kept, in milliseconds: 100 to 600000.
    pub estimate_write_ms: u64,
    /// How often the chances that seats remain are computed, in milliseconds: 100 to 60000.
    pub odds_every_ms: u64,
    /// How often this node looks for new heads of the sales' logs, in milliseconds: 100 to 60000.
    pub heads_every_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            allowed_origins: Vec::new(),
            hello_timeout_ms: 5_000,
            idle_timeout_ms: 75_000,
            alive_every_ms: 25_000,
            cover_wait_ms: 2_000,
            slow_ms: 10_000,
            ended_linger_ms: 300_000,
            sockets_per_fan: 5,
            max_sockets: 18_000,
            messages_burst: 20,
            messages_per_minute: 120,
            presence_write_ms: 10_000,
            stop_spread_ms: 2_000,
            look_every_ms: 500,
            estimate_write_ms: 60_000,
            odds_every_ms: 5_000,
            heads_every_ms: 3_000,
        }
    }
}

impl Config {
    /// Refuses settings that contradict each other.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        ensure!((100..=60_000).contains(&self.hello_timeout_ms), "realtime.hello_timeout_ms must be 100 to 60000");
        ensure!(
            self.alive_every_ms >= 1_000 && self.alive_every_ms < self.idle_timeout_ms,
            "realtime.alive_every_ms must be at least 1000 and less than idle_timeout_ms"
        );
        ensure!((1..=30_000).contains(&self.cover_wait_ms), "realtime.cover_wait_ms must be 1 to 30000");
        ensure!((100..=60_000).contains(&self.slow_ms), "realtime.slow_ms must be 100 to 60000");
        ensure!(self.sockets_per_fan >= 1, "realtime.sockets_per_fan must be at least 1");
        ensure!(self.max_sockets >= 1, "realtime.max_sockets must be at least 1");
        ensure!(
            self.messages_burst >= 2 && self.messages_per_minute >= 4,
            "realtime.messages_burst must be at least 2 and messages_per_minute at least 4: pages ping every 30 s"
        );
        // The shortest presence window that a sale may have is 5 s; its fans must be noted within it.
        ensure!((100..=60_000).contains(&self.presence_write_ms), "realtime.presence_write_ms must be 100 to 60000");
        ensure!(self.stop_spread_ms <= 60_000, "realtime.stop_spread_ms must be at most 60000");
        ensure!((50..=5_000).contains(&self.look_every_ms), "realtime.look_every_ms must be 50 to 5000");
        ensure!((100..=600_000).contains(&self.estimate_write_ms), "realtime.estimate_write_ms must be 100 to 600000");
        ensure!((100..=60_000).contains(&self.odds_every_ms), "realtime.odds_every_ms must be 100 to 60000");
        ensure!((100..=60_000).contains(&self.heads_every_ms), "realtime.heads_every_ms must be 100 to 60000");
        for origin in &self.allowed_origins {
            ensure!(
                origin.split_once("://").is_some_and(|(_, host)| !host.is_empty() && !host.contains('/')),
                "realtime.allowed_origins: `{origin}` is no origin such as https://tickets.example"
            );
        }
        Ok(())
    }
}
