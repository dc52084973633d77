//! Random schedules: whatever happens in whatever order, `verify` finds nothing and followers agree with Postgres.

use domain::order::Class;
use domain::pacing::Flow;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::future::try_join_all;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use store::StoreError;
use store::events::Seating;
use store::follow::Follower;
use store::joins::{Accepts, JoinAsk};
use store::leases::{Lease, Office};
use store::pace::Measured;
use store::payments::{Begun, Verdict};
use store::picks::Pick;
use store::tuning::{KnobChange, RampNow, RampStep, Tune};
use store::verify::{Allowance, differences};
use store::wishes::NewWishes;
use tokio::time::Instant;
use uuid::Uuid;

use crate::world::{Recipe, Result, World, id};

/// More than any step takes on a busy machine: what this is about is order and sums, not speed.
const SLACK_MS: i64 = 60_000;

fn recipe(chance: &mut StdRng) -> Recipe {
    Recipe {
        rows: chance.random_range(1..5),
        standing: chance.random_range(0..12),
        rate_per_minute: [600, 6_000, 60_000][chance.random_range(0..3)],
        max_active: chance.random_range(3..30),
        hold_ttl_ms: chance.random_range(20..200),
        extension_ms: chance.random_range(0..100),
        presence_ms: 1_000,
        gather_ms: chance.random_range(0..100),
        answer_ms: chance.random_range(10..300),
        rejoin: chance.random_bool(0.5),
        seating: if chance.random_bool(0.3) { Seating::Pick } else { Seating::Assign },
        shop_ms: chance.random_range(20..500),
    }
}

/// One pair of hands that does things by chance, as all services together would.
struct Hands<'w> {
    world: &'w World,
    chance: StdRng,
    fans: Vec<Uuid>,
    /// Turns of office, kept beyond their end.
    pacing: Option<Lease>,
    seating: Option<Lease>,
    /// Whether fans pick their seats.
    picks: bool,
    holder: Uuid,
    flow: Flow,
}

