//! Admissions per second through the whole pacing loop, against the bare statement that lets as many in.

use std::sync::Arc;
use std::time::Duration;

use admission::Config;
use chassis::clock::Clock;
use chassis::tasks::Tasks;
use futures_util::future::try_join_all;
use tokio::time::Instant;
use uuid::Uuid;

use crate::ground::{Ground, Plot, SECRET, papers};
use crate::{Figure, middle};

/// One sale's cap of 10,000 a second would be what is measured: there, Postgres's clock and the holder's run this much faster.
const FASTER: i64 = 10;
/// The cap of each of many sales, in fans per minute: more in all than can be let in, and no sale far before the others.
const RATE_OF_MANY: u32 = 60_000;
const TARGET: f64 = 0.5;
/// Seats that nobody takes; more than are let in at once.
const SEATS: u32 = 6_000;

pub async fn run(ground: &Ground, rounds: u32, places: i64) -> anyhow::Result<Vec<Figure>> {
    let one = measure(ground, rounds, places, 1, "admit").await?;
    Ok(vec![one, measure(ground, rounds, places, 100, "admit-100-sales").await?])
}

async fn measure(
    ground: &Ground,
    rounds: u32,
    places: i64,
    sales: usize,
    name: &'static str,
) -> anyhow::Result<Figure> {
    let (mut values, mut limits) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let plot = ground.plot(&format!("admit_{sales}_{round}")).await?;
        for _ in 0..sales {
            let sale = plot.sale(&ground.clock, SEATS, None).await?;
            plot.fill(&sale, places / sales as i64, 1).await?;
        }
        if sales > 1 {
            plot.sql(&format!("update sale set rate_per_minute = {RATE_OF_MANY}")).await?;
        }
        plot.leave_at_once().await?;
        plot.settle().await?;
        // About the first half of every line through the loop, the rest by the bare statement.
        let (value, batch) = loop_of(ground, &plot, places / 2, sales == 1).await?;
        let limit = bare(&plot, sales, places / sales as i64, batch).await?;
        eprintln!("round {}, {sales} sales: {value:.0}/s, bare {limit:.0}/s in batches of {batch}", round + 1);
        values.push(value);
        limits.push(limit);
    }
    let ((value, spread, _), (limit, ..)) = (middle(values), middle(limits));
    Ok(Figure {
        name,
        value,
        unit: "admissions/s",
        limit_name: "bare update in batches of the same size",
        limit,
        ratio: value / limit,
        target: TARGET,
        better: "higher",
        p50_ms: 0.0,
        p99_ms: 0.0,
        rounds,
        spread,
    })
}

/// Admissions per second until so many are in, and the mean batch.
async fn loop_of(ground: &Ground, plot: &Plot, until: i64, faster: bool) -> anyhow::Result<(f64, i64)> {
    let begun_ms = ground.clock.now_ms();
    let (clock, tasks) = (if faster { Clock::fixed(begun_ms) } else { ground.clock.clone() }, Tasks::without_signals());
    let mut store = plot.store.clone();
    if faster {
        plot.sql(&format!(
            "create schema clock;
             create function clock.clock_timestamp() returns timestamptz language sql volatile as
             $$ select from_ms({begun_ms}) + (pg_catalog.clock_timestamp() - from_ms({begun_ms})) * {FASTER} $$;
             do $$ begin execute format('alter database %I set search_path = clock, public, pg_catalog', current_database()); end $$"
        ))
        .await?;
        store = ground.store(&plot.url).await?;
    }
    let config = Config { lease_ttl_ms: 4_000, ..Config::default() };
    admission::prepare(config, SECRET, store, papers(&clock), clock.clone())?.run(&tasks);
    let mut begun: Option<(Instant, i64)> = None;
    let outcome = loop {
        tokio::time::sleep(Duration::from_millis(5)).await;
        if faster {
            clock.advance((ground.clock.now_ms() - begun_ms) * FASTER + begun_ms - clock.now_ms());
        }
        let (in_now, ticks): (i64, i64) = sqlx::query_as("select coalesce(sum(admitted), 0), count(*) from pace_tick")
            .fetch_one(plot.store.pool())
            .await?;
        match begun {
            None if in_now > 0 => begun = Some((Instant::now(), in_now)),
            Some((at, first)) if in_now >= until => {
                break ((in_now - first) as f64 / at.elapsed().as_secs_f64(), in_now / ticks.max(1));
            }
            _ => anyhow::ensure!(ground.clock.now_ms() < begun_ms + 300_000, "{in_now} are in after five minutes"),
        }
    };
    tasks.stop();
    tasks.run_until_stopped(Duration::from_secs(10)).await.ok();
    Ok(outcome)
}

/// The same by nothing but the statement, on as many connections as there are sales, up to the pool's.
async fn bare(plot: &Plot, lines: usize, places: i64, batch: i64) -> anyhow::Result<f64> {
    let left: Vec<(Uuid, i64)> =
        sqlx::query_as("select sale, min(entry) from place where state = 'waiting' group by sale")
            .fetch_all(plot.store.pool())
            .await?;
    anyhow::ensure!(left.len() * 2 > lines, "nobody is left in {} lines", lines - left.len());
    let (pool, begun) = (Arc::new(plot.store.pool().clone()), Instant::now());
    let all = left.into_iter().map(|(sale, first)| {
        let pool = pool.clone();
        async move {
            let mut done = 0;
            for from in (first..=places).step_by(batch as usize) {
                let entries: Vec<i64> = (from..=places.min(from + batch - 1)).collect();
                let updated = sqlx::query(
                    "update place set state = 'standing', admitted_at = clock_timestamp() where sale = $1 and entry = any($2)",
                )
                .bind(sale)
                .bind(&entries)
                .execute(&*pool)
                .await?;
                done += updated.rows_affected();
            }
            anyhow::Ok(done)
        }
    });
    let done: u64 = try_join_all(all).await?.into_iter().sum();
    Ok(done as f64 / begun.elapsed().as_secs_f64())
}
