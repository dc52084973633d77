//! The machine, over the API.

use reqwest::Method;
use reqwest::header::HeaderMap;

use crate::harness::{Mock, of};

#[tokio::test]
async fn an_intent_is_made_authorised_captured_and_found_again() {
    let mock = Mock::start();
    let made = mock.intent().await;
    assert_eq!(made["object"], "payment_intent");
    assert_eq!(made["status"], "requires_payment_method");
    assert_eq!(made["metadata"]["booking"], "b1");
    assert_eq!(made["livemode"], false);
    let id = made["id"].as_str().unwrap();
    assert!(made["client_secret"].as_str().unwrap().starts_with(&format!("{id}_secret_")));

    let authorised = mock.confirm(&made, "pm_card_visa").await.ok();
    assert_eq!((&authorised["status"], &authorised["amount_capturable"]), (&"requires_capture".into(), &5000.into()));
    let captured = mock.post(&of(&made, "/capture"), &[("amount_to_capture", "4000")]).await.ok();
    assert_eq!((&captured["status"], &captured["amount_received"]), (&"succeeded".into(), &4000.into()));
    assert_eq!(captured["amount_capturable"], 0);
    assert_eq!(mock.get(&of(&made, "")).await.ok(), captured);
    let charge = mock.get(&format!("/v1/charges/{}", captured["latest_charge"].as_str().unwrap())).await.ok();
    assert_eq!((&charge["payment_intent"], &charge["amount_captured"]), (&made["id"], &4000.into()));
}

#[tokio::test]
async fn automatic_capture_takes_the_money_at_once() {
    let mock = Mock::start();
    let form = [("amount", "700"), ("currency", "KRW"), ("payment_method", "pm_card_visa"), ("confirm", "true")];
    let made = mock.post("/v1/payment_intents", &form).await.ok();
    assert_eq!((&made["status"], &made["amount_received"]), (&"succeeded".into(), &700.into()));
    assert_eq!(made["currency"], "krw");
}

#[tokio::test]
async fn a_declined_card_leaves_the_intent_open_for_another() {
    let mock = Mock::start();
    let made = mock.intent().await;
    let declined = mock.confirm(&made, "pm_card_chargeDeclined").await;
    assert_eq!(declined.error(), (402, "card_declined"));
    assert_eq!(declined.body["error"]["type"], "card_error");
    assert_eq!(declined.body["error"]["payment_intent"]["status"], "requires_payment_method");
    let poor = mock.confirm(&made, "pm_card_chargeDeclinedInsufficientFunds").await;
    assert_eq!(poor.body["error"]["decline_code"], "insufficient_funds");
    let told = mock.get(&of(&made, "")).await.ok();
    assert_eq!(told["last_payment_error"]["decline_code"], "insufficient_funds");

    let authorised = mock.confirm(&made, "pm_card_visa").await.ok();
    assert_eq!(authorised["status"], "requires_capture");
    assert!(authorised["last_payment_error"].is_null());
}

#[tokio::test]
async fn a_challenge_is_passed_or_failed() {
    let mock = Mock::start();
    for (outcome, status) in [("approve", "requires_capture"), ("deny", "requires_payment_method")] {
        let made = mock.intent().await;
        let asked = mock.confirm(&made, "pm_card_threeDSecure2Required").await.ok();
        assert_eq!(asked["status"], "requires_action");
        let url = asked["next_action"]["redirect_to_url"]["url"].as_str().unwrap();
        assert!(url.starts_with(&mock.url) && url.contains("#secret=pi_"), "{url}");
        let path = format!("/pay/{}/challenge", made["id"].as_str().unwrap());
        let form = [("client_secret", made["client_secret"].as_str().unwrap()), ("outcome", outcome)];
        let answered = mock.send(mock.client.post(mock.path(&path)).form(&form)).await.unwrap().ok();
        assert_eq!(answered["status"], status);
    }
}

#[tokio::test]
async fn cancelling_voids_what_is_open_and_refuses_what_is_not() {
    let mock = Mock::start();
    let open = mock.intent().await;
    let cancelled = mock.post(&of(&open, "/cancel"), &[("cancellation_reason", "abandoned")]).await.ok();
    assert_eq!((&cancelled["status"], &cancelled["cancellation_reason"]), (&"canceled".into(), &"abandoned".into()));
    assert_eq!(mock.confirm(&open, "pm_card_visa").await.error(), (400, "payment_intent_unexpected_state"));
    assert_eq!(mock.post(&of(&open, "/cancel"), &[]).await.error(), (400, "payment_intent_unexpected_state"));

    let authorised = mock.authorised("pm_card_visa").await;
    let voided = mock.post(&of(&authorised, "/cancel"), &[]).await.ok();
    assert_eq!((&voided["amount_capturable"], &voided["amount_received"]), (&0.into(), &0.into()));
    assert_eq!(mock.post(&of(&authorised, "/capture"), &[]).await.error(), (400, "payment_intent_unexpected_state"));

    let paid = mock.authorised("pm_card_visa").await;
    mock.post(&of(&paid, "/capture"), &[]).await.ok();
    let refused = mock.post(&of(&paid, "/cancel"), &[]).await;
    assert_eq!(refused.error(), (400, "payment_intent_unexpected_state"));
    assert_eq!(refused.body["error"]["payment_intent"]["status"], "succeeded");
}

