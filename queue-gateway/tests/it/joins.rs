//! Joining: one place per fan, dense entries in commit order, honest refusals, nothing lost.

use std::time::{Duration, Instant};

use contracts::accounts::Visitor;
use contracts::places::{Joined, PlaceState};
use futures_util::future::join_all;
use queue_gateway::{Config, JoinConfig};
use serde_json::json;
use store::Store;
use store::feed::{Change, Lane, LaneKind};
use testkit::{FaultProxy, eventually};

use crate::harness::{Ask, HOUR_MS, ask_join, config, door, door_with, mine};

#[tokio::test(flavor = "multi_thread")]
async fn joining_twice_gives_the_same_place() {
    let door = door().await;
    let (_, sale) = door.open_sale(&door.sale_draft(1_000)).await;
    let fan = door.visitor().await;
    let first = door.joined(&fan.token, sale.sale_id).await;
    let again: Joined = door.join(&fan.token, sale.sale_id).await.ok(200);
    assert_eq!(first.place, again.place);
    assert_eq!((first.place.entry, first.place.party, first.place.state), (1, 2, PlaceState::Waiting));
    assert_eq!(first.listen.socket, "wss://tickets.example/v1/live/socket");
    assert_eq!(first.listen.poll, "https://tickets.example/v1/live/place");
    assert!(first.seq.joins == 1 && again.seq.joins >= 1, "both know of the place");
    let receipt = door.papers.open_receipt(&first.receipt).unwrap();
    assert_eq!((receipt.fan, receipt.sale, receipt.entry), (fan.fan_id.0, sale.sale_id.0, 1));
    assert_eq!(receipt.expires_ms, sale.draft.closes_at_ms + 7 * 24 * HOUR_MS);
    let found: Joined = mine(&again.receipt, sale.sale_id).to(&door).await.ok(200);
    assert_eq!(found.place, first.place);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_joins_of_one_fan_at_once_give_one_place() {
    let door = door().await;
    let (_, sale) = door.open_sale(&door.sale_draft(1_000)).await;
    let twin = door.twin(config()).await;
    let fan = door.visitor().await;
    let asks = (0..50).map(|n| {
        let router = if n % 2 == 0 { &door.router } else { &twin };
        ask_join(&fan.token, sale.sale_id).from(router, "192.0.2.1:1")
    });
    let answers = join_all(asks).await;
    let new = answers.iter().filter(|answer| answer.status.as_u16() == 201).count();
    let places: Vec<_> = answers
        .into_iter()
        .map(|answer| {
            let status = answer.status.as_u16();
            answer.ok::<Joined>(status).place.place_id
        })
        .collect();
    assert_eq!(new, 1, "one of them made it");
    assert!(places.iter().all(|place| *place == places[0]));
    let rows: i64 = sqlx::query_scalar("select count(*) from place").fetch_one(door.store.pool()).await.unwrap();
    assert_eq!(rows, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_dense_and_in_the_order_of_commits() {
    let small = || Config { join: JoinConfig { batch_max: 7, gather_us: 0, ..JoinConfig::default() }, ..config() };
    let door = door_with(small()).await;
    let twin = door.twin(small()).await;
    let (_, sale) = door.open_sale(&door.sale_draft(1_000)).await;
    let fans: Vec<Visitor> = join_all((0..200).map(|_| door.visitor())).await;
    let asks = fans.iter().enumerate().map(|(n, fan)| {
        let router = if n % 2 == 0 { &door.router } else { &twin };
        let store = door.store.clone();
        async move {
            let joined: Joined = ask_join(&fan.token, sale.sale_id).from(router, "192.0.2.1:1").await.ok(201);
            // Whoever was answered is in the store.
            let kept = store.place_of(sale.sale_id.0, fan.fan_id.0).await.unwrap().unwrap();
            assert_eq!(kept.entry, joined.place.entry);
            joined
        }
    });
    let joined = join_all(asks).await;
    let mut entries: Vec<i64> = joined.iter().map(|joined| joined.place.entry).collect();
    entries.sort_unstable();
    assert_eq!(entries, (1..=200).collect::<Vec<_>>());
    let lane = Lane { scope: sale.sale_id.0, kind: LaneKind::Joins };
    let records = door.store.records_after(lane, 0, 1_000).await.unwrap();
    let lasts: Vec<i64> = records
        .iter()
        .map(|record| match record.changes[..] {
            [Change::Joined { last, .. }] => last,
            ref other => panic!("{other:?}"),
        })
        .collect();
    assert!(records.iter().zip(1..).all(|(record, version)| record.version == version), "versions have no gap");
    assert!(lasts.is_sorted() && lasts.len() > 200 / 7, "many groups, each behind the one before: {lasts:?}");
    for Joined { place, seq, .. } in joined {
        let version = seq.joins as usize;
        let before = if version >= 2 { lasts[version - 2] } else { 0 };
        assert!(
            before < place.entry && place.entry <= lasts[version - 1],
            "entry {} came with version {version}",
            place.entry
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn before_and_after_its_window_a_sale_says_so() {
    let door = door().await;
    let draft = door.sale_draft(-HOUR_MS);
    let (_, sale) = door.open_sale(&draft).await;
    let (early, late) = (door.visitor().await, door.visitor().await);
    let problem = door.join(&early.token, sale.sale_id).await.problem(409);
    assert_eq!((problem.code.as_str(), problem.at_ms), ("not-open-yet", Some(draft.opens_at_ms)));

    let move_window = async |sql: &'static str| {
        sqlx::query(sql).bind(sale.sale_id.0).execute(door.store.pool()).await.unwrap();
    };
    move_window("update sale set opens_at = now() - interval '1 minute' where id = $1").await;
    let joined = door.joined(&early.token, sale.sale_id).await;
    move_window("update sale set opens_at = now() - interval '2 minutes', closes_at = now() - interval '1 minute' where id = $1").await;
    assert_eq!(door.join(&late.token, sale.sale_id).await.problem(409).code, "sale-closed");
    move_window("update sale set closes_at = now() + interval '1 hour', sold_out_at = now() where id = $1").await;
    // In one group: who has a place is told of it, who has none is turned away.
    let (kept, refused) = tokio::join!(door.join(&early.token, sale.sale_id), door.join(&late.token, sale.sale_id));
    assert_eq!(kept.ok::<Joined>(200).place, joined.place);
    assert_eq!(refused.problem(409).code, "sold-out");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_asks_for_what_there_is() {
    let door = door().await;
    let mut draft = door.sale_draft(1_000);
    draft.party_max = 4;
    draft.entry = contracts::sales::Entry::Account;
    let (_, sale) = door.open_sale(&draft).await;
    let path = format!("/v1/sales/{}/places", sale.sale_id);
    let visitor = door.visitor().await;
    assert_eq!(door.join(&visitor.token, sale.sale_id).await.problem(403).code, "account-needed");
    let account = door.account("fan@example.org").await.access_token;
    let ask = async |body: serde_json::Value| Ask::new("POST", path.clone()).by(&account).json(&body).to(&door).await;
    assert_eq!(ask(json!({"party": 5})).await.problem(422).code, "party-too-large");
    assert_eq!(ask(json!({"party": 0})).await.problem(422).code, "invalid-request");
    let problem = ask(json!({"party": 1, "wishes": {"tiers": ["bronze"]}})).await.problem(422);
    assert!(problem.detail.starts_with("wishes.tiers:"), "{problem:?}");
    let joined: Joined = ask(json!({"party": 1, "wishes": {"tiers": ["silver"], "fewer": true}})).await.ok(201);
    let kept: (i32, i16) = sqlx::query_as("select tiers, accepts from place where id = $1")
        .bind(joined.place.place_id.0)
        .fetch_one(door.store.pool())
        .await
        .unwrap();
    assert_eq!(kept, (0b10, 2 | 4), "the second tier; apart by default, and fewer");
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_ends_the_place_and_a_new_one_is_at_the_back() {
    let door = door().await;
    let (_, sale) = door.open_sale(&door.sale_draft(1_000)).await;
    let (fan, other) = (door.visitor().await, door.visitor().await);
    let first = door.joined(&fan.token, sale.sale_id).await;
    door.joined(&other.token, sale.sale_id).await;
    let leave = |token: &str| Ask::new("DELETE", format!("/v1/sales/{}/places/mine", sale.sale_id)).by(token);
    leave(&first.receipt).to(&door).await.empty(204);
    assert_eq!(leave(&fan.token).to(&door).await.problem(404).code, "not-live");
    let left: Joined = mine(&fan.token, sale.sale_id).to(&door).await.ok(200);
    assert_eq!(left.place.state, PlaceState::Left);
    assert_eq!(door.joined(&fan.token, sale.sale_id).await.place.entry, 3);

    let holding = "update place set state = 'holding', admitted_at = now() where fan = $1 and ended_at is null";
    sqlx::query(holding).bind(other.fan_id.0).execute(door.store.pool()).await.unwrap();
    sqlx::query(
        "insert into booking (id, event, sale, place, entry, fan, reference, state, amount_minor, currency, held_at, deadline, term)
         select $1, $2, sale, id, entry, fan, 'R', 'held', 1, 'EUR', now(), now(), 1 from place where fan = $3",
    )
    .bind(chassis::ids::new(&door.clock))
    .bind(sale.event_id.0)
    .bind(other.fan_id.0)
    .execute(door.store.pool())
    .await
    .unwrap();
    assert_eq!(leave(&other.token).to(&door).await.problem(409).code, "holding");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_goes_away_costs_nobody_else_their_answer() {
    let slow = Config { join: JoinConfig { gather_us: 60_000, ..JoinConfig::default() }, ..config() };
    let door = door_with(slow).await;
    let (_, sale) = door.open_sale(&door.sale_draft(1_000)).await;
    let fans: Vec<Visitor> = join_all((0..5).map(|_| door.visitor())).await;
    // The sale is known from here on, so that the first to ask is the first in the group.
    mine(&fans[0].token, sale.sale_id).to(&door).await.problem(404);
    let goes = tokio::time::timeout(Duration::from_millis(20), door.join(&fans[0].token, sale.sale_id));
    let stay = join_all(fans[1..].iter().map(|fan| door.joined(&fan.token, sale.sale_id)));
    let (gone, stayed) = tokio::join!(goes, stay);
    assert!(gone.is_err(), "the first caller went before the group was placed");
    let mut entries: Vec<i64> = stayed.iter().map(|joined| joined.place.entry).collect();
    entries.sort_unstable();
    assert_eq!(entries, [2, 3, 4, 5]);
    let kept: Joined = door.join(&fans[0].token, sale.sale_id).await.ok(200);
    assert_eq!(kept.place.entry, 1, "who went has the place all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn joins_are_answered_while_redis_is_away() {
    let door = door().await;
    let (_, sale) = door.open_sale(&door.sale_draft(1_000)).await;
    let fan = door.visitor().await;
    door.joined(&fan.token, sale.sale_id).await;
    door.redis.kill().await;
    let mut took = Vec::new();
    for _ in 0..6 {
        let fan = door.visitor().await;
        let began = Instant::now();
        door.joined(&fan.token, sale.sale_id).await;
        took.push(began.elapsed());
    }
    took.sort_unstable();
    // The machine is shared: half of them within the promise, none out of all proportion.
    assert!(took[2] < Duration::from_millis(120) && took[5] < Duration::from_secs(2), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_postgres_is_away_joins_are_told_when_to_come_back_and_then_go_on() {
    let door = door().await;
    let (_, sale) = door.open_sale(&door.sale_draft(1_000)).await;
    let proxy = FaultProxy::start(&door.database.url);
    let pool = store::connect_postgres(proxy.url(), 4).await.unwrap();
    let store = Store::with_pool(pool, door.redis.url()).unwrap();
    let router = door.beside(&store).await;
    let fans: Vec<Visitor> = join_all((0..3).map(|_| door.visitor())).await;
    let join = |fan: &Visitor| {
        let (ask, router) = (ask_join(&fan.token, sale.sale_id), router.clone());
        async move { ask.from(&router, "192.0.2.1:1").await }
    };
    let first: Joined = join(&fans[0]).await.ok(201);
    proxy.cut();
    let refused = join(&fans[1]).await;
    assert!(refused.header("retry-after").is_some());
    assert_eq!(refused.problem(503).code, "try-again");
    proxy.restore();
    eventually(Duration::from_secs(10), async || join(&fans[1]).await.status.is_success()).await;
    let kept: Joined = join(&fans[0]).await.ok(200);
    assert_eq!(kept.place, first.place);
    let last: Joined = join(&fans[2]).await.ok(201);
    assert_eq!(last.place.entry, 3, "nothing that failed took an entry");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_refused_with_a_time_to_come_back() {
    let tight = JoinConfig { batch_max: 2, queue_max: 2, gather_us: 100_000, ..JoinConfig::default() };
    let door = door_with(Config { join: tight, ..config() }).await;
    let (_, sale) = door.open_sale(&door.sale_draft(1_000)).await;
    let fans: Vec<Visitor> = join_all((0..40).map(|_| door.visitor())).await;
    let answers = join_all(fans.iter().map(|fan| door.join(&fan.token, sale.sale_id))).await;
    let (placed, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status.is_success());
    assert!(!placed.is_empty() && !refused.is_empty());
    for answer in refused {
        assert!(answer.header("retry-after").is_some());
        assert_eq!(answer.problem(503).code, "try-again");
    }
    let rows: i64 = sqlx::query_scalar("select count(*) from place").fetch_one(door.store.pool()).await.unwrap();
    assert_eq!(rows, placed.len() as i64, "who was refused has no place");
}
