//! Joins per second, committed before the answer, against an empty handler with the same request and reply.
//!
//! Saturation is found with connections that never rest; latency with arrivals on a schedule at four fifths of it, measured from the
//! moment each request was meant to be sent.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use chassis::clock::Clock;
use chassis::secret::unreadable_json;
use contracts::accounts::Visitor;
use contracts::places::{Join, Wishes};
use contracts::sales::SaleDraft;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use super::wire::{Wire, post};
use super::{Bench, median_and_spread};
use crate::cli::BenchArgs;
use crate::demo::shape::Shape;
use crate::demo::temporary_folder;
use crate::stage::child::{Child, Output};
use crate::stage::office::Office;
use crate::stage::{Setup, Stage, arena, path_text, spare_port};

const CONNECTIONS: usize = 128;
const TARGET: f64 = 0.4;

/// Limits that would be what is measured instead of the work.
const NO_LIMITS: [(&str, &str); 2] = [
    ("USHER_GATEWAY__LIMITS__JOINS_PER_ADDRESS", "{per_second=0, burst=1}"),
    ("USHER_GATEWAY__LIMITS__VISITORS_PER_ADDRESS", "{per_second=0, burst=1}"),
];

/// Requests ready to be sent, each once.
struct Requests {
    all: Vec<Vec<u8>>,
    next: AtomicUsize,
}

impl Requests {
    fn take(&self) -> Option<&[u8]> {
        self.all.get(self.next.fetch_add(1, Ordering::Relaxed)).map(Vec::as_slice)
    }

    fn left(&self) -> usize {
        self.all.len().saturating_sub(self.next.load(Ordering::Relaxed))
    }
}

/// The bench.
pub async fn run(args: &BenchArgs, clock: &Clock) -> anyhow::Result<Bench> {
    let data = temporary_folder(clock)?;
    let env = NO_LIMITS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let setup = Setup { data: data.clone(), port: None, split: false, realtime_processes: 1, env, quiet: true };
    let stage = Stage::start(&setup).await?;
    let outcome = on_stage(&stage, args, clock, &data).await;
    stage.stop().await;
    // Litter in the temporary folder is no failure of the bench.
    let _ = std::fs::remove_dir_all(&data);
    outcome
}

async fn on_stage(stage: &Stage, args: &BenchArgs, clock: &Clock, data: &Path) -> anyhow::Result<Bench> {
    let office = Office::open(&stage.base, clock.clone(), clock.now_ms() + 600_000).await?;
    let event = office.event("Joins", &arena::arena("Hall", 100, 0)).await?;
    let now_ms = clock.now_ms();
    // Nobody is let in while joins are counted: the pace is the lowest there is.
    let draft =
        SaleDraft { rate_per_minute: 1, max_active: 1, ..Shape::new(100, None).draft(now_ms, now_ms + 3_600_000) };
    let sale = office.sale(event.event_id, &draft).await?;
    let path = format!("/v1/sales/{}/places", sale.sale_id);
    let body =
        serde_json::to_string(&Join { party: 2, wishes: Wishes { apart: true, ..Wishes::default() }, code: None })?;
    let host = stage.base.trim_start_matches("http://").to_owned();
    let joins = |tokens: Vec<String>| {
        let all = tokens.iter().map(|token| post(&path, &host, Some(token), &body)).collect();
        Arc::new(Requests { all, next: AtomicUsize::new(0) })
    };

    let first = joins(visitors(&stage.base, 1).await?);
    let reply = Wire::connect(&stage.base, None).await?.ask(first.take().context("one request")?).await?;
    ensure!(reply.status == 201, "a join was answered {}: {}", reply.status, String::from_utf8_lossy(&reply.body));
    std::fs::write(data.join("reply.json"), &reply.body)?;
    let mut empty = EmptyHandler::start(data).await?;

    let seconds = Duration::from_secs(args.seconds);
    let (mut values, mut limits) = (Vec::new(), Vec::new());
    let mut guess = 4_000.0_f64;
    for round in 0..args.rounds {
        // Enough for a round half as fast again as the fastest so far; what is over serves the next.
        let wanted = (guess * seconds.as_secs_f64() * 1.5) as usize;
        let requests = joins(visitors(&stage.base, wanted).await?);
        let limit = saturate(&empty.base, &requests, seconds).await?.0;
        requests.next.store(0, Ordering::Relaxed);
        let (value, ran_out) = saturate(&stage.base, &requests, seconds).await?;
        eprintln!(
            "round {}: {value:.0} joins/s, empty handler {limit:.0}/s{}",
            round + 1,
            if ran_out { " (ran out)" } else { "" }
        );
        guess = guess.max(value);
        values.push(value);
        limits.push(limit);
    }
    let (value, spread) = median_and_spread(&mut values);
    let (limit, _) = median_and_spread(&mut limits);
    let rate = value * 0.8;
    let requests = joins(visitors(&stage.base, (rate * seconds.as_secs_f64()) as usize + 1).await?);
    let latency = on_schedule(&stage.base, &requests, rate).await?;
    empty.child.stop(Duration::from_secs(2)).await;
    let ms = |quantile| latency.value_at_quantile(quantile) as f64 / 1_000.0;
    Ok(Bench {
        name: "joins".into(),
        value,
        unit: "joins/s".into(),
        limit_name: "empty axum handler".into(),
        limit,
        ratio: value / limit,
        target: TARGET,
        better: "higher".into(),
        p50_ms: ms(0.5),
        p99_ms: ms(0.99),
        rounds: args.rounds,
        spread,
    })
}

