//! Idempotency keys.

use crate::harness::{Mock, of};

const FORM: [(&str, &str); 3] = [("amount", "5000"), ("currency", "eur"), ("capture_method", "manual")];

#[tokio::test]
async fn the_same_key_tells_the_first_answer_again_even_after_a_crash() {
    let mut mock = Mock::start();
    let first = mock.post_with_key("/v1/payment_intents", &FORM, "k1").await;
    assert!(!first.replayed);
    let again = mock.post_with_key("/v1/payment_intents", &FORM, "k1").await;
    assert!(again.replayed);
    assert_eq!(again.body, first.body);
    mock.kill_and_restart();
    let after = mock.post_with_key("/v1/payment_intents", &FORM, "k1").await;
    assert_eq!((after.replayed, &after.body), (true, &first.body));
    let other = mock.post_with_key("/v1/payment_intents", &FORM, "k2").await;
    assert_ne!(other.body["id"], first.body["id"]);
}

#[tokio::test]
async fn the_same_key_with_other_parameters_is_refused() {
    let mock = Mock::start();
    mock.post_with_key("/v1/payment_intents", &FORM, "k").await.ok();
    let more = [("amount", "5001"), ("currency", "eur"), ("capture_method", "manual")];
    let refused = mock.post_with_key("/v1/payment_intents", &more, "k").await;
    assert_eq!((refused.status, &refused.body["error"]["type"]), (400, &"idempotency_error".into()));
}

#[tokio::test]
async fn errors_are_kept_once_execution_began_and_not_before() {
    let mock = Mock::start();
    let made = mock.intent().await;
    let declined =
        mock.post_with_key(&of(&made, "/confirm"), &[("payment_method", "pm_card_chargeDeclined")], "d").await;
    mock.confirm(&made, "pm_card_visa").await.ok();
    let again = mock.post_with_key(&of(&made, "/confirm"), &[("payment_method", "pm_card_chargeDeclined")], "d").await;
    assert_eq!((again.status, again.replayed, &again.body), (402, true, &declined.body));

    let invalid = mock.post_with_key("/v1/payment_intents", &[("currency", "eur")], "v").await;
    assert_eq!(invalid.status, 400);
    mock.post_with_key("/v1/payment_intents", &FORM, "v").await.ok();
}

#[tokio::test]
async fn a_key_in_use_is_refused_until_its_first_request_ends() {
    let mock = Mock::start();
    mock.script(1, "create", "slow_ms:600").await;
    let slow = mock.post_with_key("/v1/payment_intents", &FORM, "k");
    let meanwhile = async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        mock.post_with_key("/v1/payment_intents", &FORM, "k").await
    };
    let (first, second) = tokio::join!(slow, meanwhile);
    assert_eq!(second.error(), (409, "idempotency_key_in_use"));
    let third = mock.post_with_key("/v1/payment_intents", &FORM, "k").await;
    assert_eq!((third.replayed, &third.body), (true, &first.ok()));
}

#[tokio::test]
async fn a_browser_cannot_replay_the_merchants_answers() {
    let mock = Mock::start();
    let made = mock.intent().await;
    let form = [("payment_method", "pm_card_visa")];
    mock.post_with_key(&of(&made, "/confirm"), &form, "guessable").await.ok();
    let forged = mock.client.post(mock.path(&of(&made, "/confirm"))).bearer_auth("pi_x_secret_x").form(&form);
    let answer = mock.send(forged.header("idempotency-key", "guessable")).await.unwrap();
    assert_eq!((answer.status, answer.replayed), (404, false));
}
