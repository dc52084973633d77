//! The operators' API on real stores: two-step changes, undo, previews.

use std::time::Duration;

use admission::{Admission, Config};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use chassis::clock::Clock;
use contracts::access::StepKind;
use contracts::consoles::{AdmissionView, AuditLog, PreviewView};
use contracts::ids::{AccountId, PlaceId, SaleId};
use contracts::mending::{FoundPlaces, support_code};
use contracts::papers::Papers;
use contracts::problem::Problem;
use domain::order::Class;
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use store::Store;
use store::events::{EventDraft, Ordering, SaleDraft, SalePublished};
use store::halls::{Imported, TierRow, UnitRow};
use store::joins::{Accepts, JoinAsk, JoinBatch};
use testkit::{TestDatabase, TestRedis, eventually};
use tower::ServiceExt as _;
use uuid::Uuid;

pub struct Desk {
    pub role: Admission,
    pub router: Router,
    pub store: Store,
    pub papers: Papers,
    pub clock: Clock,
    pub event: Uuid,
    pub sale: Uuid,
    pub token: String,
    pub other: String,
    _redis: TestRedis,
    /// Last, since everything uses it.
    pub database: TestDatabase,
}

pub const NOW_MS: i64 = 1_750_000_000_000;

/// A published sale of ten places to stand, at 600 a minute, and two operators.
pub async fn desk() -> Desk {
    desk_of(10, Config::default()).await
}

/// The same with so many places to stand. Postgres's clock stands at [`NOW_MS`] too.
pub async fn desk_of(capacity: u32, config: Config) -> Desk {
    let (database, redis) = (testkit::database().await, testkit::redis().await);
    database.stop_clock(NOW_MS).await;
    let pool = store::connect_postgres(&database.url, 8).await.unwrap();
    let store = Store::with_pool(pool, redis.url()).unwrap();
    let clock = Clock::fixed(NOW_MS);
    let papers = {
        let clock = clock.clone();
        Papers::new(&["a secret of the tests that is long enough"], move || clock.now_ms())
    };
    let [organisation, event, sale, ann, bob] = [1, 2, 3, 4, 5].map(Uuid::from_u128);
    for statement in [
        "insert into organisation (id, name) values ('00000000-0000-0000-0000-000000000001', 'Hall')",
        "insert into account (id, email, password_hash)
         select ('00000000-0000-0000-0000-00000000000' || n)::uuid, n || '@example.org', '' from generate_series(4, 5) n",
        "insert into membership (organisation, account, role)
         select '00000000-0000-0000-0000-000000000001', id, 'operator' from account",
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
    let tier = TierRow { code: "a".into(), name: "A".into(), price_minor: 1, fee_minor: 0, capacity };
    let unit = |n: u32| UnitRow {
        tier: 0,
        stretch: 0,
        section: 0,
        row: 0,
        standing: true,
        accessible: false,
        companion: false,
        quality: None,
        label: n.to_string(),
    };
    let units: Vec<UnitRow> = (0..capacity).map(unit).collect();
    assert_eq!(store.import_map(event, &Value::Null, &[tier], &units).await.unwrap(), Imported::Done);
    store.publish_event(event, ann).await.unwrap();
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
        hold_ttl_ms: 2_000,
        extension_ms: 0,
        grace_ms: 1_000,
        presence_ms: 3_600_000,
        gather_ms: 10_000,
        answer_ms: 20_000,
        rejoin: true,
        allotment: None,
        beacon: true,
        unprovable_after_s: None,
    };
    store.create_sale(sale, event, &draft).await.unwrap();
    assert_eq!(store.publish_sale(sale, ann).await.unwrap(), SalePublished::Done);
    let [token, other] = [ann, bob].map(|account| papers.access_token(account, 3_600_000));
    let secret = "a secret of the tests that is long enough";
    let role = admission::prepare(config, secret, store.clone(), papers.clone(), clock.clone()).unwrap();
    let router = role.router();
    Desk { role, router, store, papers, clock, event, sale, token, other, _redis: redis, database }
}

