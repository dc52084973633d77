//! A small event on sale, the role, and a payment provider, all of the test's own.

use domain::order::Class;
use std::net::SocketAddr;
use std::time::Duration;

use booking_worker::{BookingWorker, Config};
use chassis::clock::Clock;
use chassis::tasks::{TaskKind, Tasks};
use clap::Parser as _;
use contracts::bookings::Booking;
use contracts::ids::BookingId;
use contracts::papers::Papers;
use serde_json::{Value, json};
use store::Store;
use store::events::{EventDraft, SaleDraft};
use store::halls::{TierRow, UnitRow};
use store::joins::{Accepts, JoinAsk, JoinBatch};
use store::leases::Office;
use store::pace::{Measured, PaceAsk};
use testkit::{TestDatabase, TestRedis, eventually};
use tokio::task::JoinSet;
use uuid::Uuid;

pub const SECRET: &str = "an installation's secret of these tests only";
pub const SECRET_KEY: &str = "sk_test_of_these_tests";
pub const WEBHOOK_SECRET: &str = "whsec_of_these_tests";
/// No wait here takes longer, on a machine that does much besides.
pub const SOON: Duration = Duration::from_secs(20);

/// What is on sale, and how.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Seats in each row; one section, one tier.
    pub rows: Vec<u32>,
    /// Per seat, in minor units; a fee of 100 is added unless it is free.
    pub price_minor: i64,
    pub hold_ttl_ms: i64,
    pub extension_ms: i64,
    pub answer_ms: i64,
    /// How many of them the sale may sell.
    pub allotment: Option<u32>,
    /// Whether the provider's webhooks reach us.
    pub webhooks: bool,
    pub config: Config,
}

impl Default for Setup {
    fn default() -> Self {
        let config = Config {
            secret_key: SECRET_KEY.into(),
            webhook_secret: WEBHOOK_SECRET.into(),
            poll_ms: 20,
            look_ms: 200,
            look_max_ms: 400,
            lease_ttl_ms: 900,
            ..Config::default()
        };
        Self {
            rows: vec![10],
            price_minor: 2_400,
            hold_ttl_ms: 60_000,
            extension_ms: 30_000,
            answer_ms: 1_000,
            allotment: None,
            webhooks: true,
            config,
        }
    }
}

impl Setup {
    /// Holds that end soon, also once extended.
    pub fn short() -> Self {
        Self { hold_ttl_ms: 1_200, extension_ms: 600, ..Self::default() }
    }
}

/// A fan with a place.
#[derive(Debug, Clone)]
pub struct Fan {
    pub id: Uuid,
    pub entry: i64,
    pub token: String,
}

/// Everything.
pub struct World {
    pub store: Store,
    pub clock: Clock,
    pub papers: Papers,
    pub config: Config,
    pub event: Uuid,
    pub sale: Uuid,
    pub organisation: Uuid,
    pub founder: Uuid,
    pub url: String,
    pub mock: String,
    pub http: reqwest::Client,
    /// Serves, lapses, and is the provider.
    around: Tasks,
    pacing: Uuid,
    _running: JoinSet<()>,
    _data: tempfile::TempDir,
    _redis: TestRedis,
    _database: TestDatabase,
}

impl World {
    /// Without a worker: the routes answer, holds lapse, the provider runs.
    pub async fn quiet(setup: Setup) -> Self {
        let (database, redis) = (testkit::database().await, testkit::redis().await);
        let store = Store::with_pool(database.pool.clone(), redis.url()).unwrap();
        let (clock, around) = (Clock::system(), Tasks::without_signals());
        let papers = Papers::new(&[SECRET], {
            let clock = clock.clone();
            move || clock.now_ms()
        });
        let mut running = JoinSet::new();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let data = tempfile::tempdir().unwrap();
        let hook = setup.webhooks.then(|| format!("{url}/v1/webhooks/payments"));
        let mock = provider(data.path(), hook.as_deref(), &clock, &around, &mut running).await;
        let config = Config { api: mock.clone(), ..setup.config.clone() };
        let [event, sale, organisation, founder] = [(); 4].map(|()| chassis::ids::new(&clock));
        let world = Self {
            store,
            clock,
            papers,
            config,
            event,
            sale,
            organisation,
            founder,
            url,
            mock,
            http: reqwest::Client::builder().no_proxy().timeout(SOON).build().unwrap(),
            around,
            pacing: Uuid::from_u128(77),
            _running: running,
            _data: data,
            _redis: redis,
            _database: database,
        };
        world.set_up(&setup).await;
        let router = world.worker().await.router();
        world.around.spawn(TaskKind::Service, "routes", async move {
            let service = router.into_make_service_with_connect_info::<SocketAddr>();
            Ok(axum::serve(listener, service).await?)
        });
        let (store, soft) = (world.store.clone(), world.around.soft());
        world.around.spawn(TaskKind::Service, "lapses", async move {
            while soft.run_until_cancelled(tokio::time::sleep(Duration::from_millis(10))).await.is_some() {
                store.lapse_due().await.ok();
            }
            Ok(())
        });
        world
    }

