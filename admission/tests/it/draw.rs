//! A lobby from its first fan to the first admission: nobody has a number before everybody has one, and anybody can check them.

use std::collections::HashMap;
use std::time::Duration;

use admission::{Beacon, Config, DrawConfig};
use chassis::clock::Clock;
use chassis::tasks::Tasks;
use contracts::papers::Papers;
use domain::draw::{self, Numbers};
use domain::order::Class;
use serde_json::json;
use store::Store;
use store::events::{EventDraft, Ordering, SaleDraft};
use store::halls::{TierRow, UnitRow};
use store::joins::{Accepts, JoinAsk, JoinBatch};
use testkit::eventually;
use uuid::Uuid;

const SECRET: &str = "a secret for tests, long enough to be one";
const LOBBY: usize = 300;
const LATE: usize = 40;

fn ask(clock: &Clock) -> JoinAsk {
    JoinAsk {
        place: chassis::ids::new(clock),
        fan: chassis::ids::new(clock),
        party: 1,
        tiers: 0,
        accepts: Accepts { apart: true, ..Accepts::default() },
        class: Class::GENERAL,
    }
}

/// A published sale with a lobby that is open and closes soon.
async fn lobby(store: &Store, clock: &Clock) -> Uuid {
    let [event, sale, organisation, account] = [(); 4].map(|()| chassis::ids::new(clock));
    let draft = EventDraft {
        name: "Night".to_owned(),
        venue: "Hall".to_owned(),
        starts_at_ms: clock.now_ms() + 86_400_000,
        time_zone: "Europe/Berlin".to_owned(),
        currency: "EUR".to_owned(),
        accessible_release: None,
        tickets_per_person: None,
    };
    sqlx::query("insert into organisation (id, name) values ($1, 'Org') on conflict do nothing")
        .bind(organisation)
        .execute(store.pool())
        .await
        .unwrap();
    store.create_event(event, organisation, &draft).await.unwrap();
    let tier = TierRow { code: "a".to_owned(), name: "A".to_owned(), price_minor: 100, fee_minor: 0, capacity: 1_000 };
    let unit = |nth: u32| UnitRow {
        tier: 0,
        stretch: 0,
        section: 0,
        row: 0,
        standing: true,
        accessible: false,
        companion: false,
        quality: None,
        label: format!("Floor {nth}"),
    };
    store.import_map(event, &json!({}), &[tier], &(0..1_000).map(unit).collect::<Vec<_>>()).await.unwrap();
    store.publish_event(event, account).await.unwrap();
    let opens_at_ms = clock.now_ms() + 2_500;
    let draft = SaleDraft {
        name: "Sale".to_owned(),
        lobby_opens_at_ms: Some(clock.now_ms() - 1_000),
        opens_at_ms,
        closes_at_ms: opens_at_ms + 3_600_000,
        wait_ends_at_ms: None,
        ordering: Ordering::DrawThenFifo,
        entry: store::entry::Entry::Open,
        seating: store::events::Seating::Assign,
        shop_ms: 300_000,
        party_max: 8,
        rate_per_minute: 600_000,
        max_active: 10_000,
        hold_ttl_ms: 60_000,
        extension_ms: 0,
        grace_ms: 10_000,
        presence_ms: 120_000,
        gather_ms: 10_000,
        answer_ms: 20_000,
        rejoin: true,
        allotment: None,
        beacon: true,
        unprovable_after_s: None,
    };
    store.create_sale(sale, event, &draft).await.unwrap();
    store.publish_sale(sale, account).await.unwrap();
    sale
}

