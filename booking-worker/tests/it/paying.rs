//! From held seats to tickets.

use contracts::bookings::{Booking, BookingState};
use serde_json::json;
use testkit::eventually;

use crate::world::{SOON, Setup, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_card_turns_a_hold_into_tickets() {
    let (world, _tasks) = World::busy(Setup::default()).await;
    let (fan, booking) = world.holder(2).await;
    let paying = world.pay(&fan, booking).await;
    assert_eq!(paying.state, BookingState::Paying);
    let payment = paying.payment.clone().unwrap();
    let intent = payment.intent.clone().unwrap();
    assert_eq!(payment.pay_page, Some(format!("{}/pay/{intent}", world.mock)));
    assert!(!paying.can_extend, "paying uses up the extension");
    let (status, _) = world.card(&paying, "pm_card_visa").await;
    assert_eq!(status, 200);
    world.until_states(booking, "paid", "captured").await;

    let (_, body) = world.get(&format!("/v1/bookings/{}", paying.booking_id), &fan.token).await;
    let paid: Booking = serde_json::from_value(body).unwrap();
    assert_eq!(paid.tickets.len(), 2);
    let (_, key) = world.get("/v1/ticket-key", &fan.token).await;
    let key =
        base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, key["public_key"].as_str().unwrap())
            .unwrap();
    for ticket in &paid.tickets {
        let claim = contracts::ticket_code::verify(&key, &ticket.code).unwrap();
        assert_eq!((claim.event, claim.ticket, claim.seat), (world.event, ticket.ticket_id.0, ticket.seat));
        assert!(ticket.valid && ticket.qr_svg.starts_with("<svg"));
    }
    assert_eq!(world.intent(booking).await["amount_received"], 5_000);
    // The secret is told to whoever pays, and never again.
    assert!(paid.payment.unwrap().client_secret.is_none());
    // Paying twice buys nothing twice.
    assert_eq!(world.pay(&fan, booking).await.state, BookingState::Paid);
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paying_again_gives_the_same_attempt() {
    let (world, _tasks) = World::busy(Setup::default()).await;
    let (fan, booking) = world.holder(1).await;
    let (first, second) = tokio::join!(world.pay(&fan, booking), world.pay(&fan, booking));
    let third = world.pay(&fan, booking).await;
    let secret = |it: &Booking| it.payment.as_ref().and_then(|payment| payment.client_secret.clone()).unwrap();
    assert_eq!(secret(&first), secret(&second));
    assert_eq!(secret(&first), secret(&third));
    assert_eq!(third.payment.unwrap().attempt, 1);
    assert!(third.deadline_ms >= first.deadline_ms, "a hold is extended once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_card_keeps_the_hold_and_another_one_pays() {
    let (world, _tasks) = World::busy(Setup::default()).await;
    let (fan, booking) = world.holder(2).await;
    let paying = world.pay(&fan, booking).await;
    let (status, _) = world.card(&paying, "pm_card_chargeDeclinedInsufficientFunds").await;
    assert_eq!(status, 402);
    world.until_states(booking, "paying", "declined").await;
    let again = world.pay(&fan, booking).await;
    let payment = again.payment.as_ref().unwrap();
    assert!(payment.decline_reason.as_ref().unwrap().starts_with("insufficient_funds: "));
    assert_eq!(payment.attempt, 1);
    world.card(&again, "pm_card_visa").await;
    world.until(booking, "paid").await;
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_banks_and_lost_webhooks_end_in_tickets_too() {
    let (world, _tasks) = World::busy(Setup { webhooks: false, ..Setup::default() }).await;
    let mut bookings = Vec::new();
    for method in ["pm_card_visa", "pm_usher_slow", "pm_usher_silent"] {
        let (fan, booking) = world.holder(1).await;
        let paying = world.pay(&fan, booking).await;
        world.card(&paying, method).await;
        bookings.push(booking);
    }
    for booking in bookings {
        world.until_states(booking, "paid", "captured").await;
    }
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_that_is_refused_gives_the_hold_its_time_back_and_voids_the_money() {
    let (world, _tasks) = World::busy(Setup::default()).await;
    let (fan, booking) = world.holder(2).await;
    let paying = world.pay(&fan, booking).await;
    world.card(&paying, "pm_usher_capture_refused").await;
    world.until_states(booking, "held", "failed").await;
    eventually(SOON, async || world.intent(booking).await["status"] == "canceled").await;
    // The next attempt is another one.
    let again = world.pay(&fan, booking).await;
    assert_eq!(again.payment.as_ref().unwrap().attempt, 2);
    world.card(&again, "pm_card_visa").await;
    world.until_states(booking, "paid", "captured").await;
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_of_another_amount_goes_back_whole() {
    let world = World::quiet(Setup { webhooks: false, ..Setup::default() }).await;
    let seating = world.run().await;
    let (fan, booking) = world.holder(2).await;
    seating.stop();
    let paying = world.pay(&fan, booking).await;
    world.card(&paying, "pm_card_visa").await;
    // Somebody takes less at the provider than was agreed.
    let intent = paying.payment.unwrap().intent.unwrap();
    let (status, body) =
        world.provider(&format!("/v1/payment_intents/{intent}/capture"), &[("amount_to_capture", "1")]).await;
    assert_eq!(status, 200, "{body}");
    let _tasks = world.run().await;
    world.until_states(booking, "failed", "refunded").await;
    assert_eq!(world.refunded(booking).await, 1);
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_costs_nothing_needs_no_bank() {
    let (world, _tasks) = World::busy(Setup { price_minor: 0, ..Setup::default() }).await;
    world.fault(1_000, "any", "outage").await;
    let (fan, booking) = world.holder(2).await;
    let paid = world.pay(&fan, booking).await;
    assert_eq!((paid.state, paid.tickets.len()), (BookingState::Paid, 2));
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_take_each_payment_once() {
    let (world, _first) = World::busy(Setup { rows: vec![10, 10], ..Setup::default() }).await;
    let _second = world.run().await;
    let mut bookings = Vec::new();
    for _ in 0..10 {
        let (fan, booking) = world.holder(2).await;
        let paying = world.pay(&fan, booking).await;
        world.card(&paying, "pm_usher_duplicate").await;
        bookings.push(booking);
    }
    for booking in bookings {
        world.until_states(booking, "paid", "captured").await;
        assert_eq!(world.intent(booking).await["amount_received"], 5_000);
    }
    let tickets: i64 = sqlx::query_scalar("select count(*) from ticket where void_at is null")
        .fetch_one(world.store.pool())
        .await
        .unwrap();
    assert_eq!(tickets, 20);
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promoter_gives_a_paid_booking_back_whole() {
    let (world, _tasks) = World::busy(Setup::default()).await;
    let (fan, booking) = world.holder(2).await;
    let paying = world.pay(&fan, booking).await;
    let path = format!("/v1/bookings/{}/refund", paying.booking_id);
    let promoter = world.papers.access_token(world.founder, 60_000);
    assert_eq!(world.post(&path, &promoter, &json!({})).await.1["code"], "not-paid");
    world.card(&paying, "pm_card_visa").await;
    world.until(booking, "paid").await;
    let stranger = world.papers.access_token(uuid::Uuid::from_u128(9), 60_000);
    assert_eq!(world.post(&path, &stranger, &json!({})).await.0, 404);
    assert_eq!(world.post(&path, &fan.token, &json!({})).await.0, 401);
    for _ in 0..2 {
        let (status, body) = world.post(&path, &promoter, &json!({})).await;
        assert_eq!((status, body["state"].as_str()), (200, Some("refunded")));
    }
    world.until_states(booking, "refunded", "refunded").await;
    assert_eq!(world.refunded(booking).await, 5_000);
    let (_, body) = world.get(&format!("/v1/bookings/{}", paying.booking_id), &fan.token).await;
    assert_eq!(body["tickets"][0]["valid"], false);
    // The seats are sold again, the best ones first.
    let (_, next) = world.holder(2).await;
    assert_eq!(world.seats_of(next).await, world.seats_of(booking).await);
    world.verify().await;
}