    /// With a worker.
    pub async fn busy(setup: Setup) -> (Self, Tasks) {
        let world = Self::quiet(setup).await;
        let tasks = world.run().await;
        (world, tasks)
    }

    /// A worker that has not begun.
    pub async fn worker(&self) -> BookingWorker {
        let (store, papers, clock) = (self.store.clone(), self.papers.clone(), self.clock.clone());
        booking_worker::prepare(self.config.clone(), SECRET, store, papers, clock).await.unwrap()
    }

    /// A worker at work. Cancelling the tasks' hard token is its crash.
    pub async fn run(&self) -> Tasks {
        let tasks = Tasks::without_signals();
        self.worker().await.run(&tasks);
        tasks
    }

    async fn set_up(&self, setup: &Setup) {
        let now_ms = self.clock.now_ms();
        self.store.create_account(self.founder, "promoter@example.org", "x").await.unwrap();
        self.store.create_organisation(self.organisation, "Tests", self.founder).await.unwrap();
        let draft = EventDraft {
            name: "Test".to_owned(),
            venue: "Hall".to_owned(),
            starts_at_ms: now_ms + 86_400_000,
            time_zone: "Europe/Berlin".to_owned(),
            currency: "EUR".to_owned(),
            accessible_release: None,
            tickets_per_person: None,
        };
        self.store.create_event(self.event, self.organisation, &draft).await.unwrap();
        let fee_minor = if setup.price_minor == 0 { 0 } else { 100 };
        let capacity = setup.rows.iter().sum();
        let (code, name) = ("gold".to_owned(), "Gold".to_owned());
        let tier = TierRow { code, name, price_minor: setup.price_minor, fee_minor, capacity };
        let units: Vec<UnitRow> = (0_u16..)
            .zip(&setup.rows)
            .flat_map(|(row, seats)| {
                (0..*seats).map(move |seat| UnitRow {
                    tier: 0,
                    stretch: u32::from(row),
                    section: 0,
                    row,
                    standing: false,
                    accessible: false,
                    companion: false,
                    quality: None,
                    label: format!("A {}-{}", row + 1, seat + 1),
                })
            })
            .collect();
        self.store.import_map(self.event, &json!({}), &[tier], &units).await.unwrap();
        self.store.publish_event(self.event, self.founder).await.unwrap();
        self.publish_sale(self.sale, setup).await;
    }

    /// A sale of the event's seats.
    pub async fn publish_sale(&self, sale: Uuid, setup: &Setup) {
        let now_ms = self.clock.now_ms();
        let draft = SaleDraft {
            name: "Sale".to_owned(),
            lobby_opens_at_ms: None,
            opens_at_ms: now_ms - 1_000,
            closes_at_ms: now_ms + 3_600_000,
            wait_ends_at_ms: None,
            ordering: store::events::Ordering::DrawThenFifo,
            entry: store::entry::Entry::Open,
            seating: store::events::Seating::Assign,
            shop_ms: 300_000,
            party_max: 8,
            rate_per_minute: 600_000,
            max_active: 10_000,
            hold_ttl_ms: setup.hold_ttl_ms,
            extension_ms: setup.extension_ms,
            grace_ms: 10_000,
            presence_ms: 120_000,
            gather_ms: 10_000,
            answer_ms: setup.answer_ms,
            rejoin: true,
            allotment: setup.allotment,
            beacon: true,
            unprovable_after_s: None,
        };
        self.store.create_sale(sale, self.event, &draft).await.unwrap();
        let done = self.store.publish_sale(sale, self.founder).await.unwrap();
        assert_eq!(done, store::events::SalePublished::Done);
    }

    /// A new fan joins.
    pub async fn join(&self, party: u8) -> Fan {
        self.join_with(party, Accepts::default()).await
    }

