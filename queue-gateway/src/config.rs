//! Settings of this role.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Settings of this role.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the public reaches us, for example `https://tickets.example`. Without it, answers name the host that was asked.
    pub public_url: Option<String>,
    /// Where realtime listens, if not at `public_url`.
    pub live_base: Option<String>,
    /// The folder with the built pages. Without it, only the API is served.
    pub web_dir: Option<PathBuf>,
    /// How long an anonymous visitor's token lives, in milliseconds.
    pub visitor_ttl_ms: i64,
    /// How long an access token lives, in milliseconds.
    pub access_ttl_ms: i64,
    /// How long a refresh token that nobody uses lives, in milliseconds.
    pub refresh_ttl_ms: i64,
    /// For how long a replaced refresh token gives the same successor again, in milliseconds.
    pub refresh_grace_ms: i64,
    /// For how long after its sale's end a receipt is good, in milliseconds.
    pub receipt_after_close_ms: i64,
    /// Joining.
    pub join: JoinConfig,
    /// Passwords.
    pub passwords: PasswordConfig,
    /// How many reads of events and sales ask the store at once; the rest wait, so that browsing never starves joining.
    pub reads_at_once: usize,
    /// How many reads wait at most; more are answered 503.
    pub reads_waiting_max: usize,
    /// Events in one answer, at most.
    pub events_listed_max: u32,
    /// After how long a POST that never answered is taken over by one with the same idempotency key, in milliseconds.
    pub idempotency_takeover_ms: i64,
    /// How long a code that hands a place over is good, in milliseconds.
    pub transfer_ttl_ms: i64,
    /// The largest list of codes or invitations, in bytes.
    pub import_bytes_max: usize,
    /// How often what has expired is removed from the store, in milliseconds.
    pub sweep_interval_ms: u64,
    /// Limits.
    pub limits: LimitsConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            public_url: None,
            live_base: None,
            web_dir: None,
            visitor_ttl_ms: 30 * 86_400_000,
            access_ttl_ms: 600_000,
            refresh_ttl_ms: 30 * 86_400_000,
            refresh_grace_ms: 60_000,
            receipt_after_close_ms: 7 * 86_400_000,
            join: JoinConfig::default(),
            passwords: PasswordConfig::default(),
            reads_at_once: 8,
            reads_waiting_max: 1_024,
            events_listed_max: 200,
            idempotency_takeover_ms: once::TAKEOVER_MS,
            transfer_ttl_ms: 600_000,
            import_bytes_max: 32 * 1024 * 1024,
            sweep_interval_ms: 60_000,
            limits: LimitsConfig::default(),
        }
    }
}

/// How joins are grouped.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JoinConfig {
    /// Joins in one transaction, at most.
    pub batch_max: usize,
    /// How long the first of a group waits for others, in microseconds; 0 takes what is there.
    pub gather_us: u64,
    /// Joins waiting per sale, at most; more are answered 503.
    pub queue_max: usize,
    /// Sales with a batcher at once, at most.
    pub sales_max: usize,
    /// After how long without joins a sale's batcher ends, in milliseconds.
    pub idle_ms: u64,
    /// How old the known settings of a sale may be, in milliseconds: 0 to 1,000.
    pub settings_max_age_ms: u64,
    /// Sales whose settings are kept in memory, at most.
    pub settings_kept_max: usize,
}

impl Default for JoinConfig {
    fn default() -> Self {
        Self {
            batch_max: 256,
            gather_us: 1_000,
            queue_max: 8_192,
            sales_max: 1_024,
            idle_ms: 60_000,
            settings_max_age_ms: 1_000,
            settings_kept_max: 10_000,
        }
    }
}

/// How passwords are hashed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PasswordConfig {
    /// Hashes computed at once; 0 for one per core.
    pub at_once: usize,
    /// Hashes waiting, at most; more are answered 503.
    pub waiting_max: usize,
    /// Memory of one hash, in KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub passes: u32,
}

impl Default for PasswordConfig {
    fn default() -> Self {
        Self { at_once: 0, waiting_max: 256, memory_kib: 19 * 1024, passes: 2 }
    }
}

/// A limit: on average so many per second, at once up to a burst. 0 per second is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// On average.
    pub per_second: u32,
    /// At once.
    pub burst: u32,
}

impl Rate {
    /// A limit.
    #[must_use]
    pub const fn new(per_second: u32, burst: u32) -> Self {
        Self { per_second, burst }
    }

    /// No limit.
    pub const OFF: Self = Self::new(0, 1);

    /// So many times as much; none where there is none, and for 0 times.
    #[must_use]
    pub(crate) const fn times(self, times: u32) -> Self {
        Self::new(self.per_second.saturating_mul(times), self.burst.saturating_mul(times))
    }
}

