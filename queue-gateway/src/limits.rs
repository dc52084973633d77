//! Limits: per client address and network, per person, and on joins together. GCRA: on average so many per second, at once up to a burst.

mod keys;

use std::hash::Hash;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chassis::address::{limit_key, network_key};
use chassis::http::ClientAddr;
use contracts::problem::Problem;
use governor::clock::{Clock as _, DefaultClock};
use governor::{Quota, RateLimiter};
use metrics::{Counter, Gauge, counter, gauge};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::keys::BoundedKeys;
use crate::config::{LimitsConfig, Rate};
use crate::desk::Desk;
use crate::metrics::{LIMIT_KEYS, LIMIT_KEYS_FULL, LIMITED};

/// `Retry-After` of a refusal, at most: who is told longer gives up.
const RETRY_MAX_S: u64 = 30;

/// All limits.
pub struct Limits {
    pub joins: Limit<()>,
    pub joins_per_address: AddressLimit,
    pub joins_per_fan: Limit<Uuid>,
    /// Tries of access codes and of transfers' codes, right or wrong.
    pub codes_per_address: AddressLimit,
    pub codes_per_fan: Limit<Uuid>,
    pub visitors_per_address: AddressLimit,
    pub accounts_per_address: AddressLimit,
    pub sign_ins_per_address: AddressLimit,
    /// By a digest of the address, so that keys are short and say nothing.
    pub sign_ins_per_email: Limit<[u8; 16]>,
    pub sessions_per_address: AddressLimit,
    pub reads_per_address: AddressLimit,
    pub writes_per_address: AddressLimit,
    pub writes_per_person: Limit<Uuid>,
}

impl Limits {
    /// Names of all limits, as metrics carry them.
    pub const NAMES: [&str; 21] = [
        "joins",
        "joins_per_address",
        "joins_per_network",
        "joins_per_fan",
        "codes_per_address",
        "codes_per_network",
        "codes_per_fan",
        "visitors_per_address",
        "visitors_per_network",
        "accounts_per_address",
        "accounts_per_network",
        "sign_ins_per_address",
        "sign_ins_per_network",
        "sign_ins_per_email",
        "sessions_per_address",
        "sessions_per_network",
        "reads_per_address",
        "reads_per_network",
        "writes_per_address",
        "writes_per_network",
        "writes_per_person",
    ];

    pub fn new(config: &LimitsConfig) -> Self {
        let max = config.keys_max;
        let per_address = |[narrow, wide]: [&'static str; 2], rate: Rate| AddressLimit {
            address: Limit::new(narrow, rate, max),
            network: Limit::new(wide, rate.times(config.network_times), max),
        };
        Self {
            joins: Limit::new("joins", config.joins, max),
            joins_per_address: per_address(["joins_per_address", "joins_per_network"], config.joins_per_address),
            joins_per_fan: Limit::new("joins_per_fan", config.joins_per_fan, max),
            codes_per_address: per_address(["codes_per_address", "codes_per_network"], config.codes_per_address),
            codes_per_fan: Limit::new("codes_per_fan", config.codes_per_fan, max),
            visitors_per_address: per_address(
                ["visitors_per_address", "visitors_per_network"],
                config.visitors_per_address,
            ),
            accounts_per_address: per_address(
                ["accounts_per_address", "accounts_per_network"],
                config.accounts_per_address,
            ),
            sign_ins_per_address: per_address(
                ["sign_ins_per_address", "sign_ins_per_network"],
                config.sign_ins_per_address,
            ),
            sign_ins_per_email: Limit::new("sign_ins_per_email", config.sign_ins_per_email, max),
            sessions_per_address: per_address(
                ["sessions_per_address", "sessions_per_network"],
                config.sessions_per_address,
            ),
            reads_per_address: per_address(["reads_per_address", "reads_per_network"], config.reads_per_address),
            writes_per_address: per_address(["writes_per_address", "writes_per_network"], config.writes_per_address),
            writes_per_person: Limit::new("writes_per_person", config.writes_per_person, max),
        }
    }