    pub async fn join_with(&self, party: u8, accepts: Accepts) -> Fan {
        self.join_sale(self.sale, party, accepts).await
    }

    pub async fn join_sale(&self, sale: Uuid, party: u8, accepts: Accepts) -> Fan {
        let (fan, place) = (chassis::ids::new(&self.clock), chassis::ids::new(&self.clock));
        let ask = JoinAsk { place, fan, party, tiers: 0, accepts, class: Class::GENERAL };
        let JoinBatch::Placed(places, _) = self.store.join_batch(sale, &[ask]).await.unwrap() else {
            panic!("the sale is not open")
        };
        Fan { id: fan, entry: places[0].0.entry, token: self.papers.visitor_token(fan, 3_600_000) }
    }

    /// Lets these in, in the line's order.
    pub async fn admit(&self, fans: &[&Fan]) {
        self.admit_to(self.sale, fans).await;
    }

    pub async fn admit_to(&self, sale: Uuid, fans: &[&Fan]) {
        assert_eq!(self.let_in(sale, fans).await, fans.len());
    }

    /// How many of these the pace lets in.
    pub async fn let_in(&self, sale: Uuid, fans: &[&Fan]) -> usize {
        let lease = self.store.take_lease(Office::Pacing, sale, self.pacing, 60_000).await.unwrap().unwrap();
        let mut candidates: Vec<i64> = fans.iter().map(|fan| fan.entry).collect();
        candidates.sort_unstable();
        // As admission does, a decision names the joins lane's version that it saw.
        let joins_seen: i64 = sqlx::query_scalar("select version from lane where scope = $1 and kind = 'joins'")
            .bind(sale)
            .fetch_one(self.store.pool())
            .await
            .unwrap();
        let ask = PaceAsk {
            lease,
            event: self.event,
            drawn: false,
            candidates,
            skip: Vec::new(),
            passed_over: Vec::new(),
            joins_seen,
            measured: Measured::default(),
        };
        self.store.pace(&ask).await.unwrap().admitted.len()
    }

    /// The booking of a fan, once there is one.
    pub async fn booking_of(&self, fan: &Fan) -> Uuid {
        let mut found = None;
        eventually(SOON, async || {
            found = self.newest_booking(fan).await;
            found.is_some()
        })
        .await;
        found.unwrap()
    }

    pub async fn newest_booking(&self, fan: &Fan) -> Option<Uuid> {
        sqlx::query_scalar("select id from booking where fan = $1 order by id desc limit 1")
            .bind(fan.id)
            .fetch_optional(self.store.pool())
            .await
            .unwrap()
    }

    /// A new fan with held seats.
    pub async fn holder(&self, party: u8) -> (Fan, Uuid) {
        let fan = self.join(party).await;
        self.admit(&[&fan]).await;
        let booking = self.booking_of(&fan).await;
        (fan, booking)
    }

    /// The state of a booking and of its newest payment.
    pub async fn states(&self, booking: Uuid) -> (String, String) {
        let row = self.store.booking(booking).await.unwrap().unwrap();
        (row.state, row.payment.map_or(String::new(), |payment| payment.state))
    }

    pub async fn until(&self, booking: Uuid, state: &str) {
        eventually(SOON, async || self.states(booking).await.0 == state).await;
    }

    pub async fn until_states(&self, booking: Uuid, state: &str, payment: &str) {
        let expected = (state.to_owned(), payment.to_owned());
        eventually(SOON, async || self.states(booking).await == expected).await;
    }

    pub async fn seats_of(&self, booking: Uuid) -> Vec<u32> {
        self.store.booking(booking).await.unwrap().unwrap().seats.iter().map(|seat| seat.seat).collect()
    }

    /// A request to the role; its status and body.
    pub async fn post(&self, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let request = self.http.post(format!("{}{path}", self.url)).bearer_auth(token).json(body);
        answer(request).await
    }

    /// And with an idempotency key.
    pub async fn post_once(&self, path: &str, token: &str, body: &Value, key: &str) -> (u16, Value) {
        let request = self.http.post(format!("{}{path}", self.url)).bearer_auth(token).json(body);
        answer(request.header("idempotency-key", key)).await
    }

    pub async fn get(&self, path: &str, token: &str) -> (u16, Value) {
        answer(self.http.get(format!("{}{path}", self.url)).bearer_auth(token)).await
    }