#[tokio::test]
async fn more_than_was_authorised_cannot_be_captured() {
    let mock = Mock::start();
    let authorised = mock.authorised("pm_card_visa").await;
    for amount in ["5001", "0", "-1"] {
        let refused = mock.post(&of(&authorised, "/capture"), &[("amount_to_capture", amount)]).await;
        assert_eq!(refused.error(), (400, "amount_too_large"), "{amount}");
    }
    assert_eq!(mock.status(&authorised).await, "requires_capture");
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_named() {
    let mock = Mock::start();
    let param = async |form: &[(&str, &str)]| {
        let answer = mock.post("/v1/payment_intents", form).await;
        assert_eq!(answer.status, 400, "{form:?}");
        answer.body["error"]["param"].as_str().unwrap().to_owned()
    };
    assert_eq!(param(&[("currency", "eur")]).await, "amount");
    assert_eq!(param(&[("amount", "5.00"), ("currency", "eur")]).await, "amount");
    assert_eq!(param(&[("amount", "5"), ("currency", "euro")]).await, "currency");
    assert_eq!(param(&[("amount", "5"), ("currency", "eur"), ("capture", "manual")]).await, "capture");
    let made = mock.intent().await;
    assert_eq!(mock.confirm(&made, "pm_card_unknown").await.error(), (400, "resource_missing"));
    assert_eq!(mock.get("/v1/payment_intents/pi_none").await.error(), (404, "resource_missing"));
    assert_eq!(mock.get("/v1/nothing").await.status, 404);
    let keyless = mock.send(mock.client.get(mock.path(&of(&made, "")))).await.unwrap();
    let wrong = mock.send(mock.client.get(mock.path(&of(&made, ""))).bearer_auth("sk_test_wrong")).await.unwrap();
    assert_eq!((keyless.status, wrong.status), (401, 401));
}

#[tokio::test]
async fn lists_go_page_by_page_newest_first() {
    let mock = Mock::start();
    let mut made = Vec::new();
    for _ in 0..5 {
        made.insert(0, mock.intent().await["id"].clone());
    }
    let first = mock.get("/v1/payment_intents?limit=2").await.ok();
    assert_eq!(first["has_more"], true);
    let after = first["data"][1]["id"].as_str().unwrap();
    let rest = mock.get(&format!("/v1/payment_intents?limit=3&starting_after={after}")).await.ok();
    assert_eq!(rest["has_more"], false);
    let listed: Vec<_> = first["data"]
        .as_array()
        .unwrap()
        .iter()
        .chain(rest["data"].as_array().unwrap())
        .map(|it| it["id"].clone())
        .collect();
    assert_eq!(listed, made);
    let created = rest["data"][0]["created"].as_i64().unwrap();
    let later = mock.get(&format!("/v1/payment_intents?created[gte]={}", created + 60)).await.ok();
    assert!(later["data"].as_array().unwrap().is_empty());
    let earlier = mock.get(&format!("/v1/payment_intents?created[gte]={}", created - 60)).await.ok();
    assert_eq!(earlier["data"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn a_browser_needs_the_right_client_secret_and_sees_no_notes() {
    let mock = Mock::start();
    let (mine, other) = (mock.intent().await, mock.intent().await);
    let confirm = async |secret: &str| {
        let form = [("payment_method", "pm_card_visa"), ("client_secret", secret)];
        mock.send(mock.client.post(mock.path(&of(&mine, "/confirm"))).form(&form)).await.unwrap()
    };
    for forged in [other["client_secret"].as_str().unwrap(), "pi_x_secret_x", mine["id"].as_str().unwrap()] {
        assert_eq!(confirm(forged).await.error(), (404, "resource_missing"));
    }
    assert_eq!(mock.status(&mine).await, "requires_payment_method");

    let secret = mine["client_secret"].as_str().unwrap();
    let confirmed = confirm(secret).await.ok();
    assert_eq!(confirmed["status"], "requires_capture");
    assert_eq!(confirmed["metadata"], serde_json::json!({}));
    let query = mock.path(&of(&mine, &format!("?client_secret={secret}")));
    assert_eq!(mock.send(mock.client.get(query)).await.unwrap().ok()["status"], "requires_capture");
    let bearer = mock.client.get(mock.path(&of(&mine, ""))).bearer_auth(secret);
    assert_eq!(mock.send(bearer).await.unwrap().ok()["status"], "requires_capture");
    let capture = mock.client.post(mock.path(&of(&mine, "/capture"))).bearer_auth(secret);
    assert_eq!(mock.send(capture).await.unwrap().status, 401);
}

#[tokio::test]
async fn any_page_may_confirm_across_origins_and_nothing_else() {
    let mock = Mock::start();
    let made = mock.intent().await;
    let preflight = async |path: String| {
        let request = mock.client.request(Method::OPTIONS, mock.path(&path)).header("origin", "https://shop.example");
        request.header("access-control-request-method", "POST").send().await.unwrap()
    };
    let allowed = preflight(of(&made, "/confirm")).await;
    assert_eq!(allowed.status(), 204);
    let header = |headers: &HeaderMap, name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!(header(allowed.headers(), "access-control-allow-origin"), "*");
    assert!(header(allowed.headers(), "access-control-allow-methods").contains("POST"));
    assert!(header(allowed.headers(), "access-control-allow-headers").contains("idempotency-key"));
    let refused = mock.client.post(mock.path(&of(&made, "/confirm"))).send().await.unwrap();
    assert_eq!(header(refused.headers(), "access-control-allow-origin"), "*", "errors can be read as well");
    assert!(!preflight(of(&made, "/capture")).await.headers().contains_key("access-control-allow-origin"));
}
