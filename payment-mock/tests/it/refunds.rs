//! Giving money back.

use crate::harness::{Mock, of};

#[tokio::test]
async fn refunds_in_parts_up_to_what_was_captured() {
    let mock = Mock::start();
    let paid = mock.authorised("pm_card_visa").await;
    let id = paid["id"].as_str().unwrap();
    let early = mock.post("/v1/refunds", &[("payment_intent", id)]).await;
    assert_eq!(early.error(), (400, "payment_intent_unexpected_state"));
    mock.post(&of(&paid, "/capture"), &[]).await.ok();

    let form = [("payment_intent", id), ("amount", "2000"), ("reason", "requested_by_customer"), ("metadata[a]", "b")];
    let first = mock.post_with_key("/v1/refunds", &form, "r1").await.ok();
    assert_eq!(
        (&first["object"], &first["status"], &first["amount"]),
        (&"refund".into(), &"succeeded".into(), &2000.into())
    );
    assert_eq!(mock.post_with_key("/v1/refunds", &form, "r1").await.ok(), first, "the same refund, not another");
    let beyond = mock.post("/v1/refunds", &[("payment_intent", id), ("amount", "3001")]).await;
    assert_eq!(beyond.error(), (400, "amount_too_large"));
    let rest = mock.post("/v1/refunds", &[("charge", paid["latest_charge"].as_str().unwrap())]).await.ok();
    assert_eq!((&rest["amount"], &rest["payment_intent"]), (&3000.into(), &paid["id"]));
    let none = mock.post("/v1/refunds", &[("payment_intent", id)]).await;
    assert_eq!(none.error(), (400, "charge_already_refunded"));

    assert_eq!(mock.get(&format!("/v1/refunds/{}", first["id"].as_str().unwrap())).await.ok(), first);
    let listed = mock.get(&format!("/v1/refunds?payment_intent={id}")).await.ok();
    assert_eq!(listed["data"], serde_json::json!([rest, first]));
    assert_eq!(mock.get("/v1/refunds?payment_intent=pi_other").await.ok()["data"], serde_json::json!([]));
    assert_eq!(mock.get("/v1/refunds/re_none").await.error(), (404, "resource_missing"));
}