impl Hands<'_> {
    async fn step(&mut self) -> Result {
        match self.chance.random_range(0..100) {
            0..18 => self.join().await,
            18..20 => self.leave().await,
            20..22 => self.wish().await,
            22..38 => self.tick().await,
            38..54 if self.picks => self.choose_seats().await,
            38..54 => self.seat().await,
            54..62 => {
                self.world.store.lapse_due().await?;
                Ok(())
            }
            62..72 => self.begin().await,
            72..92 => self.provider().await,
            92..93 => self.give_back().await,
            93..94 => self.refund().await,
            94..96 => self.tune().await,
            96..97 => {
                self.world.redis.flush().await;
                Ok(())
            }
            97..98 => {
                tokio::time::sleep(Duration::from_millis(30)).await;
                Ok(())
            }
            _ => {
                // Sleeps through the end of its terms.
                for (office, scope) in [(Office::Pacing, self.world.sale), (Office::Seating, self.world.event)] {
                    self.world.store.take_lease(office, scope, id(), 5).await?;
                }
                Ok(())
            }
        }
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        (!of.is_empty()).then(|| of[self.chance.random_range(0..of.len())])
    }

    async fn ids(&self, query: &'static str) -> Result<Vec<Uuid>> {
        Ok(sqlx::query_scalar(query).fetch_all(&self.world.db.pool).await?)
    }

    async fn join(&mut self) -> Result {
        let asks: Vec<JoinAsk> = (0..self.chance.random_range(1..8))
            .map(|_| JoinAsk {
                place: id(),
                fan: self.fans[self.chance.random_range(0..self.fans.len())],
                party: self.chance.random_range(1..5),
                tiers: self.chance.random_range(0..4),
                accepts: Accepts {
                    other_tiers: self.chance.random_bool(0.3),
                    apart: self.chance.random_bool(0.5),
                    fewer: self.chance.random_bool(0.2),
                    accessible: self.chance.random_bool(0.1),
                },
                class: Class::GENERAL,
            })
            .collect();
        // A sold-out sale lets nobody in any more.
        self.world.store.join_batch(self.world.sale, &asks).await?;
        Ok(())
    }

    async fn leave(&mut self) -> Result {
        let fan = self.fans[self.chance.random_range(0..self.fans.len())];
        self.world.store.leave(self.world.event, self.world.sale, fan).await?;
        Ok(())
    }

    /// Somebody wants something else now, wherever the place is; most often what there is.
    async fn wish(&mut self) -> Result {
        let live: Vec<(Uuid, Uuid)> =
            sqlx::query_as("select id, fan from place where ended_at is null order by state desc")
                .fetch_all(&self.world.db.pool)
                .await?;
        let Some((place, fan)) = self.pick(&live) else { return Ok(()) };
        let wishes = NewWishes {
            party: self.chance.random_range(1..5),
            tiers: self.chance.random_range(0..4),
            accepts: Accepts {
                other_tiers: self.chance.random_bool(0.7),
                apart: self.chance.random_bool(0.7),
                fewer: self.chance.random_bool(0.7),
                accessible: self.chance.random_bool(0.1),
            },
        };
        self.world.store.change_wishes(place, fan, wishes).await?;
        Ok(())
    }

    async fn office(&self, office: Office, scope: Uuid) -> Result<Option<Lease>> {
        Ok(self.world.store.take_lease(office, scope, self.holder, 2_000).await?)
    }

    async fn tick(&mut self) -> Result {
        if self.pacing.is_none() {
            self.pacing = self.office(Office::Pacing, self.world.sale).await?;
        }
        let Some(lease) = self.pacing else { return Ok(()) };
        let mut absent: Vec<i64> =
            sqlx::query_scalar("select entry from place where state in ('waiting', 'skipped') order by entry limit 20")
                .fetch_all(&self.world.db.pool)
                .await?;
        absent.retain(|_| self.chance.random_bool(0.2));
        let mut ask = self.world.pace_ask(lease, &absent.into_iter().collect()).await?;
        // Whatever was measured, rightly or not.
        let show_up = self.chance.random_range(0.0..1.2);
        let brake = [1.0, self.chance.random_range(0.0..1.2)][self.chance.random_range(0..2)];
        ask.measured = Measured { show_up, brake, flow: self.flow, ..Measured::default() };
        match self.world.store.pace(&ask).await {
            Err(StoreError::Moved(_)) => (self.pacing, self.flow) = (None, Flow::default()),
            outcome => self.flow = outcome?.flow,
        }
        Ok(())
    }

    async fn seat(&mut self) -> Result {
        if self.seating.is_none() {
            self.seating = self.office(Office::Seating, self.world.event).await?;
        }
        let Some(lease) = self.seating else { return Ok(()) };
        match self.world.seat(&lease).await {
            Err(fault) if matches!(fault.downcast_ref(), Some(StoreError::Moved(_))) => self.seating = None,
            outcome => drop(outcome?),
        }
        Ok(())
    }

    /// Some who were let in pick seats, or others than they have; and some whose time is over are told.
    async fn choose_seats(&mut self) -> Result {
        let inside: Vec<(Uuid, Uuid)> =
            sqlx::query_as("select id, fan from place where state in ('standing', 'holding') order by entry")
                .fetch_all(&self.world.db.pool)
                .await?;
        let seats = self.world.hall.capacity();
        let mut picks = Vec::new();
        for (place, fan) in inside {
            if self.chance.random_bool(0.4) {
                let wanted = (0..self.chance.random_range(0..4)).map(|_| self.chance.random_range(0..seats));
                let wanted: std::collections::BTreeSet<u32> = wanted.collect();
                let booking = id();
                let reference = booking.simple().to_string();
                picks.push(Pick { place, fan, booking, reference, seats: wanted.into_iter().collect() });
            }
        }
        self.world.store.pick(self.world.event, &picks, &|_| false).await?;
        if self.chance.random_bool(0.3) {
            self.world.store.end_idle().await?;
        }
        Ok(())
    }

    async fn begin(&mut self) -> Result {
        let held = self.ids("select id from booking where state in ('held', 'paying')").await?;
        let Some(booking) = self.pick(&held) else { return Ok(()) };
        if self.chance.random_bool(0.2) {
            self.world.store.extend_hold(booking).await?;
        }
        let fan = self.world.fan_of(booking).await?;
        let begun = self.world.store.begin_payment(booking, fan, Some("fan@example.org"), id()).await?;
        if let Begun::Attempt(payment) = begun
            && self.chance.random_bool(0.9)
        {
            self.world.store.payment_opened(payment.id, &payment.id.to_string(), "secret", 100).await?;
        }
        Ok(())
    }

    /// News of any attempt, old or new: true, late, repeated and contradictory.
    async fn provider(&mut self) -> Result {
        let payments = self.ids("select id from payment").await?;
        let Some(payment) = self.pick(&payments) else { return Ok(()) };
        let store = &self.world.store;
        let (amount, currency): (i64, String) =
            sqlx::query_as("select amount_minor, currency from payment where id = $1")
                .bind(payment)
                .fetch_one(&self.world.db.pool)
                .await?;
        match self.chance.random_range(0..12) {
            0 => store.payment_declined(payment, "insufficient_funds").await?,
            1 => store.payment_cancelled(payment, self.chance.random_bool(0.3)).await?,
            2 => store.capture_refused(payment, "expired_card").await?,
            3 => {
                self.world.sql("update booking set pinned_until = clock_timestamp() where state = 'paying' and pinned_until is not null").await?;
                store.pin_over(payment).await?;
            }
            4 => drop(store.payment_captured(payment, amount, &currency, id).await?),
            5 => drop(store.payment_captured(payment, amount - 1, &currency, id).await?),
            _ => {
                if store.payment_authorised(payment).await? == Verdict::Capture && self.chance.random_bool(0.9) {
                    store.payment_captured(payment, amount, &currency, id).await?;
                }
            }
        }
        Ok(())
    }

    async fn give_back(&mut self) -> Result {
        let held = self.ids("select id from booking where state = 'held'").await?;
        if let Some(booking) = self.pick(&held) {
            self.world.store.give_back(booking).await?;
        }
        Ok(())
    }

    async fn refund(&mut self) -> Result {
        let paid = self.ids("select id from booking where state = 'paid'").await?;
        if let Some(booking) = self.pick(&paid) {
            self.world.store.refund_booking(booking, id(), self.world.account, "asked for").await?;
        }
        for refund in self.ids("select id from refund").await? {
            if self.chance.random_bool(0.5) {
                self.world.store.refund_done(refund, "re").await?;
            }
        }
        Ok(())
    }

    /// Steps around now, near each other and far from each other in rate.
    async fn ramp(&mut self) -> Result<Option<RampNow>> {
        let mut at_ms = self.world.number("select to_ms(clock_timestamp())").await? - 200;
        let steps = (0..self.chance.random_range(0..5)).map(|_| {
            at_ms += self.chance.random_range(1..300);
            RampStep { at_ms, rate_per_minute: self.chance.random_range(60..60_000) }
        });
        let steps: Vec<RampStep> = steps.collect();
        Ok((!steps.is_empty()).then(|| RampNow { steps, linear: self.chance.random_bool(0.5) }))
    }

    async fn tune(&mut self) -> Result {
        let tune = match self.chance.random_range(0..10) {
            0 => Tune::Pause,
            1 => Tune::Knobs(KnobChange {
                rate_per_minute: Some(self.chance.random_range(60..60_000)),
                max_active: Some(self.chance.random_range(3..60)),
                ..KnobChange::default()
            }),
            2 => Tune::Knobs(KnobChange {
                target_per_minute: Some(self.chance.random_bool(0.7).then_some(self.chance.random_range(300..30_000))),
                ramp: Some(self.ramp().await?),
                ..KnobChange::default()
            }),
            3 => Tune::Stop,
            4 => Tune::Undo,
            5 | 6 => Tune::Start,
            _ => Tune::Resume,
        };
        self.world.store.tune(self.world.sale, self.world.account, &tune, "by chance", None).await?;
        Ok(())
    }
}

