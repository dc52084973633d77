//! Everything that goes wrong on demand.

use std::time::Duration;

use crate::harness::{Mock, Receiver, SECRET_KEY, of, wait_until};

const FORM: [(&str, &str); 3] = [("amount", "5000"), ("currency", "eur"), ("capture_method", "manual")];

#[tokio::test]
async fn slow_is_processing_first() {
    let receiver = Receiver::start(200).await;
    let mock = Mock::start_with(Some(&receiver.url));
    let slow = mock.intent().await;
    assert_eq!(mock.confirm(&slow, "pm_usher_slow").await.ok()["status"], "processing");
    let refused = mock.post(&of(&slow, "/cancel"), &[]).await;
    assert_eq!(refused.error(), (400, "payment_intent_unexpected_state"));
    mock.wait_for_status(&slow, "requires_capture").await;
    receiver.wait_for(&slow, &["processing", "amount_capturable_updated"]).await;
}

#[tokio::test]
async fn silent_tells_nobody_and_duplicate_tells_three_times() {
    let receiver = Receiver::start(200).await;
    let mock = Mock::start_with(Some(&receiver.url));
    let silent = mock.authorised("pm_usher_silent").await;
    mock.post(&of(&silent, "/capture"), &[]).await.ok();
    let loud = mock.authorised("pm_usher_duplicate").await;
    receiver.wait_for(&loud, &["amount_capturable_updated"; 3]).await;
    let ids: Vec<_> = receiver.seen().iter().map(|received| received.event["id"].clone()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "one event, three deliveries");
    assert!(receiver.types(&silent).is_empty());
    let listed = mock.get("/v1/events").await.ok();
    assert_eq!(listed["data"].as_array().unwrap().len(), 3, "who asks is told");
}

#[tokio::test]
async fn out_of_order_tells_the_last_first() {
    let receiver = Receiver::start(200).await;
    let mock = Mock::start_with(Some(&receiver.url));
    // Several: two webhooks that are under way at once may pass each other by chance.
    for _ in 0..5 {
        let paid = mock.authorised("pm_usher_out_of_order").await;
        mock.post(&of(&paid, "/capture"), &[]).await.ok();
        receiver.wait_for(&paid, &["succeeded", "amount_capturable_updated"]).await;
    }
}

#[tokio::test]
async fn success_after_cancel_takes_the_cancel_back() {
    let receiver = Receiver::start(200).await;
    let mock = Mock::start_with(Some(&receiver.url));
    let made = mock.intent().await;
    assert_eq!(mock.confirm(&made, "pm_usher_success_after_cancel").await.ok()["status"], "processing");
    receiver.wait_for(&made, &["processing"]).await;
    assert_eq!(mock.post(&of(&made, "/cancel"), &[]).await.ok()["status"], "canceled");
    mock.wait_for_status(&made, "requires_capture").await;
    receiver.wait_for(&made, &["processing", "canceled", "amount_capturable_updated"]).await;
    assert_eq!(mock.post(&of(&made, "/capture"), &[]).await.ok()["amount_received"], 5000);
}

#[tokio::test]
async fn timeout_after_success_is_found_under_its_key() {
    let mock = Mock::start();
    let made = mock.intent().await;
    let form = [("payment_method", "pm_usher_timeout_after_success")];
    let request = mock.posting(&of(&made, "/confirm"), &form).header("idempotency-key", "k");
    let hung = mock.send(request.timeout(Duration::from_millis(500))).await;
    assert!(hung.unwrap_err().is_timeout());
    assert_eq!(mock.status(&made).await, "requires_capture");
    wait_until("the key to be free", async || {
        let again = mock.post_with_key(&of(&made, "/confirm"), &form, "k").await;
        again.replayed && again.ok()["status"] == "requires_capture"
    })
    .await;
}