impl Desk {
    pub async fn ask(&self, token: &str, method: &str, part: &str, body: &Value) -> (u16, Vec<u8>) {
        let path = if part.starts_with("/places") { part.to_owned() } else { format!("/admission{part}") };
        self.ask_for(token, method, &path, body).await
    }

    /// Below the sale.
    pub async fn ask_for(&self, token: &str, method: &str, path: &str, body: &Value) -> (u16, Vec<u8>) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/v1/sales/{}{path}", SaleId(self.sale)))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        (status, response.into_body().collect().await.unwrap().to_bytes().to_vec())
    }

    #[track_caller]
    pub fn read<T: DeserializeOwned>((status, body): (u16, Vec<u8>), expected: u16) -> T {
        let text = String::from_utf8_lossy(&body);
        assert_eq!(status, expected, "{text}");
        serde_json::from_slice(&body).unwrap_or_else(|fault| panic!("{fault}: {text}"))
    }

    pub async fn done(&self, method: &str, part: &str, body: Value) -> AdmissionView {
        Self::read(self.ask(&self.token, method, part, &body).await, 200)
    }

    pub async fn refused(&self, method: &str, part: &str, body: Value, status: u16) -> Problem {
        Self::read(self.ask(&self.token, method, part, &body).await, status)
    }

    /// Does a dangerous thing in its two steps.
    async fn surely(&self, method: &str, part: &str, mut body: Value) -> AdmissionView {
        let problem = self.refused(method, part, body.clone(), 409).await;
        assert_eq!(problem.code, "confirm-needed");
        body["confirm"] = json!(problem.confirm.unwrap());
        self.done(method, part, body).await
    }
}

/// So many new fans join; answers their places.
pub async fn join_many(desk: &Desk, fans: usize) -> Vec<Uuid> {
    let ask = || JoinAsk {
        place: chassis::ids::new(&desk.clock),
        fan: chassis::ids::new(&desk.clock),
        party: 1,
        tiers: 0,
        accepts: Accepts::default(),
        class: Class::GENERAL,
    };
    let asks: Vec<JoinAsk> = (0..fans).map(|_| ask()).collect();
    let joined = desk.store.join_batch(desk.sale, &asks).await.unwrap();
    assert!(matches!(joined, JoinBatch::Placed(..)), "{joined:?}");
    asks.iter().map(|ask| ask.place).collect()
}

pub async fn join<const N: usize>(desk: &Desk) -> [Uuid; N] {
    join_many(desk, N).await.try_into().unwrap()
}

#[tokio::test]
async fn every_knob_is_tuned_and_told() {
    let desk = desk().await;
    let change = json!({"rate_per_minute": 60, "max_active": 150, "target_per_minute": 50, "grace_ms": 5, "presence_ms": 6_000,
        "ramp": {"steps": [{"at_ms": 1, "rate_per_minute": 30}], "between": "linear"}, "brake": {"p99_ms": 700}, "reason": "calm"});
    let view = desk.surely("PATCH", "", change).await;
    let tuning = serde_json::to_value(&view.tuning).unwrap();
    assert_eq!((tuning["target_per_minute"].as_u64(), tuning["brake"]["p99_ms"].as_u64()), (Some(50), Some(700)));
    assert_eq!((view.rate_in_force, view.rate_version, view.brake.factor.to_bits()), (30, 2, 1f64.to_bits()));
    let view = desk.surely("PATCH", "", json!({"ramp": null, "brake": null, "reason": "plain"})).await;
    assert_eq!((view.tuning.ramp, view.tuning.brake, view.rate_in_force), (None, None, 60));
    for (body, code) in
        [(json!({"rate_per_minute": 0, "reason": "x"}), "invalid-request"), (json!({"grace_ms": 1}), "invalid-request")]
    {
        assert_eq!(desk.refused("PATCH", "", body, 422).await.code, code);
    }
    let view = desk.done("POST", "/undo", json!({"reason": "the ramp was right"})).await;
    assert_eq!(view.tuning.ramp.unwrap().steps.len(), 1);
    let actions: Vec<String> =
        desk.store.audit_of(desk.sale, 9).await.unwrap().into_iter().map(|row| row.action).collect();
    assert_eq!(actions, ["admission.undo", "admission.tune", "admission.tune", "sale.publish", "event.publish"]);
}

