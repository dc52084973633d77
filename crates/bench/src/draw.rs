//! A lobby of a million, from its close to the last published file.

use std::time::Duration;

use admission::{Beacon, Config, DrawConfig};
use chassis::tasks::Tasks;
use domain::draw::{Numbers, write_numbers, write_roster};
use tokio::time::Instant;

use crate::Figure;
use crate::ground::{Ground, SECRET, papers};

/// How much earlier than its close the lobby is ready.
const READY_MS: i64 = 4_000;

pub async fn run(ground: &Ground, rounds: u32, places: i64) -> anyhow::Result<Vec<Figure>> {
    let mut seconds = Vec::new();
    for round in 0..rounds {
        let plot = ground.plot(&format!("draw_{round}")).await?;
        let clock = &ground.clock;
        let sale = plot.sale(clock, 1_000, Some(3_600_000)).await?;
        plot.fill(&sale, places, 1).await?;
        plot.settle().await?;
        let closes_at_ms = clock.now_ms() + READY_MS;
        plot.sql(&format!("update sale set opens_at = from_ms({closes_at_ms}), max_active = 1")).await?;
        let tasks = Tasks::without_signals();
        // The beacon's minute is the rule's, not the work's.
        let draw = DrawConfig { beacon: Beacon::None, ..DrawConfig::default() };
        let config = Config { draw, ..Config::default() };
        admission::prepare(config, SECRET, plot.store.clone(), papers(clock), clock.clone())?.run(&tasks);
        let row = loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            anyhow::ensure!(clock.now_ms() < closes_at_ms + 120_000, "the lobby is not drawn");
            if let Some(row) = plot.store.draw(sale.id).await?
                && row.draw.is_some()
            {
                break row;
            }
        };
        let drawn_s = (clock.now_ms() - closes_at_ms) as f64 / 1_000.0;
        let begun = Instant::now();
        let (_, seed) = row.draw.ok_or_else(|| anyhow::anyhow!("no seed"))?;
        let mut roster = Vec::new();
        for first in (1..=row.size).step_by(20_000) {
            roster.extend(plot.store.places_by_entry(sale.id, first, row.size.min(first + 19_999)).await?);
        }
        anyhow::ensure!(roster.len() as i64 == places, "{} of {places} were drawn", roster.len());
        write_roster(roster, &mut std::io::sink())?;
        write_numbers(&Numbers::draw(&seed, row.size), &mut std::io::sink())?;
        let files_s = begun.elapsed().as_secs_f64();
        eprintln!("round {}: drawn {drawn_s:.2} s after the close, its files {files_s:.2} s more", round + 1);
        seconds.push(drawn_s + files_s);
        tasks.stop();
        tasks.run_until_stopped(Duration::from_secs(10)).await.ok();
    }
    Ok(vec![Figure::seconds("draw", seconds)])
}
