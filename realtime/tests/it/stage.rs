//! A sale in a fresh database, and a node that serves it.

use domain::order::Class;
use domain::seats::{Choice, Rung, Score};
use std::net::SocketAddr;
use std::time::Duration;

use chassis::clock::Clock;
use chassis::serve::{ListenerConfig, bind, serve};
use chassis::sockets::Sockets;
use chassis::tasks::{TaskKind, Tasks};
use contracts::papers::{Papers, Receipt};
use contracts::places::{Seq, View};
use realtime::{Config, Realtime};
use serde_json::Value;
use store::Store;
use store::exchanges::Exchange;
use store::feed::HoldNow;
use store::holds::Offer;
use store::joins::{Accepts, JoinAsk, JoinBatch};
use store::leases::{Lease, Office};
use store::pace::{Measured, PaceAsk};
use store::transfers::{Taken, Taker};
use store::tuning::Tune;
use testkit::{TestDatabase, TestRedis, eventually};
use uuid::Uuid;

use crate::window::Window;

/// How long anything may take that should take no time.
pub const SOON: Duration = Duration::from_secs(10);
const SECRET: &str = "a secret for tests of more than thirty-two bytes";
const SEATS: i32 = 500;

pub struct Stage {
    pub store: Store,
    pub redis: TestRedis,
    pub papers: Papers,
    pub event: Uuid,
    pub sale: Uuid,
    pub tasks: Tasks,
    pub address: SocketAddr,
    pub clock: Clock,
    _database: TestDatabase,
}

/// A fan with a place.
#[derive(Debug, Clone)]
pub struct Fan {
    pub id: Uuid,
    pub place: Uuid,
    pub entry: i64,
    pub receipt: String,
}

impl Stage {
    pub async fn open() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(tune: impl FnOnce(&mut Config)) -> Self {
        Self::of(tune, &[]).await
    }

    /// A sale in which fans pick their seats, in rows of twenty.
    pub async fn picking() -> Self {
        let seats = "update seat set stretch = seat / 20, row_no = seat / 20";
        Self::of(|_| {}, &[seats, "update sale set seating = 'pick', shop_ms = 60000"]).await
    }

