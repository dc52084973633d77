//! A fan asks for other seats, once.

use contracts::ids::BookingId;
use serde_json::{Value, json};
use testkit::eventually;
use uuid::Uuid;

use crate::world::{Fan, SOON, Setup, World};

impl World {
    async fn ask_for_others(&self, fan: &Fan, booking: Uuid, body: &Value) -> (u16, Value) {
        self.post(&format!("/v1/bookings/{}/exchange", BookingId(booking)), &fan.token, body).await
    }

    async fn exchange_of(&self, fan: &Fan, booking: Uuid) -> Option<String> {
        let (_, body) = self.get(&format!("/v1/bookings/{}", BookingId(booking)), &fan.token).await;
        body["exchange"].as_str().map(str::to_owned)
    }

    async fn until_exchange(&self, fan: &Fan, booking: Uuid, state: &str) {
        eventually(SOON, async || self.exchange_of(fan, booking).await.as_deref() == Some(state)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fan_gets_other_seats_once_and_the_next_has_those_given_up() {
    let (world, _tasks) = World::busy(Setup { rows: vec![4, 4], ..Setup::default() }).await;
    let (fan, booking) = world.holder(2).await;
    let before = world.store.booking(booking).await.unwrap().unwrap();
    assert_eq!(world.exchange_of(&fan, booking).await.as_deref(), Some("possible"));
    let (status, body) = world.ask_for_others(&fan, booking, &json!({})).await;
    assert_eq!(status, 200, "{body}");
    assert!(["looking", "done"].map(Value::from).contains(&body["exchange"]), "{body}");
    world.until_exchange(&fan, booking, "done").await;
    assert_eq!(world.seats_of(booking).await, [2, 3]);
    let after = world.store.booking(booking).await.unwrap().unwrap();
    assert_eq!((before.deadline_ms, before.amount_minor), (after.deadline_ms, after.amount_minor));
    let (_, next) = world.holder(2).await;
    assert_eq!(world.seats_of(next).await, [0, 1]);
    let (status, body) = world.ask_for_others(&fan, booking, &json!({})).await;
    assert_eq!((status, body["code"].as_str()), (409, Some("already-exchanged")));
    // It is paid for as any other.
    let paying = world.pay(&fan, booking).await;
    assert_eq!(paying.exchange, None);
    world.card(&paying, "pm_card_visa").await;
    world.until(booking, "paid").await;
    assert_eq!(world.seats_of(booking).await, [2, 3]);
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_in_vain_is_told_so_and_a_few_times() {
    let (world, _tasks) = World::busy(Setup { rows: vec![4], ..Setup::default() }).await;
    let (fan, booking) = world.holder(2).await;
    for body in [json!({"wishes": {"fewer": true}}), json!({"wishes": {"tiers": ["tin"]}}), json!({"other": 1})] {
        assert_eq!(world.ask_for_others(&fan, booking, &body).await.0, 422, "{body}");
    }
    // Two are free beside, in the same section.
    for _ in 0..5 {
        let (status, body) = world.ask_for_others(&fan, booking, &json!({"elsewhere": true})).await;
        assert_eq!(status, 200, "{body}");
        world.until_exchange(&fan, booking, "nothing").await;
    }
    let (status, body) = world.ask_for_others(&fan, booking, &json!({})).await;
    assert_eq!((status, body["code"].as_str()), (409, Some("exchange-too-often")));
    assert_eq!(world.seats_of(booking).await, [0, 1]);
    world.pay(&fan, booking).await;
    let (status, body) = world.ask_for_others(&fan, booking, &json!({})).await;
    assert_eq!((status, body["code"].as_str()), (409, Some("payment-open")));
    world.ask(&fan, booking, "give-back").await;
    let (status, body) = world.ask_for_others(&fan, booking, &json!({})).await;
    assert_eq!((status, body["code"].as_str()), (409, Some("hold-over")));
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_exchanges_past_who_stands() {
    let (world, _tasks) = World::busy(Setup { rows: vec![3], ..Setup::default() }).await;
    // Two are left beside the one that is held, and three stand for all of them.
    let (fan, three) = (world.join(1).await, world.join(3).await);
    world.admit(&[&fan, &three]).await;
    let booking = world.booking_of(&fan).await;
    let stands = "select count(*) from place where state = 'standing' and gathers_until is not null";
    eventually(SOON, async || {
        let count: i64 = sqlx::query_scalar(stands).fetch_one(world.store.pool()).await.unwrap();
        count == 1
    })
    .await;
    let before = world.seats_of(booking).await;
    assert_eq!(world.ask_for_others(&fan, booking, &json!({})).await.0, 200);
    world.until_exchange(&fan, booking, "nothing").await;
    assert_eq!(world.seats_of(booking).await, before);
    world.ask(&fan, booking, "give-back").await;
    assert_eq!(world.seats_of(world.booking_of(&three).await).await, [0, 1, 2]);
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asked_a_dead_worker_is_answered_by_the_next() {
    let (world, first) = World::busy(Setup::default()).await;
    let (fan, booking) = world.holder(2).await;
    first.hard().cancel();
    // Its last turn may be over only now.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    for _ in 0..2 {
        let (status, body) = world.ask_for_others(&fan, booking, &json!({})).await;
        assert_eq!((status, body["exchange"].as_str()), (200, Some("looking")));
    }
    assert_eq!(world.seats_of(booking).await, [0, 1]);
    let _second = world.run().await;
    world.until_exchange(&fan, booking, "done").await;
    assert_eq!(world.seats_of(booking).await, [2, 3]);
    world.verify().await;
}
