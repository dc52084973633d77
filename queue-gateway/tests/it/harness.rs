//! A gateway with its own stores, and the people who come to it.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use chassis::clock::Clock;
use chassis::http::{HttpConfig, layers};
use chassis::tasks::Tasks;
use contracts::accounts::{NewAccount, NewOrganisation, Organisation, Session, Visitor};
use contracts::ids::{EventId, SaleId};
use contracts::papers::Papers;
use contracts::places::{Join, Joined, Wishes};
use contracts::problem::Problem;
use contracts::sales::{Event, EventDraft, Sale, SaleDraft};
use http_body_util::BodyExt as _;
use queue_gateway::{Config, Gateway, LimitsConfig, PasswordConfig, Rate};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use store::Store;
use store::halls::{Imported, TierRow, UnitRow};
use testkit::{TestDatabase, TestRedis};
use tower::ServiceExt as _;

pub const SECRET: &str = "a secret of the tests that is long enough";
pub const PASSWORD: &str = "a long enough pass phrase";
pub const HOUR_MS: i64 = 3_600_000;

/// A running gateway with stores of its own.
pub struct Door {
    pub router: Router,
    pub store: Store,
    pub papers: Papers,
    pub clock: Clock,
    pub redis: TestRedis,
    tasks: Tasks,
    /// Last, since everything uses it.
    pub database: TestDatabase,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.tasks.hard().cancel();
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    /// The body of an answer that must have this status.
    #[track_caller]
    pub fn ok<T: DeserializeOwned>(self, status: u16) -> T {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|fault| panic!("{fault}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// An answer without a body.
    #[track_caller]
    pub fn empty(self, status: u16) {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        assert!(self.body.is_empty());
    }

    /// The problem of an answer that must be one, in the form every problem has.
    #[track_caller]
    pub fn problem(self, status: u16) -> Problem {
        let content = self.headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap().to_owned());
        let problem: Problem = self.ok_any();
        assert_eq!((problem.status, content.as_deref()), (status, Some("application/problem+json")), "{problem:?}");
        assert_eq!(problem.kind, format!("/problems/{}", problem.code));
        assert!(!problem.title.is_empty() && !problem.detail.is_empty(), "{problem:?}");
        problem
    }

    #[track_caller]
    fn ok_any<T: DeserializeOwned>(self) -> T {
        let status = self.status.as_u16();
        self.ok(status)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A request being written.
pub struct Ask {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Ask {
    pub fn new(method: &str, path: impl Into<String>) -> Self {
        Self { method: method.parse().unwrap(), path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    pub fn by(self, token: &str) -> Self {
        self.with("authorization", format!("Bearer {token}"))
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn json(self, body: &impl Serialize) -> Self {
        self.raw("application/json", serde_json::to_vec(body).unwrap())
    }

    pub fn raw(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.with("content-type", content_type)
    }

    /// From a client's address.
    pub async fn from(self, router: &Router, address: &str) -> Answer {
        let mut request = Request::builder().method(self.method).uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let mut request = request.body(Body::from(self.body)).unwrap();
        let peer: SocketAddr = address.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        let response = router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn to(self, door: &Door) -> Answer {
        self.from(&door.router, "192.0.2.1:4711").await
    }
}

/// Settings for tests: quick passwords, and no limits but those a test sets.
pub fn config() -> Config {
    let limits = LimitsConfig {
        joins_per_fan: Rate::OFF,
        accounts_per_address: Rate::OFF,
        sign_ins_per_address: Rate::OFF,
        sign_ins_per_email: Rate::OFF,
        writes_per_person: Rate::OFF,
        ..LimitsConfig::default()
    };
    let passwords = PasswordConfig { memory_kib: 64, passes: 1, ..PasswordConfig::default() };
    Config { limits, passwords, public_url: Some("https://tickets.example".to_owned()), ..Config::default() }
}

/// A gateway with settings for tests.
pub async fn door() -> Door {
    door_with(config()).await
}

pub async fn door_with(config: Config) -> Door {
    let (database, redis) = (testkit::database().await, testkit::redis().await);
    let store = Store::with_pool(database.pool.clone(), redis.url()).unwrap();
    let clock = Clock::system();
    let papers = papers(SECRET, &clock);
    let tasks = Tasks::without_signals();
    let router = another(&store, config, &tasks).await;
    Door { router, store, papers, clock, redis, tasks, database }
}

pub fn papers(secret: &str, clock: &Clock) -> Papers {
    let clock = clock.clone();
    Papers::new(&[secret], move || clock.now_ms())
}

/// Another gateway process on the same stores.
pub async fn another(store: &Store, config: Config, tasks: &Tasks) -> Router {
    let clock = Clock::system();
    let gateway: Gateway =
        queue_gateway::prepare(config, &[SECRET.to_owned()], store.clone(), papers(SECRET, &clock), clock.clone())
            .await
            .unwrap();
    gateway.run(tasks);
    layers(gateway.router(), HttpConfig::default(), clock)
}

impl Door {
    /// A gateway beside this one.
    pub async fn twin(&self, config: Config) -> Router {
        another(&self.store, config, &self.tasks).await
    }

    /// A gateway that reaches the same data by another way.
    pub async fn beside(&self, store: &Store) -> Router {
        another(store, config(), &self.tasks).await
    }

    pub async fn visitor(&self) -> Visitor {
        Ask::new("POST", "/v1/visitors").to(self).await.ok(200)
    }

    pub async fn account(&self, email: &str) -> Session {
        let new = NewAccount { email: email.to_owned(), password: PASSWORD.to_owned() };
        Ask::new("POST", "/v1/accounts").json(&new).to(self).await.ok(201)
    }

    /// A promoter's access token and organisation.
    pub async fn promoter(&self, email: &str) -> (String, Organisation) {
        let token = self.account(email).await.access_token;
        let new = NewOrganisation { name: "Concerts".to_owned() };
        let organisation = Ask::new("POST", "/v1/organisations").by(&token).json(&new).to(self).await.ok(201);
        (token, organisation)
    }

    pub fn event_draft(&self) -> EventDraft {
        EventDraft {
            name: "An evening".to_owned(),
            venue: "The hall".to_owned(),
            starts_at_ms: self.clock.now_ms() + 24 * HOUR_MS,
            time_zone: "Europe/Berlin".to_owned(),
            currency: "EUR".to_owned(),
            accessible_release: None,
            tickets_per_person: None,
        }
    }

    /// A sale that opened `opened_ms` ago; negative for one that opens later.
    pub fn sale_draft(&self, opened_ms: i64) -> SaleDraft {
        let opens_at_ms = self.clock.now_ms() - opened_ms;
        let draft =
            json!({"name": "General sale", "opens_at_ms": opens_at_ms, "closes_at_ms": opens_at_ms + 2 * HOUR_MS});
        serde_json::from_value(draft).unwrap()
    }

    pub async fn event(&self, token: &str, organisation: &Organisation) -> Event {
        let path = format!("/v1/organisations/{}/events", organisation.organisation_id);
        Ask::new("POST", path).by(token).json(&self.event_draft()).to(self).await.ok(201)
    }

    /// Ten seats in two tiers.
    pub async fn seats(&self, event: EventId) {
        let tier =
            |code: &str| TierRow { code: code.into(), name: code.into(), price_minor: 100, fee_minor: 0, capacity: 5 };
        let units: Vec<UnitRow> = (0..10)
            .map(|n| UnitRow {
                tier: n / 5,
                stretch: 0,
                section: 0,
                row: 0,
                standing: false,
                accessible: false,
                companion: false,
                quality: None,
                label: format!("seat {n}"),
            })
            .collect();
        let done = self.store.import_map(event.0, &Value::Null, &[tier("gold"), tier("silver")], &units).await.unwrap();
        // An event's second sale finds the seats of the first, and the same map is no edit.
        assert_eq!(done, Imported::Done);
    }

    pub async fn sale(&self, token: &str, event: EventId, draft: &SaleDraft) -> Sale {
        Ask::new("POST", format!("/v1/events/{event}/sales")).by(token).json(draft).to(self).await.ok(201)
    }

    pub async fn publish(&self, token: &str, event: EventId, sale: SaleId) -> Sale {
        self.seats(event).await;
        let _: Event = Ask::new("POST", format!("/v1/events/{event}/publish")).by(token).to(self).await.ok(200);
        Ask::new("POST", format!("/v1/sales/{sale}/publish")).by(token).to(self).await.ok(200)
    }

    /// A published sale as drafted, with a promoter of its own.
    pub async fn open_sale(&self, draft: &SaleDraft) -> (String, Sale) {
        let (token, organisation) = self.promoter("promoter@example.org").await;
        let event = self.event(&token, &organisation).await.event_id;
        let sale = self.sale(&token, event, draft).await.sale_id;
        let sale = self.publish(&token, event, sale).await;
        (token, sale)
    }

    pub async fn join(&self, token: &str, sale: SaleId) -> Answer {
        ask_join(token, sale).to(self).await
    }

    /// Joins, which must give a new place.
    pub async fn joined(&self, token: &str, sale: SaleId) -> Joined {
        self.join(token, sale).await.ok(201)
    }
}

pub fn ask_join(token: &str, sale: SaleId) -> Ask {
    let join = Join { party: 2, wishes: Wishes::default(), code: None };
    Ask::new("POST", format!("/v1/sales/{sale}/places")).by(token).json(&join)
}

pub fn mine(token: &str, sale: SaleId) -> Ask {
    Ask::new("GET", format!("/v1/sales/{sale}/places/mine")).by(token)
}