/// Limits per client address (an IPv4 address or an IPv6 /64: wide, since whole universities and carriers share one), per IPv6
/// /48 as a multiple of it, and per person.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Joins of everybody together, in this process.
    pub joins: Rate,
    /// Joins per address.
    pub joins_per_address: Rate,
    /// Joins per fan.
    pub joins_per_fan: Rate,
    /// Tries of codes per address: access codes sent with joins, and transfers' codes. Right ones count too.
    pub codes_per_address: Rate,
    /// Tries of codes per fan.
    pub codes_per_fan: Rate,
    /// New visitors per address.
    pub visitors_per_address: Rate,
    /// New accounts per address.
    pub accounts_per_address: Rate,
    /// Sign-ins per address.
    pub sign_ins_per_address: Rate,
    /// Sign-ins per account's address.
    pub sign_ins_per_email: Rate,
    /// Renewals and ends of sessions per address.
    pub sessions_per_address: Rate,
    /// Reads per address.
    pub reads_per_address: Rate,
    /// Changes of organisations, events and sales, and places left, per address.
    pub writes_per_address: Rate,
    /// The same per account or fan.
    pub writes_per_person: Rate,
    /// How many times a limit per address an IPv6 /48 has, for all its /64s together: 1 to 1,000, or 0 for no such limit. Wide,
    /// since some carriers give each phone a /64 of one.
    pub network_times: u32,
    /// Keys kept per limit, at most; what is new beyond is refused.
    pub keys_max: usize,
    /// How often keys that no longer matter are dropped, in milliseconds.
    pub sweep_ms: u64,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            joins: Rate::OFF,
            joins_per_address: Rate::new(200, 2_000),
            joins_per_fan: Rate::new(5, 20),
            codes_per_address: Rate::new(10, 500),
            codes_per_fan: Rate::new(1, 8),
            visitors_per_address: Rate::new(200, 4_000),
            accounts_per_address: Rate::new(10, 200),
            sign_ins_per_address: Rate::new(10, 200),
            sign_ins_per_email: Rate::new(1, 10),
            sessions_per_address: Rate::new(100, 2_000),
            reads_per_address: Rate::new(500, 5_000),
            writes_per_address: Rate::new(100, 1_000),
            writes_per_person: Rate::new(20, 200),
            network_times: 10,
            keys_max: 500_000,
            sweep_ms: 30_000,
        }
    }
}

impl Config {
    /// Checks ranges and relations.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let join = &self.join;
        anyhow::ensure!((1..=10_000).contains(&join.batch_max), "gateway.join.batch_max must be 1 to 10000");
        anyhow::ensure!(join.queue_max >= join.batch_max, "gateway.join.queue_max must not be below batch_max");
        anyhow::ensure!(join.gather_us <= 100_000, "gateway.join.gather_us must be 0 to 100000");
        anyhow::ensure!(join.settings_max_age_ms <= 1_000, "gateway.join.settings_max_age_ms must be 0 to 1000");
        anyhow::ensure!(join.sales_max >= 1 && join.settings_kept_max >= 1, "gateway.join's caps must be at least 1");
        for (name, ms) in [
            ("visitor_ttl_ms", self.visitor_ttl_ms),
            ("access_ttl_ms", self.access_ttl_ms),
            ("refresh_ttl_ms", self.refresh_ttl_ms),
            ("transfer_ttl_ms", self.transfer_ttl_ms),
            ("idempotency_takeover_ms", self.idempotency_takeover_ms),
        ] {
            anyhow::ensure!(ms >= 1_000, "gateway.{name} must be at least 1000");
        }
        anyhow::ensure!(self.refresh_grace_ms >= 0, "gateway.refresh_grace_ms must not be negative");
        anyhow::ensure!(self.receipt_after_close_ms >= 0, "gateway.receipt_after_close_ms must not be negative");
        anyhow::ensure!(self.refresh_ttl_ms > self.access_ttl_ms, "gateway.refresh_ttl_ms must be above access_ttl_ms");
        anyhow::ensure!(self.reads_at_once >= 1, "gateway.reads_at_once must be at least 1");
        anyhow::ensure!((1..=1_000).contains(&self.events_listed_max), "gateway.events_listed_max must be 1 to 1000");
        anyhow::ensure!(self.sweep_interval_ms >= 100, "gateway.sweep_interval_ms must be at least 100");
        anyhow::ensure!(self.limits.sweep_ms >= 100, "gateway.limits.sweep_ms must be at least 100");
        anyhow::ensure!(self.limits.network_times <= 1_000, "gateway.limits.network_times must be 0 to 1000");
        anyhow::ensure!(self.limits.keys_max >= 1, "gateway.limits.keys_max must be at least 1");
        for (name, base) in [("public_url", &self.public_url), ("live_base", &self.live_base)] {
            let known = base.as_ref().is_none_or(|base| base.starts_with("http://") || base.starts_with("https://"));
            anyhow::ensure!(known, "gateway.{name} must begin with http:// or https://");
        }
        Ok(())
    }
}
