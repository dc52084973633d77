//! The role on stores of its own, with an event, a sale that is a draft, a promoter and an operator.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use chassis::clock::Clock;
use chassis::tasks::Tasks;
use contracts::ids::EventId;
use contracts::papers::Papers;
use contracts::problem::Problem;
use http_body_util::BodyExt as _;
use inventory::{Config, Inventory};
use serde_json::{Value, json};
use store::Store;
use store::events::{EventDraft, Ordering, SaleDraft};
use testkit::{TestDatabase, TestRedis};
use tower::ServiceExt as _;
use uuid::Uuid;

pub const NOW_MS: i64 = 1_750_000_000_000;
pub const SALE: Uuid = Uuid::from_u128(3);

pub struct Desk {
    pub store: Store,
    pub event: Uuid,
    pub promoter: String,
    pub operator: String,
    pub papers: Papers,
    pub clock: Clock,
    role: Inventory,
    router: Router,
    _redis: TestRedis,
    /// Last, since everything uses it.
    _database: TestDatabase,
}

pub async fn desk() -> Desk {
    let (database, redis) = tokio::join!(testkit::database(), testkit::redis());
    let store = Store::with_pool(database.pool.clone(), redis.url()).unwrap();
    let papers = Papers::new(&["a secret of the tests that is long enough"], || NOW_MS);
    let [organisation, event, promoter, operator] = [1, 2, 4, 5].map(Uuid::from_u128);
    for statement in [
        "insert into organisation (id, name) values ('00000000-0000-0000-0000-000000000001', 'Hall')",
        "insert into account (id, email, password_hash)
         select ('00000000-0000-0000-0000-00000000000' || n)::uuid, n || '@example.org', '' from generate_series(4, 5) n",
        "insert into membership (organisation, account, role)
         select '00000000-0000-0000-0000-000000000001', id, case when email like '4%' then 'promoter' else 'operator' end from account",
    ] {
        sqlx::query(statement).execute(store.pool()).await.unwrap();
    }
    let draft = EventDraft {
        name: "A night".to_owned(),
        venue: "Hall".to_owned(),
        starts_at_ms: 1_900_000_000_000,
        time_zone: "Europe/Berlin".to_owned(),
        currency: "EUR".to_owned(),
        accessible_release: None,
        tickets_per_person: None,
    };
    store.create_event(event, organisation, &draft).await.unwrap();
    let draft = SaleDraft {
        name: "First sale".to_owned(),
        lobby_opens_at_ms: None,
        opens_at_ms: 1_700_000_000_000,
        closes_at_ms: 1_899_000_000_000,
        wait_ends_at_ms: None,
        ordering: Ordering::Fifo,
        entry: store::entry::Entry::Open,
        seating: store::events::Seating::Assign,
        shop_ms: 300_000,
        party_max: 8,
        rate_per_minute: 600,
        max_active: 100,
        hold_ttl_ms: 60_000,
        extension_ms: 0,
        grace_ms: 1_000,
        presence_ms: 120_000,
        gather_ms: 10_000,
        answer_ms: 20_000,
        rejoin: true,
        allotment: None,
        beacon: true,
        unprovable_after_s: None,
    };
    store.create_sale(SALE, event, &draft).await.unwrap();
    let [promoter, operator] = [promoter, operator].map(|account| papers.access_token(account, 3_600_000));
    let config = Config { map_bytes_max: 40_000_000, ..Config::default() };
    let clock = Clock::system();
    let role = inventory::prepare(config, store.clone(), papers.clone(), clock.clone()).unwrap();
    let router = role.router();
    Desk { store, event, promoter, operator, papers, clock, role, router, _redis: redis, _database: database }
}

impl Desk {
    /// Starts the role's tasks.
    pub fn run(&self) -> Tasks {
        let tasks = Tasks::without_signals();
        self.role.run(&tasks);
        tasks
    }

