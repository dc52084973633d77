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
        label: format!("Floor {nth}"),
    };
    store.import_map(event, &json!({}), &[tier], &(0..1_000).map(unit).collect::<Vec<_>>()).await.unwrap();
    store.publish_event(event).await.unwrap();
    let opens_at_ms = clock.now_ms() + 2_500;
    let draft = SaleDraft {
        name: "Sale".to_owned(),
        lobby_opens_at_ms: Some(clock.now_ms() - 1_000),
        opens_at_ms,
        closes_at_ms: opens_at_ms + 3_600_000,
        wait_ends_at_ms: None,
        ordering: Ordering::DrawThenFifo,
        entry: store::entry::Entry::Open,
        party_max: 8,
        rate_per_minute: 600_000,
        max_active: 10_000,
        hold_ttl_ms: 60_000,
        extension_ms: 0,
        grace_ms: 10_000,
        presence_ms: 120_000,
        rejoin: true,
        allotment: None,
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
