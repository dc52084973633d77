//! Benches that look at the stores and the rules themselves, with lines and halls too large for a crowd to make. `loadgen bench`, which stays outside,
//! runs this program and passes on what it prints: one JSON object per figure.

mod admit;
mod draw;
mod ground;
mod growth;
mod holds;
mod picks;
mod preview;
mod seat_choice;

use clap::Parser;
use serde::Serialize;

use crate::ground::Ground;

/// One figure; the fields are those that `loadgen bench` prints.
#[derive(Debug, Serialize)]
struct Figure {
    name: &'static str,
    value: f64,
    unit: &'static str,
    limit_name: &'static str,
    limit: f64,
    ratio: f64,
    target: f64,
    better: &'static str,
    p50_ms: f64,
    p99_ms: f64,
    rounds: u32,
    spread: f64,
}

#[derive(Debug, Parser)]
struct Args {
    /// `draw`, `admit`, `line-growth`, `preview`, `holds`, `picks` or `seat-choice`.
    name: String,
    /// Rounds of each measurement.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// How many places are a long line; the figures are for as many as are here without it.
    #[arg(long)]
    places: Option<i64>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    anyhow::ensure!(args.rounds > 0, "at least one round");
    // It needs no stores.
    if args.name == "seat-choice" {
        return print(&seat_choice::run(args.rounds)?);
    }
    let ground = Ground::open().await?;
    let outcome = match args.name.as_str() {
        "draw" => draw::run(&ground, args.rounds, args.places.unwrap_or(1_000_000)).await,
        "admit" => admit::run(&ground, args.rounds, args.places.unwrap_or(1_000_000)).await,
        "line-growth" => growth::run(&ground, args.rounds, args.places.unwrap_or(10_000_000)).await,
        "holds" => holds::run(&ground, args.rounds, args.places.unwrap_or(20_000)).await,
        "picks" => picks::run(&ground, args.rounds, args.places.unwrap_or(50_000)).await,
        "preview" => preview::run(&ground, args.rounds, args.places.unwrap_or(1_000_000)).await,
        other => Err(anyhow::anyhow!("there is no bench {other:?}")),
    };
    ground.close().await?;
    print(&outcome?)
}

fn print(figures: &[Figure]) -> anyhow::Result<()> {
    for figure in figures {
        println!("{}", serde_json::to_string(figure)?);
    }
    Ok(())
}

/// The middle of the rounds' values, their range in parts of it, and the largest.
fn middle(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    let (least, most) = (values.first().copied().unwrap_or(0.0), values.last().copied().unwrap_or(0.0));
    let median = values.get(values.len() / 2).copied().unwrap_or(0.0);
    (median, if median > 0.0 { (most - least) / median } else { 0.0 }, most)
}

impl Figure {
    /// Seconds that may not exceed ten.
    fn seconds(name: &'static str, values: Vec<f64>) -> Self {
        const LIMIT_S: f64 = 10.0;
        let rounds = values.len() as u32;
        let (value, spread, most) = middle(values);
        Self {
            name,
            value,
            unit: "s",
            limit_name: "10 s",
            limit: LIMIT_S,
            ratio: value / LIMIT_S,
            target: 1.0,
            better: "lower",
            p50_ms: value * 1_000.0,
            p99_ms: most * 1_000.0,
            rounds,
            spread,
        }
    }
}