#[tokio::test]
async fn a_lobby_is_drawn_at_once_and_anybody_can_check_it() {
    let (database, redis) = (testkit::database().await, testkit::redis().await);
    let store = Store::with_pool(database.pool.clone(), redis.url()).unwrap();
    let (clock, tasks) = (Clock::system(), Tasks::without_signals());
    let papers = Papers::new(&[SECRET], {
        let clock = clock.clone();
        move || clock.now_ms()
    });
    let sale = lobby(&store, &clock).await;
    let draw = DrawConfig { beacon: Beacon::Local, delay_s: 1, ..DrawConfig::default() };
    let config = Config { draw, ..Config::default() };
    let role = admission::prepare(config, SECRET, store.clone(), papers, clock.clone()).unwrap();
    role.run(&tasks);

    let asks: Vec<JoinAsk> = (0..LOBBY).map(|_| ask(&clock)).collect();
    for batch in asks.chunks(50) {
        assert!(matches!(store.join_batch(sale, batch).await.unwrap(), JoinBatch::Placed(..)));
    }
    let drawn = async || store.draw(sale).await.unwrap().is_some_and(|row| row.draw.is_some());
    eventually(Duration::from_secs(5), async || store.draw(sale).await.unwrap().is_some()).await;
    assert!(!drawn().await, "the secret is committed to before the lobby closes");

    // Who comes after the opening is behind the lobby, and nobody goes in before the flip.
    eventually(Duration::from_secs(5), async || store.close_lobby(sale).await.unwrap().is_some()).await;
    let late: Vec<JoinAsk> = (0..LATE).map(|_| ask(&clock)).collect();
    assert!(matches!(store.join_batch(sale, &late).await.unwrap(), JoinBatch::Placed(..)));
    eventually(Duration::from_secs(15), drawn).await;
    let row = store.draw(sale).await.unwrap().unwrap();
    assert_eq!(row.size, LOBBY as i64);

    // The published files say what happened, by the checker that anybody can run.
    let (roster, _) = row.roster.unwrap();
    let (statement, seed) = row.draw.unwrap();
    let numbers = Numbers::draw(&seed, row.size);
    let (mut roster_txt, mut numbers_txt) = (Vec::new(), Vec::new());
    let places = store.places_by_entry(sale, 1, row.size).await.unwrap();
    assert_eq!(places, asks.iter().map(|ask| ask.place).collect::<Vec<_>>());
    draw::write_roster(places, &mut roster_txt).unwrap();
    draw::write_numbers(&numbers, &mut numbers_txt).unwrap();
    let files: HashMap<&str, Vec<u8>> = HashMap::from([
        ("commitment.json", row.commitment.json),
        ("commitment.sig", row.commitment.sig),
        ("roster.json", roster.json),
        ("roster.sig", roster.sig),
        ("roster.txt", roster_txt),
        ("numbers.txt", numbers_txt),
        ("draw.json", statement.json),
        ("draw.sig", statement.sig),
    ]);
    let verified = draw::verify(
        |name: &str| Ok(files.get(name).map(|bytes| std::io::Cursor::new(bytes.clone())).expect("all files are out")),
        draw::Asked { entry: Some(7), key: None },
    )
    .unwrap_or_else(|faults| panic!("{faults:#?}"));
    assert!(!verified.draw.provable, "a chain of our own proves nothing");
    assert_eq!(verified.entry.unwrap().number, numbers.number(7));

    // Everybody is let in by number, the late ones as they came.
    let all = LOBBY + LATE;
    let admitted = async || -> Vec<i64> {
        sqlx::query_scalar("select e from pace_tick t cross join unnest(t.entries) with ordinality as u(e, nth) where t.sale = $1 order by t.version, nth")
            .bind(sale)
            .fetch_all(store.pool())
            .await
            .unwrap()
    };
    eventually(Duration::from_secs(20), async || admitted().await.len() == all).await;
    let expected: Vec<i64> = (1..=all as i64).map(|number| numbers.entry(number)).collect();
    assert_eq!(admitted().await, expected);
    assert_ne!(expected[..LOBBY], (1..=LOBBY as i64).collect::<Vec<_>>(), "a draw that changes nothing draws nothing");
    let first: i64 = sqlx::query_scalar(
        "select count(*) from pace_tick t join draw d on d.sale = t.sale where t.sale = $1 and t.at < d.drawn_at",
    )
    .bind(sale)
    .fetch_one(store.pool())
    .await
    .unwrap();
    assert_eq!(first, 0, "nobody was let in before the flip");
    let report = store.verify().await.unwrap();
    assert!(report.violations.is_empty(), "{:#?}", report.violations);
    tasks.stop();
    tasks.run_until_stopped(Duration::from_secs(5)).await.ok();
}

