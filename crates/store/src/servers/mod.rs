//! Private servers: a `redis-server` and a `postgres` of our own, from the system's packages.
//!
//! ```text
//! Programs::find ─▶ PrivateRedis::start    ─┐
//!                └▶ PrivatePostgres::start ─┴▶ url() ─▶ run(stop) restarts what dies ─▶ stop()
//! ```
//!
//! Nothing is mocked and nothing of the machine's own servers is touched: each has a data folder, a unix
//! socket and a process group of its own. All traces are in the folder given:
//!
//! ```text
//! DIR/run/redis.pid, postgres.pid   who runs; locked while one of us owns the folder; empty while none runs
//! DIR/run/redis.conf, redis.sock    what Redis was told, where it listens (or a short folder, if DIR is long)
//! DIR/run/redis.log, postgres.log   what they said; `.log.1` is the run before
//! DIR/postgres/{data,socket}        the database
//! DIR/postgres.location             instead, if the account Postgres runs as cannot enter DIR: where that is
//! ```
//!
//! A server must never outlive us, nor be ended by mistake. Three things see to it: `setpriv --pdeathsig`
//! makes the kernel end it with the thread that started it (`keeper`); [`Drop`] ends it at once; and the
//! next start ends, by process id and after looking at its arguments, whatever was left all the same.

mod account;
mod command;
mod error;
mod folder;
mod keeper;
mod log;
mod pidfile;
mod postgres;
mod process;
mod programs;
mod redis;
mod server;

use std::path::Path;

pub use error::ServerError;
pub use postgres::PrivatePostgres;
pub use programs::{MissingProgram, Programs};
pub use redis::PrivateRedis;

/// Counts how often a private server died and was started again; label `server`.
pub const RESTARTS: &str = "usher_private_server_restarts_total";

/// Ends whatever was left running in `dir` and removes all that private servers keep there, data included.
///
/// Fails, without touching anything of it, while another process of ours uses the folder.
pub async fn wipe(dir: &Path) -> Result<(), ServerError> {
    if dir.exists() {
        redis::wipe(dir).await?;
        postgres::wipe(dir).await?;
    }
    Ok(())
}
