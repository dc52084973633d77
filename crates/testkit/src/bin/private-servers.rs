//! `private-servers DIR`: a private Redis and Postgres in DIR, supervised until Ctrl-C or SIGTERM.
//!
//! For looking around by hand (`psql "$URL"`), and for tests that kill the process their servers belong to.
//! Prints one line per server, `NAME PID URL`, and then `ready`.

use std::path::PathBuf;

use anyhow::Context as _;
use store::servers::{PrivatePostgres, PrivateRedis, Programs};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let dir: PathBuf = std::env::args_os().nth(1).context("usage: private-servers DIR")?.into();
    // First of all, so that whoever reads `ready` can rely on them.
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let programs = Programs::find()?;
    let mut redis = PrivateRedis::start(&dir, &programs).await?;
    let mut postgres = PrivatePostgres::start(&dir, &programs, true).await?;
    for (name, pid, url) in [("redis", redis.pid(), redis.url()), ("postgres", postgres.pid(), postgres.url())] {
        println!("{name} {} {url}", pid.unwrap_or_default());
    }
    println!("ready");

    let stop = CancellationToken::new();
    tokio::select! {
        supervised = async { tokio::try_join!(redis.run(stop.clone()), postgres.run(stop.clone())) } => {
            supervised?;
        }
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    redis.stop().await?;
    postgres.stop().await?;
    Ok(())
}
