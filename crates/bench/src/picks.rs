//! Tens of thousands click on a map with a tenth of the seats, at a fixed rate: from the click to the answer.
//!
//! Whoever loses takes what is offered as the nearest, some times. In the end no seat may be somebody's twice, every click have its
//! answer, and the maps of two nodes be what Postgres says; otherwise there is no figure.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use chassis::tasks::Tasks;
use contracts::ids::{EventId, SaleId};
use contracts::papers::Receipt;
use contracts::picking::{PickSeats, SeatsTaken, TakenSeats};
use http_body_util::BodyExt as _;
use rand::RngExt as _;
use store::Store;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::ground::{Ground, Plot, Sale, papers};
use crate::{Figure, middle};

/// Sections, their rows and the seats of a row.
const HALL: (u16, u16, u32) = (10, 20, 25);
const SEATS: u32 = 5_000;
/// First clicks in a second.
const PER_SECOND: f64 = 10_000.0;
/// How often a loser takes the nearest.
const TRIES: u32 = 3;
const LIMIT_MS: f64 = 25.0;

pub async fn run(ground: &Ground, rounds: u32, places: i64) -> anyhow::Result<Vec<Figure>> {
    let (mut medians, mut tails) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let plot = ground.plot(&format!("picks_{round}")).await?;
        let sale = plot.picked(&ground.clock, HALL).await?;
        plot.fill(&sale, places, 2).await?;
        plot.sql(
            "update place set state = 'standing', admitted_at = clock_timestamp(), shops_until = clock_timestamp() + interval '1 hour'",
        )
        .await?;
        plot.settle().await?;
        let mut clicks = contended(ground, &plot, &sale, places).await?;
        clicks.sort_by(f64::total_cmp);
        let at = |share: f64| clicks[((clicks.len() - 1) as f64 * share) as usize];
        eprintln!("round {}: {} clicks, p50 {:.1} ms, p99 {:.1} ms", round + 1, clicks.len(), at(0.5), at(0.99));
        medians.push(at(0.5));
        tails.push(at(0.99));
    }
    let ((value, spread, _), (p50_ms, ..)) = (middle(tails), middle(medians));
    Ok(vec![Figure {
        name: "picks",
        value,
        unit: "ms",
        limit_name: "25 ms from the click to the answer, 10,000 first clicks a second on 5,000 seats",
        limit: LIMIT_MS,
        ratio: value / LIMIT_MS,
        target: 1.0,
        better: "lower",
        p50_ms,
        p99_ms: value,
        rounds,
        spread,
    }])
}

/// One node of the role.
struct Node {
    router: Router,
    tasks: Tasks,
}

impl Node {
    fn start(ground: &Ground, store: Store) -> anyhow::Result<Self> {
        let (clock, tasks) = (ground.clock.clone(), Tasks::without_signals());
        let role = inventory::prepare(inventory::Config::default(), store, papers(&clock), clock)?;
        role.run(&tasks);
        Ok(Self { router: role.router(), tasks })
    }

    /// Which seats are gone, as bits; nothing before the node knows.
    async fn map(&self, event: Uuid) -> anyhow::Result<Option<Vec<u8>>> {
        let request = Request::get(format!("/v1/events/{}/taken-seats", EventId(event))).body(Body::empty())?;
        let response = self.router.clone().oneshot(request).await?;
        if response.status() != StatusCode::OK {
            return Ok(None);
        }
        let body = response.into_body().collect().await?.to_bytes();
        match serde_json::from_slice(&body)? {
            TakenSeats::All(seats) => Ok(Some(seats.taken().context("the bits of the map")?)),
            TakenSeats::Since(moved) => anyhow::bail!("all was asked for: {moved:?}"),
        }
    }
}

