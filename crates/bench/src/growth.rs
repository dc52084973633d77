//! What a join, an admission and the look for how many are ahead cost in a long line, against a short one.

use std::hint::black_box;
use std::time::Duration;

use domain::order::Class;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use store::follow::Follower;
use store::joins::{Accepts, JoinAsk, JoinBatch};
use store::leases::{Lease, Office};
use store::pace::{Measured, PaceAsk};
use tokio::time::Instant;

use crate::ground::{Ground, Plot, Sale};
use crate::{Figure, middle};

const SHORT: i64 = 10_000;
/// Joins in a batch, and places let in at once.
const BATCH: usize = 40;
/// Turns of a round: each a batch, a tick, and some looks.
const TURNS: usize = 60;
/// Looks of a turn.
const LOOKS: usize = 10_000;
const TARGET: f64 = 1.2;

struct Line {
    plot: Plot,
    sale: Sale,
    lease: Lease,
    follower: Follower,
}

/// Of a turn: a batch of joins, a tick, and a look, in milliseconds.
type Costs = [f64; 3];

pub async fn run(ground: &Ground, rounds: u32, places: i64) -> anyhow::Result<Vec<Figure>> {
    let mut short = line(ground, "short", SHORT).await?;
    let mut long = line(ground, "long", places).await?;
    let (mut of_short, mut of_long) = (Vec::new(), Vec::new());
    // One unmeasured round. By turns, so that whatever else the machine does is done to both.
    for round in 0..=rounds {
        for _ in 0..TURNS {
            let (costs_short, costs_long) = (short.costs(ground).await?, long.costs(ground).await?);
            if round > 0 {
                of_short.push(costs_short);
                of_long.push(costs_long);
            }
        }
    }
    let figure = |nth: usize, name, limit_name| {
        let of = |turns: &[Costs]| turns.iter().map(|costs| costs[nth]).collect::<Vec<f64>>();
        let each_round = of_long.chunks(TURNS).map(|turns| middle(of(turns)).0).collect();
        let ((value, _, most), (limit, ..)) = (middle(of(&of_long)), middle(of(&of_short)));
        Figure {
            name,
            value,
            unit: "ms",
            limit_name,
            limit,
            ratio: value / limit,
            target: TARGET,
            better: "lower",
            p50_ms: value,
            p99_ms: most,
            rounds,
            spread: middle(each_round).1,
        }
    };
    Ok(vec![
        figure(0, "line-growth-join", "a batch of 40 joins with 10 thousand waiting"),
        figure(1, "line-growth-admit", "a tick that lets in 40 with 10 thousand waiting"),
        figure(2, "line-growth-ahead", "a look for how many are ahead with 10 thousand waiting"),
    ])
}

async fn line(ground: &Ground, name: &str, places: i64) -> anyhow::Result<Line> {
    let plot = ground.plot(name).await?;
    let sale = plot.sale(&ground.clock, 1_000, None).await?;
    let begun = Instant::now();
    plot.fill(&sale, places, 1).await?;
    plot.leave_at_once().await?;
    plot.settle().await?;
    let filled_s = begun.elapsed().as_secs_f64();
    let lease = plot.store.take_lease(Office::Pacing, sale.id, chassis::ids::new(&ground.clock), 600_000).await?;
    let lease = lease.ok_or_else(|| anyhow::anyhow!("the office is taken"))?;
    let begun = Instant::now();
    let follower = Follower::start(&plot.store, sale.event).await?;
    eprintln!("{places} places: written in {filled_s:.0} s, followed in {:.2} s", begun.elapsed().as_secs_f64());
    Ok(Line { plot, sale, lease, follower })
}

impl Line {
    async fn costs(&mut self, ground: &Ground) -> anyhow::Result<Costs> {
        Ok([self.join(ground).await?, self.admit().await?, self.ahead()])
    }

    async fn join(&self, ground: &Ground) -> anyhow::Result<f64> {
        let ask = || JoinAsk {
            place: chassis::ids::new(&ground.clock),
            fan: chassis::ids::new(&ground.clock),
            party: 1,
            tiers: 0,
            accepts: Accepts::default(),
            class: Class::GENERAL,
        };
        let asks: Vec<JoinAsk> = (0..BATCH).map(|_| ask()).collect();
        let begun = Instant::now();
        let batch = self.plot.store.join_batch(self.sale.id, &asks).await?;
        let took = ms(begun.elapsed());
        anyhow::ensure!(matches!(batch, JoinBatch::Placed(..)), "{batch:?}");
        Ok(took)
    }

    /// As the pacing loop does it: to hear what is new, who is next and when they were seen, then the decision.
    async fn admit(&mut self) -> anyhow::Result<f64> {
        let (store, begun) = (&self.plot.store, Instant::now());
        self.follower.next(Duration::ZERO).await?;
        let mirror = &self.follower.mirror().sales[&self.sale.id];
        let candidates: Vec<i64> = mirror.order.iter().take(BATCH).collect();
        black_box(store.last_seen(self.sale.event, self.sale.id, &candidates).await?);
        let ask = PaceAsk {
            lease: self.lease,
            event: self.sale.event,
            drawn: mirror.drawn,
            candidates,
            skip: Vec::new(),
            passed_over: Vec::new(),
            joins_seen: mirror.joins,
            measured: Measured::default(),
        };
        let done = store.pace(&ask).await?;
        let took = ms(begun.elapsed());
        anyhow::ensure!(done.admitted.len() == BATCH, "only {} were let in", done.admitted.len());
        Ok(took)
    }

    fn ahead(&self) -> f64 {
        let order = &self.follower.mirror().sales[&self.sale.id].order;
        let (mut chance, last) = (StdRng::seed_from_u64(1), order.last());
        let entries: Vec<i64> = (0..LOOKS).map(|_| chance.random_range(1..=last)).collect();
        let begun = Instant::now();
        for entry in &entries {
            black_box(order.ahead(*entry));
        }
        ms(begun.elapsed()) / LOOKS as f64
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
