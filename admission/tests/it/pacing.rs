//! The pacing loop on real stores, stepped: its clock and Postgres's stand still until the test moves them, and a step is over
//! when the loop has decided again.

use std::time::Duration;

use admission::{Config, seal_head};
use chassis::tasks::Tasks;
use contracts::consoles::AdmissionView;
use serde_json::Value;
use store::holds::Offer;
use store::leases::{Lease, Office};
use store::tuning::{BrakeNow, KnobChange, Tune};
use testkit::eventually;
use uuid::Uuid;

use crate::operators::{Desk, NOW_MS, desk_of, join_many};

const PATIENCE: Duration = Duration::from_secs(20);

struct Stepped {
    desk: Desk,
    tasks: Tasks,
    now_ms: i64,
    config: Config,
    seating: Lease,
    seats: u32,
}

impl Stepped {
    async fn new(capacity: u32, knobs: KnobChange) -> Self {
        let config =
            Config { tick_ms: 50, tick_min_ms: 5, lease_ttl_ms: 4_000, head_every_ms: 1_000, ..Config::default() };
        let (desk, tasks) = (desk_of(capacity, config.clone()).await, Tasks::without_signals());
        let seating = desk.store.take_lease(Office::Seating, desk.event, Uuid::from_u128(8), 86_400_000).await.unwrap();
        desk.store.tune(desk.sale, Uuid::from_u128(4), &Tune::Knobs(knobs), "a test", None).await.unwrap();
        desk.role.run(&tasks);
        let stepped = Self { desk, tasks, now_ms: NOW_MS, config, seating: seating.unwrap(), seats: 0 };
        stepped.decided().await;
        stepped
    }

    /// A decision renews the lease, by Postgres's clock.
    async fn decided(&self) {
        let until_ms = self.now_ms + self.config.lease_ttl_ms;
        eventually(PATIENCE, async || {
            let renewed = sqlx::query_scalar("select to_ms(until) from lease where kind = 'pacing'");
            renewed.fetch_optional(self.desk.store.pool()).await.unwrap() == Some(until_ms)
        })
        .await;
    }

    async fn step(&mut self, ms: i64) {
        self.now_ms += ms;
        // Postgres's first: what is decided in between is of the new time. The other way round it could be of the old one, and the last.
        self.desk.database.set_clock(self.now_ms).await;
        self.desk.clock.advance(ms);
        self.decided().await;
    }

    /// Everybody who stands gets a seat, of those never given before.
    async fn seat(&mut self) {
        let standing = self.desk.store.standing_places(self.desk.event).await.unwrap();
        let offers: Vec<Offer> = standing
            .iter()
            .map(|place| {
                let booking = chassis::ids::new(&self.desk.clock);
                self.seats += 1;
                let reference = booking.simple().to_string();
                Offer {
                    booking,
                    reference,
                    sale: self.desk.sale,
                    entry: place.entry,
                    wished: 0,
                    seats: vec![self.seats - 1],
                    found: None,
                }
            })
            .collect();
        let held = self.desk.store.offer(&self.seating, &offers, &[]).await.unwrap().held;
        assert_eq!(held.len(), offers.len());
    }

    async fn admitted_since(&self, from_ms: i64) -> i64 {
        sqlx::query_scalar("select coalesce(sum(admitted), 0)::bigint from pace_tick where at > from_ms($1)")
            .bind(from_ms)
            .fetch_one(self.desk.store.pool())
            .await
            .unwrap()
    }

    async fn view(&self) -> AdmissionView {
        Desk::read(self.desk.ask(&self.desk.token, "GET", "", &Value::Null).await, 200)
    }

