//! The only code that speaks SQL and Redis.
//!
//! Postgres decides and remembers; Redis carries the feed, who was seen when, and nothing that could not be rebuilt in
//! seconds. Every operation here is one transaction judged by Postgres's clock; its change of a lane is recorded in the same
//! transaction, and copied to the feed after the commit.

pub mod accounts;
pub mod allotments;
pub mod announcements;
pub mod availability;
pub mod bells;
pub mod blocks;
pub mod bookings;
pub mod clock;
pub mod draw;
mod drawn;
pub mod entry;
mod error;
pub mod events;
pub mod exchanges;
pub mod feed;
pub mod follow;
pub mod gifts;
pub mod halls;
pub mod holds;
pub mod idempotency;
pub mod inserts;
pub mod joins;
pub mod leases;
pub mod log;
pub mod mending;
pub mod mirror;
pub mod numbers;
pub mod owners;
pub mod pace;
pub mod payments;
mod pg;
pub mod picks;
pub mod place_history;
mod rebuild;
mod redis_door;
pub mod report;
mod sale_now;
pub mod seating;
pub mod seats_now;
pub mod servers;
pub mod situation;
pub mod standing;
pub mod transfers;
pub mod tuning;
pub mod verify;
pub mod waiting;
pub mod wishes;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

pub use drawn::DrawsBusy;
pub use error::StoreError;
pub use pg::{connect_postgres, migrate};
pub use rebuild::Epoch;
pub use redis_door::RedisDoor;
use sqlx::PgPool;
use uuid::Uuid;

/// What every operation returns.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Where the stores are.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// `postgres://…`, also with a unix socket folder as `host`.
    pub database_url: String,
    /// `redis://…` or `redis+unix://…`.
    pub redis_url: String,
    /// Connections to Postgres, at most.
    pub pool_max: u32,
}

/// Guards that tests may take away, to see that a test without them fails.
#[derive(Debug, Clone, Copy)]
pub struct Guards {
    /// A decision names its lease's term, and fails if it moved.
    pub term_check: bool,
    /// A hold lapses only once Postgres's clock has passed its deadline.
    pub clock_check: bool,
    /// An import of a seat map locks the sales that it found unpublished.
    pub map_lock: bool,
    /// An edit of a seat map that is on sale ends the turn of whoever seats by the one before.
    pub map_term: bool,
    /// No more are let in than the rate, the caps and the flow allow.
    pub rate_check: bool,
    /// Nobody is let in by an order from before the draw.
    pub draw_check: bool,
    /// A code is good for no more uses than it has.
    pub code_limit: bool,
    /// A place goes over to one fan per code.
    pub transfer_once: bool,
    /// A sale takes no more seats than its allotment.
    pub allotment_check: bool,
    /// Nobody gets more tickets of an event than one person may have.
    pub person_check: bool,
    /// Nobody begins to hold seats that they picked after their time for it, by the sale's clock.
    pub shop_time: bool,
    /// Nobody of a lobby is let in before its draw.
    pub draw_wait: bool,
    /// Who joins after the opening is not in the lobby's draw.
    pub lobby_end: bool,
    /// Nobody is seated or sent away by wishes that they have changed.
    pub wish_check: bool,
    /// A question is open until the time that the fan was told, by Postgres's clock.
    pub answer_time: bool,
    /// Nobody is told that the draw's roster will have them once its size is fixed.
    pub roster_promise: bool,
    /// A join is dated no earlier than the one before it.
    pub join_clock: bool,
    /// Nobody is let in before the holder's clock, too, says that it is time.
    pub own_clock: bool,
    /// What an earlier holder let in counts for as much longer as a clock may have been stepped.
    pub step_margin: bool,
    /// A committed draw is not edited away, and no sale is made to have opened already.
    pub promise_check: bool,
    /// Nobody takes a second place over in a sale that gives each fan one.
    pub rejoin_check: bool,
    /// A hold lapses by its sale's clock, which operators freeze.
    pub freeze_check: bool,
    /// No hold ends by the clock while an operator is about to change that.
    pub freeze_lock: bool,
    /// A hold's seats are exchanged once.
    pub exchange_once: bool,
    /// Only what is still held, and asked for, is exchanged.
    pub exchange_held: bool,
}

impl Guards {
    /// All of them.
    pub const ALL: Self = Self {
        term_check: true,
        clock_check: true,
        map_lock: true,
        map_term: true,
        rate_check: true,
        draw_check: true,
        code_limit: true,
        transfer_once: true,
        allotment_check: true,
        person_check: true,
        shop_time: true,
        draw_wait: true,
        lobby_end: true,
        wish_check: true,
        answer_time: true,
        roster_promise: true,
        join_clock: true,
        own_clock: true,
        step_margin: true,
        promise_check: true,
        rejoin_check: true,
        freeze_check: true,
        freeze_lock: true,
        exchange_once: true,
        exchange_held: true,
    };
}

/// The doors to Postgres and Redis. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) pool: PgPool,
    pub(crate) redis: RedisDoor,
    pub(crate) bells: Arc<bells::Bells>,
    /// The epoch each event's writers name, until Redis refuses it.
    pub(crate) epochs: Arc<Mutex<HashMap<Uuid, i64>>>,
    drawn: Arc<drawn::Drawn>,
    #[cfg(feature = "without-guards")]
    guards: Guards,
}

impl Store {
    /// Opens both doors. Redis may be away: its door then opens by itself later, and everything is carried by Postgres alone.
    ///
    /// # Errors
    /// When Postgres cannot be reached.
    pub async fn open(config: &StoreConfig) -> Result<Self> {
        let pool = connect_postgres(&config.database_url, config.pool_max).await?;
        Self::with_pool(pool, &config.redis_url)
    }

    /// On a pool that is already open.
    ///
    /// # Errors
    /// When the Redis address cannot be understood.
    pub fn with_pool(pool: PgPool, redis_url: &str) -> Result<Self> {
        Ok(Self {
            pool,
            redis: RedisDoor::open(redis_url)?,
            bells: Arc::new(bells::Bells::open(redis_url)?),
            epochs: Arc::default(),
            drawn: Arc::default(),
            #[cfg(feature = "without-guards")]
            guards: Guards::ALL,
        })
    }

    /// The same store with some guards taken away; only tests can build this.
    #[cfg(feature = "without-guards")]
    #[must_use]
    pub fn without(mut self, guards: Guards) -> Self {
        self.guards = guards;
        self
    }

    #[cfg(feature = "without-guards")]
    pub(crate) const fn guards(&self) -> Guards {
        self.guards
    }

    #[cfg(not(feature = "without-guards"))]
    #[expect(clippy::unused_self, reason = "the same call reads the field where tests may take guards away")]
    pub(crate) const fn guards(&self) -> Guards {
        Guards::ALL
    }

    /// The pool, for checks and tests.
    #[must_use]
    pub const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Redis, for checks and tests.
    #[must_use]
    pub const fn redis(&self) -> &RedisDoor {
        &self.redis
    }
}