async fn run(seed: u64, hands: usize, steps: usize) -> Result<World> {
    let mut chance = StdRng::seed_from_u64(seed);
    let recipe = recipe(&mut chance);
    let picks = recipe.seating == Seating::Pick;
    let world = World::new(recipe).await?;
    let mut follower = Follower::start(&world.store, world.event).await?;
    let fans: Vec<Uuid> = (0..60).map(|_| id()).collect();
    let all = (0..hands).map(|_| {
        let chance = StdRng::seed_from_u64(chance.random());
        let mut hands = Hands {
            world: &world,
            chance,
            fans: fans.clone(),
            pacing: None,
            seating: None,
            picks,
            holder: id(),
            flow: Flow::default(),
        };
        async move {
            for step in 0..steps {
                hands.step().await.with_context(|| format!("step {step}"))?;
            }
            Ok::<_, anyhow::Error>(())
        }
    });
    // One follows all the while, one looks over everything, and the rest is at work.
    let work = async {
        let done = try_join_all(all).await;
        done.map(drop)
    };
    let checks = async {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let found = world.store.verify_allowing(SLACK_MS).await?.violations;
            anyhow::ensure!(found.is_empty(), "meanwhile: {found:#?}");
        }
        Ok(())
    };
    let following = async {
        for _ in 0..20 {
            follower.next(Duration::from_millis(10)).await?;
        }
        Ok::<_, anyhow::Error>(())
    };
    let (worked, checked, followed) = tokio::join!(work, checks, following);
    worked?;
    checked?;
    followed?;
    let found = world.store.verify_allowing(SLACK_MS).await?.violations;
    anyhow::ensure!(found.is_empty(), "{found:#?}");
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        follower.next(Duration::from_millis(50)).await?;
        let fresh = Follower::start(&world.another_store().await?, world.event).await?;
        let different = differences(follower.mirror(), fresh.mirror());
        if different.is_empty() {
            return Ok(world);
        }
        anyhow::ensure!(Instant::now() < until, "{different:#?}");
    }
}

/// Nobody was seated past a place that stood, however lately it had been let in: here, each step saw all steps before it.
async fn seated_in_order(world: &World) -> Result {
    // A view may be as old as the step before; what is of one millisecond has no order between lanes.
    let allowance = Allowance { slack_ms: SLACK_MS, view_ms: 1 - SLACK_MS };
    let mut found = world.store.verify_allowing(allowance).await?.violations;
    found.retain(|violation| violation.check.contains("seat"));
    anyhow::ensure!(found.is_empty(), "{found:#?}");
    Ok(())
}

#[tokio::test]
async fn one_after_the_other() -> Result {
    for seed in 0..5 {
        let world = run(seed, 1, 250).await.with_context(|| format!("seed {seed}"))?;
        seated_in_order(&world).await.with_context(|| format!("seed {seed}"))?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_at_once() -> Result {
    for seed in 100..104 {
        run(seed, 6, 100).await.with_context(|| format!("seed {seed}"))?;
    }
    Ok(())
}
