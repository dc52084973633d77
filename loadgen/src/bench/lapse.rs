//! Many holds lapse at once: how long until each seat is offered to the next fan?

use std::collections::HashMap;
use std::time::Duration;

use anyhow::ensure;
use chassis::clock::Clock;
use contracts::sales::SaleDraft;

use super::{Bench, median_and_spread};
use crate::checker::figures::{p99, releases};
use crate::checker::{Facts, History, Tales};
use crate::cli::BenchArgs;
use crate::crowd::CrowdOrder;
use crate::crowd::order::Manner;
use crate::crowd::plan::Twist;
use crate::demo::cast::Cast;
use crate::demo::shape::Shape;
use crate::demo::temporary_folder;
use crate::stage::office::Office;
use crate::stage::{Setup, Stage, arena};

/// How many holds lapse at once.
const HOLDS: u32 = 500;
const TARGET_MS: f64 = 250.0;
const HOLD_TTL_MS: i64 = 4_000;

/// The bench.
pub async fn run(args: &BenchArgs, clock: &Clock) -> anyhow::Result<Bench> {
    let (mut p50s, mut p99s) = (Vec::new(), Vec::new());
    for round in 0..args.rounds {
        let data = temporary_folder(clock)?;
        let setup =
            Setup { data: data.clone(), port: None, split: false, realtime_processes: 1, env: Vec::new(), quiet: true };
        let stage = Stage::start(&setup).await?;
        let offers = one_round(&stage, args, clock).await;
        stage.stop().await;
        // Litter in the temporary folder is no failure of the bench.
        let _ = std::fs::remove_dir_all(&data);
        let mut offers = offers?;
        ensure!(offers.len() > HOLDS as usize / 2, "only {} lapsed holds were followed by another", offers.len());
        let p99 = p99(&mut offers);
        p50s.push(offers[offers.len() / 2]);
        p99s.push(p99);
        eprintln!("round {}: {} lapses, p99 {p99:.0} ms", round + 1, offers.len());
    }
    let (value, spread) = median_and_spread(&mut p99s);
    Ok(Bench {
        name: "lapse".into(),
        value,
        unit: "ms".into(),
        limit_name: "250 ms with up to 2,000 lapses at once".into(),
        limit: TARGET_MS,
        ratio: value / TARGET_MS,
        target: 1.0,
        better: "lower".into(),
        p50_ms: median_and_spread(&mut p50s).0,
        p99_ms: value,
        rounds: args.rounds,
        spread,
    })
}

/// Twice as many fans as seats; the first half holds all of them at once and lets them lapse. The latencies in milliseconds.
async fn one_round(stage: &Stage, args: &BenchArgs, clock: &Clock) -> anyhow::Result<Vec<f64>> {
    let begin_ms = clock.now_ms();
    let office = Office::open(&stage.base, clock.clone(), begin_ms + 120_000).await?;
    let event = office.event("Lapses", &arena::arena("Hall", HOLDS, 0)).await?;
    let opens_at_ms = clock.now_ms() + 2_000 + i64::from(HOLDS) * 4;
    let draft = SaleDraft {
        rate_per_minute: 600_000,
        max_active: 1_000_000,
        hold_ttl_ms: HOLD_TTL_MS,
        extension_ms: 0,
        presence_ms: 60_000,
        ..Shape::new(HOLDS, None).draft(opens_at_ms, opens_at_ms + 3_600_000)
    };
    let sale = office.sale(event.event_id, &draft).await?;
    let order = CrowdOrder {
        base: stage.base.clone(),
        sale: sale.sale_id,
        event: event.event_id,
        picks: false,
        tiers: Vec::new(),
        seed: args.seed,
        first: 0,
        count: HOLDS * 2,
        opens_at_ms,
        until_ms: begin_ms + 120_000,
        hold_ttl_ms: HOLD_TTL_MS,
        presence_ms: 60_000,
        grace_ms: draft.grace_ms,
        manner: Manner {
            at_opening_percent: 100,
            opening_ms: (0, 1_000),
            later_spread_ms: 1,
            think_ms: (0, 0),
            rejoin: false,
            alike: Some(Twist::LetsLapse),
            look_back: true,
        },
    };
    let mut cast = Cast::start(&order, clock).await?;
    let until_ms = opens_at_ms + 30_000 + 2 * HOLD_TTL_MS;
    while cast.numbers().admitted < i64::from(HOLDS) * 2 && clock.now_ms() < until_ms {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // The last ones look at their booking, which tells the seats.
    tokio::time::sleep(Duration::from_secs(2)).await;
    cast.send_home();
    let stories = cast.finish().await?;
    let (numbers, heads) = (HashMap::new(), HashMap::new());
    let facts = Facts { event: event.event_id, capacity: HOLDS, picks: false, paces: Vec::new(), numbers, heads };
    let history = History { facts, stories, faults: Vec::new(), intents: HashMap::new(), ticket_key: Vec::new() };
    Ok(releases(&Tales::of(&history), HOLDS).1)
}
