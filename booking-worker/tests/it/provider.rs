//! A provider that is away when a fan wants to pay.

use contracts::bookings::BookingState;

use crate::world::{Setup, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_bank_costs_nobody_the_seats() {
    let (world, _tasks) = World::busy(Setup::default()).await;
    let (fan, booking) = world.holder(2).await;
    world.fault(1_000, "create", "outage").await;
    let (status, body) = world.ask(&fan, booking, "pay").await;
    assert_eq!((status, body["code"].as_str()), (503, Some("try-again")), "{body}");
    let row = world.store.booking(booking).await.unwrap().unwrap();
    assert_eq!((row.state.as_str(), body["at_ms"].as_i64()), ("paying", Some(row.deadline_ms)));
    world.no_faults().await;
    // A worker makes the intent, and the fan's next try gets it; the attempt is the same.
    world.until_states(booking, "paying", "open").await;
    let paying = world.pay(&fan, booking).await;
    assert_eq!(paying.payment.as_ref().map(|payment| payment.attempt), Some(1));
    world.card(&paying, "pm_card_visa").await;
    world.until(booking, "paid").await;
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intent_whose_making_failed_is_made_under_another_key() {
    let (world, _tasks) = World::busy(Setup::default()).await;
    for kind in ["error_500", "drop_after_success", "rate_limit_429"] {
        let (fan, booking) = world.holder(1).await;
        world.fault(1, "create", kind).await;
        assert_eq!(world.ask(&fan, booking, "pay").await.0, 503, "{kind}");
        let paying = world.pay(&fan, booking).await;
        assert_eq!(paying.state, BookingState::Paying);
        world.card(&paying, "pm_card_visa").await;
        world.until(booking, "paid").await;
    }
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_back_while_paying_cancels_first() {
    let (world, _tasks) = World::busy(Setup::default()).await;
    let (fan, booking) = world.holder(2).await;
    let paying = world.pay(&fan, booking).await;
    let (status, body) = world.ask(&fan, booking, "give-back").await;
    assert_eq!((status, body["state"].as_str()), (200, Some("released")), "{body}");
    assert_eq!(world.intent(booking).await["status"], "canceled");
    let (status, _) = world.card(&paying, "pm_card_visa").await;
    assert_eq!(status, 400, "nobody can pay for it any more");
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_back_what_the_bank_has_in_hand_is_refused() {
    let (world, _tasks) = World::busy(Setup { webhooks: false, ..Setup::default() }).await;
    world.fault(1, "capture", "slow_ms:600").await;
    let (fan, booking) = world.holder(2).await;
    let paying = world.pay(&fan, booking).await;
    world.card(&paying, "pm_card_visa").await;
    let (status, body) = world.ask(&fan, booking, "give-back").await;
    assert_eq!((status, body["code"].as_str()), (409, Some("payment-under-way")), "{body}");
    world.until(booking, "paid").await;
    assert_eq!(world.ask(&fan, booking, "give-back").await.1["code"], "payment-under-way");
    world.verify().await;
}