/// Every click's time to its answer, in milliseconds from when it was due.
async fn contended(ground: &Ground, plot: &Plot, sale: &Sale, places: i64) -> anyhow::Result<Vec<f64>> {
    let nodes = [Node::start(ground, plot.store.clone())?, Node::start(ground, ground.store(&plot.url).await?)?];
    for node in &nodes {
        while node.map(sale.event).await?.is_none() {
            sleep(Duration::from_millis(20)).await;
        }
    }
    let fans: Vec<(Uuid, i64)> = sqlx::query_as("select id, entry from place where sale = $1 order by entry")
        .bind(sale.id)
        .fetch_all(plot.store.pool())
        .await?;
    ensure!(fans.len() as i64 == places, "{} of {places} are there", fans.len());
    let (papers, now_ms) = (papers(&ground.clock), ground.clock.now_ms());
    let path: Arc<str> = format!("/v1/sales/{}/places/mine/seats", SaleId(sale.id)).into();
    let begins = Instant::now() + Duration::from_secs(1);
    let mut clicking = JoinSet::new();
    for (nth, (place, entry)) in fans.into_iter().enumerate() {
        let receipt = Receipt {
            sale: sale.id,
            event: sale.event,
            place,
            fan: place,
            entry,
            party: 2,
            issued_ms: now_ms,
            expires_ms: now_ms + 3_600_000,
            joins: 0,
        };
        let (bearer, path) = (format!("Bearer {}", papers.receipt(&receipt)), path.clone());
        let router = nodes[nth % 2].router.clone();
        let due = begins + Duration::from_secs_f64(nth as f64 / PER_SECOND);
        // Parties of one and two, as the line was filled.
        let party = 1 + (entry % 2) as u32;
        clicking.spawn(async move { fan(router, &path, &bearer, party, due).await });
    }
    let mut took = Vec::new();
    while let Some(fan) = clicking.join_next().await {
        took.extend(fan??);
    }
    let (rows, seats): (i64, i64) = sqlx::query_as("select count(*), count(distinct seat) from hold_seat where live")
        .fetch_one(plot.store.pool())
        .await?;
    ensure!(rows == seats, "{} seats are somebody's twice", rows - seats);
    let taken: Vec<i32> =
        sqlx::query_scalar("select seat from hold_seat where live").fetch_all(plot.store.pool()).await?;
    let mut told = vec![0_u8; SEATS.div_ceil(8) as usize];
    for seat in taken {
        told[seat as usize / 8] |= 1 << (seat % 8);
    }
    for node in &nodes {
        let until = Instant::now() + Duration::from_secs(1);
        while node.map(sale.event).await?.as_ref() != Some(&told) {
            ensure!(Instant::now() < until, "a second later a node's map is another one");
            sleep(Duration::from_millis(10)).await;
        }
    }
    eprintln!("{rows} of {SEATS} seats are held, each once; both maps say so");
    for node in nodes {
        node.tasks.stop();
        node.tasks.run_until_stopped(Duration::from_secs(10)).await.ok();
    }
    Ok(took)
}

/// A fan clicks on neighbouring seats somewhere, and on the nearest if they are gone.
async fn fan(router: Router, path: &str, bearer: &str, party: u32, due: Instant) -> anyhow::Result<Vec<f64>> {
    sleep_until(due).await;
    let first = rand::rng().random_range(0..SEATS - 1);
    let (mut seats, mut due) = ((first..first + party).collect::<Vec<_>>(), due);
    let mut took = Vec::new();
    for _ in 0..TRIES {
        let request = Request::put(path)
            .header("authorization", bearer)
            .header("content-type", "application/json")
            .body(Body::from(serde_json::to_vec(&PickSeats { seats })?))?;
        let response = router.clone().oneshot(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        took.push(due.elapsed().as_secs_f64() * 1_000.0);
        match status {
            StatusCode::OK => break,
            StatusCode::CONFLICT => seats = serde_json::from_slice::<SeatsTaken>(&body)?.nearest,
            _ => anyhow::bail!("{status}: {}", String::from_utf8_lossy(&body)),
        }
        if seats.is_empty() {
            break;
        }
        due = Instant::now() + Duration::from_millis(rand::rng().random_range(500..2_000));
        sleep_until(due).await;
    }
    Ok(took)
}