#[tokio::test]
async fn a_refused_capture_can_be_voided() {
    let mock = Mock::start();
    let made = mock.authorised("pm_usher_capture_refused").await;
    let refused = mock.post(&of(&made, "/capture"), &[]).await;
    assert_eq!((refused.error(), &refused.body["error"]["type"]), ((402, "card_declined"), &"card_error".into()));
    assert_eq!(refused.body["error"]["payment_intent"]["status"], "requires_capture");
    assert_eq!(mock.post(&of(&made, "/cancel"), &[]).await.ok()["status"], "canceled");
}

#[tokio::test]
async fn scripted_refusals_do_nothing_and_end() {
    let mock = Mock::start();
    mock.script(2, "create", "outage").await;
    mock.script(1, "any", "rate_limit_429").await;
    let statuses = async || {
        let mut statuses = Vec::new();
        for _ in 0..4 {
            statuses.push(mock.post_with_key("/v1/payment_intents", &FORM, "k").await.status);
        }
        statuses
    };
    assert_eq!(statuses().await, [503, 503, 429, 200]);
    mock.script(1, "create", "error_500").await;
    let broken = mock.post_with_key("/v1/payment_intents", &FORM, "broken").await;
    let again = mock.post_with_key("/v1/payment_intents", &FORM, "broken").await;
    assert_eq!((broken.status, again.status, again.replayed), (500, 500, true));
    assert_eq!(mock.get("/v1/payment_intents").await.ok()["data"].as_array().unwrap().len(), 1);
    mock.script(5, "retrieve", "outage").await;
    assert_eq!(mock.get("/v1/payment_intents").await.status, 503);
    mock.send(mock.client.delete(mock.path("/mock/faults")).bearer_auth(SECRET_KEY)).await.unwrap().ok();
    assert_eq!(mock.get("/v1/payment_intents").await.status, 200);
}

#[tokio::test]
async fn a_dropped_answer_was_a_success() {
    let mock = Mock::start();
    let made = mock.authorised("pm_card_visa").await;
    mock.script(1, "capture", "drop_after_success").await;
    let request = mock.posting(&of(&made, "/capture"), &[]).header("idempotency-key", "k");
    let error = mock.send(request).await.unwrap_err();
    assert!(error.is_request() && error.status().is_none(), "no byte of an answer: {error:?}");
    let again = mock.post_with_key(&of(&made, "/capture"), &[], "k").await;
    assert_eq!((again.replayed, &again.ok()["status"]), (true, &"succeeded".into()));
}

#[tokio::test]
async fn a_slow_request_goes_on_after_its_caller_gave_up() {
    let mock = Mock::start();
    let made = mock.authorised("pm_card_visa").await;
    mock.script(1, "capture", "slow_ms:500").await;
    let request = mock.posting(&of(&made, "/capture"), &[]).timeout(Duration::from_millis(100));
    assert!(mock.send(request).await.unwrap_err().is_timeout());
    assert_eq!(mock.status(&made).await, "requires_capture");
    mock.wait_for_status(&made, "succeeded").await;
}

#[tokio::test]
async fn scripts_need_the_secret_key_and_sense() {
    let mock = Mock::start();
    let post = |key: &str, script: serde_json::Value| {
        mock.send(mock.client.post(mock.path("/mock/faults")).bearer_auth(key).json(&script))
    };
    let script = serde_json::json!({ "next": 1, "on": "create", "kind": "outage" });
    assert_eq!(post("sk_wrong", script).await.unwrap().status, 401);
    for senseless in [
        serde_json::json!({ "next": 0, "kind": "outage" }),
        serde_json::json!({ "next": 1, "kind": "earthquake" }),
        serde_json::json!({ "next": 1, "on": "tuesdays", "kind": "outage" }),
    ] {
        assert_eq!(post(SECRET_KEY, senseless).await.unwrap().status, 400);
    }
    assert_eq!(mock.get("/mock/faults").await.ok()["data"], serde_json::json!([]));
}