struct EmptyHandler {
    base: String,
    child: Child,
}

impl EmptyHandler {
    async fn start(data: &Path) -> anyhow::Result<Self> {
        let port = spare_port()?;
        let reply = path_text(&data.join("reply.json"))?;
        let args = ["empty-handler", "--port", &port.to_string(), "--reply", &reply].map(str::to_owned);
        let mut child = Child::start(&std::env::current_exe()?, &args, &[], &Output::Inherit, None)?;
        ensure!(child.line_with("ready ").await, "the empty handler did not start");
        Ok(Self { base: format!("http://127.0.0.1:{port}"), child })
    }
}

fn source(number: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 1, (number / 250) as u8, (number % 250 + 1) as u8))
}

/// Tokens of new visitors.
async fn visitors(base: &str, count: usize) -> anyhow::Result<Vec<String>> {
    let request = post("/v1/visitors", base.trim_start_matches("http://"), None, "{}");
    let all = vec![request; count];
    let requests = Arc::new(Requests { all, next: AtomicUsize::new(0) });
    let mut parts = JoinSet::new();
    for number in 0..CONNECTIONS.min(count) {
        let (requests, base) = (requests.clone(), base.to_owned());
        parts.spawn(async move {
            let mut wire = Wire::connect(&base, Some(source(number))).await?;
            let mut tokens = Vec::new();
            while let Some(request) = requests.take() {
                let reply = wire.ask(request).await?;
                ensure!(
                    reply.status < 300,
                    "a visitor was answered {}: {}",
                    reply.status,
                    String::from_utf8_lossy(&reply.body)
                );
                let visitor: Visitor = serde_json::from_slice(&reply.body)
                    .map_err(|fault| anyhow::anyhow!("a visitor's answer: {}", unreadable_json(&fault)))?;
                tokens.push(visitor.token);
            }
            Ok(tokens)
        });
    }
    let mut tokens = Vec::with_capacity(count);
    while let Some(part) = parts.join_next().await {
        tokens.extend(part??);
    }
    Ok(tokens)
}

/// Successes per second with connections that never rest, and whether the requests ran out before the time.
async fn saturate(base: &str, requests: &Arc<Requests>, time: Duration) -> anyhow::Result<(f64, bool)> {
    let begin = Instant::now();
    let mut parts = JoinSet::new();
    for number in 0..CONNECTIONS {
        let (requests, base) = (requests.clone(), base.to_owned());
        parts.spawn(async move {
            let mut wire = Wire::connect(&base, Some(source(number))).await?;
            let mut accepted = 0_u64;
            while begin.elapsed() < time {
                let Some(request) = requests.take() else { break };
                accepted += u64::from(wire.ask(request).await?.status == 201);
            }
            anyhow::Ok(accepted)
        });
    }
    let mut accepted = 0;
    while let Some(part) = parts.join_next().await {
        accepted += part??;
    }
    Ok((accepted as f64 / begin.elapsed().as_secs_f64(), requests.left() == 0))
}

/// Latencies, in microseconds, of arrivals at a fixed rate, each measured from when it was due.
async fn on_schedule(base: &str, requests: &Arc<Requests>, rate: f64) -> anyhow::Result<Histogram<u64>> {
    let begin = Instant::now() + Duration::from_millis(100);
    let every = Duration::from_secs_f64(1.0 / rate);
    let mut parts = JoinSet::new();
    for number in 0..CONNECTIONS {
        let (requests, base) = (requests.clone(), base.to_owned());
        parts.spawn(async move {
            let mut wire = Wire::connect(&base, Some(source(number))).await?;
            let mut latencies = Histogram::<u64>::new(3)?;
            loop {
                let turn = requests.next.fetch_add(1, Ordering::Relaxed);
                let Some(request) = requests.all.get(turn) else { break };
                let due = begin + every * turn as u32;
                tokio::time::sleep_until(due.into()).await;
                wire.ask(request).await?;
                latencies.record(due.elapsed().as_micros() as u64)?;
            }
            anyhow::Ok(latencies)
        });
    }
    let mut all = Histogram::new(3)?;
    while let Some(part) = parts.join_next().await {
        all.add(part??)?;
    }
    Ok(all)
}
