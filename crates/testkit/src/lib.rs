//! For tests only: the real servers, private to a test, and the faults they meet.
//!
//! | what | per | cost |
//! |---|---|---|
//! | [`database`]: a migrated Postgres database | test, on one [`postgres`] per test process | tens of milliseconds |
//! | [`redis`]: a `redis-server` | test | tens of milliseconds |
//! | [`FaultProxy`]: a connection that can be cut, delayed, swallowed | test | nothing |
//! | [`eventually`]: a wait on a condition, with a bound | | |
//!
//! Helpers panic with a reason instead of returning errors: a test that cannot have its servers has failed.
//! Whatever is started ends, and whatever is written is removed, with the test process, even a killed one.

mod eventually;
mod postgres;
mod proxy;
mod redis;
mod scratch;

pub use self::{
    eventually::eventually,
    postgres::{TestDatabase, TestPostgres, database, postgres},
    proxy::FaultProxy,
    redis::{TestRedis, redis},
    scratch::ScratchDir,
};