    async fn of(tune: impl FnOnce(&mut Config), statements: &[&'static str]) -> Self {
        chassis::metrics::Metrics::install();
        let (database, redis, clock) = (testkit::database().await, testkit::redis().await, Clock::system());
        let store = Store::with_pool(database.pool.clone(), redis.url()).unwrap();
        let (event, sale) = make_sale(&store, &clock).await;
        for statement in statements {
            sqlx::query(*statement).execute(store.pool()).await.unwrap();
        }
        let papers = Papers::new(&[SECRET], {
            let clock = clock.clone();
            move || clock.now_ms()
        });
        let tasks = Tasks::without_signals();
        let mut config = Config::default();
        tune(&mut config);
        let sockets = Sockets::new(&tasks);
        let realtime = realtime::prepare(config, store.clone(), papers.clone(), clock.clone(), sockets).await.unwrap();
        realtime.run(&tasks);
        let listener = bind("127.0.0.1:0".parse().unwrap(), false, 1_024).unwrap();
        let address = listener.local_addr().unwrap();
        let (router, own) = (realtime.router(), tasks.clone());
        tasks.spawn(TaskKind::Service, "listener", async move {
            serve(listener, router, ListenerConfig::default(), &own).await
        });
        caught_up(&realtime).await;
        Self { store, redis, papers, event, sale, tasks, address, clock, _database: database }
    }

    /// So many new fans join, in one batch.
    pub async fn join(&self, count: usize) -> Vec<Fan> {
        self.join_for(count, 0, false).await
    }

    /// The same, wishing for these tiers.
    pub async fn join_for(&self, count: usize, tiers: u32, other_tiers: bool) -> Vec<Fan> {
        let accepts = Accepts { apart: true, other_tiers, ..Accepts::default() };
        let new = || chassis::ids::new(&self.clock);
        let asks: Vec<JoinAsk> = (0..count)
            .map(|_| JoinAsk { place: new(), fan: new(), party: 2, tiers, accepts, class: Class::GENERAL })
            .collect();
        let JoinBatch::Placed(places, joins) = self.store.join_batch(self.sale, &asks).await.unwrap() else {
            panic!("the sale is open")
        };
        places.into_iter().map(|(place, _)| self.with_receipt(place.fan, place.id, place.entry, joins)).collect()
    }

    fn with_receipt(&self, fan: Uuid, place: Uuid, entry: i64, joins: i64) -> Fan {
        let receipt = Receipt {
            sale: self.sale,
            event: self.event,
            place,
            fan,
            entry,
            party: 2,
            issued_ms: self.clock.now_ms(),
            expires_ms: self.clock.now_ms() + 3_600_000,
            joins,
        };
        Fan { id: fan, place, entry, receipt: self.papers.receipt(&receipt) }
    }

    /// The place goes over to a new fan.
    pub async fn hand_over(&self, from: &Fan) -> Fan {
        let taker = Taker { fan: chassis::ids::new(&self.clock), visitor: true };
        self.store.offer_transfer(from.place, from.id, &[7; 32], 60_000).await.unwrap().expect("the place is live");
        let taken = self.store.take_transfer(&[7; 32], taker, &|_| [0; 32]).await.unwrap();
        assert_eq!(taken, Taken::Moved { place: from.place, sale: self.sale });
        self.with_receipt(taker.fan, from.place, from.entry, 0)
    }

    async fn office(&self, office: Office) -> Lease {
        let scope = if office == Office::Pacing { self.sale } else { self.event };
        self.store.take_lease(office, scope, Uuid::from_u128(1), 10_000).await.unwrap().unwrap()
    }

    pub async fn admit(&self, entries: &[i64], skip: &[i64]) {
        let ask = PaceAsk {
            lease: self.office(Office::Pacing).await,
            event: self.event,
            drawn: false,
            candidates: entries.to_vec(),
            skip: skip.to_vec(),
            passed_over: Vec::new(),
            joins_seen: 0,
            measured: Measured::default(),
        };
        let done = self.store.pace(&ask).await.unwrap();
        assert_eq!(done.admitted, entries);
    }

    pub async fn hold(&self, entry: i64, seats: &[u32]) -> HoldNow {
        let booking = chassis::ids::new(&self.clock);
        let reference = booking.simple().to_string();
        let offer = Offer { booking, reference, sale: self.sale, entry, wished: 0, seats: seats.to_vec(), found: None };
        let lease = self.office(Office::Seating).await;
        self.store.offer(&lease, &[offer], &[]).await.unwrap().held.remove(0)
    }

    /// Answers a fan who asked for other seats than those held, for the `asks`th time.
    pub async fn exchange(&self, booking: Uuid, asks: i16, seats: Option<&[u32]>) {
        let choice = |seats: &[u32]| Choice { seats: seats.to_vec(), rung: Rung::Together, score: Score::default() };
        let exchange = Exchange { booking, asks, found: seats.map(choice) };
        let lease = self.office(Office::Seating).await;
        let done = self.store.exchange(&lease, &[exchange]).await.unwrap();
        assert_eq!((done.done.len(), done.nothing), (usize::from(seats.is_some()), usize::from(seats.is_none())));
    }

    pub async fn leave(&self, fan: &Fan) {
        self.store.leave(self.event, self.sale, fan.id).await.unwrap();
    }

    pub async fn tune(&self, tune: Tune, reason: &str) {
        self.store.tune(self.sale, Uuid::from_u128(1), &tune, reason, None).await.unwrap();
    }

    /// A window that has said hello.
    pub async fn watch(&self, fan: &Fan) -> Window {
        let mut window = Window::open(self.address).await;
        window.hello(&fan.receipt, None).await;
        window
    }

    /// Asks by polling.
    pub async fn poll(&self, fan: &Fan, seq: Seq) -> (u16, Value) {
        let Seq { joins, pace, seats } = seq;
        let url = format!("http://{}/v1/live/place?epoch=1&joins={joins}&pace={pace}&seats={seats}", self.address);
        let reply = reqwest::Client::new().get(url).bearer_auth(&fan.receipt).send().await.unwrap();
        (reply.status().as_u16(), reply.json().await.unwrap())
    }

    pub async fn polled(&self, fan: &Fan, seq: Seq) -> (Seq, View) {
        let (status, body) = self.poll(fan, seq).await;
        assert_eq!(status, 200, "{body}");
        (serde_json::from_value(body["seq"].clone()).unwrap(), serde_json::from_value(body["view"].clone()).unwrap())
    }
}

async fn caught_up(realtime: &Realtime) {
    eventually(SOON, async || realtime.caught_up()).await;
}

async fn make_sale(store: &Store, clock: &Clock) -> (Uuid, Uuid) {
    let [organisation, event, sale] = [(); 3].map(|()| chassis::ids::new(clock));
    let pool = store.pool();
    let run = async |statement: &'static str| {
        let query = sqlx::query(statement).bind(organisation).bind(event).bind(sale).bind(SEATS);
        query.execute(pool).await.unwrap();
    };
    // Every statement takes the same four arguments, so that this reads as a script.
    run("insert into organisation (id, name) select $1, 'Hall' where $2::uuid <> $3::uuid and $4::int > 0").await;
    run("insert into event (id, organisation, name, venue, starts_at, time_zone, currency, published, capacity)
         select $2, $1, 'Concert', 'Hall', now() + interval '30 days', 'Europe/Berlin', 'EUR', true, $4 where $3::uuid is not null")
    .await;
    run("insert into tier (event, tier, code, name, price_minor, fee_minor, capacity)
         select $2, 0, 'a', 'A', 5000, 0, $4 where $1::uuid <> $3::uuid")
    .await;
    run("insert into seat (event, seat, tier, stretch, section, row_no, standing, accessible, label)
         select $2, n, 0, 0, 0, 0, false, false, n::text from generate_series(0, $4 - 1) as n where $1::uuid <> $3::uuid")
    .await;
    run("insert into sale (id, event, name, opens_at, closes_at, entry, party_max, rate_per_minute, max_active, hold_ttl_ms,
                           extension_ms, grace_ms, presence_ms, rejoin, published)
         select $3, $2, 'General', now() - interval '1 minute', now() + interval '1 hour', 'open', 8, 600000, 100000, 700,
                1000, 0, 60000, true, true where $1::uuid is not null and $4::int > 0")
    .await;
    run("insert into line (sale) select $3 where $1::uuid <> $2::uuid and $4::int > 0").await;
    run("insert into lane (scope, kind, event)
         select scope, kind, $2 from (values ($3::uuid, 'joins'), ($3, 'pace'), ($2, 'seats')) as l(scope, kind)
         where $1::uuid is not null and $4::int > 0")
    .await;
    (event, sale)
}