#[tokio::test]
async fn dangerous_changes_take_two_requests_of_one_operator_within_a_minute() {
    let desk = desk().await;
    let faster = json!({"rate_per_minute": 6_000, "reason": "more"});
    let problem = desk.refused("PATCH", "", faster.clone(), 409).await;
    assert!(problem.detail.contains("from 600 to 6000") && problem.detail.contains("0 in the busiest"), "{problem:?}");
    let mut confirmed = faster.clone();
    confirmed["confirm"] = json!(problem.confirm.unwrap());
    let stolen: Problem = Desk::read(desk.ask(&desk.other, "PATCH", "", &confirmed).await, 409);
    assert_eq!(stolen.code, "confirm-needed");
    let mut another = confirmed.clone();
    another["rate_per_minute"] = json!(6_001);
    desk.refused("PATCH", "", another, 409).await;
    desk.clock.advance(60_000);
    desk.refused("PATCH", "", confirmed.clone(), 409).await;
    desk.clock.advance(-1);
    assert_eq!(desk.done("PATCH", "", confirmed.clone()).await.tuning.rate_per_minute, 6_000);
    // The knobs are other ones now, and the code is of the ones before.
    desk.done("PATCH", "", json!({"rate_per_minute": 600, "reason": "back"})).await;
    desk.refused("PATCH", "", confirmed, 409).await;

    assert!(desk.done("POST", "/pause", json!({"reason": "a queue"})).await.pause_reason.is_some());
    let stopped = desk.surely("POST", "/stop", json!({"reason": "smoke"})).await;
    assert_eq!((stopped.stop_reason.as_deref(), stopped.rate_in_force), (Some("smoke"), 0));
    assert_eq!(desk.surely("POST", "/start", json!({"reason": "clear"})).await.stop_reason, None);
    assert_eq!(desk.surely("POST", "/resume", json!({"reason": "go"})).await.rate_in_force, 600);
    // Undoing a slower rate is as dangerous as a faster one.
    assert_eq!(desk.surely("POST", "/undo", json!({"reason": "go on"})).await.tuning.rate_per_minute, 6_000);
}

#[tokio::test]
async fn the_rate_is_the_hard_cap_whatever_the_ramp_says() {
    let desk = desk().await;
    let above = json!({"ramp": {"steps": [{"at_ms": 1, "rate_per_minute": 500}, {"at_ms": 2, "rate_per_minute": 3_000}]}, "reason": "x"});
    for (method, part) in [("PATCH", ""), ("POST", "/preview")] {
        let problem = desk.refused(method, part, above.clone(), 422).await;
        assert!(problem.detail.contains("step 2 says 3000") && problem.detail.contains("600, which"), "{problem:?}");
    }
    let mut with_rate = above.clone();
    with_rate["rate_per_minute"] = json!(3_000);
    assert_eq!(desk.surely("PATCH", "", with_rate).await.rate_in_force, 3_000);
    let slowed = desk.done("PATCH", "", json!({"rate_per_minute": 300, "reason": "an emergency"})).await;
    assert_eq!((slowed.rate_in_force, slowed.tuning.ramp.unwrap().steps.len()), (300, 2));
    // Taking the ramp away changes nothing now; the target's end would.
    desk.done("PATCH", "", json!({"ramp": null, "target_per_minute": 20, "reason": "calm"})).await;
    let problem = desk.refused("PATCH", "", json!({"target_per_minute": null, "reason": "x"}), 409).await;
    assert!(problem.detail.contains("from 20 to 300 fans per minute at once"), "{problem:?}");
}

