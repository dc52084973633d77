//! Numbers against a limit that is measured in the same run.

pub mod empty;
mod inside;
pub mod joins;
pub mod lapse;
pub mod wire;

use std::borrow::Cow;
use std::process::ExitCode;

use anyhow::ensure;
use chassis::clock::Clock;
use serde::{Deserialize, Serialize};

use crate::cli::BenchArgs;

/// One bench's outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bench {
    /// Which.
    pub name: Cow<'static, str>,
    /// What was measured.
    pub value: f64,
    /// Of what.
    pub unit: Cow<'static, str>,
    /// What it is measured against.
    pub limit_name: Cow<'static, str>,
    /// The limit, in the same unit.
    pub limit: f64,
    /// `value / limit`.
    pub ratio: f64,
    /// What the ratio must reach.
    pub target: f64,
    /// `higher` or `lower`.
    pub better: Cow<'static, str>,
    /// The median latency.
    pub p50_ms: f64,
    /// The latency that 99 of 100 do not exceed.
    pub p99_ms: f64,
    /// How often it was measured.
    pub rounds: u32,
    /// The range of the rounds' values in parts of their median.
    pub spread: f64,
}

#[derive(Serialize)]
struct Benches {
    benches: Vec<Bench>,
}

/// `loadgen bench`.
pub async fn run(args: BenchArgs, clock: Clock) -> anyhow::Result<ExitCode> {
    const NAMES: [&str; 9] =
        ["joins", "lapse", "draw", "admit", "line-growth", "preview", "holds", "picks", "seat-choice"];
    let unknown: Vec<_> = args.names.iter().filter(|name| !NAMES.contains(&name.as_str())).collect();
    ensure!(unknown.is_empty(), "there is no bench {unknown:?}; there are {}", NAMES.join(", "));
    let wanted = |name: &str| args.names.is_empty() || args.names.iter().any(|one| one == name);
    let mut benches = Vec::new();
    if wanted("joins") {
        benches.push(joins::run(&args, &clock).await?);
    }
    if wanted("lapse") {
        benches.push(lapse::run(&args, &clock).await?);
    }
    for name in inside::NAMES {
        if wanted(name) {
            benches.extend(inside::run(name, args.rounds).await?);
        }
    }
    if !args.json {
        for bench in &benches {
            println!(
                "{}: {:.3} {} ({:.2} of {}: {:.3}; target {:.2}), p50 {:.2} ms, p99 {:.2} ms, spread {:.2}",
                bench.name,
                bench.value,
                bench.unit,
                bench.ratio,
                bench.limit_name,
                bench.limit,
                bench.target,
                bench.p50_ms,
                bench.p99_ms,
                bench.spread
            );
        }
    }
    println!("{}", serde_json::to_string(&Benches { benches })?);
    Ok(ExitCode::SUCCESS)
}

/// The middle value, and the range in parts of it.
pub fn median_and_spread(values: &mut [f64]) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let median = values.get(values.len() / 2).copied().unwrap_or(0.0);
    let range = values.last().copied().unwrap_or(0.0) - values.first().copied().unwrap_or(0.0);
    (median, if median > 0.0 { range / median } else { 0.0 })
}