    /// Drops keys that no longer matter, every so often, until told to stop.
    pub async fn sweep(&self, every: Duration, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
            self.joins.sweep();
            self.joins_per_fan.sweep();
            self.codes_per_fan.sweep();
            self.sign_ins_per_email.sweep();
            self.writes_per_person.sweep();
            for limit in [
                &self.joins_per_address,
                &self.codes_per_address,
                &self.visitors_per_address,
                &self.accounts_per_address,
                &self.sign_ins_per_address,
                &self.sessions_per_address,
                &self.reads_per_address,
                &self.writes_per_address,
            ] {
                limit.address.sweep();
                limit.network.sweep();
            }
        }
    }
}

impl Limits {
    /// Counts a try of a code by whoever asks from there: trying codes until one fits must take too long.
    pub fn try_code(&self, fan: Uuid, address: IpAddr) -> Result<(), Problem> {
        self.codes_per_fan.check(&fan)?;
        self.codes_per_address.check(address)
    }
}

/// One limit.
pub struct Limit<K: Hash + Eq + Clone> {
    /// Nothing, where it is off.
    limiter: Option<RateLimiter<K, BoundedKeys<K>, DefaultClock>>,
    refused: Counter,
    kept: Gauge,
}

impl<K: Hash + Eq + Clone> Limit<K> {
    fn new(name: &'static str, rate: Rate, keys_max: usize) -> Self {
        let full = counter!(LIMIT_KEYS_FULL, "limit" => name);
        let limiter = NonZeroU32::new(rate.per_second).map(|per_second| {
            let quota =
                Quota::per_second(per_second).allow_burst(NonZeroU32::new(rate.burst).unwrap_or(NonZeroU32::MIN));
            RateLimiter::new(quota, BoundedKeys::new(keys_max, full), DefaultClock::default())
        });
        Self { limiter, refused: counter!(LIMITED, "limit" => name), kept: gauge!(LIMIT_KEYS, "limit" => name) }
    }

    /// Counts one request of this key; refuses it with 429 when there were too many.
    pub fn check(&self, key: &K) -> Result<(), Problem> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        limiter.check_key(key).map_err(|until| {
            self.refused.increment(1);
            let wait = until.wait_time_from(limiter.clock().now());
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            Problem::limited(seconds.clamp(1, RETRY_MAX_S) as u32)
        })
    }

    fn sweep(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.retain_recent();
            self.kept.set(limiter.len() as f64);
        }
    }
}

/// A limit per address, and a wider one per IPv6 /48, so that nobody gets round it with the many /64s of one.
pub struct AddressLimit {
    address: Limit<IpAddr>,
    network: Limit<IpAddr>,
}

impl AddressLimit {
    /// Counts one request from this address.
    fn check(&self, address: IpAddr) -> Result<(), Problem> {
        // The narrow one first: what it refuses costs the neighbours nothing.
        self.address.check(&limit_key(address))?;
        network_key(address).map_or(Ok(()), |network| self.network.check(&network))
    }
}

/// A family of routes with a limit per address.
pub trait Family {
    fn limit(limits: &Limits) -> &AddressLimit;
}

macro_rules! families {
    ($($family:ident = $limit:ident;)*) => {$(
        /// A family of routes.
        pub struct $family;

        impl Family for $family {
            fn limit(limits: &Limits) -> &AddressLimit {
                &limits.$limit
            }
        }
    )*};
}

families! {
    Joins = joins_per_address;
    Visitors = visitors_per_address;
    Accounts = accounts_per_address;
    SignIns = sign_ins_per_address;
    Sessions = sessions_per_address;
    Reads = reads_per_address;
    Writes = writes_per_address;
}

/// The first argument of a handler: the client's address is within the family's limit.
pub struct Within<F>(PhantomData<F>);

impl<F: Family> FromRequestParts<Desk> for Within<F> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, Problem> {
        let Ok(ClientAddr(address)) = ClientAddr::from_request_parts(parts, desk).await;
        F::limit(&desk.limits).check(address)?;
        Ok(Self(PhantomData))
    }
}