#[tokio::test]
async fn nobody_undoes_what_they_did_not_see() {
    let desk = desk().await;
    let nothing = desk.refused("POST", "/undo", json!({"reason": "x"}), 409).await;
    assert_eq!(nothing.code, "nothing-to-undo");
    desk.done("PATCH", "", json!({"rate_per_minute": 60, "reason": "slower"})).await;
    desk.done("PATCH", "", json!({"max_active": 50, "reason": "fewer"})).await;
    let undo = |version: i64| {
        axum::http::Request::post(format!("/v1/sales/{}/admission/undo", SaleId(desk.sale)))
            .header("authorization", format!("Bearer {}", desk.token))
            .header("content-type", "application/json")
            .header("if-match", format!("\"{version}\""))
            .body(Body::from(json!({"reason": "a mistake"}).to_string()))
            .unwrap()
    };
    let late = desk.router.clone().oneshot(undo(2)).await.unwrap();
    assert_eq!(late.status(), 412);
    assert_eq!(desk.router.clone().oneshot(undo(3)).await.unwrap().status(), 200);
    let now = desk.done("GET", "", json!(null)).await;
    assert_eq!((now.tuning.rate_per_minute, now.tuning.max_active), (60, 100), "one change was undone");
}

#[tokio::test]
async fn a_preview_says_what_a_change_would_do_and_changes_nothing() {
    let desk = desk().await;
    join_many(&desk, 40).await;
    let faster = json!({"rate_per_minute": 6_000});
    let view: PreviewView = Desk::read(desk.ask(&desk.token, "POST", "/preview", &faster).await, 200);
    assert_eq!((view.waiting, view.without.peak_active.max(view.with.peak_active) <= 100), (40, true));
    assert!(view.without.wait_p50_s.is_some() && view.without.unreached > 0.0, "{view:?}");
    assert!((0.0..=1.0).contains(&view.moved));
    assert_eq!(desk.store.tuned(desk.sale).await.unwrap().unwrap().version, 1);
    desk.refused("POST", "/preview", json!({"rate_per_minute": 0}), 422).await;
}

#[tokio::test]
async fn a_preview_goes_by_the_brake_as_it_is() {
    let desk = desk_of(200, Config::default()).await;
    join_many(&desk, 60).await;
    desk.done("PATCH", "", json!({"brake": {}, "reason": "careful"})).await;
    let preview = async || -> PreviewView {
        Desk::read(desk.ask(&desk.token, "POST", "/preview", &json!({"brake": null})).await, 200)
    };
    let free = preview().await;
    assert_eq!(free.without.wait_p90_s, free.with.wait_p90_s);
    sqlx::query("update sale set brake_factor = 0.125, brake_since = clock_timestamp()")
        .execute(desk.store.pool())
        .await
        .unwrap();
    let braked = preview().await;
    assert_eq!(braked.with.wait_p90_s, free.with.wait_p90_s, "taken away, it is gone");
    assert!(braked.without.wait_p90_s.unwrap() > 3 * free.without.wait_p90_s.unwrap(), "{braked:?} and {free:?}");
}

#[tokio::test]
async fn operators_announce_and_withdraw_and_both_are_in_the_log() {
    let desk = desk().await;
    let texts = json!({"texts": {"en": "Doors open late", "de": "Einlass später"}});
    let now: contracts::announcements::Announcement =
        Desk::read(desk.ask(&desk.token, "POST", "/announcement", &texts).await, 200);
    assert_eq!(desk.done("GET", "", json!(null)).await.announcement, Some(now));
    for wrong in [json!({"texts": {}}), json!({"texts": {"english": "x"}}), json!({"texts": {"en": "x".repeat(401)}})] {
        let problem = desk.refused("POST", "/announcement", wrong, 422).await;
        assert!(problem.detail.contains("texts"), "{problem:?}");
    }
    for _ in 0..2 {
        assert_eq!(desk.ask(&desk.token, "DELETE", "/announcement", &json!(null)).await.0, 204);
    }
    assert_eq!(desk.done("GET", "", json!(null)).await.announcement, None);
    let log = desk.store.audit_of(desk.sale, 9).await.unwrap();
    let actions: Vec<&str> = log.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(actions, ["sale.withdraw", "sale.announce", "sale.publish", "event.publish"]);
    assert_eq!(log[1].change["to"]["de"], "Einlass später");
    assert!(desk.store.verify().await.unwrap().violations.is_empty());
}