    async fn end(self) {
        self.tasks.stop();
        self.tasks.run_until_stopped(Duration::from_secs(5)).await.ok();
        let report = self.desk.store.verify_allowing(60_000).await.unwrap();
        assert!(report.violations.is_empty(), "{:#?}", report.violations);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_are_let_in_while_few_come_and_never_more_than_the_rate() {
    let knobs = KnobChange {
        rate_per_minute: Some(300),
        target_per_minute: Some(Some(200)),
        max_active: Some(1_000),
        ..KnobChange::default()
    };
    let mut stepped = Stepped::new(700, knobs).await;
    join_many(&stepped.desk, 600).await;
    // Nobody comes: every hold lapses without a sign, two seconds after its seats were held.
    let mut corrected = 0;
    for second in 0..90 {
        stepped.step(1_000).await;
        stepped.seat().await;
        stepped.desk.store.lapse_due().await.unwrap();
        let minute = stepped.admitted_since(stepped.now_ms - 60_000).await;
        assert!(minute <= 300, "{minute} in the minute before second {second}");
        corrected = minute;
    }
    assert!(corrected > 240, "{corrected} in the last minute, of whom at most half come");
    stepped.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_brake_halves_recovers_by_steps_and_tells_the_operators() {
    let brake = BrakeNow {
        p99_ms: 5_000,
        errors_per_mille: 20,
        least_samples: 5,
        hold_off_ms: 2_000,
        halvings_max: 2,
        recover_every_ms: 2_000,
        recover_percent: 150,
    };
    let knobs = KnobChange { rate_per_minute: Some(120), brake: Some(Some(brake)), ..KnobChange::default() };
    let mut stepped = Stepped::new(500, knobs).await;
    join_many(&stepped.desk, 300).await;
    let mut told: Vec<(f64, String)> = Vec::new();
    let mut braked_ms = None;
    for second in 0..60 {
        stepped.step(1_000).await;
        // Nobody gets a seat though there are enough, until the brake is as far down as it goes, and for a while.
        if braked_ms.is_some_and(|at| stepped.now_ms >= at + 10_000) {
            stepped.seat().await;
        }
        let brake = stepped.view().await.brake;
        if told.last().is_none_or(|(factor, _)| factor.to_bits() != brake.factor.to_bits()) {
            told.push((brake.factor, brake.why.unwrap_or_default()));
        }
        if brake.factor <= 0.25 && braked_ms.is_none() {
            braked_ms = Some(stepped.now_ms);
        }
        if braked_ms == Some(stepped.now_ms - 10_000) {
            let slowed = stepped.admitted_since(stepped.now_ms - 8_000).await;
            assert!((1..=7).contains(&slowed), "{slowed} in eight seconds at a quarter of two a second");
        }
        if told.len() > 3 && brake.factor >= 1.0 {
            break;
        }
        assert!(second < 59, "{told:?}");
    }
    let factors: Vec<f64> = told.iter().map(|(factor, _)| *factor).collect();
    assert_eq!(factors, [1.0, 0.5, 0.25, 0.375, 0.5625, 0.84375, 1.0]);
    assert!(told[1].1.contains("more than 5000") && told[3].1.contains("by steps"), "{told:?}");
    assert_eq!(told[6].1, "the booking path is well again");
    stepped.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_of_the_log_are_signed_and_chained() {
    let mut stepped = Stepped::new(10, KnobChange::rate(60)).await;
    let mut heads = Vec::new();
    for wanted in 1..=3 {
        stepped.step(2_000).await;
        let store = &stepped.desk.store;
        eventually(PATIENCE, async || store.log_heads(stepped.desk.sale, 0, 9).await.unwrap().len() >= wanted).await;
        heads = store.log_heads(stepped.desk.sale, 0, 9).await.unwrap();
    }
    for (nth, (facts, seal)) in heads.iter().enumerate() {
        // The same key signs the same bytes the same way: it is the installation's.
        let again = seal_head(&stepped.desk.papers, facts);
        assert_eq!((&again.key_id, &again.hash, &again.signature), (&seal.key_id, &seal.hash, &seal.signature));
        let before = nth.checked_sub(1).map_or(&[][..], |before| &heads[before].1.hash);
        assert_eq!((facts.seq, facts.previous.as_slice()), (nth as i64 + 1, before));
    }
    stepped.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_nobody_may_go_in_the_office_is_kept_and_nothing_more() {
    let mut stepped = Stepped::new(10, KnobChange::rate(60)).await;
    join_many(&stepped.desk, 9).await;
    let tune = async |stepped: &Stepped, tune: Tune| {
        stepped.desk.store.tune(stepped.desk.sale, Uuid::from_u128(4), &tune, "a test", None).await.unwrap();
    };
    stepped.step(2_000).await;
    eventually(PATIENCE, async || stepped.admitted_since(0).await > 0).await;
    tune(&stepped, Tune::Pause).await;
    // A little over a third of the lease: it is renewed once in each step.
    stepped.step(1_400).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let admitted = stepped.admitted_since(0).await;
    sqlx::raw_sql(
        "create table public.renewed (at timestamptz);
         create function public.note() returns trigger language plpgsql as
             'begin insert into public.renewed values (new.until); return null; end';
         create trigger note after update on lease for each row execute function public.note()",
    )
    .execute(stepped.desk.store.pool())
    .await
    .unwrap();
    for _ in 0..5 {
        stepped.step(1_400).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let renewed: i64 =
        sqlx::query_scalar("select count(*) from renewed").fetch_one(stepped.desk.store.pool()).await.unwrap();
    assert_eq!(renewed, 5);
    assert_eq!(stepped.admitted_since(0).await, admitted);
    tune(&stepped, Tune::Resume).await;
    eventually(Duration::from_secs(1), async || stepped.admitted_since(0).await > admitted).await;
    stepped.end().await;
}
