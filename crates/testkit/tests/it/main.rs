//! The test kit and the private servers, tested on real ones.

mod eventually;
mod kit;
mod leftovers;
mod proxy;
mod supervision;

use std::{path::Path, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::{Connection as _, PgConnection};
use store::servers::Programs;
use testkit::eventually;

fn programs() -> Programs {
    Programs::find().unwrap_or_else(|missing| panic!("{missing}"))
}

/// The process that serves `dir` now, if one does.
fn recorded_pid(dir: &Path, server: &str) -> Option<u32> {
    std::fs::read_to_string(dir.join("run").join(format!("{server}.pid"))).ok()?.trim().parse().ok()
}

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).unwrap();
}

fn lives(pid: u32) -> bool {
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

async fn until_dead(pid: u32) {
    eventually(Duration::from_secs(20), async || !lives(pid)).await;
}

/// Runs statements on a connection of their own.
async fn sql(url: &str, statements: &'static str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(statements).execute(&mut connection).await?;
    connection.close().await
}

/// The number of rows of the table `kept`.
async fn kept(url: &str) -> Result<i64, sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::query_scalar("SELECT count(*) FROM kept").fetch_one(&mut connection).await
}

async fn redis_command(url: &str, command: &str) -> redis::RedisResult<redis::Value> {
    let mut connection = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
    let mut words = command.split(' ');
    redis::cmd(words.next().unwrap()).arg(words.collect::<Vec<_>>()).query_async(&mut connection).await
}