#[tokio::test]
async fn one_preview_at_a_time() {
    let desk = desk().await;
    join_many(&desk, 3).await;
    let ask = async || desk.ask(&desk.token, "POST", "/preview", &json!({"rate_per_minute": 60})).await;
    // Nobody can read the places for a while, and so the first goes on for as long.
    let mut lock = desk.database.pool.begin().await.unwrap();
    sqlx::query("lock table place in access exclusive mode").execute(&mut *lock).await.unwrap();
    let second = async {
        eventually(Duration::from_secs(10), async || {
            let waits = sqlx::query_scalar("select exists(select from pg_locks where not granted)");
            waits.fetch_one(&desk.database.pool).await.unwrap()
        })
        .await;
        let refused: Problem = Desk::read(ask().await, 429);
        lock.rollback().await.unwrap();
        refused
    };
    let (first, refused) = tokio::join!(ask(), second);
    assert_eq!((refused.code.as_str(), refused.retry_after_s), ("too-many-requests", Some(5)));
    assert_eq!(Desk::read::<PreviewView>(first, 200).waiting, 3);
    assert_eq!(Desk::read::<PreviewView>(ask().await, 200).waiting, 3);
}

#[tokio::test]
async fn a_preview_of_too_long_a_line_is_refused() {
    let desk = desk_of(10, Config { preview_places: 3, ..Config::default() }).await;
    let body = json!({"rate_per_minute": 60});
    join_many(&desk, 3).await;
    assert_eq!(Desk::read::<PreviewView>(desk.ask(&desk.token, "POST", "/preview", &body).await, 200).waiting, 3);
    join_many(&desk, 1).await;
    assert_eq!(desk.refused("POST", "/preview", body, 409).await.code, "line-too-long");
}

#[tokio::test]
async fn a_place_is_found_taken_out_and_put_back_and_its_history_says_by_whom() {
    let desk = desk().await;
    let place = Uuid::from_u128(100);
    let ask = JoinAsk { place, fan: place, party: 2, tiers: 0, accepts: Accepts::default(), class: Class::GENERAL };
    desk.store.join_batch(desk.sale, &[ask]).await.unwrap();
    let by_code = format!("/places/by-code/{}", support_code(PlaceId(place)).to_lowercase());
    let found = async || {
        let found: FoundPlaces = Desk::read(desk.ask(&desk.token, "GET", &by_code, &Value::Null).await, 200);
        found.places.into_iter().next().unwrap()
    };
    let before = found().await;
    assert_eq!((before.state.as_str(), before.entry, before.number, before.party), ("waiting", 1, 1, 2));
    let mend = async |token: &str, what: &str, body: Value| {
        desk.ask(token, "POST", &format!("/places/{}/{what}", PlaceId(place)), &body).await
    };
    let problem: Problem = Desk::read(mend(&desk.token, "remove", json!({"reason": " "})).await, 422);
    assert!(problem.detail.contains("say why"), "{problem:?}");
    assert_eq!(mend(&desk.token, "remove", json!({"reason": "twice here"})).await.0, 204);
    assert_eq!(found().await.state, "removed");
    assert_eq!(mend(&desk.other, "put-back", json!({"reason": "was not", "to": "front"})).await.0, 204);
    let after = found().await;
    let said: Vec<_> = after.steps.iter().map(|step| (step.step, step.reason.as_deref(), step.account_id)).collect();
    let [ann, bob] = [4, 5].map(|n| Some(AccountId(Uuid::from_u128(n))));
    assert_eq!(
        said,
        [
            (StepKind::Joined, None, None),
            (StepKind::Removed, Some("twice here"), ann),
            (StepKind::PutBack, Some("was not"), bob)
        ]
    );
    assert_eq!((after.state.as_str(), after.class, after.steps[2].front), ("waiting", 0, true));
    assert_eq!(after.steps[2].how.as_deref(), Some("removed"));
    let log: AuditLog = Desk::read(desk.ask(&desk.token, "GET", "/audit", &Value::Null).await, 200);
    let who: Vec<_> = log.lines.iter().map(|line| (line.action.as_str(), line.email.as_deref())).collect();
    assert_eq!(who[..2], [("place.put-back", Some("5@example.org")), ("place.remove", Some("4@example.org"))]);
    desk.refused("GET", "/places/by-code/K3M9", Value::Null, 422).await;
    desk.refused("GET", "/places/by-code/0000-0000-0", Value::Null, 404).await;
}
