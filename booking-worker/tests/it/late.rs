//! The late payment: the deadline passes while money is on its way.

use serde_json::Value;
use testkit::eventually;
use uuid::Uuid;

use crate::world::{Fan, SOON, Setup, World};

/// A fan whose card is with the bank when the hold's time runs out.
async fn paying_with(world: &World, method: Option<&str>) -> (Fan, Uuid) {
    let (fan, booking) = world.holder(2).await;
    let paying = world.pay(&fan, booking).await;
    if let Some(method) = method {
        world.card(&paying, method).await;
    }
    (fan, booking)
}

async fn status(world: &World, booking: Uuid) -> Value {
    world.intent(booking).await["status"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_deadline_an_authorised_payment_is_confirmed() {
    // Nobody looks before the deadline, and no webhook comes.
    let setup = Setup { webhooks: false, ..Setup::short() };
    let config = booking_worker::Config { look_ms: 10_000, look_max_ms: 10_000, ..setup.config.clone() };
    let (world, _tasks) = World::busy(Setup { config, ..setup }).await;
    let (_, booking) = paying_with(&world, Some("pm_card_visa")).await;
    assert_eq!(world.states(booking).await.0, "paying");
    world.until_states(booking, "paid", "captured").await;
    let row = world.store.booking(booking).await.unwrap().unwrap();
    assert!(row.now_ms >= row.deadline_ms);
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_the_provider_cancels_frees_the_seats() {
    let (world, _tasks) = World::busy(Setup::short()).await;
    let (fan, booking) = paying_with(&world, None).await;
    world.until_states(booking, "lapsed", "cancelled").await;
    assert_eq!(status(&world, booking).await, "canceled");
    let (code, body) = world.ask(&fan, booking, "pay").await;
    assert_eq!((code, body["code"].as_str()), (409, Some("hold-over")));
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bank_that_is_at_it_is_waited_for() {
    let (world, _tasks) = World::busy(Setup::short()).await;
    let (_, booking) = world.holder(2).await;
    let row = world.store.booking(booking).await.unwrap().unwrap();
    let fan = Fan { id: row.fan, entry: 1, token: world.papers.visitor_token(row.fan, 60_000) };
    let paying = world.pay(&fan, booking).await;
    // The bank begins just before the deadline and answers after it; it cannot be cancelled meanwhile.
    let wait = (paying.deadline_ms - world.clock.now_ms() - 250).max(0).unsigned_abs();
    tokio::time::sleep(std::time::Duration::from_millis(wait)).await;
    let (code, body) = world.card(&paying, "pm_usher_slow").await;
    assert_eq!((code, body["status"].as_str()), (200, Some("processing")));
    world.until_states(booking, "paid", "captured").await;
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_outcome_keeps_the_seats_no_longer_than_the_cap() {
    let (world, _tasks) = World::busy(Setup { rows: vec![3], ..Setup::short() }).await;
    let (fan, booking) = paying_with(&world, None).await;
    let second = world.join(2).await;
    world.admit(&[&second]).await;
    world.fault(10_000, "any", "outage").await;
    let pinned = async || -> bool {
        sqlx::query_scalar("select pinned_until is not null from booking where id = $1")
            .bind(booking)
            .fetch_one(world.store.pool())
            .await
            .unwrap()
    };
    eventually(SOON, pinned).await;
    assert_eq!(world.states(booking).await, ("paying".into(), "open".into()));
    let (code, body) = world.ask(&fan, booking, "give-back").await;
    assert_eq!((code, body["code"].as_str()), (503, Some("try-again")), "{body}");
    assert!(world.newest_booking(&second).await.is_none(), "pinned seats are nobody else's");
    // A minute later.
    world.sql("update booking set pinned_until = clock_timestamp() where id = $1", booking).await;
    world.until_states(booking, "lapsed", "open").await;
    let next = world.booking_of(&second).await;
    assert_eq!(world.seats_of(next).await, world.seats_of(booking).await);
    // When the provider is back, it is asked still.
    world.no_faults().await;
    world.sql("update payment set due_at = clock_timestamp() where booking = $1", booking).await;
    world.until_states(booking, "lapsed", "cancelled").await;
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_lost_is_asked_for_again() {
    let (world, _tasks) = World::busy(Setup::short()).await;
    // The provider cancels, and its answer never arrives.
    world.fault(1, "cancel", "drop_after_success").await;
    let (_, booking) = paying_with(&world, None).await;
    world.until_states(booking, "lapsed", "cancelled").await;
    // It fails, and would repeat that failure under the same key for a day.
    world.fault(1, "cancel", "error_500").await;
    let (_, booking) = paying_with(&world, None).await;
    world.until_states(booking, "lapsed", "cancelled").await;
    world.fault(1, "capture", "error_500").await;
    world.fault(1, "capture", "drop_after_success").await;
    let (_, booking) = paying_with(&world, Some("pm_card_visa")).await;
    world.until_states(booking, "paid", "captured").await;
    assert_eq!(world.intent(booking).await["amount_received"], 5_000);
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_after_the_cancel_takes_the_same_seats_if_they_are_free() {
    let (world, _tasks) = World::busy(Setup::short()).await;
    let (fan, booking) = paying_with(&world, Some("pm_usher_success_after_cancel")).await;
    world.until_states(booking, "lapsed", "cancelled").await;
    world.until_states(booking, "paid", "captured").await;
    let (_, body) = world.get("/v1/bookings", &fan.token).await;
    assert_eq!(body["bookings"][0]["tickets"].as_array().map(Vec::len), Some(2));
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_after_the_cancel_is_voided_if_the_seats_are_gone() {
    let (world, _tasks) = World::busy(Setup { rows: vec![3], ..Setup::short() }).await;
    let (_, booking) = paying_with(&world, Some("pm_usher_success_after_cancel")).await;
    let second = world.join(2).await;
    world.admit(&[&second]).await;
    let next = world.booking_of(&second).await;
    assert_eq!(world.seats_of(next).await, world.seats_of(booking).await);
    // First cancelled, then authorised all the same, then voided by us: nothing was taken.
    let capturable = async || {
        let (_, list) = world.provider_get("/v1/events?type=payment_intent.amount_capturable_updated").await;
        list["data"].as_array().is_some_and(|events| !events.is_empty())
    };
    eventually(SOON, capturable).await;
    eventually(SOON, async || status(&world, booking).await == "canceled").await;
    assert_eq!(world.intent(booking).await["amount_received"], 0);
    assert_eq!(world.states(booking).await, ("lapsed".into(), "cancelled".into()));
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_taken_after_all_goes_back_if_the_seats_are_gone() {
    let (world, _tasks) = World::busy(Setup { rows: vec![3], webhooks: false, ..Setup::short() }).await;
    let (_, booking) = paying_with(&world, Some("pm_usher_success_after_cancel")).await;
    let second = world.join(2).await;
    world.admit(&[&second]).await;
    world.booking_of(&second).await;
    eventually(SOON, async || status(&world, booking).await == "requires_capture").await;
    let intent = world.intent(booking).await["id"].as_str().unwrap().to_owned();
    world.provider(&format!("/v1/payment_intents/{intent}/capture"), &[]).await;
    world.sql("update payment set due_at = clock_timestamp() where booking = $1", booking).await;
    world.until_states(booking, "lapsed", "refunded").await;
    assert_eq!(world.refunded(booking).await, 5_000);
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_survives_a_provider_that_is_away_or_forgetful() {
    let (world, _tasks) = World::busy(Setup::default()).await;
    for kind in ["outage", "error_500", "drop_after_success"] {
        let (_, booking) = paying_with(&world, Some("pm_card_visa")).await;
        world.until(booking, "paid").await;
        world.fault(1, "refund", kind).await;
        let refund = chassis::ids::new(&world.clock);
        assert!(world.store.refund_booking(booking, refund, world.founder, "a test").await.unwrap());
        world.until_states(booking, "refunded", "refunded").await;
        assert_eq!(world.refunded(booking).await, 5_000, "{kind}");
    }
    world.verify().await;
}