    /// Asks for anything.
    pub async fn send(&self, method: &str, path: &str, token: Option<&str>, body: &Value) -> (u16, Vec<u8>) {
        let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Body::from(body.to_string())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        (response.status().as_u16(), response.into_body().collect().await.unwrap().to_bytes().to_vec())
    }

    /// Asks for the seat map with this query; answers the status, the content type and the body.
    pub async fn ask(&self, token: Option<&str>, query: &str, body: Option<(&str, Vec<u8>)>) -> (u16, String, Vec<u8>) {
        let mut request = Request::builder()
            .method(if body.is_some() { "PUT" } else { "GET" })
            .uri(format!("/v1/events/{}/seat-map{query}", EventId(self.event)));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some((kind, _)) = body {
            request = request.header("content-type", kind);
        }
        let request = request.body(Body::from(body.map_or_else(Vec::new, |(_, bytes)| bytes))).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        (status, kind.unwrap_or_default(), response.into_body().collect().await.unwrap().to_bytes().to_vec())
    }

    /// Asks for something else of the event.
    pub async fn ask_for(&self, token: &str, method: &str, part: &str, body: &Value) -> (u16, Vec<u8>) {
        self.ask_once(token, method, part, body, None).await
    }

    /// And with an idempotency key.
    pub async fn ask_once(
        &self,
        token: &str,
        method: &str,
        part: &str,
        body: &Value,
        key: Option<&str>,
    ) -> (u16, Vec<u8>) {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/v1/events/{}{part}", EventId(self.event)))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Body::from(body.to_string())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        (response.status().as_u16(), response.into_body().collect().await.unwrap().to_bytes().to_vec())
    }

    pub async fn get(&self, query: &str) -> Vec<u8> {
        let (status, _, body) = self.ask(Some(&self.promoter), query, None).await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        body
    }

    pub async fn put(&self, query: &str, kind: &str, body: impl Into<Vec<u8>>) -> (u16, Vec<u8>) {
        let (status, _, body) = self.ask(Some(&self.promoter), query, Some((kind, body.into()))).await;
        (status, body)
    }

    /// A map in our own format.
    pub async fn put_map(&self, map: &Value) -> (u16, Vec<u8>) {
        self.put("", "application/json", map.to_string()).await
    }
}

pub fn problem((status, body): (u16, Vec<u8>)) -> (u16, Problem) {
    let text = String::from_utf8_lossy(&body);
    (status, serde_json::from_slice(&body).unwrap_or_else(|fault| panic!("{fault}: {text}")))
}

/// Sections A, B … with so many rows of so many seats, aisles in their middles, the first seat of each accessible.
pub fn hall(sections: usize, rows: usize, seats: usize) -> Value {
    let seat = |row: usize, nth: usize| {
        let mut seat = json!({"label": (nth + 1).to_string(), "tier": if row == 0 { "gold" } else { "silver" },
            "x": 20.0 * nth as f64, "y": 0.0});
        if nth == seats / 2 {
            seat["aisle_after"] = true.into();
        }
        if nth == 0 {
            seat["accessible"] = true.into();
        }
        seat
    };
    let row = |nth: usize| json!({"label": (nth + 1).to_string(), "y": 25.0 * (nth + 1) as f64, "seats": (0..seats).map(|at| seat(nth, at)).collect::<Vec<_>>()});
    let section = |nth: usize| json!({"name": char::from(b'A' + nth as u8).to_string(), "x": 5.5 + 10_000.0 * nth as f64, "rows": (0..rows).map(row).collect::<Vec<_>>()});
    json!({
        "format": "usher-seat-map/1", "name": "Hall",
        "tiers": [{"id": "gold", "name": "Gold", "price_minor": 9000, "fee_minor": 100}, {"id": "silver", "name": "Silver", "price_minor": 6000, "fee_minor": 0}],
        "sections": (0..sections).map(section).collect::<Vec<_>>(),
        "standing": [{"name": "Pit", "tier": "silver", "capacity": 5}]
    })
}
