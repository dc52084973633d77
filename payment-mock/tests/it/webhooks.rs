//! What the merchant is told, and that it can be believed.

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use crate::harness::{Mock, Received, Receiver, SECRET_KEY, WEBHOOK_SECRET, of, wait_until};

/// A merchant's check, written from Stripe's description and sharing nothing with the provider.
fn believable(received: &Received, secret: &str, now_s: i64) -> bool {
    let Some(header) = &received.signature else { return false };
    let part = |name: &str| header.split(',').find_map(|part| part.strip_prefix(name)).unwrap_or_default();
    let (at, hex) = (part("t="), part("v1="));
    let digits: Option<Vec<u8>> =
        (0..hex.len() / 2).map(|n| u8::from_str_radix(hex.get(2 * n..2 * n + 2)?, 16).ok()).collect();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signed = format!("{at}.{}", received.body);
    hmac::verify(&key, signed.as_bytes(), &digits.unwrap_or_default()).is_ok()
        && at.parse::<i64>().is_ok_and(|at| (now_s - at).abs() <= 300)
}

fn now_s() -> i64 {
    chassis::clock::Clock::system().now_ms() / 1000
}

#[tokio::test]
async fn every_step_is_told_signed_and_kept() {
    let receiver = Receiver::start(200).await;
    let mock = Mock::start_with(Some(&receiver.url));
    let paid = mock.intent().await;
    mock.confirm(&paid, "pm_card_chargeDeclined").await;
    receiver.wait_for(&paid, &["payment_failed"]).await;
    mock.confirm(&paid, "pm_card_visa").await.ok();
    receiver.wait_for(&paid, &["payment_failed", "amount_capturable_updated"]).await;
    mock.post_with_key(&of(&paid, "/capture"), &[], "capture-1").await.ok();
    receiver.wait_for(&paid, &["payment_failed", "amount_capturable_updated", "succeeded"]).await;
    mock.post("/v1/refunds", &[("payment_intent", paid["id"].as_str().unwrap())]).await.ok();
    wait_until("the refund", async || receiver.types(&paid).len() == 5).await;
    let mut types = receiver.types(&paid);
    types[3..].sort();
    assert_eq!(types[3..], ["charge.refunded", "refund.updated"]);

    let seen = receiver.seen();
    assert!(seen.iter().all(|received| believable(received, WEBHOOK_SECRET, now_s())));
    assert!(!seen.iter().any(|received| believable(received, "whsec_other", now_s())));
    let succeeded = &seen[2].event;
    assert_eq!((&succeeded["object"], &succeeded["data"]["object"]["status"]), (&"event".into(), &"succeeded".into()));
    assert_eq!(succeeded["request"]["idempotency_key"], "capture-1");
    let id = succeeded["id"].as_str().unwrap();
    assert_eq!(&mock.get(&format!("/v1/events/{id}")).await.ok(), succeeded);
    let listed = mock.get("/v1/events?type=payment_intent.succeeded").await.ok();
    assert_eq!(listed["data"], json!([succeeded]));
}

#[tokio::test]
async fn retries_go_on_after_the_provider_is_killed() {
    let receiver = Receiver::start(500).await;
    let mut mock = Mock::start_with(Some(&receiver.url));
    let authorised = mock.authorised("pm_card_visa").await;
    wait_until("two tries", async || receiver.types(&authorised).len() >= 2).await;
    mock.kill_and_restart();
    assert_eq!(mock.status(&authorised).await, "requires_capture");
    let before = receiver.types(&authorised).len();
    wait_until("another try", async || receiver.types(&authorised).len() > before).await;
    receiver.answer(200);
    let tried = receiver.seen();
    wait_until("the last try", async || receiver.seen().len() > tried.len()).await;
    // Delivered once accepted, it is not sent again, not even after another restart.
    mock.kill_and_restart();
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    let last = receiver.seen();
    assert!(last.len() <= tried.len() + 2, "at least once, and then no more: {} of {}", last.len(), tried.len());
    assert!(last.iter().all(|received| received.event["id"] == last[0].event["id"] && received.body == last[0].body));
}

#[tokio::test]
async fn a_slow_authorisation_survives_the_provider_being_killed() {
    let receiver = Receiver::start(200).await;
    let mut mock = Mock::start_with(Some(&receiver.url));
    let slow = mock.intent().await;
    assert_eq!(mock.confirm(&slow, "pm_usher_slow").await.ok()["status"], "processing");
    mock.kill_and_restart();
    mock.wait_for_status(&slow, "requires_capture").await;
    wait_until("both", async || receiver.types(&slow).contains(&"amount_capturable_updated".to_owned())).await;
}

#[tokio::test]
async fn an_endpoint_added_later_hears_what_it_asked_for() {
    let receiver = Receiver::start(200).await;
    let mock = Mock::start();
    let form = [("url", receiver.url.as_str()), ("enabled_events[]", "payment_intent.succeeded")];
    let endpoint = mock.post("/v1/webhook_endpoints", &form).await.ok();
    let secret = endpoint["secret"].as_str().unwrap();
    let paid = mock.authorised("pm_card_visa").await;
    mock.post(&of(&paid, "/capture"), &[]).await.ok();
    receiver.wait_for(&paid, &["succeeded"]).await;
    assert!(believable(&receiver.seen()[0], secret, now_s()));
    let listed = mock.get("/v1/webhook_endpoints").await.ok();
    assert_eq!((&listed["data"][0]["id"], &listed["data"][0]["secret"]), (&endpoint["id"], &Value::Null));
    let path = mock.path(&format!("/v1/webhook_endpoints/{}", endpoint["id"].as_str().unwrap()));
    mock.send(mock.client.delete(path).bearer_auth(SECRET_KEY)).await.unwrap().ok();
    assert_eq!(mock.get("/v1/webhook_endpoints").await.ok()["data"], json!([]));
}

#[tokio::test]
async fn forgeries_are_not_believable() {
    let receiver = Receiver::start(200).await;
    let mock = Mock::start_with(Some(&receiver.url));
    let made = mock.intent().await;
    for (how, believed) in [
        (json!({}), false),
        (json!({ "how": "stale", "payment_intent": made["id"] }), false),
        (json!({ "how": "tampered" }), false),
        (json!({ "how": "unsigned" }), false),
        (json!({ "how": "rightly_signed" }), true),
    ] {
        let request = mock.client.post(mock.path("/mock/webhooks/forge")).json(&how);
        assert_eq!(mock.send(request.try_clone().unwrap()).await.unwrap().status, 401);
        let sent = mock.send(request.bearer_auth(SECRET_KEY)).await.unwrap().ok();
        assert_eq!(sent["data"][0]["status"], 200);
        let last = receiver.seen().pop().unwrap();
        assert_eq!(last.event["type"], "payment_intent.succeeded");
        assert_eq!(believable(&last, WEBHOOK_SECRET, now_s()), believed, "{how}");
    }
    assert_eq!(receiver.seen()[1].event["data"]["object"]["id"], made["id"]);
}
