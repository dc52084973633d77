//! The provider calls back: twice, late, in the wrong order, or not at all; and so does somebody else.

use serde_json::{Value, json};
use testkit::eventually;

use crate::world::{SECRET_KEY, SOON, Setup, World};

async fn forge(world: &World, what: Value) -> Vec<Value> {
    let request = world.http.post(format!("{}/mock/webhooks/forge", world.mock)).bearer_auth(SECRET_KEY).json(&what);
    let body: Value = request.send().await.unwrap().json().await.unwrap();
    body["data"].as_array().unwrap().clone()
}

async fn noted(world: &World) -> i64 {
    sqlx::query_scalar("select count(*) from provider_event").fetch_one(world.store.pool()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_and_disordered_webhooks_change_nothing() {
    // Only webhooks make anything happen here.
    let setup = Setup::default();
    let config = booking_worker::Config { look_ms: 30_000, look_max_ms: 30_000, ..setup.config.clone() };
    let (world, _tasks) = World::busy(Setup { config, ..setup }).await;
    for method in ["pm_usher_duplicate", "pm_usher_out_of_order"] {
        let (fan, booking) = world.holder(1).await;
        let paying = world.pay(&fan, booking).await;
        world.card(&paying, method).await;
        world.until_states(booking, "paid", "captured").await;
    }
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_believed_only_with_its_signature() {
    let (world, _tasks) = World::busy(Setup::default()).await;
    let (fan, booking) = world.holder(1).await;
    let paying = world.pay(&fan, booking).await;
    let intent = paying.payment.unwrap().intent.unwrap();
    for how in ["wrong_secret", "stale", "tampered", "unsigned"] {
        let sent = forge(&world, json!({ "payment_intent": intent, "how": how })).await;
        assert_eq!(sent[0]["status"], 400, "{how}");
    }
    assert_eq!(noted(&world).await, 0);
    // Rightly signed, and still nothing but a hint to ask: the provider says that nothing was paid.
    let sent = forge(&world, json!({ "payment_intent": intent, "how": "rightly_signed" })).await;
    assert_eq!(sent[0]["status"], 200);
    eventually(SOON, async || noted(&world).await == 1).await;
    eventually(SOON, async || {
        let tries: i32 = sqlx::query_scalar("select tries from payment where booking = $1")
            .bind(booking)
            .fetch_one(world.store.pool())
            .await
            .unwrap();
        tries > 0
    })
    .await;
    assert_eq!(world.states(booking).await.0, "paying");
    world.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_an_unknown_intent_waits_for_it() {
    let world = World::quiet(Setup::default()).await;
    let seating = world.run().await;
    let (fan, booking) = world.holder(1).await;
    seating.hard().cancel();
    assert_eq!(world.store.provider_event("evt_early", "payment_intent.succeeded", "pi_early").await.unwrap(), None);
    assert!(world.store.sweep_parked().await.unwrap().is_empty());
    let payment = chassis::ids::new(&world.clock);
    world.store.begin_payment(booking, fan.id, Some("a@b.example"), payment).await.unwrap();
    // Whoever learns the intent is due at once, and so is whoever the sweep finds.
    world.store.payment_opened(payment, "pi_early", "secret", 60_000).await.unwrap();
    assert_eq!(world.store.due_payments(10).await.unwrap().len(), 1);
    assert_eq!(world.store.sweep_parked().await.unwrap(), [payment]);
    assert_eq!(world.store.due_payments(10).await.unwrap().len(), 1);
    assert!(world.store.sweep_parked().await.unwrap().is_empty());
    // The same event once more is none.
    assert_eq!(world.store.provider_event("evt_early", "payment_intent.succeeded", "pi_early").await.unwrap(), None);
    assert!(world.store.due_payments(10).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn news_during_a_look_are_not_lost() {
    let world = World::quiet(Setup::default()).await;
    let seating = world.run().await;
    let (fan, booking) = world.holder(1).await;
    seating.hard().cancel();
    let payment = chassis::ids::new(&world.clock);
    world.store.begin_payment(booking, fan.id, Some("a@b.example"), payment).await.unwrap();
    world.store.payment_opened(payment, "pi_1", "secret", 0).await.unwrap();
    assert_eq!(world.store.due_payments(10).await.unwrap().len(), 1);
    // A look is under way; a webhook comes; the look ends with "nothing new", or with the attempt's end.
    assert_eq!(world.store.provider_event("evt_1", "x", "pi_1").await.unwrap(), Some(payment));
    world.store.look_again(payment, Some(60_000)).await.unwrap();
    assert_eq!(world.store.due_payments(10).await.unwrap().len(), 1);
    assert_eq!(world.store.provider_event("evt_2", "x", "pi_1").await.unwrap(), Some(payment));
    world.store.payment_cancelled(payment, false).await.unwrap();
    assert_eq!(world.store.due_payments(10).await.unwrap().len(), 1);
    world.store.look_again(payment, None).await.unwrap();
    assert!(world.store.due_payments(10).await.unwrap().is_empty());
    // And a settled attempt is looked at when the provider has news of it.
    assert_eq!(world.store.provider_event("evt_3", "x", "pi_1").await.unwrap(), Some(payment));
    assert_eq!(world.store.due_payments(10).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_of_something_else_are_taken_and_forgotten() {
    let (world, _tasks) = World::busy(Setup::default()).await;
    let object = json!({ "id": "cus_1", "object": "customer" });
    let sent = forge(&world, json!({ "type": "customer.created", "object": object, "how": "rightly_signed" })).await;
    assert_eq!(sent[0]["status"], 200);
    assert_eq!(noted(&world).await, 0);
}
