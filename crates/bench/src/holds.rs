//! Holds per second of one hot sale through the whole seating, against the bare statements that write the same rows.

use std::time::Duration;

use chassis::tasks::Tasks;
use tokio::time::Instant;

use crate::ground::{Ground, Plot, SECRET, papers};
use crate::{Figure, middle};

/// Sections, their rows and the seats of a row: a stadium of 60,000.
const STADIUM: (u16, u16, u32) = (60, 40, 25);
/// Seats of a party on average: one to four.
const PARTY_MAX: i16 = 4;
/// As the seating commits them.
const BATCH: i64 = 256;
const TARGET: f64 = 0.3;

pub async fn run(ground: &Ground, rounds: u32, places: i64) -> anyhow::Result<Vec<Figure>> {
    let (mut values, mut limits) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let plot = ground.plot(&format!("holds_{round}")).await?;
        let sale = plot.reserved(&ground.clock, STADIUM).await?;
        plot.fill(&sale, places, PARTY_MAX).await?;
        plot.sql("update place set state = 'standing', admitted_at = clock_timestamp()").await?;
        plot.settle().await?;
        let value = seated(ground, &plot, places).await?;
        let limit = bare(&plot).await?;
        eprintln!("round {}: {value:.0} holds/s, bare {limit:.0}/s in batches of {BATCH}", round + 1);
        values.push(value);
        limits.push(limit);
    }
    let ((value, spread, _), (limit, ..)) = (middle(values), middle(limits));
    Ok(vec![Figure {
        name: "holds",
        value,
        unit: "holds/s",
        limit_name: "bare inserts and updates of the same rows in batches of the same size",
        limit,
        ratio: value / limit,
        target: TARGET,
        better: "higher",
        p50_ms: 0.0,
        p99_ms: 0.0,
        rounds,
        spread,
    }])
}

/// Holds per second until everybody who stands has seats.
async fn seated(ground: &Ground, plot: &Plot, places: i64) -> anyhow::Result<f64> {
    let (tasks, begun_ms) = (Tasks::without_signals(), ground.clock.now_ms());
    let config = booking_worker::Config::default();
    let clock = ground.clock.clone();
    let worker = booking_worker::prepare(config, SECRET, plot.store.clone(), papers(&clock), clock).await?;
    worker.run(&tasks);
    let mut begun: Option<(Instant, i64)> = None;
    let per_second = loop {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let held: i64 = sqlx::query_scalar("select count(*) from booking").fetch_one(plot.store.pool()).await?;
        match begun {
            None if held > 0 => begun = Some((Instant::now(), held)),
            Some((at, first)) if held >= places => break (held - first) as f64 / at.elapsed().as_secs_f64(),
            _ => anyhow::ensure!(ground.clock.now_ms() < begun_ms + 300_000, "{held} are held after five minutes"),
        }
    };
    tasks.stop();
    tasks.run_until_stopped(Duration::from_secs(10)).await.ok();
    Ok(per_second)
}

/// The same rows once more, by nothing but the statements that write them.
async fn bare(plot: &Plot) -> anyhow::Result<f64> {
    plot.sql(
        "create table kept as select row_number() over (order by id) as nth, b from booking b;
         create table kept_seat as select k.nth, h from kept k join hold_seat h on h.booking = (k.b).id;
         create index on kept (nth);
         create index on kept_seat (nth);
         update place set state = 'standing';
         truncate hold_seat, booking cascade;
         analyze kept, kept_seat",
    )
    .await?;
    plot.settle().await?;
    let places: i64 = sqlx::query_scalar("select count(*) from kept").fetch_one(plot.store.pool()).await?;
    let begun = Instant::now();
    for first in (1..=places).step_by(BATCH as usize) {
        let mut tx = plot.store.pool().begin().await?;
        for statement in [
            "insert into booking select (b).* from kept where nth between $1 and $2",
            "insert into hold_seat select (h).* from kept_seat where nth between $1 and $2",
            "update place p set state = 'holding' from kept k where k.nth between $1 and $2 and p.id = (k.b).place",
        ] {
            sqlx::query(statement).bind(first).bind(first + BATCH - 1).execute(&mut *tx).await?;
        }
        tx.commit().await?;
    }
    Ok(places as f64 / begun.elapsed().as_secs_f64())
}
