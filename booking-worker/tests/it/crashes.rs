//! A worker dies between two steps; the next one goes on where it was.

use std::time::Duration;

use store::payments::{Begun, Verdict};
use testkit::eventually;
use uuid::Uuid;

use crate::world::{Fan, SOON, Setup, World};

/// Held seats, and no worker any more.
async fn orphaned(setup: Setup) -> (World, Fan, Uuid) {
    let (world, tasks) = World::busy(setup).await;
    let (fan, booking) = world.holder(2).await;
    tasks.hard().cancel();
    (world, fan, booking)
}

async fn payment_of(world: &World, booking: Uuid) -> Uuid {
    world.store.booking(booking).await.unwrap().unwrap().payment.unwrap().id
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_attempt_and_before_the_intent() {
    let (world, fan, booking) = orphaned(Setup::default()).await;
    let payment = chassis::ids::new(&world.clock);
    let begun = world.store.begin_payment(booking, fan.id, Some("a@b.example"), payment).await.unwrap();
    assert!(matches!(begun, Begun::Attempt(_)));
    world.sql("update payment set due_at = clock_timestamp() where id = $1", payment).await;
    let _tasks = world.run().await;
    world.until_states(booking, "paying", "open").await;
    // The fan's next try gets the intent that the worker made.
    let paying = world.pay(&fan, booking).await;
    world.card(&paying, "pm_card_visa").await;
    world.until(booking, "paid").await;
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_authorising_and_before_converting() {
    let (world, fan, booking) = orphaned(Setup::default()).await;
    let paying = world.pay(&fan, booking).await;
    world.card(&paying, "pm_card_visa").await;
    let _tasks = world.run().await;
    world.until_states(booking, "paid", "captured").await;
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_converting_and_before_capturing() {
    let (world, fan, booking) = orphaned(Setup::short()).await;
    let paying = world.pay(&fan, booking).await;
    world.card(&paying, "pm_card_visa").await;
    let payment = payment_of(&world, booking).await;
    assert_eq!(world.store.payment_authorised(payment).await.unwrap(), Verdict::Capture);
    // Long past the deadline the seats are still this booking's.
    eventually(SOON, async || {
        let row = world.store.booking(booking).await.unwrap().unwrap();
        row.now_ms > row.deadline_ms + 200
    })
    .await;
    assert_eq!(world.states(booking).await, ("capturing".into(), "authorised".into()));
    let _tasks = world.run().await;
    world.until_states(booking, "paid", "captured").await;
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_capturing_and_before_recording_it() {
    let (world, fan, booking) = orphaned(Setup::default()).await;
    let paying = world.pay(&fan, booking).await;
    world.card(&paying, "pm_card_visa").await;
    let payment = payment_of(&world, booking).await;
    world.store.payment_authorised(payment).await.unwrap();
    let intent = paying.payment.unwrap().intent.unwrap();
    world.provider(&format!("/v1/payment_intents/{intent}/capture"), &[]).await;
    let _tasks = world.run().await;
    world.until_states(booking, "paid", "captured").await;
    assert_eq!(world.intent(booking).await["amount_received"], 5_000);
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_middle_of_a_capture() {
    let (world, tasks) = World::busy(Setup::default()).await;
    let (fan, booking) = world.holder(2).await;
    world.fault(1, "capture", "slow_ms:700").await;
    let paying = world.pay(&fan, booking).await;
    world.card(&paying, "pm_card_visa").await;
    world.until(booking, "capturing").await;
    tasks.hard().cancel();
    let _tasks = world.run().await;
    world.until_states(booking, "paid", "captured").await;
    assert_eq!(world.intent(booking).await["amount_received"], 5_000);
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_done_twice_are_done_once() {
    let (world, fan, booking) = orphaned(Setup::default()).await;
    let paying = world.pay(&fan, booking).await;
    world.card(&paying, "pm_card_visa").await;
    let payment = payment_of(&world, booking).await;
    let new_id = || chassis::ids::new(&world.clock);
    for _ in 0..2 {
        assert_eq!(world.store.payment_authorised(payment).await.unwrap(), Verdict::Capture);
    }
    let both = tokio::join!(
        world.store.payment_captured(payment, 5_000, "eur", new_id),
        world.store.payment_captured(payment, 5_000, "EUR", new_id),
    );
    assert!(both.0.unwrap() && both.1.unwrap());
    // What comes late overwrites nothing.
    world.store.payment_cancelled(payment, false).await.unwrap();
    world.store.capture_refused(payment, "late").await.unwrap();
    world.store.payment_declined(payment, "late").await.unwrap();
    assert_eq!(world.store.payment_authorised(payment).await.unwrap(), Verdict::Captured);
    assert_eq!(world.states(booking).await, ("paid".into(), "captured".into()));
    let tickets: i64 = sqlx::query_scalar("select count(*) from ticket").fetch_one(world.store.pool()).await.unwrap();
    assert_eq!(tickets, 2);
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_of_an_earlier_attempt_leaves_the_next_one_alone() {
    let (world, fan, booking) = orphaned(Setup::default()).await;
    world.pay(&fan, booking).await;
    let first = payment_of(&world, booking).await;
    world.store.payment_cancelled(first, false).await.unwrap();
    assert_eq!(world.states(booking).await.0, "held");
    world.pay(&fan, booking).await;
    world.store.payment_cancelled(first, false).await.unwrap();
    assert_eq!(world.states(booking).await, ("paying".into(), "open".into()));
    // Nor may the first one's late success take the second one's turn.
    assert_eq!(world.store.payment_authorised(first).await.unwrap(), Verdict::Void);
    // Money that was taken all the same buys the tickets; the second attempt is cancelled.
    let new_id = || chassis::ids::new(&world.clock);
    assert!(world.store.payment_captured(first, 5_000, "EUR", new_id).await.unwrap());
    let _tasks = world.run().await;
    world.until_states(booking, "paid", "cancelled").await;
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_payments_of_one_booking_one_goes_back() {
    let (world, fan, booking) = orphaned(Setup { webhooks: false, ..Setup::default() }).await;
    world.pay(&fan, booking).await;
    let first = payment_of(&world, booking).await;
    world.store.payment_cancelled(first, false).await.unwrap();
    let second = world.pay(&fan, booking).await;
    let new_id = || chassis::ids::new(&world.clock);
    assert!(world.store.payment_captured(first, 5_000, "EUR", new_id).await.unwrap());
    world.card(&second, "pm_card_visa").await;
    let intent = second.payment.unwrap().intent.unwrap();
    world.provider(&format!("/v1/payment_intents/{intent}/capture"), &[]).await;
    let _tasks = world.run().await;
    world.until_states(booking, "paid", "refunded").await;
    assert_eq!(world.refunded(booking).await, 5_000);
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_worker_had_claimed_is_taken_up_again() {
    let (world, fan, booking) = orphaned(Setup { webhooks: false, ..Setup::default() }).await;
    let paying = world.pay(&fan, booking).await;
    world.card(&paying, "pm_card_visa").await;
    world.sql("update payment set due_at = clock_timestamp() where booking = $1", booking).await;
    // Claimed, and never heard of again.
    assert_eq!(world.store.due_payments(10).await.unwrap().len(), 1);
    assert!(world.store.due_payments(10).await.unwrap().is_empty());
    let _tasks = world.run().await;
    let begun = std::time::Instant::now();
    world.until(booking, "paid").await;
    assert!(begun.elapsed() < Duration::from_secs(10), "the line moves again within ten seconds");
    world.verify().await;
}