/// A role whose draws ask for this, and who speaks to it as the sale's operator.
async fn role(
    store: &Store,
    clock: &Clock,
    tasks: &Tasks,
    draw: DrawConfig,
    sale: Uuid,
) -> impl AsyncFn(serde_json::Value) -> (u16, String) {
    let papers = Papers::new(&[SECRET], {
        let clock = clock.clone();
        move || clock.now_ms()
    });
    let operator = chassis::ids::new(clock);
    for statement in [
        "insert into account (id, email, password_hash) values ($1, 'op@example.org', '')",
        "insert into membership (organisation, account, role) select id, $1, 'operator' from organisation",
    ] {
        sqlx::query(statement).bind(operator).execute(store.pool()).await.unwrap();
    }
    let token = papers.access_token(operator, 3_600_000);
    let config = Config { draw, ..Config::default() };
    let role = admission::prepare(config, SECRET, store.clone(), papers, clock.clone()).unwrap();
    role.run(tasks);
    let router = role.router();
    async move |body: serde_json::Value| {
        let request = axum::http::Request::post(format!("/v1/sales/{}/admission/beacon", contracts::ids::SaleId(sale)))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(axum::body::Body::from(body.to_string()))
            .unwrap();
        let reply = tower::ServiceExt::oneshot(router.clone(), request).await.unwrap();
        let status = reply.status().as_u16();
        let bytes = http_body_util::BodyExt::collect(reply.into_body()).await.unwrap().to_bytes();
        (status, String::from_utf8_lossy(&bytes).into_owned())
    }
}

async fn is_drawn(store: &Store, sale: Uuid) -> bool {
    store.draw(sale).await.unwrap().is_some_and(|row| row.draw.is_some())
}

#[tokio::test]
async fn a_beacon_is_carried_in_by_hand_if_it_is_the_one() {
    let (database, redis) = (testkit::database().await, testkit::redis().await);
    let store = Store::with_pool(database.pool.clone(), redis.url()).unwrap();
    let (clock, tasks) = (Clock::system(), Tasks::without_signals());
    let sale = lobby(&store, &clock).await;
    // Its own fetch would come in an hour.
    let draw = DrawConfig { beacon: Beacon::Local, delay_s: 3_600, ..DrawConfig::default() };
    let carry = role(&store, &clock, &tasks, draw, sale).await;
    store.join_batch(sale, &[ask(&clock), ask(&clock)]).await.unwrap();
    let early = carry(json!({"round": 1, "signature": "", "reason": "x"})).await;
    assert!(early.0 == 409 && early.1.contains("draw-not-closed"), "{early:?}");
    let closed =
        async || store.draw(sale).await.unwrap().and_then(|row| row.roster.map(|roster| (row.commitment, roster.0)));
    eventually(Duration::from_secs(10), async || closed().await.is_some()).await;
    let (commitment, roster) = closed().await.unwrap();
    let commitment: draw::CommitmentStatement = serde_json::from_slice(&commitment.json).unwrap();
    let roster: draw::RosterStatement = serde_json::from_slice(&roster.json).unwrap();
    let key = contracts::draws::DrawKey::of(SECRET);
    let signer = &commitment.signer;
    assert_eq!(
        (key.key_id, key.ed25519),
        (signer.key_id.clone(), signer.ed25519.to_string()),
        "it is the published one"
    );
    let rule = commitment.beacon.unwrap();
    let round = draw::round_after_close(&rule.chain, roster.closed_ms, rule.delay_s);
    let secret = contracts::papers::derive(SECRET, "usher local chain");
    let local = draw::LocalChain::new("local", &secret, rule.chain.genesis_s, rule.chain.period_s);
    assert_eq!(*local.chain(), rule.chain);
    let other = draw::LocalChain::new("local", &[9; 32], rule.chain.genesis_s, rule.chain.period_s);
    let right = hex::encode(local.sign(round));
    let body = |round: u64, signature: &str| json!({"round": round, "signature": signature, "reason": "no network"});
    let mut elsewhere = body(round, &right);
    elsewhere["chain"] = json!("52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971");
    for (wrong, why) in [
        (body(round + 1, &right), "not for"),
        (elsewhere, "another chain"),
        (body(round, &hex::encode(local.sign(round + 1))), "this is the signature of round"),
        (body(round, &hex::encode(other.sign(round))), "another key's"),
        (body(round, "zz"), "hexadecimal"),
        (json!({"round": round, "signature": right, "reason": " "}), "reason"),
    ] {
        let refused = carry(wrong).await;
        assert!(refused.0 == 422 && refused.1.contains(why), "{why}: {refused:?}");
    }
    assert!(store.draw(sale).await.unwrap().unwrap().beacon.is_none());
    assert_eq!(carry(body(round, &right)).await.0, 204);
    eventually(Duration::from_secs(10), async || is_drawn(&store, sale).await).await;
    let again = carry(body(round, &right)).await;
    assert!(again.0 == 409 && again.1.contains("drawn"), "{again:?}");
    let log = store.audit_of(sale, 9).await.unwrap();
    assert_eq!((log[0].action.as_str(), log[0].reason.as_str(), log.len()), ("draw.beacon", "no network", 3));
}