    /// A step about a booking by its fan.
    pub async fn ask(&self, fan: &Fan, booking: Uuid, step: &str) -> (u16, Value) {
        let path = format!("/v1/bookings/{}/{step}", BookingId(booking));
        self.post(&path, &fan.token, &json!({ "email": format!("fan{}@example.org", fan.entry) })).await
    }

    /// Starts to pay.
    pub async fn pay(&self, fan: &Fan, booking: Uuid) -> Booking {
        let (status, body) = self.ask(fan, booking, "pay").await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_value(body).unwrap()
    }

    /// Enters a card, as the fan's page does.
    pub async fn card(&self, booking: &Booking, method: &str) -> (u16, Value) {
        let payment = booking.payment.as_ref().unwrap();
        let (api, intent) = (payment.provider_api.as_ref().unwrap(), payment.intent.as_ref().unwrap());
        let request = self.http.post(format!("{api}/v1/payment_intents/{intent}/confirm"));
        answer(request.bearer_auth(payment.client_secret.as_ref().unwrap()).form(&[("payment_method", method)])).await
    }

    /// The intent as the provider has it.
    pub async fn intent(&self, booking: Uuid) -> Value {
        let row = self.store.booking(booking).await.unwrap().unwrap();
        let intent = row.payment.unwrap().intent.unwrap();
        let path = format!("{}/v1/payment_intents/{intent}", self.mock);
        answer(self.http.get(path).bearer_auth(SECRET_KEY)).await.1
    }

    /// How much the provider gave back for a booking's newest payment.
    pub async fn refunded(&self, booking: Uuid) -> i64 {
        let row = self.store.booking(booking).await.unwrap().unwrap();
        let intent = row.payment.unwrap().intent.unwrap();
        let path = format!("{}/v1/refunds?payment_intent={intent}", self.mock);
        let (_, list) = answer(self.http.get(path).bearer_auth(SECRET_KEY)).await;
        list["data"].as_array().unwrap().iter().map(|refund| refund["amount"].as_i64().unwrap()).sum()
    }

    /// The provider itself, as the merchant asks it.
    pub async fn provider(&self, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        answer(self.http.post(format!("{}{path}", self.mock)).bearer_auth(SECRET_KEY).form(form)).await
    }

    pub async fn provider_get(&self, path: &str) -> (u16, Value) {
        answer(self.http.get(format!("{}{path}", self.mock)).bearer_auth(SECRET_KEY)).await
    }

    /// Has something go wrong at the provider.
    pub async fn fault(&self, next: u32, on: &str, kind: &str) {
        let request = self.http.post(format!("{}/mock/faults", self.mock)).bearer_auth(SECRET_KEY);
        let (status, body) = answer(request.json(&json!({ "next": next, "on": on, "kind": kind }))).await;
        assert_eq!(status, 200, "{body}");
    }

    pub async fn no_faults(&self) {
        answer(self.http.delete(format!("{}/mock/faults", self.mock)).bearer_auth(SECRET_KEY)).await;
    }

    pub async fn sql(&self, statement: &'static str, id: Uuid) {
        sqlx::query(statement).bind(id).execute(self.store.pool()).await.unwrap();
    }

    /// Nothing that is recorded breaks an invariant.
    pub async fn verify(&self) {
        let report = self.store.verify().await.unwrap();
        assert!(report.violations.is_empty(), "{:#?}", report.violations);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.around.hard().cancel();
    }
}

async fn provider(
    data: &std::path::Path,
    hook: Option<&str>,
    clock: &Clock,
    around: &Tasks,
    running: &mut JoinSet<()>,
) -> String {
    let mut line = vec!["payment-mock", "--listen=127.0.0.1:0", "--secret-key", SECRET_KEY, "--log=warn"];
    line.extend(["--slow-ms=400", "--late-success-ms=600", "--timeout-ms=4000", "--out-of-order-ms=600"]);
    line.extend(["--data", data.to_str().unwrap()]);
    if let Some(hook) = hook {
        line.extend(["--webhook-url", hook, "--webhook-secret", WEBHOOK_SECRET]);
    }
    let settings = payment_mock::Settings::try_parse_from(line).unwrap();
    let prepared = payment_mock::prepare(settings, clock.clone(), around.clone()).await.unwrap();
    let url = prepared.url().to_owned();
    running.spawn(async move {
        // Told to stop at the test's end, with work in hand.
        prepared.run(|_| ()).await.ok();
    });
    url
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}
