//! How honestly waits are told, and what remains at a fan's turn.

use std::time::Duration;

use contracts::places::{EstimateRecord, Seq};
use contracts::sales::SaleState;
use store::blocks::{Blocked, NewBlock};
use store::joins::Accepts;
use store::wishes::{NewWishes, Rewished};
use testkit::eventually;
use uuid::Uuid;

use crate::stage::{SOON, Stage};

async fn record(stage: &Stage, sale: Uuid) -> EstimateRecord {
    let url = format!("http://{}/v1/live/estimates?sale={}", stage.address, contracts::ids::SaleId(sale));
    let reply = reqwest::get(url).await.unwrap();
    assert_eq!(reply.status().as_u16(), 200);
    reply.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_well_estimates_were_kept_is_written_and_read() {
    let stage = Stage::with(|config| config.estimate_write_ms = 100).await;
    assert_eq!(record(&stage, stage.sale).await.all.count, 0);
    let fans = stage.join(4).await;
    let mut windows = Vec::new();
    for fan in &fans[..3] {
        let mut window = stage.watch(fan).await;
        assert!(window.place().await.1.estimate.is_some());
        windows.push(window);
    }
    // A second page of the same fan does not count twice, and one who was passed over says nothing of the estimate.
    stage.watch(&fans[0]).await.place().await;
    stage.admit(&[], &[2]).await;
    windows[1].until(|view| view.state == contracts::places::PlaceState::Skipped).await;
    stage.admit(&[1, 2, 3, 4], &[]).await;
    windows[2].until(|view| view.state == contracts::places::PlaceState::Standing).await;
    let told = record(&stage, stage.sale).await;
    // The third page was told when two were ahead; nobody was told when it was half of them.
    assert_eq!((told.all.count, told.all.within, told.all.share_within), (2, 2, Some(1.0)), "{told:?}");
    assert_eq!((told.by_ahead.len(), told.by_ahead[0].ahead_below, told.by_ahead[0].counts.count), (7, Some(10), 2));
    let written = async || stage.store.kept_estimates(stage.sale).await.unwrap();
    eventually(SOON, async || written().await.len() == 1).await;
    // What other processes wrote is added to it, and what this one wrote is not counted twice.
    let (_, counts) = written().await.remove(0);
    stage.store.keep_estimates(Uuid::from_u128(9), &[(stage.sale, counts.clone())]).await.unwrap();
    assert_eq!(record(&stage, stage.sale).await.all.count, 4);
    stage.store.keep_estimates(Uuid::from_u128(9), &[(stage.sale, counts)]).await.unwrap();
    assert_eq!(record(&stage, stage.sale).await.all.count, 4);
    assert_eq!(record(&stage, Uuid::from_u128(5)).await.all.count, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_goes_on_from_what_it_shows() {
    let stage = Stage::open().await;
    let fans = stage.join(2).await;
    let Seq { joins, .. } = stage.polled(&fans[1], Seq::default()).await.0;
    let url = format!("http://{}/v1/live/place?joins={joins}&low_s=0&high_s=20", stage.address);
    let reply = reqwest::Client::new().get(url).bearer_auth(&fans[1].receipt).send().await.unwrap();
    let body: serde_json::Value = reply.json().await.unwrap();
    // Fresh it would be 0 to 40 seconds.
    assert_eq!(body["view"]["estimate"], serde_json::json!({"low_s": 0, "high_s": 20}), "{body}");
    let mut window = crate::window::Window::open(stage.address).await;
    let data = serde_json::json!({"receipt": fans[1].receipt, "estimate": {"low_s": 0, "high_s": 20}});
    window.say(serde_json::json!({"v": 1, "type": "hello", "data": data}).to_string()).await;
    let estimate = window.place().await.1.estimate.unwrap();
    assert_eq!((estimate.low_s, estimate.high_s, estimate.changed), (0, 20, None));
    assert!(window.silent_for(Duration::from_millis(1)).await.is_none());
}

fn told(view: &contracts::places::View) -> Vec<(&str, u8)> {
    view.chances.iter().map(|chance| (chance.tier.as_str(), chance.percent)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sold_out_for_you_is_told_while_waiting() {
    let stage = Stage::with(|config| config.odds_every_ms = 100).await;
    // The last two seats are a tier of their own.
    for statement in [
        "insert into tier (event, tier, code, name, price_minor, fee_minor, capacity)
         select event, 1, 'b', 'B', 9000, 0, 2 from tier where tier = 0",
        "update tier set capacity = capacity - 2 where tier = 0",
        "update seat set tier = 1 where seat >= 498",
        "update sale set hold_ttl_ms = 60000",
    ] {
        sqlx::query(statement).execute(stage.store.pool()).await.unwrap();
    }
    let only_b = stage.join_for(2, 2, false).await;
    let rather_b = stage.join_for(1, 2, true).await;
    let any = stage.join(1).await;
    let mut waits = stage.watch(&only_b[1]).await;
    let mut takes_other = stage.watch(&rather_b[0]).await;
    assert!(!waits.place().await.1.sold_out_for_you);
    takes_other.place().await;
    let knows = async |tiers: &[(&str, u8)]| {
        let view = stage.polled(&any[0], Seq::default()).await.1;
        told(&view) == tiers
    };
    // Two parties ahead want just the two seats of b, and a third would take them; a has enough for all.
    eventually(SOON, async || knows(&[("a", 100), ("b", 5)]).await).await;

    stage.admit(&[1], &[]).await;
    let held = stage.hold(1, &[498, 499]).await;
    // Held is not sold: two of ten such holds are not paid.
    let hopes = async || {
        let view = stage.polled(&only_b[1], Seq::default()).await.1;
        assert!(!view.sold_out_for_you, "{view:?}");
        view.ahead == 0 && told(&view) == [("b", 20)]
    };
    eventually(SOON, hopes).await;

    let store = &stage.store;
    let booking = store.booking(held.booking).await.unwrap().unwrap();
    let payment = chassis::ids::new(&stage.clock);
    store.begin_payment(held.booking, only_b[0].id, Some("fan@example.org"), payment).await.unwrap();
    store.payment_opened(payment, "pi_1", "secret", 60_000).await.unwrap();
    store.payment_authorised(payment).await.unwrap();
    let new_id = || chassis::ids::new(&stage.clock);
    assert!(store.payment_captured(payment, booking.amount_minor, &booking.currency, new_id).await.unwrap());

    let (_, view, _) = waits.until(|view| view.sold_out_for_you).await;
    assert_eq!((view.state, told(&view)), (contracts::places::PlaceState::Waiting, vec![("b", 0)]));
    eventually(SOON, async || knows(&[("a", 100), ("b", 0)]).await).await;
    let other = stage.polled(&rather_b[0], Seq::default()).await.1;
    assert!(!other.sold_out_for_you && told(&other) == [("b", 0)], "{other:?}");

    // Who would take anything from now on is not told that nothing is left.
    let wishes = NewWishes { party: 1, tiers: 0, accepts: Accepts::default() };
    let changed = store.change_wishes(only_b[1].place, only_b[1].id, wishes).await.unwrap();
    assert_eq!(changed, Rewished::Done);
    waits.until(|view| !view.sold_out_for_you).await;
    let takes_a = async || told(&stage.polled(&only_b[1], Seq::default()).await.1) == [("a", 100), ("b", 0)];
    eventually(SOON, takes_a).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_needs_no_accessible_seat_is_told_when_only_those_are_left_for_good() {
    let stage = Stage::with(|config| config.odds_every_ms = 100).await;
    for statement in [
        "update event set accessible_release = 'never'",
        "update seat set accessible = seat = 499, companion = seat = 498 where seat >= 498",
        "insert into account (id, email, password_hash) values ('00000000-0000-0000-0000-000000000001', 'ada@example.org', '')",
    ] {
        sqlx::query(statement).execute(stage.store.pool()).await.unwrap();
    }
    let fans = stage.join(2).await;
    let mut waits = stage.watch(&fans[1]).await;
    assert!(!waits.place().await.1.sold_out_for_you);
    // All but the wheelchair place and its companion's seat are gone.
    let gone: Vec<u32> = (0..498).collect();
    let block = chassis::ids::new(&stage.clock);
    let blocked = stage
        .store
        .block_seats(
            &NewBlock { id: block, event: stage.event, label: "crew", note: "", frees_at_ms: None, seats: &gone },
            Uuid::from_u128(1),
        )
        .await
        .unwrap();
    assert_eq!(blocked, Blocked::Done);
    let (_, view, _) = waits.until(|view| view.sold_out_for_you).await;
    assert_eq!((view.sale, told(&view).iter().all(|(_, percent)| *percent == 0)), (SaleState::Open, true), "{view:?}");
    // Who says that they need it may have it: the sale goes on for them.
    let wishes = NewWishes { party: 2, tiers: 0, accepts: Accepts { accessible: true, ..Accepts::default() } };
    let changed = stage.store.change_wishes(fans[1].place, fans[1].id, wishes).await.unwrap();
    assert_eq!(changed, Rewished::Done);
    let (_, view, _) = waits.until(|view| !view.sold_out_for_you).await;
    assert_eq!(view.sale, SaleState::Open);
    eventually(SOON, async || stage.polled(&fans[0], Seq::default()).await.1.sold_out_for_you).await;
}