#[tokio::test]
async fn without_its_beacon_a_draw_goes_on_only_where_that_was_published_and_proves_nothing() {
    let (database, redis) = (testkit::database().await, testkit::redis().await);
    let store = Store::with_pool(database.pool.clone(), redis.url()).unwrap();
    let (clock, tasks) = (Clock::system(), Tasks::without_signals());
    let [waits, goes_on, bare] =
        [lobby(&store, &clock).await, lobby(&store, &clock).await, lobby(&store, &clock).await];
    sqlx::raw_sql("alter table sale drop constraint sale_unprovable").execute(store.pool()).await.unwrap();
    for (sale, beacon, after_s) in [(waits, true, None), (goes_on, true, Some(1)), (bare, false, None)] {
        sqlx::query("update sale set beacon = $2, unprovable_after_s = $3 where id = $1")
            .bind(sale)
            .bind(beacon)
            .bind(after_s)
            .execute(store.pool())
            .await
            .unwrap();
    }
    // Nobody answers there.
    let draw = DrawConfig { beacon_url: "http://127.0.0.1:9".to_owned(), delay_s: 0, ..DrawConfig::default() };
    let carry = role(&store, &clock, &tasks, draw, bare).await;
    for sale in [waits, goes_on, bare] {
        store.join_batch(sale, &[ask(&clock), ask(&clock)]).await.unwrap();
    }
    for sale in [bare, goes_on] {
        eventually(Duration::from_secs(20), async || is_drawn(&store, sale).await).await;
        let (statement, _) = store.draw(sale).await.unwrap().unwrap().draw.unwrap();
        let said: draw::DrawStatement = serde_json::from_slice(&statement.json).unwrap();
        assert!(!said.provable && said.beacon.is_none());
    }
    assert!(!is_drawn(&store, waits).await);
    let none = carry(json!({"round": 1, "signature": "", "reason": "x"})).await;
    assert!(none.0 == 409 && none.1.contains("no-beacon"), "{none:?}");
    // What was published stays.
    let row = store.sale(waits).await.unwrap().unwrap();
    let draft = SaleDraft { beacon: false, ..row.draft };
    let edit = store.edit_sale(waits, row.version, &draft, Uuid::nil()).await.unwrap();
    assert_eq!(edit, store::events::SaleEdit::Committed);
}

/// The role with a draw whose beacon would come in an hour, once it has committed to a secret.
async fn committed() -> (testkit::TestDatabase, testkit::TestRedis, Store, Tasks, Uuid) {
    let (database, redis) = (testkit::database().await, testkit::redis().await);
    let store = Store::with_pool(database.pool.clone(), redis.url()).unwrap();
    let (clock, tasks) = (Clock::system(), Tasks::without_signals());
    let sale = lobby(&store, &clock).await;
    let draw = DrawConfig { beacon: Beacon::Local, delay_s: 3_600, ..DrawConfig::default() };
    drop(role(&store, &clock, &tasks, draw, sale).await);
    eventually(Duration::from_secs(5), async || store.draw(sale).await.unwrap().is_some()).await;
    (database, redis, store, tasks, sale)
}

#[tokio::test]
async fn an_open_lobby_does_not_hold_up_the_stop() {
    let (_database, _redis, _store, tasks, _) = committed().await;
    tasks.stop();
    tasks.run_until_stopped(Duration::from_secs(5)).await.expect("everything ended by itself");
}

#[tokio::test]
async fn whoever_lost_the_lease_does_not_go_on_with_the_draw() {
    let (_database, _redis, store, tasks, sale) = committed().await;
    // Another process holds it from now on, and does nothing.
    sqlx::query("update lease set term = term + 1, holder = $1, until = 'infinity'")
        .bind(Uuid::from_u128(99))
        .execute(store.pool())
        .await
        .unwrap();
    let count = async |of: &str| -> i64 {
        sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {of}")))
            .fetch_one(store.pool())
            .await
            .unwrap()
    };
    eventually(Duration::from_secs(10), async || count("sale where opens_at <= clock_timestamp()").await == 1).await;
    // Three looks later it would have closed the lobby.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(count("line where lobby_size is not null").await, 0);
    assert!(store.draw(sale).await.unwrap().unwrap().roster.is_none());
    tasks.stop();
    tasks.run_until_stopped(Duration::from_secs(5)).await.expect("everything ended by itself");
}
